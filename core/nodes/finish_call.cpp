#include "core/nodes/finish_call.hpp"

#include "core/artifacts/make_artifact.hpp"
#include "protocol/encoding.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/object.hpp>

#include <boost/json/serialize.hpp>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

std::string text_or(json::object const& o, std::string_view member, std::string_view fallback) {
    auto const* found = o.if_contains(member);
    return std::string(found && found->is_string() ? std::string_view(found->get_string()) : fallback);
}

json::object to_reference(artifact const& a) {
    return {
        {"artifact_id", a.artifact_id},
        {"name", a.name.value_or("")},
        {"media_type", a.media_type},
        {"size", a.size}
    };
}

// Bytes are stored for the call's principal; a reference must be to something the node has put for it.
std::optional<json::object>
keep_evidence(transaction& tx, invocation const& call, json::object const& piece) {
    auto name = text_or(piece, "name", "evidence");
    auto media_type = text_or(piece, "media_type", "application/octet-stream");
    if (auto const* data = piece.if_contains("data_base64"); data && data->is_string()) {
        auto bytes = base64_decode(std::string_view(data->get_string()));
        if (!bytes) return std::nullopt;
        auto made = make_artifact(*bytes, media_type, name, tx.now());
        tx.artifacts().put(made, *bytes, call.principal);
        return to_reference(made);
    }
    auto known = tx.artifacts().find(text_or(piece, "artifact_id", ""), "node:" + call.device_id);
    if (!known) return std::nullopt;
    tx.artifacts().put(*known, {}, call.principal);
    known->name = name;
    return to_reference(*known);
}

json::array keep_all_evidence(transaction& tx, invocation const& call, json::array const& pieces) {
    json::array kept;
    for (auto const& each : pieces) {
        if (auto one = keep_evidence(tx, call, each.as_object())) kept.push_back(std::move(*one));
    }
    return kept;
}

// Against the schema that the node itself advertised for the operation's result.
result<void> check_result(transaction& tx, invocation const& call, json::value const& value) {
    auto device = tx.nodes().find(call.device_id);
    if (!device) return {};
    auto const advertised = tx.nodes().advertised_by(*device);
    auto const* op = advertised->find(call.capability, call.operation);
    if (!op || !op->output) return {};
    return op->output->check(value, "result of " + call.capability + "." + call.operation);
}

void take_result(transaction& tx, invocation& call, call_answer const& answer) {
    auto fits = check_result(tx, call, *answer.result);
    if (fits) {
        call.result = json::serialize(*answer.result);
        return;
    }
    call.state = "failed";
    call.error = json::serialize(json::object{
        {"kind", "capability_failed"}, {"message", fits.error().message}, {"details", fits.error().details}
    });
}

} // namespace

std::optional<invocation> finish_call(transaction& tx, call_answer const& answer) {
    auto call = tx.invocations().lock(answer.invocation_id);
    if (!call || call->finished_at) return call;
    if (answer.connection_epoch && *answer.connection_epoch != call->connection_epoch) return call;
    call->state = answer.state;
    call->finished_at = tx.now();
    if (answer.result) take_result(tx, *call, answer);
    if (answer.error) call->error = json::serialize(*answer.error);
    call->evidence = json::serialize(keep_all_evidence(tx, *call, answer.evidence));
    tx.invocations().save(*call);
    tx.signals().invocations.push_back(call->invocation_id);
    return call;
}

} // namespace gatehouse::core
