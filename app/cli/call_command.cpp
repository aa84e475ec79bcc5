#include "app/cli/commands.hpp"
#include "app/cli/gateway_flags.hpp"
#include "app/cli/pretty_json.hpp"
#include "app/data_directory.hpp"
#include "app/net/http_client.hpp"
#include "app/net/io_loop.hpp"
#include "protocol/parse_json.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>

namespace gatehouse::app::cli {
namespace {

struct call_flags {
    gateway_flags gateway;
    std::string method;
    std::string params;
    std::int64_t timeout_ms = 600'000;
};

using answer = std::expected<net::client_response, net::transport_error>;

std::string read_params(call_flags const& flags) {
    auto text = flags.params;
    if (text == "-") text.assign(std::istreambuf_iterator<char>(std::cin), {});
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) return "{}";
    auto const parsed = parse_json(text);
    if (!parsed)
        throw startup_problem(fmt::format(
            "The params are not JSON: {} (at byte {}).", parsed.error().message, parsed.error().offset
        ));
    if (!parsed->is_object())
        throw startup_problem("The params must be a JSON object, such as '{\"limit\":10}'.");
    return text;
}

net::client_request request_of(call_flags const& flags) {
    if (flags.method.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._") != std::string::npos) {
        throw startup_problem(fmt::format(
            "\"{}\" is not the name of a method; \"gatehouse call rpc.discover\" lists them.", flags.method
        ));
    }
    net::client_request request;
    request.method = "POST";
    request.body = read_params(flags);
    request.url = find_address(flags.gateway).http + "/rpc/" + flags.method;
    request.headers = {
        {"Authorization", "Bearer " + find_token(flags.gateway)}, {"Content-Type", "application/json"}
    };
    return request;
}

answer send(call_flags const& flags) {
    net::http_client_options options;
    options.head_timeout = std::chrono::milliseconds(flags.timeout_ms);
    options.tls = tls_of(flags.gateway);
    options.body_bytes_max = 256 << 20;
    net::io_loop loop;
    net::http_client client(loop, options);
    core::cancellation stop;
    loop.on_stop_signal([&stop] { stop.request(); });
    std::optional<answer> got;
    auto body = [](net::http_client& with, net::client_request what, core::cancellation& until,
                   std::optional<answer>& into) -> core::task<> {
        into = co_await with.request(std::move(what), until);
    };
    std::exception_ptr failure;
    boost::asio::co_spawn(
        core::executor(loop), body(client, request_of(flags), stop, got),
        [&](std::exception_ptr thrown) {
            failure = thrown;
            loop.stop();
        }
    );
    loop.run();
    if (failure) std::rethrow_exception(failure);
    return std::move(*got);
}

// The sentence of a problem document, then its details as they are.
void print_problem(net::client_response const& response) {
    auto const parsed = parse_json(response.body);
    auto const* problem = parsed ? parsed->if_object() : nullptr;
    auto const* detail = problem ? problem->if_contains("detail") : nullptr;
    auto const* data = problem ? problem->if_contains("data") : nullptr;
    auto const* fields = data ? data->if_object() : nullptr;
    auto const* kind = fields ? fields->if_contains("kind") : nullptr;
    auto const* details = fields ? fields->if_contains("details") : nullptr;
    auto const text = [](boost::json::value const* value) {
        return value && value->is_string() ? std::string(value->get_string()) : std::string();
    };
    fmt::print(
        stderr, "gatehouse: {}: {}\n", kind ? text(kind) : fmt::format("HTTP {}", response.status),
        detail ? text(detail) : "the gateway gave no reason"
    );
    if (details && !details->is_null()) fmt::print(stderr, "{}\n", pretty_json(*details));
}

int run_call(call_flags const& flags) {
    auto const got = send(flags);
    if (!got) {
        fmt::print(stderr, "gatehouse: {}\n", got.error().message);
        return 1;
    }
    if (got->status != 200) {
        print_problem(*got);
        return 1;
    }
    auto const result = parse_json(got->body);
    fmt::print("{}\n", result ? pretty_json(*result) : got->body);
    return 0;
}

} // namespace

void add_call_command(CLI::App& program, chosen_command& chosen) {
    auto* const command = program.add_subcommand("call", "Call any method and print its result");
    auto const flags = std::make_shared<call_flags>();
    command->add_option("method", flags->method, "Name of the method, such as run.list")
        ->required()
        ->type_name("METHOD");
    command->add_option("params", flags->params, "Its params, a JSON object; - reads them from stdin")
        ->type_name("JSON");
    command->add_option("--timeout-ms", flags->timeout_ms, "How long to wait for the answer (600000)")
        ->type_name("MS")
        ->check(CLI::Range(1, 86'400'000));
    add_gateway_flags(*command, flags->gateway);
    command->footer(R"(The result goes to stdout. A failure goes to stderr, and the exit code is 1.

Examples:
  gatehouse call gateway.status
  gatehouse call run.start '{"input":{"text":"hello"}}'
  gatehouse call approval.resolve '{"approval_id":"app_…","decision":"approve"}'
  gatehouse call policy.put - < policy.json
  gatehouse call rpc.discover | jq '.methods[].name')");
    command->callback([&chosen, flags] { chosen = [flags] { return run_call(*flags); }; });
}

} // namespace gatehouse::app::cli
