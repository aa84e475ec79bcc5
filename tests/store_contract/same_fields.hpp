#pragma once
#include <boost/pfr.hpp>

#include <gtest/gtest.h>

#include <concepts>

namespace gatehouse::testing {

// Compares two structs field by field, nested ones too, and names the field that differs by its position.
template <class T>
::testing::AssertionResult same_fields(T const& left, T const& right) {
    auto all = ::testing::AssertionSuccess();
    boost::pfr::for_each_field(left, [&]<class Field>(Field const& field, auto index) {
        auto const& other = boost::pfr::get<index>(right);
        bool same = true;
        if constexpr (std::equality_comparable<Field>) {
            same = field == other;
        } else {
            same = static_cast<bool>(same_fields(field, other));
        }
        if (!same) all = ::testing::AssertionFailure() << "field " << std::size_t{index} << " differs";
    });
    return all;
}

template <class T>
::testing::AssertionResult same_fields(std::optional<T> const& left, T const& right) {
    if (!left) return ::testing::AssertionFailure() << "there is none";
    return same_fields(*left, right);
}

} // namespace gatehouse::testing
