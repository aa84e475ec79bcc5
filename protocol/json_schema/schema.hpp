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
    // Subschemas within each other in one document.
    std::size_t schema_depth_max = 128;
    // In all documents that take part.
    std::size_t subschemas_max = 20'000;
    // Length of one pattern.
    std::size_t pattern_bytes_max = 4'096;
    // Of patterns that need RE2: how many, their instructions in all (2 µs each to compile), and the memory
    // of each for its program and the states it keeps.
    std::size_t patterns_max = 100;
    std::size_t pattern_instructions_max = 40'000;
    std::size_t pattern_memory_max = 1'000'000;
    // Subschemas that apply to one and the same value.
    std::size_t same_place_checks_max = 10'000;
    // Subschemas under evaluation within each other: what the stack must hold.
    std::size_t evaluation_depth_max = 512;
    // Subschemas evaluated, items compared, 16 bytes times instructions of a pattern, … in one check: enough
    // for a frame of 1 MiB that holds nothing but one-digit numbers. Some 30 ms of one core at worst, 200 ms
    // if all goes into a pattern made for that.
    std::size_t evaluation_steps_max = 1'000'000;
};

struct compile_options {
    // Where no "$schema" says otherwise.
    dialect default_dialect = dialect::draft_2020_12;
    // Only read during compile(). Without one only the metaschemas are known.
    document_set const* documents = nullptr;
    // What relative "$id" and "$ref" of the root start from.
    std::string base_uri = {};
    // For our own contracts; names that start with "x-" may stay.
    bool refuse_unknown_keywords = false;
    // "format": "date-time" is checked, not only noted.
    bool assert_date_time = false;
    limits limit = {};
};

struct compile_error {
    // JSON Pointer into the schema; "uri#pointer" where it isn't the schema that was given.
    std::string path;
    // A sentence to be read after the path.
    std::string message;
};

struct violation {
    // JSON Pointer into the instance, "" for the whole.
    std::string path;
    // "required", "type", …; "false" for the schema `false`, "limit" where the check was given up.
    std::string keyword;
    // For a person, to be read after the path. Holds no value of the instance, only names of members.
    std::string message;
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
