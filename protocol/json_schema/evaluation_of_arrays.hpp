#pragma once
// evaluation<Report>: the rules for arrays.

#include "protocol/json_schema/evaluation.hpp"

namespace gatehouse::json_schema {

template <class Report>
bool evaluation<Report>::check_array(
    array_rules const& rules, json_array const& array, evaluated_parts* seen
) {
    bool ok = true;
    if (array.size() < rules.items_min) {
        refuse("minItems", [&] { return text::wrong_count("have", "at least", rules.items_min, "item"); });
        if (stops(ok)) return false;
    }
    if (rules.items_max && array.size() > *rules.items_max) {
        refuse("maxItems", [&] { return text::wrong_count("have", "at most", *rules.items_max, "item"); });
        if (stops(ok)) return false;
    }
    if (!check_items(rules, array, seen) && stops(ok)) return false;
    if (rules.has_contains && !check_contains(rules, array, seen) && stops(ok)) return false;
    if (rules.unique && !check_unique(array)) ok = false;
    return ok;
}

template <class Report>
bool evaluation<Report>::check_items(
    array_rules const& rules, json_array const& array, evaluated_parts* seen
) {
    bool ok = true;
    std::size_t const in_prefix = std::min(rules.prefix.size(), array.size());
    // Without a rule for the rest there is nothing to do behind the prefix.
    std::size_t const end = rules.rest ? array.size() : in_prefix;
    for (std::size_t position = 0; position < end; ++position) {
        typename Report::step const step(report_, position);
        if (!check_item(rules, array[position], position) && stops(ok)) return false;
    }
    if (seen && rules.has_rest)
        seen->mark_all();
    else if (seen)
        seen->mark_first(in_prefix);
    return ok;
}

template <class Report>
bool evaluation<Report>::check_item(array_rules const& rules, json_value const& item, std::size_t position) {
    if (position < rules.prefix.size()) return check_part(rules.prefix[position], item);
    if (!rules.rest->refuses_all) return check(*rules.rest, item, nullptr);
    return refuse(rules.rest_keyword, [&] {
        return fmt::format("is one item too many; at most {} may be there", rules.prefix.size());
    });
}

template <class Report>
bool evaluation<Report>::check_contains(
    array_rules const& rules, json_array const& array, evaluated_parts* seen
) {
    std::size_t matches = 0;
    for (std::size_t position = 0; position < array.size(); ++position) {
        // Once there are enough, only a maximum or an account of the items makes it worth going on.
        if (!seen && !rules.contains_max && matches >= rules.contains_min) break;
        if (!answers_yes(rules.contains, array[position], nullptr)) continue;
        ++matches;
        if (seen) seen->mark(position);
    }
    if (matches < rules.contains_min) {
        return refuse(rules.contains_min == 1 ? "contains" : "minContains", [&] {
            auto const wanted = text::wrong_count("have", "at least", rules.contains_min, "item");
            return wanted + " of the kind that \"contains\" describes";
        });
    }
    if (!rules.contains_max || matches <= *rules.contains_max) return true;
    return refuse("maxContains", [&] {
        auto const wanted = text::wrong_count("have", "at most", *rules.contains_max, "item");
        return wanted + " of the kind that \"contains\" describes";
    });
}

template <class Report>
bool evaluation<Report>::check_unique(json_array const& array) {
    auto const twice = find_duplicate(array, state_.work);
    if (!twice) return true;
    return refuse("uniqueItems", [&] {
        return fmt::format("must not have equal items; {} and {} are", twice->first, twice->second);
    });
}

} // namespace gatehouse::json_schema
