#pragma once
#include "core/ports/random.hpp"
#include "core/storage/transaction.hpp"
#include "protocol/error.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::core {

struct token_request {
    std::string kind; // "admin", "client", "invite"
    std::string principal;
    std::vector<std::string> scopes;
    std::optional<std::string> label;
    std::optional<std::string> device_id; // only this device may connect with it
    std::optional<std::chrono::milliseconds> ttl;
};

// The text of a new token. Drawn before the transaction, which only ever sees its hash. Any thread.
std::string mint_token(random_source& random);

// Writes a token that was minted before; `hash` is that of its text. Database thread.
token issue_token(transaction& tx, token_request const& wanted, std::string const& hash);

// Ends a token and the connections that were made with it; once more is answered the same. Database thread.
result<token> revoke_token(transaction& tx, std::string const& token_id);

} // namespace gatehouse::core
