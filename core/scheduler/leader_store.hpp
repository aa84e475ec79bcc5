#pragma once
#include "protocol/timestamp.hpp"

#include <optional>
#include <string>

namespace gatehouse::core {

// Whose scheduler works. The leader holds on to it by its instance's lease alone, so there is nothing to
// renew.
class leader_store {
  public:
    virtual ~leader_store() = default;
    struct seat {
        std::optional<std::string> instance_id; // nobody, or one whose lease has lapsed: empty
        timestamp now{};                        // the database's clock
    };
    virtual seat look() const = 0;
    // Makes the instance the leader where nobody is. False: somebody was first.
    virtual bool take(std::string const& instance_id) = 0;
    virtual void give_up(std::string const& instance_id) = 0;
};

} // namespace gatehouse::core
