#include "protocol/json_schema/node_graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace gatehouse::json_schema {

// What evaluating a node at one value costs, without going into the value's parts.
struct expansion {
    bool finished = false;
    std::size_t checks = 1; // subschemas, each as often as it is reached
    std::size_t depth = 1;
};

struct visit {
    node const* where;
    std::vector<node const*> below; // what applies at the same place
    std::size_t next = 0;
};

using expansion_map = std::unordered_map<node const*, expansion>;

static std::optional<graph_fault> over_limit(node const& where, expansion const& found, limits const& limit) {
    if (found.checks > limit.same_place_checks_max) {
        return graph_fault{
            &where, fmt::format(
                        "its references multiply to more than {} checks of one and the same value, which is "
                        "the limit",
                        limit.same_place_checks_max
                    )
        };
    }
    if (found.depth > limit.evaluation_depth_max / 2) {
        return graph_fault{
            &where, fmt::format(
                        "its chain of references is longer than {}, which is the limit",
                        limit.evaluation_depth_max / 2
                    )
        };
    }
    return std::nullopt;
}

// Depth first from one node, with a stack of its own: a chain of references may be as long as the schema.
static std::optional<graph_fault> expand(node const& start, expansion_map& known, limits const& limit) {
    if (!known.try_emplace(&start).second) return std::nullopt;
    std::vector<visit> stack{visit{&start, same_place_targets(start)}};
    while (!stack.empty()) {
        auto& top = stack.back();
        if (top.next == top.below.size()) {
            auto& done = known[top.where];
            done.finished = true;
            for (auto const* below : top.below) {
                done.checks += known[below].checks;
                done.depth = std::max(done.depth, known[below].depth + 1);
            }
            if (auto fault = over_limit(*top.where, done, limit)) return fault;
            stack.pop_back();
            continue;
        }
        auto const* below = top.below[top.next++];
        auto const [entry, fresh] = known.try_emplace(below);
        if (fresh) {
            stack.push_back(visit{below, same_place_targets(*below)});
        } else if (!entry->second.finished) {
            return graph_fault{
                below, "it leads back to itself without going deeper into the value, so that checking would "
                       "never end"
            };
        }
    }
    return std::nullopt;
}

std::optional<graph_fault> find_fault(program& all, limits const& limit) {
    expansion_map known;
    for (auto const& start : all.nodes) {
        if (auto fault = expand(start, known, limit)) return fault;
    }
    return std::nullopt;
}

static bool is_only_a_reference(node const& candidate) {
    if (!candidate.same_place || candidate.types != type_any) return false;
    auto const& rules = *candidate.same_place;
    bool const one = rules.all_of.size() == 1 && rules.dynamic.empty() && rules.any_of.empty() &&
                     rules.one_of.empty() && !rules.has_not && !rules.has_if && rules.dependent.empty();
    return one && !candidate.strings && !candidate.numbers && !candidate.arrays && !candidate.objects &&
           !candidate.enumerated && !candidate.constant && !candidate.unevaluated;
}

static node const* behind_references(node const* from) {
    while (from && is_only_a_reference(*from)) from = from->same_place->all_of.front();
    return from;
}

void shorten(program& all) {
    // With dynamic references it matters through which resources the way leads.
    bool const any_dynamic =
        std::ranges::any_of(all.dynamic_anchors, [](auto const& row) { return !row.empty(); });
    auto const shortened = [&](node const* from) { return any_dynamic ? from : behind_references(from); };
    all.root = shortened(all.root);
    for (auto& each : all.nodes) {
        for (auto* link : links_of(each)) *link = shortened(*link);
    }
    for (auto& each : all.nodes) {
        for (auto* link : links_of(each)) {
            if ((*link)->accepts_all()) *link = nullptr;
        }
    }
}

} // namespace gatehouse::json_schema
