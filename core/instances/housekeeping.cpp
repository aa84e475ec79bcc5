#include "core/instances/housekeeping.hpp"

#include "core/approvals/close_approval.hpp"
#include "core/execution/fail_point.hpp"
#include "core/nodes/change_pairing.hpp"

#include <spdlog/spdlog.h>

namespace gatehouse::core {

namespace {

constexpr std::chrono::seconds period{1};
constexpr std::chrono::minutes key_period{10};
constexpr std::chrono::hours key_age{24};
// No channel delivers a message once more after such a time.
constexpr std::chrono::hours routed_message_age{90 * 24};
constexpr std::int64_t batch_max = 1'000;

} // namespace

task<> housekeeping::run() {
    while (!stopping_) {
        co_await stopped_.wait_until(loop_.now() + period);
        if (stopping_) break;
        try {
            co_await nodes_.expire_calls();
            GATEHOUSE_FAIL_POINT("housekeeping.calls_expired");
            co_await expire();
            GATEHOUSE_FAIL_POINT("housekeeping.expired");
        } catch (std::exception const& e) {
            spdlog::error("what has run out could not be ended: {}", e.what());
        }
    }
}

task<> housekeeping::expire() {
    bool with_keys = loop_.now() >= keys_at_;
    if (with_keys) keys_at_ = loop_.now() + key_period;
    auto unit = [with_keys](transaction& tx) {
        expire_pairings(tx);
        for (auto const& a : tx.approvals().lock_expired_without_run(batch_max)) {
            close_approval(tx, a, approval_state::expired);
        }
        if (!with_keys) return;
        tx.idempotency().remove_before(tx.now() - key_age, batch_max);
        tx.routed_messages().remove_before(tx.now() - routed_message_age, batch_max);
    };
    co_await db_.write(std::move(unit));
}

void housekeeping::stop() {
    stopping_ = true;
    stopped_.notify();
}

} // namespace gatehouse::core
