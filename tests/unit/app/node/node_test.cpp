#include "app/node/node.hpp"

#include "app/net/server.hpp"
#include "protocol/encoding.hpp"
#include "protocol/json_schema/schema.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/run_on_loop.hpp"
#include "tests/support/seeded_random.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace gatehouse::app::node {
namespace {

namespace json = boost::json;

std::string const invite = "gth_" + std::string(43, 'I');
std::string const node_token = "gth_" + std::string(43, 'T');

// Plays the gateway: checks the proof, then does what the test says.
class fake_gateway final : public net::application_port {
  public:
    class peer final : public net::peer_session {
      public:
        peer(fake_gateway& gateway, std::string token) : gateway_(gateway), token_(std::move(token)) {}
        void on_open(net::outbound& out) override {
            out_ = &out;
            gateway_.current = this;
            send(
                {{"method", "connect.challenge"},
                 {"params",
                  {{"nonce", nonce},
                   {"gateway_id", "gw_1"},
                   {"protocol", 1},
                   {"server_time", "2026-01-01T00:00:00.000Z"}}}}
            );
        }
        void on_text(std::string_view text) override {
            auto const message = json::parse(text).as_object();
            if (!message.contains("method")) return gateway_.on_answer(message);
            if (message.at("method") == "connect") return take_connect(message);
            gateway_.heard.push_back(std::string(message.at("method").as_string()));
        }
        void on_close(net::close_reason const&) override {
            if (gateway_.current == this) gateway_.current = nullptr;
        }
        bool is_authenticated() const override { return true; }
        void send(json::object message) {
            message["jsonrpc"] = "2.0";
            out_->offer(json::serialize(message));
        }
        void close(int code, std::string why) {
            out_->close({static_cast<std::uint16_t>(code), std::move(why)});
        }

      private:
        void take_connect(json::object const& message) {
            auto const& params = message.at("params").as_object();
            auto const& device = params.at("device").as_object();
            std::string const id(device.at("id").as_string());
            auto const proof = verify_connect_proof(
                std::string(device.at("public_key").as_string()), std::string(params.at("proof").as_string()),
                {"gw_1", "node", id, nonce, token_}
            );
            EXPECT_TRUE(proof) << proof.error().message;
            json::object reply{
                {"connection_id", "con_1"},
                {"gateway_id", "gw_1"},
                {"role", "node"},
                {"principal", "user:admin"},
                {"scopes", json::array()},
                {"device_id", id},
                {"cursor", "1.1"},
                {"limits",
                 {{"max_frame_bytes", 1 << 20},
                  {"max_in_flight", 128},
                  {"outbound_bytes_max", 8 << 20},
                  {"heartbeat_ms", 15000}}}
            };
            if (token_ == invite) reply["pairing"] = {{"state", "pending"}, {"pairing_id", "pair_1"}};
            gateway_.connects.push_back({token_, id, params.at("capabilities").as_array()});
            send({{"id", message.at("id")}, {"result", std::move(reply)}});
            gateway_.on_connect(*this);
        }

        std::string const nonce = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        fake_gateway& gateway_;
        std::string token_;
        net::outbound* out_ = nullptr;
    };
    struct seen_connect {
        std::string token;
        std::string device_id;
        json::array capabilities;
    };

    core::task<net::http_response> respond(net::http_request) override { co_return net::http_response(); }
    core::task<std::expected<std::unique_ptr<net::peer_session>, net::http_response>>
    accept(net::http_request request) override {
        auto const token = std::string(request.header("authorization").value_or("").substr(7));
        if (token == refused_token) {
            net::http_response refused;
            refused.status = 401;
            refused.body = R"({"detail":"The token is not known."})";
            co_return std::unexpected(std::move(refused));
        }
        co_return std::make_unique<peer>(*this, token);
    }
    void on_refused(std::uint64_t, std::string const&, int, std::string_view) override {}

    std::string refused_token;
    std::vector<seen_connect> connects;
    std::vector<std::string> heard;
    peer* current = nullptr;
    std::function<void(peer&)> on_connect = [](peer&) {};
    std::function<void(json::object const&)> on_answer = [](json::object const&) {};
};

class node_test : public ::testing::Test {
  public:
    node_test() {
        net::server_options options;
        options.port = 0;
        server = net::make_server(loop, options, gateway);
        server->start();
    }

    // Runs a node until it ends by itself or `stop` is requested.
    std::expected<void, std::string> run_node(bool with_invite = true) {
        node_options options;
        options.websocket_url = "ws://" + server->address() + "/ws";
        options.root = folder.path().string();
        options.data = folder / "data";
        options.label = "test";
        if (with_invite) options.invite = invite;
        core::cancellation fresh;
        stop = &fresh;
        node device(loop, time, random, options, [this](node_event const& event) {
            events.push_back(event);
        });
        std::expected<void, std::string> ended;
        auto body = [](node& what, core::cancellation& until, auto& into) -> core::task<> {
            into = co_await what.run(until);
        };
        testing::run_on_loop(loop, body(device, fresh, ended));
        return ended;
    }

    ~node_test() override {
        auto body = [](net::server& what, net::io_loop& on) -> core::task<> {
            co_await what.stop(on.now() + std::chrono::seconds(5));
        };
        testing::run_on_loop(loop, body(*server, loop));
    }

    testing::temporary_directory folder;
    net::io_loop loop;
    testing::manual_clock time;
    testing::seeded_random random;
    fake_gateway gateway;
    std::unique_ptr<net::server> server;
    core::cancellation* stop = nullptr;
    std::vector<node_event> events;
};

TEST_F(node_test, a_waiting_device_starts_to_work_on_the_connection_it_has_and_keeps_its_token) {
    std::vector<std::string> answers;
    gateway.on_connect = [](fake_gateway::peer& peer) {
        peer.send(
            {{"id", 1},
             {"method", "pairing.resolved"},
             {"params", {{"pairing_id", "pair_1"}, {"state", "approved"}, {"token", node_token}}}}
        );
        peer.send(
            {{"id", 2},
             {"method", "capability.invoke"},
             {"params",
              {{"invocation_id", "inv_1"},
               {"attempt", 1},
               {"capability", "files"},
               {"operation", "write"},
               {"arguments", {{"path", "x"}, {"content", "hello"}}},
               {"deadline_ms", 10000},
               {"idempotency_key", "k"}}}}
        );
        peer.send({{"id", 3}, {"method", "no.such"}});
        peer.send({{"id", 4}, {"method", "capability.invoke"}, {"params", {{"x", 1}}}});
    };
    gateway.on_answer = [&](json::object const& answer) {
        auto const* failure = answer.if_contains("error");
        answers.push_back(
            failure ? std::to_string(failure->at("code").as_int64()) : json::serialize(answer.at("result"))
        );
        if (answers.size() == 4) stop->request();
    };
    EXPECT_TRUE(run_node());
    std::ranges::sort(answers);
    EXPECT_EQ(
        answers, (std::vector<std::string>{"-32601", "-32602", R"({"result":{"path":"x","size":5}})", "{}"})
    );
    EXPECT_EQ(folder.read("x"), "hello");
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].what, node_event::kind::pending);
    EXPECT_EQ(events[0].pairing_id, "pair_1");
    EXPECT_EQ(events[1].what, node_event::kind::online);

    gateway.on_connect = [this](fake_gateway::peer&) { stop->request(); };
    EXPECT_TRUE(run_node(false));
    EXPECT_EQ(gateway.connects.back().token, node_token);
    EXPECT_EQ(gateway.connects.back().device_id, gateway.connects.front().device_id);
    EXPECT_EQ(
        std::filesystem::status(folder / "data/node.token").permissions(), std::filesystem::perms(0600)
    );
    EXPECT_EQ(
        std::filesystem::status(folder / "data/device.key").permissions(), std::filesystem::perms(0600)
    );
    EXPECT_EQ(gateway.connects.back().capabilities.size(), 3U);
}

TEST_F(node_test, it_comes_back_by_itself_when_the_connection_is_lost) {
    gateway.on_connect = [this](fake_gateway::peer& peer) {
        if (gateway.connects.size() < 3)
            peer.close(1001, "shutting down");
        else
            stop->request();
    };
    EXPECT_TRUE(run_node());
    EXPECT_EQ(gateway.connects.size(), 3U);
    EXPECT_EQ(events[1].what, node_event::kind::offline);
}

TEST_F(node_test, it_stops_with_a_sentence_where_the_gateway_does_not_want_it) {
    for (int const code : {4401, 4403, 4409}) {
        gateway.on_connect = [code](fake_gateway::peer& peer) { peer.close(code, "no more"); };
        auto const before = gateway.connects.size();
        auto const ended = run_node();
        ASSERT_FALSE(ended) << code;
        EXPECT_TRUE(ended.error().ends_with(".")) << ended.error();
        EXPECT_EQ(gateway.connects.size(), before + 1) << code;
    }
}

TEST_F(node_test, a_denied_pairing_ends_it) {
    gateway.on_connect = [](fake_gateway::peer& peer) {
        peer.send(
            {{"id", 1},
             {"method", "pairing.resolved"},
             {"params", {{"pairing_id", "pair_1"}, {"state", "denied"}}}}
        );
    };
    gateway.on_answer = [this](json::object const&) { gateway.current->close(4403, "pairing denied"); };
    auto const ended = run_node();
    ASSERT_FALSE(ended);
    EXPECT_NE(ended.error().find("not approved"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(folder / "data/node.token"));
}

TEST_F(node_test, a_token_the_gateway_does_not_know_gives_way_to_an_invite) {
    std::filesystem::create_directory(folder / "data");
    folder.write("data/node.token", node_token);
    gateway.refused_token = node_token;
    gateway.on_connect = [this](fake_gateway::peer&) { stop->request(); };
    EXPECT_TRUE(run_node());
    ASSERT_EQ(gateway.connects.size(), 1U);
    EXPECT_EQ(gateway.connects[0].token, invite);
    auto const ended = run_node(false);
    ASSERT_FALSE(ended);
    EXPECT_NE(ended.error().find("The token is not known."), std::string::npos) << ended.error();
}

TEST_F(node_test, what_stands_in_the_way_of_a_start_is_said_in_a_sentence) {
    EXPECT_THROW(run_node(false), std::runtime_error); // neither token nor invite
    std::filesystem::permissions(folder / "data/device.key", std::filesystem::perms(0644));
    EXPECT_THROW(run_node(), std::runtime_error);
    std::filesystem::permissions(folder / "data/device.key", std::filesystem::perms(0600));
    folder.write("data/calls.journal", "junk\n");
    EXPECT_THROW(run_node(), std::runtime_error);
}

TEST_F(node_test, two_nodes_never_share_a_directory) {
    gateway.on_connect = [this](fake_gateway::peer&) {
        EXPECT_THROW(
            (node(
                loop, time, random,
                {"ws://127.0.0.1:1/ws", folder.path().string(), "second", folder / "data", invite, {}},
                nullptr
            )),
            std::runtime_error
        );
        stop->request();
    };
    EXPECT_TRUE(run_node());
}

} // namespace
} // namespace gatehouse::app::node
