#pragma once
#include "core/tokens/token_store.hpp"
#include "persistence/sql.hpp"

namespace gatehouse::persistence {

// Tokens by the hash of their text.
class sql_token_store final : public core::token_store {
  public:
    explicit sql_token_store(sql& on) : sql_(on) {}

    std::optional<core::token> find(std::string const& token_id) const override;
    std::optional<core::token> find_by_hash(std::string const& hash) const override;
    std::vector<core::token> list(std::optional<std::string> const& after, std::int64_t limit) const override;
    bool any_of_kind(std::string const& kind) const override;
    std::vector<std::string> revoked_since(timestamp since) const override;
    void insert(core::token const& t) override;
    void save(core::token const& t) override;
    bool bind_device(std::string const& token_id, std::string const& device_id) override;
    std::vector<std::string> revoke_of_device(
        std::string const& device_id, std::optional<std::string> const& kind, timestamp when
    ) override;

  private:
    sql& sql_;
};

} // namespace gatehouse::persistence
