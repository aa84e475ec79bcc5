#include "persistence/copy/raw_store.hpp"

#include "persistence/sql_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace gatehouse::persistence {

namespace {

value_kind kind_of(std::string const& type) {
    static std::map<std::string, value_kind> const kinds{
        {"BIGINT", value_kind::integer}, {"INTEGER", value_kind::integer}, {"int8", value_kind::integer},
        {"int4", value_kind::integer},   {"DOUBLE", value_kind::real},     {"float8", value_kind::real},
        {"TEXT", value_kind::text},      {"text", value_kind::text},       {"BLOB", value_kind::bytes},
        {"bytea", value_kind::bytes},
    };
    auto const found = kinds.find(type);
    if (found == kinds.end()) throw sql_error("a column of a type that no store has: " + type);
    return found->second;
}

// The key's columns, in the key's order.
std::vector<std::size_t> key_of(raw_table const& table) {
    std::vector<std::size_t> key;
    for (std::size_t i = 0; i < table.columns.size(); ++i)
        if (table.columns[i].key_position > 0) key.push_back(i);
    std::ranges::sort(key, {}, [&](std::size_t i) { return table.columns[i].key_position; });
    return key;
}

std::vector<value_kind> kinds_of(raw_table const& table) {
    std::vector<value_kind> kinds;
    for (auto const& each : table.columns) kinds.push_back(each.kind);
    return kinds;
}

// Each table once all that it references stand before it.
std::vector<raw_table>
in_order_of_references(std::map<std::string, raw_table> left, std::multimap<std::string, std::string> needs) {
    std::vector<raw_table> ordered;
    while (!left.empty()) {
        auto next = std::ranges::find_if(left, [&](auto const& each) {
            auto [from, to] = needs.equal_range(each.first);
            return std::none_of(from, to, [&](auto const& need) {
                return need.second != each.first && left.contains(need.second);
            });
        });
        if (next == left.end()) throw sql_error("tables that reference each other in a circle");
        ordered.push_back(std::move(next->second));
        left.erase(next);
    }
    return ordered;
}

} // namespace

std::string quoted_name(std::string_view name) {
    std::string out = "\"";
    for (char c : name) out.append(c == '"' ? 2 : 1, c);
    return out += '"';
}

std::string joined(std::vector<std::string> const& parts, std::string_view between) {
    return fmt::format("{}", fmt::join(parts, between));
}

std::vector<std::string> column_names(raw_table const& table) {
    std::vector<std::string> names;
    for (auto const& each : table.columns) names.push_back(quoted_name(each.name));
    return names;
}

std::unique_ptr<raw_store> raw_store::open(store_url const& url) {
    return url.kind == store_url::backend::postgres ? open_raw_postgres(url) : open_raw_sqlite(url);
}

std::vector<raw_table> raw_store::tables() {
    auto const queries = catalog();
    constexpr auto text = value_kind::text;
    std::map<std::string, raw_table> found;
    for (auto& row : query(queries.columns, {}, {text, text, text, value_kind::integer})) {
        auto& table = found[*row[0]];
        table.name = *row[0];
        table.columns.push_back({*row[1], kind_of(*row[2]), std::stoll(*row[3])});
    }
    for (auto& [name, table] : found) std::ranges::sort(table.columns, {}, &raw_column::name);
    std::multimap<std::string, std::string> needs;
    for (auto& row : query(queries.references, {}, {text, text})) needs.emplace(*row[0], *row[1]);
    return in_order_of_references(std::move(found), std::move(needs));
}

std::int64_t raw_store::count(raw_table const& table) {
    return std::stoll(value("SELECT count(*) FROM " + quoted_name(table.name)).value());
}

std::vector<raw_row>
raw_store::read(raw_table const& table, std::optional<raw_row> const& last, std::int64_t limit) {
    std::vector<std::string> order;
    std::vector<std::string> marks;
    std::vector<parameter> behind;
    for (auto const i : key_of(table)) {
        order.push_back(in_order(table.columns[i]));
        if (!last) continue;
        behind.push_back({table.columns[i].kind, (*last)[i]});
        marks.push_back(fmt::format("${}", behind.size()));
    }
    auto const where = last ? fmt::format("WHERE ({}) > ({})", joined(order), joined(marks)) : std::string();
    auto const text = fmt::format(
        "SELECT {} FROM {} {} ORDER BY {} LIMIT {}", joined(column_names(table)), quoted_name(table.name),
        where, joined(order), limit
    );
    return query(text, behind, kinds_of(table));
}

std::optional<raw_row> raw_store::last_row(raw_table const& table) {
    std::vector<std::string> order;
    for (auto const i : key_of(table)) order.push_back(in_order(table.columns[i]) + " DESC");
    auto const text = fmt::format(
        "SELECT {} FROM {} ORDER BY {} LIMIT 1", joined(column_names(table)), quoted_name(table.name),
        joined(order)
    );
    auto rows = query(text, {}, kinds_of(table));
    return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
}

raw_value raw_store::value(std::string const& text, std::vector<raw_value> const& parameters) {
    std::vector<parameter> given;
    for (auto const& each : parameters) given.push_back({value_kind::text, each});
    auto rows = query(text, given, {value_kind::text});
    return rows.empty() ? std::nullopt : std::move(rows.front().front());
}

} // namespace gatehouse::persistence
