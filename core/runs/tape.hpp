#pragma once
// The tape of a run: dense, immutable, hash-chained (protocol.md 7).
#include "core/runs/run.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gatehouse::core {

// What stands before the first item.
inline constexpr std::string_view tape_genesis_hash =
    "0000000000000000000000000000000000000000000000000000000000000000";

// hex SHA-256 over prev_hash, seq, kind, occurred_at and the canonical payload, each but the last ended by
// "\n".
std::string tape_hash(
    std::string_view prev_hash, std::int64_t seq, std::string_view kind, timestamp occurred_at,
    std::string_view payload
);

// The item that follows the head (seq, hash).
tape_item make_tape_item(
    std::int64_t head_seq, std::string const& head_hash, std::string kind, timestamp occurred_at,
    boost::json::value const& payload
);

// Checks a tape page by page against its own chain.
class tape_verifier {
  public:
    void add(std::span<tape_item const> page);
    // The first item that doesn't follow from the one before it.
    std::optional<std::int64_t> first_bad_seq() const { return first_bad_seq_; }
    std::int64_t items() const { return items_; }
    std::int64_t head_seq() const { return seq_; }
    std::string const& head_hash() const { return hash_; }

  private:
    std::int64_t seq_ = 0;
    std::int64_t items_ = 0;
    std::string hash_{tape_genesis_hash};
    std::optional<std::int64_t> first_bad_seq_;
};

} // namespace gatehouse::core
