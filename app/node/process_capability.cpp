#include "app/node/process_capability.hpp"

#include "app/node/child_process.hpp"
#include "app/node/output_text.hpp"
#include "app/node/rooted_directory.hpp"
#include "protocol/encoding.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>

#include <unistd.h>

namespace gatehouse::app::node {
namespace {

// One answer has to fit into a frame (1 MiB by default). Text may grow sixfold in JSON, base64 by a third: 2
// × 32 KiB inline and 2 × 192 KiB as evidence are at most 896 KiB.
constexpr std::size_t inline_bytes_max = 32 << 10;
constexpr std::size_t kept_bytes_max = 192 << 10;
constexpr std::chrono::milliseconds progress_period{1000};

constexpr std::string_view descriptor_json = R"json({
  "id": "process",
  "version": "1.0.0",
  "operations": [{
    "name": "run",
    "description": "Runs a program and waits for its end. No shell: argv goes to the program as it is. Longer output is cut, and attached as evidence.",
    "input_schema": {
      "type": "object",
      "properties": {
        "argv": {
          "description": "The program, a path or a name in PATH, and its arguments.",
          "type": "array",
          "items": {"type": "string", "pattern": "^[^\\x00]*$", "maxLength": 131072},
          "minItems": 1,
          "maxItems": 1024
        },
        "stdin": {"type": "string", "maxLength": 262144},
        "cwd": {"description": "Relative to the node's root; absent: the root.", "type": "string", "minLength": 1, "maxLength": 4096},
        "timeout_ms": {"description": "Then it is killed, with all it has started.", "type": "integer", "minimum": 1, "maximum": 86400000}
      },
      "required": ["argv"],
      "additionalProperties": false
    },
    "output_schema": {
      "type": "object",
      "properties": {
        "exit_code": {"description": "128 + the signal's number where a signal ended it.", "type": "integer"},
        "stdout": {"type": "string"},
        "stderr": {"type": "string"},
        "truncated": {"description": "stdout or stderr had more than stands here.", "type": "boolean"},
        "timed_out": {"type": "boolean"}
      },
      "required": ["exit_code", "stdout", "stderr", "truncated", "timed_out"],
      "additionalProperties": false
    },
    "risk": "dangerous",
    "idempotent": false
  }]
})json";

// An empty environment plus this list: nothing of the node's own reaches a program.
std::vector<std::string> child_environment() {
    std::vector<std::string> environment{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
    for (char const* const name : {"HOME", "LANG", "LC_ALL", "TZ", "USER"}) {
        if (char const* const value = std::getenv(name))
            environment.push_back(fmt::format("{}={}", name, value));
    }
    return environment;
}

child_program program_of(boost::json::object const& arguments, int directory) {
    child_program program;
    for (auto const& each : arguments.at("argv").as_array()) program.argv.emplace_back(each.as_string());
    program.environment = child_environment();
    program.directory = directory;
    if (auto const* input = arguments.if_contains("stdin")) program.input = input->as_string();
    program.output_bytes_max = kept_bytes_max;
    return program;
}

// At most `inline_bytes_max` as text; all that was kept goes with the evidence where that is more.
std::string
shown(std::string_view bytes, std::string name, bool& truncated, std::vector<protocol::evidence>& evidence) {
    if (bytes.size() <= inline_bytes_max) return to_utf8(bytes);
    truncated = true;
    evidence.push_back(
        {std::move(name), is_plain_text(bytes) ? "text/plain; charset=utf-8" : "application/octet-stream",
         std::nullopt, base64_encode(bytes)}
    );
    return to_utf8(bytes.substr(0, inline_bytes_max));
}

operation_outcome outcome_of(child_outcome const& ended) {
    operation_outcome outcome;
    bool truncated = ended.truncated;
    auto output = shown(ended.output, "stdout", truncated, outcome.evidence);
    auto errors = shown(ended.errors, "stderr", truncated, outcome.evidence);
    outcome.result = {
        {"exit_code", ended.exit_code.value_or(128 + ended.exit_signal.value_or(0))},
        {"stdout", std::move(output)},
        {"stderr", std::move(errors)},
        {"truncated", truncated},
        {"timed_out", ended.timed_out},
    };
    return outcome;
}

class process_capability final : public capability {
  public:
    process_capability(net::io_loop& loop, std::string const& root) : loop_(loop), root_(root) {}

    protocol::capability const& descriptor() const override { return descriptor_; }

    core::task<result<operation_outcome>>
    run(std::string, boost::json::object const& arguments, operation_call& call) override {
        auto const* cwd = arguments.if_contains("cwd");
        auto const directory = root_.open_directory(cwd ? std::string(cwd->as_string()) : ".");
        if (!directory) co_return std::unexpected(directory.error());
        auto const ended = co_await run_in(arguments, *directory, call);
        ::close(*directory);
        if (!ended) co_return std::unexpected(ended.error());
        if (ended->cancelled)
            co_return fail(errc::cancelled, "The program was killed because its call was cancelled.");
        co_return outcome_of(*ended);
    }

  private:
    core::task<result<child_outcome>>
    run_in(boost::json::object const& arguments, int directory, operation_call& call) {
        auto deadline = call.deadline;
        if (auto const* limit = arguments.if_contains("timeout_ms")) {
            deadline =
                std::min(deadline, loop_.now() + std::chrono::milliseconds(limit->to_number<std::int64_t>()));
        }
        auto next_progress = loop_.now() + progress_period;
        auto tell = [&](std::size_t bytes) {
            if (!call.progress || loop_.now() < next_progress) return;
            next_progress = loop_.now() + progress_period;
            call.progress(std::nullopt, fmt::format("{} bytes of output so far", bytes));
        };
        auto const program = program_of(arguments, directory);
        if (call.progress) call.progress(std::nullopt, "started");
        co_return co_await run_child(loop_, program, deadline, call.stop, tell);
    }

    net::io_loop& loop_;
    rooted_directory root_;
    protocol::capability descriptor_ = read_descriptor(descriptor_json);
};

} // namespace

std::unique_ptr<capability> make_process_capability(net::io_loop& loop, std::string const& root) {
    return std::make_unique<process_capability>(loop, root);
}

} // namespace gatehouse::app::node
