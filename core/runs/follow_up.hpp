#pragma once
// Work in the background: a run that follows another one by itself, through the same queue and leases. It has
// one turn and no tools, it says nothing to its session's conversation and is no event, and what comes of it
// is applied in the transaction that ends it. If it fails, nobody misses anything. Database thread.
#include "core/ports/model.hpp"
#include "core/runs/run_settings.hpp"
#include "core/storage/transaction.hpp"

namespace gatehouse::core {

// Attempts of its turn.
inline constexpr std::int64_t background_attempts_max = 3;

// What is to follow a run that has succeeded: a label for its session, where nobody gave it one. A
// conversation is more than one message, so the second run is the first to be followed; where no label came
// of that, the fourth, the eighth and so on are. Sessions of channels and triggers are nobody's to read in a
// list. The caller holds the session's lock.
void follow_up(transaction& tx, run const& ended, run_settings const& settings);

// What the model is asked for such a run: the beginning of the conversation, then the run's own input.
model_request build_background_request(snapshot const& view, run const& r);

// What came of it, once it has succeeded. A label that stands there meanwhile stays. The caller holds the
// session's lock.
void apply_background(transaction& tx, run const& r);

} // namespace gatehouse::core
