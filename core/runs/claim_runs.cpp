#include "core/runs/claim_runs.hpp"

#include "core/runs/ask_model.hpp"
#include "core/runs/build_context.hpp"
#include "core/runs/run_editor.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/object.hpp>

#include <map>
#include <set>
#include <utility>

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

// The first turns of runs that were claimed together. Each agent and its tools are read once for all of them.
class first_turns {
  public:
    first_turns(transaction& tx, std::vector<run> const& claimed, run_settings const* settings)
        : tx_(tx), settings_(settings) {
        if (!settings_) return;
        std::vector<std::string> ids;
        for (auto const& each : claimed) ids.push_back(each.run_id);
        for (auto& each : tx_.runs().with_news(ids)) with_news_.insert(std::move(each));
    }

    // Nothing where somebody has said something to the run meanwhile, its time is over, or its agent is gone.
    std::optional<run_action> take(run_editor& edit) {
        auto const& r = edit.value();
        if (!settings_ || with_news_.contains(r.run_id)) return std::nullopt;
        if (r.deadline_at && *r.deadline_at <= tx_.now()) return std::nullopt;
        if (!offers_.contains(r.agent)) offers_[r.agent] = find_offer(r.agent);
        auto const& found = offers_.at(r.agent);
        if (!found) return std::nullopt;
        if (r.ordinal == 1) edit.begin_session();
        return ask_model(edit, found->as, found->tools, *settings_);
    }

  private:
    struct offer {
        agent as;
        std::vector<model_tool> tools;
    };
    std::optional<offer> find_offer(std::string const& name) const {
        auto as = tx_.agents().find(name);
        if (!as) return std::nullopt;
        auto tools = tools_of(tx_, *as);
        return offer{std::move(*as), std::move(tools)};
    }

    transaction& tx_;
    run_settings const* settings_;
    std::set<std::string> with_news_;
    std::map<std::string, std::optional<offer>> offers_; // by the agent's name
};

} // namespace

void begin_conversation(run_editor& edit) {
    auto input = parse_own_json(edit.value().input).as_object();
    auto const* text = input.if_contains("text");
    std::string said(text ? std::string_view(text->as_string()) : "");
    input.erase("text");
    edit.say("user", std::move(said), std::move(input));
}

std::vector<claimed_run> claim_runs(
    transaction& tx, std::string const& instance_id, std::int64_t limit, run_queue from,
    run_settings const* settings
) {
    auto due = tx.runs().claim(instance_id, limit, from);
    first_turns turns(tx, due, settings);
    std::vector<claimed_run> claimed;
    for (auto& each : due) {
        bool is_new = each.state == run_state::accepted;
        bool was_waiting = each.state == run_state::waiting;
        bool begins = is_new && !is_background(each) && !has_conversation(tx, each);
        run_editor edit(tx, std::move(each));
        edit.value().waiting_on.reset();
        edit.append_lease(is_new ? "start" : was_waiting ? "resume" : reason_to_go_on(tx, edit.value()));
        if (is_new) edit.move(run_event::claim);
        if (was_waiting) edit.move(run_event::resume);
        if (begins) begin_conversation(edit);
        auto first = begins ? turns.take(edit) : std::nullopt;
        edit.save();
        auto const& r = edit.value();
        claimed.push_back({{r.run_id, r.session_id, r.lease_epoch}, std::move(first)});
    }
    return claimed;
}

} // namespace gatehouse::core
