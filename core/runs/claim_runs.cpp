#include "core/runs/claim_runs.hpp"

#include "core/runs/run_editor.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/object.hpp>

#include <boost/json/serialize.hpp>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

// Why a run that was neither new nor waiting is claimable: its failed turn is due again, or its owner is
// gone.
std::string_view reason_to_go_on(snapshot const& view, run const& r) {
    auto const last = view.runs().tape(r.run_id, r.tape_seq - 1, 1);
    return !last.empty() && last.front().kind == "retry" ? "retry" : "takeover";
}

// A fork comes with its conversation. Most runs have nothing but their acceptance on the tape, and nothing is
// asked about them.
bool has_conversation(snapshot const& view, run const& r) {
    constexpr std::int64_t items_of_acceptance = 2;
    if (r.tape_seq <= items_of_acceptance) return false;
    auto const last = view.sessions().latest_messages(r.session_id, 1);
    return !last.empty() && last.front().run_id == r.run_id;
}

} // namespace

void begin_conversation(run_editor& edit) {
    auto input = parse_own_json(edit.value().input).as_object();
    auto const* text = input.if_contains("text");
    std::string said(text ? std::string_view(text->as_string()) : "");
    input.erase("text");
    edit.say("user", std::move(said), std::move(input));
}

std::vector<run_lease>
claim_runs(transaction& tx, std::string const& instance_id, std::int64_t limit, run_queue from) {
    std::vector<run_lease> leases;
    for (auto& claimed : tx.runs().claim(instance_id, limit, from)) {
        bool is_new = claimed.state == run_state::accepted;
        bool was_waiting = claimed.state == run_state::waiting;
        bool begins = is_new && !is_background(claimed) && !has_conversation(tx, claimed);
        run_editor edit(tx, std::move(claimed));
        edit.value().waiting_on.reset();
        edit.append_lease(is_new ? "start" : was_waiting ? "resume" : reason_to_go_on(tx, edit.value()));
        if (is_new) edit.move(run_event::claim);
        if (was_waiting) edit.move(run_event::resume);
        if (begins) begin_conversation(edit);
        edit.save();
        leases.push_back({edit.value().run_id, edit.value().session_id, edit.value().lease_epoch});
    }
    return leases;
}

} // namespace gatehouse::core
