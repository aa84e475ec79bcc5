#pragma once
// Why a connection that this process opened did not do what it was opened for.
#include <string>

namespace gatehouse::app::net {

struct transport_error {
    enum class kind {
        bad_request, // the URL or a header can't be sent; nothing was
        resolve,     // the name has no address
        connect,     // nobody answered
        tls,         // the peer's certificate or its TLS was refused
        timeout,
        cancelled,
        closed,   // the peer ended the connection in the middle
        protocol, // what came is not what the protocol says
        too_large,
    };
    kind what;
    std::string message; // a sentence for a person; it names the host, never a secret
};

} // namespace gatehouse::app::net
