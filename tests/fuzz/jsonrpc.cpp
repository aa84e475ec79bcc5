// Any bytes as a frame: each message is a request, a response or a refusal, and every answer to it is a
// message again.
#include "protocol/jsonrpc.hpp"

#include <cstdint>
#include <cstdlib>

namespace {

void check(gatehouse::rpc_message const& message) {
    using namespace gatehouse;
    std::string out;
    if (auto const* request = std::get_if<rpc_request>(&message)) {
        if (request->method.empty() || !request->params) std::abort();
        if (request->id) append_rpc_result(out, *request->id, "{}");
    } else if (auto const* response = std::get_if<rpc_response>(&message)) {
        if ((response->result != nullptr) == response->failure.has_value()) std::abort();
        if (response->failure) append_rpc_error(out, response->id, error_of(*response->failure));
    } else {
        auto const& refusal = std::get<rpc_refusal>(message);
        if (refusal.id) append_rpc_error(out, *refusal.id, refusal.why);
    }
    if (out.empty()) return;
    // Only what was nested to the limit before can't be read with an envelope around it.
    auto const parsed = parse_json(out);
    if (!parsed) return parsed.error().message.find("nested") == std::string::npos ? std::abort() : void();
    if (!std::holds_alternative<rpc_response>(rpc_frame(*parsed).message(0))) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace gatehouse;
    static json_parser parser;
    auto const parsed = parser.parse({reinterpret_cast<char const*>(data), size});
    if (!parsed) {
        check(refusal_of(parsed.error()));
        return 0;
    }
    rpc_frame const frame(**parsed);
    for (std::size_t i = 0; i < frame.size(); ++i) check(frame.message(i));
    return 0;
}
