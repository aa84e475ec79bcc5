#include "app/cli/terminal_text.hpp"

namespace gatehouse::app::cli {
namespace {

// The sign for a C0 control character or DEL, from the block "Control Pictures".
std::string control_picture(unsigned char byte) {
    std::string sign = "\xE2\x90\x80";
    sign[2] = byte == 0x7F ? static_cast<char>(0xA1) : static_cast<char>(0x80 + byte);
    return sign;
}

} // namespace

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const byte = static_cast<unsigned char>(text[i]);
        // U+0080 to U+009F, which some terminals obey as well.
        bool const is_c1 =
            byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
        if (is_c1) {
            out += "\xEF\xBF\xBD";
            ++i;
        } else if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F) {
            out += control_picture(byte);
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string one_line(std::string_view text, std::size_t bytes_max) {
    bool const is_cut = text.size() > bytes_max;
    if (is_cut) {
        auto end = bytes_max;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
        text = text.substr(0, end);
    }
    auto line = printable(text);
    for (auto& each : line) {
        if (each == '\n' || each == '\t') each = ' ';
    }
    return is_cut ? line + "…" : line;
}

} // namespace gatehouse::app::cli
