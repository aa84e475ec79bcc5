// The handshake of rpc_connection (protocol.md 3), and what follows from it for nodes: pairing, its decision,
// revocation.
#include "app/sessions/authenticator.hpp"
#include "app/sessions/rpc_connection.hpp"
#include "core/execution/fail_point.hpp"
#include "core/nodes/check_capabilities.hpp"
#include "core/storage/write_at_last.hpp"
#include "protocol/device_proof.hpp"
#include "protocol/encoding.hpp"
#include "protocol/gen/method_list.hpp"
#include "protocol/gen/methods/connect_challenge.hpp"
#include "protocol/gen/methods/pairing_resolved.hpp"
#include "protocol/secret_token.hpp"

#include <spdlog/spdlog.h>

#include <array>

namespace gatehouse::app {

namespace {

std::array<std::byte, 32> draw_32_bytes(core::random_source& random) {
    std::array<std::byte, 32> bytes{};
    random.fill(bytes);
    return bytes;
}

std::vector<protocol::scope> list_of(scope_set const& scopes) {
    std::vector<protocol::scope> list;
    for (auto s : protocol::scope_values)
        if (scopes.has(s)) list.push_back(s);
    return list;
}

std::uint16_t close_code_of(error const& why) {
    if (why.code == errc::forbidden) return 4403;
    return why.code == errc::unauthenticated ? 4401 : 4400;
}

template <class T>
std::string encode_list(std::vector<T> const& list) {
    std::string text;
    protocol::append_json(text, list);
    return text;
}

} // namespace

void rpc_connection::open(net::outbound& out) {
    out_ = &out;
    core::task_group& tasks = env_.tasks;
    frame_sink sink{
        [this](std::string_view text) { offer(text); },
        [this](std::string_view text) {
            if (out_) out_->offer_ephemeral(text);
        },
        [this](std::string why) { close(1013, std::move(why)); },
    };
    subscriptions_ = std::make_shared<subscriptions>(
        env_.all.get<core::event_relay>(), env_.all.get<core::tape_feed>(), tasks, std::move(sink)
    );
    nonce_ = base64url_encode(draw_32_bytes(env_.all.get<core::random_source>()));
    protocol::connect_challenge::params challenge;
    challenge.nonce = nonce_;
    challenge.gateway_id = env_.all.get<gateway_facts const>().gateway_id;
    challenge.protocol = 1;
    challenge.server_time = env_.all.get<core::clock const>().now();
    std::string frame;
    append_rpc_notification(
        frame, "connect.challenge", protocol::connect_challenge::encode_params(challenge)
    );
    offer(frame);
    if (!token_ended_.empty()) close(4401, token_ended_);
}

void rpc_connection::refuse_connect(rpc_id const& id, error const& why, std::uint16_t code) {
    reply(id, std::unexpected(why), nullptr);
    close(code, why.message);
}

void rpc_connection::begin_connect(rpc_request const& request) {
    auto const* method = protocol::find_method("connect");
    if (auto fits = env_.calls.check_params(*method, *request.params); !fits) {
        return refuse_connect(*request.id, fits.error(), 4400);
    }
    auto params = protocol::connect::decode(*request.params);
    if (auto fits = check_connect(params); !fits) {
        return refuse_connect(*request.id, fits.error(), close_code_of(fits.error()));
    }
    state_ = state::connecting;
    env_.tasks.spawn(connect(shared_from_this(), *request.id, std::move(params)));
}

// Role against token, and the proof of the device's key. What needs the store comes after it.
result<void> rpc_connection::check_connect(protocol::connect::params const& params) const {
    bool is_node_token = bearer_.kind == "node" || bearer_.kind == "invite";
    bool is_node = params.role == protocol::peer_role::node;
    if (is_node != is_node_token) {
        return fail(
            errc::forbidden, "A token of kind '" + bearer_.kind + "' cannot connect as " +
                                 std::string(to_string(params.role)) + "."
        );
    }
    if (params.capabilities) {
        if (auto fits = core::check_capabilities(*params.capabilities); !fits) return fits;
    }
    bool needs_device = is_node || bearer_.device_id;
    if (needs_device && (!params.device || !params.proof)) {
        return fail(errc::unauthenticated, "'device' and 'proof' are needed for this token.");
    }
    if (!params.device) return {};
    if (!params.proof) return fail(errc::unauthenticated, "'proof' is needed where 'device' is given.");
    connect_claims claims{
        env_.all.get<gateway_facts const>().gateway_id,
        to_string(params.role),
        params.device->id,
        nonce_,
        token_text_,
    };
    auto verified = verify_connect_proof(params.device->public_key, *params.proof, claims);
    if (!verified) return std::unexpected(verified.error());
    if (bearer_.device_id && *bearer_.device_id != params.device->id) {
        return fail(errc::forbidden, "This token belongs to another device.");
    }
    return {};
}

core::task<>
rpc_connection::connect(std::shared_ptr<rpc_connection> self, rpc_id id, protocol::connect::params params) {
    core::node_admission admission;
    auto minted = make_token(draw_32_bytes(env_.all.get<core::random_source>()));
    if (params.role == protocol::peer_role::node) {
        std::optional<error> failed;
        try {
            auto admitted = co_await admit_node(params, minted);
            if (admitted)
                admission = std::move(*admitted);
            else
                failed = admitted.error();
        } catch (std::exception const& e) {
            spdlog::error("connect on connection {}: {}", self->peer_.connection_id, e.what());
            failed = error{errc::unavailable, "The store cannot be reached now; try again."};
        }
        if (failed) {
            refuse_connect(id, *failed, failed->code == errc::unavailable ? 1011 : 4403);
            co_return;
        }
    }
    finish_connect(id, params, admission, minted);
}

core::task<result<core::node_admission>>
rpc_connection::admit_node(protocol::connect::params const& params, std::string const& minted) {
    core::device_claim claim;
    claim.device_id = params.device->id;
    claim.public_key = params.device->public_key;
    claim.label = params.device->label;
    claim.platform = params.device->platform;
    claim.version = params.device->version;
    if (params.capabilities) claim.capabilities = encode_list(*params.capabilities);
    auto unit = [claim = std::move(claim), bearer = bearer_, minted_hash = token_hash(minted),
                 me = env_.all.get<gateway_facts const>().instance_id,
                 ttl = env_.all.get<contract_limits const>().pairing_ttl](core::transaction& tx) {
        return core::connect_node(tx, bearer, claim, {minted_hash}, me, ttl);
    };
    co_return co_await env_.all.get<core::database>().write(std::move(unit));
}

void rpc_connection::finish_connect(
    rpc_id const& id, protocol::connect::params const& params, core::node_admission const& admission,
    std::string const& minted
) {
    token_text_.clear();
    if (params.device) peer_.device_id = params.device->id;
    peer_.role = params.role;
    peer_.subscriptions = subscriptions_;
    auto& router = env_.all.get<core::node_router>();
    bool is_node = params.role == protocol::peer_role::node;
    if (is_node) {
        device_id_ = params.device->id;
        pairing_id_ = admission.pairing_id;
        connection_epoch_ = admission.connection_epoch;
    }
    if (!out_) {
        // The peer left while the store was asked; what was admitted is taken back.
        if (connection_epoch_ != 0) router.detach(*device_id_, connection_epoch_);
        return;
    }
    state_ = state::connected;
    auto const& limits = env_.all.get<contract_limits const>();
    protocol::connect::reply r;
    r.connection_id = peer_.connection_id;
    r.gateway_id = env_.all.get<gateway_facts const>().gateway_id;
    r.role = params.role;
    r.principal = peer_.principal;
    r.scopes = list_of(peer_.scopes);
    r.device_id = peer_.device_id;
    if (is_node && !admission.pairing_id.empty()) {
        r.pairing.emplace();
        r.pairing->state = *protocol::parse_pairing_state(admission.state);
        r.pairing->pairing_id = admission.pairing_id;
        if (admission.token_issued) r.pairing->token = minted;
    }
    r.limits = {limits.max_frame_bytes, limits.max_in_flight, limits.outbound_bytes_max, limits.heartbeat_ms};
    r.cursor = core::encode_cursor(env_.all.get<core::event_relay>().head());
    reply(id, protocol::connect::encode(r), nullptr);
    if (!is_node) return;
    router.watch(*device_id_, *this);
    if (connection_epoch_ != 0) router.attach(*device_id_, connection_epoch_, *this);
}

void rpc_connection::on_device_changed() { env_.tasks.spawn(look_at_device(shared_from_this())); }

// Reads what was decided about this device: a waiting one begins to work, a revoked one is sent away.
core::task<> rpc_connection::look_at_device(std::shared_ptr<rpc_connection> self) {
    struct seen {
        std::optional<core::node> device;
        std::optional<core::pairing> newest;
    };
    auto& db = env_.all.get<core::database>();
    auto read_unit = [id = *device_id_](core::snapshot& view) {
        return seen{view.nodes().find(id), view.nodes().newest_pairing_of(id)};
    };
    auto now = co_await db.read(std::move(read_unit));
    if (!out_) co_return;
    if (now.device && now.device->revoked) co_return close(4403, "the pairing was revoked");
    if (connection_epoch_ > 0 && now.device) {
        // Another process has the node now; or this one was taken for dead, and the node is to come back.
        if (now.device->connection_epoch > connection_epoch_) co_return close_replaced();
        bool is_ours = now.device->instance_id == env_.all.get<gateway_facts const>().instance_id;
        if (now.device->connection_epoch == connection_epoch_ && !is_ours)
            co_return close(1001, "this gateway was away for too long; connect again");
    }
    if (connection_epoch_ != 0 || !now.newest || now.newest->state == "pending") co_return;
    if (now.newest->state != "approved") {
        tell_decision(now.newest->pairing_id, "denied", std::nullopt);
        co_return close(
            4403, now.newest->state == "denied" ? "the pairing was denied" : "the pairing expired"
        );
    }
    auto minted = make_token(draw_32_bytes(env_.all.get<core::random_source>()));
    connection_epoch_ = -1; // nobody else admits it meanwhile
    auto unit = [id = *device_id_, hash = token_hash(minted),
                 me = env_.all.get<gateway_facts const>().instance_id](core::transaction& tx) {
        return core::admit_waiting_node(tx, id, {hash}, me);
    };
    auto const written = co_await core::write_at_last(
        db, env_.all.get<core::loop>(), "a node's admission", [this] { return !out_; }, std::move(unit)
    );
    GATEHOUSE_FAIL_POINT("edge.node_admitted");
    auto const admitted = written.value_or(std::nullopt);
    connection_epoch_ = admitted ? admitted->connection_epoch : 0;
    if (!admitted) co_return;
    if (!out_) {
        env_.all.get<core::node_router>().detach(*device_id_, connection_epoch_);
        co_return;
    }
    tell_decision(admitted->pairing_id, "approved", minted);
    env_.all.get<core::node_router>().attach(*device_id_, connection_epoch_, *this);
}

void rpc_connection::tell_decision(
    std::string const& pairing_id, std::string_view decision, std::optional<std::string> token
) {
    protocol::pairing_resolved::params params;
    params.pairing_id = pairing_id;
    params.state = *protocol::parse_pairing_state(decision);
    params.token = std::move(token);
    std::string frame;
    append_rpc_request(
        frame, "g" + std::to_string(++requests_made_), "pairing.resolved",
        protocol::pairing_resolved::encode_params(params)
    );
    offer(frame);
}

} // namespace gatehouse::app
