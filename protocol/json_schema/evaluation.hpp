#pragma once
// Checks values against nodes. One template for both passes, so that they can't disagree: with `no_report` it
// stops at the first fault and builds nothing, with `violation_report` it goes on and writes down each fault
// with its path.

#include "protocol/json_schema/equality.hpp"
#include "protocol/json_schema/evaluated_parts.hpp"
#include "protocol/json_schema/program.hpp"
#include "protocol/json_schema/violation_report.hpp"
#include "protocol/json_schema/violation_text.hpp"

#include <boost/json/value.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace gatehouse::json_schema {

// The resources through which the evaluation came here, from the innermost outwards. Lives on the stack.
struct dynamic_scope {
    dynamic_scope const* outer;
    std::size_t resource;
};

// What all parts of one evaluation share.
struct evaluation_state {
    explicit evaluation_state(program const& checked, std::size_t steps_max)
        : compiled(checked), work(steps_max), depth_left(checked.depth_max) {}

    program const& compiled;
    work_budget work;
    std::size_t depth_left;
    dynamic_scope const* scope = nullptr;
};

template <class Report>
class evaluation {
  public:
    evaluation(evaluation_state& state, Report& report) noexcept : state_(state), report_(report) {}

    // Whether the value is fine. Says no from the moment on at which the budget is spent: then the answer
    // counts for nothing, and who asked at the top must look at work.exceeded(). `seen`, where given, takes
    // in the parts that were evaluated; what it holds after a no is void.
    bool check(node const& rules, boost::json::value const& value, evaluated_parts* seen);

  private:
    using json_value = boost::json::value;
    using json_array = boost::json::array;
    using json_object = boost::json::object;

    bool check_rules(node const& rules, json_value const& value, evaluated_parts* seen);
    bool check_kind(node const& rules, json_value const& value, evaluated_parts* seen);
    bool check_nested(node const& rules, json_value const& value, evaluated_parts* seen);
    bool check_unevaluated(node const& rules, json_value const& value, evaluated_parts* seen);
    bool check_unevaluated_members(node const* rules, json_object const& object, evaluated_parts const& own);
    bool check_unevaluated_items(node const* rules, json_array const& array, evaluated_parts const& own);

    bool check_values(value_rules const& rules, json_value const& value, std::string_view keyword);
    bool check_string(string_rules const& rules, std::string_view text);
    bool check_number(number_rules const& rules, json_value const& value);

    bool check_array(array_rules const& rules, json_array const& array, evaluated_parts* seen);
    bool check_item(array_rules const& rules, json_value const& item, std::size_t position);
    bool check_items(array_rules const& rules, json_array const& array, evaluated_parts* seen);
    bool check_contains(array_rules const& rules, json_array const& array, evaluated_parts* seen);
    bool check_unique(json_array const& array);

    bool check_object(object_rules const& rules, json_object const& object, evaluated_parts* seen);
    bool check_member(
        object_rules const& rules, member_rule const* known, boost::json::key_value_pair const& member,
        evaluated_parts* seen, std::size_t position
    );
    bool check_additional(object_rules const& rules, json_value const& value);
    bool check_name(node const& rules, std::string_view name);
    bool refuse_missing(object_rules const& rules, json_object const& object);
    bool check_dependent(dependent_names const& rule, json_object const& object);

    bool check_same_place(same_place_rules const& rules, json_value const& value, evaluated_parts* seen);
    bool check_any_of(same_place_rules const& rules, json_value const& value, evaluated_parts* seen);
    bool check_one_of(same_place_rules const& rules, json_value const& value, evaluated_parts* seen);
    bool check_condition(same_place_rules const& rules, json_value const& value, evaluated_parts* seen);
    node const* target_of(dynamic_reference const& reference) const;
    bool explain_the_meant(std::vector<node const*> const& branches, json_value const& value);

    // Null is the schema that accepts everything.
    bool check_part(node const* rules, json_value const& value) {
        return !rules || check(*rules, value, nullptr);
    }
    bool check_here(node const* rules, json_value const& value, evaluated_parts* seen) {
        return !rules || check(*rules, value, seen);
    }

    // Only the answer, whatever the report of this evaluation is.
    bool answers_yes(node const* rules, json_value const& value, evaluated_parts* seen) {
        if (!rules) return true;
        no_report silent;
        return evaluation<no_report>(state_, silent).check(*rules, value, seen);
    }

    // Writes the fault down where one is wanted, unless the budget is spent: then it may be none. Always
    // false, to stand behind `||`.
    template <class Text>
    bool refuse(std::string_view keyword, Text const& text) {
        if constexpr (Report::collects) {
            if (!state_.work.exceeded()) report_.add(keyword, text());
        }
        return false;
    }

    // After a fault: whether to leave at once.
    bool stops(bool& ok) {
        ok = false;
        return report_.is_full();
    }

    evaluation_state& state_;
    Report& report_;
};

} // namespace gatehouse::json_schema
