#include "app/net/http_head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace gatehouse::app::net {

namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_without_case(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool is_token(std::string_view text) noexcept {
    static constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || marks.find(c) != marks.npos;
    });
}

bool is_control(char c) noexcept { return static_cast<std::uint8_t>(c) < 0x20 || c == 0x7f; }

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Decodes %XX. Nothing for an escape that isn't one, or that gives NUL.
std::optional<std::string> percent_decode(std::string_view encoded) {
    std::string decoded;
    decoded.reserve(encoded.size());
    for (std::size_t i = 0; i < encoded.size(); ++i) {
        char c = encoded[i];
        if (c == '%') {
            if (i + 2 >= encoded.size()) return std::nullopt;
            int high = hex_digit(encoded[i + 1]);
            int low = hex_digit(encoded[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (c == '\0') return std::nullopt;
        decoded += c;
    }
    return decoded;
}

refusal bad_request(std::string detail) { return {400, std::move(detail)}; }

// One line without its line end. The first one is the request line, which Beast reads.
std::optional<refusal> check_line(std::string_view line, bool is_first) {
    if (is_first) {
        if (line.empty()) return bad_request("The request begins with an empty line.");
        if (std::ranges::any_of(line, is_control))
            return bad_request("The request line has a control character.");
        return std::nullopt;
    }
    if (line.empty()) return std::nullopt;
    if (line.front() == ' ' || line.front() == '\t') return bad_request("A header is folded over two lines.");
    auto colon = line.find(':');
    if (colon == line.npos || !is_token(line.substr(0, colon))) {
        return bad_request("A header line has no proper name before its colon.");
    }
    auto value = line.substr(colon + 1);
    if (std::ranges::any_of(value, [](char c) { return is_control(c) && c != '\t'; })) {
        return bad_request(fmt::format("The header {} has a control character.", line.substr(0, colon)));
    }
    return std::nullopt;
}

std::vector<std::string_view> values_of(header_list const& headers, std::string_view name) {
    std::vector<std::string_view> values;
    for (auto const& [each, value] : headers) {
        if (each == name) values.push_back(value);
    }
    return values;
}

} // namespace

std::optional<std::string_view> http_request::header(std::string_view lower_case_name) const {
    for (auto const& [name, value] : headers) {
        if (name == lower_case_name) return value;
    }
    return std::nullopt;
}

std::optional<std::string_view> http_request::query_parameter(std::string_view name) const {
    for (auto const& [each, value] : query) {
        if (each == name) return value;
    }
    return std::nullopt;
}

std::optional<refusal> check_head_bytes(std::string_view head) {
    bool is_first = true;
    while (!head.empty()) {
        auto end = head.find_first_of("\r\n");
        bool is_cut = end == head.npos || (head[end] == '\r' && end + 1 == head.size());
        if (!is_cut && head[end] == '\n') return bad_request("A line ends with a bare LF.");
        if (!is_cut && head[end + 1] != '\n') return bad_request("A CR stands without its LF.");
        if (is_cut) {
            // The rest of this line is to come; so far, it may only be no fold.
            if (!is_first && (head.front() == ' ' || head.front() == '\t')) return check_line(" ", false);
            return std::nullopt;
        }
        if (auto refused = check_line(head.substr(0, end), is_first)) return refused;
        is_first = false;
        head.remove_prefix(end + 2);
    }
    return std::nullopt;
}

std::optional<refusal> check_framing(header_list const& headers, bool is_http_1_0) {
    if (values_of(headers, "host").size() != 1)
        return bad_request("A request needs exactly one Host header.");
    auto lengths = values_of(headers, "content-length");
    auto encodings = values_of(headers, "transfer-encoding");
    if (lengths.size() > 1) return bad_request("Content-Length stands there twice.");
    if (encodings.size() > 1) return bad_request("Transfer-Encoding stands there twice.");
    if (!lengths.empty() && !encodings.empty()) {
        return bad_request("Content-Length and Transfer-Encoding exclude each other.");
    }
    if (!lengths.empty()) {
        bool digits = std::ranges::all_of(lengths[0], [](char c) { return c >= '0' && c <= '9'; });
        if (!digits || lengths[0].empty() || lengths[0].size() > 18) {
            return bad_request("Content-Length is not a number of bytes.");
        }
    }
    if (!encodings.empty() && (is_http_1_0 || !same_without_case(encodings[0], "chunked"))) {
        return bad_request("The only Transfer-Encoding that is understood is chunked, in HTTP/1.1.");
    }
    for (auto const& expected : values_of(headers, "expect")) {
        if (!same_without_case(expected, "100-continue")) {
            return refusal{417, "The only expectation that is understood is 100-continue."};
        }
    }
    return std::nullopt;
}

std::optional<request_target> split_target(std::string_view target, std::string_view host) {
    if (target.find('#') != target.npos) return std::nullopt;
    constexpr std::string_view scheme = "http://";
    if (target.starts_with(scheme)) {
        target.remove_prefix(scheme.size());
        if (!target.starts_with(host)) return std::nullopt;
        target.remove_prefix(host.size());
        if (target.empty()) target = "/";
    }
    if (!target.starts_with('/')) return std::nullopt;
    auto question = target.find('?');
    if (question == target.npos) return request_target{target, {}};
    return request_target{target.substr(0, question), target.substr(question + 1)};
}

std::optional<std::string> decode_path(std::string_view encoded) {
    auto path = percent_decode(encoded);
    if (!path || std::ranges::any_of(*path, is_control)) return std::nullopt;
    std::string_view rest(*path);
    while (!rest.empty()) {
        rest.remove_prefix(1); // the slash
        auto segment = rest.substr(0, rest.find('/'));
        if (segment == "." || segment == "..") return std::nullopt;
        rest.remove_prefix(segment.size());
    }
    return path;
}

std::optional<header_list> decode_query(std::string_view encoded) {
    header_list parameters;
    while (!encoded.empty()) {
        auto pair = encoded.substr(0, encoded.find('&'));
        encoded.remove_prefix(std::min(pair.size() + 1, encoded.size()));
        if (pair.empty()) continue;
        auto equals = std::min(pair.find('='), pair.size());
        std::string name(pair.substr(0, equals));
        std::string value(pair.substr(std::min(equals + 1, pair.size())));
        std::ranges::replace(name, '+', ' ');
        std::ranges::replace(value, '+', ' ');
        auto decoded_name = percent_decode(name);
        auto decoded_value = percent_decode(value);
        if (!decoded_name || !decoded_value) return std::nullopt;
        parameters.emplace_back(std::move(*decoded_name), std::move(*decoded_value));
    }
    return parameters;
}

bool lists_token(header_list const& headers, std::string_view lower_case_name, std::string_view token) {
    for (auto list : values_of(headers, lower_case_name)) {
        while (!list.empty()) {
            auto each = list.substr(0, list.find(','));
            list.remove_prefix(std::min(each.size() + 1, list.size()));
            if (same_without_case(trim(each), token)) return true;
        }
    }
    return false;
}

std::optional<refusal> check_upgrade(http_request const& request, bool is_http_1_0) {
    if (request.method != "GET" || is_http_1_0)
        return bad_request("An upgrade to WebSocket is a GET of HTTP/1.1.");
    if (!lists_token(request.headers, "upgrade", "websocket") ||
        !lists_token(request.headers, "connection", "upgrade")) {
        return refusal{
            426,
            "This path speaks WebSocket; send Upgrade: websocket and Connection: Upgrade.",
            {{"Upgrade", "websocket"}}
        };
    }
    auto versions = values_of(request.headers, "sec-websocket-version");
    if (versions.size() != 1 || versions[0] != "13") {
        return refusal{
            426,
            "The WebSocket version must be 13.",
            {{"Sec-WebSocket-Version", "13"}, {"Upgrade", "websocket"}}
        };
    }
    auto keys = values_of(request.headers, "sec-websocket-key");
    // 16 bytes in base64: 22 characters and the padding.
    bool is_key =
        keys.size() == 1 && keys[0].size() == 24 && keys[0].ends_with("==") &&
        std::ranges::all_of(keys[0].substr(0, 22), [](char c) {
            return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '+' || c == '/';
        });
    if (!is_key) return bad_request("Sec-WebSocket-Key must be 16 bytes in base64, once.");
    if (!request.body.empty()) return bad_request("An upgrade has no body.");
    if (!lists_token(request.headers, "sec-websocket-protocol", "gatehouse.v1")) {
        return bad_request("Sec-WebSocket-Protocol must offer gatehouse.v1.");
    }
    return std::nullopt;
}

} // namespace gatehouse::app::net
