#include "core/nodes/node_router.hpp"

#include "core/artifacts/make_artifact.hpp"
#include "core/nodes/connect_node.hpp"
#include "core/nodes/create_call.hpp"
#include "tests/support/store_fixture.hpp"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

class link final : public node_link {
  public:
    void send_invoke(invocation const& call) override { invoked.push_back(call); }
    void send_cancel(std::string const& invocation_id) override { cancelled.push_back(invocation_id); }
    void close_replaced() override { replaced = true; }
    void on_device_changed() override { ++changes; }

    std::vector<invocation> invoked;
    strings cancelled;
    bool replaced = false;
    int changes = 0;
};

class node_router_test : public testing::store_fixture {
  protected:
    void SetUp() override {
        store_fixture::SetUp();
        if (IsSkipped()) return;
        put_node(1);
        db_->set_commit_listener([this](commit_signals const& s) {
            if (router_) router_->on_signals(s);
        });
        router_ = std::make_unique<node_router>(loop_, *db_, secrets_);
    }
    void TearDown() override {
        if (router_) stop_router();
        store_fixture::TearDown();
    }
    void stop_router() {
        router_->stop_waiting();
        wait_for_started();
        // What waits for its time to ask the store again ends with that.
        bool stopped = false;
        start([](node_router& router, bool& done) -> task<> {
            co_await router.stop();
            done = true;
        }(*router_, stopped));
        loop_.advance_until([&] { return stopped; }, 500ms);
        router_.reset();
    }

    void put_node(std::int64_t epoch) {
        node n;
        n.device_id = "dev_1";
        n.label = "box";
        n.trust = "remote";
        n.connection_epoch = epoch;
        n.instance_id = "ins_a";
        n.capabilities =
            R"([{"id":"fs","version":"1","operations":[{"name":"read","risk":"read","input_schema":{},
            "output_schema":{"type":"string"}}]}])";
        write([n](transaction& tx) { tx.nodes().put(n); });
    }
    // By the instance that holds connection `epoch`, or by one that holds none.
    invocation make_call(std::int64_t epoch = 1, std::string instance = "ins_a") {
        call_request wanted;
        wanted.node = {"dev_1", "box", "", "ins_a", epoch, {}};
        wanted.capability = "fs";
        wanted.operation = "read";
        wanted.principal = "ada";
        wanted.timeout = 30s;
        wanted.queue_ttl = 10s;
        return write([=](transaction& tx) { return create_call(tx, wanted, instance); });
    }
    void wait_for(invocation const& call, std::optional<invocation>& to) {
        start([](node_router& router, invocation c, cancellation& stop, auto& row) -> task<> {
            row = co_await router.wait(std::move(c), stop);
        }(*router_, call, stop_, to));
    }
    void answer(invocation const& call, boost::json::value result, std::int64_t epoch) {
        call_answer a;
        a.invocation_id = call.invocation_id;
        a.connection_epoch = epoch;
        a.result = std::move(result);
        router_->on_answer(a);
    }
    invocation row_of(invocation const& call) {
        return *read([id = call.invocation_id](snapshot& view) { return view.invocations().find(id); });
    }

    secret_filter secrets_;
    std::unique_ptr<node_router> router_;
    cancellation stop_;
};
ON_BOTH_STORES(node_router_test);

TEST_P(node_router_test, a_call_goes_to_the_connection_and_its_answer_to_who_waits) {
    link l;
    router_->attach("dev_1", 1, l);
    auto call = make_call();
    EXPECT_EQ(call.state, "sent");
    router_->deliver(call);
    ASSERT_EQ(l.invoked.size(), 1);
    std::optional<invocation> row;
    wait_for(call, row);
    answer(call, "text", 1);
    ASSERT_TRUE(loop_.run_until([&] { return row.has_value(); }));
    EXPECT_EQ(row->state, "succeeded");
    EXPECT_EQ(row->result, "\"text\"");
    EXPECT_EQ(loop_.timers(), 0);
}

TEST_P(node_router_test, a_call_for_a_connection_elsewhere_is_queued_and_taken_when_the_node_comes) {
    auto call = make_call(1, "ins_b");
    EXPECT_EQ(call.state, "queued");
    EXPECT_EQ(call.connection_epoch, 0);
    link l;
    router_->attach("dev_1", 1, l);
    ASSERT_TRUE(loop_.run_until([&] { return l.invoked.size() == 1; }));
    EXPECT_EQ(row_of(call).state, "sent");
    auto second = make_call(1, "ins_b"); // its signal wakes the router
    ASSERT_TRUE(loop_.run_until([&] { return l.invoked.size() == 2; }));
    EXPECT_EQ(l.invoked[1].invocation_id, second.invocation_id);
}

TEST_P(node_router_test, a_call_goes_out_again_on_the_next_connection_whose_answer_alone_counts) {
    link first;
    link second;
    router_->attach("dev_1", 1, first);
    auto call = make_call();
    router_->deliver(call);
    std::optional<invocation> row;
    wait_for(call, row);
    router_->attach("dev_1", 2, second);
    EXPECT_TRUE(first.replaced);
    ASSERT_TRUE(loop_.run_until([&] { return second.invoked.size() == 1; }));
    EXPECT_EQ(second.invoked[0].idempotency_key, call.idempotency_key);
    answer(call, "late", 1);
    answer(call, "fresh", 2);
    ASSERT_TRUE(loop_.run_until([&] { return row.has_value(); }));
    EXPECT_EQ(row->result, "\"fresh\"");
    router_->detach("dev_1", 1); // the old one's end does not touch the new one
    router_->deliver(make_call(2));
    EXPECT_EQ(second.invoked.size(), 2);
}

TEST_P(node_router_test, a_call_whose_connection_is_lost_waits_for_the_next_one_and_no_longer_than_it_may) {
    link l;
    router_->attach("dev_1", 1, l);
    auto call = make_call();
    router_->deliver(call);
    std::optional<invocation> row;
    wait_for(call, row);
    time_.advance(25s);
    router_->detach("dev_1", 1);
    ASSERT_TRUE(loop_.run_until([&] { return row_of(call).state == "queued"; }));
    EXPECT_FALSE(read([](snapshot& view) { return view.nodes().find("dev_1")->instance_id; }));
    auto expire = [&] {
        bool done = false;
        start([](node_router& router, bool& out) -> task<> {
            co_await router.expire_calls();
            out = true;
        }(*router_, done));
        loop_.run_until([&] { return done; });
    };
    loop_.advance(10s); // no timer of the lost connection is left
    time_.advance(9'999ms);
    expire();
    EXPECT_FALSE(row);
    time_.advance(1ms);
    expire();
    ASSERT_TRUE(loop_.run_until([&] { return row.has_value(); }));
    EXPECT_EQ(row->state, "failed") << "the node may have begun it: under this key it is not made anew";
    EXPECT_NE(row->error->find("connection was lost"), std::string::npos) << *row->error;
}

TEST_P(node_router_test, a_call_on_another_process_connection_is_left_to_that) {
    auto call = make_call();
    router_->deliver(call); // its run was taken over by this process
    loop_.advance(1s);
    EXPECT_EQ(row_of(call).state, "sent");
}

TEST_P(node_router_test, a_call_that_was_written_for_a_connection_that_is_gone_goes_to_the_next_one) {
    auto call = make_call();
    write([](transaction& tx) { disconnect_node(tx, "dev_1", 1); });
    write([id = call.invocation_id](transaction& tx) {
        auto row = *tx.invocations().lock(id);
        row.state = "sent"; // by a transaction that did not see that
        tx.invocations().save(row);
    });
    router_->deliver(call);
    ASSERT_TRUE(loop_.run_until([&] { return row_of(call).state == "queued"; }));
    link l;
    router_->attach("dev_1", 2, l);
    ASSERT_TRUE(loop_.run_until([&] { return l.invoked.size() == 1; }));
    EXPECT_EQ(l.invoked[0].idempotency_key, call.idempotency_key);
}

TEST_P(node_router_test, an_older_connection_that_comes_late_is_replaced_at_once) {
    link newer;
    link older;
    router_->attach("dev_1", 2, newer);
    router_->attach("dev_1", 1, older);
    EXPECT_TRUE(older.replaced);
    EXPECT_FALSE(newer.replaced);
    loop_.run_until_idle();
}

TEST_P(node_router_test, a_node_that_does_not_answer_is_told_to_stop) {
    link l;
    router_->attach("dev_1", 1, l);
    auto call = make_call();
    router_->deliver(call);
    std::optional<invocation> row;
    wait_for(call, row);
    loop_.advance(30s);
    ASSERT_TRUE(loop_.run_until([&] { return row.has_value(); }));
    EXPECT_EQ(row->state, "failed");
    EXPECT_NE(row->error->find("deadline_exceeded"), std::string::npos);
    EXPECT_EQ(l.cancelled, strings{call.invocation_id});
}

TEST_P(node_router_test, a_call_that_was_cancelled_elsewhere_is_taken_back) {
    link l;
    router_->attach("dev_1", 1, l);
    auto call = make_call();
    router_->deliver(call);
    std::optional<invocation> row;
    wait_for(call, row);
    write([id = call.invocation_id](transaction& tx) {
        call_answer a;
        a.invocation_id = id;
        a.state = "cancelled";
        return finish_call(tx, a);
    });
    ASSERT_TRUE(loop_.run_until([&] { return row.has_value(); }));
    EXPECT_EQ(row->state, "cancelled");
    EXPECT_EQ(l.cancelled, strings{call.invocation_id});
}

TEST_P(node_router_test, no_call_outlives_its_time_without_anybody_to_wait_for_it) {
    auto queued = make_call(1, "ins_b");
    auto sent = make_call(); // by a process that died before it could send it
    auto expire = [&] {
        start(router_->expire_calls());
        wait_for_started();
    };
    time_.advance(9'999ms);
    expire();
    EXPECT_EQ(row_of(queued).state, "queued");
    time_.advance(1ms);
    expire();
    EXPECT_EQ(row_of(queued).state, "expired");
    EXPECT_EQ(row_of(sent).state, "sent");
    time_.advance(30s);
    expire();
    EXPECT_EQ(row_of(sent).state, "failed");
    EXPECT_NE(row_of(sent).error->find("deadline_exceeded"), std::string::npos);
}

TEST_P(node_router_test, an_answer_is_kept_through_a_failing_store) {
    link l;
    router_->attach("dev_1", 1, l);
    auto call = make_call();
    router_->deliver(call);
    std::optional<invocation> row;
    wait_for(call, row);
    loop_.run_until_idle();
    failures_.fail_at(1);
    answer(call, "text", 1);
    ASSERT_TRUE(loop_.advance_until([&] { return row.has_value(); }, 500ms));
    EXPECT_EQ(row->result, "\"text\"");
    EXPECT_EQ(l.invoked.size(), 1);
}

TEST_P(node_router_test, a_store_that_does_not_answer_at_once_is_asked_again) {
    auto call = make_call(1, "ins_b");
    link l;
    failures_.fail_at(1);
    router_->attach("dev_1", 1, l);
    ASSERT_TRUE(loop_.advance_until([&] { return l.invoked.size() == 1; }, 500ms));
}

TEST_P(node_router_test, a_call_that_ended_elsewhere_is_read_until_the_store_answers) {
    auto elsewhere = make_call(2, "ins_b");
    call_answer a;
    a.invocation_id = elsewhere.invocation_id;
    a.result = "text";
    write([a](transaction& tx) { return finish_call(tx, a); });
    std::optional<invocation> row;
    failures_.fail_at(0);
    wait_for(elsewhere, row);
    ASSERT_TRUE(loop_.advance_until([&] { return row.has_value(); }, 500ms));
    EXPECT_TRUE(failures_.has_failed());
    EXPECT_EQ(row->state, "succeeded");
}

TEST_P(node_router_test, a_result_that_breaks_the_nodes_own_schema_is_a_failure) {
    auto call = make_call();
    call_answer a;
    a.invocation_id = call.invocation_id;
    a.connection_epoch = 1;
    a.result = 7;
    a.evidence = {{{"name", "log"}, {"media_type", "text/plain"}, {"data_base64", "aGk="}}};
    write([a](transaction& tx) { return finish_call(tx, a); });
    auto row = row_of(call);
    EXPECT_EQ(row.state, "failed");
    EXPECT_FALSE(row.result);
    EXPECT_NE(row.error->find("capability_failed"), std::string::npos);
    EXPECT_NE(row.evidence.find("art_"), std::string::npos);
    a.result = "a second answer";
    write([a](transaction& tx) { return finish_call(tx, a); });
    EXPECT_EQ(row_of(call).state, "failed");
}

TEST_P(node_router_test, evidence_can_only_name_what_the_node_itself_has_put) {
    auto own = make_artifact("own", "text/plain", "own", time_.now());
    auto foreign = make_artifact("foreign", "text/plain", "foreign", time_.now());
    write([own, foreign](transaction& tx) {
        tx.artifacts().put(own, "own", "node:dev_1");
        tx.artifacts().put(foreign, "foreign", "bob");
    });
    auto call = make_call();
    call_answer a;
    a.invocation_id = call.invocation_id;
    a.connection_epoch = 1;
    a.result = "text";
    for (auto const& id : {own.artifact_id, foreign.artifact_id, std::string("art_unknown")})
        a.evidence.push_back({{"name", "log"}, {"media_type", "text/plain"}, {"artifact_id", id}});
    write([a](transaction& tx) { return finish_call(tx, a); });
    EXPECT_NE(row_of(call).evidence.find(own.artifact_id), std::string::npos);
    EXPECT_EQ(row_of(call).evidence.find(foreign.artifact_id), std::string::npos);
    auto may_read = [&](artifact const& one) {
        return read([id = one.artifact_id](snapshot& view) { return view.artifacts().find(id, "ada"); }
        ).has_value();
    };
    EXPECT_TRUE(may_read(own));
    EXPECT_FALSE(may_read(foreign));
}

} // namespace
} // namespace gatehouse::core
