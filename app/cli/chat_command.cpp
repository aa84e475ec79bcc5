#include "app/cli/chat.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/gateway_flags.hpp"
#include "app/net/io_loop.hpp"
#include "app/system_ports.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include <unistd.h>

namespace gatehouse::app::cli {
namespace {

struct chat_flags {
    gateway_flags gateway;
    std::string agent;
    std::string session;
};

int run_chat(chat_flags const& flags) {
    chat_options options;
    options.connection.websocket_url = find_address(flags.gateway).websocket;
    options.connection.token = find_token(flags.gateway);
    options.connection.tls = tls_of(flags.gateway);
    options.agent = flags.agent;
    options.session_key = flags.session;
    options.is_interactive = ::isatty(STDIN_FILENO) == 1;
    net::io_loop loop;
    system_random random;
    chat conversation(loop, random, std::move(options));
    loop.on_stop_signal([&conversation] { conversation.interrupt(); });
    std::expected<void, std::string> ended;
    std::exception_ptr failure;
    auto body = [](chat& what, std::expected<void, std::string>& into) -> core::task<> {
        into = co_await what.run();
    };
    boost::asio::co_spawn(core::executor(loop), body(conversation, ended), [&](std::exception_ptr thrown) {
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

void add_chat_command(CLI::App& program, chosen_command& chosen) {
    auto* const command = program.add_subcommand("chat", "Talk to an agent in the terminal");
    auto const flags = std::make_shared<chat_flags>();
    command->add_option("--agent", flags->agent, "The agent to talk to (default)")->type_name("NAME");
    command->add_option("--session", flags->session, "Key of the session to go on with (a new one)")
        ->type_name("KEY");
    add_gateway_flags(*command, flags->gateway);
    command->footer(
        R"(Each line is a message. Answers stream in; tool calls are shown; where a call needs a decision,
it is asked for here. Ctrl-C cancels an answer, Ctrl-D ends the chat. When the connection is lost, it is
opened again and nothing is missed.

Examples:
  gatehouse chat
  gatehouse chat --agent helper --session notes
  echo "what can you do?" | gatehouse chat)"
    );
    command->callback([&chosen, flags] { chosen = [flags] { return run_chat(*flags); }; });
}

} // namespace gatehouse::app::cli
