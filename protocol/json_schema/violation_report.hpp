#pragma once
// The two kinds of report an evaluation writes: none, and a list of violations with their paths.

#include "protocol/json_schema/json_pointer.hpp"
#include "protocol/json_schema/schema.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::json_schema {

// Nothing is kept, and the first fault ends the evaluation.
class no_report {
  public:
    static constexpr bool collects = false;

    class step {
      public:
        step(no_report&, std::string_view) noexcept {}
        step(no_report&, std::size_t) noexcept {}
    };

    static constexpr bool is_full() noexcept { return true; }
};

class violation_report {
  public:
    static constexpr bool collects = true;

    violation_report(std::size_t violations_max, std::string path)
        : max_(violations_max), path_(std::move(path)) {}

    // While it lives, the report stands at one member or item further down.
    class step {
      public:
        step(violation_report& report, std::string_view name)
            : report_(report), length_(report.path_.size()) {
            append_token(report.path_, name);
        }
        step(violation_report& report, std::size_t position)
            : step(report, std::string_view(fmt::to_string(position))) {}
        ~step() { report_.path_.resize(length_); }
        step(step const&) = delete;
        step& operator=(step const&) = delete;

      private:
        violation_report& report_;
        std::size_t length_;
    };

    void add(std::string_view keyword, std::string message) {
        if (!is_full()) found_.push_back(violation{path_, std::string(keyword), std::move(message)});
    }

    void add(violation found) {
        if (!is_full()) found_.push_back(std::move(found));
    }

    bool is_full() const noexcept { return found_.size() >= max_; }
    std::string const& path() const noexcept { return path_; }
    std::size_t room() const noexcept { return max_ - found_.size(); }
    std::vector<violation>& found() noexcept { return found_; }

  private:
    std::size_t max_;
    std::string path_;
    std::vector<violation> found_;
};

} // namespace gatehouse::json_schema
