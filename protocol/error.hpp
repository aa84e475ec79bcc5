#pragma once
// The failures a peer can see. The closed list of codes is generated from schemas/errors.json.
#include "protocol/gen/errors.hpp"  // enum class errc, kind_of, http_status_of, is_retryable

#include <boost/json/object.hpp>

#include <expected>
#include <string>

namespace gatehouse {

// An expected failure on its way to the peer. `message` is a sentence for a person and never parsed by anyone;
// `details` becomes data.details where it is not null.
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

}  // namespace gatehouse
