#pragma once
// Turns subschemas into nodes. It works off a list instead of descending, so that no schema exhausts the
// stack.

#include "protocol/json_schema/program.hpp"
#include "protocol/json_schema/resource_index.hpp"

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gatehouse::json_schema {

class compiler {
  public:
    explicit compiler(compile_options const& options) : options_(options), index_(options) {}

    // Called once.
    std::expected<schema, compile_error> run(boost::json::value const& document);

  private:
    // One keyword of one subschema, and the node its rule goes to.
    struct site {
        place const& where;
        std::string_view keyword;
        boost::json::value const& operand;
        node& out;
    };
    using handler = void (compiler::*)(site const&);
    struct handler_row {
        std::string_view keyword;
        handler compile;
    };
    static handler handler_of(std::string_view keyword);

    void work_off();
    void fill(place const& where, node& out);
    void
    fill_keyword(place const& where, std::string_view keyword, boost::json::value const& operand, node& out);
    bool add_dynamic_targets();
    void write_dynamic_anchors();
    void finish_nodes();

    // The node for a place, made and put on the list where it is new. Null only after an error.
    node* node_at(place const* where);
    node const* subschema(site const& at, boost::json::value const& schema);
    std::vector<node const*> subschema_list(site const& at);
    std::size_t anchor_number(std::string_view name);

    // Operands of the wrong shape become errors, and the result is a default that nobody will see.
    std::size_t count(site const& at);
    bool flag(site const& at);
    std::vector<std::string> names(site const& at, std::string_view steps, boost::json::value const& operand);
    boost::json::value number(site const& at);
    pattern compile_pattern(site const& at, std::string_view steps, std::string_view text);
    void fail(site const& at, std::string message) { fail(at, "", std::move(message)); }
    void fail(site const& at, std::string_view steps, std::string message);

    template <class Rules>
    static Rules& rules(std::unique_ptr<Rules>& held) {
        if (!held) held = std::make_unique<Rules>();
        return *held;
    }

    // compile_scalars.cpp
    void compile_type(site const& at);
    void compile_enum(site const& at);
    void compile_const(site const& at);
    void compile_minimum(site const& at);
    void compile_exclusive_minimum(site const& at);
    void compile_maximum(site const& at);
    void compile_exclusive_maximum(site const& at);
    void compile_multiple_of(site const& at);
    void compile_min_length(site const& at);
    void compile_max_length(site const& at);
    void compile_pattern_keyword(site const& at);
    void compile_format(site const& at);

    // compile_containers.cpp
    void compile_prefix_items(site const& at);
    void compile_items(site const& at);
    void compile_additional_items(site const& at);
    void compile_contains(site const& at);
    void compile_min_contains(site const& at);
    void compile_max_contains(site const& at);
    void compile_min_items(site const& at);
    void compile_max_items(site const& at);
    void compile_unique_items(site const& at);
    void compile_properties(site const& at);
    void compile_pattern_properties(site const& at);
    void compile_additional_properties(site const& at);
    void compile_property_names(site const& at);
    void compile_required(site const& at);
    void compile_min_properties(site const& at);
    void compile_max_properties(site const& at);
    void compile_dependent_required(site const& at);

    // compile_applicators.cpp
    void compile_ref(site const& at);
    void compile_dynamic_ref(site const& at);
    void compile_all_of(site const& at);
    void compile_any_of(site const& at);
    void compile_one_of(site const& at);
    void compile_not(site const& at);
    void compile_if(site const& at);
    void compile_then(site const& at);
    void compile_else(site const& at);
    void compile_dependent_schemas(site const& at);
    void compile_dependencies(site const& at);
    void compile_unevaluated_items(site const& at);
    void compile_unevaluated_properties(site const& at);

    compile_options const& options_;
    resource_index index_;
    std::shared_ptr<program> program_ = std::make_shared<program>();
    std::unordered_map<place const*, node*> nodes_;
    std::vector<std::pair<place const*, node*>> waiting_;
    std::map<std::string, std::size_t, std::less<>>
        anchor_numbers_;            // of the anchors that dynamic references name
    std::size_t pattern_count_ = 0; // of those that need RE2
    std::size_t pattern_instructions_ = 0;
};

} // namespace gatehouse::json_schema
