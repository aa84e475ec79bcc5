#include "app/cli/commands.hpp"
#include "app/cli/gateway_flags.hpp"
#include "app/client/private_file.hpp"
#include "app/data_directory.hpp"
#include "app/net/io_loop.hpp"
#include "app/node/node.hpp"
#include "app/system_ports.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include <unistd.h>

namespace gatehouse::app::cli {
namespace {

struct node_flags {
    gateway_flags gateway;
    std::string root;
    std::string label;
    std::string data;
    std::string invite_file;
};

std::filesystem::path default_node_directory() {
    if (auto const base = environment_value("XDG_DATA_HOME"); !base.empty()) return base + "/gatehouse-node";
    if (auto const home = environment_value("HOME"); !home.empty())
        return home + "/.local/share/gatehouse-node";
    return "gatehouse-node-data";
}

std::optional<std::string> find_invite(node_flags const& flags) {
    if (!flags.invite_file.empty()) {
        auto text = client::read_private_file(flags.invite_file);
        if (!text) throw startup_problem(fmt::format("--invite-file: {}", text.error().message));
        return std::move(*text);
    }
    auto text = environment_value("GATEHOUSE_INVITE");
    // Not for the programs it starts, nor for whoever looks at its environment.
    ::unsetenv("GATEHOUSE_INVITE");
    if (text.empty()) return std::nullopt;
    return text;
}

std::string host_name() {
    char name[256] = "node";
    ::gethostname(name, sizeof name - 1);
    return name;
}

node::node_options options_of(node_flags const& flags) {
    node::node_options options;
    options.websocket_url = find_address(flags.gateway).websocket;
    options.tls = tls_of(flags.gateway);
    options.root = flags.root.empty() ? "." : flags.root;
    options.label = flags.label.empty() ? host_name() : flags.label;
    options.data = flags.data.empty() ? default_node_directory() : std::filesystem::path(flags.data);
    options.invite = find_invite(flags);
    return options;
}

// One line of JSON for whoever has started it, one sentence for people.
void print_event(node::node_event const& event) {
    using kind = node::node_event::kind;
    fmt::print(stderr, "node: {}\n", event.message);
    if (event.what == kind::pending) {
        fmt::print(
            "{{\"event\":\"pending\",\"device_id\":\"{}\",\"pairing_id\":\"{}\"}}\n", event.device_id,
            event.pairing_id
        );
    } else {
        fmt::print(
            "{{\"event\":\"{}\",\"device_id\":\"{}\"}}\n", event.what == kind::online ? "online" : "offline",
            event.device_id
        );
    }
    std::fflush(stdout);
}

int run_node(node_flags const& flags) {
    net::io_loop loop;
    system_clock time;
    system_random random;
    core::cancellation stop;
    std::unique_ptr<node::node> device;
    try {
        device = std::make_unique<node::node>(loop, time, random, options_of(flags), print_event);
    } catch (std::runtime_error const& problem) {
        throw startup_problem(problem.what());
    }
    loop.on_stop_signal([&stop] { stop.request(); });
    std::expected<void, std::string> ended;
    std::exception_ptr failure;
    auto body = [](node::node& what, core::cancellation& until, std::expected<void, std::string>& into
                ) -> core::task<> { into = co_await what.run(until); };
    boost::asio::co_spawn(core::executor(loop), body(*device, stop, ended), [&](std::exception_ptr thrown) {
        failure = thrown;
        loop.stop();
    });
    loop.run();
    if (failure) std::rethrow_exception(failure);
    if (ended) return 0;
    fmt::print(stderr, "gatehouse: {}\n", ended.error());
    return 1;
}

} // namespace

void add_node_command(CLI::App& program, chosen_command& chosen) {
    auto* const command = program.add_subcommand("node", "Offer this machine to a gateway's agents");
    auto const flags = std::make_shared<node_flags>();
    command->add_option("--gateway", flags->gateway.gateway, "Address of the gateway (else GATEHOUSE_URL)")
        ->type_name("URL");
    command
        ->add_option(
            "--ca-file", flags->gateway.ca_file, "Certificates (PEM) to trust instead of the system's"
        )
        ->type_name("FILE");
    command->add_option("--root", flags->root, "Directory that files.* works in and programs start in (.)")
        ->type_name("DIR");
    command->add_option("--label", flags->label, "Name of this machine for people and agents (its host name)")
        ->type_name("NAME");
    command->add_option("--data", flags->data, "Directory for the device's key, token and journal")
        ->type_name("DIR");
    command
        ->add_option(
            "--invite-file", flags->invite_file,
            "File with the invite, for the first start (else GATEHOUSE_INVITE)"
        )
        ->type_name("FILE");
    command->footer(
        R"(It offers system.info, files.read, files.list and files.write below its root, and process.run. At
its first start it needs an invite; then somebody approves it in the console or with pairing.approve, and it
goes to work at once.

Examples:
  gatehouse call pairing.invite | jq -r .token > invite
  gatehouse node --root ~/shared --label laptop --invite-file invite
  GATEHOUSE_INVITE=gth_… gatehouse node --gateway https://gateway.example)"
    );
    command->callback([&chosen, flags] { chosen = [flags] { return run_node(*flags); }; });
}

} // namespace gatehouse::app::cli
