// node.invoke with the node in the same process: both ends on one thread, so that no scheduling of ours
// counts. Prints {"p50_us":…,"p99_us":…}. Environment: TOKEN (client), NODE_TOKEN, NODE_CONNECT (the params
// of the node's connect, made by the caller with a proof for the nonce that this program prints first).
#include "tests/bench/arguments.hpp"
#include "tests/bench/peer.hpp"

#include <cstdio>
#include <iostream>

namespace gatehouse::bench {
namespace {

// Tells the caller the challenge on stdout and reads the params of connect from stdin.
void connect_as_node(peer& node) {
    std::cout << node.next() << std::endl;
    std::string params;
    std::getline(std::cin, params);
    node.call("connect", params);
}

// Where the value of member "id" of a request stands, as text: the gateway chooses numbers or strings.
std::string_view raw_id(std::string_view request) {
    auto const at = request.find("\"id\":") + 5;
    return request.substr(at, request.find_first_of(",}", at) - at);
}

latencies measure(peer& client, peer& node, std::string const& device, int count) {
    poller readable;
    readable.add(client.socket(), 0);
    readable.add(node.socket(), 1);
    latencies taken;
    int done = 0;
    clock::time_point asked;
    auto ask = [&] {
        asked = clock::now();
        client.send(
            R"({"jsonrpc":"2.0","id":)" + std::to_string(done + 1) +
            R"(,"method":"node.invoke","params":{"node":")" + device +
            R"(","capability":"test","operation":"look","arguments":{}}})"
        );
        client.flush();
    };
    ask();
    while (done < count) {
        int const ready = readable.wait(10'000, [&](std::size_t which) {
            if (which == 1) {
                node.receive([&](std::string_view text) {
                    if (text.find("capability.invoke") == text.npos) return;
                    node.send(
                        R"({"jsonrpc":"2.0","id":)" + std::string(raw_id(text)) +
                        R"(,"result":{"result":{}}})"
                    );
                });
                node.flush();
                return;
            }
            client.receive([&](std::string_view text) {
                if (text.find("\"error\":") != text.npos) throw std::runtime_error(std::string(text));
                if (number_member(text, "id") != done + 1) return;
                if (done >= 50) taken.add(microseconds_between(asked, clock::now()));
                if (++done < count) ask();
            });
        });
        if (ready == 0) throw std::runtime_error("no answer for 10 s");
    }
    return taken;
}

int run(arguments const& given) {
    peer node(given.text("address"), arguments::secret("NODE_TOKEN"));
    connect_as_node(node);
    peer client(given.text("address"), arguments::secret("TOKEN"));
    client.connect_as_client();
    auto taken = measure(client, node, given.text("device"), given.number("count", 1000));
    std::printf("{\"p50_us\":%.2f,\"p99_us\":%.2f}\n", taken.at(0.5), taken.at(0.99));
    return 0;
}

} // namespace
} // namespace gatehouse::bench

int main(int argc, char** argv) {
    try {
        return gatehouse::bench::run({argc, argv});
    } catch (std::exception const& failure) {
        std::fprintf(stderr, "node_call: %s\n", failure.what());
        return 1;
    }
}
