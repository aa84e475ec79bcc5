// The keywords about values that have no parts: types, constants, numbers, strings.
#include "protocol/json_schema/compiler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace gatehouse::json_schema {

namespace json = boost::json;

struct type_name {
    std::string_view name;
    json_type bit;
};

static constexpr std::array type_names = std::to_array<type_name>({
    {"null", type_null},
    {"boolean", type_boolean},
    {"object", type_object},
    {"array", type_array},
    {"number", type_number},
    {"integer", type_integer},
    {"string", type_string},
});

void compiler::compile_type(site const& at) {
    std::vector<std::string> wanted;
    if (auto const* single = at.operand.if_string())
        wanted.emplace_back(*single);
    else
        wanted = names(at, "", at.operand);
    std::uint8_t types = 0;
    for (auto const& name : wanted) {
        auto const found = std::ranges::find(type_names, name, &type_name::name);
        if (found == type_names.end()) return fail(at, fmt::format("\"{}\" is not a type of JSON", name));
        types |= found->bit;
    }
    if (types == 0) return fail(at, "must name at least one type");
    at.out.types = types;
}

static void add_value(value_rules& rules, json::value const& value) {
    rules.all.emplace_back(value, json::storage_ptr());
    if (auto const* text = value.if_string())
        rules.strings[*text] = 0;
    else
        rules.others.push_back(rules.all.back());
}

void compiler::compile_enum(site const& at) {
    auto const* values = at.operand.if_array();
    if (!values) return fail(at, "must be an array of values");
    for (auto const& value : *values) add_value(rules(at.out.enumerated), value);
    rules(at.out.enumerated);
}

void compiler::compile_const(site const& at) { add_value(rules(at.out.constant), at.operand); }

void compiler::compile_minimum(site const& at) { rules(at.out.numbers).minimum = number(at); }
void compiler::compile_exclusive_minimum(site const& at) {
    rules(at.out.numbers).exclusive_minimum = number(at);
}
void compiler::compile_maximum(site const& at) { rules(at.out.numbers).maximum = number(at); }
void compiler::compile_exclusive_maximum(site const& at) {
    rules(at.out.numbers).exclusive_maximum = number(at);
}

void compiler::compile_multiple_of(site const& at) {
    auto const operand = number(at);
    bool const positive = operand.is_number() && compare_numbers(operand, json::value(0)) > 0;
    if (!positive) return fail(at, "must be a number greater than 0");
    auto& out = rules(at.out.numbers);
    out.factor = divisor(operand);
    out.multiple_of = operand;
}

void compiler::compile_min_length(site const& at) { rules(at.out.strings).length_min = count(at); }
void compiler::compile_max_length(site const& at) { rules(at.out.strings).length_max = count(at); }

void compiler::compile_pattern_keyword(site const& at) {
    auto const* text = at.operand.if_string();
    if (!text) return fail(at, "must be a string with a regular expression");
    rules(at.out.strings).patterns.push_back(compile_pattern(at, "", *text));
}

void compiler::compile_format(site const& at) {
    auto const* name = at.operand.if_string();
    if (!name) return fail(at, "must be a string");
    if (options_.assert_date_time && *name == "date-time") rules(at.out.strings).is_date_time = true;
}

} // namespace gatehouse::json_schema
