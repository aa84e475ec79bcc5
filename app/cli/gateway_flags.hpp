#pragma once
// How the client commands find their gateway: flags, then the environment, then a data directory on this
// machine.
#include "app/client/gateway_address.hpp"
#include "app/net/byte_stream.hpp"

#include <string>

namespace CLI {
class App;
} // namespace CLI

namespace gatehouse::app::cli {

struct gateway_flags {
    std::string gateway;
    std::string token_file;
    std::string data;
    std::string ca_file;
};

void add_gateway_flags(CLI::App& command, gateway_flags& into);

// The value of an environment variable; empty where it is absent.
std::string environment_value(char const* name);

// --gateway, GATEHOUSE_URL, gateway.json of the data directory, http://127.0.0.1:8787. Throws
// startup_problem.
client::gateway_address find_address(gateway_flags const& flags);

// --token-file, GATEHOUSE_TOKEN, admin.token of the data directory. Throws startup_problem with what to do.
std::string find_token(gateway_flags const& flags);

net::tls_options tls_of(gateway_flags const& flags);

} // namespace gatehouse::app::cli
