#pragma once
// evaluation<Report>: references and the keywords that combine schemas for one and the same value.

#include "protocol/json_schema/evaluation.hpp"

#include <algorithm>

namespace gatehouse::json_schema {

template <class Report>
bool evaluation<Report>::check_same_place(
    same_place_rules const& rules, json_value const& value, evaluated_parts* seen
) {
    bool ok = true;
    for (auto const* each : rules.all_of) {
        if (!check_here(each, value, seen) && stops(ok)) return false;
    }
    for (auto const& reference : rules.dynamic) {
        if (!check_here(target_of(reference), value, seen) && stops(ok)) return false;
    }
    if (!rules.any_of.empty() && !check_any_of(rules, value, seen) && stops(ok)) return false;
    if (!rules.one_of.empty() && !check_one_of(rules, value, seen) && stops(ok)) return false;
    if (rules.has_not && answers_yes(rules.negated, value, nullptr)) {
        refuse("not", [] { return "is of a kind that is not allowed here"; });
        if (stops(ok)) return false;
    }
    if (rules.has_if && !check_condition(rules, value, seen) && stops(ok)) return false;
    if (!value.is_object()) return ok;
    for (auto const& rule : rules.dependent) {
        bool const applies = value.get_object().contains(rule.member);
        if (applies && !check_here(rule.schema, value, seen) && stops(ok)) return false;
    }
    return ok;
}

template <class Report>
bool evaluation<Report>::check_any_of(
    same_place_rules const& rules, json_value const& value, evaluated_parts* seen
) {
    bool matched = false;
    for (auto const* branch : rules.any_of) {
        // Every branch that matches counts for what was evaluated; for the answer the first one is enough.
        evaluated_parts parts;
        if (!answers_yes(branch, value, seen ? &parts : nullptr)) continue;
        matched = true;
        if (!seen) break;
        seen->merge(parts);
    }
    if (matched || explain_the_meant(rules.any_of, value)) return matched;
    return refuse("anyOf", [&] {
        return fmt::format("matches none of the {} alternatives that are allowed", rules.any_of.size());
    });
}

template <class Report>
bool evaluation<Report>::check_one_of(
    same_place_rules const& rules, json_value const& value, evaluated_parts* seen
) {
    std::size_t matches = 0;
    for (auto const* branch : rules.one_of) {
        evaluated_parts parts;
        if (!answers_yes(branch, value, seen ? &parts : nullptr)) continue;
        if (++matches > 1) break;
        if (seen) seen->merge(parts);
    }
    if (matches == 1) return true;
    if (matches == 0 && explain_the_meant(rules.one_of, value)) return false;
    return refuse("oneOf", [&] {
        std::string_view const found = matches == 0 ? "none" : "more than one";
        return fmt::format(
            "must match exactly one of {} alternatives; it matches {}", rules.one_of.size(), found
        );
    });
}

template <class Report>
bool evaluation<Report>::check_condition(
    same_place_rules const& rules, json_value const& value, evaluated_parts* seen
) {
    evaluated_parts parts;
    bool const holds = answers_yes(rules.condition, value, seen ? &parts : nullptr);
    if (holds && seen) seen->merge(parts);
    return check_here(holds ? rules.then_schema : rules.else_schema, value, seen);
}

// The outermost resource on the way here that has the anchor is the one that counts.
template <class Report>
node const* evaluation<Report>::target_of(dynamic_reference const& reference) const {
    auto const* target = reference.first_seen;
    for (auto const* scope = state_.scope; scope; scope = scope->outer) {
        for (auto const& [anchor, found] : state_.compiled.dynamic_anchors[scope->resource]) {
            if (anchor == reference.anchor) target = found;
        }
    }
    return target;
}

// Of alternatives that all failed, usually one was meant: the only one whose type, "const" and "enum" fit.
// Its faults say more than that none matches. True where they were reported.
template <class Report>
bool evaluation<Report>::explain_the_meant(
    std::vector<node const*> const& branches, json_value const& value
) {
    if constexpr (Report::collects) {
        std::vector<violation> meant;
        std::size_t candidates = 0;
        for (auto const* branch : branches) {
            violation_report inner(report_.room(), report_.path());
            if (branch) evaluation<violation_report>(state_, inner).check(*branch, value, nullptr);
            bool const other = std::ranges::any_of(inner.found(), [&](violation const& fault) {
                bool const is_value = fault.keyword == "const" || fault.keyword == "enum";
                return is_value || fault.keyword == "false" ||
                       (fault.keyword == "type" && fault.path == report_.path());
            });
            if (other || inner.found().empty() || ++candidates > 1) continue;
            meant = std::move(inner.found());
        }
        if (candidates != 1) return false;
        for (auto& fault : meant) report_.add(std::move(fault));
        return true;
    }
    return false;
}

} // namespace gatehouse::json_schema
