#include "protocol/json_schema/schema.hpp"

#include "protocol/json_schema/evaluation.hpp"
#include "protocol/json_schema/evaluation_core.hpp"
#include "protocol/json_schema/evaluation_of_arrays.hpp"
#include "protocol/json_schema/evaluation_of_objects.hpp"
#include "protocol/json_schema/evaluation_of_same_place.hpp"

namespace gatehouse::json_schema {

bool schema::is_valid(boost::json::value const& instance) const {
    evaluation_state state(*program_, program_->steps_max);
    no_report silent;
    bool const ok = evaluation<no_report>(state, silent).check(*program_->root, instance, nullptr);
    return ok && !state.work.exceeded();
}

std::vector<violation> schema::explain(boost::json::value const& instance, std::size_t violations_max) const {
    // A report looks into each alternative twice, so it may take more than the answer did.
    evaluation_state state(*program_, program_->steps_max * 2);
    violation_report report(std::max<std::size_t>(violations_max, 1), "");
    evaluation<violation_report>(state, report).check(*program_->root, instance, nullptr);
    bool const gave_up = state.work.exceeded() && !(report.found().empty() && is_valid(instance));
    if (gave_up) report.add("limit", "is too deep or too large to be checked against this schema");
    return std::move(report.found());
}

} // namespace gatehouse::json_schema
