// isolation [--each N] [--seed S] [--only NAME]: lets every two verbs meet on PostgreSQL, statement by
// statement, in up to N interleavings from each state of a run, and says what did not hold.
// GATEHOUSE_TEST_POSTGRES names the server (tests/support/with_postgres.py). Exits with 1 where something did
// not hold.
#include "persistence/migrate.hpp"
#include "tests/isolation/controller.hpp"
#include "tests/isolation/log_order.hpp"
#include "tests/isolation/verbs.hpp"
#include "tests/support/fresh_store.hpp"
#include "tests/support/seeded_random.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>

namespace gatehouse::isolation {
namespace {

using plan = std::vector<int>;

constexpr std::size_t steps_expected = 12;

struct options {
    std::size_t each = 100;
    std::uint64_t seed = 1;
    std::string only;
};

class system_time final : public core::clock {
  public:
    timestamp now() const override {
        return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    }
};

struct tally {
    std::size_t interleavings = 0;
    bool all_of_them = true;
    std::size_t retries = 0;
    std::size_t blocked = 0;
    std::size_t failed = 0;
};

// Every order of `a` and `b` steps where these are at most `most`; else nothing.
std::optional<std::vector<plan>> all_plans(std::size_t a, std::size_t b, std::size_t most) {
    std::vector<plan> found;
    plan order(a, 0);
    order.insert(order.end(), b, 1);
    do {
        if (found.size() == most) return std::nullopt;
        found.push_back(order);
    } while (std::ranges::next_permutation(order).found);
    return found;
}

class meetings {
  public:
    explicit meetings(options const& o) : options_(o), luck_(o.seed) {}

    bool run() {
        fmt::print(
            "{:<14}{:<14}{:>14}{:>10}{:>10}{:>8}\n", "one", "the other", "interleavings", "retries",
            "blocked", "failed"
        );
        auto const verbs = all_verbs();
        for (std::size_t i = 0; i < verbs.size(); ++i)
            for (std::size_t j = i; j < verbs.size(); ++j) meet(verbs[i], verbs[j]);
        fmt::print(
            "{:<28}{:>14}{:>10}{:>10}{:>8}\n", "all", all_.interleavings, all_.retries, all_.blocked,
            all_.failed
        );
        auto const found = log_order{*dialect_, director_, controller_, a_, b_}.violations();
        for (auto const& each : found) fmt::print("the log: {}\n", each);
        return all_.failed == 0 && found.empty();
    }

  private:
    void meet(verb const& one, verb const& other);
    void meet_on(run_stands where, verb const& one, verb const& other, std::size_t most, tally& count);
    course step(run_stands where, verb const& one, verb const& other, plan const& order, tally& count);
    plan draw(std::size_t a, std::size_t b) {
        plan order(a, 0);
        order.insert(order.end(), b, 1);
        std::ranges::shuffle(order, luck_);
        return order;
    }

    options const& options_;
    std::mt19937_64 luck_;
    system_time time_;
    testing::seeded_random random_;
    core::id_source ids_{time_, random_};
    testing::fresh_store store_{persistence::store_url::backend::postgres};
    std::unique_ptr<persistence::dialect> dialect_ = persistence::dialect::make(store_.url(), time_);
    director director_{*dialect_, time_, ids_};
    persistence::sql looking_on_{*dialect_};
    stepped_side a_{*dialect_, time_, ids_};
    stepped_side b_{*dialect_, time_, ids_};
    controller controller_{looking_on_, a_, b_};
    tally all_;
};

void meetings::meet(verb const& one, verb const& other) {
    auto const name = fmt::format("{} and {}", one.name, other.name);
    if (name.find(options_.only) == std::string::npos) return;
    tally count;
    std::vector<run_stands> both;
    for (auto where : one.stands)
        if (std::ranges::find(other.stands, where) != other.stands.end()) both.push_back(where);
    for (auto where : both)
        meet_on(where, one, other, std::max<std::size_t>(1, options_.each / both.size()), count);
    if (count.interleavings == 0) return;
    fmt::print(
        "{:<14}{:<14}{:>13}{}{:>10}{:>10}{:>8}\n", one.name, other.name, count.interleavings,
        count.all_of_them ? "*" : " ", count.retries, count.blocked, count.failed
    );
    std::fflush(stdout);
    all_.interleavings += count.interleavings;
    all_.retries += count.retries;
    all_.blocked += count.blocked;
    all_.failed += count.failed;
}

// Where there is time for it, first one after the other, both ways; that tells how many statements there are
// to put between each other.
void meetings::meet_on(run_stands where, verb const& one, verb const& other, std::size_t most, tally& count) {
    if (most < 3) {
        count.all_of_them = false;
        for (std::size_t i = 0; i < most; ++i)
            step(where, one, other, draw(steps_expected, steps_expected), count);
        return;
    }
    auto const first = step(where, one, other, {}, count);
    auto const a = static_cast<std::size_t>(std::ranges::count(first.turns, 0));
    auto const b = first.turns.size() - a;
    step(where, one, other, plan(a + b, 1), count);
    auto plans = all_plans(a, b, most);
    if (!plans) {
        count.all_of_them = false;
        plans.emplace();
        while (plans->size() + 2 < most) plans->push_back(draw(a, b));
    }
    for (auto const& order : *plans) step(where, one, other, order, count);
}

course meetings::step(run_stands where, verb const& one, verb const& other, plan const& order, tally& count) {
    stage on(director_, where);
    auto of_a = one.make(on, 0);
    auto of_b = other.make(on, 1);
    auto const taken = controller_.run(of_a.work, of_b.work, order);
    told said;
    std::vector<std::string> found;
    for (auto* side : {&a_, &b_}) {
        try {
            if (side->failure()) std::rethrow_exception(side->failure());
            (side == &a_ ? of_a : of_b).tell(said);
        } catch (std::exception const& e) {
            found.push_back(fmt::format("a unit failed: {}", e.what()));
        }
    }
    for (auto& each : on.violations(said)) found.push_back(std::move(each));
    ++count.interleavings;
    count.retries += static_cast<std::size_t>(a_.retries() + b_.retries());
    count.blocked += static_cast<std::size_t>(taken.blocked);
    if (found.empty()) return taken;
    ++count.failed;
    fmt::print("{} and {} on a run that is {}:{}\n", one.name, other.name, to_string(where), taken.text);
    for (auto const& each : found) fmt::print("  {}\n", each);
    return taken;
}

} // namespace
} // namespace gatehouse::isolation

int main(int argc, char** argv) {
    using namespace gatehouse;
    spdlog::set_level(spdlog::level::off);
    isolation::options o;
    CLI::App app("What two transactions do to each other on PostgreSQL.");
    app.add_option(
        "--each", o.each,
        "Interleavings of each two verbs, over the states of a run; all where there are no more"
    );
    app.add_option("--seed", o.seed, "For the sample where there are more");
    app.add_option("--only", o.only, "Part of 'one and the other'");
    CLI11_PARSE(app, argc, argv);
    if (!gatehouse::testing::fresh_store::is_available(persistence::store_url::backend::postgres)) {
        fmt::print("isolation: no PostgreSQL here; run it through tests/support/with_postgres.py or ./dev "
                   "isolation\n");
        return 1;
    }
    return isolation::meetings(o).run() ? 0 : 1;
}
