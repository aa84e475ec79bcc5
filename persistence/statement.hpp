#pragma once
// The text of one SQL statement, checked while it is compiled.
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

namespace gatehouse::persistence {

// Only a literal becomes a statement, so that no value can stand in its text, and its address can name it in
// the cache of kept statements. Parameters are written `:name`; their values are given in the order in which
// the names appear first. Refused by the compiler: several statements in one (the drivers run the first one
// and keep silent), array slices `[1:2]` (SOCI takes them for a parameter) and comments.
class statement {
  public:
    static constexpr std::size_t parameters_max = 40;
    using parameter_names = std::array<std::string_view, parameters_max>;

    // NOLINTNEXTLINE(google-explicit-constructor): a literal is what everybody writes.
    consteval statement(char const* text) : text_(text), parameter_count_(scan(text).second) {}

    constexpr char const* text() const { return text_; }
    constexpr std::size_t parameter_count() const { return parameter_count_; }
    // The first parameter_count() of them, in the order in which values are given.
    constexpr parameter_names parameters() const { return scan(text_).first; }

  private:
    static constexpr bool is_name(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    }

    static constexpr std::pair<parameter_names, std::size_t> scan(std::string_view all) {
        std::pair<parameter_names, std::size_t> found{};
        auto& [names, count] = found;
        for (std::size_t i = 0; i < all.size(); ++i) {
            char const c = all[i];
            if (c == '\'' || c == '"') {
                i = all.find(c, i + 1);
                if (i == std::string_view::npos) throw "a quote is not closed";
            } else if (c == ';') {
                throw "one statement at a time, without a semicolon";
            } else if (all.substr(i, 2) == "--" || all.substr(i, 2) == "/*") {
                throw "comments stand outside of the statement";
            } else if (all.substr(i, 2) == "::") {
                ++i;
            } else if (c == ':') {
                std::size_t end = i + 1;
                while (end < all.size() && is_name(all[end])) ++end;
                if (end == i + 1 || (all[i + 1] >= '0' && all[i + 1] <= '9'))
                    throw "a colon starts a parameter's name";
                auto const name = all.substr(i + 1, end - i - 1);
                bool known = false;
                for (std::size_t k = 0; k < count; ++k) known = known || names[k] == name;
                if (!known && count == parameters_max) throw "too many parameters";
                if (!known) names[count++] = name;
                i = end - 1;
            }
        }
        return found;
    }

    char const* text_;
    std::size_t parameter_count_;
};

} // namespace gatehouse::persistence
