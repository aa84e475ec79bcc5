#pragma once
// A web server that answers as it is told, byte by byte: what model providers send, and what broken ones
// send.
#include "app/net/io_loop.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::testing {

// What one connection gets after its request was read. The pieces are sent one by one.
struct scripted_answer {
    std::vector<std::string> pieces = {};
    bool stay_open = false;               // after the last piece, until the client closes
    std::function<void()> on_closed = {}; // the client closed while it stayed open
};

struct received_request {
    std::string method;
    std::string target;
    std::vector<std::pair<std::string, std::string>> headers; // lower case names
    std::string body;

    std::string header(std::string_view lower_case_name) const; // empty where it is absent
};

// PEM texts of a certificate that nobody has signed but itself, for `name` as DNS name and 127.0.0.1 as
// address.
struct test_certificate {
    std::string certificate;
    std::string key;
};
test_certificate make_test_certificate(std::string const& name, bool with_loopback_address = true);

// Loop only; it stops with its loop, which must outlive it.
class model_server {
  public:
    explicit model_server(app::net::io_loop& loop, std::optional<test_certificate> tls = std::nullopt);
    ~model_server();

    std::uint16_t port() const;
    // "http://127.0.0.1:port" or "https://…".
    std::string url() const;

    // The n-th connection gets the n-th answer; one too many is closed without a word.
    void answer_with(scripted_answer answer);
    std::vector<received_request> const& requests() const;

  private:
    struct impl;
    std::shared_ptr<impl> impl_;
};

// A complete HTTP answer with a Content-Length.
std::string http_answer_text(
    int status, std::string_view content_type, std::string_view body, std::string_view more_headers = ""
);
// The head of a streamed answer that ends with its connection.
std::string sse_head();

} // namespace gatehouse::testing
