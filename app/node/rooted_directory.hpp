#pragma once
// A directory that nothing leads out of: neither "..", nor an absolute path, nor a symbolic link. The kernel
// resolves each path beneath the directory's descriptor (openat2), so there is no moment between a check and
// its use.
#include "protocol/error.hpp"
#include "protocol/timestamp.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::app::node {

struct file_part {
    std::string bytes;
    std::uint64_t size = 0; // of the whole file
};

struct directory_entry {
    std::string name; // bytes as the file system has them
    std::string type; // "file", "directory", "link", "other"
    std::uint64_t size = 0;
    timestamp modified_at{};
};

// Paths are relative to the root; "." is the root itself. Failures are capability_failed with a sentence, and
// `details.reason` "outside" where a path leads out. Any thread; every call blocks for as long as the disk
// takes.
class rooted_directory {
  public:
    // Throws std::runtime_error with a sentence where `root` can't be opened.
    explicit rooted_directory(std::string const& root);
    ~rooted_directory();
    rooted_directory(rooted_directory const&) = delete;
    rooted_directory& operator=(rooted_directory const&) = delete;

    // At most `bytes_max` from `offset` on. Only regular files are read.
    result<file_part> read(std::string const& path, std::uint64_t offset, std::size_t bytes_max) const;

    // At most `entries_max`, sorted by name; one more than that tells the caller that there are more.
    result<std::vector<directory_entry>> list(std::string const& path, std::size_t entries_max) const;

    // Puts a whole new file in the place of whatever file or link has that name: readers see the old one or
    // the new one. It is on the disk when this returns.
    result<void> replace(std::string const& path, std::string_view bytes) const;

    // A descriptor of a directory, for a child process to stand in. The caller closes it.
    result<int> open_directory(std::string const& path) const;

  private:
    int root_;
};

} // namespace gatehouse::app::node
