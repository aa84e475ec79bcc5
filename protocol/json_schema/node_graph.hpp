#pragma once
// Passes over a program's whole graph of nodes, after all subschemas are compiled and before anything is
// checked.

#include "protocol/json_schema/program.hpp"

#include <optional>
#include <string>

namespace gatehouse::json_schema {

struct graph_fault {
    node const* where;
    std::string message;
};

// Finds what would make an evaluation endless or exponential at one single value: schemas that lead back to
// themselves without going deeper into it, and chains and multiplications of references over the limits.
std::optional<graph_fault> find_fault(program& all, limits const& limit);

// Leads every link past nodes that are only a reference, and makes links to nodes that accept everything
// null. Only for a program without a fault.
void shorten(program& all);

} // namespace gatehouse::json_schema
