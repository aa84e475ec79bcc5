// The yardstick: a bare Beast WebSocket echo on one thread, without anything of ours.
//   --batch 0   each message is read, then written and awaited (what most programs do)
//   --batch 1   reads go on; what was read meanwhile is written by one write of whole frames
// Prints the address it listens on and runs until it is killed.
#include "tests/bench/arguments.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;
using executor = asio::io_context::executor_type;
using tcp_socket = asio::basic_stream_socket<asio::ip::tcp, executor>;
using task = asio::awaitable<void, executor>;

namespace {

constexpr asio::as_tuple_t<asio::use_awaitable_t<executor>> use_result{};

struct writer {
    explicit writer(tcp_socket from) : socket(std::move(from)) {}
    tcp_socket socket;
    std::string queued;
    bool is_dirty = false;
    bool is_waiting = false;
};
std::vector<std::shared_ptr<writer>> dirty;

void flush(std::shared_ptr<writer> const& out) {
    out->is_dirty = false;
    if (out->is_waiting) return;
    error_code failure;
    std::size_t written = out->socket.write_some(asio::buffer(out->queued), failure);
    out->queued.erase(0, written);
    if (out->queued.empty() || (failure && failure != asio::error::would_block)) return;
    out->is_waiting = true;
    out->socket.async_wait(tcp_socket::wait_write, [out](error_code cut) {
        out->is_waiting = false;
        if (!cut) flush(out);
    });
}

void append(std::shared_ptr<writer> const& out, std::string_view bytes) {
    out->queued += bytes;
    if (std::exchange(out->is_dirty, true)) return;
    dirty.push_back(out);
}

// Beast reads from the socket and writes to the queue.
class queueing_layer {
  public:
    using executor_type = executor;
    explicit queueing_layer(std::shared_ptr<writer> out) : out_(std::move(out)) {}
    executor_type get_executor() noexcept { return out_->socket.get_executor(); }
    template <class Buffers, class Token>
    auto async_read_some(Buffers const& into, Token&& token) {
        return out_->socket.async_read_some(into, std::forward<Token>(token));
    }
    template <class Buffers, class Token>
    auto async_write_some(Buffers const& from, Token&& token) {
        auto start = [this](auto handler, Buffers const& bytes) {
            std::size_t n = 0;
            for (auto piece : beast::buffers_range(bytes)) {
                append(out_, {static_cast<char const*>(piece.data()), piece.size()});
                n += piece.size();
            }
            asio::post(get_executor(), [handler = std::move(handler), n]() mutable {
                std::move(handler)(error_code(), n);
            });
        };
        return asio::async_initiate<Token, void(error_code, std::size_t)>(std::move(start), token, from);
    }

  private:
    std::shared_ptr<writer> out_;
};
template <class Handler>
void async_teardown(beast::role_type, queueing_layer& layer, Handler&& handler) {
    asio::post(layer.get_executor(), [handler = std::forward<Handler>(handler)]() mutable {
        std::move(handler)(error_code());
    });
}
void beast_close_socket(queueing_layer&) {}

std::string frame_of(beast::flat_buffer const& message) {
    std::size_t size = message.size();
    std::string frame("\x81");
    if (size < 126) {
        frame += static_cast<char>(size);
    } else {
        int bytes = size <= 0xffff ? 2 : 8;
        frame += static_cast<char>(bytes == 2 ? 126 : 127);
        for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) frame += static_cast<char>(size >> shift);
    }
    return frame.append(static_cast<char const*>(message.cdata().data()), size);
}

task echo_awaiting(tcp_socket socket) {
    websocket::stream<tcp_socket, false> stream(std::move(socket));
    auto [refused] = co_await stream.async_accept(use_result);
    if (refused) co_return;
    stream.text(true);
    beast::flat_buffer message;
    while (true) {
        auto [gone, read] = co_await stream.async_read(message, use_result);
        if (gone) co_return;
        auto [failure, written] = co_await stream.async_write(message.cdata(), use_result);
        if (failure) co_return;
        message.clear();
    }
}

task echo_queueing(tcp_socket socket) {
    auto out = std::make_shared<writer>(std::move(socket));
    websocket::stream<queueing_layer, false> stream(out);
    auto [refused] = co_await stream.async_accept(use_result);
    if (refused) co_return;
    beast::flat_buffer message;
    while (true) {
        auto [gone, read] = co_await stream.async_read(message, use_result);
        if (gone) co_return;
        append(out, frame_of(message));
        message.clear();
    }
}

task accept_all(asio::basic_socket_acceptor<asio::ip::tcp, executor>& acceptor, bool queues) {
    while (true) {
        auto [failure, socket] = co_await acceptor.async_accept(use_result);
        if (failure) continue;
        socket.set_option(asio::ip::tcp::no_delay(true));
        socket.non_blocking(true);
        auto session = queues ? echo_queueing(std::move(socket)) : echo_awaiting(std::move(socket));
        asio::co_spawn(acceptor.get_executor(), std::move(session), [](std::exception_ptr) {});
    }
}

} // namespace

int main(int argc, char** argv) {
    bool const queues = gatehouse::bench::arguments(argc, argv).number("batch", 0) != 0;
    asio::io_context io(1);
    asio::basic_socket_acceptor<asio::ip::tcp, executor> acceptor(
        io.get_executor(), {asio::ip::address_v4::loopback(), 0}
    );
    std::printf("127.0.0.1:%d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    asio::co_spawn(io.get_executor(), accept_all(acceptor, queues), [](std::exception_ptr) {});
    while (io.run_one() != 0) {
        for (int i = 0; i < 256 && io.poll_one() != 0; ++i) {
        }
        for (auto const& each : std::exchange(dirty, {})) flush(each);
    }
}
