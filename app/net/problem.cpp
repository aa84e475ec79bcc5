#include "app/net/problem.hpp"

#include "protocol/error.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace gatehouse::app::net {

namespace {

// What each status that net answers by itself is called in the contract.
struct status_code {
    int status;
    errc code;
};
constexpr std::array status_codes{
    status_code{400, errc::invalid_request},   status_code{403, errc::forbidden},
    status_code{408, errc::deadline_exceeded}, status_code{413, errc::too_large},
    status_code{417, errc::invalid_request},   status_code{421, errc::forbidden},
    status_code{426, errc::invalid_request},   status_code{431, errc::too_large},
    status_code{500, errc::internal},          status_code{503, errc::busy},
    status_code{505, errc::invalid_request},
};

struct phrase {
    int status;
    std::string_view text;
};
constexpr std::array phrases{
    phrase{100, "Continue"},
    phrase{101, "Switching Protocols"},
    phrase{200, "OK"},
    phrase{201, "Created"},
    phrase{202, "Accepted"},
    phrase{204, "No Content"},
    phrase{206, "Partial Content"},
    phrase{301, "Moved Permanently"},
    phrase{302, "Found"},
    phrase{303, "See Other"},
    phrase{304, "Not Modified"},
    phrase{307, "Temporary Redirect"},
    phrase{308, "Permanent Redirect"},
    phrase{400, "Bad Request"},
    phrase{401, "Unauthorized"},
    phrase{403, "Forbidden"},
    phrase{404, "Not Found"},
    phrase{405, "Method Not Allowed"},
    phrase{406, "Not Acceptable"},
    phrase{408, "Request Timeout"},
    phrase{409, "Conflict"},
    phrase{410, "Gone"},
    phrase{411, "Length Required"},
    phrase{412, "Precondition Failed"},
    phrase{413, "Content Too Large"},
    phrase{415, "Unsupported Media Type"},
    phrase{416, "Range Not Satisfiable"},
    phrase{417, "Expectation Failed"},
    phrase{421, "Misdirected Request"},
    phrase{422, "Unprocessable Content"},
    phrase{426, "Upgrade Required"},
    phrase{428, "Precondition Required"},
    phrase{429, "Too Many Requests"},
    phrase{431, "Request Header Fields Too Large"},
    phrase{499, "Client Closed Request"},
    phrase{500, "Internal Server Error"},
    phrase{501, "Not Implemented"},
    phrase{502, "Bad Gateway"},
    phrase{503, "Service Unavailable"},
    phrase{504, "Gateway Timeout"},
    phrase{505, "HTTP Version Not Supported"},
};

} // namespace

std::string_view reason_phrase(int status) noexcept {
    auto const* found = std::ranges::find(phrases, status, &phrase::status);
    return found == phrases.end() ? std::string_view() : found->text;
}

http_response problem_response(refusal const& why) {
    auto const* found = std::ranges::find(status_codes, why.status, &status_code::status);
    errc code = found == status_codes.end() ? errc::invalid_request : found->code;
    boost::json::object body{
        {"type", "urn:gatehouse:error:" + std::string(kind_of(code))},
        {"title", reason_phrase(why.status)},
        {"status", why.status},
        {"detail", why.detail},
        {"code", static_cast<int>(code)},
        {"data", {{"kind", kind_of(code)}, {"retryable", is_retryable(code)}}},
    };
    http_response response;
    response.status = why.status;
    response.headers = why.headers;
    response.headers.emplace_back("Content-Type", "application/problem+json");
    response.headers.emplace_back("Cache-Control", "no-store");
    response.body = boost::json::serialize(body);
    return response;
}

} // namespace gatehouse::app::net
