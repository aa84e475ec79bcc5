#pragma once
#include "app/net/server.hpp"

#include <optional>
#include <string>

namespace gatehouse::app {

net::http_response text_response(std::string body);

// What anybody may read: the console's files, /openrpc.json and /schemas/…. Nothing for other paths. Names
// are looked up in tables that were made at build time; none becomes a path of the file system.
std::optional<net::http_response> public_file(net::http_request const& request);

} // namespace gatehouse::app
