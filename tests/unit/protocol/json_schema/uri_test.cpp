// URI references: the examples of RFC 3986 section 5.4, and the shapes that schemas use beside them.
#include "protocol/json_schema/uri.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string_view>

namespace gatehouse::json_schema {

struct reference_case {
    std::string_view base;
    std::string_view reference;
    std::string_view resolved;
};

static constexpr std::string_view rfc = "http://a/b/c/d;p?q";

static constexpr std::array reference_cases = std::to_array<reference_case>({
    {rfc, "g:h", "g:h"},
    {rfc, "g", "http://a/b/c/g"},
    {rfc, "./g", "http://a/b/c/g"},
    {rfc, "g/", "http://a/b/c/g/"},
    {rfc, "/g", "http://a/g"},
    {rfc, "//g", "http://g"},
    {rfc, "?y", "http://a/b/c/d;p?y"},
    {rfc, "g?y", "http://a/b/c/g?y"},
    {rfc, "#s", "http://a/b/c/d;p?q#s"},
    {rfc, "g#s", "http://a/b/c/g#s"},
    {rfc, "", "http://a/b/c/d;p?q"},
    {rfc, ".", "http://a/b/c/"},
    {rfc, "..", "http://a/b/"},
    {rfc, "../g", "http://a/b/g"},
    {rfc, "../..", "http://a/"},
    {rfc, "../../g", "http://a/g"},
    {rfc, "../../../g", "http://a/g"},
    {rfc, "/./g", "http://a/g"},
    {rfc, "/../g", "http://a/g"},
    {rfc, "g.", "http://a/b/c/g."},
    {rfc, "..g", "http://a/b/c/..g"},
    {rfc, "./g/.", "http://a/b/c/g/"},
    {rfc, "g/../h", "http://a/b/c/h"},
    {"", "a/b", "a/b"},
    {"", "#a", "#a"},
    {"http://a", "b", "http://a/b"},
    {"urn:uuid:1", "#a", "urn:uuid:1#a"},
    {"urn:uuid:1", "urn:b:2", "urn:b:2"},
    {"file:///folder/a.json", "b.json", "file:///folder/b.json"},
});

TEST(uri, references_resolve_as_rfc_3986_has_it) {
    for (auto const& row : reference_cases) {
        EXPECT_EQ(resolve_reference(row.base, row.reference), row.resolved)
            << row.base << " + " << row.reference;
    }
}

TEST(uri, percent_decoding_refuses_what_is_cut_off) {
    EXPECT_EQ(percent_decode("/a%25b%7e"), "/a%b~");
    EXPECT_EQ(percent_decode("%2"), std::nullopt);
    EXPECT_EQ(percent_decode("a%"), std::nullopt);
    EXPECT_EQ(percent_decode("%g0"), std::nullopt);
}

} // namespace gatehouse::json_schema
