#pragma once
// HTTP/1.1 requests that this process makes: one connection each, http and https, whole answers or streamed
// ones.
#include "app/net/byte_stream.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::app::net {

using http_headers = std::vector<std::pair<std::string, std::string>>;

struct http_client_options {
    std::chrono::milliseconds connect_timeout{10'000}; // name, TCP and TLS together
    std::chrono::milliseconds head_timeout{60'000
    }; // sending the request and waiting for the head of the answer
    std::chrono::milliseconds idle_timeout{60'000}; // the longest pause between two pieces of the body
    std::size_t head_bytes_max = 64 << 10;
    std::size_t body_bytes_max = 16 << 20;
    tls_options tls;
};

struct client_request {
    std::string method = "GET";
    std::string url;
    http_headers headers; // Host, User-Agent, Content-Length and Connection are set here
    std::string body;
};

struct client_response_head {
    int status = 0;
    http_headers headers; // names in lower case

    // Nothing if it is absent; the first one if it is there more than once.
    std::optional<std::string_view> header(std::string_view lower_case_name) const;
};

struct client_response : client_response_head {
    std::string body;
};

// An answer whose head has come. Its connection is closed when this goes.
class http_answer {
  public:
    virtual ~http_answer() = default;
    virtual client_response_head const& head() const = 0;
    // The next piece of the body, never empty; nothing at its end. A body that is cut off fails with
    // `closed`. Ends with `cancelled` soon after `stop` was requested.
    virtual core::task<std::expected<std::optional<std::string>, transport_error>>
    next_chunk(core::cancellation& stop) = 0;
};

// Loop only. Redirects are not followed: a body and a key never go where nobody sent them.
class http_client {
  public:
    explicit http_client(io_loop& loop, http_client_options options = {})
        : loop_(loop), options_(std::move(options)) {}

    // The whole answer, whatever its status.
    core::task<std::expected<client_response, transport_error>>
    request(client_request request, core::cancellation& stop);

    // The answer as soon as its head is there.
    core::task<std::expected<std::unique_ptr<http_answer>, transport_error>>
    open(client_request request, core::cancellation& stop);

  private:
    io_loop& loop_;
    http_client_options options_;
};

} // namespace gatehouse::app::net
