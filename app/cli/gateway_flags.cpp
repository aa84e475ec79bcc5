#include "app/cli/gateway_flags.hpp"

#include "app/application.hpp"
#include "app/client/private_file.hpp"
#include "app/data_directory.hpp"
#include "protocol/parse_json.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

namespace gatehouse::app::cli {
namespace {

std::filesystem::path directory_of(gateway_flags const& flags) {
    return flags.data.empty() ? default_data_directory() : std::filesystem::path(flags.data);
}

// What `serve` has left there; empty where it hasn't.
std::string address_in(std::filesystem::path const& directory) {
    auto const text = client::read_private_file(directory / "gateway.json");
    if (!text) return {};
    auto const parsed = parse_json(*text);
    auto const* object = parsed ? parsed->if_object() : nullptr;
    auto const* address = object ? object->if_contains("address") : nullptr;
    return address && address->is_string() ? std::string(address->get_string()) : std::string();
}

} // namespace

void add_gateway_flags(CLI::App& command, gateway_flags& into) {
    command
        .add_option(
            "--gateway", into.gateway,
            "Address of the gateway (else GATEHOUSE_URL, else the data directory's)"
        )
        ->type_name("URL");
    command
        .add_option(
            "--token-file", into.token_file,
            "File with the token (else GATEHOUSE_TOKEN, else the data directory's)"
        )
        ->type_name("FILE");
    command.add_option("--data", into.data, "Data directory of a gateway on this machine")->type_name("DIR");
    command.add_option("--ca-file", into.ca_file, "Certificates (PEM) to trust instead of the system's")
        ->type_name("FILE");
}

std::string environment_value(char const* name) {
    char const* const value = std::getenv(name);
    return value ? value : "";
}

client::gateway_address find_address(gateway_flags const& flags) {
    auto text = flags.gateway;
    if (text.empty()) text = environment_value("GATEHOUSE_URL");
    if (text.empty()) text = address_in(directory_of(flags));
    if (text.empty()) text = "http://127.0.0.1:8787";
    auto address = client::parse_gateway_address(text);
    if (!address) throw startup_problem(address.error());
    return *address;
}

std::string find_token(gateway_flags const& flags) {
    if (!flags.token_file.empty()) {
        auto token = client::read_private_file(flags.token_file);
        if (!token) throw startup_problem(fmt::format("--token-file: {}", token.error().message));
        return *token;
    }
    if (auto token = environment_value("GATEHOUSE_TOKEN"); !token.empty()) return token;
    auto const file = directory_of(flags) / "admin.token";
    auto token = client::read_private_file(file);
    if (token && !token->empty()) return *token;
    throw startup_problem(fmt::format(
        "There is no token: set GATEHOUSE_TOKEN, or give --token-file FILE, or --data with the directory of "
        "a gateway on this "
        "machine ({} can't be read).",
        file.string()
    ));
}

net::tls_options tls_of(gateway_flags const& flags) { return {true, flags.ca_file}; }

} // namespace gatehouse::app::cli
