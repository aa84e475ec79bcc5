#include "app/net/websocket_connection.hpp"

#include "app/net/connection.hpp"
#include "app/net/outbound_buffer.hpp"
#include "app/net/websocket_layer.hpp"
#include "core/execution/fail_point.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

namespace gatehouse::app::net {

namespace {

namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using std::chrono::milliseconds;

// How long a peer may take to answer our close frame, to read what is left, and to close its side.
constexpr milliseconds close_patience{1'000};
// Frames of one peer in one turn of the loop. Whoever has more waits for the others.
constexpr int frames_per_turn_max = 128;
// Pings, pongs and empty fragments within one second; an honest peer sends one or two.
constexpr std::uint64_t unproductive_frames_per_second_max = 200;
// What a message's buffer may keep between messages.
constexpr std::size_t idle_message_bytes_max = 2048;

// Beast gives a code alone; the contract gives every close a text.
std::string_view text_of_failure(std::uint16_t code) {
    switch (code) {
    case 1002:
        return "a frame breaks RFC 6455";
    case 1007:
        return "text is not UTF-8";
    case 1009:
        return "message is larger than max_frame_bytes";
    default:
        return "closed by the peer";
    }
}

// Loop only. Two readers share the socket's bytes: the hot path here takes each text message that came whole
// in one frame; all else (fragments, control frames, whatever breaks the rules) goes frame by frame to Beast,
// which waits at a frame's start then. `scanner_` knows where frames end, so no byte has two readings.
class websocket_connection final : public connection, public outbound, public websocket_layer::owner {
  public:
    websocket_connection(upgraded_socket from)
        : connection(std::move(from.server), from.connection_id, true),
          socket_(std::move(from.socket)),
          stream_(*this, socket_.get_executor()),
          session_(std::move(from.session)),
          unauthenticated_(std::move(from.unauthenticated)),
          opened_(server().loop.now()),
          last_received_(opened_),
          last_ping_(opened_) {}

    void open(std::string_view key);

    void offer(std::string_view text) override;
    void offer_ephemeral(std::string_view text) override;
    void close(close_reason why) override { begin_close(std::move(why)); }
    std::size_t queued_bytes() const override { return out_.size(); }

    void check_deadlines(core::steady_time now) override;
    void begin_stop() override { begin_close({1001, "shutting down"}); }
    void cut() override;
    void flush() override;
    void on_freeze_changed() override;

    void on_layer_write(std::string_view bytes) override;
    void on_layer_reads() override;

  private:
    enum class phase {
        open,
        closing,   // our close frame is queued; the peer's is awaited
        finishing, // no more frames are read; the rest is written, then the peer closes
        gone,
    };

    std::shared_ptr<websocket_connection> self() {
        return std::static_pointer_cast<websocket_connection>(shared_from_this());
    }

    void read_message();
    void on_message(error_code failure);
    void on_read_ended(error_code why);
    void wait_readable();
    void on_readable();
    void take(std::span<char> bytes);
    std::size_t take_frame(std::span<char> bytes);
    std::size_t take_whole_text(std::span<char> bytes);
    void take_kept();
    void note_unproductive_frames();
    void deliver(std::string_view text);
    void mark_dirty();
    void begin_close(close_reason why);
    void finish(close_reason why);
    void peer_gone(error_code why);
    void end_session(close_reason why);

    tcp_socket socket_;
    websocket::stream<websocket_layer, false> stream_;
    boost::beast::flat_buffer message_;
    outbound_buffer out_;
    frame_scanner scanner_;
    std::string kept_; // bytes that were read and not taken yet; the socket is not read meanwhile
    std::unique_ptr<peer_session> session_; // gone after its on_close
    address_budget::ticket unauthenticated_;
    core::steady_time opened_;
    core::steady_time last_received_;
    core::steady_time last_ping_;
    core::steady_time close_deadline_;
    core::steady_time unproductive_since_;
    std::uint64_t unproductive_before_ = 0;
    phase phase_ = phase::open;
    bool is_shaking_hands_ = true;
    bool is_authenticated_ = false;
    bool is_dirty_ = false;
    bool is_taking_ = false;      // take() is on the stack
    bool will_take_kept_ = false; // take_kept() is posted
    bool awaits_readable_ = false;
    bool awaits_writable_ = false;
    bool is_closed_by_both_ =
        false; // once our close frame is written, RFC 6455 has the server end the connection
    bool is_session_ending_ = false;
};

void websocket_connection::open(std::string_view key) {
    namespace http = boost::beast::http;
    http::request<http::empty_body> upgrade(http::verb::get, "/ws", 11);
    upgrade.set(http::field::host, "gatehouse");
    upgrade.set(http::field::connection, "upgrade");
    upgrade.set(http::field::upgrade, "websocket");
    upgrade.set(http::field::sec_websocket_version, "13");
    upgrade.set(http::field::sec_websocket_key, key);
    stream_.set_option(websocket::stream_base::decorator([](websocket::response_type& answer) {
        answer.set(http::field::sec_websocket_protocol, "gatehouse.v1");
    }));
    stream_.read_message_max(server().options.max_frame_bytes);
    error_code failure;
    stream_.accept(upgrade, failure);
    if (failure) throw std::runtime_error("the upgrade that was checked is refused: " + failure.message());
    is_shaking_hands_ = false;
    mark_dirty();
    session_->on_open(*this);
    read_message();
    wait_readable();
}

void websocket_connection::offer(std::string_view text) {
    if (phase_ != phase::open) return;
    out_.append(frame_opcode::text, text);
    mark_dirty();
    if (out_.size() <= server().options.outbound_bytes_max) return;
    // Only what the peer left unread counts against it, not what this turn made.
    flush();
    if (phase_ != phase::open || out_.size() <= server().options.outbound_bytes_max) return;
    out_.drop_unstarted();
    begin_close({1013, "slow reader: too much is waiting to be read"});
}

void websocket_connection::offer_ephemeral(std::string_view text) {
    if (out_.size() <= server().options.outbound_bytes_max / 4) offer(text);
}

void websocket_connection::check_deadlines(core::steady_time now) {
    if (phase_ == phase::closing || phase_ == phase::finishing) {
        if (now >= close_deadline_) cut();
        return;
    }
    if (phase_ != phase::open || server().frozen) return;
    auto const& options = server().options;
    if (!is_authenticated_) is_authenticated_ = session_ && session_->is_authenticated();
    if (is_authenticated_) unauthenticated_.reset();
    if (!is_authenticated_ && now - opened_ >= options.handshake_timeout) {
        return begin_close({4408, "handshake time-out"});
    }
    if (now - last_received_ >= 2 * options.heartbeat) return begin_close({4408, "heartbeat time-out"});
    if (now - last_received_ >= options.heartbeat && now - last_ping_ >= options.heartbeat) {
        last_ping_ = now;
        out_.append(frame_opcode::ping, {});
        mark_dirty();
    }
}

// Closes the socket. A peer that has not read everything gets a reset, so that the kernel doesn't keep
// sending for us.
void websocket_connection::cut() {
    if (phase_ == phase::gone) return;
    phase_ = phase::gone;
    error_code ignored;
    if (!out_.empty()) socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
    stream_.next_layer().fail(boost::asio::error::operation_aborted);
    unauthenticated_.reset();
    end_session({1006, "connection cut"});
}

void websocket_connection::flush() {
    is_dirty_ = false;
    if (phase_ == phase::gone || awaits_writable_ || server().frozen) return;
    if (!out_.empty()) {
        error_code failure;
        auto bytes = out_.unsent();
        GATEHOUSE_FAIL_POINT("edge.before_send");
        std::size_t written = socket_.write_some(boost::asio::buffer(bytes), failure);
        GATEHOUSE_FAIL_POINT("edge.sent");
        if (failure && failure != boost::asio::error::would_block) return peer_gone(failure);
        out_.sent(written);
    }
    if (!out_.empty()) {
        awaits_writable_ = true;
        socket_.async_wait(tcp_socket::wait_write, [self = self()](error_code failure) {
            self->awaits_writable_ = false;
            if (!failure) self->flush();
        });
    } else if (phase_ == phase::finishing && is_closed_by_both_) {
        cut();
    } else if (phase_ != phase::open) {
        error_code ignored;
        socket_.shutdown(tcp_socket::shutdown_send, ignored); // nothing follows a close frame
    }
}

void websocket_connection::on_freeze_changed() {
    if (server().frozen || phase_ == phase::gone) return;
    last_received_ = server().loop.now(); // its silence was ours
    mark_dirty();
    on_layer_reads();
    wait_readable();
}

// The one place where Beast's writes meet ours. Once our close frame is queued, nothing may follow it.
void websocket_connection::on_layer_write(std::string_view bytes) {
    if (is_shaking_hands_) return out_.append_handshake(bytes);
    if (phase_ != phase::open) return;
    auto head = parse_frame_head(bytes);
    bool is_bare_close =
        head && head->opcode == static_cast<std::uint8_t>(frame_opcode::close) && head->payload_bytes == 2;
    if (is_bare_close) {
        auto code = static_cast<std::uint16_t>(
            static_cast<std::uint8_t>(bytes[2]) << 8 | static_cast<std::uint8_t>(bytes[3])
        );
        auto const& said = stream_.reason().reason; // the peer's own close is answered in its words
        out_.append_close(
            code, said.empty() ? text_of_failure(code) : std::string_view(said.data(), said.size())
        );
    } else {
        out_.append_encoded(bytes);
    }
    mark_dirty();
}

void websocket_connection::on_layer_reads() {
    if (is_taking_ || will_take_kept_ || kept_.empty()) return;
    will_take_kept_ = true;
    core::post(server().loop, [self = self()] {
        self->will_take_kept_ = false;
        self->take_kept();
    });
}

void websocket_connection::read_message() {
    stream_.async_read(message_, [self = self()](error_code failure, std::size_t) {
        self->on_message(failure);
    });
}

void websocket_connection::on_message(error_code failure) {
    if (failure) return on_read_ended(failure);
    if (stream_.got_binary()) {
        begin_close({1003, "binary frames are not understood"});
    } else {
        auto bytes = message_.cdata();
        deliver({static_cast<char const*>(bytes.data()), bytes.size()});
    }
    message_.clear();
    if (message_.capacity() > idle_message_bytes_max) message_.shrink_to_fit();
    read_message();
}

void websocket_connection::on_read_ended(error_code why) {
    if (phase_ == phase::gone || phase_ == phase::finishing) return;
    if (why == websocket::error::closed) {
        is_closed_by_both_ = true;
        auto const& said = stream_.reason();
        std::uint16_t code =
            said.code == websocket::close_code::none ? 1005 : static_cast<std::uint16_t>(said.code);
        return finish({code, std::string(said.reason.data(), said.reason.size())});
    }
    std::uint16_t code = why == websocket::error::message_too_big     ? 1009
                         : why == websocket::error::bad_frame_payload ? 1007
                                                                      : 1002;
    spdlog::info("connection {}: bad frame: {}", id(), why.message());
    finish({code, std::string(text_of_failure(code))});
}

void websocket_connection::wait_readable() {
    if (awaits_readable_ || phase_ == phase::gone || !kept_.empty() || server().frozen) return;
    awaits_readable_ = true;
    socket_.async_wait(tcp_socket::wait_read, [self = self()](error_code failure) {
        self->awaits_readable_ = false;
        if (!failure) self->on_readable();
    });
}

void websocket_connection::on_readable() {
    if (phase_ == phase::gone || server().frozen) return;
    auto& scratch = server().scratch;
    error_code failure;
    std::size_t bytes = socket_.read_some(boost::asio::buffer(scratch), failure);
    if (failure && failure != boost::asio::error::would_block) return peer_gone(failure);
    if (bytes != 0) {
        last_received_ = server().loop.now();
        take({scratch.data(), bytes});
    }
    wait_readable();
}

// Takes what it can of `bytes`, which are not in kept_, and keeps the rest.
void websocket_connection::take(std::span<char> bytes) {
    is_taking_ = true;
    int left = frames_per_turn_max;
    while (!bytes.empty() && left-- > 0 && !server().frozen) {
        if (phase_ == phase::finishing || phase_ == phase::gone) {
            bytes = {};
            break;
        }
        std::size_t taken = take_frame(bytes);
        if (taken == 0) break;
        bytes = bytes.subspan(taken);
    }
    is_taking_ = false;
    note_unproductive_frames();
    if (bytes.empty()) return;
    kept_.assign(bytes.data(), bytes.size());
    if (stream_.next_layer().wants_bytes()) on_layer_reads();
}

void websocket_connection::take_kept() {
    if (phase_ == phase::gone || server().frozen) return;
    std::string bytes;
    bytes.swap(kept_);
    take(bytes);
    wait_readable();
}

// One frame, or as much of one as is there; 0 while Beast is busy with the last.
std::size_t websocket_connection::take_frame(std::span<char> bytes) {
    if (!stream_.next_layer().wants_bytes()) return 0;
    if (scanner_.between_messages() && phase_ == phase::open) {
        if (std::size_t taken = take_whole_text(bytes)) return taken;
    }
    std::string_view view(bytes.data(), bytes.size());
    std::size_t taken = scanner_.advance(view, stream_.next_layer().bytes_wanted_max());
    stream_.next_layer().give(view.substr(0, taken));
    return taken;
}

// The hot path. 0 where the bytes don't begin with a text message that is complete, in one frame, and of a
// fit size.
std::size_t websocket_connection::take_whole_text(std::span<char> bytes) {
    auto head = parse_frame_head({bytes.data(), bytes.size()});
    if (!head || !head->is_whole_text()) return 0;
    if (head->payload_bytes > server().options.max_frame_bytes) return 0;
    if (bytes.size() - head->head_bytes < head->payload_bytes) return 0;
    auto payload = bytes.subspan(head->head_bytes, static_cast<std::size_t>(head->payload_bytes));
    unmask(payload, head->mask);
    std::string_view text(payload.data(), payload.size());
    if (is_utf8(text)) {
        deliver(text);
    } else {
        begin_close({1007, std::string(text_of_failure(1007))});
    }
    return head->head_bytes + payload.size();
}

void websocket_connection::note_unproductive_frames() {
    if (scanner_.unproductive_frames() == unproductive_before_) return;
    if (last_received_ - unproductive_since_ >= std::chrono::seconds(1)) {
        unproductive_since_ = last_received_;
        unproductive_before_ = scanner_.unproductive_frames();
    } else if (scanner_.unproductive_frames() - unproductive_before_ > unproductive_frames_per_second_max) {
        begin_close({1008, "too many control frames or empty fragments"});
    }
}

void websocket_connection::deliver(std::string_view text) {
    if (phase_ != phase::open || !session_) return;
    try {
        session_->on_text(text);
    } catch (std::exception const& failure) {
        spdlog::error("connection {}: a message could not be handled: {}", id(), failure.what());
        begin_close({1011, "internal error"});
    }
    if (!is_authenticated_ && session_->is_authenticated()) {
        is_authenticated_ = true;
        unauthenticated_.reset();
    }
}

void websocket_connection::mark_dirty() {
    if (std::exchange(is_dirty_, true)) return;
    server().flush_at_end_of_turn(shared_from_this());
}

void websocket_connection::begin_close(close_reason why) {
    if (phase_ != phase::open) return;
    phase_ = phase::closing;
    close_deadline_ = server().loop.now() + close_patience;
    out_.append_close(why.code, why.text);
    mark_dirty();
    if (why.code > 1001)
        spdlog::info("connection {}: closed by the gateway: {} {}", id(), why.code, why.text);
    end_session(std::move(why));
}

// Beast has read its last: a close frame, ours or the peer's, is answered and queued.
void websocket_connection::finish(close_reason why) {
    phase_ = phase::finishing;
    close_deadline_ = server().loop.now() + close_patience;
    kept_.clear();
    mark_dirty();
    wait_readable();
    end_session(std::move(why));
}

void websocket_connection::peer_gone(error_code why) {
    if (phase_ == phase::gone) return;
    if (phase_ == phase::open) spdlog::debug("connection {}: lost: {}", id(), why.message());
    end_session({1006, "connection lost"});
    cut();
}

// Tells the session once, never inside a call of its own, and lets it go.
void websocket_connection::end_session(close_reason why) {
    if (std::exchange(is_session_ending_, true)) return;
    spdlog::debug("connection {}: ends with {} {}", id(), why.code, why.text);
    core::post(server().loop, [self = self(), why = std::move(why)] {
        auto session = std::move(self->session_);
        session->on_close(why);
    });
}

} // namespace

void open_websocket(upgraded_socket from, std::string_view key) {
    std::make_shared<websocket_connection>(std::move(from))->open(key);
}

} // namespace gatehouse::app::net
