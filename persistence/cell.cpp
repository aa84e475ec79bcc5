#include "persistence/cell.hpp"

#include "protocol/json_codec.hpp"
#include "protocol/parse_json.hpp"

namespace gatehouse::persistence {

void cell_type<
    std::vector<std::string>>::write(cell& to, std::vector<std::string> const& list, dialect const&) {
    to.is_null = false;
    to.text.clear();
    protocol::append_json(to.text, list);
}

std::vector<std::string> cell_type<std::vector<std::string>>::read(cell& from, dialect const&) {
    detail::refuse_null(from);
    auto const parsed = parse_json(from.text);
    if (!parsed || !parsed->is_array()) throw sql_error("a stored list is not a JSON array");
    std::vector<std::string> list;
    for (auto const& each : parsed->get_array()) list.emplace_back(each.as_string());
    return list;
}

} // namespace gatehouse::persistence
