#include "tests/unit/app/methods/method_fixture.hpp"

namespace gatehouse::testing {

using protocol::scope;

void method_fixture::SetUp() {
    store_fixture::SetUp();
    if (IsSkipped()) return;
    settings_.instance_id = instance_id;
    settings_.slots = slots();
    facts_ = {"gw_test",   instance_id, is_postgres() ? "postgresql" : "sqlite", 1, {"edge", "worker"},
              loop_.now(), {}};
    models_ = std::make_unique<only_demo>(loop_);
    relay_ = std::make_unique<core::event_relay>(loop_, *db_, store_time_, ids_);
    tapes_ = std::make_unique<core::tape_feed>(loop_, *db_);
    nodes_ = std::make_unique<core::node_router>(loop_, *db_, secrets_);
    environment_.reset(new core::run_environment{
        loop_, *db_, store_time_, random_, *models_, *nodes_, *relay_, secrets_, lease_, settings_
    });
    worker_ = std::make_unique<core::worker>(*environment_);
    services_.reset(new app::services{
        {loop_, *db_, store_time_, random_, settings_, *worker_, *relay_, *tapes_, *nodes_, secrets_, facts_,
         limits_}
    });
    dispatcher_ = std::make_unique<app::dispatcher>(loop_, app::make_method_table(*services_));
    db_->set_commit_listener([this](core::commit_signals const& signals) {
        worker_->on_signals(signals);
        tapes_->on_signals(signals);
        nodes_->on_signals(signals);
    });
}

void method_fixture::TearDown() {
    if (worker_) {
        nodes_->stop_waiting();
        start(worker_->stop());
        start(dispatcher_->drain());
        start(nodes_->stop());
        wait_for_started();
        db_->set_commit_listener({});
    }
    store_fixture::TearDown();
}

app::peer method_fixture::peer_of(std::string principal, std::vector<scope> const& scopes) const {
    app::peer made;
    made.connection_id = "conn_test";
    made.principal = std::move(principal);
    made.token_id = "tok_test";
    made.token_kind = "client";
    for (auto s : scopes) made.scopes.add(s);
    return made;
}

app::peer method_fixture::alice() const {
    return peer_of("user:alice", {scope::read, scope::write, scope::approve, scope::pair});
}
app::peer method_fixture::bob() const {
    return peer_of("user:bob", {scope::read, scope::write, scope::approve, scope::pair});
}
app::peer method_fixture::admin() const { return peer_of("user:admin", {scope::admin}); }

app::peer method_fixture::node_peer() const {
    auto made = peer_of("node:dev_desk", {});
    made.role = protocol::peer_role::node;
    made.device_id = "dev_desk";
    return made;
}

std::shared_ptr<method_fixture::pending>
method_fixture::begin(std::string_view method, std::string_view params, app::peer const& from) {
    auto call = std::make_shared<pending>();
    call->what = std::string(method) + std::string(params);
    auto value = parse_own_json(params);
    dispatcher_->call(from, app::transport::ws, method, value.as_object(), [call](app::reply_text reply) {
        call->reply = std::move(reply);
        call->done = true;
    });
    return call;
}

result<json::object> method_fixture::finish(std::shared_ptr<pending> const& call) {
    if (!loop_.run_until([&] { return call->done; }))
        throw std::runtime_error("the call is not answered: " + call->what);
    return map_result(call->reply, [](std::string const& text) { return parse_own_json(text).as_object(); });
}

result<json::object>
method_fixture::call(std::string_view method, std::string_view params, app::peer const& from) {
    return finish(begin(method, params, from));
}

json::object method_fixture::must(std::string_view method, std::string_view params, app::peer const& from) {
    auto reply = call(method, params, from);
    if (!reply) throw std::runtime_error(std::string(method) + ": " + reply.error().message);
    return *reply;
}

errc method_fixture::code_of(std::string_view method, std::string_view params, app::peer const& from) {
    auto reply = call(method, params, from);
    if (reply) throw std::runtime_error(std::string(method) + " succeeded: " + json::serialize(*reply));
    return reply.error().code;
}

void method_fixture::add_node(std::vector<std::string> allow, bool is_online) {
    core::node n;
    n.device_id = "dev_desk";
    n.public_key = std::string(43, 'A');
    n.label = "desk";
    n.platform = "linux";
    n.trust = "remote";
    n.allow = std::move(allow);
    n.capabilities = R"([{"id":"test","version":"1","operations":[
        {"name":"look","description":"","risk":"read","idempotent":true,
         "input_schema":{"type":"object","properties":{"key":{"type":"string"}},"additionalProperties":false}},
        {"name":"act","description":"","risk":"dangerous","idempotent":false,
         "input_schema":{"type":"object","properties":{"key":{"type":"string"}},"required":["key"]}}]}])";
    n.connection_epoch = 1;
    if (is_online) n.instance_id = instance_id;
    n.created_at = time_.now();
    write([n](core::transaction& tx) { tx.nodes().put(n); });
    if (is_online) nodes_->attach(n.device_id, n.connection_epoch, desk_);
}

void method_fixture::answer(core::invocation const& asked, json::value result) {
    core::call_answer given;
    given.invocation_id = asked.invocation_id;
    given.connection_epoch = 1;
    given.result = std::move(result);
    nodes_->on_answer(std::move(given));
}

void method_fixture::wait_until_asked(std::size_t times) {
    if (!loop_.run_until([&] { return desk_.asked.size() >= times; }))
        throw std::runtime_error("the node is not asked");
}

} // namespace gatehouse::testing
