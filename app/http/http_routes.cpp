#include "app/http/http_routes.hpp"

#include "app/http/public_files.hpp"
#include "protocol/encoding.hpp"
#include "protocol/problem.hpp"

#include <spdlog/spdlog.h>

namespace gatehouse::app {

namespace {

std::optional<std::string> bearer_of(net::http_request const& request) {
    if (auto header = request.header("authorization")) {
        if (header->size() > 7 && (header->starts_with("Bearer ") || header->starts_with("bearer "))) {
            return std::string(header->substr(7));
        }
        return std::nullopt;
    }
    return std::nullopt;
}

// A browser cannot set the header on a WebSocket; it offers the token as a second subprotocol, which is never
// echoed.
std::optional<std::string> bearer_of_upgrade(net::http_request const& request) {
    if (auto token = bearer_of(request)) return token;
    static constexpr std::string_view prefix = "gatehouse.bearer.";
    for (auto const& [name, value] : request.headers) {
        if (name != "sec-websocket-protocol") continue;
        auto at = value.find(prefix);
        if (at == std::string::npos) continue;
        auto rest = std::string_view(value).substr(at + prefix.size());
        return base64url_decode(rest.substr(0, rest.find_first_of(", \t")));
    }
    return std::nullopt;
}

peer make_peer(core::token const& bearer, std::string connection_id) {
    peer p;
    p.connection_id = std::move(connection_id);
    p.principal = bearer.principal;
    p.token_id = bearer.token_id;
    p.token_kind = bearer.kind;
    p.scopes = scopes_of(bearer);
    p.role = bearer.kind == "node" || bearer.kind == "invite" ? protocol::peer_role::node
                                                              : protocol::peer_role::client;
    p.device_id = bearer.device_id;
    return p;
}

std::string connection_name(std::uint64_t id) { return "con_" + std::to_string(id); }

// A stream that ends with the token it was asked for with.
class token_bound_stream final : public net::body_source {
  public:
    struct held_token {
        held_token(token_watch& tokens, core::token const& bearer)
            : lease(tokens.watch(bearer, [this](std::string const&) { ended.request(); })) {}
        core::cancellation ended; // before the lease, which tells it
        std::shared_ptr<token_watch::lease> lease;
    };

    token_bound_stream(std::unique_ptr<net::body_source> inner, std::shared_ptr<held_token> held)
        : inner_(std::move(inner)), held_(std::move(held)) {}

    core::task<std::optional<std::string>> next(core::cancellation& stop) override {
        auto stopped = stop.on_request([this] { held_->ended.request(); });
        if (held_->ended.requested()) co_return std::nullopt;
        auto piece = co_await inner_->next(held_->ended);
        if (held_->ended.requested()) co_return std::nullopt;
        co_return piece;
    }

  private:
    std::unique_ptr<net::body_source> inner_;
    std::shared_ptr<held_token> held_;
};

} // namespace

net::http_response method_not_allowed(std::string allowed) {
    auto r = problem_response({errc::invalid_request, "This path takes " + allowed + "."}, 405);
    r.headers.emplace_back("Allow", std::move(allowed));
    return r;
}

net::http_response problem_response(error const& why, std::optional<int> status) {
    net::http_response r;
    r.status = status.value_or(http_status_of(why.code));
    r.headers = {{"Content-Type", std::string(problem_media_type)}, {"Cache-Control", "no-store"}};
    if (r.status == 401) r.headers.emplace_back("WWW-Authenticate", "Bearer");
    if (r.status == 429) r.headers.emplace_back("Retry-After", std::to_string(authenticator::window.count()));
    r.body = problem_json(why, r.status);
    return r;
}

http_routes::http_routes(
    connection_environment const& env, authenticator& tokens, bool is_edge, std::function<bool()> is_ready
)
    : env_(env),
      tokens_(tokens),
      is_edge_(is_edge),
      is_ready_(std::move(is_ready)),
      open_(env.all.get<core::loop>(), env.all.get<core::clock const>()) {}

// Why nothing is answered here but questions about health.
std::optional<error> http_routes::closed() const {
    if (stopping_) return error{errc::unavailable, "The gateway is shutting down."};
    if (is_edge_) return std::nullopt;
    return error{
        errc::unavailable, "This process does not have the role edge; ask one that has (--roles edge)."
    };
}

void http_routes::on_refused(
    std::uint64_t connection_id, std::string const& remote_address, int status, std::string_view why
) {
    spdlog::info(
        "connection {} from {} refused with {}: {}", connection_name(connection_id), remote_address, status,
        why
    );
}

core::task<result<core::token>> http_routes::authenticate(net::http_request const& request) {
    auto bearer = co_await tokens_.authenticate(bearer_of(request), request.remote_address);
    if (!bearer) {
        spdlog::info(
            "connection {} from {}: {}", connection_name(request.connection_id), request.remote_address,
            bearer.error().message
        );
        co_return std::unexpected(bearer.error());
    }
    co_return std::move(*bearer);
}

core::task<std::expected<std::unique_ptr<net::peer_session>, net::http_response>>
http_routes::accept(net::http_request request) {
    if (auto why = closed()) co_return std::unexpected(problem_response(*why));
    auto text = bearer_of_upgrade(request);
    std::optional<error> failed;
    core::token bearer;
    try {
        auto found = co_await tokens_.authenticate(text, request.remote_address);
        if (found)
            bearer = std::move(*found);
        else
            failed = found.error();
    } catch (std::exception const& e) {
        spdlog::error("connection {}: {}", connection_name(request.connection_id), e.what());
        failed = error{errc::unavailable, "The store cannot be reached now; try again."};
    }
    if (failed) {
        spdlog::info(
            "connection {} from {}: {}", connection_name(request.connection_id), request.remote_address,
            failed->message
        );
        co_return std::unexpected(problem_response(*failed));
    }
    auto made = std::make_shared<rpc_connection>(env_, connection_name(request.connection_id), bearer, *text);
    made->end_with_token(open_);
    co_return make_peer_session(std::move(made));
}

void http_routes::on_signals(core::commit_signals const& signals) {
    for (auto const& token_id : signals.tokens) open_.revoked(token_id);
}

core::task<net::http_response> http_routes::respond(net::http_request request) {
    if (request.path == "/healthz") co_return text_response("ok\n");
    if (request.path == "/readyz") {
        if (!stopping_ && is_ready_()) co_return text_response("ready\n");
        co_return problem_response(
            {errc::unavailable, "The gateway is not ready: its store does not answer, or it is shutting down."
            }
        );
    }
    if (auto file = is_edge_ ? public_file(request) : std::nullopt) co_return std::move(*file);
    if (auto why = closed()) co_return problem_response(*why);
    std::optional<error> failed;
    try {
        if (request.path.starts_with("/hooks/")) co_return co_await hook(std::move(request));
        auto bearer = co_await authenticate(request);
        if (bearer) {
            auto from = make_peer(*bearer, connection_name(request.connection_id));
            // Watched from before the route waits for the store: a token revoked meanwhile opens no stream.
            auto held = std::make_shared<token_bound_stream::held_token>(open_, *bearer);
            auto response = co_await respond_to_peer(std::move(request), std::move(from));
            if (response.stream) {
                response.stream =
                    std::make_unique<token_bound_stream>(std::move(response.stream), std::move(held));
            }
            co_return response;
        }
        failed = bearer.error();
    } catch (core::store_unavailable const& e) {
        spdlog::error(
            "connection {}: the store is away: {}", connection_name(request.connection_id), e.what()
        );
        failed = error{errc::unavailable, "The store cannot be reached now; try again."};
    } catch (core::store_busy const&) {
        failed = error{errc::busy, "Too much is waiting for the store; try again in a moment."};
    } catch (std::exception const& e) {
        spdlog::error(
            "connection {}: {} failed: {}", connection_name(request.connection_id), request.path, e.what()
        );
        failed = error{errc::internal, "The gateway failed at this request; its log says why."};
    }
    co_return problem_response(*failed);
}

core::task<net::http_response> http_routes::respond_to_peer(net::http_request request, peer from) {
    auto const& path = request.path;
    auto after = [&](std::string_view prefix) { return path.substr(prefix.size()); };
    bool is_read = request.method == "GET" || request.method == "HEAD";
    if (path == "/rpc") {
        if (request.method != "POST") co_return method_not_allowed("POST");
        co_return co_await rpc(request, std::move(from));
    }
    if (path.starts_with("/rpc/")) {
        if (request.method != "POST") co_return method_not_allowed("POST");
        auto method = after("/rpc/");
        co_return co_await call_method(request, std::move(from), std::move(method));
    }
    if (path.starts_with("/v1/artifacts/")) {
        auto artifact_id = after("/v1/artifacts/");
        if (request.method == "PUT")
            co_return co_await put_artifact(std::move(request), std::move(from), std::move(artifact_id));
        if (is_read) co_return co_await get_artifact(request, std::move(from), std::move(artifact_id));
        co_return method_not_allowed("GET, HEAD, PUT");
    }
    if (path == "/events" || (path.starts_with("/v1/runs/") && path.ends_with("/tape"))) {
        if (!is_read) co_return method_not_allowed("GET");
        if (!from.scopes.has(protocol::scope::read)) {
            co_return problem_response({errc::forbidden, "This needs a token with the scope 'read'."});
        }
        if (path == "/events") co_return co_await events(request, std::move(from));
        auto run_id = path.substr(9, path.size() - 9 - 5);
        co_return co_await tape(request, std::move(from), std::move(run_id));
    }
    co_return problem_response({errc::not_found, "There is nothing at " + path + "."});
}

} // namespace gatehouse::app
