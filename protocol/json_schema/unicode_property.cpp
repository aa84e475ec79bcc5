#include "protocol/json_schema/unicode_property.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::json_schema {

struct category_name {
    std::string_view name;
    std::string_view re2;
};

// General categories with the long names and aliases of Unicode's PropertyValueAliases.
static constexpr std::array categories = std::to_array<category_name>({
    {"Letter", "L"},
    {"Uppercase_Letter", "Lu"},
    {"Lowercase_Letter", "Ll"},
    {"Titlecase_Letter", "Lt"},
    {"Modifier_Letter", "Lm"},
    {"Other_Letter", "Lo"},
    {"Mark", "M"},
    {"Combining_Mark", "M"},
    {"Nonspacing_Mark", "Mn"},
    {"Spacing_Mark", "Mc"},
    {"Enclosing_Mark", "Me"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Letter_Number", "Nl"},
    {"Other_Number", "No"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Connector_Punctuation", "Pc"},
    {"Dash_Punctuation", "Pd"},
    {"Open_Punctuation", "Ps"},
    {"Close_Punctuation", "Pe"},
    {"Initial_Punctuation", "Pi"},
    {"Final_Punctuation", "Pf"},
    {"Other_Punctuation", "Po"},
    {"Symbol", "S"},
    {"Math_Symbol", "Sm"},
    {"Currency_Symbol", "Sc"},
    {"Modifier_Symbol", "Sk"},
    {"Other_Symbol", "So"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Line_Separator", "Zl"},
    {"Paragraph_Separator", "Zp"},
    {"Control", "Cc"},
    {"cntrl", "Cc"},
    {"Format", "Cf"},
    {"Surrogate", "Cs"},
    {"Private_Use", "Co"},
});

static std::optional<std::string_view> category_of(std::string_view name) {
    auto const found = std::ranges::find_if(categories, [&](category_name const& row) {
        return row.name == name || row.re2 == name;
    });
    return found == categories.end() ? std::nullopt : std::optional(found->re2);
}

static bool is_script(std::string_view name) {
    return name.size() > 2 && std::ranges::all_of(name, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
           });
}

std::optional<std::string> character_class_of(std::string_view expression, bool negated) {
    if (expression == "Any")
        return negated ? std::nullopt : std::optional<std::string>(R"(\x{0}-\x{10ffff})");
    if (expression == "ASCII") return negated ? R"(\x{80}-\x{10ffff})" : R"(\x{0}-\x{7f})";
    auto const equals = expression.find('=');
    auto const property = expression.substr(0, equals == std::string_view::npos ? 0 : equals);
    auto const value = equals == std::string_view::npos ? expression : expression.substr(equals + 1);
    std::string const opening = negated ? R"(\P{)" : R"(\p{)";
    if (property.empty() || property == "General_Category" || property == "gc") {
        auto const category = category_of(value);
        return category ? std::optional(opening + std::string(*category) + "}") : std::nullopt;
    }
    bool const script = property == "Script" || property == "sc";
    return script && is_script(value) ? std::optional(opening + std::string(value) + "}") : std::nullopt;
}

} // namespace gatehouse::json_schema
