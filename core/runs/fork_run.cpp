#include "core/runs/fork_run.hpp"

#include "core/events/make_event.hpp"
#include "core/runs/run_editor.hpp"
#include "core/runs/run_past.hpp"
#include "protocol/parse_json.hpp"

#include <deque>
#include <map>

namespace gatehouse::core {

namespace {

constexpr std::int64_t page_size = 500;
constexpr std::size_t key_characters_max = 256; // schemas/types/session_key.json

// The source's key with the suffix, cut where both together would be too long for a key.
std::string key_of_fork(std::string key, std::int64_t n) {
    auto suffix = "~fork-" + std::to_string(n);
    std::size_t characters = 0;
    for (std::size_t i = 0; i < key.size(); ++i) {
        bool starts_one = (static_cast<unsigned char>(key[i]) & 0xc0) != 0x80;
        if (starts_one && ++characters > key_characters_max - suffix.size()) key.resize(i);
    }
    return key + suffix;
}

session make_session(transaction& tx, session const& of_source) {
    auto made = of_source;
    made.session_id = tx.ids().make("ses");
    made.created_at = made.updated_at = tx.now();
    std::int64_t n = 1;
    do made.session_key = key_of_fork(of_source.session_key, n++);
    while (!tx.sessions().insert_if_new(made));
    tx.publish(make_session_event(tx, made, "session.created"));
    return made;
}

// The source as nobody can remove it until this transaction ends.
result<run> hold(transaction& tx, std::string const& run_id, actor const& who) {
    auto seen = find_run(tx, run_id, who);
    if (!seen) return seen;
    if (is_background(*seen))
        return fail(
            errc::wrong_state, "The run is background work: fork a run of its session's conversation."
        );
    if (tx.sessions().lock(seen->session_id) && tx.runs().lock(run_id)) return find_run(tx, run_id, who);
    return fail(errc::not_found, "There is no run '" + run_id + "'.");
}

// Copies the tape and tells what the run had come to at its end.
run_past copy_tape(transaction& tx, std::string const& from, std::int64_t at_seq, run& to) {
    tx.runs().copy_tape(from, at_seq, to.run_id);
    run_past_reader reader;
    while (to.tape_seq < at_seq) {
        auto page = tx.runs().tape(to.run_id, to.tape_seq, page_size);
        reader.add(page);
        to.tape_seq = page.back().seq;
        to.tape_hash = page.back().hash;
    }
    return reader.finish();
}

// Gives the model byte for byte what it saw before: the tape holds canonical JSON, whose members stand in
// another order. The messages of each role stand in the same order in both.
void restore_wording(run_past& past, std::vector<message> said) {
    std::map<std::string, std::deque<message>> by_role;
    for (auto& m : said) by_role[m.role].push_back(std::move(m));
    for (auto& m : past.messages) {
        auto& originals = by_role[m.role];
        if (originals.empty()) continue;
        m.text = std::move(originals.front().text);
        m.extra = std::move(originals.front().extra);
        originals.pop_front();
    }
}

run make_run(transaction& tx, run const& source, session const& in) {
    run r;
    r.run_id = tx.ids().make("run");
    r.session_id = in.session_id;
    r.principal = source.principal;
    r.agent = source.agent;
    r.input = source.input;
    r.ordinal = tx.runs().next_ordinal(in.session_id);
    r.created_at = tx.now();
    r.claimable_at = tx.now();
    return r;
}

} // namespace

result<run> fork_run(transaction& tx, std::string const& run_id, std::int64_t at_seq, actor const& who) {
    auto source = hold(tx, run_id, who);
    if (!source) return source;
    if (at_seq > source->tape_seq) {
        auto last = std::to_string(source->tape_seq);
        return fail_param(
            "/at_seq", "maximum", "The tape ends at " + last + ": give a seq from 1 to " + last + "."
        );
    }
    auto in = make_session(tx, *tx.sessions().find(source->session_id));
    tx.sessions().copy_messages_before(*source, in.session_id);
    auto fork = make_run(tx, *source, in);
    auto past = copy_tape(tx, run_id, at_seq, fork);
    restore_wording(past, tx.sessions().messages_of_run(*source));
    fork.turn = past.turns;
    fork.steps = past.steps;
    fork.usage = past.usage;
    fork.output = past.output;
    run_editor edit(tx, std::move(fork));
    edit.announce_fork(run_id, at_seq);
    // Its conversation begins with the claim, as that of every run.
    if (!past.has_input) edit.append("input", parse_own_json(source->input).as_object());
    edit.insert();
    for (auto& m : past.messages) {
        m.session_id = in.session_id;
        m.run_id = edit.value().run_id;
        tx.sessions().append_message(std::move(m));
    }
    return edit.value();
}

} // namespace gatehouse::core
