#include "app/net/byte_stream.hpp"

#include "app/net/io_loop_impl.hpp"
#include "core/execution/wakeup.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

namespace gatehouse::app::net {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using socket_type = asio::basic_stream_socket<tcp, asio::io_context::executor_type>;
using tls_socket = asio::ssl::stream<socket_type&>;
using boost::system::error_code;

using stream_result = std::expected<std::shared_ptr<byte_stream>, transport_error>;

// Awaits an operation that takes a `void(error_code, size_t)` callback, on whichever executor it completes.
template <class Start>
core::task<std::pair<error_code, std::size_t>> completion_of(Start start) {
    auto initiate = [&start](auto handler) {
        auto held = std::make_shared<decltype(handler)>(std::move(handler));
        start([held](error_code failure, std::size_t size) { std::move (*held)(std::pair(failure, size)); });
    };
    co_return co_await asio::async_initiate<
        asio::use_awaitable_t<core::executor> const, void(std::pair<error_code, std::size_t>)>(
        std::move(initiate), core::use_task
    );
}

class plain_stream final : public byte_stream {
  public:
    explicit plain_stream(asio::io_context& context) : socket(context) {}

    using byte_stream::read_some;
    void read_some(asio::mutable_buffer into, on_done done) override {
        socket.async_read_some(into, std::move(done));
    }
    void write_some(asio::const_buffer from, on_done done) override {
        socket.async_write_some(from, std::move(done));
    }
    void cut() noexcept override {
        error_code ignored;
        socket.close(ignored);
    }

    socket_type socket;
};

class tls_stream final : public byte_stream {
  public:
    tls_stream(std::shared_ptr<plain_stream> below, std::shared_ptr<asio::ssl::context> context)
        : context_(std::move(context)), below_(std::move(below)), tls(below_->socket, *context_) {}

    using byte_stream::read_some;
    void read_some(asio::mutable_buffer into, on_done done) override {
        tls.async_read_some(into, std::move(done));
    }
    void write_some(asio::const_buffer from, on_done done) override {
        tls.async_write_some(from, std::move(done));
    }
    void cut() noexcept override { below_->cut(); }

  private:
    std::shared_ptr<asio::ssl::context> context_;
    std::shared_ptr<plain_stream> below_;

  public:
    tls_socket tls;
};

transport_error
failure_of(transport_error::kind what, web_address const& to, std::string_view verb, std::string const& why) {
    return {what, fmt::format("{} {}:{}: {}.", verb, to.host, to.port, why)};
}

// The resolver works in a thread of its own that can't be interrupted, so its answer may come after nobody
// waits for it.
struct name_lookup {
    name_lookup(io_loop& loop, asio::io_context& context) : done(loop), resolver(context) {}
    core::wakeup done;
    asio::ip::basic_resolver<tcp, asio::io_context::executor_type> resolver;
    std::optional<error_code> failure;
    std::vector<tcp::endpoint> found;
};

core::task<std::expected<std::vector<tcp::endpoint>, transport_error>>
resolve(io_loop& loop, web_address const& to, core::steady_time deadline, core::cancellation& stop) {
    error_code not_numeric;
    auto const numeric = asio::ip::make_address(to.host, not_numeric);
    if (!not_numeric) co_return std::vector{tcp::endpoint(numeric, to.port)};
    auto lookup = std::make_shared<name_lookup>(loop, loop.internals().io);
    lookup->resolver.async_resolve(
        to.host, std::to_string(to.port), tcp::resolver::numeric_service,
        [lookup](error_code failure, tcp::resolver::results_type const& results) {
            lookup->failure = failure;
            for (auto const& each : results) lookup->found.push_back(each.endpoint());
            lookup->done.notify();
        }
    );
    auto const listening = stop.on_request([lookup] { lookup->done.notify(); });
    while (!lookup->failure && !stop.requested()) {
        if (!co_await lookup->done.wait_until(deadline)) break;
    }
    using kind = transport_error::kind;
    if (stop.requested())
        co_return std::unexpected(failure_of(kind::cancelled, to, "Looking up", "cancelled"));
    if (!lookup->failure)
        co_return std::unexpected(failure_of(kind::timeout, to, "Looking up", "no answer in time"));
    if (*lookup->failure || lookup->found.empty()) {
        co_return std::unexpected(failure_of(kind::resolve, to, "Looking up", lookup->failure->message()));
    }
    co_return std::move(lookup->found);
}

core::task<error_code> connect_to(plain_stream& stream, tcp::endpoint where) {
    auto start = [&stream, where](byte_stream::on_done done) {
        stream.socket.async_connect(where, [done = std::move(done)](error_code failure) {
            done(failure, 0);
        });
    };
    co_return (co_await completion_of(start)).first;
}

// A client context that checks chain and name, or the failure to read the CA file.
std::expected<std::shared_ptr<asio::ssl::context>, std::string> make_tls_context(tls_options const& options) {
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    error_code failure;
    context->set_options(
        asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
            asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1,
        failure
    );
    if (!options.verify_peer) {
        context->set_verify_mode(asio::ssl::verify_none, failure);
        return context;
    }
    context->set_verify_mode(asio::ssl::verify_peer, failure);
    if (options.ca_file.empty()) {
        context->set_default_verify_paths(failure);
        if (failure)
            return std::unexpected(
                fmt::format("the system's certificates can't be read ({})", failure.message())
            );
    } else {
        context->load_verify_file(options.ca_file, failure);
        if (failure)
            return std::unexpected(
                fmt::format("the CA file {} can't be read ({})", options.ca_file, failure.message())
            );
    }
    return context;
}

core::task<stream_result> start_tls(
    std::shared_ptr<plain_stream> below, web_address const& to, tls_options const& options,
    stream_guard const& guard
) {
    using kind = transport_error::kind;
    auto context = make_tls_context(options);
    if (!context) co_return std::unexpected(failure_of(kind::tls, to, "TLS with", context.error()));
    auto stream = std::make_shared<tls_stream>(std::move(below), std::move(*context));
    error_code numeric;
    asio::ip::make_address(to.host, numeric);
    // Numeric addresses have no server name indication (RFC 6066 3).
    if (numeric) SSL_set_tlsext_host_name(stream->tls.native_handle(), to.host.c_str());
    if (options.verify_peer) stream->tls.set_verify_callback(asio::ssl::host_name_verification(to.host));
    auto start = [&stream](byte_stream::on_done done) {
        stream->tls.async_handshake(
            asio::ssl::stream_base::client, [done = std::move(done)](error_code failure) { done(failure, 0); }
        );
    };
    auto const [failure, unused] = co_await completion_of(start);
    if (failure) {
        auto why = failure.message();
        auto const verdict = SSL_get_verify_result(stream->tls.native_handle());
        if (verdict != X509_V_OK) why += fmt::format(" ({})", X509_verify_cert_error_string(verdict));
        // A peer that goes away in the middle has refused nothing.
        bool const went = failure == asio::error::eof || failure == asio::error::connection_reset ||
                          failure == asio::ssl::error::stream_truncated;
        auto const what = went && verdict == X509_V_OK ? kind::closed : kind::tls;
        co_return std::unexpected(guard.explain(failure_of(what, to, "TLS with", why)));
    }
    co_return std::move(stream);
}

} // namespace

core::task<std::expected<std::size_t, error_code>> byte_stream::read_some(std::span<char> into) {
    auto start = [this, into](on_done done) {
        read_some(asio::buffer(into.data(), into.size()), std::move(done));
    };
    auto const [failure, size] = co_await completion_of(start);
    if (failure == asio::error::eof || failure == asio::ssl::error::stream_truncated) co_return 0;
    if (failure) co_return std::unexpected(failure);
    co_return size;
}

core::task<error_code> byte_stream::write_all(std::string_view bytes) {
    while (!bytes.empty()) {
        auto start = [this, bytes](on_done done) {
            write_some(asio::buffer(bytes.data(), bytes.size()), std::move(done));
        };
        auto const [failure, size] = co_await completion_of(start);
        if (failure) co_return failure;
        bytes.remove_prefix(size);
    }
    co_return error_code();
}

stream_guard::stream_guard(
    io_loop& loop, byte_stream& stream, core::steady_time deadline, core::cancellation& stop
)
    : loop_(loop), stop_(stop) {
    timer_ = loop_.start_timer(deadline, [this, &stream] {
        timed_out_ = true;
        stream.cut();
    });
    on_stop_ = stop_.on_request([&stream] { stream.cut(); });
}

stream_guard::~stream_guard() { loop_.stop_timer(timer_); }

transport_error stream_guard::explain(transport_error otherwise) const {
    if (stop_.requested()) return {transport_error::kind::cancelled, "The request was cancelled."};
    if (timed_out_) return {transport_error::kind::timeout, "The other side did not answer in time."};
    return otherwise;
}

core::task<stream_result> open_stream(
    io_loop& loop, web_address const& to, tls_options const& tls, core::steady_time deadline,
    core::cancellation& stop
) {
    auto const addresses = co_await resolve(loop, to, deadline, stop);
    if (!addresses) co_return std::unexpected(addresses.error());
    auto failure = failure_of(transport_error::kind::connect, to, "Connecting to", "no address");
    for (auto const& address : *addresses) {
        auto stream = std::make_shared<plain_stream>(loop.internals().io);
        stream_guard const guard(loop, *stream, deadline, stop);
        if (auto const refused = co_await connect_to(*stream, address)) {
            failure = guard.explain(
                failure_of(transport_error::kind::connect, to, "Connecting to", refused.message())
            );
            if (failure.what != transport_error::kind::connect) break;
            continue;
        }
        error_code ignored;
        stream->socket.set_option(tcp::no_delay(true), ignored);
        if (!to.tls) co_return std::move(stream);
        co_return co_await start_tls(std::move(stream), to, tls, guard);
    }
    co_return std::unexpected(std::move(failure));
}

} // namespace gatehouse::app::net
