#include "app/net/descriptor.hpp"

#include "app/net/io_loop_impl.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

namespace gatehouse::app::net {
namespace {

namespace asio = boost::asio;
using asio_descriptor = asio::posix::basic_stream_descriptor<io_executor>;
constexpr asio::as_tuple_t<asio::use_awaitable_t<core::executor>> as_result{core::use_task};

using size_result = std::expected<std::size_t, std::error_code>;

// epoll takes no regular files.
bool is_regular_file(int fd) {
    struct stat what{};
    return ::fstat(fd, &what) == 0 && S_ISREG(what.st_mode);
}

size_result read_now(int fd, std::span<char> into) {
    auto const size = ::read(fd, into.data(), into.size());
    if (size < 0) return std::unexpected(std::error_code(errno, std::system_category()));
    return static_cast<std::size_t>(size);
}

} // namespace

struct descriptor::impl {
    impl(io_loop& loop, int fd) : stream(loop.internals().io, fd), is_file(is_regular_file(fd)) {
        boost::system::error_code ignored;
        stream.non_blocking(true, ignored);
    }
    asio_descriptor stream;
    bool is_file;
};

descriptor::descriptor(io_loop& loop, int fd) : impl_(std::make_unique<impl>(loop, fd)) {}

descriptor::~descriptor() = default;

core::task<size_result> descriptor::read_some(std::span<char> into) {
    if (impl_->is_file) co_return read_now(impl_->stream.native_handle(), into);
    auto const [failure, size] =
        co_await impl_->stream.async_read_some(asio::buffer(into.data(), into.size()), as_result);
    if (failure == asio::error::eof) co_return 0;
    if (failure) co_return std::unexpected(std::error_code(failure));
    co_return size;
}

core::task<size_result> descriptor::write_some(std::string_view bytes) {
    auto const [failure, size] =
        co_await impl_->stream.async_write_some(asio::buffer(bytes.data(), bytes.size()), as_result);
    if (failure) co_return std::unexpected(std::error_code(failure));
    co_return size;
}

core::task<bool> descriptor::wait_readable() {
    auto const [failure] = co_await impl_->stream.async_wait(asio_descriptor::wait_read, as_result);
    co_return !failure;
}

void descriptor::cut() noexcept {
    boost::system::error_code ignored;
    impl_->stream.close(ignored);
}

} // namespace gatehouse::app::net
