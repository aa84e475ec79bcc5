#pragma once
// A TCP or TLS connection that this process opens: what HTTP and WebSocket clients are built on. The TLS
// templates are instantiated in byte_stream.cpp alone.
#include "app/net/io_loop.hpp"
#include "app/net/transport_error.hpp"
#include "app/net/web_address.hpp"
#include "core/execution/cancellation.hpp"
#include "core/execution/task.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>

#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace gatehouse::app::net {

struct tls_options {
    bool verify_peer = true; // chain and host name
    std::string ca_file;     // PEM; empty: the system's certificates
};

// Loop only. At most one read and one write are under way at a time; both end before the stream is destroyed,
// because whoever awaits them holds it.
class byte_stream {
  public:
    using on_done = std::function<void(boost::system::error_code, std::size_t)>;

    virtual ~byte_stream() = default;

    // Calls `done` later, never inside this call.
    virtual void read_some(boost::asio::mutable_buffer into, on_done done) = 0;
    virtual void write_some(boost::asio::const_buffer from, on_done done) = 0;

    // Closes the socket; what is under way ends with an error. May be called at any time, and again.
    virtual void cut() noexcept = 0;

    // Coroutine forms. Bytes read; 0 at the end of the stream, whatever way the peer ended it.
    core::task<std::expected<std::size_t, boost::system::error_code>> read_some(std::span<char> into);
    core::task<boost::system::error_code> write_all(std::string_view bytes);
};

// Cuts a stream at a deadline or on cancellation, for as long as it lives, and remembers which it was. A
// socket operation itself is never raced.
class stream_guard {
  public:
    stream_guard(io_loop& loop, byte_stream& stream, core::steady_time deadline, core::cancellation& stop);
    stream_guard(stream_guard const&) = delete;
    stream_guard& operator=(stream_guard const&) = delete;
    ~stream_guard();

    // What the failure of an operation under this guard means; `otherwise` where the guard did nothing.
    transport_error explain(transport_error otherwise) const;

  private:
    io_loop& loop_;
    core::loop::timer_id timer_;
    bool timed_out_ = false;
    core::cancellation& stop_;
    core::cancellation::registration on_stop_;
};

// Resolves the name, connects to the first address that answers and does the TLS handshake, all by
// `deadline`.
core::task<std::expected<std::shared_ptr<byte_stream>, transport_error>> open_stream(
    io_loop& loop, web_address const& to, tls_options const& tls, core::steady_time deadline,
    core::cancellation& stop
);

} // namespace gatehouse::app::net
