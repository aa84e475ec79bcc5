#pragma once
// Sees every commit in the moment it happens: what it added to the tapes, and who added it.
#include "core/runs/tape.hpp"
#include "tests/simulation/simulated_instance.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::simulation {

// What does not hold, as sentences that begin with the invariant's number.
using violations = std::vector<std::string>;

// What a tape tells of the run that it was copied from.
struct forked_from {
    std::string run_id;
    std::int64_t at_seq = 0; // items up to there are a copy
};
// Nothing where the item does not end a copy.
std::optional<forked_from> find_fork(core::tape_item const& item);

struct seen_tape {
    std::vector<core::tape_item> items;
    std::string owner; // of the newest lease on the tape
    std::int64_t epoch = 0;
};

class witness {
  public:
    witness(schedule& in, simulated_store& store, violations& found)
        : schedule_(in), store_(store), found_(found) {}

    void see(std::string const& instance_id, core::commit_signals const& signals);

    std::map<std::string, seen_tape> const& tapes() const { return tapes_; }
    std::uint64_t commits() const { return commits_; }

  private:
    void see_tape(std::string const& instance_id, std::string const& run_id);
    void check_writer(std::string const& instance_id, std::string const& run_id, core::tape_item const& item);

    schedule& schedule_;
    simulated_store& store_;
    violations& found_;
    std::map<std::string, seen_tape> tapes_;
    std::uint64_t commits_ = 0;
};

} // namespace gatehouse::simulation
