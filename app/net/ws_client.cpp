#include "app/net/ws_client.hpp"

#include "app/net/io_loop_impl.hpp"
#include "core/execution/task_group.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <utility>

namespace gatehouse::app::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;

// A byte_stream in the form Beast asks of a next layer.
class stream_layer {
  public:
    using executor_type = io_executor;

    stream_layer(std::shared_ptr<byte_stream> stream, io_executor executor)
        : stream_(std::move(stream)), executor_(executor) {}

    executor_type get_executor() const noexcept { return executor_; }
    void cut() noexcept { stream_->cut(); }

    template <class Buffers, class Token>
    auto async_read_some(Buffers const& into, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(
            [](auto handler, byte_stream* stream, asio::mutable_buffer first) {
                auto held = std::make_shared<decltype(handler)>(std::move(handler));
                stream->read_some(first, [held](error_code failure, std::size_t size) {
                    (*held)(failure, size);
                });
            },
            token, stream_.get(), first_of<asio::mutable_buffer>(into)
        );
    }

    template <class Buffers, class Token>
    auto async_write_some(Buffers const& from, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(
            [](auto handler, byte_stream* stream, asio::const_buffer first) {
                auto held = std::make_shared<decltype(handler)>(std::move(handler));
                stream->write_some(first, [held](error_code failure, std::size_t size) {
                    (*held)(failure, size);
                });
            },
            token, stream_.get(), first_of<asio::const_buffer>(from)
        );
    }

    friend void teardown(beast::role_type, stream_layer& layer, error_code& failure) {
        failure = {};
        layer.cut();
    }
    template <class Handler>
    friend void async_teardown(beast::role_type, stream_layer& layer, Handler&& handler) {
        layer.cut();
        asio::post(layer.executor_, [held = std::forward<Handler>(handler)]() mutable {
            held(error_code());
        });
    }
    friend void beast_close_socket(stream_layer& layer) { layer.cut(); }

  private:
    // The first piece that isn't empty: one system call moves one piece.
    template <class Buffer, class Buffers>
    static Buffer first_of(Buffers const& all) {
        for (auto piece = asio::buffer_sequence_begin(all); piece != asio::buffer_sequence_end(all);
             ++piece) {
            Buffer const each = *piece;
            if (each.size() > 0) return each;
        }
        return Buffer();
    }

    std::shared_ptr<byte_stream> stream_;
    io_executor executor_;
};

namespace {

using stream_type = websocket::stream<stream_layer, false>;
constexpr asio::as_tuple_t<asio::use_awaitable_t<core::executor>> as_result{core::use_task};

class client final : public ws_client {
  public:
    client(io_loop& loop, ws_client_options options, std::shared_ptr<byte_stream> bytes)
        : loop_(loop),
          options_(std::move(options)),
          stream_(stream_layer(std::move(bytes), loop.internals().io.get_executor())),
          may_write_(loop),
          writer_(loop, [](std::exception_ptr) {}) {
        stream_.read_message_max(options_.message_bytes_max);
        stream_.auto_fragment(false);
        stream_.control_callback([this](websocket::frame_type, beast::string_view) {
            last_heard_ = loop_.now();
        });
    }
    ~client() override {
        if (silence_timer_) loop_.stop_timer(*silence_timer_);
        if (close_timer_) loop_.stop_timer(*close_timer_);
    }

    core::task<std::expected<void, ws_refusal>>
    shake_hands(web_address const& to, stream_guard const& guard) {
        stream_.set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
            request.set(beast::http::field::user_agent, "gatehouse/" GATEHOUSE_VERSION);
            for (auto const& [name, value] : options_.headers) request.set(name, value);
            if (!options_.subprotocols.empty()) {
                request.set(
                    beast::http::field::sec_websocket_protocol,
                    fmt::format("{}", fmt::join(options_.subprotocols, ", "))
                );
            }
        }));
        websocket::response_type answer;
        auto const [failure] =
            co_await stream_.async_handshake(answer, to.host_header(), to.target, as_result);
        if (failure) co_return std::unexpected(refusal(to, failure, answer, guard));
        auto const selected = std::string(answer[beast::http::field::sec_websocket_protocol]);
        if (!options_.subprotocols.empty() && std::ranges::count(options_.subprotocols, selected) == 0) {
            auto const why = fmt::format("{}:{} speaks none of the offered subprotocols.", to.host, to.port);
            co_return std::unexpected(ws_refusal{{transport_error::kind::protocol, why}, std::nullopt});
        }
        co_return std::expected<void, ws_refusal>();
    }

    void start() {
        last_heard_ = loop_.now();
        watch_silence();
        writer_.spawn(write_queued());
    }

    bool send(std::string text) override {
        if (closing_ || broken_ || queued_bytes_ + text.size() > options_.outbound_bytes_max) return false;
        queued_bytes_ += text.size();
        queue_.push_back(std::move(text));
        may_write_.notify();
        return true;
    }

    core::task<std::expected<std::string, close_reason>> receive() override {
        beast::flat_buffer message;
        auto const [failure, size] = co_await stream_.async_read(message, as_result);
        last_heard_ = loop_.now();
        if (failure) {
            broken_ = true;
            may_write_.notify();
            co_return std::unexpected(end_reason(failure));
        }
        if (!stream_.got_text()) {
            close({1003, "only text messages are understood"});
            auto const mine = *closing_;
            while (!broken_) {
                auto const ended = co_await receive_discarding();
                if (ended) break;
            }
            co_return std::unexpected(mine);
        }
        co_return std::string(static_cast<char const*>(message.data().data()), size);
    }

    void close(close_reason why) override {
        if (closing_ || broken_) return;
        closing_ = std::move(why);
        close_timer_ = loop_.start_timer(loop_.now() + options_.close_timeout, [this] { cut(); });
        may_write_.notify();
    }

    void cut() override {
        broken_ = true;
        stream_.next_layer().cut();
        may_write_.notify();
    }

    core::task<> end() override {
        cut();
        co_await writer_.wait();
    }

  private:
    ws_refusal refusal(
        web_address const& to, error_code failure, websocket::response_type const& answer,
        stream_guard const& guard
    ) const {
        if (failure != websocket::error::upgrade_declined) {
            auto const why =
                fmt::format("The WebSocket to {}:{} did not open: {}.", to.host, to.port, failure.message());
            return {guard.explain({transport_error::kind::closed, why}), std::nullopt};
        }
        client_response declined;
        declined.status = static_cast<int>(answer.result_int());
        declined.body = answer.body();
        auto const why =
            fmt::format("{}:{} refused the WebSocket with HTTP {}.", to.host, to.port, declined.status);
        return {{transport_error::kind::protocol, why}, std::move(declined)};
    }

    close_reason end_reason(error_code failure) const {
        if (failure == websocket::error::closed) {
            auto const& theirs = stream_.reason();
            if (theirs.code != websocket::close_code::none)
                return {theirs.code, std::string(theirs.reason.c_str())};
            return {1005, "closed without a reason"};
        }
        if (silent_) return {1006, "the other side has fallen silent"};
        if (closing_) return *closing_;
        return {1006, fmt::format("the connection broke ({})", failure.message())};
    }

    core::task<bool> receive_discarding() {
        beast::flat_buffer message;
        auto const [failure, size] = co_await stream_.async_read(message, as_result);
        if (failure) broken_ = true;
        co_return static_cast<bool>(failure);
    }

    // The one who writes. The close frame goes last.
    core::task<> write_queued() {
        while (!broken_) {
            if (queue_.empty() && closing_) break;
            if (queue_.empty()) {
                co_await may_write_.wait();
                continue;
            }
            auto const text = std::move(queue_.front());
            queue_.pop_front();
            stream_.text(true);
            auto const [failure, size] = co_await stream_.async_write(asio::buffer(text), as_result);
            queued_bytes_ -= text.size();
            if (failure) co_return cut();
        }
        if (broken_) co_return;
        websocket::close_reason mine(static_cast<websocket::close_code>(closing_->code));
        mine.reason.assign(
            closing_->text.data(), std::min<std::size_t>(closing_->text.size(), mine.reason.max_size())
        );
        co_await stream_.async_close(mine, as_result);
    }

    void watch_silence() {
        silence_timer_ = loop_.start_timer(last_heard_ + options_.silence_timeout, [this] {
            silence_timer_.reset();
            if (broken_) return;
            if (last_heard_ + options_.silence_timeout > loop_.now()) return watch_silence();
            silent_ = true;
            cut();
        });
    }

    io_loop& loop_;
    ws_client_options const options_;
    stream_type stream_;
    std::deque<std::string> queue_;
    std::size_t queued_bytes_ = 0;
    std::optional<close_reason> closing_;
    bool broken_ = false; // nothing more can be written
    bool silent_ = false;
    core::steady_time last_heard_{};
    std::optional<core::loop::timer_id> silence_timer_;
    std::optional<core::loop::timer_id> close_timer_;
    core::wakeup may_write_;
    core::task_group writer_;
};

} // namespace

core::task<std::expected<std::unique_ptr<ws_client>, ws_refusal>>
connect_websocket(io_loop& loop, ws_client_options options, core::cancellation& stop) {
    auto const to = parse_web_address(options.url);
    if (!to) {
        auto const why = "Not connected: " + to.error() + ".";
        co_return std::unexpected(ws_refusal{{transport_error::kind::bad_request, why}, std::nullopt});
    }
    auto const deadline = loop.now() + options.connect_timeout;
    auto bytes = co_await open_stream(loop, *to, options.tls, deadline, stop);
    if (!bytes) co_return std::unexpected(ws_refusal{std::move(bytes.error()), std::nullopt});
    auto opened = std::make_unique<client>(loop, std::move(options), *bytes);
    stream_guard const guard(loop, **bytes, deadline, stop);
    if (auto done = co_await opened->shake_hands(*to, guard); !done)
        co_return std::unexpected(std::move(done.error()));
    opened->start();
    co_return std::move(opened);
}

} // namespace gatehouse::app::net
