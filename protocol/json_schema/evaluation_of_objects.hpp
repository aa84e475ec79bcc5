#pragma once
// evaluation<Report>: the rules for objects.

#include "protocol/json_schema/evaluation.hpp"

namespace gatehouse::json_schema {

template <class Report>
bool evaluation<Report>::check_object(
    object_rules const& rules, json_object const& object, evaluated_parts* seen
) {
    bool ok = true;
    std::size_t required_seen = 0;
    std::size_t position = 0;
    std::size_t guess = 0;
    for (auto const& member : object) {
        auto const* entry = rules.members.find(member.key(), guess);
        auto const* known = entry ? &entry->value : nullptr;
        required_seen += known && known->required ? 1 : 0;
        if (!check_member(rules, known, member, seen, position++) && stops(ok)) return false;
    }
    if (required_seen < rules.required_count) {
        refuse_missing(rules, object);
        if (stops(ok)) return false;
    }
    if (object.size() < rules.members_min) {
        refuse("minProperties", [&] {
            return text::wrong_count("have", "at least", rules.members_min, "member");
        });
        if (stops(ok)) return false;
    }
    if (rules.members_max && object.size() > *rules.members_max) {
        refuse("maxProperties", [&] {
            return text::wrong_count("have", "at most", *rules.members_max, "member");
        });
        if (stops(ok)) return false;
    }
    for (auto const& rule : rules.dependent) {
        if (!check_dependent(rule, object) && stops(ok)) return false;
    }
    return ok;
}

template <class Report>
bool evaluation<Report>::check_member(
    object_rules const& rules, member_rule const* known, boost::json::key_value_pair const& member,
    evaluated_parts* seen, std::size_t position
) {
    bool ok = true;
    bool looked_at = known && known->declared;
    typename Report::step const step(report_, std::string_view(member.key()));
    if (looked_at && !check_part(known->schema, member.value()) && stops(ok)) return false;
    for (auto const& [name, schema] : rules.by_pattern) {
        if (!state_.work.spend(1 + name.steps_for(member.key().size()))) return false;
        if (!name.found_in(member.key())) continue;
        looked_at = true;
        if (!check_part(schema, member.value()) && stops(ok)) return false;
    }
    if (!looked_at && rules.has_additional) {
        looked_at = true;
        if (!check_additional(rules, member.value()) && stops(ok)) return false;
    }
    if (rules.names && !check_name(*rules.names, member.key())) ok = false;
    if (seen && looked_at) seen->mark(position);
    return ok;
}

template <class Report>
bool evaluation<Report>::check_additional(object_rules const& rules, json_value const& value) {
    if (!rules.additional) return true;
    if (!rules.additional->refuses_all) return check(*rules.additional, value, nullptr);
    return refuse("additionalProperties", [&] { return text::unknown_member(rules); });
}

template <class Report>
bool evaluation<Report>::check_name(node const& rules, std::string_view name) {
    bool const only_text = rules.strings && !rules.enumerated && !rules.constant && !rules.same_place &&
                           !rules.unevaluated && !rules.refuses_all && (rules.types & type_string) != 0;
    if constexpr (!Report::collects) {
        if (only_text) return check_string(*rules.strings, name);
        return check(rules, json_value(name), nullptr);
    } else {
        violation_report inner(1, "");
        if (evaluation<violation_report>(state_, inner).check(rules, json_value(name), nullptr)) return true;
        auto const reason = inner.found().empty() ? "is not allowed" : inner.found().front().message;
        return refuse("propertyNames", [&] { return "has a name that is not allowed: the name " + reason; });
    }
}

template <class Report>
bool evaluation<Report>::refuse_missing(object_rules const& rules, json_object const& object) {
    if constexpr (Report::collects) {
        for (auto const& entry : rules.members.entries()) {
            if (!entry.value.required || object.contains(entry.name)) continue;
            refuse("required", [&] { return fmt::format("must have the member \"{}\"", entry.name); });
        }
    }
    return false;
}

template <class Report>
bool evaluation<Report>::check_dependent(dependent_names const& rule, json_object const& object) {
    if (!object.contains(rule.member)) return true;
    bool ok = true;
    for (auto const& name : rule.needed) {
        if (!state_.work.spend(1)) return false;
        if (object.contains(name)) continue;
        refuse(rule.keyword, [&] {
            return fmt::format("must have the member \"{}\", because it has \"{}\"", name, rule.member);
        });
        if (stops(ok)) return false;
    }
    return ok;
}

} // namespace gatehouse::json_schema
