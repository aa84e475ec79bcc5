#include "app/dispatch/dispatcher.hpp"

#include "core/execution/fail_point.hpp"
#include "core/storage/database.hpp"
#include "protocol/canonical_json.hpp"
#include "protocol/digest.hpp"
#include "protocol/gen/method_list.hpp"

#include <spdlog/spdlog.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

namespace gatehouse::app {

namespace json = boost::json;

namespace {

error to_invalid_params(std::vector<json_schema::violation> const& violations) {
    json::array details;
    for (auto const& v : violations) {
        details.push_back({{"path", v.path}, {"keyword", v.keyword}, {"message", v.message}});
    }
    auto const& first = violations.front();
    auto where = first.path.empty() ? std::string("params") : first.path;
    return {errc::invalid_params, where + ": " + first.message, std::move(details)};
}

caller make_caller(peer const& from, protocol::method_descriptor const& method, json::object const& params) {
    caller who;
    who.principal = from.principal;
    who.token_id = from.token_id;
    who.scopes = from.scopes;
    who.connection_id = from.connection_id;
    who.device_id = from.device_id;
    who.subscriptions = from.subscriptions;
    who.method = method.name;
    if (auto const* meta = params.if_contains("_meta")) {
        auto const* trace = meta->as_object().if_contains("traceparent");
        if (trace) who.trace_parent = trace->as_string();
    }
    if (auto const* key = params.if_contains("idempotency_key")) {
        who.idempotency_key = key->as_string();
        auto hashed = params;
        hashed.erase("idempotency_key");
        hashed.erase("_meta");
        who.request_hash = sha256_hex(canonical_json(json::value(std::move(hashed))));
    }
    return who;
}

// What a handler threw, as the peer sees it. The only place where exceptions become replies.
error to_error(std::exception_ptr thrown, std::string_view method, std::string const& connection_id) {
    try {
        std::rethrow_exception(thrown);
    } catch (core::store_unavailable const& e) {
        spdlog::error("{} on connection {}: the store is away: {}", method, connection_id, e.what());
        return {errc::unavailable, "The store cannot be reached now; try again."};
    } catch (core::store_busy const&) {
        return {errc::busy, "Too much is waiting for the store; try again in a moment."};
    } catch (std::exception const& e) {
        spdlog::error("{} on connection {} failed: {}", method, connection_id, e.what());
    } catch (...) {
        spdlog::error("{} on connection {} failed", method, connection_id);
    }
    return {
        errc::internal,
        "The gateway failed at this call; its log says why (connection " + connection_id + ")."
    };
}

} // namespace

dispatcher::dispatcher(core::loop& on, std::vector<method_row> table)
    : group_(on, [](std::exception_ptr) { std::terminate(); }) {
    for (auto& row : table) {
        auto name = row.descriptor->name;
        table_.emplace(name, std::move(row));
    }
}

result<method_row const*> dispatcher::admit(
    peer const& from, transport over, std::string_view method, json::object const& params
) const {
    auto found = table_.find(method);
    if (found == table_.end()) {
        return fail(
            errc::method_not_found,
            "There is no method '" + std::string(method) + "'; rpc.discover lists them."
        );
    }
    auto const& d = *found->second.descriptor;
    bool role_fits = from.role == protocol::peer_role::client ? d.for_clients : d.for_nodes;
    if (!role_fits)
        return fail(
            errc::forbidden,
            "A " + std::string(to_string(from.role)) + " may not call " + std::string(d.name) + "."
        );
    if (d.required_scope && !from.scopes.has(*d.required_scope)) {
        return fail(
            errc::forbidden, std::string(d.name) + " needs a token with the scope '" +
                                 std::string(to_string(*d.required_scope)) + "'."
        );
    }
    if (over == transport::http && !d.over_http) {
        return fail(errc::invalid_request, std::string(d.name) + " needs a WebSocket connection (/ws).");
    }
    if (auto fits = check_params(d, params); !fits) return std::unexpected(fits.error());
    return &found->second;
}

result<void>
dispatcher::check_params(protocol::method_descriptor const& method, json::object const& params) const {
    auto const& schema = schemas_.params_of(method);
    // The validator looks at values; wrapping would copy, so the object is seen through a value that shares
    // it.
    if (schema.is_valid(params)) return {};
    return std::unexpected(to_invalid_params(schema.explain(params)));
}

result<void>
dispatcher::check_answer(protocol::method_descriptor const& method, json::value const& answer) const {
    auto const* schema = schemas_.result_of(method);
    if (!schema || schema->is_valid(answer)) return {};
    return std::unexpected(to_invalid_params(schema->explain(answer)));
}

result<void> dispatcher::check_artifact(json::value const& reference) const {
    auto const& schema = schemas_.artifact_reference();
    if (schema.is_valid(reference)) return {};
    return std::unexpected(to_invalid_params(schema.explain(reference)));
}

// In debug and test builds what goes out is held to the contract as well.
reply_text dispatcher::checked(protocol::method_descriptor const& method, reply_text reply) const {
    auto const* schema = reply ? schemas_.result_of(method) : nullptr;
    if (!schema) return reply;
    auto parsed = json::parse(*reply);
    if (schema->is_valid(parsed)) return reply;
    auto why = schema->explain(parsed).front();
    spdlog::critical(
        "the result of {} breaks its schema: {} {}: {}", method.name, why.path, why.message, *reply
    );
    return fail(
        errc::internal,
        "The result of " + std::string(method.name) + " breaks its schema: " + why.path + " " + why.message
    );
}

void dispatcher::call(
    peer const& from, transport over, std::string_view method, json::object const& params,
    std::function<void(reply_text)> done
) {
    auto row = admit(from, over, method, params);
    if (!row) return done(std::unexpected(row.error()));
    auto const& d = *(*row)->descriptor;
    GATEHOUSE_FAIL_POINT("edge.admitted");
    try {
        auto answer = (*row)->call(params, make_caller(from, d, params));
        if (auto* now = std::get_if<reply_text>(&answer)) {
            done(checked(d, std::move(*now)));
        } else {
            auto& later = std::get<core::task<reply_text>>(answer);
            group_.spawn(finish(**row, from.connection_id, std::move(later), std::move(done)));
        }
    } catch (...) {
        done(std::unexpected(to_error(std::current_exception(), d.name, from.connection_id)));
    }
}

core::task<> dispatcher::finish(
    method_row const& row, std::string connection_id, core::task<reply_text> running,
    std::function<void(reply_text)> done
) {
    reply_text reply = fail(errc::internal, "");
    std::exception_ptr thrown;
    try {
        reply = co_await std::move(running);
    } catch (...) {
        thrown = std::current_exception();
    }
    GATEHOUSE_FAIL_POINT("edge.before_reply");
    if (thrown) reply = std::unexpected(to_error(thrown, row.descriptor->name, connection_id));
    done(checked(*row.descriptor, std::move(reply)));
    GATEHOUSE_FAIL_POINT("edge.replied");
}

core::task<> dispatcher::drain() { co_await group_.wait(); }

} // namespace gatehouse::app
