#include "tests/store_contract/same_fields.hpp"
#include "tests/store_contract/samples.hpp"
#include "tests/support/store_fixture.hpp"

namespace gatehouse::persistence {
namespace {

using namespace gatehouse::testing;
using core::snapshot;
using core::transaction;

class event_log_test : public store_fixture {
  protected:
    static core::event sample_event(std::string const& id) {
        return {
            .event_id = id,
            .topic = "run:run_1",
            .category = "runs",
            .session_id = "ses_1",
            .principal = "user:a",
            .type = "run.state_changed",
            .occurred_at = at(1),
            .payload = difficult_json
        };
    }
};
class idempotency_store_test : public store_fixture {};
class artifact_store_test : public store_fixture {
  protected:
    static core::artifact sample_artifact(std::string const& id, std::int64_t size) {
        return {
            .artifact_id = id,
            .size = size,
            .media_type = "text/plain",
            .name = difficult_text,
            .in_directory = false,
            .created_at = at(size)
        };
    }
    std::string read_bytes(std::int64_t offset, std::int64_t length) {
        return read([=](snapshot& seen) { return seen.artifacts().read("art_1", offset, length); });
    }
};
class instance_store_test : public store_fixture {
  protected:
    static core::instance sample_instance(std::string const& id) {
        return {
            .instance_id = id,
            .incarnation = "dir",
            .roles = {"edge", "worker"},
            .version = "1",
            .address = "127.0.0.1:1",
            .lease_ms = 10'000,
            .slots = 3,
            .started_at = at(1),
            .heartbeat_at = {}
        };
    }
};

TEST_P(event_log_test, events_come_back_behind_a_cursor) {
    auto shared = sample_event("e3");
    shared.session_id.reset();
    shared.principal.reset();
    write([=](transaction& tx) {
        tx.publish(sample_event("e1"));
        tx.publish(sample_event("e2"));
    });
    write([=](transaction& tx) { tx.publish(shared); });
    auto const page = read([](snapshot& seen) { return seen.events().read(0, 2); });
    ASSERT_EQ(page.events.size(), 2u);
    EXPECT_EQ(page.events[0].seq, 1);
    EXPECT_TRUE(same_fields(page.events[0].value, sample_event("e1")));
    auto const rest = read([](snapshot& seen) { return seen.events().read(2, 10); });
    ASSERT_EQ(rest.events.size(), 1u);
    EXPECT_EQ(rest.events[0].seq, 3);
    EXPECT_TRUE(same_fields(rest.events[0].value, shared));
    EXPECT_TRUE(read([](snapshot& seen) { return seen.events().read(3, 10); }).events.empty());
    EXPECT_EQ(read([](snapshot& seen) { return seen.events().head(); }), 3);
}

TEST_P(event_log_test, an_empty_log_has_an_epoch_and_an_oldest_seq) {
    EXPECT_EQ(read([](snapshot& seen) { return seen.events().head(); }), 0);
    EXPECT_EQ(read([](snapshot& seen) { return seen.events().read(0, 10).oldest_seq; }), 1);
    EXPECT_TRUE(same_fields(read([](snapshot& seen) { return seen.events().current_epoch(); }), {1, 1}));
    store_->run_from_outside("UPDATE meta SET value = '7' WHERE key = 'oldest_seq'");
    store_->run_from_outside("INSERT INTO log_epochs (epoch, timeline, first_seq) VALUES (2, 2, 5)");
    EXPECT_EQ(read([](snapshot& seen) { return seen.events().read(0, 10).oldest_seq; }), 7);
    EXPECT_TRUE(same_fields(read([](snapshot& seen) { return seen.events().current_epoch(); }), {2, 5}));
    EXPECT_EQ(read([](snapshot& seen) { return seen.events().epochs().size(); }), 2u);
}

TEST_P(idempotency_store_test, a_key_is_claimed_once_and_its_reply_kept) {
    core::idempotency_key const key{"user:a", "run.start", "k"};
    auto const claim = [&](core::idempotency_key of, char const* hash) {
        return write([=](transaction& tx) { return tx.idempotency().insert_or_find(of, hash, tx.now()); });
    };
    EXPECT_FALSE(claim(key, "hash"));
    EXPECT_EQ(claim(key, "hash")->reply, "");
    write([=](transaction& tx) { tx.idempotency().set_reply(key, difficult_json); });
    auto const found = claim(key, "other");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->request_hash, "hash");
    EXPECT_EQ(found->reply, difficult_json);
    EXPECT_FALSE(claim({"user:b", "run.start", "k"}, "hash"));
    EXPECT_FALSE(claim({"user:a", "run.input", "k"}, "hash"));
    write([=](transaction& tx) { tx.idempotency().remove(key); });
    EXPECT_FALSE(claim(key, "third"));
}

TEST_P(idempotency_store_test, old_keys_go_in_portions) {
    for (int i = 0; i < 5; ++i) {
        write([=](transaction& tx) {
            tx.idempotency().insert_or_find({"p", "m", std::to_string(i)}, "h", at(i));
        });
    }
    auto const remove = [this] {
        return write([](transaction& tx) { return tx.idempotency().remove_before(at(3), 2); });
    };
    EXPECT_EQ(remove(), 2);
    EXPECT_EQ(remove(), 1);
    EXPECT_EQ(remove(), 0);
}

TEST_P(idempotency_store_test, a_second_caller_waits_for_the_first_one_and_gets_its_reply) {
    std::vector<std::string> replies;
    core::idempotency_key const key{"p", "m", "k"};
    auto const call = [](persistence::db& on, core::idempotency_key of,
                         std::vector<std::string>& to) -> core::task<> {
        auto const work = [of](transaction& tx) -> std::string {
            if (auto found = tx.idempotency().insert_or_find(of, "h", tx.now())) return found->reply;
            tx.idempotency().set_reply(of, "made once");
            return "first";
        };
        to.push_back(co_await on.write(work));
    };
    for (int i = 0; i < 8; ++i) start(call(*db_, key, replies));
    wait_for_started();
    ASSERT_EQ(replies.size(), 8u);
    EXPECT_EQ(std::ranges::count(replies, "first"), 1);
    EXPECT_EQ(std::ranges::count(replies, "made once"), 7);
}

TEST_P(artifact_store_test, bytes_come_back_whole_and_in_ranges) {
    std::string data;
    for (int i = 0; i < 700'000; ++i) data += static_cast<char>(i * 7 + i / 256);
    auto const a = sample_artifact("art_1", static_cast<std::int64_t>(data.size()));
    write([&](transaction& tx) { tx.artifacts().put(a, data, "user:a"); });
    EXPECT_TRUE(same_fields(read([](snapshot& seen) { return seen.artifacts().find("art_1", "user:a"); }), a)
    );
    EXPECT_TRUE(read_bytes(0, a.size) == data);
    for (auto const& [offset, length] : std::vector<std::pair<std::size_t, std::size_t>>{
             {0, 1}, {262'143, 2}, {262'144, 10}, {200'000, 400'000}, {699'999, 100}, {700'000, 10}, {5, 0}
         }) {
        EXPECT_TRUE(
            read_bytes(static_cast<std::int64_t>(offset), static_cast<std::int64_t>(length)) ==
            data.substr(offset, length)
        ) << offset;
    }
}

TEST_P(artifact_store_test, a_large_one_stands_beside_a_file_and_in_a_store_that_others_share) {
    std::string const data(9 << 20, 'x');
    auto const a = sample_artifact("art_1", static_cast<std::int64_t>(data.size()));
    write([&](transaction& tx) { tx.artifacts().put(a, data, "user:a"); });
    EXPECT_EQ(
        read([](snapshot& seen) { return seen.artifacts().find("art_1", {})->in_directory; }), !is_postgres()
    );
    EXPECT_TRUE(read_bytes(1, a.size) == data.substr(1));
    EXPECT_EQ(store_->run_from_outside("SELECT count(*) FROM artifact_chunks"), is_postgres() ? "36" : "0");
}

TEST_P(artifact_store_test, each_principal_sees_its_own) {
    write([](transaction& tx) {
        tx.artifacts().put(sample_artifact("art_1", 3), "abc", "user:a");
        tx.artifacts().put(sample_artifact("art_1", 3), "abc", "user:b");
        tx.artifacts().put(sample_artifact("art_2", 4), "abcd", "user:a");
        auto large = sample_artifact("art_3", 5);
        large.in_directory = true;
        tx.artifacts().put(large, "", "user:b");
    });
    auto const list = [this](std::optional<std::string> principal, std::optional<std::string> after) {
        std::vector<std::string> out;
        for (auto const& each :
             read([=](snapshot& seen) { return seen.artifacts().list(principal, after, 10); })) {
            out.push_back(each.artifact_id);
        }
        return out;
    };
    using names = std::vector<std::string>;
    EXPECT_EQ(list("user:a", {}), (names{"art_2", "art_1"})) << "newest first";
    EXPECT_EQ(list("user:b", {}), (names{"art_3", "art_1"}));
    EXPECT_EQ(list({}, "art_3"), (names{"art_2", "art_1"}));
    EXPECT_FALSE(read([](snapshot& seen) { return seen.artifacts().find("art_2", "user:b"); }));
    EXPECT_TRUE(read([](snapshot& seen) { return seen.artifacts().find("art_2", {}); }));
    EXPECT_EQ(read_bytes(0, 10), "abc");
}

TEST_P(instance_store_test, a_process_lives_while_its_heart_beats) {
    write([](transaction& tx) {
        tx.instances().insert(sample_instance("ins_1"));
        tx.instances().insert(sample_instance("ins_2"));
        auto other = sample_instance("ins_3");
        other.incarnation = "elsewhere";
        tx.instances().insert(other);
    });
    auto const ids = [](std::vector<core::instance> const& list) {
        std::vector<std::string> out;
        for (auto const& each : list) out.push_back(each.instance_id);
        return out;
    };
    using names = std::vector<std::string>;
    auto const all = read([](snapshot& seen) { return seen.instances().list(); });
    EXPECT_EQ(ids(all), (names{"ins_1", "ins_2", "ins_3"}));
    auto expected = sample_instance("ins_1");
    expected.heartbeat_at = all[0].heartbeat_at;
    EXPECT_TRUE(same_fields(all[0], expected));
    EXPECT_EQ(
        ids(read([](snapshot& seen) { return seen.instances().predecessors("dir", "ins_2"); })),
        names{"ins_1"}
    );
    EXPECT_TRUE(write([](transaction& tx) { return tx.instances().lock_lapsed("ins_1"); }).empty());
    store_->run_from_outside(
        "UPDATE instances SET heartbeat_at = heartbeat_at - 60000, lease_ms = 1 WHERE instance_id <> 'ins_3'"
    );
    EXPECT_TRUE(write([](transaction& tx) { return tx.instances().heartbeat("ins_1"); }));
    EXPECT_TRUE(read([](snapshot& seen) { return seen.instances().any_lapsed("ins_1"); }));
    EXPECT_EQ(
        ids(write([](transaction& tx) { return tx.instances().lock_lapsed("ins_1"); })), names{"ins_2"}
    );
    write([](transaction& tx) { tx.instances().remove("ins_1"); });
    EXPECT_FALSE(write([](transaction& tx) { return tx.instances().heartbeat("ins_1"); }));
}

TEST_P(instance_store_test, a_fact_keeps_its_first_value) {
    auto const put = [this](std::string value) {
        return write([=](transaction& tx) { return tx.meta().put_if_absent("gateway_id", value); });
    };
    EXPECT_EQ(read([](snapshot& seen) { return seen.meta().get("gateway_id"); }), std::nullopt);
    EXPECT_EQ(put("gw_1"), "gw_1");
    EXPECT_EQ(put("gw_2"), "gw_1");
}

ON_BOTH_STORES(event_log_test);
ON_BOTH_STORES(idempotency_store_test);
ON_BOTH_STORES(artifact_store_test);
ON_BOTH_STORES(instance_store_test);

} // namespace
} // namespace gatehouse::persistence
