#pragma once
// The pages that every *.list answers with.
#include "app/dispatch/services.hpp"
#include "app/methods/describe.hpp"

#include <algorithm>
#include <functional>
#include <vector>

namespace gatehouse::app {

// How many rows to read for a page: as many as the peer wants, at most list_limit_max, and one more, which
// tells whether there is a page behind it.
inline std::int64_t rows_for_page(std::int64_t wanted, contract_limits const& limits) {
    return std::min(wanted, limits.list_limit_max) + 1;
}

// The page made of what was read with a limit of `rows_asked`. `next_of` gives what the next page continues
// behind: a row's id, name or ordinal.
template <class Page, class Row, class NextOf>
Page page_of(std::vector<Row> const& rows, std::int64_t rows_asked, NextOf next_of) {
    Page page;
    bool has_next = static_cast<std::int64_t>(rows.size()) >= rows_asked;
    auto shown = has_next ? static_cast<std::size_t>(rows_asked) - 1 : rows.size();
    page.items.reserve(shown);
    for (std::size_t i = 0; i < shown; ++i) page.items.push_back(describe(rows[i]));
    if (has_next && shown > 0) page.next = std::invoke(next_of, rows[shown - 1]);
    return page;
}

} // namespace gatehouse::app
