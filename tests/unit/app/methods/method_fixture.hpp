#pragma once
// Methods as a peer calls them: through the dispatcher, on a real store, without a socket.
#include "app/dispatch/dispatcher.hpp"
#include "app/dispatch/services.hpp"
#include "app/gen/method_table.hpp"
#include "app/models/demo_model.hpp"
#include "core/nodes/node_router.hpp"
#include "protocol/parse_json.hpp"
#include "tests/support/store_fixture.hpp"

#include <boost/json/serialize.hpp>

#include <memory>
#include <string>
#include <vector>

namespace gatehouse::testing {

namespace json = boost::json;

// The node's end of a connection: keeps what it is asked, answers when the test says so.
class scripted_node final : public core::node_link {
  public:
    void send_invoke(core::invocation const& call) override { asked.push_back(call); }
    void send_cancel(std::string const& invocation_id) override { cancelled.push_back(invocation_id); }
    void close_replaced() override {}
    void on_device_changed() override {}

    std::vector<core::invocation> asked;
    std::vector<std::string> cancelled;
};

// A lease that nobody contests.
class always_held final : public core::lease_guard {
  public:
    bool may_act() const override { return true; }
};

class method_fixture : public store_fixture {
  protected:
    static constexpr char const* instance_id = "ins_test";

    void SetUp() override;
    void TearDown() override;

    // How many runs this process may work on; 0: none is claimed.
    virtual std::int64_t slots() const { return 0; }

    app::peer peer_of(std::string principal, std::vector<protocol::scope> const& scopes) const;
    // Every scope but admin.
    app::peer alice() const;
    app::peer bob() const;
    app::peer admin() const;
    app::peer node_peer() const;

    // One call, waited for. `params` is JSON text.
    result<json::object> call(std::string_view method, std::string_view params, app::peer const& from);
    result<json::object> call(std::string_view method, std::string_view params) {
        return call(method, params, alice());
    }
    // What a call that must succeed gives.
    json::object must(std::string_view method, std::string_view params, app::peer const& from);
    json::object must(std::string_view method, std::string_view params) {
        return must(method, params, alice());
    }
    // The code of a call that must fail.
    errc code_of(std::string_view method, std::string_view params, app::peer const& from);
    errc code_of(std::string_view method, std::string_view params) {
        return code_of(method, params, alice());
    }

    // A call that is under way; `done` is set when it has been answered.
    struct pending {
        std::string what; // for who reads a failed test
        bool done = false;
        app::reply_text reply = fail(errc::internal, "");
    };
    std::shared_ptr<pending> begin(std::string_view method, std::string_view params, app::peer const& from);
    result<json::object> finish(std::shared_ptr<pending> const& call);

    // A paired node "desk" with test.look (read) and test.act (dangerous), both with {"key": string}.
    void add_node(std::vector<std::string> allow = {"*"}, bool is_online = true);
    void answer(core::invocation const& asked, json::value result);
    void wait_until_asked(std::size_t times);

    std::string text(json::object const& from, std::string_view member) {
        return std::string(from.at(member).as_string());
    }

    core::run_settings settings_;
    app::gateway_facts facts_;
    app::contract_limits limits_;
    scripted_node desk_;
    core::secret_filter secrets_{{"sk-a-providers-key"}};
    std::unique_ptr<core::node_router> nodes_;
    std::unique_ptr<core::worker> worker_;
    std::unique_ptr<app::dispatcher> dispatcher_;

  private:
    class only_demo final : public core::model_catalog {
      public:
        explicit only_demo(core::loop& on) : demo_(on) {}
        std::optional<entry> find(std::string_view name) const override {
            if (name != "demo") return std::nullopt;
            return entry{&demo_, "demo"};
        }

      private:
        mutable app::models::demo_model demo_;
    };

    std::unique_ptr<only_demo> models_;
    std::unique_ptr<core::event_relay> relay_;
    std::unique_ptr<core::tape_feed> tapes_;
    always_held lease_;
    std::unique_ptr<core::run_environment> environment_;
    std::unique_ptr<app::services> services_;
};

} // namespace gatehouse::testing
