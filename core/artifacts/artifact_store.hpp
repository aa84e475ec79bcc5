#pragma once
#include "protocol/timestamp.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::core {

// Bytes named by their hash. They stand in the store; beside a SQLite file those over 8 MiB stand in a
// directory (persistence/artifact_directory).
struct artifact {
    std::string artifact_id;
    std::int64_t size = 0;
    std::string media_type;
    std::optional<std::string> name;
    bool in_directory = false;
    timestamp created_at{};
};

class artifact_store {
  public:
    virtual ~artifact_store() = default;
    // Only where `principal` owns it; no principal: whoever does (scope admin).
    virtual std::optional<artifact>
    find(std::string const& artifact_id, std::optional<std::string> const& principal) const = 0;
    virtual std::vector<artifact> list(
        std::optional<std::string> const& principal, std::optional<std::string> const& after,
        std::int64_t limit
    ) const = 0;
    // Bytes from `offset`, at most `length`.
    virtual std::string
    read(std::string const& artifact_id, std::int64_t offset, std::int64_t length) const = 0;
    // Stores it once and notes the owner; the same bytes of another principal are the same artifact. No
    // `bytes`, for an artifact that is known, only add an owner.
    virtual void put(artifact const& a, std::string_view bytes, std::string const& principal) = 0;
};

} // namespace gatehouse::core
