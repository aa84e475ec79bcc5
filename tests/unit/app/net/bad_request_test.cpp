#include "tests/unit/app/net/server_fixture.hpp"

#include <boost/json/parse.hpp>

#include <vector>

namespace gatehouse::app::net::test {

namespace {

using namespace std::string_literals;

struct bad_request {
    std::string name;
    std::string bytes; // {H} stands for the server's proper Host, {P} for its port
    int status;
};

std::string fill_in(std::string text, std::string const& host) {
    for (auto const& [mark, value] :
         {std::pair("{H}"s, host), std::pair("{P}"s, host.substr(host.find(':') + 1))}) {
        for (auto at = text.find(mark); at != text.npos; at = text.find(mark)) text.replace(at, 3, value);
    }
    return text;
}

// A GET with these header lines after a proper Host.
std::string with(std::string const& lines) { return "GET /x HTTP/1.1\r\nHost: {H}\r\n" + lines + "\r\n"; }
std::string post(std::string const& lines) { return "POST /x HTTP/1.1\r\nHost: {H}\r\n" + lines + "\r\n"; }
std::string chunked(std::string const& body) { return post("Transfer-Encoding: chunked\r\n") + body; }
std::string target(std::string const& of) { return "GET " + of + " HTTP/1.1\r\nHost: {H}\r\n\r\n"; }
std::string host(std::string const& lines) { return "GET /healthz HTTP/1.1\r\n" + lines + "\r\n"; }
std::string upgrade(std::string const& lines) { return "GET /ws HTTP/1.1\r\nHost: {H}\r\n" + lines + "\r\n"; }

std::string const good_upgrade =
    "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: gatehouse.v1\r\n";

std::string without(std::string const& name, std::string const& instead = "") {
    auto lines = good_upgrade;
    auto start = lines.find(name + ":");
    return lines.replace(start, lines.find("\r\n", start) + 2 - start, instead);
}

class bad_requests : public server_fixture, public ::testing::WithParamInterface<bad_request> {};

std::vector<bad_request> framing() {
    return {
        {"length_and_chunked", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400
        },
        {"chunked_and_length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") + "0\r\n\r\n", 400
        },
        {"two_lengths", post("Content-Length: 1\r\nContent-Length: 2\r\n") + "ab", 400},
        {"two_equal_lengths", post("Content-Length: 1\r\nContent-Length: 1\r\n") + "a", 400},
        {"length_list", post("Content-Length: 1, 1\r\n") + "a", 400},
        {"length_with_plus", post("Content-Length: +1\r\n") + "a", 400},
        {"negative_length", post("Content-Length: -1\r\n") + "a", 400},
        {"hexadecimal_length", post("Content-Length: 0x1\r\n") + "a", 400},
        {"empty_length", post("Content-Length:\r\n"), 400},
        {"length_beyond_64_bits", post("Content-Length: 99999999999999999999\r\n"), 400},
        {"gzip_chunked", post("Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n", 400},
        {"chunked_twice", post("Transfer-Encoding: chunked, chunked\r\n") + "0\r\n\r\n", 400},
        {"two_encodings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
         400},
        {"encoding_identity", post("Transfer-Encoding: identity\r\n"), 400},
        {"encoding_after_vertical_tab",
         post("Transfer-Encoding: \x0b"
              "chunked\r\n"),
         400},
        {"space_before_colon", post("Transfer-Encoding : chunked\r\n"), 400},
        {"chunked_in_1_0", "POST /x HTTP/1.0\r\nHost: {H}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400
        },
        {"chunk_size_no_number", chunked("zz\r\n"), 400},
        {"negative_chunk_size", chunked("-1\r\n"), 400},
        {"chunk_size_beyond_64_bits", chunked("1ffffffffffffffff\r\n"), 400},
        {"chunk_size_ends_with_bare_lf", chunked("5\nhello\r\n0\r\n\r\n"), 400},
        {"chunk_without_its_line_end", chunked("5\r\nhelloworld0\r\n\r\n"), 400},
        {"chunk_extension_without_end", chunked("5;" + std::string(70'000, 'e')), 400},
        {"chunk_above_the_limit", chunked("7fffffffffffffff\r\n"), 413},
        {"body_above_the_limit", post("Content-Length: 2000000\r\n"), 413},
        {"chunked_body_above_the_limit", chunked("100001\r\n" + std::string(0x100001, 'a')), 413},
        {"artifact_without_token",
         "PUT /v1/artifacts/a HTTP/1.1\r\nHost: {H}\r\nContent-Length: 2000000\r\n\r\n", 413},
        {"unknown_expectation", post("Expect: 200-ok\r\nContent-Length: 1\r\n"), 417},
    };
}

std::vector<bad_request> heads() {
    return {
        {"bare_lf_everywhere", "GET /x HTTP/1.1\nHost: {H}\n\n", 400},
        {"bare_lf_after_a_header", "GET /x HTTP/1.1\r\nHost: {H}\nX: y\r\n\r\n", 400},
        {"bare_cr_in_a_header", with("X: a\rb\r\n"), 400},
        {"lf_cr", "GET /x HTTP/1.1\n\rHost: {H}\n\r\n\r", 400},
        {"folded_header", with("X: a\r\n b\r\n"), 400},
        {"folded_with_tab", with("X: a\r\n\tb\r\n"), 400},
        {"folded_request_line", "GET /x HTTP/1.1\r\n Host: {H}\r\n\r\n", 400},
        {"nul_in_a_header", with("X: a\0b\r\n"s), 400},
        {"nul_in_a_name", with("X\0Y: a\r\n"s), 400},
        {"header_without_colon", with("Nonsense\r\n"), 400},
        {"header_without_name", with(": a\r\n"), 400},
        {"header_with_space_in_name", with("X Y: a\r\n"), 400},
        {"empty_first_line", "\r\nGET /x HTTP/1.1\r\nHost: {H}\r\n\r\n", 400},
        {"no_version", "GET /x\r\nHost: {H}\r\n\r\n", 400},
        {"two_spaces", "GET  /x HTTP/1.1\r\nHost: {H}\r\n\r\n", 400},
        {"version_2", "GET /x HTTP/2.0\r\nHost: {H}\r\n\r\n", 505},
        {"preface_of_http_2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"version_0_9", "GET /x HTTP/0.9\r\nHost: {H}\r\n\r\n", 505},
        {"tls_hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"s, 400},
        {"head_of_64_kb", with("X: " + std::string(65'536, 'a') + "\r\n"), 431},
        {"endless_first_line", "GET /" + std::string(70'000, 'a'), 431},
        {"too_many_headers",
         [] {
             std::string lines;
             for (int i = 0; i < 200; ++i) lines += "X" + std::to_string(i) + ": y\r\n";
             return with(lines);
         }(),
         431},
    };
}

std::vector<bad_request> targets() {
    return {
        {"absolute_form_of_another_host", target("http://evil.example/x"), 400},
        {"absolute_form_with_user", target("http://user@{H}/x"), 400},
        {"absolute_form_with_longer_port", target("http://{H}0/x"), 400},
        {"absolute_form_by_https", target("https://{H}/x"), 400},
        {"authority_form", "CONNECT {H} HTTP/1.1\r\nHost: {H}\r\n\r\n", 400},
        {"asterisk", "OPTIONS * HTTP/1.1\r\nHost: {H}\r\n\r\n", 400},
        {"relative", target("x"), 400},
        {"fragment", target("/x#y"), 400},
        {"parent", target("/a/../b"), 400},
        {"parent_at_the_end", target("/a/.."), 400},
        {"parent_encoded", target("/%2e%2E/etc/passwd"), 400},
        {"parent_half_encoded", target("/.%2e/etc/passwd"), 400},
        {"parent_with_encoded_slash", target("/a/..%2f..%2fetc/passwd"), 400},
        {"here", target("/./x"), 400},
        {"nul_encoded", target("/a%00b"), 400},
        {"control_encoded", target("/a%0d%0ab"), 400},
        {"bad_escape", target("/%zz"), 400},
        {"cut_escape", target("/%2"), 400},
        {"nul_in_query", target("/x?a=%00"), 400},
        {"bad_escape_in_query", target("/x?a=%g1"), 400},
    };
}

std::vector<bad_request> hosts() {
    return {
        {"no_host", host(""), 400},
        {"no_host_in_1_0", "GET /healthz HTTP/1.0\r\n\r\n", 400},
        {"two_hosts", host("Host: {H}\r\nHost: {H}\r\n"), 400},
        {"two_hosts_one_evil", host("Host: {H}\r\nHost: evil.example\r\n"), 400},
        {"empty_host", host("Host:\r\n"), 421},
        {"rebinding_name", host("Host: evil.example:{P}\r\n"), 421},
        {"rebinding_service", host("Host: 127.0.0.1.nip.io:{P}\r\n"), 421},
        {"no_port", host("Host: 127.0.0.1\r\n"), 421},
        {"other_port", host("Host: 127.0.0.1:1\r\n"), 421},
        {"port_with_zero", host("Host: 127.0.0.1:0{P}\r\n"), 421},
        {"mapped_ipv6", host("Host: [::ffff:127.0.0.1]:{P}\r\n"), 421},
        {"long_ipv6", host("Host: [0:0:0:0:0:0:0:1]:{P}\r\n"), 421},
        {"decimal_address", host("Host: 2130706433:{P}\r\n"), 421},
        {"short_address", host("Host: 127.1:{P}\r\n"), 421},
        {"trailing_dot", host("Host: localhost.:{P}\r\n"), 421},
        {"user_in_host", host("Host: {H}@evil.example\r\n"), 421},
        {"forwarded_host_does_not_help", host("Host: evil.example\r\nX-Forwarded-Host: {H}\r\n"), 421},
        {"absolute_form_does_not_help",
         "GET http://evil.example/healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421},
        {"on_the_upgrade_too", "GET /ws HTTP/1.1\r\nHost: evil.example\r\n" + good_upgrade + "\r\n", 421},
    };
}

std::vector<bad_request> origins() {
    return {
        {"null_origin", with("Origin: null\r\n"), 403},
        {"empty_origin", with("Origin:\r\n"), 403},
        {"other_scheme", with("Origin: https://{H}\r\n"), 403},
        {"other_port_of_origin", with("Origin: http://127.0.0.1:1\r\n"), 403},
        {"origin_without_port", with("Origin: http://127.0.0.1\r\n"), 403},
        {"suffix_trick", with("Origin: http://{H}.evil.example\r\n"), 403},
        {"prefix_trick", with("Origin: http://evil{H}\r\n"), 403},
        {"trailing_dot_of_origin", with("Origin: http://localhost.:{P}\r\n"), 403},
        {"trailing_slash", with("Origin: http://{H}/\r\n"), 403},
        {"upper_case_scheme", with("Origin: HTTP://{H}\r\n"), 403},
        {"upper_case_origin", with("Origin: http://LOCALHOST:{P}\r\n"), 403},
        {"two_origins", with("Origin: http://{H}\r\nOrigin: http://{H}\r\n"), 403},
        {"two_origins_one_evil", with("Origin: http://{H}\r\nOrigin: http://evil.example\r\n"), 403},
        {"origin_list", with("Origin: http://{H} http://evil.example\r\n"), 403},
        {"on_upgrades_null", upgrade(good_upgrade + "Origin: null\r\n"), 403},
        {"on_upgrades_another_page", upgrade(good_upgrade + "Origin: http://evil.example\r\n"), 403},
        {"on_upgrades_a_file", upgrade(good_upgrade + "Origin: file://\r\n"), 403},
    };
}

std::vector<bad_request> upgrades() {
    return {
        {"no_upgrade", upgrade(""), 426},
        {"no_connection_header", upgrade(without("Connection")), 426},
        {"other_protocol", upgrade(without("Upgrade", "Upgrade: h2c\r\n")), 426},
        {"no_version_header", upgrade(without("Sec-WebSocket-Version")), 426},
        {"version_8", upgrade(without("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8\r\n")), 426},
        {"two_versions", upgrade(good_upgrade + "Sec-WebSocket-Version: 13\r\n"), 426},
        {"no_key", upgrade(without("Sec-WebSocket-Key")), 400},
        {"short_key", upgrade(without("Sec-WebSocket-Key", "Sec-WebSocket-Key: YQ==\r\n")), 400},
        {"key_not_base64",
         upgrade(without("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==\r\n")), 400},
        {"two_keys", upgrade(good_upgrade + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 400},
        {"no_subprotocol", upgrade(without("Sec-WebSocket-Protocol")), 400},
        {"other_subprotocol",
         upgrade(without("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: gatehouse.v2\r\n")), 400},
        {"only_the_bearer",
         upgrade(without("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: gatehouse.bearer.eHg\r\n")), 400},
        {"by_post", "POST /ws HTTP/1.1\r\nHost: {H}\r\n" + good_upgrade + "\r\n", 400},
        {"by_1_0", "GET /ws HTTP/1.0\r\nHost: {H}\r\n" + good_upgrade + "\r\n", 400},
        {"with_a_body", upgrade(good_upgrade + "Content-Length: 2\r\n") + "ab", 400},
        {"request_behind_it", upgrade(good_upgrade) + "GET /smuggled HTTP/1.1\r\nHost: {H}\r\n\r\n", 400},
        {"frame_behind_it", upgrade(good_upgrade) + "\x81\x80\x00\x00\x00\x00"s, 400},
    };
}

std::string name_of(::testing::TestParamInfo<bad_request> const& info) { return info.param.name; }

} // namespace

// Each one is answered with one problem document and the connection's end, and the application never hears of
// it.
TEST_P(bad_requests, is_refused_before_any_handler) {
    start();
    auto client = connect();
    client.send(fill_in(GetParam().bytes, server_fixture::host()));
    auto answer = read_answer(client);
    EXPECT_EQ(answer.status, GetParam().status) << answer.head << answer.body;
    EXPECT_NE(answer.head.find("Content-Type: application/problem+json\r\n"), answer.head.npos);
    EXPECT_NE(answer.head.find("Connection: close\r\n"), answer.head.npos);
    EXPECT_EQ(client.receive_all(), "") << "one answer only";
    auto problem = boost::json::parse(answer.body).as_object();
    EXPECT_EQ(problem.at("status").as_int64(), GetParam().status);
    EXPECT_TRUE(problem.at("type").as_string().starts_with("urn:gatehouse:error:"));
    EXPECT_FALSE(problem.at("detail").as_string().empty());
    EXPECT_EQ(application_.asked, 0);
    EXPECT_EQ(log_.take("refused"), "refused " + std::to_string(GetParam().status) + " 127.0.0.1");
}

INSTANTIATE_TEST_SUITE_P(framing, bad_requests, ::testing::ValuesIn(framing()), name_of);
INSTANTIATE_TEST_SUITE_P(heads, bad_requests, ::testing::ValuesIn(heads()), name_of);
INSTANTIATE_TEST_SUITE_P(targets, bad_requests, ::testing::ValuesIn(targets()), name_of);
INSTANTIATE_TEST_SUITE_P(hosts, bad_requests, ::testing::ValuesIn(hosts()), name_of);
INSTANTIATE_TEST_SUITE_P(origins, bad_requests, ::testing::ValuesIn(origins()), name_of);
INSTANTIATE_TEST_SUITE_P(upgrades, bad_requests, ::testing::ValuesIn(upgrades()), name_of);

} // namespace gatehouse::app::net::test
