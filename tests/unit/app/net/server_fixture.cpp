#include "tests/unit/app/net/server_fixture.hpp"

#include "core/execution/wakeup.hpp"

#include <arpa/inet.h>
#include <boost/asio/co_spawn.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <stdexcept>

namespace gatehouse::app::net::test {

namespace {

using namespace std::chrono_literals;
constexpr auto patience = 60s;

class three_pieces final : public body_source {
  public:
    core::task<std::optional<std::string>> next(core::cancellation&) override {
        if (++given_ > 3) co_return std::nullopt;
        co_return "piece " + std::to_string(given_) + "\n";
    }

  private:
    int given_ = 0;
};

// Gives nothing until it is stopped, then says so.
class endless_source final : public body_source {
  public:
    explicit endless_source(event_log& log) : log_(log) {}
    ~endless_source() override { log_.add("source destroyed"); }
    core::task<std::optional<std::string>> next(core::cancellation& stop) override {
        if (!std::exchange(began_, true)) co_return "begin\n";
        auto executor = co_await boost::asio::this_coro::executor;
        core::wakeup stopped(executor.get_loop());
        auto registration = stop.on_request([&stopped] { stopped.notify(); });
        while (!stop.requested()) co_await stopped.wait();
        log_.add("source stopped");
        co_return std::nullopt;
    }

  private:
    event_log& log_;
    bool began_ = false;
};

class flood_source final : public body_source {
  public:
    explicit flood_source(event_log& log) : log_(log) {}
    ~flood_source() override { log_.add("flood destroyed"); }
    core::task<std::optional<std::string>> next(core::cancellation& stop) override {
        if (stop.requested()) co_return std::nullopt;
        co_return std::string(64 * 1024, 'f');
    }

  private:
    event_log& log_;
};

class echo_session final : public peer_session {
  public:
    explicit echo_session(event_log& log) : log_(log) {}
    void on_open(outbound& out) override {
        out_ = &out;
        log_.add("open");
    }
    void on_text(std::string_view text) override {
        if (text == "authenticate") authenticated_ = true;
        if (text == "throw") throw std::runtime_error("as asked");
        if (text == "close") return out_->close({4401, "as asked"});
        if (text.starts_with("flood ")) {
            for (int i = std::stoi(std::string(text.substr(6))); i > 0; --i)
                out_->offer(std::string(1000, 'x'));
            log_.add("queued " + std::to_string(out_->queued_bytes()));
            return;
        }
        if (text.starts_with("ephemeral ")) {
            for (int i = std::stoi(std::string(text.substr(10))); i > 0; --i)
                out_->offer_ephemeral(std::string(1000, 'x'));
            log_.add("queued " + std::to_string(out_->queued_bytes()));
            return;
        }
        out_->offer(text);
    }
    void on_close(close_reason const& why) override {
        log_.add("close " + std::to_string(why.code) + " " + why.text);
    }
    bool is_authenticated() const override { return authenticated_; }

  private:
    event_log& log_;
    outbound* out_ = nullptr;
    bool authenticated_ = false;
};

} // namespace

void event_log::add(std::string event) {
    std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    changed_.notify_all();
}

std::string event_log::take(std::string const& start) {
    std::unique_lock lock(mutex_);
    auto found = events_.end();
    changed_.wait_for(lock, patience, [&] {
        found =
            std::ranges::find_if(events_, [&](std::string const& event) { return event.starts_with(start); });
        return found != events_.end();
    });
    if (found == events_.end()) return {};
    std::string taken = std::move(*found);
    events_.erase(found);
    return taken;
}

core::task<http_response> echo_application::respond(http_request request) {
    ++asked;
    http_response response;
    if (request.path == "/fail") throw std::runtime_error("as asked");
    if (request.path == "/stream") response.stream = std::make_unique<three_pieces>();
    if (request.path == "/endless") response.stream = std::make_unique<endless_source>(log_);
    if (request.path == "/flood") response.stream = std::make_unique<flood_source>(log_);
    if (request.path == "/shared") response.shared_body = std::make_shared<std::string const>("shared body");
    if (request.path == "/injection") response.headers.emplace_back("X-Bad", "a\r\nX-Evil: b");
    if (response.stream || response.shared_body) co_return response;
    if (request.path == "/nothing") {
        response.status = 204;
        co_return response;
    }
    response.body = request.method + " " + request.path + "\n";
    for (auto const& [name, value] : request.query) response.body += "?" + name + "=" + value + "\n";
    for (auto const& [name, value] : request.headers) response.body += name + ": " + value + "\n";
    response.body += "from " + request.remote_address + "\n\n" + request.body;
    co_return response;
}

core::task<std::expected<std::unique_ptr<peer_session>, http_response>> echo_application::accept(http_request
) {
    ++asked;
    if (refuses_upgrades) {
        http_response refusal;
        refusal.status = 401;
        co_return std::unexpected(std::move(refusal));
    }
    co_return std::make_unique<echo_session>(log_);
}

void echo_application::on_refused(std::uint64_t, std::string const& address, int status, std::string_view) {
    log_.add("refused " + std::to_string(status) + " " + address);
}

raw_client::raw_client(std::uint16_t port, int receive_buffer_bytes, char const* from)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer_bytes != 0) {
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    }
    timeval limit{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    sockaddr_in source{};
    source.sin_family = AF_INET;
    ::inet_pton(AF_INET, from, &source.sin_addr);
    if (::bind(socket_, reinterpret_cast<sockaddr const*>(&source), sizeof source) != 0)
        throw std::runtime_error("bind");
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr const*>(&to), sizeof to) != 0)
        throw std::runtime_error("no connection");
}

raw_client::raw_client(raw_client&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), ahead_(std::move(other.ahead_)) {}

raw_client::~raw_client() {
    if (socket_ >= 0) ::close(socket_);
}

bool raw_client::send(std::string_view bytes) {
    while (!bytes.empty()) {
        auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

void raw_client::shut_down_sending() { ::shutdown(socket_, SHUT_WR); }

void raw_client::close_with_reset() {
    linger hard{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    ::close(std::exchange(socket_, -1));
}

std::string raw_client::receive_some() {
    if (!ahead_.empty()) return std::exchange(ahead_, {});
    std::string bytes(64 * 1024, '\0');
    auto got = ::recv(socket_, bytes.data(), bytes.size(), 0);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
}

std::string raw_client::receive_all() {
    std::string all;
    for (auto some = receive_some(); !some.empty(); some = receive_some()) all += some;
    return all;
}

std::string raw_client::receive_until(std::string_view end) {
    std::string bytes;
    while (bytes.find(end) == bytes.npos) {
        auto some = receive_some();
        if (some.empty()) return bytes;
        bytes += some;
    }
    auto length = bytes.find(end) + end.size();
    ahead_ = bytes.substr(length);
    bytes.resize(length);
    return bytes;
}

std::string raw_client::receive_exactly(std::size_t wanted) {
    std::string bytes = std::exchange(ahead_, {});
    while (bytes.size() < wanted) {
        auto some = receive_some();
        if (some.empty()) return bytes;
        bytes += some;
    }
    ahead_ = bytes.substr(wanted);
    bytes.resize(wanted);
    return bytes;
}

std::uint16_t websocket_frame::close_code() const {
    if (opcode != 8 || payload.size() < 2) return 0;
    return static_cast<std::uint16_t>(
        static_cast<std::uint8_t>(payload[0]) << 8 | static_cast<std::uint8_t>(payload[1])
    );
}

server_fixture::server_fixture() : thread_([this] { loop_.run(); }) {}

server_fixture::~server_fixture() {
    if (server_) {
        stop_server(0ms);
        on_loop([this] { server_.reset(); });
    }
    loop_.stop();
    thread_.join();
}

void server_fixture::start(server_options options) {
    options.port = 0;
    on_loop([this, &options] {
        server_ = make_server(loop_, options, application_);
        server_->start();
    });
    auto address = server_->address();
    port_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

void server_fixture::on_loop(std::function<void()> job) {
    std::promise<void> done;
    core::post(loop_, [&] {
        job();
        done.set_value();
    });
    done.get_future().wait();
}

void server_fixture::stop_server(std::chrono::milliseconds patience_of_server) {
    std::promise<void> done;
    on_loop([&] {
        boost::asio::co_spawn(
            core::executor(loop_), server_->stop(loop_.now() + patience_of_server),
            [&](std::exception_ptr) { done.set_value(); }
        );
    });
    done.get_future().wait();
}

server::counts server_fixture::counts() {
    server::counts now;
    on_loop([&] { now = server_->connections(); });
    return now;
}

bool server_fixture::wait_for_counts(std::function<bool(server::counts const&)> fit) {
    auto end = std::chrono::steady_clock::now() + patience;
    while (!fit(counts())) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::yield();
    }
    return true;
}

std::string server_fixture::get(std::string_view path, std::string_view more) const {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: " + host() + "\r\n" + std::string(more) + "\r\n";
}

std::string server_fixture::upgrade_request(std::string_view more) const {
    return get(
        "/ws", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: gatehouse.v1\r\n" +
                   std::string(more)
    );
}

http_answer server_fixture::exchange(std::string_view bytes) {
    auto client = connect();
    client.send(bytes);
    return read_answer(client);
}

http_answer server_fixture::read_answer(raw_client& from) {
    http_answer answer;
    answer.head = from.receive_until("\r\n\r\n");
    if (answer.head.size() < 12) return answer;
    answer.status = std::stoi(answer.head.substr(9, 3));
    auto length = answer.head.find("Content-Length: ");
    if (length != answer.head.npos)
        answer.body = from.receive_exactly(std::stoul(answer.head.substr(length + 16)));
    if (answer.head.find("Transfer-Encoding: chunked") != answer.head.npos) {
        while (true) {
            auto bytes = std::stoul(from.receive_until("\r\n"), nullptr, 16);
            answer.body += from.receive_exactly(bytes);
            from.receive_exactly(2);
            if (bytes == 0) break;
        }
    }
    return answer;
}

raw_client server_fixture::open_websocket(int receive_buffer_bytes) {
    auto client = connect(receive_buffer_bytes);
    client.send(upgrade_request());
    EXPECT_EQ(read_answer(client).status, 101);
    return client;
}

websocket_frame server_fixture::read_frame(raw_client& from) {
    auto head = from.receive_exactly(2);
    if (head.size() < 2) return {};
    websocket_frame frame;
    frame.fin = (head[0] & 0x80) != 0;
    frame.opcode = head[0] & 15;
    std::size_t length = static_cast<std::uint8_t>(head[1]);
    if (length >= 126) {
        std::size_t wide = 0;
        for (char c : from.receive_exactly(length == 126 ? 2 : 8))
            wide = wide << 8 | static_cast<std::uint8_t>(c);
        length = wide;
    }
    frame.payload = from.receive_exactly(length);
    return frame;
}

std::string server_fixture::frame(std::uint8_t first, std::string_view payload) {
    std::string bytes(1, static_cast<char>(first));
    if (payload.size() < 126) {
        bytes += static_cast<char>(0x80 | payload.size());
    } else {
        int length_bytes = payload.size() <= 0xffff ? 2 : 8;
        bytes += static_cast<char>(0x80 | (length_bytes == 2 ? 126 : 127));
        for (int shift = 8 * (length_bytes - 1); shift >= 0; shift -= 8)
            bytes += static_cast<char>(payload.size() >> shift);
    }
    std::string_view mask = "\x12\x34\x56\x78";
    bytes += mask;
    for (std::size_t i = 0; i < payload.size(); ++i) bytes += static_cast<char>(payload[i] ^ mask[i % 4]);
    return bytes;
}

} // namespace gatehouse::app::net::test
