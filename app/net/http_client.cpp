#include "app/net/http_client.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace gatehouse::app::net {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;
using beast_view = boost::beast::string_view;

// What Beast reads of one answer: the head, and the body in whatever pieces it comes.
class response_parser final : public http::basic_parser<false> {
  public:
    client_response_head head;
    std::string body; // what has come and was not taken yet

  private:
    void on_request_impl(http::verb, beast_view, beast_view, int, error_code&) override {}
    void on_response_impl(int status, beast_view, int, error_code&) override { head.status = status; }
    void on_field_impl(http::field, beast_view name, beast_view value, error_code&) override {
        std::string lower(name);
        std::ranges::transform(lower, lower.begin(), [](unsigned char c) {
            return c >= 'A' && c <= 'Z' ? c + 32 : c;
        });
        head.headers.emplace_back(std::move(lower), std::string(value));
    }
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
    std::size_t on_body_impl(beast_view piece, error_code&) override {
        body += piece;
        return piece.size();
    }
    void on_chunk_header_impl(std::uint64_t, beast_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast_view piece, error_code&) override {
        body += piece;
        return piece.size();
    }
    void on_finish_impl(error_code&) override {}
};

bool has_line_break(std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

std::expected<std::string, transport_error> head_of(client_request const& request, web_address const& to) {
    auto head = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, to.target, to.host_header());
    head += "User-Agent: gatehouse/" GATEHOUSE_VERSION "\r\nConnection: close\r\n";
    if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD")) {
        head += fmt::format("Content-Length: {}\r\n", request.body.size());
    }
    for (auto const& [name, value] : request.headers) {
        if (name.empty() || has_line_break(name) || has_line_break(value)) {
            return std::unexpected(transport_error{
                transport_error::kind::bad_request,
                fmt::format("The value of the header \"{}\" can't be sent: it has a line break.", name)
            });
        }
        head += fmt::format("{}: {}\r\n", name, value);
    }
    return head + "\r\n";
}

transport_error read_failure(error_code failure) {
    using kind = transport_error::kind;
    if (failure == http::error::body_limit || failure == http::error::header_limit) {
        return {kind::too_large, "The answer is larger than allowed."};
    }
    if (failure == http::error::partial_message || failure == http::error::end_of_stream) {
        return {kind::closed, "The connection ended in the middle of the answer."};
    }
    if (failure.category() == http::make_error_code(http::error::bad_version).category()) {
        return {kind::protocol, fmt::format("The answer is not HTTP ({}).", failure.message())};
    }
    return {kind::closed, fmt::format("The connection broke: {}.", failure.message())};
}

class answer final : public http_answer {
  public:
    answer(
        io_loop& loop, http_client_options const& options, std::shared_ptr<byte_stream> stream, bool has_body
    )
        : loop_(loop), options_(options), stream_(std::move(stream)), has_body_(has_body) {
        start_parser();
    }
    ~answer() override { stream_->cut(); }

    client_response_head const& head() const override { return parser_->head; }

    core::task<std::expected<std::optional<std::string>, transport_error>> next_chunk(core::cancellation& stop
    ) override {
        while (parser_->body.empty() && !parser_->is_done()) {
            stream_guard const guard(loop_, *stream_, loop_.now() + options_.idle_timeout, stop);
            if (auto const failure = co_await read_more())
                co_return std::unexpected(guard.explain(read_failure(failure)));
        }
        if (parser_->body.empty()) co_return std::nullopt;
        co_return std::exchange(parser_->body, {});
    }

    // Writes the request and reads up to the end of the head.
    core::task<std::expected<void, transport_error>>
    exchange_heads(std::string_view request_head, std::string_view request_body, core::cancellation& stop) {
        stream_guard const guard(loop_, *stream_, loop_.now() + options_.head_timeout, stop);
        auto failure = co_await stream_->write_all(request_head);
        if (!failure) failure = co_await stream_->write_all(request_body);
        // A server that refuses a body may answer and close before it has read it: then the answer says why.
        for (bool more = true; more;) {
            if (auto const broken = co_await read_more()) {
                co_return std::unexpected(guard.explain(read_failure(failure ? failure : broken)));
            }
            more = !parser_->is_header_done();
            if (!more && parser_->head.status / 100 == 1) {
                start_parser();
                more = true;
            }
        }
        co_return std::expected<void, transport_error>();
    }

  private:
    void start_parser() {
        parser_.emplace();
        parser_->header_limit(static_cast<std::uint32_t>(options_.head_bytes_max));
        parser_->body_limit(options_.body_bytes_max);
        parser_->eager(true);
        parser_->skip(!has_body_);
    }

    // Parses what is there, else waits for one more piece.
    core::task<error_code> read_more() {
        if (auto const done = parse_pending(); done) co_return *done;
        auto const size = co_await stream_->read_some(piece_);
        if (!size) co_return size.error();
        error_code failure;
        if (*size == 0) {
            if (!parser_->got_some()) co_return http::make_error_code(http::error::end_of_stream);
            parser_->put_eof(failure);
            co_return failure;
        }
        unparsed_.append(piece_.data(), *size);
        co_return parse_pending().value_or(error_code());
    }

    // Nothing if more bytes are needed.
    std::optional<error_code> parse_pending() {
        bool some = false;
        while (!unparsed_.empty() && !parser_->is_done()) {
            bool const in_head = !parser_->is_header_done();
            error_code failure;
            auto const used = parser_->put(boost::asio::buffer(unparsed_), failure);
            unparsed_.erase(0, used);
            if (failure == http::error::need_more) break;
            if (failure) return failure;
            some = true;
            if (used == 0 || (in_head && parser_->is_header_done())) break;
        }
        return some ? std::optional(error_code()) : std::nullopt;
    }

    io_loop& loop_;
    http_client_options const options_;
    std::shared_ptr<byte_stream> stream_;
    bool has_body_; // an answer to HEAD has none, whatever its Content-Length says
    std::optional<response_parser> parser_;
    std::string unparsed_;
    std::array<char, 16 << 10> piece_;
};

} // namespace

std::optional<std::string_view> client_response_head::header(std::string_view lower_case_name) const {
    auto const found = std::ranges::find(headers, lower_case_name, [](auto const& each) {
        return std::string_view(each.first);
    });
    if (found == headers.end()) return std::nullopt;
    return found->second;
}

core::task<std::expected<std::unique_ptr<http_answer>, transport_error>>
http_client::open(client_request request, core::cancellation& stop) {
    auto const to = parse_web_address(request.url);
    if (!to)
        co_return std::unexpected(
            transport_error{transport_error::kind::bad_request, "Not sent: " + to.error() + "."}
        );
    auto const head = head_of(request, *to);
    if (!head) co_return std::unexpected(head.error());
    auto stream =
        co_await open_stream(loop_, *to, options_.tls, loop_.now() + options_.connect_timeout, stop);
    if (!stream) co_return std::unexpected(std::move(stream.error()));
    auto opened = std::make_unique<answer>(loop_, options_, std::move(*stream), request.method != "HEAD");
    if (auto const done = co_await opened->exchange_heads(*head, request.body, stop); !done)
        co_return std::unexpected(done.error());
    co_return std::move(opened);
}

core::task<std::expected<client_response, transport_error>>
http_client::request(client_request request, core::cancellation& stop) {
    auto opened = co_await open(std::move(request), stop);
    if (!opened) co_return std::unexpected(std::move(opened.error()));
    client_response whole{(*opened)->head(), {}};
    while (true) {
        auto piece = co_await (*opened)->next_chunk(stop);
        if (!piece) co_return std::unexpected(std::move(piece.error()));
        if (!*piece) co_return whole;
        whole.body += **piece;
    }
}

} // namespace gatehouse::app::net
