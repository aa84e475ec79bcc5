#include "persistence/artifact_directory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace gatehouse::persistence {

namespace {

class file {
  public:
    file(std::filesystem::path const& path, int flags)
        : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
    ~file() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    file(file const&) = delete;
    file& operator=(file const&) = delete;
    int get() const { return descriptor_; }

  private:
    int descriptor_;
};

[[noreturn]] void refuse(std::filesystem::path const& path) {
    throw std::runtime_error("cannot write the artifact " + path.string() + ": " + std::strerror(errno));
}

void write_all(file const& to, std::string_view bytes, std::filesystem::path const& path) {
    while (!bytes.empty()) {
        auto written = ::write(to.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) refuse(path);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

} // namespace

void artifact_directory::write(std::string const& artifact_id, std::string_view bytes) const {
    std::filesystem::create_directories(path_);
    auto target = path_ / artifact_id;
    auto draft = path_ / (artifact_id + ".new");
    {
        file to(draft, O_CREAT | O_TRUNC | O_WRONLY);
        if (to.get() < 0) refuse(draft);
        write_all(to, bytes, draft);
        if (::fsync(to.get()) != 0) refuse(draft);
    }
    if (::rename(draft.c_str(), target.c_str()) != 0) refuse(target);
    file directory(path_, O_RDONLY | O_DIRECTORY);
    if (directory.get() < 0 || ::fsync(directory.get()) != 0) refuse(path_);
}

std::string
artifact_directory::read(std::string const& artifact_id, std::int64_t offset, std::int64_t length) const {
    file from(path_ / artifact_id, O_RDONLY);
    if (from.get() < 0 || length <= 0 || offset < 0) return {};
    std::string bytes(static_cast<std::size_t>(length), '\0');
    auto got = ::pread(from.get(), bytes.data(), bytes.size(), offset);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
}

} // namespace gatehouse::persistence
