// Server-sent events cut anywhere: never more than the bound, and the same events however the bytes are cut.
#include "app/models/sse_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

using gatehouse::app::models::sse_event;
using gatehouse::app::models::sse_reader;

namespace {

constexpr std::size_t event_bytes_max = 256;

bool read(std::string_view text, std::size_t piece, std::vector<sse_event>& events) {
    sse_reader reader(event_bytes_max);
    bool is_whole = true;
    for (; is_whole && !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
        is_whole = reader.feed(text.substr(0, piece), events);
    }
    return is_whole && reader.finish(events);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    std::vector<sse_event> at_once;
    std::vector<sse_event> in_pieces;
    bool const whole = read(text, text.size() + 1, at_once);
    if (whole != read(text, 1 + (size > 0 ? data[0] % 7 : 0), in_pieces)) std::abort();
    if (whole && at_once.size() != in_pieces.size()) std::abort();
    for (std::size_t i = 0; i < at_once.size() && i < in_pieces.size(); ++i) {
        if (at_once[i].data != in_pieces[i].data || at_once[i].data.size() > event_bytes_max) std::abort();
    }
    return 0;
}
