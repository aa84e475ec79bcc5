#include "protocol/json_schema/compiler.hpp"

#include "protocol/json_schema/json_pointer.hpp"
#include "protocol/json_schema/node_graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace gatehouse::json_schema {

namespace json = boost::json;

// Keywords that are not here only name, describe or hold something.
compiler::handler compiler::handler_of(std::string_view keyword) {
    static constexpr std::array handlers = std::to_array<handler_row>({
        {"$ref", &compiler::compile_ref},
        {"$dynamicRef", &compiler::compile_dynamic_ref},
        {"type", &compiler::compile_type},
        {"enum", &compiler::compile_enum},
        {"const", &compiler::compile_const},
        {"minimum", &compiler::compile_minimum},
        {"exclusiveMinimum", &compiler::compile_exclusive_minimum},
        {"maximum", &compiler::compile_maximum},
        {"exclusiveMaximum", &compiler::compile_exclusive_maximum},
        {"multipleOf", &compiler::compile_multiple_of},
        {"minLength", &compiler::compile_min_length},
        {"maxLength", &compiler::compile_max_length},
        {"pattern", &compiler::compile_pattern_keyword},
        {"format", &compiler::compile_format},
        {"prefixItems", &compiler::compile_prefix_items},
        {"items", &compiler::compile_items},
        {"additionalItems", &compiler::compile_additional_items},
        {"contains", &compiler::compile_contains},
        {"minContains", &compiler::compile_min_contains},
        {"maxContains", &compiler::compile_max_contains},
        {"minItems", &compiler::compile_min_items},
        {"maxItems", &compiler::compile_max_items},
        {"uniqueItems", &compiler::compile_unique_items},
        {"properties", &compiler::compile_properties},
        {"patternProperties", &compiler::compile_pattern_properties},
        {"additionalProperties", &compiler::compile_additional_properties},
        {"propertyNames", &compiler::compile_property_names},
        {"required", &compiler::compile_required},
        {"minProperties", &compiler::compile_min_properties},
        {"maxProperties", &compiler::compile_max_properties},
        {"dependentRequired", &compiler::compile_dependent_required},
        {"allOf", &compiler::compile_all_of},
        {"anyOf", &compiler::compile_any_of},
        {"oneOf", &compiler::compile_one_of},
        {"not", &compiler::compile_not},
        {"if", &compiler::compile_if},
        {"then", &compiler::compile_then},
        {"else", &compiler::compile_else},
        {"dependentSchemas", &compiler::compile_dependent_schemas},
        {"dependencies", &compiler::compile_dependencies},
        {"unevaluatedItems", &compiler::compile_unevaluated_items},
        {"unevaluatedProperties", &compiler::compile_unevaluated_properties},
    });
    auto const found = std::ranges::find(handlers, keyword, &handler_row::keyword);
    return found == handlers.end() ? nullptr : found->compile;
}

std::expected<schema, compile_error> compiler::run(json::value const& document) {
    program_->root = node_at(index_.add_root(document));
    do {
        work_off();
    } while (!index_.error() && add_dynamic_targets());
    if (index_.error()) return std::unexpected(*index_.error());
    write_dynamic_anchors();
    finish_nodes();
    if (auto const fault = find_fault(*program_, options_.limit)) {
        auto const found =
            std::ranges::find(nodes_, fault->where, [](auto const& entry) { return entry.second; });
        index_.fail(*found->first, "", fault->message);
        return std::unexpected(*index_.error());
    }
    shorten(*program_);
    program_->depth_max = options_.limit.evaluation_depth_max;
    program_->steps_max = options_.limit.evaluation_steps_max;
    return schema(std::move(program_));
}

void compiler::work_off() {
    while (!waiting_.empty() && !index_.error()) {
        auto const [where, out] = waiting_.back();
        waiting_.pop_back();
        fill(*where, *out);
    }
}

void compiler::fill(place const& where, node& out) {
    auto const& source = *where.schema;
    if (source.is_bool()) {
        out.refuses_all = !source.get_bool();
        return;
    }
    if (!source.is_object()) return index_.fail(where, "", "must be a schema: an object, true or false");
    auto const& keywords = source.get_object();
    auto const* reference = keywords.if_contains("$ref");
    if (reference && where.home->language == dialect::draft_7) {
        // Draft 7: a "$ref" makes everything beside it void.
        return fill_keyword(where, "$ref", *reference, out);
    }
    for (auto const& [name, operand] : keywords) {
        if (index_.error()) return;
        fill_keyword(where, name, operand, out);
    }
}

void compiler::fill_keyword(
    place const& where, std::string_view keyword, json::value const& operand, node& out
) {
    auto const* known = find_keyword(keyword, where.home->language);
    if (!known) {
        bool const refused = options_.refuse_unknown_keywords && !keyword.starts_with("x-");
        if (refused) index_.fail(where, pointer_to(keyword), "is not a known keyword");
        return;
    }
    bool const in_use = where.home->vocabularies[static_cast<std::size_t>(known->home)];
    auto const compile = in_use ? handler_of(keyword) : nullptr;
    if (compile) (this->*compile)(site{where, keyword, operand, out});
}

node* compiler::node_at(place const* where) {
    if (!where || index_.error()) return nullptr;
    auto const [known, fresh] = nodes_.emplace(where, nullptr);
    if (fresh) {
        known->second = &program_->nodes.emplace_back();
        known->second->resource = where->home->number;
        waiting_.emplace_back(where, known->second);
    }
    return known->second;
}

node const* compiler::subschema(site const& at, json::value const& schema) {
    auto const* where = index_.place_of(schema);
    if (!where) fail(at, "must be a schema: an object, true or false");
    return node_at(where);
}

std::vector<node const*> compiler::subschema_list(site const& at) {
    auto const* list = at.operand.if_array();
    if (!list || list->empty()) {
        fail(at, "must be an array with at least one schema");
        return {};
    }
    std::vector<node const*> out;
    for (auto const& item : *list) out.push_back(subschema(at, item));
    return out;
}

std::size_t compiler::anchor_number(std::string_view name) {
    return anchor_numbers_.emplace(name, anchor_numbers_.size()).first->second;
}

// Whatever a dynamic reference may find at run time must be compiled: each known resource's anchor of that
// name.
bool compiler::add_dynamic_targets() {
    std::size_t const before = nodes_.size();
    for (auto const& entry : index_.resources()) {
        for (auto const& [name, target] : entry.dynamic_anchors) {
            if (anchor_numbers_.contains(name)) node_at(index_.place_of(*target));
        }
    }
    return nodes_.size() > before;
}

void compiler::write_dynamic_anchors() {
    program_->dynamic_anchors.resize(index_.resources().size());
    for (auto const& entry : index_.resources()) {
        for (auto const& [name, target] : entry.dynamic_anchors) {
            auto const number = anchor_numbers_.find(name);
            if (number == anchor_numbers_.end()) continue;
            auto const* found = node_at(index_.place_of(*target));
            program_->dynamic_anchors[entry.number].emplace_back(number->second, found);
        }
    }
}

void compiler::finish_nodes() {
    for (auto& each : program_->nodes) {
        each.enters_resource = !program_->dynamic_anchors[each.resource].empty();
        if (each.enumerated) each.enumerated->strings.build();
        if (each.constant) each.constant->strings.build();
        if (!each.objects) continue;
        each.objects->members.build();
        auto const& members = each.objects->members.entries();
        each.objects->required_count = static_cast<std::size_t>(
            std::ranges::count_if(members, [](auto const& entry) { return entry.value.required; })
        );
    }
}

void compiler::fail(site const& at, std::string_view steps, std::string message) {
    index_.fail(at.where, pointer_to(at.keyword).append(steps), std::move(message));
}

std::size_t compiler::count(site const& at) {
    auto const& operand = at.operand;
    if (operand.is_int64() && operand.get_int64() >= 0) return static_cast<std::size_t>(operand.get_int64());
    if (operand.is_uint64()) return operand.get_uint64();
    bool const whole = operand.is_double() && is_integral(operand.get_double()) && operand.get_double() >= 0;
    if (whole)
        return operand.get_double() < 0x1p63 ? static_cast<std::size_t>(operand.get_double()) : SIZE_MAX;
    fail(at, "must be an integer that is not negative");
    return 0;
}

bool compiler::flag(site const& at) {
    if (!at.operand.is_bool()) fail(at, "must be true or false");
    return at.operand.is_bool() && at.operand.get_bool();
}

std::vector<std::string> compiler::names(site const& at, std::string_view steps, json::value const& operand) {
    std::vector<std::string> out;
    auto const* list = operand.if_array();
    if (!list) fail(at, steps, "must be an array of strings");
    for (std::size_t index = 0; list && index < list->size(); ++index) {
        auto const* name = (*list)[index].if_string();
        if (!name) {
            fail(at, steps, "must be an array of strings");
            break;
        }
        out.emplace_back(*name);
    }
    return out;
}

json::value compiler::number(site const& at) {
    bool const finite = !at.operand.is_double() || std::isfinite(at.operand.get_double());
    if (!at.operand.is_number() || !finite) fail(at, "must be a number");
    return json::value(at.operand, json::storage_ptr());
}

pattern compiler::compile_pattern(site const& at, std::string_view steps, std::string_view text) {
    auto const& limit = options_.limit;
    if (text.size() > limit.pattern_bytes_max) {
        fail(
            at, steps,
            fmt::format("the pattern is longer than {} bytes, which is the limit", limit.pattern_bytes_max)
        );
        return {};
    }
    auto compiled = pattern::compile(text, limit.pattern_memory_max);
    if (!compiled) {
        fail(at, steps, fmt::format("the pattern \"{}\" {}", text.substr(0, 200), compiled.error()));
        return {};
    }
    pattern_count_ += compiled->instructions() > 0 ? 1 : 0;
    pattern_instructions_ += compiled->instructions();
    if (pattern_count_ > limit.patterns_max) {
        fail(
            at, steps,
            fmt::format("the schema has more than {} patterns, which is the limit", limit.patterns_max)
        );
    }
    if (pattern_instructions_ > limit.pattern_instructions_max) {
        fail(at, steps, "the patterns of the schema are too large together; ask for less repetition");
    }
    return *std::move(compiled);
}

std::expected<schema, compile_error> compile(json::value const& document, compile_options const& options) {
    return compiler(options).run(document);
}

} // namespace gatehouse::json_schema
