#pragma once
// A compiled schema: a graph of nodes, one a subschema, with only those rules filled in that the subschema
// states.

#include "protocol/json_schema/name_table.hpp"
#include "protocol/json_schema/number.hpp"
#include "protocol/json_schema/pattern.hpp"

#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::json_schema {

struct node;

// The JSON types of a schema's "type", as bits.
enum json_type : std::uint8_t {
    type_null = 1,
    type_boolean = 2,
    type_object = 4,
    type_array = 8,
    type_number = 16,
    type_integer = 32,
    type_string = 64,
    type_any = 127,
};

struct string_rules {
    std::size_t length_min = 0; // code points
    std::optional<std::size_t> length_max;
    std::vector<pattern> patterns; // at most one a subschema
    bool is_date_time = false;
};

struct number_rules {
    // Where there is none, null.
    boost::json::value minimum, exclusive_minimum, maximum, exclusive_maximum, multiple_of;
    std::optional<divisor> factor; // the same as multiple_of
};

// In the pointers to nodes below, null means: whatever stands there is fine.
struct array_rules {
    std::vector<node const*> prefix;
    node const* rest = nullptr; // the items after the prefix
    bool has_rest = false;      // the keyword is there, and so counts as having looked at them
    std::string_view rest_keyword = "items";
    bool has_contains = false;
    node const* contains = nullptr;
    std::size_t contains_min = 1;
    std::optional<std::size_t> contains_max;
    std::size_t items_min = 0;
    std::optional<std::size_t> items_max;
    bool unique = false;
};

struct member_rule {
    node const* schema = nullptr;
    bool declared = false; // stands in "properties"; otherwise it is only required
    bool required = false;
};

struct dependent_names {
    std::string member;
    std::vector<std::string> needed;
    std::string_view keyword; // "dependentRequired", or draft 7's "dependencies"
};

struct object_rules {
    name_table<member_rule> members;
    // How many names are required. Keys are unique, so that counting the required ones that were seen is
    // enough.
    std::size_t required_count = 0;
    std::vector<std::pair<pattern, node const*>> by_pattern;
    node const* additional = nullptr;
    bool has_additional = false;
    node const* names = nullptr;
    std::size_t members_min = 0;
    std::optional<std::size_t> members_max;
    std::vector<dependent_names> dependent;
};

// "enum", and "const" as an "enum" of one.
struct value_rules {
    name_table<char> strings; // the strings among the values; no value belongs to them
    std::vector<boost::json::value> others;
    std::vector<boost::json::value> all; // as they were written, for the message
};

struct dynamic_reference {
    std::size_t anchor;     // number of the anchor's name in the program
    node const* first_seen; // the target where no outer resource has the anchor
};

struct dependent_schema {
    std::string member;
    node const* schema;
};

// What applies further subschemas to the same value.
struct same_place_rules {
    std::vector<node const*> all_of; // "allOf", and "$ref"
    std::vector<dynamic_reference> dynamic;
    std::vector<node const*> any_of, one_of;
    bool has_any_of = false, has_one_of = false;
    node const* negated = nullptr;
    bool has_not = false;
    node const* condition = nullptr;
    bool has_if = false;
    node const* then_schema = nullptr;
    node const* else_schema = nullptr;
    std::vector<dependent_schema> dependent;
};

struct unevaluated_rules {
    node const* members = nullptr;
    bool has_members = false;
    node const* items = nullptr;
    bool has_items = false;
};

struct node {
    std::uint8_t types = type_any;
    bool refuses_all = false;     // the schema `false`
    bool enters_resource = false; // its resource has dynamic anchors that a dynamic reference may look for
    std::size_t resource = 0;
    std::unique_ptr<string_rules> strings;
    std::unique_ptr<number_rules> numbers;
    std::unique_ptr<array_rules> arrays;
    std::unique_ptr<object_rules> objects;
    std::unique_ptr<value_rules> enumerated;
    std::unique_ptr<value_rules> constant;
    std::unique_ptr<same_place_rules> same_place;
    std::unique_ptr<unevaluated_rules> unevaluated;

    bool accepts_all() const noexcept {
        return types == type_any && !refuses_all && !strings && !numbers && !arrays && !objects &&
               !enumerated && !constant && !same_place && !unevaluated;
    }
};

// The kinds of boost::json as bits of a node's `types`. A double counts as an integer too where it has no
// fraction.
constexpr std::uint8_t types_of(boost::json::kind kind) noexcept {
    switch (kind) {
    case boost::json::kind::null:
        return type_null;
    case boost::json::kind::bool_:
        return type_boolean;
    case boost::json::kind::int64:
        return type_number | type_integer;
    case boost::json::kind::uint64:
        return type_number | type_integer;
    case boost::json::kind::double_:
        return type_number;
    case boost::json::kind::string:
        return type_string;
    case boost::json::kind::array:
        return type_array;
    case boost::json::kind::object:
        return type_object;
    }
    return 0;
}

// Every pointer to another node that isn't null, for passes over the graph.
std::vector<node const**> links_of(node& from);

// The nodes that apply to the same value as `from` does, as often as they do. Those that dynamic references
// may find are not among them.
std::vector<node const*> same_place_targets(node const& from);

} // namespace gatehouse::json_schema
