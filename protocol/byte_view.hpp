#pragma once
// What every codec and digest reads: bytes that somebody else owns, whatever type they stand in.
#include <cstddef>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>

namespace gatehouse {

// Converts implicitly from strings (without their NUL), spans, arrays and vectors of one-byte elements.
class byte_view {
  public:
    byte_view() = default;
    byte_view(char const* text) : byte_view(std::string_view(text)) {}

    template <class Range>
        requires(std::ranges::contiguous_range<Range> && std::ranges::sized_range<Range> &&
                 sizeof(std::ranges::range_value_t<Range>) == 1 &&
                 !std::is_array_v<std::remove_cvref_t<Range>>)
    byte_view(Range const& bytes)
        : data_(reinterpret_cast<unsigned char const*>(std::ranges::data(bytes))),
          size_(std::ranges::size(bytes)) {}

    unsigned char const* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    unsigned char operator[](std::size_t i) const noexcept { return data_[i]; }
    std::string_view text() const noexcept { return {reinterpret_cast<char const*>(data_), size_}; }

  private:
    unsigned char const* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace gatehouse
