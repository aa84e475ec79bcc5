// Any bytes: both readers of JSON agree, and what was read once is read again from its own serialization.
#include "protocol/parse_json.hpp"

#include <boost/json/serialize.hpp>

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static gatehouse::json_parser kept;
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    auto const first = gatehouse::parse_json(text);
    auto const second = kept.parse(text);
    if (first.has_value() != second.has_value()) std::abort();
    if (!first) return first.error().message.empty() || first.error().offset > size ? std::abort(), 0 : 0;
    if (*first != **second) std::abort();
    auto const again = gatehouse::parse_json(boost::json::serialize(*first));
    if (!again || *again != *first) std::abort();
    return 0;
}
