#include "core/runs/run_past.hpp"

#include "protocol/parse_json.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>

#include <algorithm>
#include <iterator>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

std::string text_of(json::object const& payload, std::string_view member) {
    return json::value_to<std::string>(payload.at(member));
}

} // namespace

void run_past_reader::add(std::span<tape_item const> page) {
    for (auto const& item : page) add(item);
}

void run_past_reader::add(tape_item const& item) {
    if (item.kind == "input") {
        take_input(item);
    } else if (item.kind == "provider_request") {
        std::ranges::move(new_inputs_, std::back_inserter(past_.messages));
        new_inputs_.clear();
        settled_ = past_.messages.size();
    } else if (item.kind == "provider_response") {
        take_response(item);
    } else if (item.kind == "policy_decision") {
        take_decision(item);
    } else if (item.kind == "tool_output") {
        take_output(item);
    } else if (item.kind == "note" && parse_own_json(item.payload).as_object().contains("forked_from")) {
        drop_open_turn();
    }
}

void run_past_reader::append(tape_item const& from, std::string role, std::string text, json::object extra) {
    message m;
    m.role = std::move(role);
    m.text = std::move(text);
    m.extra = json::serialize(extra);
    m.created_at = from.occurred_at;
    past_.messages.push_back(std::move(m));
}

void run_past_reader::take_input(tape_item const& item) {
    past_.has_input = true;
    auto payload = parse_own_json(item.payload).as_object();
    message m;
    m.role = "user";
    m.text = text_of(payload, "text");
    for (auto const* not_said : {"text", "principal", "traceparent"}) payload.erase(not_said);
    m.extra = json::serialize(payload);
    m.created_at = item.occurred_at;
    new_inputs_.push_back(std::move(m));
}

void run_past_reader::take_response(tape_item const& item) {
    auto payload = parse_own_json(item.payload).as_object();
    ++past_.turns;
    auto const& usage = payload.at("usage").as_object();
    past_.usage.input_tokens += usage.at("input_tokens").to_number<std::int64_t>();
    past_.usage.output_tokens += usage.at("output_tokens").to_number<std::int64_t>();
    undecided_calls_.clear();
    open_calls_.clear();
    auto& calls = payload.at("tool_calls").as_array();
    for (auto const& each : calls) {
        auto const& asked = each.as_object();
        undecided_calls_.push_back({text_of(asked, "call_id"), text_of(asked, "tool")});
    }
    json::object extra;
    if (!calls.empty()) extra["tool_calls"] = std::move(calls);
    append(item, "assistant", text_of(payload, "text"), std::move(extra));
}

// Steps are decided in the order of their calls.
void run_past_reader::take_decision(tape_item const& item) {
    auto payload = parse_own_json(item.payload).as_object();
    ++past_.steps;
    if (undecided_calls_.empty()) return;
    open_calls_[text_of(payload, "step_id")] = std::move(undecided_calls_.front());
    undecided_calls_.erase(undecided_calls_.begin());
}

void run_past_reader::take_output(tape_item const& item) {
    auto payload = parse_own_json(item.payload).as_object();
    auto step = text_of(payload, "step_id");
    auto answered = open_calls_.extract(step);
    if (answered.empty()) return;
    json::object extra{
        {"call_id", answered.mapped().call_id},
        {"tool", answered.mapped().tool},
        {"ok", payload.at("ok")},
        {"step_id", step}
    };
    append(item, "tool", json::serialize(payload.at("output")), std::move(extra));
    if (open_calls_.empty() && undecided_calls_.empty()) settled_ = past_.messages.size();
}

void run_past_reader::drop_open_turn() {
    past_.messages.resize(settled_);
    undecided_calls_.clear();
    open_calls_.clear();
}

run_past run_past_reader::finish() {
    drop_open_turn();
    std::ranges::move(new_inputs_, std::back_inserter(past_.messages));
    for (auto const& m : past_.messages) {
        if (m.role != "assistant" || m.text.empty()) continue;
        past_.output = past_.output ? *past_.output + "\n" + m.text : m.text;
    }
    return std::move(past_);
}

} // namespace gatehouse::core
