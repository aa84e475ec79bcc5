#pragma once
// How the types of core go into a statement and come out of one.
#include "persistence/dialect.hpp"
#include "persistence/sql_error.hpp"
#include "protocol/timestamp.hpp"

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace gatehouse::persistence {

enum class cell_kind : std::uint8_t { integer, real, text };

// One value of a kept statement. It stays where it is: SOCI holds its address.
struct cell {
    cell_kind kind = cell_kind::integer;
    bool is_null = false;
    long long integer = 0;
    double real = 0;
    std::string text;
};

// Artifact bytes, as opposed to text: any value of each byte.
struct bytes {
    std::string value;
};
struct bytes_view {
    std::string_view value;
};

// Specialised for each type that may be bound (kind, write) or fetched (kind, read).
template <class T>
struct cell_type;

namespace detail {
// Postgres would cut the text at the NUL and say nothing.
inline void refuse_nul(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) throw sql_error("a text with a NUL byte can't be stored");
}
inline void refuse_null(cell const& from) {
    if (from.is_null) throw sql_error("a column is NULL that must not be");
}
} // namespace detail

template <std::integral T>
struct cell_type<T> {
    static constexpr cell_kind kind = cell_kind::integer;
    static void write(cell& to, T value, dialect const&) {
        to.is_null = false;
        to.integer = static_cast<long long>(value);
    }
    static T read(cell& from, dialect const&) {
        detail::refuse_null(from);
        if constexpr (std::same_as<T, bool>) {
            return from.integer != 0;
        } else {
            if (!std::in_range<T>(from.integer)) throw sql_error("a stored number is out of range");
            return static_cast<T>(from.integer);
        }
    }
};

template <>
struct cell_type<double> {
    static constexpr cell_kind kind = cell_kind::real;
    static void write(cell& to, double value, dialect const&) {
        to.is_null = false;
        to.real = value;
    }
    static double read(cell& from, dialect const&) {
        detail::refuse_null(from);
        return from.real;
    }
};

template <>
struct cell_type<std::string_view> {
    static constexpr cell_kind kind = cell_kind::text;
    static void write(cell& to, std::string_view value, dialect const&) {
        detail::refuse_nul(value);
        to.is_null = false;
        to.text.assign(value);
    }
};

template <>
struct cell_type<std::string> : cell_type<std::string_view> {
    static std::string read(cell& from, dialect const&) {
        detail::refuse_null(from);
        return from.text;
    }
};

template <>
struct cell_type<char const*> : cell_type<std::string_view> {};

template <>
struct cell_type<timestamp> {
    static constexpr cell_kind kind = cell_kind::integer;
    static void write(cell& to, timestamp value, dialect const&) {
        to.is_null = false;
        to.integer = to_ms(value);
    }
    static timestamp read(cell& from, dialect const&) {
        detail::refuse_null(from);
        return from_ms(from.integer);
    }
};

template <>
struct cell_type<bytes_view> {
    static constexpr cell_kind kind = cell_kind::text;
    static void write(cell& to, bytes_view value, dialect const& of) {
        to.is_null = false;
        to.text = of.to_bytes_text(value.value);
    }
};

template <>
struct cell_type<bytes> {
    static constexpr cell_kind kind = cell_kind::text;
    static bytes read(cell& from, dialect const& of) {
        detail::refuse_null(from);
        return {of.from_bytes_text(std::move(from.text))};
    }
};

// An enum is stored as the word that its to_string() says.
template <class E>
    requires std::is_enum_v<E>
struct cell_type<E> {
    static constexpr cell_kind kind = cell_kind::text;
    static void write(cell& to, E value, dialect const&) {
        to.is_null = false;
        to.text.assign(to_string(value));
    }
    static E read(cell& from, dialect const&) {
        detail::refuse_null(from);
        for (int i = 0; !to_string(static_cast<E>(i)).empty(); ++i) {
            if (to_string(static_cast<E>(i)) == from.text) return static_cast<E>(i);
        }
        throw sql_error("a stored state is not known to this program");
    }
};

// A list of strings is stored as a JSON array.
template <>
struct cell_type<std::vector<std::string>> {
    static constexpr cell_kind kind = cell_kind::text;
    static void write(cell& to, std::vector<std::string> const& list, dialect const&);
    static std::vector<std::string> read(cell& from, dialect const&);
};

template <class T>
struct cell_type<std::optional<T>> {
    static constexpr cell_kind kind = cell_type<T>::kind;
    static void write(cell& to, std::optional<T> const& value, dialect const& of) {
        if (value) {
            cell_type<T>::write(to, *value, of);
        } else {
            to.is_null = true;
        }
    }
    static std::optional<T> read(cell& from, dialect const& of) {
        if (from.is_null) return std::nullopt;
        return cell_type<T>::read(from, of);
    }
};

} // namespace gatehouse::persistence
