// The keywords about arrays and objects.
#include "protocol/json_schema/compiler.hpp"
#include "protocol/json_schema/json_pointer.hpp"

namespace gatehouse::json_schema {

namespace json = boost::json;

void compiler::compile_prefix_items(site const& at) { rules(at.out.arrays).prefix = subschema_list(at); }

void compiler::compile_items(site const& at) {
    auto& out = rules(at.out.arrays);
    if (at.operand.is_array() && at.where.home->language == dialect::draft_7) {
        for (auto const& item : at.operand.get_array()) out.prefix.push_back(subschema(at, item));
        return;
    }
    if (at.operand.is_array())
        return fail(at, "must be a schema; one schema an item is what \"prefixItems\" takes");
    out.rest = subschema(at, at.operand);
    out.has_rest = true;
}

void compiler::compile_additional_items(site const& at) {
    // Without an array of schemas in "items" there is nothing it could be additional to.
    auto const* items = at.where.schema->get_object().if_contains("items");
    if (!items || !items->is_array()) return;
    auto& out = rules(at.out.arrays);
    out.rest = subschema(at, at.operand);
    out.has_rest = true;
    out.rest_keyword = "additionalItems";
}

void compiler::compile_contains(site const& at) {
    auto& out = rules(at.out.arrays);
    out.contains = subschema(at, at.operand);
    out.has_contains = true;
}

void compiler::compile_min_contains(site const& at) { rules(at.out.arrays).contains_min = count(at); }
void compiler::compile_max_contains(site const& at) { rules(at.out.arrays).contains_max = count(at); }
void compiler::compile_min_items(site const& at) { rules(at.out.arrays).items_min = count(at); }
void compiler::compile_max_items(site const& at) { rules(at.out.arrays).items_max = count(at); }
void compiler::compile_unique_items(site const& at) { rules(at.out.arrays).unique = flag(at); }

void compiler::compile_properties(site const& at) {
    auto const* members = at.operand.if_object();
    if (!members) return fail(at, "must be an object of schemas");
    auto& out = rules(at.out.objects);
    for (auto const& [name, schema] : *members) {
        auto& rule = out.members[name];
        rule.declared = true;
        rule.schema = subschema(at, schema);
    }
}

void compiler::compile_pattern_properties(site const& at) {
    auto const* members = at.operand.if_object();
    if (!members) return fail(at, "must be an object of schemas");
    auto& out = rules(at.out.objects);
    for (auto const& [text, schema] : *members) {
        out.by_pattern.emplace_back(compile_pattern(at, pointer_to(text), text), subschema(at, schema));
    }
}

void compiler::compile_additional_properties(site const& at) {
    auto& out = rules(at.out.objects);
    out.additional = subschema(at, at.operand);
    out.has_additional = true;
}

void compiler::compile_property_names(site const& at) {
    rules(at.out.objects).names = subschema(at, at.operand);
}

void compiler::compile_required(site const& at) {
    auto& out = rules(at.out.objects);
    for (auto const& name : names(at, "", at.operand)) out.members[name].required = true;
}

void compiler::compile_min_properties(site const& at) { rules(at.out.objects).members_min = count(at); }
void compiler::compile_max_properties(site const& at) { rules(at.out.objects).members_max = count(at); }

void compiler::compile_dependent_required(site const& at) {
    auto const* members = at.operand.if_object();
    if (!members) return fail(at, "must be an object of arrays of strings");
    auto& out = rules(at.out.objects);
    for (auto const& [name, needed] : *members) {
        out.dependent.push_back({std::string(name), names(at, pointer_to(name), needed), "dependentRequired"}
        );
    }
}

} // namespace gatehouse::json_schema
