// Pings a WebSocket server: CONNECTIONS connections with DEPTH requests in flight each, for SECONDS. Prints
// {"rate":…,"p50_us":…,"p99_us":…}. The token (environment TOKEN) also says that the server is a gateway and
// wants its handshake; without one it is a yardstick that answers whatever it gets.
#include "tests/bench/arguments.hpp"
#include "tests/bench/peer.hpp"

#include <cstdio>
#include <deque>
#include <memory>

namespace gatehouse::bench {
namespace {

struct line {
    std::unique_ptr<peer> to;
    std::deque<clock::time_point> in_flight; // replies of these servers to pings come in order
};

struct outcome {
    double rate;
    latencies taken;
};

// The id has a fixed width, so that all messages are as long as each other.
std::string request(std::uint64_t number) {
    auto const id = std::to_string(100'000'000 + number);
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"ping","params":{}})";
}

outcome measure(std::vector<line>& lines, int depth, double seconds) {
    poller readable;
    std::uint64_t next = 0;
    auto ask = [&](line& on) {
        on.to->send(request(++next));
        on.in_flight.push_back(clock::now());
    };
    for (std::size_t i = 0; i < lines.size(); ++i) {
        readable.add(lines[i].to->socket(), i);
        for (int d = 0; d < depth; ++d) ask(lines[i]);
        lines[i].to->flush();
    }
    outcome seen{};
    auto const warm = clock::now() + std::chrono::milliseconds(300);
    auto const end =
        warm + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(seconds));
    std::uint64_t counted = 0;
    while (clock::now() < end) {
        readable.wait(1000, [&](std::size_t index) {
            auto& on = lines[index];
            on.to->receive([&](std::string_view) {
                auto const now = clock::now();
                if (now > warm) {
                    ++counted;
                    seen.taken.add(microseconds_between(on.in_flight.front(), now));
                }
                on.in_flight.pop_front();
                ask(on);
            });
            on.to->flush();
        });
    }
    seen.rate = static_cast<double>(counted) / seconds;
    return seen;
}

int run(arguments const& given) {
    auto const token = arguments::secret("TOKEN");
    std::vector<line> lines(static_cast<std::size_t>(given.number("connections", 1)));
    for (auto& each : lines) {
        each.to = std::make_unique<peer>(given.text("address"), token);
        if (!token.empty()) each.to->connect_as_client();
    }
    auto seen = measure(lines, given.number("depth", 1), given.number("milliseconds", 2000) / 1000.0);
    std::printf(
        "{\"rate\":%.1f,\"p50_us\":%.2f,\"p99_us\":%.2f}\n", seen.rate, seen.taken.at(0.5),
        seen.taken.at(0.99)
    );
    return 0;
}

} // namespace
} // namespace gatehouse::bench

int main(int argc, char** argv) {
    try {
        return gatehouse::bench::run({argc, argv});
    } catch (std::exception const& failure) {
        std::fprintf(stderr, "load: %s\n", failure.what());
        return 1;
    }
}
