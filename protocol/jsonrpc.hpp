#pragma once
// JSON-RPC 2.0: what one parsed frame says, and the texts of what is sent. Requests and responses are views:
// they hold pointers into the parsed value and live no longer than it does. Any thread.
#include "protocol/error.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace gatehouse {

// The calls one batch may hold. One more, and the batch is refused as a whole.
inline constexpr std::size_t rpc_batch_max = 100;

inline constexpr std::size_t rpc_id_size_max = 1024;

// Null, an integer or a string of at most rpc_id_size_max bytes. It owns its text, since it outlives its
// frame.
using rpc_id = std::variant<std::nullptr_t, std::int64_t, std::string>;

struct rpc_request {
    std::optional<rpc_id> id; // nothing: a notification, which is never answered
    std::string_view method;
    boost::json::object const* params; // never null: absent and [] are {}
};

// What a peer answered instead of a result. The code may be one that errc doesn't have.
struct rpc_failure {
    std::int64_t code;
    std::string_view message;
    boost::json::value const* data; // null where absent
};

// The answer to a request of ours; one of `result` and `failure` is there.
struct rpc_response {
    rpc_id id;
    boost::json::value const* result;
    std::optional<rpc_failure> failure;
};

// Something that is neither. With an id it is answered with the error (a null id included), without one it
// isn't answered at all: replying to a broken notification or response would be wrong, or would go on for
// ever.
struct rpc_refusal {
    std::optional<rpc_id> id;
    error why;
};

using rpc_message = std::variant<rpc_request, rpc_response, rpc_refusal>;

// One frame: one message or a batch.
class rpc_frame {
  public:
    explicit rpc_frame(boost::json::value const& parsed);

    // Whether the replies, as far as there are any, go into one array. An empty or too long batch isn't one:
    // it is a single refusal.
    bool is_batch() const noexcept { return batch_ != nullptr; }

    // At least 1.
    std::size_t size() const noexcept { return batch_ ? batch_->size() : 1; }

    rpc_message message(std::size_t index) const;

  private:
    boost::json::value const& parsed_;
    boost::json::array const* batch_ = nullptr;
};

// The answer to a text that isn't JSON; `details.offset` says where.
rpc_refusal refusal_of(parse_failure const& failure);

// The failure as one of ours. A code that errc doesn't have becomes `internal`.
error error_of(rpc_failure const& failure);

// These append one message's text. `result_json` and `params_json` are JSON texts; params must be an object.
void append_rpc_result(std::string& out, rpc_id const& id, std::string_view result_json);
void append_rpc_error(std::string& out, rpc_id const& id, error const& why);
void append_rpc_request(
    std::string& out, rpc_id const& id, std::string_view method, std::string_view params_json
);
void append_rpc_notification(std::string& out, std::string_view method, std::string_view params_json);

void append_rpc_id(std::string& out, rpc_id const& id);

// {"kind":…,"retryable":…,"details":…}, the `data` of an error.
void append_error_data(std::string& out, error const& why);

} // namespace gatehouse
