// The keywords that apply other schemas to the same value.
#include "protocol/json_schema/compiler.hpp"
#include "protocol/json_schema/json_pointer.hpp"
#include "protocol/json_schema/uri.hpp"

namespace gatehouse::json_schema {

namespace json = boost::json;

void compiler::compile_ref(site const& at) {
    auto const* reference = at.operand.if_string();
    if (!reference) return fail(at, "must be a string with a URI reference");
    auto const* target = node_at(index_.resolve(at.where, at.keyword, *reference));
    rules(at.out.same_place).all_of.push_back(target);
}

void compiler::compile_dynamic_ref(site const& at) {
    auto const* reference = at.operand.if_string();
    if (!reference) return fail(at, "must be a string with a URI reference");
    auto const* where = index_.resolve(at.where, at.keyword, *reference);
    auto const* target = node_at(where);
    if (!target) return;
    auto const name = percent_decode(split_fragment(std::string_view(*reference)).fragment);
    auto const& anchors = where->home->dynamic_anchors;
    auto const found = name ? anchors.find(*name) : anchors.end();
    // It is dynamic only where what it names is a dynamic anchor itself; otherwise it is like "$ref".
    auto& out = rules(at.out.same_place);
    if (found == anchors.end() || found->second != where->schema)
        out.all_of.push_back(target);
    else
        out.dynamic.push_back({anchor_number(*name), target});
}

void compiler::compile_all_of(site const& at) {
    auto& out = rules(at.out.same_place);
    for (auto const* each : subschema_list(at)) out.all_of.push_back(each);
}

void compiler::compile_any_of(site const& at) { rules(at.out.same_place).any_of = subschema_list(at); }
void compiler::compile_one_of(site const& at) { rules(at.out.same_place).one_of = subschema_list(at); }

void compiler::compile_not(site const& at) {
    auto& out = rules(at.out.same_place);
    out.negated = subschema(at, at.operand);
    out.has_not = true;
}

void compiler::compile_if(site const& at) {
    auto& out = rules(at.out.same_place);
    out.condition = subschema(at, at.operand);
    out.has_if = true;
}

void compiler::compile_then(site const& at) {
    bool const has_if = at.where.schema->get_object().contains("if");
    if (has_if) rules(at.out.same_place).then_schema = subschema(at, at.operand);
}

void compiler::compile_else(site const& at) {
    bool const has_if = at.where.schema->get_object().contains("if");
    if (has_if) rules(at.out.same_place).else_schema = subschema(at, at.operand);
}

void compiler::compile_dependent_schemas(site const& at) {
    auto const* members = at.operand.if_object();
    if (!members) return fail(at, "must be an object of schemas");
    auto& out = rules(at.out.same_place);
    for (auto const& [name, schema] : *members) {
        out.dependent.push_back({std::string(name), subschema(at, schema)});
    }
}

void compiler::compile_dependencies(site const& at) {
    auto const* members = at.operand.if_object();
    if (!members) return fail(at, "must be an object of schemas or arrays of strings");
    for (auto const& [name, wanted] : *members) {
        if (wanted.is_array()) {
            auto needed = names(at, pointer_to(name), wanted);
            rules(at.out.objects).dependent.push_back({std::string(name), std::move(needed), "dependencies"});
        } else {
            rules(at.out.same_place).dependent.push_back({std::string(name), subschema(at, wanted)});
        }
    }
}

void compiler::compile_unevaluated_items(site const& at) {
    auto& out = rules(at.out.unevaluated);
    out.items = subschema(at, at.operand);
    out.has_items = true;
}

void compiler::compile_unevaluated_properties(site const& at) {
    auto& out = rules(at.out.unevaluated);
    out.members = subschema(at, at.operand);
    out.has_members = true;
}

} // namespace gatehouse::json_schema
