#pragma once
// What a request's head must be before anything may believe it. One strict reading: a form that two readers
// could take differently (request smuggling) is refused, never repaired. Pure functions, no Beast.
#include "app/net/server.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::app::net {

// Why a request is answered by net itself. The connection closes after it.
struct refusal {
    int status;
    std::string detail; // a sentence for a person
    std::vector<std::pair<std::string, std::string>> headers{};
};

using header_list = std::vector<std::pair<std::string, std::string>>;

// The bytes of a head, up to and with the empty line: refuses a bare CR or LF, folded lines, control
// characters, and names that are not tokens. Also fit for an unfinished head: what it refuses, no further
// byte can mend.
std::optional<refusal> check_head_bytes(std::string_view head);

// The headers taken together: exactly one Host, one Content-Length or one Transfer-Encoding (which is
// "chunked"), never both.
std::optional<refusal> check_framing(header_list const& headers, bool is_http_1_0);

// Splits a request target into path and query, both still encoded. An absolute form must name the same
// authority as `host`. Nothing if it is neither or has a fragment.
struct request_target {
    std::string_view path;
    std::string_view query;
};
std::optional<request_target> split_target(std::string_view target, std::string_view host);

// Percent-decoded once. Nothing for a bad escape, a control character, or a segment "." or "..".
std::optional<std::string> decode_path(std::string_view encoded);

// Nothing for a bad escape or a NUL. A '+' is a space.
std::optional<header_list> decode_query(std::string_view encoded);

// What the upgrade of /ws needs beside a token: version, key and the subprotocol gatehouse.v1.
std::optional<refusal> check_upgrade(http_request const& request, bool is_http_1_0);

// True if a header that lists tokens separated by commas, in however many lines, has `token` (no matter the
// case).
bool lists_token(header_list const& headers, std::string_view lower_case_name, std::string_view token);

} // namespace gatehouse::app::net
