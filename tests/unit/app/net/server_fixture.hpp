#pragma once
// A server on a free port with a small application behind it, its loop on a thread of its own, and blocking
// sockets to attack it with. Every wait has an end of ten seconds, so that a lost answer fails instead of
// hanging.
#include "app/net/io_loop.hpp"
#include "app/net/server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace gatehouse::app::net::test {

// What happened on the loop's thread, for the test's thread to wait for.
class event_log {
  public:
    void add(std::string event);
    // Waits until some event, not taken yet, begins with `start`; takes it. "" after ten seconds.
    std::string take(std::string const& start);

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string> events_;
};

// Answers /echo with the request; /stream with three pieces; /endless with a piece that never comes until it
// is stopped; /flood with pieces without end; /fail by throwing. A WebSocket echoes each text, but for these
// words: "authenticate"; "flood N" (N messages of 1,000 bytes), "ephemeral N" (as flood, ephemeral), "close"
// (4401), "throw".
class echo_application final : public application_port {
  public:
    explicit echo_application(event_log& log) : log_(log) {}
    core::task<http_response> respond(http_request request) override;
    core::task<std::expected<std::unique_ptr<peer_session>, http_response>> accept(http_request request
    ) override;
    void on_refused(
        std::uint64_t connection_id, std::string const& remote_address, int status, std::string_view why
    ) override;

    bool refuses_upgrades = false;
    std::atomic<int> asked = 0; // requests and upgrades that reached it

  private:
    event_log& log_;
};

// A blocking client socket.
class raw_client {
  public:
    // `receive_buffer_bytes` 0: the kernel's choice. `from`: one of the loopback addresses 127.0.0.0/8.
    explicit raw_client(std::uint16_t port, int receive_buffer_bytes = 0, char const* from = "127.0.0.1");
    raw_client(raw_client const&) = delete;
    raw_client& operator=(raw_client const&) = delete;
    raw_client(raw_client&& other) noexcept;
    ~raw_client();

    // False when the server has closed.
    bool send(std::string_view bytes);
    void shut_down_sending();
    void close_with_reset();
    // The next bytes; "" at the end.
    std::string receive_some();
    // Everything until the server closes.
    std::string receive_all();
    // Up to and with `end`.
    std::string receive_until(std::string_view end);
    std::string receive_exactly(std::size_t bytes);

  private:
    int socket_;
    std::string ahead_;
};

struct http_answer {
    int status = 0;
    std::string head;
    std::string body;
};

struct websocket_frame {
    int opcode = -1; // -1: the server has closed
    bool fin = true;
    std::string payload;

    std::uint16_t close_code() const;
    std::string close_text() const { return payload.size() > 2 ? payload.substr(2) : std::string(); }
};

class server_fixture : public ::testing::Test {
  public:
    // A masked frame. `first` is the whole first byte.
    static std::string frame(std::uint8_t first, std::string_view payload);

  protected:
    server_fixture();
    ~server_fixture() override;

    // With these options on a free port of 127.0.0.1.
    void start(server_options options = {});
    // Runs `job` on the loop and waits for it.
    void on_loop(std::function<void()> job);
    // Asks the server to stop and waits until it has.
    void stop_server(std::chrono::milliseconds patience);
    server::counts counts();
    // Waits until the counts fit; the server changes them only after something happened that the test did.
    bool wait_for_counts(std::function<bool(server::counts const&)> fit);

    raw_client connect(int receive_buffer_bytes = 0) { return raw_client(port_, receive_buffer_bytes); }
    std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
    // "GET path" with a proper Host and `more` header lines, each ended by CRLF.
    std::string get(std::string_view path, std::string_view more = "") const;
    std::string upgrade_request(std::string_view more = "") const;
    // Sends `bytes` on a new connection, reads one answer.
    http_answer exchange(std::string_view bytes);
    static http_answer read_answer(raw_client& from);
    // A connection that is upgraded already.
    raw_client open_websocket(int receive_buffer_bytes = 0);
    static websocket_frame read_frame(raw_client& from);
    static std::string text(std::string_view payload) { return frame(0x81, payload); }

    event_log log_;
    echo_application application_{log_};
    io_loop loop_;
    std::unique_ptr<server> server_;
    std::uint16_t port_ = 0;

  private:
    std::thread thread_;
};

} // namespace gatehouse::app::net::test
