#pragma once
// A file descriptor that is awaited on the loop: a pipe of a child process, a pidfd, a terminal.
#include "app/net/io_loop.hpp"
#include "core/execution/task.hpp"

#include <cstddef>
#include <expected>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>

namespace gatehouse::app::net {

// Loop only. At most one operation of a kind at a time, which ends before the descriptor is destroyed.
class descriptor {
  public:
    // Owns `fd` from here on and makes it non-blocking.
    descriptor(io_loop& loop, int fd);
    ~descriptor();
    descriptor(descriptor const&) = delete;
    descriptor& operator=(descriptor const&) = delete;

    // Bytes read, 0 at the end. A regular file, which is always ready, is read at once.
    core::task<std::expected<std::size_t, std::error_code>> read_some(std::span<char> into);
    core::task<std::expected<std::size_t, std::error_code>> write_some(std::string_view bytes);

    // True when it can be read; false after cut().
    core::task<bool> wait_readable();

    // Closes it; what is under way fails with operation_canceled. May be called again.
    void cut() noexcept;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace gatehouse::app::net
