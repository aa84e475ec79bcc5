#include "tests/simulation/witness.hpp"

#include "protocol/parse_json.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::simulation {

std::optional<forked_from> find_fork(core::tape_item const& item) {
    if (item.kind != "note") return std::nullopt;
    auto const payload = parse_own_json(item.payload).as_object();
    auto const* from = payload.if_contains("forked_from");
    if (!from) return std::nullopt;
    auto const& source = from->as_object();
    return forked_from{std::string(source.at("run_id").as_string()), source.at("at_seq").as_int64()};
}

void witness::see(std::string const& instance_id, core::commit_signals const& signals) {
    ++commits_;
    schedule_.note(instance_id, "commits;", "tapes:", signals.tapes.size(), "events:", signals.events.size());
    if (signals.tapes.empty()) return;
    auto& sql = store_.statements();
    sql.begin(persistence::access::read);
    for (auto const& run_id : signals.tapes) see_tape(instance_id, run_id);
    sql.rollback();
}

void witness::see_tape(std::string const& instance_id, std::string const& run_id) {
    auto& known = tapes_[run_id];
    auto const after = known.items.empty() ? 0 : known.items.back().seq;
    auto added = store_.session().stores().runs.tape(run_id, after, 1'000);
    // A copy comes with the note that tells of it, and others wrote it on another tape.
    std::int64_t copied_to = 0;
    for (auto const& item : added)
        if (auto const fork = find_fork(item)) copied_to = fork->at_seq;
    for (auto& item : added) {
        schedule_.note("  tape", run_id, item.seq, item.kind, item.payload);
        if (item.seq > copied_to) check_writer(instance_id, run_id, item);
        known.items.push_back(std::move(item));
    }
}

// While a run is leased only its owner appends: what only an owner writes is written by the newest one.
void witness::check_writer(
    std::string const& instance_id, std::string const& run_id, core::tape_item const& item
) {
    static constexpr std::array<std::string_view, 8> owners_kinds{
        "provider_request", "provider_response", "provider_error", "retry",
        "policy_decision",  "tool_call",         "tool_output",    "approval_request",
    };
    auto& known = tapes_[run_id];
    if (item.kind == "lease") {
        auto const payload = parse_own_json(item.payload).as_object();
        auto const epoch = payload.at("epoch").as_int64();
        if (epoch <= known.epoch)
            found_.push_back("I5 a lease of " + run_id + " does not have a larger epoch than the one before");
        known.epoch = epoch;
        known.owner = payload.at("owner").as_string();
    }
    bool const is_owners =
        item.kind == "lease" || std::ranges::find(owners_kinds, item.kind) != owners_kinds.end();
    if (is_owners && known.owner != instance_id) {
        found_.push_back(
            "I5 " + instance_id + " wrote " + item.kind + " on the tape of " + run_id + ", which " +
            known.owner + " owns"
        );
    }
}

} // namespace gatehouse::simulation
