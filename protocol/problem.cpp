#include "protocol/problem.hpp"

#include "protocol/json_codec.hpp"
#include "protocol/jsonrpc.hpp"

namespace gatehouse {

std::string problem_json(error const& why, std::optional<int> status) {
    using protocol::append_json;
    std::string out = R"({"type":"urn:gatehouse:error:)";
    out.append(kind_of(why.code)).append(R"(","title":)");
    append_json(out, title_of(why.code));
    out += R"(,"status":)";
    append_json(out, static_cast<std::int64_t>(status.value_or(http_status_of(why.code))));
    out += R"(,"detail":)";
    append_json(out, std::string_view(why.message));
    out += R"(,"code":)";
    append_json(out, static_cast<std::int64_t>(why.code));
    out += R"(,"data":)";
    append_error_data(out, why);
    out += '}';
    return out;
}

} // namespace gatehouse
