#include "app/node/rooted_directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gatehouse::app::node {
namespace {

class owned_fd {
  public:
    explicit owned_fd(int fd) : fd_(fd) {}
    owned_fd(owned_fd&& other) noexcept : fd_(other.release()) {}
    owned_fd& operator=(owned_fd&&) = delete;
    ~owned_fd() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }

  private:
    int fd_;
};

std::unexpected<error> failure_of(std::string_view verb, std::string const& path, int code) {
    bool const outside = code == EXDEV || code == ELOOP;
    auto const why =
        outside ? std::string("it leads out of the node's root") : std::string(std::strerror(code));
    boost::json::value details = nullptr;
    if (outside) details = {{"reason", "outside"}};
    return fail(errc::capability_failed, fmt::format("{} \"{}\": {}.", verb, path, why), std::move(details));
}

result<owned_fd> open_beneath(int root, std::string_view verb, std::string const& path, std::uint64_t flags) {
    if (path.empty() || path.find('\0') != std::string::npos) return failure_of(verb, path, EINVAL);
    open_how how{};
    how.flags = flags | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    // The kernel answers EAGAIN where a rename elsewhere made its check of ".." uncertain.
    for (int tries = 0;; ++tries) {
        auto const fd = static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how)));
        if (fd >= 0) return owned_fd(fd);
        if (errno != EAGAIN || tries == 16) return failure_of(verb, path, errno);
    }
}

// Parent and last name of a path to a file that need not be there.
result<std::pair<std::string, std::string>> split(std::string_view verb, std::string const& path) {
    if (path.find('\0') != std::string::npos) return failure_of(verb, path, EINVAL);
    auto const slash = path.rfind('/');
    auto name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (name.empty() || name == "." || name == "..") return failure_of(verb, path, EISDIR);
    if (name.size() > 255) return failure_of(verb, path, ENAMETOOLONG);
    auto parent =
        slash == std::string::npos ? std::string(".") : path.substr(0, std::max<std::size_t>(slash, 1));
    return std::pair(std::move(parent), std::move(name));
}

int write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        auto const size = ::write(fd, bytes.data(), bytes.size());
        if (size < 0 && errno != EINTR) return errno;
        if (size > 0) bytes.remove_prefix(static_cast<std::size_t>(size));
    }
    return ::fsync(fd) == 0 ? 0 : errno;
}

std::string_view type_name(mode_t mode) {
    if (S_ISREG(mode)) return "file";
    if (S_ISDIR(mode)) return "directory";
    return S_ISLNK(mode) ? "link" : "other";
}

timestamp modification_time(struct stat const& what) {
    return from_ms(what.st_mtim.tv_sec * 1000 + what.st_mtim.tv_nsec / 1'000'000);
}

// Names of what this process is writing, so that two calls never share one.
std::string temporary_name() {
    static std::atomic<std::uint64_t> last{0};
    return fmt::format(".gatehouse-{}-{}", ::getpid(), ++last);
}

} // namespace

rooted_directory::rooted_directory(std::string const& root)
    : root_(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    if (root_ < 0) {
        throw std::runtime_error(
            fmt::format("The root directory {} can't be opened: {}.", root, std::strerror(errno))
        );
    }
}

rooted_directory::~rooted_directory() { ::close(root_); }

result<file_part>
rooted_directory::read(std::string const& path, std::uint64_t offset, std::size_t bytes_max) const {
    // A FIFO would block without O_NONBLOCK.
    auto const file = open_beneath(root_, "Reading", path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!file) return std::unexpected(file.error());
    struct stat what{};
    if (::fstat(file->get(), &what) != 0) return failure_of("Reading", path, errno);
    if (S_ISDIR(what.st_mode)) return failure_of("Reading", path, EISDIR);
    if (!S_ISREG(what.st_mode))
        return fail(errc::capability_failed, fmt::format("\"{}\" is no regular file.", path));
    file_part part;
    part.size = static_cast<std::uint64_t>(what.st_size);
    part.bytes.resize(bytes_max);
    std::size_t got = 0;
    while (got < bytes_max) {
        auto const size =
            ::pread(file->get(), part.bytes.data() + got, bytes_max - got, static_cast<off_t>(offset + got));
        if (size == 0) break;
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return failure_of("Reading", path, errno);
        got += static_cast<std::size_t>(size);
    }
    part.bytes.resize(got);
    return part;
}

result<std::vector<directory_entry>>
rooted_directory::list(std::string const& path, std::size_t entries_max) const {
    auto folder = open_beneath(root_, "Listing", path, O_RDONLY | O_DIRECTORY);
    if (!folder) return std::unexpected(folder.error());
    std::unique_ptr<DIR, decltype(&::closedir)> open(::fdopendir(folder->get()), ::closedir);
    if (!open) return failure_of("Listing", path, errno);
    auto const fd = folder->release();
    std::vector<directory_entry> entries;
    while (auto const* each = ::readdir(open.get())) {
        std::string_view const name = each->d_name;
        if (name != "." && name != "..") entries.push_back({std::string(name), "other", 0, {}});
    }
    std::ranges::sort(entries, {}, &directory_entry::name);
    if (entries.size() > entries_max) entries.resize(entries_max);
    for (auto& entry : entries) {
        struct stat what{};
        if (::fstatat(fd, entry.name.c_str(), &what, AT_SYMLINK_NOFOLLOW) != 0) continue; // gone meanwhile
        entry.type = type_name(what.st_mode);
        entry.size = static_cast<std::uint64_t>(what.st_size);
        entry.modified_at = modification_time(what);
    }
    return entries;
}

result<void> rooted_directory::replace(std::string const& path, std::string_view bytes) const {
    auto const parts = split("Writing", path);
    if (!parts) return std::unexpected(parts.error());
    auto const& [parent, name] = *parts;
    auto const folder = open_beneath(root_, "Writing", parent, O_RDONLY | O_DIRECTORY);
    if (!folder) return std::unexpected(folder.error());
    struct stat what{};
    mode_t mode = 0644;
    if (::fstatat(folder->get(), name.c_str(), &what, AT_SYMLINK_NOFOLLOW) == 0) {
        if (S_ISDIR(what.st_mode)) return failure_of("Writing", path, EISDIR);
        if (S_ISREG(what.st_mode)) mode = what.st_mode & 0777;
    }
    auto const temporary = temporary_name();
    int const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    owned_fd const file(::openat(folder->get(), temporary.c_str(), flags, 0600));
    if (file.get() < 0) return failure_of("Writing", path, errno);
    auto code = write_all(file.get(), bytes);
    if (code == 0 && ::fchmod(file.get(), mode) != 0) code = errno;
    if (code == 0 && ::renameat(folder->get(), temporary.c_str(), folder->get(), name.c_str()) != 0)
        code = errno;
    if (code != 0) {
        ::unlinkat(folder->get(), temporary.c_str(), 0);
        return failure_of("Writing", path, code);
    }
    if (::fsync(folder->get()) != 0) return failure_of("Writing", path, errno);
    return {};
}

result<int> rooted_directory::open_directory(std::string const& path) const {
    auto folder = open_beneath(root_, "Opening", path, O_RDONLY | O_DIRECTORY);
    if (!folder) return std::unexpected(folder.error());
    return folder->release();
}

} // namespace gatehouse::app::node
