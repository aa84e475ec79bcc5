#include "app/cli/chat_transcript.hpp"

#include "app/cli/terminal_text.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gatehouse::app::cli {
namespace {

namespace json = boost::json;

// Enough to see what it is; the whole stands on the tape.
constexpr std::size_t shown_bytes_max = 500;

std::string text_of(json::object const& object, std::string_view name) {
    auto const* found = object.if_contains(name);
    return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

std::int64_t number_of(json::object const& object, std::string_view name) {
    auto const* found = object.if_contains(name);
    return found && found->is_number() ? found->to_number<std::int64_t>() : 0;
}

std::string document_of(json::object const& object, std::string_view name) {
    auto const* found = object.if_contains(name);
    return found ? json::serialize(*found) : std::string();
}

} // namespace

std::string describe_subject(json::object const& subject) {
    auto const node = text_of(subject, "node");
    // The arguments in full: nobody should say yes to what was cut off.
    return printable(fmt::format(
        "{} {}{}", text_of(subject, "tool"), document_of(subject, "arguments"),
        node.empty() ? "" : " on " + node
    ));
}

void chat_transcript::say(std::string_view text) {
    if (text.empty()) return;
    answer_(printable(text));
    in_line_ = text.back() != '\n';
}

void chat_transcript::note(std::string line) {
    if (std::exchange(in_line_, false)) answer_("\n");
    aside_(line);
}

void chat_transcript::take_delta(json::object const& delta) {
    auto const attempt = number_of(delta, "attempt");
    auto const offset = static_cast<std::size_t>(number_of(delta, "offset"));
    auto const text = text_of(delta, "text");
    auto const step = text_of(delta, "step_id");
    if (step == finished_step_) return;
    if (step != step_ || attempt > attempt_) {
        if (step == step_) begin_anew();
        step_ = step;
        attempt_ = attempt;
        printed_.clear();
    }
    // A piece that was dropped on the way comes with the whole text at the end of the turn.
    if (attempt != attempt_ || offset > printed_.size()) return;
    // The model was asked anew by another process, and says something else.
    auto const known = std::min(text.size(), printed_.size() - offset);
    if (printed_.compare(offset, known, text, 0, known) != 0) {
        if (offset > 0) return;
        begin_anew();
    }
    if (offset + text.size() <= printed_.size()) return;
    auto const fresh = std::string_view(text).substr(printed_.size() - offset);
    say(fresh);
    printed_ += fresh;
}

void chat_transcript::begin_anew() {
    if (!printed_.empty()) note("(once more)");
    printed_.clear();
}

void chat_transcript::take_response(json::object const& payload) {
    auto const text = text_of(payload, "text");
    if (!text.starts_with(printed_)) begin_anew();
    say(std::string_view(text).substr(printed_.size()));
    if (std::exchange(in_line_, false)) answer_("\n");
    printed_.clear();
    finished_step_ = std::exchange(step_, {});
}

void chat_transcript::take_request(json::object const& payload) {
    auto const* subject = payload.if_contains("subject");
    open_question asked;
    asked.approval_id = text_of(payload, "approval_id");
    asked.subject_hash = text_of(payload, "subject_hash");
    asked.is_outcome = text_of(payload, "kind") == "outcome";
    if (subject && subject->is_object()) asked.text = describe_subject(subject->get_object());
    question_ = std::move(asked);
}

void chat_transcript::take_item(json::object const& item) {
    auto const seq = number_of(item, "seq");
    auto const* found = item.if_contains("payload");
    if (seq <= last_seq_ || !found || !found->is_object()) return;
    last_seq_ = seq;
    auto const& payload = found->get_object();
    auto const kind = text_of(item, "kind");
    if (kind == "provider_response") {
        take_response(payload);
    } else if (kind == "provider_error") {
        note(fmt::format("! {}", one_line(text_of(payload, "message"), shown_bytes_max)));
    } else if (kind == "tool_call") {
        note(fmt::format(
            "→ {} {}", text_of(payload, "tool"), one_line(document_of(payload, "arguments"), shown_bytes_max)
        ));
    } else if (kind == "tool_output") {
        auto const* ok = payload.if_contains("ok");
        bool const worked = ok && ok->is_bool() && ok->get_bool();
        note(fmt::format(
            "{} {}", worked ? "←" : "✗", one_line(document_of(payload, "output"), shown_bytes_max)
        ));
    } else if (kind == "approval_request") {
        take_request(payload);
    } else if (kind == "approval_decision") {
        if (question_ && question_->approval_id == text_of(payload, "approval_id")) question_.reset();
        note(fmt::format("  {}", text_of(payload, "state")));
    } else if (kind == "status_change") {
        auto const to = text_of(payload, "to");
        auto const reason = one_line(text_of(payload, "reason"), shown_bytes_max);
        if (to == "failed" || to == "cancelled")
            note(fmt::format("! {}{}", to, reason.empty() ? "" : ": " + reason));
    }
}

} // namespace gatehouse::app::cli
