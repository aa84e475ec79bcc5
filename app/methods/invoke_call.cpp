#include "app/methods/invoke_call.hpp"

#include "app/dispatch/write_once.hpp"
#include "core/execution/time_limit.hpp"
#include "core/nodes/finish_call.hpp"
#include "protocol/json_codec.hpp"

#include <boost/json/object.hpp>

#include <algorithm>
#include <array>

namespace gatehouse::app {

namespace json = boost::json;

namespace {

// The router ends a call that was sent at its time; this is for those that nobody sends.
constexpr std::chrono::milliseconds patience_beyond_timeout{1'000};

// A call whose row is committed.
struct committed_call {
    core::invocation row;
    bool is_new = false; // this execution made it: it is to be delivered
    bool node_is_away = false;
};
using outcome = std::expected<committed_call, error>; // an error in here was committed too

// What stands under an idempotency key: not the reply, but the row that is the reply; or that a person is
// asked.
std::string marker_of(core::invocation const& row) {
    return R"({"invocation_id":")" + row.invocation_id + R"("})";
}
constexpr char const* marker_of_question = R"({"asked":true})";

// Nothing: the call has yet to be made under its key. A person had to be asked first, or it ended before any
// node saw it, which may be tried again.
std::optional<result<outcome>> find_repeated(core::transaction& tx, std::string const& marker) {
    auto parsed = parse_own_json(marker).as_object();
    if (!parsed.contains("invocation_id")) return std::nullopt;
    std::string id(parsed.at("invocation_id").as_string());
    auto row = tx.invocations().find(id);
    if (row && row->state == "expired") return std::nullopt;
    if (!row) {
        return result<outcome>(
            fail(errc::not_found, "The answer of this call is not kept any more: " + id + ".")
        );
    }
    auto node = tx.nodes().find(row->device_id);
    bool is_away = row->state == "queued" && (!node || !node->instance_id);
    return result<outcome>(committed_call{std::move(*row), false, is_away});
}

result<outcome> begin_once(
    core::transaction& tx, core::direct_call const& wanted, caller const& who,
    core::run_settings const& settings
) {
    auto stored = find_stored_reply(tx, who);
    if (!stored) return std::unexpected(stored.error());
    if (*stored) {
        if (auto repeated = find_repeated(tx, **stored)) return std::move(*repeated);
    }
    auto begun = core::begin_call(tx, wanted, settings);
    if (!begun) return std::unexpected(begun.error());
    if (!*begun) {
        if (begun->error().code == errc::approval_required)
            store_reply(tx, who, marker_of_question);
        else
            release_key(tx, who);
        return outcome(std::unexpected(begun->error()));
    }
    store_reply(tx, who, marker_of((*begun)->row));
    return outcome(committed_call{std::move((*begun)->row), true, (*begun)->node_is_away});
}

// This process stops; the call goes on, and its row keeps the answer.
error gone_before_the_answer(core::invocation const& row) {
    return {
        errc::unavailable,
        "This gateway stops before the node has answered: ask again under the same idempotency_key.",
        json::object{{"invocation_id", row.invocation_id}}
    };
}

core::task<core::invocation> end_in_time(core::database& db, core::invocation call) {
    core::call_answer late;
    late.invocation_id = call.invocation_id;
    late.state = "failed";
    late.error = {{"kind", "deadline_exceeded"}, {"message", "The node did not answer in time."}};
    auto unit = [late](core::transaction& tx) { return core::finish_call(tx, late); };
    auto row = co_await db.write(std::move(unit));
    co_return row ? std::move(*row) : std::move(call);
}

errc code_of(std::string_view kind) {
    constexpr std::array known{errc::deadline_exceeded, errc::unavailable, errc::cancelled};
    auto const* found = std::ranges::find_if(known, [&](errc code) { return kind_of(code) == kind; });
    return found == known.end() ? errc::capability_failed : *found;
}

std::string_view text_or(json::object const& from, std::string_view member, std::string_view otherwise) {
    auto const* found = from.if_contains(member);
    return found && found->is_string() ? std::string_view(found->get_string()) : otherwise;
}

error error_of(core::invocation const& row) {
    if (!row.error) {
        return {
            errc::cancelled, "The call was cancelled.", json::object{{"invocation_id", row.invocation_id}}
        };
    }
    auto said = parse_own_json(*row.error).as_object();
    json::object details{{"invocation_id", row.invocation_id}};
    auto const* more = said.if_contains("details");
    if (more && more->is_object()) {
        for (auto const& [name, value] : more->get_object()) details[name] = value;
    } else if (more) {
        details["reported"] = *more;
    }
    std::string message(text_or(said, "message", ""));
    if (message.empty()) message = "The node gave no reason.";
    return {code_of(text_or(said, "kind", "")), std::move(message), std::move(details)};
}

} // namespace

core::task<result<core::invocation>> invoke_call(
    core::direct_call wanted, caller who, core::loop& on, core::database& db, core::node_router& nodes,
    core::run_settings const& settings
) {
    auto timeout = wanted.timeout;
    wanted.call_key = who.idempotency_key;
    auto unit = [wanted = std::move(wanted), who = std::move(who), &settings](core::transaction& tx) {
        return begin_once(tx, wanted, who, settings);
    };
    auto begun = co_await db.write(std::move(unit));
    if (!begun) co_return std::unexpected(begun.error());
    if (!*begun) co_return std::unexpected(begun->error());
    auto [row, is_new, node_is_away] = std::move(**begun);
    if (node_is_away) co_return std::move(row);
    if (is_new) nodes.deliver(row);
    core::time_limit limit(on, on.now() + timeout + patience_beyond_timeout);
    row = co_await nodes.wait(std::move(row), limit.stop());
    if (!row.finished_at) {
        if (!limit.stop().requested()) co_return std::unexpected(gone_before_the_answer(row));
        row = co_await end_in_time(db, std::move(row));
    }
    if (row.state != "succeeded") co_return std::unexpected(error_of(row));
    co_return std::move(row);
}

std::vector<protocol::artifact_ref> evidence_of(core::invocation const& row) {
    if (row.evidence == "[]") return {};
    return protocol::from_json<std::vector<protocol::artifact_ref>>(parse_own_json(row.evidence));
}

} // namespace gatehouse::app
