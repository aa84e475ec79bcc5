#include "core/runs/tape.hpp"

#include "tests/support/manual_clock.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <functional>

namespace gatehouse::core {
namespace {

using testing::manual_clock;
using namespace std::chrono_literals;

// Computed outside, with sha256 over prev_hash, seq, kind, occurred_at and the canonical payload.
constexpr auto first_hash = "cb62ae6744589ced24c1afc082b1801a73641cf647b83ba5afe5296c105c4dc8";
constexpr auto second_hash = "4aa6404a11d695df10ec13e423d51882db1d7a6fed849abbbd5cd7255da89740";

tape_item first_item() {
    return make_tape_item(
        0, std::string(tape_genesis_hash), "status_change", manual_clock::new_year, {{"to", "accepted"}}
    );
}

tape_item second_item() {
    auto const payload = boost::json::parse(R"({ "text": "Grüße\n\"x\"", "a": [1, true, null] })");
    return make_tape_item(1, first_hash, "input", manual_clock::new_year + 1005ms, payload);
}

std::vector<tape_item> make_tape(int items) {
    std::vector<tape_item> made;
    std::string head(tape_genesis_hash);
    for (int i = 0; i < items; ++i) {
        made.push_back(make_tape_item(i, head, "note", manual_clock::new_year + i * 1ms, {{"n", i}}));
        head = made.back().hash;
    }
    return made;
}

tape_verifier verify(std::vector<tape_item> const& items, std::size_t page = 1000) {
    tape_verifier verifier;
    for (std::size_t at = 0; at < items.size(); at += page)
        verifier.add(std::span(items).subspan(at, std::min(page, items.size() - at)));
    return verifier;
}

TEST(tape_test, the_chain_is_the_one_computed_by_hand) {
    auto const first = first_item();
    EXPECT_EQ(first.seq, 1);
    EXPECT_EQ(first.prev_hash, std::string(64, '0'));
    EXPECT_EQ(first.payload, R"({"to":"accepted"})");
    EXPECT_EQ(first.hash, first_hash);
    auto const second = second_item();
    EXPECT_EQ(second.seq, 2);
    EXPECT_EQ(second.prev_hash, first_hash);
    EXPECT_EQ(second.payload, "{\"a\":[1,true,null],\"text\":\"Grüße\\n\\\"x\\\"\"}");
    EXPECT_EQ(second.hash, second_hash);
}

TEST(tape_test, a_sound_tape_verifies_whatever_the_pages_are) {
    auto const items = make_tape(10);
    for (std::size_t page : {1, 3, 9, 10, 11}) {
        auto const verified = verify(items, page);
        EXPECT_FALSE(verified.first_bad_seq());
        EXPECT_EQ(verified.items(), 10);
        EXPECT_EQ(verified.head_seq(), 10);
        EXPECT_EQ(verified.head_hash(), items.back().hash);
    }
    EXPECT_EQ(verify({}).items(), 0);
    EXPECT_EQ(verify({}).head_hash(), tape_genesis_hash);
}

TEST(tape_test, every_kind_of_damage_is_found_where_it_is) {
    using damage = std::function<void(std::vector<tape_item>&)>;
    struct {
        char const* what;
        damage harm;
        std::int64_t first_bad_seq;
    } const cases[]{
        {"payload edited", [](auto& t) { t[3].payload = R"({"n":9})"; }, 4},
        {"kind edited", [](auto& t) { t[3].kind = "input"; }, 4},
        {"time edited", [](auto& t) { t[3].occurred_at += 1ms; }, 4},
        {"hash edited", [](auto& t) { t[3].hash[0] = t[3].hash[0] == '0' ? '1' : '0'; }, 4},
        {"prev_hash edited", [](auto& t) { t[3].prev_hash = t[0].hash; }, 4},
        {"seq edited", [](auto& t) { t[3].seq = 40; }, 40},
        {"first one missing", [](auto& t) { t.erase(t.begin()); }, 2},
        {"one in the middle missing", [](auto& t) { t.erase(t.begin() + 3); }, 5},
        {"two exchanged", [](auto& t) { std::swap(t[3], t[4]); }, 5},
        {"one twice", [](auto& t) { t.insert(t.begin() + 3, t[3]); }, 4},
        {"edited and hashed anew",
         [](auto& t) {
             t[3].payload = R"({"n":9})";
             t[3].hash = tape_hash(t[3].prev_hash, t[3].seq, t[3].kind, t[3].occurred_at, t[3].payload);
         },
         5},
    };
    for (auto const& c : cases) {
        for (std::size_t page : {1, 4, 100}) {
            auto items = make_tape(8);
            c.harm(items);
            EXPECT_EQ(verify(items, page).first_bad_seq(), c.first_bad_seq) << c.what;
        }
    }
}

TEST(tape_test, a_tape_cut_at_its_end_is_sound_in_itself_but_ends_at_another_head) {
    auto items = make_tape(8);
    auto const whole_head = items.back().hash;
    items.pop_back();
    EXPECT_FALSE(verify(items).first_bad_seq());
    EXPECT_NE(verify(items).head_hash(), whole_head);
    EXPECT_EQ(verify(items).head_seq(), 7);
}

} // namespace
} // namespace gatehouse::core
