#include "app/methods/run_slot.hpp"

#include <utility>

namespace gatehouse::app {

run_slot::run_slot(core::worker& of, core::run_settings const& settings)
    : worker_(of), instance_id_(settings.instance_id), begun_in_(of.tenure()), held_(of.try_reserve_slot()) {}

run_slot::~run_slot() {
    if (held_) worker_.release_slot();
}

std::optional<std::string> run_slot::claim_for() const {
    return held_ ? std::optional(instance_id_) : std::nullopt;
}

void run_slot::keep(core::started_run& started) {
    claimed_.reset();
    auto const& r = started.value;
    if (started.first) claimed_ = claim{{r.run_id, r.session_id, r.lease_epoch}, std::move(*started.first)};
}

void run_slot::drive(std::string const& run_id) {
    if (!claimed_ || claimed_->lease.run_id != run_id) return;
    held_ = false;
    worker_.adopt(std::move(claimed_->lease), begun_in_, std::move(claimed_->first));
}

} // namespace gatehouse::app
