#pragma once
// The door to this folder: compile a JSON Schema once, check any number of values against it from any thread.

#include "protocol/json_schema/document_set.hpp"

#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::json_schema {

enum class dialect : std::uint8_t { draft_2020_12, draft_7 };

// What a schema may cost, at compile time and for each check. The defaults suit schemas from strangers.
struct limits {
    std::size_t schema_depth_max = 128;         // subschemas within each other in one document
    std::size_t subschemas_max = 20'000;        // in all documents that take part
    std::size_t patterns_max = 1'000;           // in all documents that take part
    std::size_t pattern_bytes_max = 4'096;      // length of one pattern
    std::size_t pattern_memory_max = 1'000'000; // bytes RE2 may use for one pattern
    std::size_t same_place_checks_max = 10'000; // subschemas that apply to one and the same value
    std::size_t evaluation_depth_max = 512;     // subschemas under evaluation within each other
    std::size_t evaluation_steps_max =
        4'000'000; // subschemas evaluated, items compared, …: some 50 ms of one core
};

struct compile_options {
    dialect default_dialect = dialect::draft_2020_12; // where no "$schema" says otherwise
    document_set const* documents = nullptr;          // only read during compile()
    std::string base_uri = {};                        // what relative "$id" and "$ref" of the root start from
    bool refuse_unknown_keywords = false; // for our own contracts; names that start with "x-" may stay
    bool assert_date_time = false;        // "format": "date-time" is checked, not only noted
    limits limit = {};
};

struct compile_error {
    std::string path; // JSON Pointer into the schema; "uri#pointer" where it isn't the schema that was given
    std::string message; // a sentence without the path
};

struct violation {
    std::string path;    // JSON Pointer into the instance, "" for the whole
    std::string keyword; // "required", "type", …; "limit" where the check was given up
    std::string
        message; // for a person, to be read after the path; holds no value of the instance, only member names
};

class program;

// A compiled schema. Immutable; a copy shares the program, every member may be called from any thread at
// once.
class schema {
  public:
    explicit schema(std::shared_ptr<program const> compiled) noexcept : program_(std::move(compiled)) {}

    // The fast path: allocates nothing unless "unevaluatedProperties", "uniqueItems" and their like need
    // room.
    bool is_valid(boost::json::value const& instance) const;

    // What is wrong, at most `violations_max` of it, in the order of the instance; empty for a valid
    // instance. Costs several times is_valid(): call it once that said no.
    std::vector<violation> explain(boost::json::value const& instance, std::size_t violations_max = 16) const;

  private:
    std::shared_ptr<program const> program_;
};

// Compiles `document`, which must outlive only the call. Everything this validator can't keep is an error
// here, never ignored: look-around in patterns, unknown "$ref" targets, required vocabularies it doesn't
// have, endless recursion.
std::expected<schema, compile_error>
compile(boost::json::value const& document, compile_options const& options = compile_options());

} // namespace gatehouse::json_schema
