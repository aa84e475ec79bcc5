#pragma once
#include "core/artifacts/artifact_store.hpp"
#include "persistence/artifact_directory.hpp"
#include "persistence/sql.hpp"

namespace gatehouse::persistence {

// Artifacts: what is known of them, and the bytes of those up to 8 MiB in chunks; larger
// ones stand in a directory.
class sql_artifact_store final : public core::artifact_store {
  public:
    sql_artifact_store(sql& on, artifact_directory directory) : sql_(on), directory_(std::move(directory)) {}

    std::optional<core::artifact>
    find(std::string const& artifact_id, std::optional<std::string> const& principal) const override;
    std::vector<core::artifact> list(
        std::optional<std::string> const& principal, std::optional<std::string> const& after,
        std::int64_t limit
    ) const override;
    std::string read(std::string const& artifact_id, std::int64_t offset, std::int64_t length) const override;
    void put(core::artifact const& a, std::string_view data, std::string const& principal) override;

  private:
    sql& sql_;
    artifact_directory directory_;
};

} // namespace gatehouse::persistence
