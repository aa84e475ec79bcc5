#pragma once
// evaluation<Report>: the way through one node, and its rules for values without parts.

#include "protocol/json_schema/date_time.hpp"
#include "protocol/json_schema/evaluation.hpp"

#include <algorithm>

namespace gatehouse::json_schema {

inline bool has_type(std::uint8_t types, boost::json::value const& value) noexcept {
    if ((types & types_of(value.kind())) != 0) return true;
    return value.is_double() && (types & type_integer) != 0 && is_integral(value.get_double());
}

inline std::size_t code_points(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

template <class Report>
bool evaluation<Report>::check(node const& rules, json_value const& value, evaluated_parts* seen) {
    if (rules.refuses_all) return refuse("false", [] { return "is not allowed here"; });
    if (!state_.work.spend(1)) return false;
    if (!has_type(rules.types, value)) {
        return refuse("type", [&] { return text::wrong_type(rules.types, value); });
    }
    bool const nested =
        rules.same_place || rules.unevaluated || rules.enters_resource || value.is_structured();
    return nested ? check_nested(rules, value, seen) : check_kind(rules, value, seen);
}

// The part of check() that may go deeper, and so counts how deep it is.
template <class Report>
bool evaluation<Report>::check_nested(node const& rules, json_value const& value, evaluated_parts* seen) {
    if (state_.depth_left == 0) {
        state_.work.give_up();
        return false;
    }
    --state_.depth_left;
    dynamic_scope const here{state_.scope, rules.resource};
    bool const enters = rules.enters_resource && !(here.outer && here.outer->resource == rules.resource);
    if (enters) state_.scope = &here;
    bool const tracks = rules.unevaluated && value.is_structured();
    bool const ok = tracks ? check_unevaluated(rules, value, seen) : check_rules(rules, value, seen);
    state_.scope = enters ? here.outer : state_.scope;
    ++state_.depth_left;
    return ok;
}

template <class Report>
bool evaluation<Report>::check_rules(node const& rules, json_value const& value, evaluated_parts* seen) {
    bool ok = true;
    if (!check_kind(rules, value, seen) && stops(ok)) return false;
    if (rules.same_place && !check_same_place(*rules.same_place, value, seen)) ok = false;
    return ok;
}

template <class Report>
bool evaluation<Report>::check_kind(node const& rules, json_value const& value, evaluated_parts* seen) {
    bool ok = true;
    switch (value.kind()) {
    case boost::json::kind::string:
        if (rules.strings && !check_string(*rules.strings, value.get_string()) && stops(ok)) return false;
        break;
    case boost::json::kind::array:
        if (rules.arrays && !check_array(*rules.arrays, value.get_array(), seen) && stops(ok)) return false;
        break;
    case boost::json::kind::object:
        if (rules.objects && !check_object(*rules.objects, value.get_object(), seen) && stops(ok))
            return false;
        break;
    case boost::json::kind::int64:
    case boost::json::kind::uint64:
    case boost::json::kind::double_:
        if (rules.numbers && !check_number(*rules.numbers, value) && stops(ok)) return false;
        break;
    case boost::json::kind::null:
    case boost::json::kind::bool_:
        break;
    }
    if (rules.enumerated && !check_values(*rules.enumerated, value, "enum") && stops(ok)) return false;
    if (rules.constant && !check_values(*rules.constant, value, "const")) ok = false;
    return ok;
}

template <class Report>
bool evaluation<Report>::check_values(
    value_rules const& rules, json_value const& value, std::string_view keyword
) {
    bool found = false;
    if (auto const* string = value.if_string()) {
        found = rules.strings.find(*string) != nullptr;
    } else {
        found = std::ranges::any_of(rules.others, [&](json_value const& allowed) {
            return equal(allowed, value, state_.work);
        });
    }
    return found || refuse(keyword, [&] { return text::wrong_value(rules); });
}

template <class Report>
bool evaluation<Report>::check_string(string_rules const& rules, std::string_view string) {
    bool ok = true;
    // A code point has one to four bytes: most lengths are settled without counting.
    if (string.size() / 4 < rules.length_min && code_points(string) < rules.length_min) {
        refuse("minLength", [&] {
            return text::wrong_count("have", "at least", rules.length_min, "character");
        });
        if (stops(ok)) return false;
    }
    if (rules.length_max && string.size() > *rules.length_max && code_points(string) > *rules.length_max) {
        refuse("maxLength", [&] {
            return text::wrong_count("have", "at most", *rules.length_max, "character");
        });
        if (stops(ok)) return false;
    }
    for (auto const& wanted : rules.patterns) {
        if (!state_.work.spend(wanted.steps_for(string.size()))) return false;
        if (wanted.found_in(string)) continue;
        refuse("pattern", [&] { return text::wrong_pattern(wanted); });
        if (stops(ok)) return false;
    }
    if (rules.is_date_time && !is_date_time(string)) {
        ok = refuse("format", [] { return "must be a date-time of RFC 3339, as 2026-01-31T09:30:00.000Z"; });
    }
    return ok;
}

template <class Report>
bool evaluation<Report>::check_number(number_rules const& rules, json_value const& value) {
    bool ok = true;
    if (!rules.minimum.is_null() && !(compare_numbers(value, rules.minimum) >= 0)) {
        refuse("minimum", [&] { return text::wrong_number("at least", rules.minimum); });
        if (stops(ok)) return false;
    }
    if (!rules.exclusive_minimum.is_null() && !(compare_numbers(value, rules.exclusive_minimum) > 0)) {
        refuse("exclusiveMinimum", [&] {
            return text::wrong_number("greater than", rules.exclusive_minimum);
        });
        if (stops(ok)) return false;
    }
    if (!rules.maximum.is_null() && !(compare_numbers(value, rules.maximum) <= 0)) {
        refuse("maximum", [&] { return text::wrong_number("at most", rules.maximum); });
        if (stops(ok)) return false;
    }
    if (!rules.exclusive_maximum.is_null() && !(compare_numbers(value, rules.exclusive_maximum) < 0)) {
        refuse("exclusiveMaximum", [&] { return text::wrong_number("less than", rules.exclusive_maximum); });
        if (stops(ok)) return false;
    }
    if (rules.factor && !rules.factor->divides(value)) {
        ok = refuse("multipleOf", [&] { return text::wrong_number("a multiple of", rules.multiple_of); });
    }
    return ok;
}

// A node with "unevaluatedProperties" or "unevaluatedItems" keeps its own account of what was looked at.
template <class Report>
bool evaluation<Report>::check_unevaluated(
    node const& rules, json_value const& value, evaluated_parts* seen
) {
    evaluated_parts own;
    if (!check_rules(rules, value, &own)) return false;
    if (value.is_object() && rules.unevaluated->has_members) {
        if (!check_unevaluated_members(rules.unevaluated->members, value.get_object(), own)) return false;
        own.mark_all();
    }
    if (value.is_array() && rules.unevaluated->has_items) {
        if (!check_unevaluated_items(rules.unevaluated->items, value.get_array(), own)) return false;
        own.mark_all();
    }
    if (seen) seen->merge(own);
    return true;
}

template <class Report>
bool evaluation<Report>::check_unevaluated_members(
    node const* rules, json_object const& object, evaluated_parts const& own
) {
    if (!rules) return true;
    bool ok = true;
    std::size_t position = 0;
    for (auto const& member : object) {
        if (own.has(position++)) continue;
        typename Report::step const step(report_, std::string_view(member.key()));
        bool const fine = rules->refuses_all
                              ? refuse("unevaluatedProperties", [] { return "is not a known member"; })
                              : check(*rules, member.value(), nullptr);
        if (!fine && stops(ok)) return false;
    }
    return ok;
}

template <class Report>
bool evaluation<Report>::check_unevaluated_items(
    node const* rules, json_array const& array, evaluated_parts const& own
) {
    if (!rules) return true;
    bool ok = true;
    for (std::size_t position = 0; position < array.size(); ++position) {
        if (own.has(position)) continue;
        typename Report::step const step(report_, position);
        bool const fine =
            rules->refuses_all
                ? refuse("unevaluatedItems", [] { return "is an item that is not allowed here"; })
                : check(*rules, array[position], nullptr);
        if (!fine && stops(ok)) return false;
    }
    return ok;
}

} // namespace gatehouse::json_schema
