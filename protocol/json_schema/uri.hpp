#pragma once
// Just enough of RFC 3986 for "$id" and "$ref": splitting, resolving a reference against a base,
// percent-decoding.

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::json_schema {

struct uri_and_fragment {
    std::string_view uri;
    std::string_view fragment; // without the '#'; still percent-encoded
};

// Cuts at the first '#'. The views point into `text`.
uri_and_fragment split_fragment(std::string_view text) noexcept;

// Whether `text` starts with a scheme ("https:", "urn:").
bool is_absolute(std::string_view text) noexcept;

// RFC 3986 section 5.2 with `base` as the base URI; `base` may be empty, then the reference stands for
// itself. The fragment is that of the reference.
std::string resolve_reference(std::string_view base, std::string_view reference);

// Undoes %XX; nothing where a '%' isn't followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

} // namespace gatehouse::json_schema
