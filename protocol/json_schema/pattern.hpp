#pragma once
// A compiled "pattern": found anywhere in a text, in time linear in the text, on any thread.

#include "protocol/json_schema/simple_pattern.hpp"

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
} // namespace re2

namespace gatehouse::json_schema {

class pattern {
  public:
    // `memory_max` are bytes for RE2's program and its caches. The error is a sentence whose subject is the
    // pattern.
    static std::expected<pattern, std::string> compile(std::string_view ecma, std::size_t memory_max);

    bool found_in(std::string_view text) const;
    std::string const& source() const noexcept { return source_; }

    // The size of RE2's program; 0 where the pattern needs none.
    std::size_t instructions() const noexcept { return instructions_; }

    // What found_in() takes of a work budget. A pattern made for it costs RE2 some 15 ns a byte and
    // instruction: it has more states than RE2 can keep, so that each instruction is tried at each byte.
    std::size_t steps_for(std::size_t text_bytes) const noexcept {
        return simple_ ? text_bytes / 64 : 1 + text_bytes * instructions_ / 16;
    }

  private:
    std::string source_;
    std::optional<simple_pattern> simple_;
    std::shared_ptr<re2::RE2 const> general_; // null where the pattern is simple
    std::size_t instructions_ = 0;
};

} // namespace gatehouse::json_schema
