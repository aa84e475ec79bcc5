#include "protocol/json_schema/equality.hpp"

#include "protocol/json_schema/name_table.hpp"
#include "protocol/json_schema/number.hpp"

#include <algorithm>
#include <bit>
#include <vector>

namespace gatehouse::json_schema {

namespace json = boost::json;

static constexpr int depth_max = 512;

static bool equal_within(json::value const& a, json::value const& b, work_budget& budget, int depth);

static bool equal_arrays(json::array const& a, json::array const& b, work_budget& budget, int depth) {
    if (a.size() != b.size()) return false;
    for (std::size_t at = 0; at < a.size(); ++at) {
        if (!equal_within(a[at], b[at], budget, depth + 1)) return false;
    }
    return true;
}

static bool equal_objects(json::object const& a, json::object const& b, work_budget& budget, int depth) {
    if (a.size() != b.size()) return false;
    for (auto const& [name, value] : a) {
        auto const* other = b.if_contains(name);
        if (!other || !equal_within(value, *other, budget, depth + 1)) return false;
    }
    return true;
}

static bool equal_within(json::value const& a, json::value const& b, work_budget& budget, int depth) {
    if (a.is_number()) return b.is_number() && compare_numbers(a, b) == 0;
    if (a.kind() != b.kind()) return false;
    if (!budget.spend(1)) return false;
    if (depth > depth_max) {
        budget.give_up();
        return false;
    }
    switch (a.kind()) {
    case json::kind::bool_:
        return a.get_bool() == b.get_bool();
    case json::kind::string:
        return a.get_string().size() == b.get_string().size() && a.get_string() == b.get_string();
    case json::kind::array:
        return equal_arrays(a.get_array(), b.get_array(), budget, depth);
    case json::kind::object:
        return equal_objects(a.get_object(), b.get_object(), budget, depth);
    default:
        return true;
    }
}

bool equal(json::value const& a, json::value const& b, work_budget& budget) {
    return equal_within(a, b, budget, 0);
}

static std::uint64_t hash_number(json::value const& number) noexcept {
    // Equal numbers of different kinds become the same double; different ones may too, which only costs a
    // comparison.
    double const as_double = number.is_double()  ? number.get_double()
                             : number.is_int64() ? static_cast<double>(number.get_int64())
                                                 : static_cast<double>(number.get_uint64());
    return detail::mix(std::bit_cast<std::uint64_t>(as_double == 0 ? 0.0 : as_double), 0x9e3779b97f4a7c15);
}

static std::uint64_t hash_within(json::value const& value, work_budget& budget, int depth) {
    if (!budget.spend(1)) return 0;
    if (depth > depth_max) {
        budget.give_up();
        return 0;
    }
    std::uint64_t hash = static_cast<std::uint64_t>(value.kind()) + 11;
    switch (value.kind()) {
    case json::kind::null:
        return hash;
    case json::kind::bool_:
        return hash + (value.get_bool() ? 17 : 0);
    case json::kind::string:
        return detail::hash_name(value.get_string(), hash);
    case json::kind::array:
        for (auto const& item : value.get_array()) {
            hash = detail::mix(hash ^ hash_within(item, budget, depth + 1), 0x9e3779b97f4a7c15);
        }
        return hash;
    case json::kind::object:
        // A sum, so that the order of the members doesn't matter.
        for (auto const& [name, member] : value.get_object()) {
            hash += detail::mix(detail::hash_name(name, 1), hash_within(member, budget, depth + 1) | 1);
        }
        return hash;
    default:
        return hash_number(value);
    }
}

using position_pair = std::optional<std::pair<std::size_t, std::size_t>>;

static position_pair find_duplicate_of_few(json::array const& items, work_budget& budget) {
    for (std::size_t later = 1; later < items.size(); ++later) {
        for (std::size_t at = 0; at < later; ++at) {
            if (equal(items[at], items[later], budget)) return std::pair(at, later);
        }
    }
    return std::nullopt;
}

position_pair find_duplicate(json::array const& items, work_budget& budget) {
    if (items.size() <= 8) return find_duplicate_of_few(items, budget);
    std::vector<std::pair<std::uint64_t, std::size_t>> hashes;
    hashes.reserve(items.size());
    for (std::size_t at = 0; at < items.size(); ++at)
        hashes.emplace_back(hash_within(items[at], budget, 0), at);
    std::ranges::sort(hashes);
    position_pair first;
    for (std::size_t from = 0; from < hashes.size(); ++from) {
        for (std::size_t to = from + 1; to < hashes.size() && hashes[to].first == hashes[from].first; ++to) {
            auto const [at, later] = std::pair(hashes[from].second, hashes[to].second);
            // Equal hashes are sorted by position: from here on the pairs are only later than the one that is
            // known.
            if (first && later >= first->second) break;
            if (!budget.spend(1)) return std::nullopt;
            if (equal(items[at], items[later], budget)) first = std::pair(at, later);
        }
    }
    return first;
}

} // namespace gatehouse::json_schema
