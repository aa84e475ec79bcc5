#include "protocol/json_schema/pattern.hpp"

#include "protocol/json_schema/pattern_translation.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

namespace gatehouse::json_schema {

std::expected<pattern, std::string> pattern::compile(std::string_view ecma, std::size_t memory_max) {
    pattern out;
    out.source_ = ecma;
    out.simple_ = simple_pattern::compile(ecma);
    if (out.simple_) return out;
    auto const translated = translate_pattern(ecma);
    if (!translated) return std::unexpected(translated.error());
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_never_capture(true);
    options.set_max_mem(static_cast<std::int64_t>(memory_max));
    out.general_ = std::make_shared<re2::RE2 const>(*translated, options);
    if (out.general_->ok()) {
        out.instructions_ = static_cast<std::size_t>(out.general_->ProgramSize());
        return out;
    }
    bool const too_large = out.general_->error_code() == re2::RE2::ErrorPatternTooLarge;
    if (too_large)
        return std::unexpected("needs more memory than a pattern may use; ask for less repetition");
    return std::unexpected(fmt::format("is not a pattern that can be checked: {}", out.general_->error()));
}

bool pattern::found_in(std::string_view text) const {
    if (simple_) return simple_->matches(text);
    return general_->Match(
        re2::StringPiece(text.data(), text.size()), 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0
    );
}

} // namespace gatehouse::json_schema
