#pragma once
// What people do with triggers. Database thread.
#include "core/runs/change_run.hpp"
#include "core/storage/transaction.hpp"
#include "protocol/error.hpp"

#include <string>

namespace gatehouse::core {

// not_found where there is none of that name or it is another principal's, which who sees all may see.
result<trigger> find_trigger(snapshot const& view, std::string const& name, actor const& who);

// Makes the caller's trigger or replaces it whole; a slot that its times still have stays the next one.
// invalid_params names the member: one that its kind needs or does not have, an expression that is none or
// is never due, an unknown zone, agent or attachment, a session of somebody else. wrong_state: the name is
// another principal's, for who sees all too, since a trigger never changes hands.
result<trigger> put_trigger(transaction& tx, trigger wanted, actor const& who);

// Its slots stay recorded until they are old.
result<void> delete_trigger(transaction& tx, std::string const& name, actor const& who);

} // namespace gatehouse::core
