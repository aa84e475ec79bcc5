#pragma once
// A WebSocket peer for measuring: raw sockets and epoll, nothing between the bytes and the clock, so that it
// costs less than whatever it measures. It believes its server; tests of behaviour use other peers.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::bench {

using clock = std::chrono::steady_clock;

inline double microseconds_between(clock::time_point from, clock::time_point to) {
    return std::chrono::duration<double, std::micro>(to - from).count();
}

[[noreturn]] inline void fail(std::string const& what) {
    throw std::runtime_error(what + (errno != 0 ? std::string(": ") + std::strerror(errno) : ""));
}

// The value of a string member, found by its text: `"name":"value"`. Empty where it is absent.
inline std::string_view string_member(std::string_view json, std::string_view name) {
    std::string const mark = "\"" + std::string(name) + "\":\"";
    auto const at = json.find(mark);
    if (at == json.npos) return {};
    auto const from = at + mark.size();
    return json.substr(from, json.find('"', from) - from);
}

// The value of a number member, or -1.
inline std::int64_t number_member(std::string_view json, std::string_view name) {
    std::string const mark = "\"" + std::string(name) + "\":";
    auto const at = json.find(mark);
    if (at == json.npos || at + mark.size() >= json.size()) return -1;
    char const first = json[at + mark.size()];
    return first >= '0' && first <= '9' ? std::strtoll(json.data() + at + mark.size(), nullptr, 10) : -1;
}

class peer {
  public:
    // Connects to "127.0.0.1:port" and upgrades; blocking. An empty token: without Authorization.
    peer(std::string const& address, std::string const& token) {
        auto const colon = address.rfind(':');
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
        inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
        socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (socket_ < 0 || ::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
            fail("connect to " + address);
        }
        int const on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        upgrade(address, token);
    }
    peer(peer const&) = delete;
    peer& operator=(peer const&) = delete;
    ~peer() { ::close(socket_); }

    int socket() const { return socket_; }

    // Queues one text frame; flush() sends. The mask is zero, so that masking costs nothing.
    void send(std::string_view text) {
        std::array<char, 14> head{static_cast<char>(0x81)};
        std::size_t length = 2;
        if (text.size() < 126) {
            head[1] = static_cast<char>(0x80 | text.size());
        } else {
            bool const wide = text.size() > 0xffff;
            head[1] = static_cast<char>(0x80 | (wide ? 127 : 126));
            int const bytes = wide ? 8 : 2;
            for (int i = 0; i < bytes; ++i) {
                head[length++] = static_cast<char>(text.size() >> (8 * (bytes - 1 - i)) & 0xff);
            }
        }
        length += 4; // the mask
        out_.append(head.data(), length);
        out_.append(text);
    }

    // Sends all that is queued; waits where the kernel's buffer is full.
    void flush() {
        std::size_t sent = 0;
        while (sent < out_.size()) {
            auto const n = ::send(socket_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
            if (n > 0) {
                sent += static_cast<std::size_t>(n);
            } else if (errno == EAGAIN) {
                wait(EPOLLOUT);
            } else {
                fail("send");
            }
        }
        out_.clear();
    }

    // Reads once and calls `on_text` for each whole text message. False where nothing was there to read.
    template <class F>
    bool receive(F&& on_text) {
        std::size_t const had = in_.size();
        in_.resize(had + 65536);
        auto const n = ::recv(socket_, in_.data() + had, 65536, MSG_DONTWAIT);
        in_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        if (n == 0) fail("the server closed the connection " + close_reason_);
        if (n < 0) {
            if (errno == EAGAIN) return false;
            fail("recv");
        }
        take_frames(on_text);
        return true;
    }

    // Waits for the next text message and returns it.
    std::string next() {
        while (pending_.empty()) {
            wait(EPOLLIN);
            receive([&](std::string_view text) { pending_.emplace_back(text); });
        }
        auto text = std::move(pending_.front());
        pending_.erase(pending_.begin());
        return text;
    }

    // One request, and its reply; what else comes meanwhile is dropped. Throws where the reply is an error.
    std::string call(std::string_view method, std::string_view params) {
        auto const id = "call-" + std::to_string(++calls_);
        send(
            "{\"jsonrpc\":\"2.0\",\"id\":\"" + id + "\",\"method\":\"" + std::string(method) +
            "\",\"params\":" + std::string(params) + "}"
        );
        flush();
        while (true) {
            auto text = next();
            if (string_member(text, "id") != id) continue;
            if (text.find("\"error\":") != text.npos) throw std::runtime_error(text);
            return text;
        }
    }

    // The gateway's handshake as a client without a device.
    void connect_as_client() {
        next(); // the challenge
        call("connect", R"({"protocol":1,"role":"client"})");
    }

  private:
    void upgrade(std::string const& address, std::string const& token) {
        std::string request =
            "GET /ws HTTP/1.1\r\nHost: " + address +
            "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: gatehouse.v1\r\n";
        if (!token.empty()) request += "Authorization: Bearer " + token + "\r\n";
        out_ = request + "\r\n";
        flush();
        while (in_.find("\r\n\r\n") == in_.npos) {
            std::array<char, 4096> piece;
            auto const n = ::recv(socket_, piece.data(), piece.size(), 0);
            if (n <= 0) fail("no answer to the upgrade: " + in_);
            in_.append(piece.data(), static_cast<std::size_t>(n));
        }
        if (!in_.starts_with("HTTP/1.1 101")) throw std::runtime_error(in_);
        in_.erase(0, in_.find("\r\n\r\n") + 4);
        ::fcntl(socket_, F_SETFL, ::fcntl(socket_, F_GETFL) | O_NONBLOCK);
        take_frames([&](std::string_view text) { pending_.emplace_back(text); });
    }

    void wait(std::uint32_t events) { pollfd_wait(events == EPOLLOUT); }

    void pollfd_wait(bool to_write) {
        int const waiter = ::epoll_create1(EPOLL_CLOEXEC);
        epoll_event event{};
        event.events = to_write ? EPOLLOUT : EPOLLIN;
        ::epoll_ctl(waiter, EPOLL_CTL_ADD, socket_, &event);
        int const ready = ::epoll_wait(waiter, &event, 1, 30'000);
        ::close(waiter);
        if (ready == 0) {
            errno = 0;
            fail("the server was silent for 30 s");
        }
    }

    template <class F>
    void take_frames(F&& on_text) {
        std::size_t at = 0;
        while (in_.size() - at >= 2) {
            auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(in_[at + i]); };
            std::size_t length = byte(1) & 0x7f;
            std::size_t head = 2;
            if (length >= 126) {
                std::size_t const bytes = length == 126 ? 2 : 8;
                if (in_.size() - at < 2 + bytes) break;
                length = 0;
                for (std::size_t i = 0; i < bytes; ++i) length = length << 8 | byte(2 + i);
                head += bytes;
            }
            if (in_.size() - at < head + length) break;
            std::string_view const payload(in_.data() + at + head, length);
            int const opcode = byte(0) & 0x0f;
            if (opcode == 1) on_text(payload);
            if (opcode == 9) pong(payload);
            if (opcode == 8) close_reason_ = std::string(payload.substr(std::min<std::size_t>(2, length)));
            at += head + length;
        }
        in_.erase(0, at);
    }

    void pong(std::string_view payload) {
        out_ += static_cast<char>(0x8a);
        out_ += static_cast<char>(0x80 | payload.size());
        out_.append(4, '\0');
        out_.append(payload);
        flush();
    }

    int socket_ = -1;
    std::string out_;
    std::string in_;
    std::vector<std::string> pending_;
    std::string close_reason_;
    std::uint64_t calls_ = 0;
};

// What many peers wait on together.
class poller {
  public:
    poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}
    poller(poller const&) = delete;
    poller& operator=(poller const&) = delete;
    ~poller() { ::close(epoll_); }

    void add(int socket, std::size_t index) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = index;
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
    }

    // Calls `on_readable(index)` for each peer that has something to read; waits at most `timeout_ms`.
    template <class F>
    int wait(int timeout_ms, F&& on_readable) {
        std::array<epoll_event, 256> events;
        int const count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
        for (int i = 0; i < count; ++i)
            on_readable(static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64));
        return count;
    }

  private:
    int epoll_;
};

// Latencies in microseconds.
class latencies {
  public:
    void add(double microseconds) { all_.push_back(microseconds); }
    std::size_t count() const { return all_.size(); }
    double at(double quantile) {
        if (all_.empty()) return 0;
        std::ranges::sort(all_);
        return all_[std::min(
            all_.size() - 1, static_cast<std::size_t>(quantile * static_cast<double>(all_.size()))
        )];
    }

  private:
    std::vector<double> all_;
};

} // namespace gatehouse::bench
