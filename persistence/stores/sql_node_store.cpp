#include "persistence/stores/sql_node_store.hpp"

#include "persistence/record.hpp"
#include "persistence/stores/listed_ids.hpp"

#define DEVICE_COLUMNS                                                                                       \
    "device_id, public_key, label, platform, version, trust, allow, capabilities, connection_epoch, "        \
    "instance_id, "                                                                                          \
    "auth_epoch, revoked, token_used, last_seen_at, created_at"
#define PAIRING_COLUMNS                                                                                      \
    "pairing_id, device_id, invite_token_id, state, device, capabilities, requested_at, expires_at, "        \
    "decided_by, reason"

namespace gatehouse::persistence {
namespace {

using core::advertisement;
using core::node;
using core::pairing;

using device_record = record<
    node, &node::device_id, &node::public_key, free_column<&node::label>, free_column<&node::platform>,
    free_column<&node::version>, &node::trust, &node::allow, &node::capabilities, &node::connection_epoch,
    &node::instance_id, &node::auth_epoch, &node::revoked, &node::token_used, &node::last_seen_at,
    &node::created_at>;

using pairing_record = record<
    pairing, &pairing::pairing_id, &pairing::device_id, &pairing::invite_token_id, &pairing::state,
    &pairing::device, &pairing::capabilities, &pairing::requested_at, &pairing::expires_at,
    &pairing::decided_by, free_column<&pairing::reason>>;

// Reading one again costs less than a millisecond; keeping one, some ten KiB.
constexpr std::size_t advertisements_max = 1000;

} // namespace

std::optional<node> sql_node_store::find(std::string const& device_id) const {
    return device_record::find(
        sql_, "SELECT " DEVICE_COLUMNS " FROM devices WHERE device_id = :device_id", device_id
    );
}

std::optional<node> sql_node_store::find_by_name(std::string const& name) const {
    // An id beats a label that looks like it. No id holds a NUL, which a label may.
    if (name.find('\0') == std::string::npos) {
        if (auto found = find(name)) return found;
    }
    return device_record::find(
        sql_, "SELECT " DEVICE_COLUMNS " FROM devices WHERE label = :label", free_text{name}
    );
}

std::vector<node> sql_node_store::list(std::optional<std::string> const& after, std::int64_t limit) const {
    return device_record::list(
        sql_,
        "SELECT " DEVICE_COLUMNS " FROM devices WHERE (CAST(:after AS TEXT) IS NULL OR device_id > :after) "
        "ORDER BY device_id LIMIT :limit",
        after, limit
    );
}

std::shared_ptr<advertisement const> sql_node_store::advertised_by(node const& n) const {
    auto known = advertisements_.find(n.device_id);
    if (known != advertisements_.end() && known->second->text() == n.capabilities) return known->second;
    if (known == advertisements_.end() && advertisements_.size() >= advertisements_max)
        advertisements_.erase(advertisements_.begin());
    return advertisements_[n.device_id] = std::make_shared<advertisement const>(n.capabilities);
}

#define IS_TAKEN                                                                                             \
    " WHERE NOT EXISTS (SELECT 1 FROM devices WHERE device_id = id AND instance_id = :instance_id AND "      \
    "revoked = 0)"
std::vector<std::string>
sql_node_store::taken_from(std::string const& instance_id, std::vector<std::string> const& device_ids) const {
    if (device_ids.empty()) return {};
    return sql_.rows<std::string>(
        sql_.either(
            "SELECT id FROM " LISTED_IDS_SQLITE IS_TAKEN, "SELECT id FROM " LISTED_IDS_POSTGRES IS_TAKEN
        ),
        device_ids, instance_id
    );
}

void sql_node_store::put(node const& n) {
    device_record::exec(
        sql_,
        "INSERT INTO devices (" DEVICE_COLUMNS
        ") VALUES (:device_id, :public_key, :label, :platform, :version, "
        ":trust, :allow, :capabilities, :connection_epoch, :instance_id, :auth_epoch, :revoked, :token_used, "
        ":last_seen_at, :created_at) ON CONFLICT (device_id) DO UPDATE SET public_key = excluded.public_key, "
        "label = excluded.label, platform = excluded.platform, version = excluded.version, trust = "
        "excluded.trust, "
        "allow = excluded.allow, capabilities = excluded.capabilities, connection_epoch = "
        "excluded.connection_epoch, "
        "instance_id = excluded.instance_id, auth_epoch = excluded.auth_epoch, revoked = excluded.revoked, "
        "token_used = excluded.token_used, last_seen_at = excluded.last_seen_at",
        n
    );
}

std::optional<node> sql_node_store::lock(std::string const& device_id) {
    return device_record::find(
        sql_,
        sql_.either(
            "SELECT " DEVICE_COLUMNS " FROM devices WHERE device_id = :device_id",
            "SELECT " DEVICE_COLUMNS " FROM devices WHERE device_id = :device_id FOR UPDATE"
        ),
        device_id
    );
}

std::vector<std::string> sql_node_store::disconnect_all_of(std::string const& instance_id) {
    return sql_.rows<std::string>(
        "UPDATE devices SET instance_id = NULL WHERE instance_id = :instance_id RETURNING device_id",
        instance_id
    );
}

std::optional<pairing> sql_node_store::find_pairing(std::string const& pairing_id) const {
    return pairing_record::find(
        sql_, "SELECT " PAIRING_COLUMNS " FROM pairings WHERE pairing_id = :pairing_id", pairing_id
    );
}

std::optional<pairing> sql_node_store::lock_pairing(std::string const& pairing_id) {
    return pairing_record::find(
        sql_,
        sql_.either(
            "SELECT " PAIRING_COLUMNS " FROM pairings WHERE pairing_id = :pairing_id",
            "SELECT " PAIRING_COLUMNS " FROM pairings WHERE pairing_id = :pairing_id FOR UPDATE"
        ),
        pairing_id
    );
}

std::optional<pairing> sql_node_store::newest_pairing_of(std::string const& device_id) const {
    return pairing_record::find(
        sql_,
        "SELECT " PAIRING_COLUMNS
        " FROM pairings WHERE device_id = :device_id ORDER BY pairing_id DESC LIMIT 1",
        device_id
    );
}

#define LISTED_PAIRINGS                                                                                      \
    "SELECT " PAIRING_COLUMNS " FROM pairings WHERE (CAST(:state AS TEXT) IS NULL OR state = :state) "       \
    "AND (CAST(:after AS TEXT) IS NULL OR pairing_id > :after) "
std::vector<pairing> sql_node_store::list_pairings(
    std::optional<std::string> const& state, std::optional<std::string> const& after, std::int64_t limit
) const {
    static constexpr statement all = LISTED_PAIRINGS "ORDER BY pairing_id LIMIT :limit";
    static constexpr statement in_state =
        LISTED_PAIRINGS "AND state = CAST(:state AS TEXT) ORDER BY pairing_id LIMIT :limit";
    return pairing_record::list(sql_, state ? in_state : all, state, after, limit);
}

#define IS_DECIDED " WHERE NOT EXISTS (SELECT 1 FROM pairings WHERE device_id = id AND state = 'pending')"
std::vector<std::string> sql_node_store::decided_among(std::vector<std::string> const& device_ids) const {
    if (device_ids.empty()) return {};
    return sql_.rows<std::string>(
        sql_.either(
            "SELECT id FROM " LISTED_IDS_SQLITE IS_DECIDED, "SELECT id FROM " LISTED_IDS_POSTGRES IS_DECIDED
        ),
        device_ids
    );
}

void sql_node_store::put_pairing(pairing const& p) {
    pairing_record::exec(
        sql_,
        "INSERT INTO pairings (" PAIRING_COLUMNS
        ") VALUES (:pairing_id, :device_id, :invite_token_id, :state, "
        ":device, :capabilities, :requested_at, :expires_at, :decided_by, :reason) ON CONFLICT (pairing_id) "
        "DO UPDATE SET invite_token_id = excluded.invite_token_id, state = excluded.state, device = "
        "excluded.device, "
        "capabilities = excluded.capabilities, expires_at = excluded.expires_at, decided_by = "
        "excluded.decided_by, "
        "reason = excluded.reason",
        p
    );
}

std::vector<pairing> sql_node_store::lock_expired_pairings(std::int64_t limit) {
    return pairing_record::list(
        sql_,
        sql_.either(
            "SELECT " PAIRING_COLUMNS
            " FROM pairings WHERE state = 'pending' AND expires_at <= (SELECT now_ms()) "
            "ORDER BY pairing_id LIMIT :limit",
            "SELECT " PAIRING_COLUMNS
            " FROM pairings WHERE state = 'pending' AND expires_at <= (SELECT now_ms()) "
            "ORDER BY pairing_id LIMIT :limit FOR UPDATE SKIP LOCKED"
        ),
        limit
    );
}

} // namespace gatehouse::persistence
