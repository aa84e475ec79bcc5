#include "core/runs/follow_up.hpp"

#include "core/events/make_event.hpp"
#include "core/runs/run_editor.hpp"
#include "protocol/beginning_of.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>

#include <algorithm>
#include <bit>

namespace gatehouse::core {

namespace {

constexpr std::string_view label_question =
    "Give this conversation a title of at most six words, in its own language. Answer with the title alone.";
constexpr std::size_t label_bytes_max = 80;
constexpr std::size_t excerpt_bytes_max = 2'000; // of each message
constexpr std::int64_t beginning_messages = 16;  // tool calls may stand between a question and its answer

bool wants_label(run const& ended, run_settings const& settings) {
    bool const is_turn_to_ask =
        ended.ordinal > 1 && std::has_single_bit(static_cast<std::uint64_t>(ended.ordinal));
    return settings.session_labels && is_turn_to_ask && !is_background(ended);
}

bool is_read_by_people(session const& s) {
    return !s.session_key.starts_with("channel:") && !s.session_key.starts_with("trigger:");
}

run make_label_run(transaction& tx, run const& after) {
    run r;
    r.run_id = tx.ids().make("run");
    r.session_id = after.session_id;
    r.principal = after.principal;
    r.agent = after.agent;
    r.purpose = run_purpose::label;
    r.input = boost::json::serialize(boost::json::object{{"text", label_question}});
    r.ordinal = tx.runs().next_background_ordinal(after.session_id);
    r.created_at = tx.now();
    r.claimable_at = tx.now();
    return r;
}

// One line, as a model writes a title that was told to write nothing else.
std::string to_label(std::string_view said) {
    auto const begin = said.find_first_not_of(" \t\r\n\"'*`#");
    if (begin == std::string_view::npos) return {};
    said.remove_prefix(begin);
    std::string line(beginning_of(said.substr(0, said.find_first_of("\r\n")), label_bytes_max));
    auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    std::ranges::replace_if(line, is_control, ' ');
    line.resize(line.find_last_not_of(" \"'*`.") + 1);
    return line;
}

} // namespace

void follow_up(transaction& tx, run const& ended, run_settings const& settings) {
    if (!wants_label(ended, settings)) return;
    auto const in = tx.sessions().find(ended.session_id);
    if (!in || in->label || !is_read_by_people(*in)) return;
    run_editor edit(tx, make_label_run(tx, ended));
    edit.announce_new();
    edit.append("input", {{"text", label_question}});
    edit.insert();
}

model_request build_background_request(snapshot const& view, run const& r) {
    model_request request;
    request.run_id = r.run_id;
    request.purpose = r.purpose;
    request.attempt = r.attempt;
    auto add = [&](std::string role, std::string_view text) {
        model_message m;
        m.run_id = r.run_id;
        m.role = std::move(role);
        m.text = beginning_of(text, excerpt_bytes_max);
        request.messages.push_back(std::move(m));
    };
    auto const first = view.sessions().messages(r.session_id, 0, beginning_messages);
    for (auto const* role : {"user", "assistant"}) {
        auto says_it = [&](message const& m) { return m.role == role && !m.text.empty(); };
        auto const found = std::ranges::find_if(first, says_it);
        if (found != first.end()) add(role, found->text);
    }
    add("user", boost::json::value_to<std::string>(parse_own_json(r.input).at("text")));
    return request;
}

void apply_background(transaction& tx, run const& r) {
    auto in = tx.sessions().find(r.session_id);
    auto label = to_label(r.output.value_or(""));
    if (!in || in->label || label.empty()) return;
    in->label = std::move(label);
    tx.sessions().save(*in);
    tx.publish(make_session_event(tx, *in, "session.updated"));
}

} // namespace gatehouse::core
