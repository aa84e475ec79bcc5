#include "protocol/json_schema/uri.hpp"

#include <algorithm>
#include <ranges>
#include <vector>

namespace gatehouse::json_schema {

// The five parts of RFC 3986 appendix B. An authority or a query that is there but empty differs from none.
struct uri_parts {
    std::optional<std::string_view> scheme;
    std::optional<std::string_view> authority;
    std::string_view path;
    std::optional<std::string_view> query;
    std::optional<std::string_view> fragment;
};

static bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static bool is_scheme_character(char c) noexcept {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

static std::size_t scheme_length(std::string_view text) noexcept {
    auto const colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0 || !is_letter(text.front())) return 0;
    return std::ranges::all_of(text.substr(0, colon), is_scheme_character) ? colon : 0;
}

static uri_parts split(std::string_view text) noexcept {
    uri_parts parts;
    if (auto const hash = text.find('#'); hash != std::string_view::npos) {
        parts.fragment = text.substr(hash + 1);
        text = text.substr(0, hash);
    }
    if (auto const mark = text.find('?'); mark != std::string_view::npos) {
        parts.query = text.substr(mark + 1);
        text = text.substr(0, mark);
    }
    if (auto const length = scheme_length(text)) {
        parts.scheme = text.substr(0, length);
        text.remove_prefix(length + 1);
    }
    if (text.starts_with("//")) {
        text.remove_prefix(2);
        auto const slash = std::min(text.find('/'), text.size());
        parts.authority = text.substr(0, slash);
        text.remove_prefix(slash);
    }
    parts.path = text;
    return parts;
}

// RFC 3986 section 5.2.4: "." goes, ".." takes the segment before it along.
static std::string remove_dot_segments(std::string_view path) {
    bool const rooted = path.starts_with('/');
    if (rooted) path.remove_prefix(1);
    std::vector<std::string_view> kept;
    bool names_folder = false;
    for (auto const part : std::views::split(path, '/')) {
        std::string_view const segment(part.begin(), part.end());
        names_folder = segment == "." || segment == "..";
        if (!names_folder) kept.push_back(segment);
        if (segment == ".." && !kept.empty()) kept.pop_back();
    }
    std::string out(rooted ? "/" : "");
    for (std::size_t at = 0; at < kept.size(); ++at) {
        if (at > 0) out += '/';
        out += kept[at];
    }
    if (names_folder && !kept.empty()) out += '/';
    return out;
}

static std::string merge_paths(uri_parts const& base, std::string_view path) {
    if (base.authority && base.path.empty()) return "/" + std::string(path);
    auto const slash = base.path.rfind('/');
    if (slash == std::string_view::npos) return std::string(path);
    return std::string(base.path.substr(0, slash + 1)) + std::string(path);
}

static std::string compose(uri_parts const& parts, std::string_view path) {
    std::string out;
    if (parts.scheme) out.append(*parts.scheme).append(":");
    if (parts.authority) out.append("//").append(*parts.authority);
    out += path;
    if (parts.query) out.append("?").append(*parts.query);
    if (parts.fragment) out.append("#").append(*parts.fragment);
    return out;
}

uri_and_fragment split_fragment(std::string_view text) noexcept {
    auto const hash = text.find('#');
    if (hash == std::string_view::npos) return {text, {}};
    return {text.substr(0, hash), text.substr(hash + 1)};
}

bool is_absolute(std::string_view text) noexcept { return scheme_length(text) > 0; }

std::string resolve_reference(std::string_view base, std::string_view reference) {
    uri_parts const from = split(base);
    uri_parts to = split(reference);
    if (to.scheme) return compose(to, to.authority ? remove_dot_segments(to.path) : std::string(to.path));
    to.scheme = from.scheme;
    if (to.authority) return compose(to, remove_dot_segments(to.path));
    to.authority = from.authority;
    if (to.path.empty()) {
        if (!to.query) to.query = from.query;
        return compose(to, from.path);
    }
    if (to.path.starts_with('/')) return compose(to, remove_dot_segments(to.path));
    return compose(to, remove_dot_segments(merge_paths(from, to.path)));
}

static int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            out += text[at];
            continue;
        }
        if (at + 2 >= text.size()) return std::nullopt;
        int const high = hex_value(text[at + 1]);
        int const low = hex_value(text[at + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        at += 2;
    }
    return out;
}

} // namespace gatehouse::json_schema
