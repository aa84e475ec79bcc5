#include "protocol/json_schema/node.hpp"

namespace gatehouse::json_schema {

using link_list = std::vector<node const**>;

static void add_links(link_list& links, array_rules& rules) {
    for (auto& item : rules.prefix) links.push_back(&item);
    links.push_back(&rules.rest);
    links.push_back(&rules.contains);
}

static void add_links(link_list& links, object_rules& rules) {
    for (auto& entry : rules.members.entries()) links.push_back(&entry.value.schema);
    for (auto& entry : rules.by_pattern) links.push_back(&entry.second);
    links.push_back(&rules.additional);
    links.push_back(&rules.names);
}

static void add_links(link_list& links, same_place_rules& rules) {
    for (auto* list : {&rules.all_of, &rules.any_of, &rules.one_of}) {
        for (auto& schema : *list) links.push_back(&schema);
    }
    for (auto& reference : rules.dynamic) links.push_back(&reference.first_seen);
    for (auto* one : {&rules.negated, &rules.condition, &rules.then_schema, &rules.else_schema})
        links.push_back(one);
    for (auto& entry : rules.dependent) links.push_back(&entry.schema);
}

link_list links_of(node& from) {
    link_list links;
    if (from.arrays) add_links(links, *from.arrays);
    if (from.objects) add_links(links, *from.objects);
    if (from.same_place) add_links(links, *from.same_place);
    if (from.unevaluated) {
        links.push_back(&from.unevaluated->members);
        links.push_back(&from.unevaluated->items);
    }
    std::erase_if(links, [](node const* const* link) { return *link == nullptr; });
    return links;
}

std::vector<node const*> same_place_targets(node const& from) {
    std::vector<node const*> targets;
    if (!from.same_place) return targets;
    auto const& rules = *from.same_place;
    for (auto const* list : {&rules.all_of, &rules.any_of, &rules.one_of}) {
        targets.insert(targets.end(), list->begin(), list->end());
    }
    for (auto const* one : {rules.negated, rules.condition, rules.then_schema, rules.else_schema})
        targets.push_back(one);
    for (auto const& entry : rules.dependent) targets.push_back(entry.schema);
    std::erase(targets, nullptr);
    return targets;
}

} // namespace gatehouse::json_schema
