#pragma once
// What every keyword is: in which dialect it exists, to which vocabulary it belongs and where it holds
// subschemas.

#include "protocol/json_schema/schema.hpp"

#include <cstdint>
#include <string_view>

namespace gatehouse::json_schema {

enum class vocabulary : std::uint8_t {
    core,
    applicator,
    unevaluated,
    validation,
    format,
    content,
    meta_data
};

// Where subschemas stand in a keyword's value.
enum class subschema_shape : std::uint8_t { none, one, list, map, one_or_list, map_of_schema_or_names };

struct keyword {
    std::string_view name;
    bool in_2020_12;
    bool in_7;
    vocabulary home;
    subschema_shape shape;
};

// The row for `name` in that dialect, or null where the dialect has no such keyword.
keyword const* find_keyword(std::string_view name, dialect language) noexcept;

} // namespace gatehouse::json_schema
