// Starts one-turn demo runs and measures from run.start to the event that the run succeeded, with DEPTH runs
// in flight, until COUNT are done. Prints {"rate":…,"p50_us":…,"p99_us":…}. Token: environment TOKEN.
#include "tests/bench/arguments.hpp"
#include "tests/bench/peer.hpp"

#include <cstdio>
#include <unordered_map>
#include <unordered_set>

namespace gatehouse::bench {
namespace {

class measurement {
  public:
    measurement(peer& to, int count) : to_(to), count_(count) {}

    void run(int depth) {
        for (int i = 0; i < depth; ++i) start();
        to_.flush();
        began_ = clock::now();
        poller readable;
        readable.add(to_.socket(), 0);
        while (finished_ < count_) {
            if (readable.wait(30'000, [&](std::size_t) {
                    to_.receive([&](std::string_view text) { take(text); });
                    to_.flush();
                }) == 0) {
                throw std::runtime_error("no run finished for 30 s");
            }
        }
        ended_ = clock::now();
    }

    void print() {
        std::printf(
            "{\"rate\":%.1f,\"p50_us\":%.2f,\"p99_us\":%.2f}\n",
            count_ / std::chrono::duration<double>(ended_ - began_).count(), taken_.at(0.5), taken_.at(0.99)
        );
    }

  private:
    void start() {
        if (started_ == count_) return;
        auto const id = std::to_string(++started_);
        asked_[started_] = clock::now();
        to_.send(
            R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"run.start","params":{"input":{"text":"hello"}}})"
        );
    }

    void take(std::string_view text) {
        if (text.find("\"error\":") != text.npos && text.find("\"method\":") == text.npos) {
            throw std::runtime_error(std::string(text));
        }
        if (text.find("\"method\":\"event\"") != text.npos) {
            take_events(text);
        } else if (auto const id = number_member(text, "id"); id > 0) {
            std::string const run(string_member(text, "run_id"));
            auto const when = asked_.extract(id).mapped();
            if (early_.erase(run) != 0) {
                finish(when);
            } else {
                open_.emplace(run, when);
            }
        }
    }

    // Each event of a batch is one object with its payload inside; the order of members is not ours to know.
    void take_events(std::string_view text) {
        auto rest = text;
        while (true) {
            auto const at = rest.find("\"payload\":{");
            if (at == rest.npos) return;
            auto const payload = rest.substr(at, rest.find('}', at) - at);
            rest.remove_prefix(at + payload.size());
            if (payload.find("\"to\":\"succeeded\"") == payload.npos) continue;
            std::string run(string_member(payload, "run_id"));
            auto const found = open_.find(run);
            if (found == open_.end()) {
                early_.insert(std::move(run));
            } else {
                auto const when = found->second;
                open_.erase(found);
                finish(when);
            }
        }
    }

    void finish(clock::time_point asked) {
        taken_.add(microseconds_between(asked, clock::now()));
        ++finished_;
        start();
    }

    peer& to_;
    int count_;
    std::int64_t started_ = 0;
    int finished_ = 0;
    std::unordered_map<std::int64_t, clock::time_point> asked_; // by request id, until the reply
    std::unordered_map<std::string, clock::time_point> open_;   // by run id, from the reply to the event
    std::unordered_set<std::string> early_;                     // events that overtook their reply
    latencies taken_;
    clock::time_point began_, ended_;
};

int run(arguments const& given) {
    peer to(given.text("address"), arguments::secret("TOKEN"));
    to.connect_as_client();
    to.call("events.subscribe", R"({"topics":["runs"]})");
    measurement warm(to, 50);
    warm.run(1);
    measurement real(to, given.number("count", 500));
    real.run(given.number("depth", 1));
    real.print();
    return 0;
}

} // namespace
} // namespace gatehouse::bench

int main(int argc, char** argv) {
    try {
        return gatehouse::bench::run({argc, argv});
    } catch (std::exception const& failure) {
        std::fprintf(stderr, "runs: %s\n", failure.what());
        return 1;
    }
}
