#include "tests/simulation/told_run.hpp"

#include "core/runs/run_machine.hpp"
#include "core/runs/run_steps.hpp"
#include "protocol/parse_json.hpp"

#include <utility>

namespace gatehouse::simulation {

namespace json = boost::json;

void told_run::begin_fork(forked_from from, std::int64_t seq) {
    told_run own;
    own.fork = std::move(from);
    own.state = "accepted";
    own.turns = turns;
    own.usage = usage;
    own.output = own.settled = settled;
    own.input_at = seq;
    own.has_input = has_input;
    own.steps = own.steps_copied = steps;
    *this = std::move(own);
}

void told_run::take_input(std::string const& text, std::int64_t seq) {
    // Where the copy ends before the source's first message, the fork is given that again.
    if (has_input || !fork) ++inputs[text];
    has_input = true;
    input_at = seq;
}

void told_run::take_response(json::object const& payload) {
    ++turns;
    auto const& used = payload.at("usage").as_object();
    usage.input_tokens += used.at("input_tokens").as_int64();
    usage.output_tokens += used.at("output_tokens").as_int64();
    open_calls = payload.at("tool_calls").as_array().size();
    std::string const said(payload.at("text").as_string());
    if (!said.empty()) output = output ? *output + "\n" + said : said;
}

namespace {

class tape_replay {
  public:
    tape_replay(std::string const& run_id, violations& found) : run_id_(run_id), found_(found) {}

    told_run run(std::vector<core::tape_item> const& items) {
        for (auto const& item : items) {
            if (auto fork = find_fork(item)) {
                told_.begin_fork(std::move(*fork), item.seq);
                continue;
            }
            expect(
                !core::is_terminal(*protocol::parse_run_state(told_.state.empty() ? "accepted" : told_.state)
                ),
                "I3 " + item.kind + " stands behind the end of " + run_id_
            );
            take(item);
        }
        return std::move(told_);
    }

  private:
    void take(core::tape_item const& item) {
        auto const payload = parse_own_json(item.payload).as_object();
        auto text = [&](char const* name) { return std::string(payload.at(name).as_string()); };
        if (item.kind == "status_change") {
            told_.state = text("to");
        } else if (item.kind == "input") {
            told_.take_input(text("text"), item.seq);
        } else if (item.kind == "provider_request") {
            told_.asked_at = item.seq;
            told_.settled = told_.output;
        } else if (item.kind == "provider_response") {
            told_.take_response(payload);
            expect(
                text("step_id") == core::turn_id(told_.turns),
                "I3 a turn of " + run_id_ + " has two responses"
            );
        } else if (item.kind == "approval_decision") {
            auto const state = text("state");
            auto const [at, is_new] = told_.verdicts.try_emplace(text("approval_id"), state);
            expect(is_new || at->second == state, "I10 " + at->first + " was decided twice");
            if (auto const* decision = payload.if_contains("decision"); decision && *decision == "retry")
                ++told_.retries[text("step_id")];
        } else {
            take_step(item);
        }
    }

    void take_step(core::tape_item const& item) {
        if (item.kind != "policy_decision" && item.kind != "tool_call" && item.kind != "tool_output") return;
        auto payload = parse_own_json(item.payload).as_object();
        std::string const step(payload.at("step_id").as_string());
        if (item.kind == "policy_decision") {
            told_.decided.insert(step);
            ++told_.steps;
        } else if (item.kind == "tool_call") {
            expect(
                told_.decided.contains(step), "I13 " + step + " of " + run_id_ + " started without a decision"
            );
            expect(
                !told_.outputs.contains(step), "I3 " + step + " of " + run_id_ + " started after its outcome"
            );
            std::string const key(payload.at("idempotency_key").as_string());
            told_.keys[step].insert(key);
            told_.calls[key] = std::move(payload);
        } else {
            expect(!told_.outputs.contains(step), "I3 " + step + " of " + run_id_ + " has two outcomes");
            told_.outputs[step] = std::move(payload);
            if (told_.open_calls > 0 && --told_.open_calls == 0) told_.settled = told_.output;
        }
    }

    void expect(bool holds, std::string sentence) {
        if (!holds) found_.push_back(std::move(sentence));
    }

    std::string const& run_id_;
    violations& found_;
    told_run told_;
};

} // namespace

told_run
replay_tape(std::string const& run_id, std::vector<core::tape_item> const& items, violations& found) {
    return tape_replay(run_id, found).run(items);
}

} // namespace gatehouse::simulation
