#include "app/node/call_desk.hpp"

#include "protocol/canonical_json.hpp"
#include "protocol/digest.hpp"
#include "protocol/jsonrpc.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <stdexcept>
#include <system_error>

namespace gatehouse::app::node {
namespace {

namespace json = boost::json;

// Each may be a process. A gateway that wants more waits its turn.
constexpr std::size_t calls_max = 64;

std::string hash_of(call_desk::params const& call, json::object const& arguments) {
    return sha256_hex(fmt::format("{}.{}\n{}", call.capability, call.operation, canonical_json(arguments)));
}

// A kept answer is {"result":…} as it went over the wire, or {"error":{code,message,data}}.
std::string journal_text(result<std::string> const& answer) {
    if (answer) return fmt::format("{{\"result\":{}}}", *answer);
    std::string message;
    protocol::append_json(message, answer.error().message);
    std::string text = fmt::format(
        "{{\"error\":{{\"code\":{},\"message\":{},\"details\":{}}}}}", static_cast<int>(answer.error().code),
        message, json::serialize(answer.error().details)
    );
    return text;
}

result<std::string> read_journal_text(std::string const& text) {
    auto const kept = json::parse(text).as_object();
    if (auto const* answer = kept.if_contains("result")) return json::serialize(*answer);
    auto const& failure = kept.at("error").as_object();
    auto const code = static_cast<errc>(failure.at("code").to_number<std::int16_t>());
    return fail(code, std::string(failure.at("message").as_string()), failure.at("details"));
}

} // namespace

struct call_desk::running_call {
    explicit running_call(core::loop& on) : ended(on) {}
    std::vector<std::string> invocation_ids; // the last one is who asked last
    std::string request_hash;
    core::cancellation stop;
    core::wakeup ended;
    std::optional<result<std::string>> answer;
};

call_desk::call_desk(
    core::loop& loop, core::clock const& time, call_journal& journal,
    std::vector<std::unique_ptr<capability>> capabilities
)
    : loop_(loop), time_(time), journal_(journal), capabilities_(std::move(capabilities)) {
    for (auto const& each : capabilities_) {
        for (auto const& operation : each->descriptor().operations) {
            auto compiled = json_schema::compile(operation.input_schema);
            if (!compiled) throw std::logic_error("an input schema is wrong: " + compiled.error().message);
            operations_.emplace(
                std::pair(each->descriptor().id, operation.name),
                offered{each.get(), &operation, std::move(*compiled)}
            );
        }
    }
}

call_desk::~call_desk() = default;

std::vector<protocol::capability> call_desk::descriptors() const {
    std::vector<protocol::capability> all;
    for (auto const& each : capabilities_) all.push_back(each->descriptor());
    return all;
}

result<call_desk::offered const*> call_desk::find(params const& call) const {
    auto const found = operations_.find(std::pair(call.capability, call.operation));
    if (found != operations_.end()) return &found->second;
    return fail(
        errc::not_found, fmt::format("This node has no operation {}.{}.", call.capability, call.operation)
    );
}

result<json::object> call_desk::read_arguments(params const& call, offered const& operation) const {
    auto parsed = parse_json(call.arguments.text);
    if (!parsed || !parsed->is_object())
        return fail(errc::invalid_params, "The arguments are not an object.");
    if (operation.input.is_valid(*parsed)) return std::move(parsed->get_object());
    json::array details;
    std::string first;
    for (auto const& each : operation.input.explain(*parsed)) {
        if (first.empty())
            first = fmt::format("{}: {}", each.path.empty() ? "arguments" : each.path, each.message);
        details.push_back({{"path", each.path}, {"keyword", each.keyword}, {"message", each.message}});
    }
    return fail(
        errc::invalid_params,
        fmt::format("The arguments don't fit {}.{}: {}.", call.capability, call.operation, first),
        std::move(details)
    );
}

core::task<result<std::string>> call_desk::invoke(params call) {
    auto const operation = find(call);
    if (!operation) co_return std::unexpected(operation.error());
    auto arguments = read_arguments(call, **operation);
    if (!arguments) co_return std::unexpected(arguments.error());
    if (call.run_id && call.lease_epoch &&
        !journal_.admit_epoch(*call.run_id, *call.lease_epoch, time_.now())) {
        co_return fail(
            errc::wrong_state, "A newer owner of this run has called already; this call comes too late.",
            {{"reason", "stale_lease_epoch"}}
        );
    }
    auto const hash = hash_of(call, *arguments);
    if (auto const found = running_.find(call.idempotency_key); found != running_.end()) {
        auto const joined = found->second;
        if (joined->request_hash != hash) {
            co_return fail(errc::idempotency_mismatch, "This idempotency key belongs to another call.");
        }
        joined->invocation_ids.push_back(call.invocation_id);
        while (!joined->answer) co_await joined->ended.wait();
        co_return *joined->answer;
    }
    auto const repeatable = (*operation)->descriptor->idempotent ||
                            (*operation)->descriptor->risk == protocol::operation_risk::read;
    if (auto kept = kept_answer(call, hash, repeatable)) co_return std::move(*kept);
    if (running_.size() >= calls_max)
        co_return fail(errc::busy, "This node works on too many calls already.");
    co_return co_await run_once(std::move(call), **operation, std::move(*arguments));
}

std::optional<result<std::string>>
call_desk::kept_answer(params const& call, std::string const& hash, bool repeatable) const {
    auto const kept = journal_.find(call.idempotency_key);
    if (!kept) return std::nullopt;
    if (kept->request_hash != hash)
        return fail(errc::idempotency_mismatch, "This idempotency key belongs to another call.");
    if (kept->answer) return read_journal_text(*kept->answer);
    if (repeatable) return std::nullopt;
    return fail(
        errc::capability_failed,
        "The node was interrupted in this call, and nobody knows whether it had its effect.",
        {{"outcome", "unknown"}}
    );
}

core::task<result<std::string>>
call_desk::run_once(params call, offered const& operation, json::object arguments) {
    auto const running = std::make_shared<running_call>(loop_);
    running->invocation_ids.push_back(call.invocation_id);
    running->request_hash = hash_of(call, arguments);
    bool const durable =
        !operation.descriptor->idempotent && operation.descriptor->risk != protocol::operation_risk::read;
    try {
        journal_.start(call.idempotency_key, running->request_hash, time_.now(), durable);
    } catch (std::system_error const& failure) {
        co_return fail(
            errc::unavailable, fmt::format("The node can't keep its journal: {}.", failure.what())
        );
    }
    running_.emplace(call.idempotency_key, running);
    auto answer = co_await execute(*running, call, operation, arguments);
    try {
        journal_.finish(call.idempotency_key, journal_text(answer), time_.now(), durable);
    } catch (std::system_error const&) {
        // The effect has happened and its answer is here: giving it out is better than losing both.
    }
    running_.erase(call.idempotency_key);
    running->answer = answer;
    running->ended.notify();
    co_return answer;
}

core::task<result<std::string>> call_desk::execute(
    running_call& running, params const& call, offered const& operation, json::object const& arguments
) {
    auto tell = [this, &running](std::optional<double> fraction, std::string message) {
        if (progress_) progress_(running.invocation_ids.back(), fraction, std::move(message));
    };
    operation_call context{loop_.now() + std::chrono::milliseconds(call.deadline_ms), running.stop, tell};
    try {
        auto outcome = co_await operation.provider->run(call.operation, arguments, context);
        if (!outcome) co_return std::unexpected(std::move(outcome.error()));
        protocol::capability_invoke::reply reply{std::move(outcome->result), std::nullopt};
        if (!outcome->evidence.empty()) reply.evidence = std::move(outcome->evidence);
        co_return encode(reply);
    } catch (std::exception const& failure) {
        co_return fail(errc::capability_failed, fmt::format("The node failed: {}.", failure.what()));
    }
}

void call_desk::cancel(std::string const& invocation_id) {
    for (auto const& [key, each] : running_) {
        if (std::ranges::count(each->invocation_ids, invocation_id) != 0) {
            // What is cancelled may end inside the call, so it is kept alive.
            auto const held = each;
            return held->stop.request();
        }
    }
}

void call_desk::cancel_all() {
    auto const all = running_;
    for (auto const& [key, each] : all) each->stop.request();
}

} // namespace gatehouse::app::node
