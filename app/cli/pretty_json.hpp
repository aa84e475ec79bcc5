#pragma once
// JSON for people: a member a line, indented by two.
#include <boost/json/value.hpp>

#include <string>

namespace gatehouse::app::cli {

// Without a line end after it.
std::string pretty_json(boost::json::value const& value);

} // namespace gatehouse::app::cli
