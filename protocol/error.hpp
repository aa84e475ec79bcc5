#pragma once
// The failures a peer can see. The closed list of codes is generated from schemas/errors.json.
#include "protocol/gen/errors.hpp" // enum class errc, kind_of, http_status_of, is_retryable

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <expected>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace gatehouse {

// An expected failure on its way to the peer. `message` is a sentence for a person and never parsed by
// anyone; `details` becomes data.details where it is not null.
struct error {
    errc code;
    std::string message;
    boost::json::value details = nullptr;
};

template <class T>
using result = std::expected<T, error>;

inline std::unexpected<error> fail(errc code, std::string message, boost::json::value details = nullptr) {
    return std::unexpected<error>(error{code, std::move(message), std::move(details)});
}

// invalid_params with its details: `path` is the JSON Pointer of what is wrong, `keyword` why in one word.
inline std::unexpected<error> fail_param(std::string path, std::string_view keyword, std::string message) {
    boost::json::array details{{{"path", path}, {"keyword", keyword}, {"message", message}}};
    return fail(errc::invalid_params, path.substr(1) + ": " + message, std::move(details));
}

// The value put through `f`, or the same error. (std::expected::transform, which this standard library
// lacks.)
template <class T, class F>
auto map_result(result<T> from, F f) -> result<std::invoke_result_t<F&, T>> {
    if (!from) return std::unexpected(std::move(from.error()));
    return f(std::move(*from));
}

} // namespace gatehouse
