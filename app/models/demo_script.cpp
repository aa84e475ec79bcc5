#include "app/models/demo_script.hpp"

#include "protocol/parse_json.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <optional>

namespace gatehouse::app::models {
namespace {

using parsed_directive = std::expected<demo_directive, std::string>;

// A day. Longer waits are the business of deadlines, and a number beyond it is a typing error.
constexpr std::uint64_t sleep_ms_max = 86'400'000;
constexpr std::uint64_t calls_in_parallel_max = 64;

std::string_view take_word(std::string_view& text) {
    auto const end = std::min(text.find_first_of(" \t"), text.size());
    auto const word = text.substr(0, end);
    text.remove_prefix(std::min(text.find_first_not_of(" \t", end), text.size()));
    return word;
}

std::optional<std::uint64_t> read_number(std::string_view text, std::uint64_t most) {
    std::uint64_t number = 0;
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc() || end != text.data() + text.size() || number > most) return std::nullopt;
    return number;
}

parsed_directive read_call(std::string_view rest) {
    auto const tool = take_word(rest);
    if (tool.empty()) return std::unexpected("/call needs the name of a tool");
    if (rest.empty()) return demo_call{std::string(tool), {}};
    auto arguments = parse_json(rest);
    if (!arguments) {
        return std::unexpected(fmt::format("the arguments of /call {}: {}", tool, arguments.error().message));
    }
    if (!arguments->is_object()) {
        return std::unexpected(fmt::format("the arguments of /call {} are not a JSON object", tool));
    }
    return demo_call{std::string(tool), std::move(arguments->get_object())};
}

parsed_directive read_fail(std::string_view rest) {
    auto const how = take_word(rest);
    if (how == "permanent" && rest.empty()) return demo_fail{true, 0};
    auto const times = read_number(rest, 1'000'000);
    if (how != "transient" || !times)
        return std::unexpected("/fail is \"/fail permanent\" or \"/fail transient <n>\"");
    return demo_fail{false, static_cast<std::int64_t>(*times)};
}

// Nothing for a line that is no directive.
std::optional<parsed_directive> read_line(std::string_view line) {
    auto const name = take_word(line);
    if (name == "/call") return read_call(line);
    if (name == "/fail") return read_fail(line);
    if (name == "/say") return demo_say{std::string(line)};
    if (name == "/sleep") {
        auto const ms = read_number(line, sleep_ms_max);
        if (!ms) return std::unexpected("/sleep needs milliseconds, at most a day of them");
        return demo_sleep{std::chrono::milliseconds(*ms)};
    }
    if (name == "/parallel") {
        auto const calls = read_number(line, calls_in_parallel_max);
        if (!calls || *calls == 0) return std::unexpected("/parallel needs a number from 1 to 64");
        return demo_parallel{static_cast<std::size_t>(*calls)};
    }
    return std::nullopt;
}

struct pending_lines {
    std::deque<demo_directive> directives;
    std::string plain_text;
    bool any_directive = false;
    std::optional<std::string> failure;

    void add(std::string_view text);
    // Takes the directives of one turn off the front.
    std::vector<demo_directive> take_turn();
};

void pending_lines::add(std::string_view text) {
    for (bool more = true; more;) {
        auto const end = text.find('\n');
        more = end != std::string_view::npos;
        auto line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (more) text.remove_prefix(end + 1);
        if (auto directive = read_line(line)) {
            any_directive = true;
            if (*directive)
                directives.push_back(std::move(**directive));
            else if (!failure)
                failure = fmt::format("The demo model can't follow \"{}\": {}.", line, directive->error());
        } else {
            if (!plain_text.empty()) plain_text += '\n';
            plain_text += line;
        }
    }
}

std::vector<demo_directive> pending_lines::take_turn() {
    std::vector<demo_directive> turn;
    std::size_t calls_left = 1;
    while (!directives.empty() && calls_left > 0) {
        auto next = std::move(directives.front());
        directives.pop_front();
        if (auto const* group = std::get_if<demo_parallel>(&next)) {
            calls_left = group->calls;
            continue;
        }
        if (std::holds_alternative<demo_call>(next)) --calls_left;
        turn.push_back(std::move(next));
    }
    plain_text.clear();
    return turn;
}

// A tool's output as one JSON document on one line, whatever way it was written down.
std::string on_one_line(std::string const& output) {
    auto const document = parse_json(output);
    return document ? boost::json::serialize(*document) : boost::json::serialize(boost::json::string(output));
}

} // namespace

std::expected<demo_turn, std::string>
read_demo_turn(std::vector<core::model_message> const& messages, std::string_view run_id) {
    pending_lines pending;
    demo_turn turn;
    for (auto const& each : messages) {
        if (each.run_id != run_id) continue;
        if (each.role == "user") {
            pending.add(each.text);
        } else if (each.role == "assistant") {
            pending.take_turn();
            ++turn.turns_before;
        } else if (each.role == "tool") {
            turn.tool_outputs.push_back(on_one_line(each.text));
        }
    }
    if (pending.failure) return std::unexpected(std::move(*pending.failure));
    turn.run_has_directives = pending.any_directive;
    turn.plain_text = pending.plain_text;
    turn.directives = pending.take_turn();
    return turn;
}

} // namespace gatehouse::app::models
