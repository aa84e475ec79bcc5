// What one message costs: parsing it and validating it. Reads {"schema":…,"message":…} from stdin, prints
// {"parse_ns":…,"validate_ns":…}, each the best of nine rounds.
#include "protocol/json_schema/schema.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <limits>

namespace {

constexpr int rounds = 9;
constexpr int calls = 100'000;

template <class F>
double nanoseconds_of(F&& work) {
    double best = std::numeric_limits<double>::max();
    for (int round = 0; round < rounds; ++round) {
        auto const start = std::chrono::steady_clock::now();
        for (int i = 0; i < calls; ++i) work();
        std::chrono::duration<double, std::nano> const taken = std::chrono::steady_clock::now() - start;
        best = std::min(best, taken.count() / calls);
    }
    return best;
}

} // namespace

int main() {
    using namespace gatehouse;
    std::string const given(std::istreambuf_iterator<char>(std::cin), {});
    auto const document = parse_json(given);
    if (!document) {
        std::fprintf(stderr, "validate: stdin: %s\n", document.error().message.c_str());
        return 1;
    }
    auto const schema = json_schema::compile(document->at("schema"));
    auto const& message = document->at("message");
    if (!schema || !schema->is_valid(message)) {
        std::fprintf(stderr, "validate: the message does not fit the schema\n");
        return 1;
    }
    auto const text = boost::json::serialize(message);
    json_parser parser;
    long valid = 0;
    double const validating = nanoseconds_of([&] { valid += schema->is_valid(message); });
    double const parsing = nanoseconds_of([&] { valid += parser.parse(text).has_value(); });
    std::printf("{\"parse_ns\":%.1f,\"validate_ns\":%.1f,\"valid\":%ld}\n", parsing, validating, valid);
    return 0;
}
