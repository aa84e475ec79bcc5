#include "core/runs/verify_run.hpp"

#include "core/runs/tape.hpp"

#include <algorithm>

namespace gatehouse::core {

namespace {

constexpr std::int64_t page_size = 500;

} // namespace

result<tape_verdict> verify_run(snapshot const& view, std::string const& run_id, actor const& who) {
    auto checked = find_run(view, run_id, who);
    if (!checked) return std::unexpected(checked.error());
    tape_verifier verifier;
    std::int64_t read_to = 0;
    for (;;) {
        auto page = view.runs().tape(run_id, read_to, page_size);
        verifier.add(page);
        if (static_cast<std::int64_t>(page.size()) < page_size) break;
        read_to = page.back().seq;
    }
    tape_verdict verdict{verifier.items(), verifier.first_bad_seq()};
    bool ends_at_head =
        verifier.head_seq() == checked->tape_seq && verifier.head_hash() == checked->tape_hash;
    if (!verdict.first_bad_seq && !ends_at_head) {
        bool is_cut = verifier.head_seq() < checked->tape_seq;
        verdict.first_bad_seq =
            is_cut ? verifier.head_seq() + 1 : std::max<std::int64_t>(1, checked->tape_seq);
    }
    return verdict;
}

} // namespace gatehouse::core
