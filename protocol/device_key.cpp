#include "protocol/device_key.hpp"

#include "protocol/encoding.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace gatehouse {
namespace {

struct free_openssl {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
    void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
};
using pkey_ptr = std::unique_ptr<EVP_PKEY, free_openssl>;
using bio_ptr = std::unique_ptr<BIO, free_openssl>;

class file_descriptor {
  public:
    explicit file_descriptor(int fd) : fd_(fd) {}
    file_descriptor(file_descriptor const&) = delete;
    file_descriptor& operator=(file_descriptor const&) = delete;
    ~file_descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const noexcept { return fd_; }
    bool is_open() const noexcept { return fd_ >= 0; }

  private:
    int fd_;
};

// A file that holds one key is not larger; anything that is isn't read.
constexpr std::size_t file_size_max = 4096;

unsigned char const* in(std::span<std::byte const, 32> bytes) {
    return reinterpret_cast<unsigned char const*>(bytes.data());
}

pkey_ptr private_key(std::span<std::byte const, 32> seed) {
    pkey_ptr key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, in(seed), seed.size()));
    if (!key) throw std::runtime_error("OpenSSL makes no Ed25519 key");
    return key;
}

std::unexpected<error> file_failure(errc code, std::filesystem::path const& file, std::string const& why) {
    return fail(code, "the device key in " + file.string() + " " + why);
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        ssize_t const wrote = ::write(fd, text.data(), text.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return ::fsync(fd) == 0;
}

// At most file_size_max + 1 bytes.
std::string read_start(int fd) {
    std::string text(file_size_max + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        ssize_t const got = ::read(fd, text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        size += static_cast<std::size_t>(got);
    }
    text.resize(size);
    return text;
}

} // namespace

device_key::device_key(std::span<std::byte const, 32> seed) {
    std::ranges::copy(seed, seed_.begin());
    std::size_t size = public_key_.size();
    auto const key = private_key(seed_);
    if (EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(public_key_.data()), &size) !=
        1) {
        throw std::runtime_error("OpenSSL gives no Ed25519 public key");
    }
}

device_key::~device_key() { OPENSSL_cleanse(seed_.data(), seed_.size()); }

std::string device_key::public_key_base64url() const { return base64url_encode(public_key_); }

std::string device_key::sign_connect_proof(connect_claims const& claims) const {
    std::string const text = connect_proof_text(claims);
    auto const key = private_key(seed_);
    std::unique_ptr<EVP_MD_CTX, free_openssl> const context(EVP_MD_CTX_new());
    std::array<unsigned char, 64> signature{};
    std::size_t size = signature.size();
    bool const done = context &&
                      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
                      EVP_DigestSign(
                          context.get(), signature.data(), &size,
                          reinterpret_cast<unsigned char const*>(text.data()), text.size()
                      ) == 1;
    if (!done) throw std::runtime_error("OpenSSL makes no Ed25519 signature");
    return base64url_encode(signature);
}

result<void> device_key::save(std::filesystem::path const& file) const {
    bio_ptr const pem(BIO_new(BIO_s_secmem()));
    auto const key = private_key(seed_);
    if (!pem ||
        PEM_write_bio_PKCS8PrivateKey(pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
        throw std::runtime_error("OpenSSL writes no PEM");
    }
    char* data = nullptr;
    auto const size = static_cast<std::size_t>(BIO_get_mem_data(pem.get(), &data));

    file_descriptor const fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)
    );
    if (!fd.is_open()) {
        if (errno == EEXIST)
            return file_failure(errc::wrong_state, file, "exists already and is not overwritten");
        return file_failure(
            errc::unavailable, file, std::string("can't be written: ") + std::strerror(errno)
        );
    }
    if (!write_all(fd.get(), {data, size})) {
        int const reason = errno;
        ::unlink(file.c_str());
        return file_failure(
            errc::unavailable, file, std::string("can't be written: ") + std::strerror(reason)
        );
    }
    return {};
}

result<device_key> device_key::load(std::filesystem::path const& file) {
    file_descriptor const fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd.is_open()) {
        if (errno == ENOENT) return file_failure(errc::not_found, file, "doesn't exist");
        return file_failure(errc::unavailable, file, std::string("can't be read: ") + std::strerror(errno));
    }
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return file_failure(errc::invalid_params, file, "is not a file");
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return file_failure(errc::forbidden, file, "can be read by others; run chmod 600 on it");
    }
    std::string text = read_start(fd.get());
    std::array<std::byte, 32> seed{};
    std::size_t size = seed.size();
    bool found = false;
    if (text.size() <= file_size_max) {
        bio_ptr const pem(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
        // An empty password, so that OpenSSL doesn't ask for one at the terminal.
        char no_password[] = "";
        pkey_ptr const key(PEM_read_bio_PrivateKey(pem.get(), nullptr, nullptr, no_password));
        found =
            key && EVP_PKEY_get_id(key.get()) == EVP_PKEY_ED25519 &&
            EVP_PKEY_get_raw_private_key(key.get(), reinterpret_cast<unsigned char*>(seed.data()), &size) ==
                1;
    }
    OPENSSL_cleanse(text.data(), text.size());
    if (!found) return file_failure(errc::invalid_params, file, "is not an Ed25519 key in PEM (PKCS #8)");
    device_key loaded(seed);
    OPENSSL_cleanse(seed.data(), seed.size());
    return loaded;
}

} // namespace gatehouse
