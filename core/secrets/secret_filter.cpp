#include "core/secrets/secret_filter.hpp"

#include "protocol/encoding.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

constexpr std::size_t length_min = 8;
constexpr char const* gateway_token = "gth_[A-Za-z0-9_-]{43}";
constexpr char const* replacement = "[secret]";

std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
    return text;
}

std::string percent_encode(std::string_view value, std::string_view digits) {
    std::string out;
    for (unsigned char const c : value) {
        if (std::isalnum(c) || std::string_view("-._~").find(static_cast<char>(c)) != std::string_view::npos)
            out += static_cast<char>(c);
        else
            out.append(1, '%').append(1, digits[c >> 4]).append(1, digits[c & 15]);
    }
    return out;
}

// The digits of `value` in a base64 text where `before` bytes stand in front of it, but for those that depend
// on its neighbours.
std::string base64_core(std::string_view value, std::size_t before) {
    auto const digits = base64url_encode(std::string(before, '\0') + std::string(value));
    auto const first = (before * 8 + 5) / 6;
    auto const end = (before + value.size()) * 8 / 6;
    return digits.substr(first, end - first);
}

std::string standard_alphabet(std::string base64url) {
    std::ranges::replace(base64url, '-', '+');
    std::ranges::replace(base64url, '_', '/');
    return base64url;
}

std::set<std::string> forms_of(std::string const& value) {
    std::set<std::string> forms{
        value, hex_encode(value), upper(hex_encode(value)), percent_encode(value, "0123456789ABCDEF"),
        percent_encode(value, "0123456789abcdef")
    };
    for (std::size_t before : {0, 1, 2}) {
        forms.insert(base64_core(value, before));
        forms.insert(standard_alphabet(base64_core(value, before)));
    }
    return forms;
}

std::string pattern_of(std::vector<std::string> const& values) {
    std::string pattern = gateway_token;
    for (auto const& value : values) {
        if (value.size() < length_min) continue;
        for (auto const& form : forms_of(value)) pattern += "|" + RE2::QuoteMeta(form);
    }
    return pattern;
}

RE2::Options options() {
    RE2::Options o;
    o.set_encoding(RE2::Options::EncodingLatin1); // bytes, since evidence need not be text
    o.set_log_errors(false);
    o.set_longest_match(true); // one form may be the beginning of another
    return o;
}

} // namespace

secret_filter::secret_filter(std::vector<std::string> const& values)
    : secrets_(std::make_unique<RE2 const>(pattern_of(values), options())) {}

secret_filter::~secret_filter() = default;

bool secret_filter::clean(std::string& text) const {
    if (!RE2::PartialMatch(text, *secrets_)) return false;
    RE2::GlobalReplace(&text, *secrets_, replacement);
    return true;
}

bool secret_filter::clean(json::value& document) const {
    if (auto* object = document.if_object()) return clean(*object);
    if (auto* array = document.if_array()) return clean(*array);
    auto* text = document.if_string();
    if (!text || !RE2::PartialMatch(re2::StringPiece(text->data(), text->size()), *secrets_)) return false;
    std::string cleaned(*text);
    clean(cleaned);
    *text = cleaned;
    return true;
}

bool secret_filter::clean(json::object& document) const {
    bool changed = false;
    for (auto& member : document) changed |= clean(member.value());
    return changed;
}

bool secret_filter::clean(json::array& document) const {
    bool changed = false;
    for (auto& item : document) changed |= clean(item);
    return changed;
}

} // namespace gatehouse::core
