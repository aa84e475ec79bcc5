#pragma once
// Which members or items of one value some schema has looked at, for "unevaluatedProperties" and
// "unevaluatedItems".

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gatehouse::json_schema {

// Parts are named by their position in the array or the object. The first 64 need no allocation.
class evaluated_parts {
  public:
    void mark(std::size_t position) {
        if (position < 64) {
            first_ |= std::uint64_t(1) << position;
            return;
        }
        std::size_t const word = position / 64 - 1;
        if (word >= more_.size()) more_.resize(word + 1);
        more_[word] |= std::uint64_t(1) << position % 64;
    }

    void mark_first(std::size_t count) {
        for (std::size_t position = 0; position < count; ++position) mark(position);
    }

    void mark_all() noexcept { all_ = true; }

    bool has(std::size_t position) const noexcept {
        if (all_) return true;
        if (position < 64) return (first_ >> position & 1) != 0;
        std::size_t const word = position / 64 - 1;
        return word < more_.size() && (more_[word] >> position % 64 & 1) != 0;
    }

    void merge(evaluated_parts const& other) {
        all_ = all_ || other.all_;
        first_ |= other.first_;
        if (more_.size() < other.more_.size()) more_.resize(other.more_.size());
        for (std::size_t word = 0; word < other.more_.size(); ++word) more_[word] |= other.more_[word];
    }

  private:
    bool all_ = false;
    std::uint64_t first_ = 0;
    std::vector<std::uint64_t> more_;
};

} // namespace gatehouse::json_schema
