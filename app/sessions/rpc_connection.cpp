#include "app/sessions/rpc_connection.hpp"

#include "app/sessions/authenticator.hpp"
#include "core/execution/fail_point.hpp"
#include "protocol/gen/method_list.hpp"
#include "protocol/gen/methods/capability_cancel.hpp"
#include "protocol/gen/methods/capability_invoke.hpp"

#include <spdlog/spdlog.h>

namespace gatehouse::app {

namespace json = boost::json;

// The replies of one batch, sent as one array when the last is there.
struct rpc_connection::batch {
    std::size_t open = 0;
    std::string replies;
    std::shared_ptr<batch_subscriptions> subscriptions;
};

rpc_connection::rpc_connection(
    connection_environment const& env, std::string connection_id, core::token bearer, std::string token_text
)
    : env_(env), bearer_(std::move(bearer)), token_text_(std::move(token_text)) {
    peer_.connection_id = std::move(connection_id);
    peer_.principal = bearer_.principal;
    peer_.token_id = bearer_.token_id;
    peer_.token_kind = bearer_.kind;
    peer_.scopes = scopes_of(bearer_);
}

void rpc_connection::offer(std::string_view text) {
    if (out_) out_->offer(text);
}

void rpc_connection::close(std::uint16_t code, std::string text) {
    if (out_) out_->close({code, std::move(text)});
}

void rpc_connection::end_with_token(token_watch& tokens) {
    lease_ = tokens.watch(bearer_, [this](std::string why) {
        token_ended_ = why;
        close(4401, std::move(why));
    });
}

void rpc_connection::closed() {
    state_ = state::closed;
    lease_.reset();
    out_ = nullptr;
    if (subscriptions_) subscriptions_->close();
    if (!device_id_) return;
    auto& router = env_.all.get<core::node_router>();
    router.unwatch(*device_id_, *this);
    if (connection_epoch_ > 0) router.detach(*device_id_, connection_epoch_);
}

void rpc_connection::on_text(std::string_view text) {
    auto parsed = env_.parser.parse(text);
    if (!parsed) {
        reply(rpc_id(nullptr), std::unexpected(refusal_of(parsed.error()).why), nullptr);
        return;
    }
    rpc_frame frame(**parsed);
    std::shared_ptr<batch> group;
    if (frame.is_batch()) {
        group = std::make_shared<batch>();
        group->open = 1; // held open until every message was looked at
        group->subscriptions = std::make_shared<batch_subscriptions>(subscriptions_);
    }
    for (std::size_t i = 0; i < frame.size() && out_; ++i) handle(frame.message(i), group);
    if (group) finish_one(*group);
    if (came_too_early_) close(4400, "bad handshake: 'connect' must come first");
}

// The replies go out together when the last is there, and before anything they began to deliver.
void rpc_connection::finish_one(batch& group) {
    if (--group.open != 0) return;
    if (!group.replies.empty()) offer("[" + group.replies + "]");
    group.subscriptions->begin_all();
}

void rpc_connection::handle(rpc_message const& message, std::shared_ptr<batch> const& group) {
    if (auto const* request = std::get_if<rpc_request>(&message)) {
        if (request->id)
            handle_request(*request, group);
        else
            handle_notification(*request);
    } else if (auto const* response = std::get_if<rpc_response>(&message)) {
        handle_response(*response);
    } else {
        auto const& refusal = std::get<rpc_refusal>(message);
        if (!refusal.id) return;
        if (group) ++group->open;
        reply(refusal.id, std::unexpected(refusal.why), group);
    }
}

void rpc_connection::reply(
    std::optional<rpc_id> const& id, reply_text const& result, std::shared_ptr<batch> const& group
) {
    std::string text;
    if (result)
        append_rpc_result(text, *id, *result);
    else
        append_rpc_error(text, *id, result.error());
    if (!group) return offer(text);
    if (!group->replies.empty()) group->replies += ',';
    group->replies += text;
    finish_one(*group);
}

void rpc_connection::handle_request(rpc_request const& request, std::shared_ptr<batch> const& group) {
    if (group) ++group->open;
    if (request.method == "connect" && state_ == state::opened && !group) return begin_connect(request);
    if (state_ != state::connected) {
        reply(request.id, fail(errc::unauthenticated, "The first message must be 'connect'."), group);
        came_too_early_ = true;
        return;
    }
    if (request.method == "connect") {
        return reply(request.id, fail(errc::invalid_request, "This connection is connected already."), group);
    }
    if (in_flight_ >= env_.all.get<contract_limits const>().max_in_flight) {
        return reply(
            request.id, fail(errc::busy, "Too many requests are open on this connection; wait for replies."),
            group
        );
    }
    ++in_flight_;
    auto done = [self = shared_from_this(), id = request.id, group](reply_text result) {
        --self->in_flight_;
        self->reply(id, result, group);
    };
    auto from = peer_;
    if (group) from.subscriptions = group->subscriptions;
    env_.calls.call(from, transport::ws, request.method, *request.params, std::move(done));
}

// Only the progress of a call means anything; it is counted and logged, and nothing depends on it.
void rpc_connection::handle_notification(rpc_request const& request) {
    spdlog::debug("connection {}: notification {}", peer_.connection_id, request.method);
}

void rpc_connection::handle_response(rpc_response const& response) {
    auto const* id = std::get_if<std::string>(&response.id);
    auto found = id ? invocations_by_request_.find(*id) : invocations_by_request_.end();
    if (found == invocations_by_request_.end()) return;
    core::call_answer answer;
    answer.invocation_id = std::move(found->second);
    answer.connection_epoch = connection_epoch_;
    invocations_by_request_.erase(found);
    if (response.result) {
        auto fits = env_.calls.check_answer(*protocol::find_method("capability.invoke"), *response.result);
        if (fits) {
            // In memory of its own: a plain copy would lie in the parser's, which the next message takes.
            answer.result.emplace(response.result->at("result"), boost::json::storage_ptr());
            auto const* evidence = response.result->as_object().if_contains("evidence");
            if (evidence) answer.evidence = evidence->as_array();
        } else {
            answer.state = "failed";
            answer.error = {
                {"kind", "capability_failed"},
                {"message", "The node's answer breaks the contract: " + fits.error().message + "."}
            };
        }
    } else {
        answer.state = "failed";
        json::object error{{"kind", "capability_failed"}, {"message", response.failure->message}};
        auto const* data = response.failure->data ? response.failure->data->if_object() : nullptr;
        if (data && data->contains("details")) error["details"] = data->at("details");
        answer.error = std::move(error);
    }
    GATEHOUSE_FAIL_POINT("edge.node_answered");
    env_.all.get<core::node_router>().on_answer(std::move(answer));
}

void rpc_connection::send_invoke(core::invocation const& call) {
    protocol::capability_invoke::params params;
    params.invocation_id = call.invocation_id;
    params.attempt = call.attempt;
    params.run_id = call.run_id;
    params.lease_epoch = call.lease_epoch;
    params.capability = call.capability;
    params.operation = call.operation;
    params.arguments.text = call.arguments;
    params.deadline_ms = call.timeout_ms;
    params.idempotency_key = call.idempotency_key;
    auto id = "g" + std::to_string(++requests_made_);
    invocations_by_request_[id] = call.invocation_id;
    std::string frame;
    append_rpc_request(frame, id, "capability.invoke", protocol::capability_invoke::encode_params(params));
    offer(frame);
}

void rpc_connection::send_cancel(std::string const& invocation_id) {
    protocol::capability_cancel::params params;
    params.invocation_id = invocation_id;
    std::string frame;
    append_rpc_request(
        frame, "g" + std::to_string(++requests_made_), "capability.cancel",
        protocol::capability_cancel::encode_params(params)
    );
    offer(frame);
}

void rpc_connection::close_replaced() { close(4409, "the same node connected again"); }

namespace {

class peer_session_adapter final : public net::peer_session {
  public:
    explicit peer_session_adapter(std::shared_ptr<rpc_connection> c) : connection_(std::move(c)) {}
    void on_open(net::outbound& out) override { connection_->open(out); }
    void on_text(std::string_view text) override { connection_->on_text(text); }
    void on_close(net::close_reason const&) override { connection_->closed(); }
    bool is_authenticated() const override { return connection_->is_authenticated(); }

  private:
    std::shared_ptr<rpc_connection> connection_;
};

} // namespace

std::unique_ptr<net::peer_session> make_peer_session(std::shared_ptr<rpc_connection> connection) {
    return std::make_unique<peer_session_adapter>(std::move(connection));
}

} // namespace gatehouse::app
