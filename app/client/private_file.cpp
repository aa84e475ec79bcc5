#include "app/client/private_file.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gatehouse::app::client {
namespace {

// Tokens and addresses are short; anything longer is the wrong file.
constexpr std::size_t text_bytes_max = 4096;

std::unexpected<error> failure_of(char const* verb, std::filesystem::path const& file, int code) {
    auto const what = code == ENOENT ? errc::not_found : errc::unavailable;
    return fail(what, fmt::format("{} {} failed: {}.", verb, file.string(), std::strerror(code)));
}

} // namespace

result<std::string> read_private_file(std::filesystem::path const& file) {
    int const fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return failure_of("Reading", file, errno);
    std::array<char, text_bytes_max + 1> bytes;
    auto const size = ::read(fd, bytes.data(), bytes.size());
    int const code = errno;
    ::close(fd);
    if (size < 0) return failure_of("Reading", file, code);
    if (size > static_cast<ssize_t>(text_bytes_max)) return failure_of("Reading", file, EFBIG);
    std::string_view text(bytes.data(), static_cast<std::size_t>(size));
    constexpr std::string_view white = " \t\r\n";
    auto const begin = std::min(text.find_first_not_of(white), text.size());
    text.remove_prefix(begin);
    return std::string(text.substr(0, text.find_last_not_of(white) + 1));
}

result<void> write_private_file(std::filesystem::path const& file, std::string_view text) {
    auto const next = file.string() + ".new";
    int const fd = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return failure_of("Writing", file, errno);
    int code = ::fchmod(fd, 0600) == 0 ? 0 : errno;
    if (code == 0 && ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) code = errno;
    if (code == 0 && ::fsync(fd) != 0) code = errno;
    ::close(fd);
    if (code == 0 && ::rename(next.c_str(), file.c_str()) != 0) code = errno;
    if (code != 0) return failure_of("Writing", file, code);
    return {};
}

result<void> make_private_directory(std::filesystem::path const& directory) {
    std::error_code failure;
    auto const parent = directory.parent_path();
    if (!parent.empty()) std::filesystem::create_directories(parent, failure);
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        return failure_of("Making", directory, errno);
    if (!std::filesystem::is_directory(directory, failure)) return failure_of("Making", directory, ENOTDIR);
    return {};
}

} // namespace gatehouse::app::client
