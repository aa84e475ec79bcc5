#include "core/channels/route_message.hpp"

#include "protocol/digest.hpp"

namespace gatehouse::core {

namespace {

// In bytes, so that it holds for characters too (schemas/types/session_key.json), and a fork's suffix fits.
constexpr std::size_t key_bytes_max = 240;

run_request make_request(inbound_message const& m) {
    run_request wanted;
    wanted.principal = m.principal;
    wanted.session_key = session_key_of(m.channel, m.conversation);
    wanted.input = m.input;
    wanted.input["origin"] = {
        {"channel", m.channel},
        {"conversation", m.conversation},
        {"sender", m.sender},
        {"message_id", m.message_id}
    };
    wanted.trace_parent = m.trace_parent;
    wanted.claim_for = m.claim_for;
    return wanted;
}

} // namespace

std::string session_key_of(std::string const& channel, std::string const& conversation) {
    auto key = "channel:" + channel + ":" + conversation;
    if (key.size() <= key_bytes_max) return key;
    return "channel:" + channel + ":sha256:" + sha256_hex(conversation);
}

result<routing> route_message(transaction& tx, inbound_message const& m, run_settings const& settings) {
    routed_message row;
    row.principal = m.principal;
    row.channel = m.channel;
    row.message_id = m.message_id;
    row.received_at = tx.now();
    if (auto first = tx.routed_messages().insert_or_find(row)) return routing{std::move(*first), {}};
    auto started = start_run(tx, make_request(m), settings);
    if (!started) return std::unexpected(started.error());
    row.session_id = started->value.session_id;
    row.run_id = started->value.run_id;
    if (started->blocked) {
        row.blocked_by_run = started->blocked->run_id;
        row.blocked_by_approval = started->blocked->approval_id;
    }
    tx.routed_messages().save(row);
    return routing{std::move(row), std::move(*started)};
}

} // namespace gatehouse::core
