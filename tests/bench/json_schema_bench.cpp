// What validation costs beside parsing, for a message of ten fields. Prints one JSON line a measurement.
#include "protocol/json_schema/schema.hpp"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/parser.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace json = boost::json;
using gatehouse::json_schema::compile;

static constexpr std::string_view message = R"json({
    "run_id": "run_01JD4X8ZQ2M7V5T9C3B1K6H0WE",
    "session_id": "ses_01JD4X8ZQ2M7V5T9C3B1K6H0WF",
    "state": "running",
    "attempt": 3,
    "temperature": 0.7,
    "final": false,
    "text": "Look at the log of yesterday and say what went wrong.",
    "kind": "message",
    "origin": {"channel": "console", "sender": "user:alice", "received_ms": 1763690000123},
    "tools": ["system.info", "files.read", "web.fetch"]
})json";

static constexpr std::string_view plain_schema = R"json({
    "type": "object",
    "properties": {
        "run_id": {"type": "string", "minLength": 30, "maxLength": 30},
        "session_id": {"type": "string", "minLength": 30, "maxLength": 30},
        "state": {"enum": ["accepted", "running", "waiting", "succeeded", "failed", "cancelled"]},
        "attempt": {"type": "integer", "minimum": 1, "maximum": 100},
        "temperature": {"type": "number", "minimum": 0, "maximum": 2},
        "final": {"type": "boolean"},
        "text": {"type": "string", "minLength": 1, "maxLength": 65536},
        "kind": {"const": "message"},
        "origin": {"$ref": "#/$defs/origin"},
        "tools": {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 64}
    },
    "required": ["run_id", "session_id", "state", "attempt", "text", "kind", "origin"],
    "additionalProperties": false,
    "$defs": {
        "origin": {
            "type": "object",
            "properties": {
                "channel": {"type": "string"},
                "sender": {"type": "string", "maxLength": 128},
                "received_ms": {"type": "integer", "minimum": 0}
            },
            "required": ["channel", "sender"],
            "additionalProperties": false
        }
    }
})json";

static json::value with_patterns(std::string_view run_id, std::string_view session_id) {
    auto schema = json::parse(plain_schema);
    schema.at("properties").at("run_id").as_object()["pattern"] = run_id;
    schema.at("properties").at("session_id").as_object()["pattern"] = session_id;
    return schema;
}

// The best of seven rounds: what the code costs when nobody disturbs it.
template <class Work>
static void measure(std::string_view name, Work const& work) {
    constexpr int rounds = 7;
    constexpr int repetitions = 50'000;
    double best_ns = 1e18;
    for (int round = 0; round < rounds; ++round) {
        auto const start = std::chrono::steady_clock::now();
        for (int repetition = 0; repetition < repetitions; ++repetition) work();
        std::chrono::duration<double, std::nano> const taken = std::chrono::steady_clock::now() - start;
        best_ns = std::min(best_ns, taken.count() / repetitions);
    }
    fmt::print("{{\"name\": \"{}\", \"ns_per_op\": {:.1f}}}\n", name, best_ns);
    std::fflush(stdout);
}

static void measure_parsers() {
    measure("json_parse", [] {
        auto const value = json::parse(json::string_view(message.data(), message.size()));
        if (!value.is_object()) std::abort();
    });
    json::parser kept;
    measure("json_parse_kept_parser", [&] {
        std::array<unsigned char, 4096> buffer;
        json::monotonic_resource resource(buffer.data(), buffer.size());
        kept.reset(&resource);
        kept.write(message.data(), message.size());
        if (!kept.release().is_object()) std::abort();
    });
}

static void measure_schema(std::string_view name, json::value const& source, json::value const& instance) {
    auto const schema = compile(source);
    if (!schema || !schema->is_valid(instance)) std::abort();
    measure(name, [&] {
        if (!schema->is_valid(instance)) std::abort();
    });
}

int main() {
    auto const instance = json::parse(json::string_view(message.data(), message.size()));
    auto const plain = json::parse(json::string_view(plain_schema.data(), plain_schema.size()));
    measure_parsers();
    measure_schema("json_schema_validate", plain, instance);
    auto const simple = with_patterns("^run_[0-9A-HJKMNP-TV-Z]{26}$", "^ses_[0-9A-HJKMNP-TV-Z]{26}$");
    measure_schema("json_schema_validate_two_id_patterns", simple, instance);
    auto const general =
        with_patterns("^(run|job)_[0-9A-HJKMNP-TV-Z]{26}$", "^(ses|tab)_[0-9A-HJKMNP-TV-Z]{26}$");
    measure_schema("json_schema_validate_two_re2_patterns", general, instance);

    auto wrong = instance;
    wrong.as_object()["attempt"] = 0;
    auto const schema = compile(plain);
    measure("json_schema_explain_one_fault", [&] {
        if (schema->explain(wrong).size() != 1) std::abort();
    });
    measure("json_schema_compile", [&] {
        if (!compile(plain)) std::abort();
    });
    return 0;
}
