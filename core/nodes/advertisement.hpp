#pragma once
#include "core/runs/run.hpp"
#include "core/tools/value_schema.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::core {

struct advertised_operation {
    std::string capability;
    std::string name;
    std::string description;
    std::string risk; // "read", "write", "dangerous"
    bool idempotent = false;
    boost::json::object input_schema;
    std::string hash; // of the whole operation as it was advertised: what an approval is for
    value_schema input;
    std::optional<value_schema> output;
};

// The capabilities of a node, read and compiled once. Immutable; any thread.
class advertisement {
  public:
    // `capabilities` passed check_capabilities when it was stored.
    explicit advertisement(json_text capabilities);

    json_text const& text() const { return text_; }
    std::span<advertised_operation const> operations() const { return operations_; }
    // Null: the node does not offer it.
    advertised_operation const* find(std::string_view capability, std::string_view operation) const;

  private:
    json_text text_;
    std::vector<advertised_operation> operations_;
};

} // namespace gatehouse::core
