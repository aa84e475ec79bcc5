#include "core/runs/tape.hpp"

#include "protocol/canonical_json.hpp"
#include "protocol/digest.hpp"

namespace gatehouse::core {

std::string tape_hash(
    std::string_view prev_hash, std::int64_t seq, std::string_view kind, timestamp occurred_at,
    std::string_view payload
) {
    std::string hashed;
    hashed.reserve(prev_hash.size() + kind.size() + payload.size() + 64);
    hashed.append(prev_hash).append("\n").append(std::to_string(seq)).append("\n").append(kind).append("\n");
    hashed.append(format_timestamp(occurred_at)).append("\n").append(payload);
    return sha256_hex(hashed);
}

tape_item make_tape_item(
    std::int64_t head_seq, std::string const& head_hash, std::string kind, timestamp occurred_at,
    boost::json::value const& payload
) {
    tape_item item;
    item.seq = head_seq + 1;
    item.kind = std::move(kind);
    item.occurred_at = occurred_at;
    item.payload = canonical_json(payload);
    item.prev_hash = head_hash;
    item.hash = tape_hash(item.prev_hash, item.seq, item.kind, item.occurred_at, item.payload);
    return item;
}

void tape_verifier::add(std::span<tape_item const> page) {
    for (auto const& item : page) {
        bool follows =
            item.seq == seq_ + 1 && item.prev_hash == hash_ &&
            item.hash == tape_hash(item.prev_hash, item.seq, item.kind, item.occurred_at, item.payload);
        if (!follows && !first_bad_seq_) first_bad_seq_ = item.seq;
        seq_ = item.seq;
        hash_ = item.hash;
        ++items_;
    }
}

} // namespace gatehouse::core
