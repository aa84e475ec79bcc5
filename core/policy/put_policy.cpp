#include "core/policy/put_policy.hpp"

#include "core/events/make_event.hpp"
#include "core/policy/decide.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace gatehouse::core {

result<policy_document>
put_policy(transaction& tx, boost::json::array const& rules, std::optional<std::int64_t> expected_version) {
    if (auto usable = check_rules(rules); !usable) return std::unexpected(usable.error());
    auto stored = tx.policies().lock();
    if (expected_version && *expected_version != stored.version) {
        return fail(
            errc::wrong_state, "version: the rules are at version " + std::to_string(stored.version) +
                                   " by now: read them again."
        );
    }
    ++stored.version;
    stored.rules = boost::json::serialize(rules);
    tx.policies().save(stored);
    tx.publish(make_shared_event(tx, "approvals", "policy.updated", {{"version", stored.version}}));
    tx.signals().policy = true;
    return stored;
}

} // namespace gatehouse::core
