#include "persistence/backplane_message.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>

#include <algorithm>
#include <array>

namespace gatehouse::persistence {

namespace json = boost::json;

namespace {

// A notification carries fewer than 8,000 bytes.
constexpr std::size_t message_bytes_max = 7'900;
constexpr std::size_t bytes_beside_an_id = 8;

struct named_list {
    char const* name;
    std::vector<std::string> core::commit_signals::* list;
};
constexpr std::array lists{
    named_list{"tapes", &core::commit_signals::tapes},
    named_list{"inboxes", &core::commit_signals::inboxes},
    named_list{"invocations", &core::commit_signals::invocations},
    named_list{"devices", &core::commit_signals::devices},
    named_list{"tokens", &core::commit_signals::tokens},
};

struct named_flag {
    char const* name;
    bool core::commit_signals::* flag;
};
constexpr std::array flags{
    named_flag{"outbox", &core::commit_signals::outbox},
    named_flag{"queue", &core::commit_signals::queue},
    named_flag{"policy", &core::commit_signals::policy},
    named_flag{"triggers", &core::commit_signals::triggers},
};

std::optional<json::object> parse_object(std::string_view text) {
    boost::system::error_code failure;
    auto parsed = json::parse(text, failure);
    if (failure || !parsed.is_object()) return std::nullopt;
    return std::move(parsed.as_object());
}

bool flag_of(json::object const& from, char const* name) {
    auto const* found = from.if_contains(name);
    return found && found->is_bool() && found->get_bool();
}

std::optional<std::string> text_of(json::object const& from, char const* name) {
    auto const* found = from.if_contains(name);
    if (!found || !found->is_string()) return std::nullopt;
    return std::string(found->get_string());
}

} // namespace

std::vector<std::string> encode_signals(core::commit_signals const& signals) {
    std::vector<std::string> messages;
    json::object open;
    std::size_t size = 64;
    for (auto const& [name, flag] : flags)
        if (signals.*flag) open[name] = true;
    for (auto const& [name, list] : lists) {
        auto ids = signals.*list;
        std::ranges::sort(ids);
        auto [first, last] = std::ranges::unique(ids);
        ids.erase(first, last);
        for (auto const& id : ids) {
            size += id.size() + bytes_beside_an_id;
            if (size > message_bytes_max) {
                messages.push_back(json::serialize(std::exchange(open, {})));
                size = 64 + id.size() + bytes_beside_an_id;
            }
            auto& listed = open[name];
            if (!listed.is_array()) listed.emplace_array();
            listed.get_array().emplace_back(id);
        }
    }
    if (!open.empty()) messages.push_back(json::serialize(open));
    return messages;
}

std::optional<core::commit_signals> decode_signals(std::string_view message) {
    auto parsed = parse_object(message);
    if (!parsed) return std::nullopt;
    core::commit_signals signals;
    for (auto const& [name, flag] : flags) signals.*flag = flag_of(*parsed, name);
    for (auto const& [name, list] : lists) {
        auto const* found = parsed->if_contains(name);
        if (!found || !found->is_array()) continue;
        for (auto const& id : found->get_array())
            if (id.is_string()) (signals.*list).emplace_back(id.get_string());
    }
    return signals;
}

std::optional<std::string> encode_ephemeral(core::event const& e) {
    json::object o{
        {"id", e.event_id}, {"topic", e.topic},           {"category", e.category},
        {"type", e.type},   {"at", to_ms(e.occurred_at)}, {"payload", e.payload},
    };
    if (e.session_id) o["session"] = *e.session_id;
    if (e.principal) o["principal"] = *e.principal;
    auto text = json::serialize(o);
    if (text.size() > message_bytes_max) return std::nullopt;
    return text;
}

std::optional<core::event> decode_ephemeral(std::string_view message) {
    auto parsed = parse_object(message);
    if (!parsed) return std::nullopt;
    core::event e;
    e.event_id = text_of(*parsed, "id").value_or("");
    e.topic = text_of(*parsed, "topic").value_or("");
    e.category = text_of(*parsed, "category").value_or("");
    e.type = text_of(*parsed, "type").value_or("");
    e.payload = text_of(*parsed, "payload").value_or("");
    e.session_id = text_of(*parsed, "session");
    e.principal = text_of(*parsed, "principal");
    auto const* at = parsed->if_contains("at");
    if (at && at->is_int64()) e.occurred_at = from_ms(at->get_int64());
    if (e.topic.empty() || e.type.empty() || e.payload.empty()) return std::nullopt;
    return e;
}

} // namespace gatehouse::persistence
