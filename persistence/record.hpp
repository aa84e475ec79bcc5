#pragma once
// A struct of core as a row: which member stands in which column, said once for reading and for writing.
#include "persistence/sql.hpp"

#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace gatehouse::persistence {

// Text that people and models write freely, NUL bytes included, which no text column takes. They are escaped.
struct free_text {
    std::string value;
};

template <>
struct cell_type<free_text> {
    static constexpr cell_kind kind = cell_kind::text;
    static void write(cell& to, free_text const& text, dialect const&) {
        to.is_null = false;
        to.text = escape(text.value);
    }
    static free_text read(cell& from, dialect const&) {
        detail::refuse_null(from);
        return {unescape(from.text)};
    }

  private:
    // A text with a NUL, or one that starts like an escaped one, is stored as the mark and, behind it, \x01 0
    // for NUL and
    // \x01 1 for \x01. Any other text is stored as it is.
    static constexpr char mark = '\x01';
    static std::string escape(std::string const& text) {
        if (!text.starts_with(mark) && text.find('\0') == std::string::npos) return text;
        std::string out(1, mark);
        for (char const c : text) {
            if (c == '\0' || c == mark) {
                out += mark;
                out += c == mark ? '1' : '0';
            } else {
                out += c;
            }
        }
        return out;
    }
    static std::string unescape(std::string const& stored) {
        if (!stored.starts_with(mark)) return stored;
        std::string out;
        for (std::size_t i = 1; i < stored.size(); ++i) {
            bool const escaped = stored[i] == mark && i + 1 < stored.size();
            out += !escaped ? stored[i] : stored[++i] == '1' ? mark : '\0';
        }
        return out;
    }
};

// A member that is stored as free_text: `free_column<&message::text>`.
template <auto Member>
struct free_column_of {
    template <class T>
    auto& operator()(T& owner) const {
        return owner.*Member;
    }
};
template <auto Member>
inline constexpr free_column_of<Member> free_column{};

namespace detail {
template <class Member>
struct owner_of;
template <class T, class V>
struct owner_of<V T::*> {
    using type = T;
};

template <class Access>
inline constexpr bool is_free = false;
template <auto Member>
inline constexpr bool is_free<free_column_of<Member>> = true;

template <class V>
struct free_of;
template <>
struct free_of<std::string> {
    using type = free_text;
    static free_text wrap(std::string const& v) { return {v}; }
    static std::string unwrap(free_text&& v) { return std::move(v.value); }
};
template <>
struct free_of<std::optional<std::string>> {
    using type = std::optional<free_text>;
    static type wrap(std::optional<std::string> const& v) { return v ? type(free_text{*v}) : std::nullopt; }
    static std::optional<std::string> unwrap(type&& v) {
        if (!v) return std::nullopt;
        return std::move(v->value);
    }
};
} // namespace detail

// `record<run, &run::run_id, …>`: its members are the columns, in this order. Beside members there may be
// free_column and lambdas that return a reference to a part of the struct.
template <class T, auto... Members>
struct record {
    using type = T;

    // Calls `use` with the value of each column.
    template <class F>
    static decltype(auto) spread(T const& from, F&& use) {
        return use(to_column<Members>(from)...);
    }

    // Calls `take` with each row of the statement.
    template <class Take, class... Args>
    static void each(sql& on, Take take, statement const& text, Args const&... args) {
        on.each<column<Members>...>(
            [&](column<Members>&&... values) {
                T made{};
                (from_column<Members>(made, std::move(values)), ...);
                take(std::move(made));
            },
            text, args...
        );
    }

    template <class... Args>
    static std::optional<T> find(sql& on, statement const& text, Args const&... args) {
        std::optional<T> found;
        each(on, [&](T&& one) { found = std::move(one); }, text, args...);
        return found;
    }

    template <class... Args>
    static std::vector<T> list(sql& on, statement const& text, Args const&... args) {
        std::vector<T> found;
        each(on, [&](T&& one) { found.push_back(std::move(one)); }, text, args...);
        return found;
    }

    // Binds every column, in order.
    static std::int64_t exec(sql& on, statement const& text, T const& from) {
        return spread(from, [&](auto const&... values) { return on.exec(text, values...); });
    }

    static void exec_later(sql& on, statement const& text, T const& from) {
        spread(from, [&](auto const&... values) { on.exec_later(text, values...); });
    }

  private:
    template <auto Member>
    using value_of = std::remove_cvref_t<std::invoke_result_t<decltype(Member), T&>>;

    template <auto Member>
    static constexpr bool is_free = detail::is_free<std::remove_cvref_t<decltype(Member)>>;

    template <auto Member>
    static auto column_type_of() {
        if constexpr (is_free<Member>) {
            return std::type_identity<typename detail::free_of<value_of<Member>>::type>();
        } else {
            return std::type_identity<value_of<Member>>();
        }
    }
    template <auto Member>
    using column = typename decltype(column_type_of<Member>())::type;

    template <auto Member>
    static decltype(auto) to_column(T const& from) {
        if constexpr (is_free<Member>) {
            return detail::free_of<value_of<Member>>::wrap(std::invoke(Member, from));
        } else {
            return std::invoke(Member, from);
        }
    }

    template <auto Member>
    static void from_column(T& to, column<Member>&& value) {
        if constexpr (is_free<Member>) {
            std::invoke(Member, to) = detail::free_of<value_of<Member>>::unwrap(std::move(value));
        } else {
            std::invoke(Member, to) = std::move(value);
        }
    }
};

} // namespace gatehouse::persistence
