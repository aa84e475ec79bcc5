#include "app/net/response_head.hpp"

#include "app/net/problem.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

namespace gatehouse::app::net {

namespace {

// IMF-fixdate. Not by strftime, whose names follow the locale.
std::string http_date(std::time_t now) {
    static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    gmtime_r(&now, &utc);
    return fmt::format(
        "{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
        months[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec
    );
}

bool is_fit_for_a_line(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

} // namespace

std::string encode_response_head(
    http_response const& response, body_framing framing, std::size_t body_bytes, bool keep_alive,
    std::time_t now
) {
    std::string head;
    auto to = std::back_inserter(head);
    fmt::format_to(
        to, "HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status, reason_phrase(response.status), http_date(now)
    );
    for (auto const& [name, value] : response.headers) {
        if (is_fit_for_a_line(name) && is_fit_for_a_line(value)) {
            fmt::format_to(to, "{}: {}\r\n", name, value);
        } else {
            spdlog::error(
                "a header of an answer with status {} is left out: it contains a line end", response.status
            );
        }
    }
    if (framing == body_framing::length) fmt::format_to(to, "Content-Length: {}\r\n", body_bytes);
    if (framing == body_framing::chunked) head += "Transfer-Encoding: chunked\r\n";
    if (!keep_alive) head += "Connection: close\r\n";
    return head += "\r\n";
}

} // namespace gatehouse::app::net
