#include "core/policy/decide.hpp"

#include "protocol/canonical_json.hpp"
#include "protocol/digest.hpp"
#include "protocol/glob.hpp"
#include "protocol/json_schema/schema.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/array.hpp>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

bool matches(json::object const& rule, std::string_view member, std::string_view value) {
    auto const* pattern = rule.if_contains(member);
    return !pattern || glob_matches(std::string_view(pattern->get_string()), value);
}

bool matches_node(json::object const& rule, policy_question const& q) {
    if (!rule.contains("node")) return true;
    return (q.node && matches(rule, "node", *q.node)) ||
           (q.node_label && matches(rule, "node", *q.node_label));
}

bool fits_schema(json::value const& schema, json::object const& arguments) {
    auto compiled = json_schema::compile(schema);
    return compiled && compiled->is_valid(json::value(arguments));
}

// A `when` that cannot be compiled any more (it was checked when it was stored) makes a deny or ask rule
// apply and an allow rule not.
bool matches_when(json::object const& rule, json::object const& arguments) {
    auto const* when = rule.if_contains("when");
    if (!when) return true;
    auto compiled = json_schema::compile(*when);
    if (!compiled) return rule.at("effect") != json::value("allow");
    return compiled->is_valid(json::value(arguments));
}

bool applies(json::object const& rule, policy_question const& q) {
    return matches(rule, "tool", q.tool) && matches(rule, "agent", q.agent) &&
           matches(rule, "principal", q.principal) && matches_node(rule, q) &&
           matches_when(rule, q.arguments);
}

int strength(effect e) { return e == effect::deny ? 2 : e == effect::ask ? 1 : 0; }

policy_answer by_risk(std::string const& risk) {
    if (risk == "read") return {effect::allow, std::nullopt, "Reading is allowed.", std::nullopt};
    if (risk == "write" || risk == "dangerous") {
        return {
            effect::ask, std::nullopt, "A " + risk + " operation needs a person's approval.", std::nullopt
        };
    }
    return {effect::deny, std::nullopt, "The tool is unknown.", std::nullopt};
}

policy_answer by_rules(snapshot const& view, policy_question const& q) {
    auto rules = parse_own_json(view.policies().get().rules);
    std::optional<policy_answer> strongest;
    for (auto const& each : rules.as_array()) {
        auto const& rule = each.as_object();
        if (!applies(rule, q)) continue;
        auto what = *protocol::parse_effect(std::string_view(rule.at("effect").get_string()));
        if (strongest && strength(what) <= strength(strongest->what)) continue;
        auto const* reason = rule.if_contains("reason");
        strongest = policy_answer{
            what, rule, reason ? std::string(reason->get_string()) : "A policy rule says so.", std::nullopt
        };
    }
    return strongest ? *strongest : by_risk(q.risk);
}

std::optional<std::string> granting(snapshot const& view, policy_question const& q) {
    std::string arguments_hash;
    for (auto const& g : view.grants().live(q.principal, q.tool)) {
        if (g.session_id && *g.session_id != q.session_id) continue;
        if (g.node != q.node) continue;
        if (g.when) {
            if (fits_schema(parse_own_json(*g.when), q.arguments)) return g.grant_id;
            continue;
        }
        if (arguments_hash.empty()) arguments_hash = sha256_hex(canonical_json(json::value(q.arguments)));
        if (g.arguments_hash == arguments_hash) return g.grant_id;
    }
    return std::nullopt;
}

} // namespace

policy_answer decide(snapshot const& view, policy_question const& question) {
    auto answer = by_rules(view, question);
    if (answer.what != effect::ask) return answer;
    answer.grant_id = granting(view, question);
    if (answer.grant_id) {
        answer.what = effect::allow;
        answer.reason = "Allowed by the standing approval " + *answer.grant_id + ".";
    }
    return answer;
}

result<void> check_rules(json::array const& rules) {
    std::size_t index = 0;
    for (auto const& rule : rules) {
        if (auto const* when = rule.as_object().if_contains("when")) {
            auto compiled = json_schema::compile(*when);
            if (!compiled) {
                auto path = "/rules/" + std::to_string(index) + "/when" + compiled.error().path;
                json::array details{
                    {{"path", path}, {"keyword", "when"}, {"message", compiled.error().message}}
                };
                return fail(errc::invalid_params, path + ": " + compiled.error().message, std::move(details));
            }
        }
        ++index;
    }
    return {};
}

} // namespace gatehouse::core
