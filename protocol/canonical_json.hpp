#pragma once
// The one text of a JSON value (RFC 8785, JCS): what hashes of tapes, subjects and idempotent requests are
// taken of.
#include <boost/json/value.hpp>

#include <string>

namespace gatehouse {

// Members sorted by the UTF-16 units of their keys, numbers as ECMAScript writes them, no white space. The
// value should be one that parse_json() could have made: throws std::domain_error for infinities and NaN. Any
// thread.
std::string canonical_json(boost::json::value const& value);

// The same, behind what stands in `out`.
void append_canonical_json(std::string& out, boost::json::value const& value);

} // namespace gatehouse
