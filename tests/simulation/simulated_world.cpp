#include "tests/simulation/simulated_world.hpp"

#include "core/policy/put_policy.hpp"
#include "core/runs/run_machine.hpp"
#include "core/sessions/resolve_session.hpp"
#include "persistence/sql_error.hpp"
#include "tests/simulation/invariants.hpp"

#include <boost/json/parse.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

namespace gatehouse::simulation {

using namespace std::chrono_literals;

namespace {

// Nothing goes wrong any more from then on, and everything must come to its end in time.
constexpr std::chrono::nanoseconds healed_at_latest = 2'000ms;
constexpr std::chrono::nanoseconds patience = 60s;

// Made once: it compiles patterns.
core::secret_filter const& no_secrets() {
    static core::secret_filter const filter;
    return filter;
}

struct place {
    std::string incarnation;
    std::chrono::milliseconds clock_off_by{0}; // of its machine
    int starts = 0;
    std::uint64_t commits_left = 0;              // until it dies, right behind the last of them; 0: it lives
    std::unique_ptr<simulated_instance> process; // null: nothing runs here
};

class world {
  public:
    world(simulated_store& store, std::uint64_t seed, std::size_t lines_kept);
    ~world();

    world_outcome run();

  private:
    void draw_settings();
    void prepare_store();
    void plan_work();
    void plan_faults();
    void plan(std::chrono::nanoseconds latest, std::function<void()> what);

    void start_process(place& at);
    void kill(place& at);
    void freeze(place& at);
    void cut_clients_off(place& at);
    void leave_frozen(place& at);
    void on_commit(simulated_instance& from, core::commit_signals const& signals);
    simulated_instance* choose_instance();

    void start_run();
    void route_message();
    void read_some_tape();
    void change_some_run();
    void fork(core::run const& source);
    void answer_questions();
    void decide(core::approval const& open);
    void break_something();

    void heal();
    bool is_quiet();
    bool store_is_quiet();
    template <class F>
    auto look(F at_stores);

    simulated_store& store_;
    schedule time_;
    simulated_loop outside_{time_};
    world_settings settings_;
    violations found_;
    witness witness_;
    std::vector<place> places_;
    std::vector<std::unique_ptr<simulated_node>> nodes_;
    simulated_clients clients_;
    std::vector<std::unique_ptr<simulated_subscriber>> subscribers_;
    std::vector<std::unique_ptr<simulated_reader>> readers_;
    std::map<std::string, std::uint64_t> counts_;
    std::size_t sessions_ = 1;
    int messages_ = 0; // that came over a channel
    std::chrono::nanoseconds healed_at_{0};
    bool is_healed_ = false;
};

world::world(simulated_store& store, std::uint64_t seed, std::size_t lines_kept)
    : store_(store),
      time_(seed, lines_kept),
      settings_{time_, store, no_secrets()},
      witness_(time_, store, found_),
      clients_(time_, outside_, [this] { return choose_instance(); }) {
    store.set_back(time_);
    draw_settings();
    prepare_store();
}

// The processes first: what they hold on to stands above them.
world::~world() {
    for (auto& each : places_) each.process.reset();
}

void world::draw_settings() {
    auto& luck = time_.luck();
    healed_at_ = luck.between(100ms, healed_at_latest);
    places_.resize(1 + luck.below(3));
    sessions_ = 1 + luck.below(2);
    for (std::size_t i = 0; i < 1 + luck.below(2); ++i) {
        nodes_.push_back(
            std::make_unique<simulated_node>(time_, outside_, "dev" + std::to_string(i), settings_.node)
        );
        for (auto& tool : nodes_.back()->tools()) settings_.model.tools.push_back(std::move(tool));
    }
    bool const is_rough = luck.per_mille(700);
    auto draw = [&](unsigned most) { return static_cast<unsigned>(is_rough ? luck.below(most) : 0); };
    settings_.database = {draw(150), draw(60), draw(100), draw(100), 1ms, 400ms};
    settings_.model.fails = draw(300);
    settings_.model.rejects = draw(40);
    // Some worlds are slow, so that who comes back late still meets others at work.
    static constexpr std::array<std::chrono::nanoseconds, 3> paces{20ms, 80ms, 700ms};
    settings_.model.thinks_max = paces[luck.below(paces.size())];
    settings_.node.works_max = paces[luck.below(paces.size())];
    settings_.model.calls_per_turn_max = 1 + static_cast<unsigned>(luck.below(2));
    settings_.node.fails = draw(150);
    settings_.node.answer_breaks = draw(300);
    settings_.messages_lost = draw(400);
    for (auto& each : places_)
        if (luck.per_mille(200)) each.clock_off_by = std::chrono::minutes(luck.below(120)) - 60min;
    settings_.events_come_with_the_commit = luck.per_mille(500);
    settings_.lease = 1'500ms;
    auto& runs = settings_.runs;
    runs.slots = 1 + static_cast<std::int64_t>(luck.below(4));
    runs.tool_patience = 3s;
    runs.tool_timeout = 2s;
    runs.approval_ttl = 4s;
    runs.retry_delay_first = 50ms;
    runs.retry_delay_max = 400ms;
}

void world::prepare_store() {
    auto& session = store_.session();
    simulated_clock clock(time_);
    drawn_random random(time_.luck().next());
    core::id_source ids(clock, random);
    static constexpr std::array modes{
        core::session_mode::queue, core::session_mode::steer, core::session_mode::interrupt
    };
    auto& sql = session.statements();
    sql.begin(persistence::access::write);
    core::transaction tx(session.stores(), clock.now(), ids);
    for (std::size_t i = 0; i < sessions_; ++i) {
        core::session_request wanted;
        wanted.principal = "user:ada";
        wanted.session_key = "session" + std::to_string(i);
        wanted.mode = modes[time_.luck().below(modes.size())];
        (void)core::resolve_session(tx, wanted);
    }
    for (auto const& each : nodes_) {
        core::node n;
        n.device_id = n.label = each->device_id();
        n.trust = "remote";
        n.allow = {"*"};
        n.capabilities = each->capabilities();
        tx.nodes().put(n);
    }
    if (time_.luck().per_mille(500)) {
        auto const rules = boost::json::parse(R"([{"effect":"allow","tool":"node__*"}])").as_array();
        (void)core::put_policy(tx, rules, std::nullopt);
    }
    sql.commit();
}

void world::plan(std::chrono::nanoseconds latest, std::function<void()> what) {
    outside_.after(time_.luck().between({}, latest), std::move(what));
}

void world::plan_work() {
    auto& luck = time_.luck();
    for (std::size_t i = 0; i < 1 + luck.below(3); ++i) plan(healed_at_ / 2, [this] { start_run(); });
    for (std::size_t i = 0; i < luck.below(4); ++i) plan(healed_at_, [this] { change_some_run(); });
    for (auto& each : nodes_) {
        each->choose_instance = [this] { return choose_instance(); };
        each->connect_soon();
    }
    for (std::size_t i = 0; i < luck.below(3); ++i) {
        subscribers_.push_back(std::make_unique<simulated_subscriber>(time_, outside_, [this] {
            return choose_instance();
        }));
    }
    for (std::size_t i = 0; i < luck.below(2); ++i) plan(healed_at_, [this] { read_some_tape(); });
    plan(300ms, [this] { answer_questions(); });
}

void world::plan_faults() {
    for (std::size_t i = 0; i < time_.luck().below(7); ++i) plan(healed_at_, [this] { break_something(); });
}

// --- processes --------------------------------------------------------------------------------------------

void world::start_process(place& at) {
    if (at.process) return;
    auto const number = &at - places_.data();
    auto id = "ins_" + std::to_string(number) + "_" + std::to_string(++at.starts);
    // Mostly on the data directory of the one before, whose lock tells that it is dead; else that one's lease
    // must lapse.
    if (at.starts == 1 || time_.luck().per_mille(300)) at.incarnation = "of " + id;
    time_.note(id, "starts");
    at.process = std::make_unique<simulated_instance>(
        settings_, std::move(id), at.incarnation, time_.luck().next(), at.clock_off_by,
        [this](simulated_instance& from, core::commit_signals const& signals) { on_commit(from, signals); }
    );
}

void world::on_commit(simulated_instance& from, core::commit_signals const& signals) {
    witness_.see(from.instance_id(), signals);
    for (auto& each : places_) {
        if (!each.process) continue;
        if (each.process.get() != &from) {
            each.process->hear(signals);
        } else if (each.commits_left > 0 && --each.commits_left == 0) {
            outside_.after({}, [this, &each, start = each.starts] {
                if (each.starts == start) kill(each);
            });
        }
    }
}

void world::kill(place& at) {
    if (!at.process) return;
    ++counts_["killed"];
    at.commits_left = 0;
    cut_clients_off(at);
    at.process->kill();
    at.process.reset();
    outside_.after(time_.luck().between(1ms, 1'500ms), [this, &at] { start_process(at); });
}

// As by SIGSTOP, often for longer than its lease. Those who are connected to it do not wait for so long.
void world::freeze(place& at) {
    if (!at.process || at.process->loop().is_frozen()) return;
    ++counts_["stopped"];
    time_.note(at.process->instance_id(), "is stopped");
    at.process->loop().freeze();
    auto still_here = [&at, start = at.starts] { return at.process && at.starts == start; };
    outside_.after(time_.luck().between(20ms, 2'500ms), [this, &at, still_here] {
        if (!still_here() || !at.process->loop().is_frozen()) return;
        time_.note(at.process->instance_id(), "goes on");
        at.process->loop().thaw();
    });
    outside_.after(time_.luck().between(200ms, 900ms), [this, &at, still_here] {
        if (still_here() && at.process->loop().is_frozen()) leave_frozen(at);
    });
}

void world::cut_clients_off(place& at) {
    for (auto& each : subscribers_) each->lose_connection(at.process.get());
    for (auto& each : readers_) each->lose_connection(at.process.get());
}

void world::leave_frozen(place& at) {
    cut_clients_off(at);
    for (auto& each : nodes_)
        if (each->wire() && each->wire()->at() == at.process.get()) each->wire()->break_off();
}

// Also one that is stopped: who calls it cannot know.
simulated_instance* world::choose_instance() {
    std::vector<simulated_instance*> there;
    for (auto& each : places_)
        if (each.process && each.process->is_ready()) there.push_back(each.process.get());
    return there.empty() ? nullptr : there[time_.luck().below(there.size())];
}

void world::break_something() {
    auto& luck = time_.luck();
    auto& at = places_[luck.below(places_.size())];
    auto& node = *nodes_[luck.below(nodes_.size())];
    switch (luck.below(7)) {
    case 0:
        return kill(at);
    case 1:
    case 6:
        at.commits_left = 1 + luck.below(8);
        return;
    case 2:
        return freeze(at);
    case 3:
        ++counts_["nodes crashed"];
        return node.crash();
    case 4:
        ++counts_["wires broken"];
        if (node.wire()) node.wire()->break_off();
        for (auto& each : subscribers_) each->lose_connection();
        for (auto& each : readers_) each->lose_connection();
        return;
    default:
        if (!at.process) return;
        ++counts_["store away"];
        return at.process->database().go_away_until(time_.elapsed() + luck.between(1ms, 1'500ms));
    }
}

// --- people -----------------------------------------------------------------------------------------------

void world::start_run() {
    auto& luck = time_.luck();
    if (luck.per_mille(250)) return route_message();
    boost::json::object params{{"session_key", "session" + std::to_string(luck.below(sessions_))}};
    if (luck.per_mille(150)) params["deadline_ms"] = 1 + static_cast<std::int64_t>(luck.below(3'000));
    clients_.request("run.start", std::move(params));
}

// The channel cannot know what came of a message, and may hand it over again, as another request.
void world::route_message() {
    auto& luck = time_.luck();
    ++counts_["routed"];
    auto const id = "message" + std::to_string(++messages_);
    boost::json::object const message{
        {"channel", "chat"},
        {"conversation", "room" + std::to_string(luck.below(sessions_))},
        {"sender", "ada"},
        {"text", id},
        {"message_id", id}
    };
    clients_.request("message.route", message);
    if (luck.per_mille(500)) plan(300ms, [this, message] { clients_.request("message.route", message); });
}

template <class F>
auto world::look(F at_stores) {
    auto& sql = store_.statements();
    sql.begin(persistence::access::read);
    auto seen = at_stores(store_.session().stores());
    sql.rollback();
    return seen;
}

void world::read_some_tape() {
    auto const runs = look(all_runs);
    if (runs.empty()) return;
    readers_.push_back(std::make_unique<simulated_reader>(
        time_, outside_, runs[time_.luck().below(runs.size())].run_id, [this] { return choose_instance(); }
    ));
}

void world::change_some_run() {
    auto& luck = time_.luck();
    auto const runs = look(all_runs);
    if (runs.empty()) return;
    auto const& chosen = runs[luck.below(runs.size())];
    if (luck.per_mille(150) && !core::is_background(chosen)) return fork(chosen);
    boost::json::object params{{"run_id", chosen.run_id}};
    clients_.request(luck.per_mille(600) ? "run.input" : "run.cancel", std::move(params));
}

void world::fork(core::run const& source) {
    auto const length = static_cast<std::size_t>(source.tape_seq);
    auto const at_seq = 1 + static_cast<std::int64_t>(time_.luck().below(length));
    ++counts_["forks"];
    clients_.request("run.fork", {{"run_id", source.run_id}, {"at_seq", at_seq}});
}

void world::answer_questions() {
    auto const open = look([](core::store_set const& stores) {
        core::approval_filter pending;
        pending.state = core::approval_state::pending;
        return stores.approvals.list(pending);
    });
    for (auto const& each : open)
        if (is_healed_ || time_.luck().per_mille(500)) decide(each);
    outside_.after(time_.luck().between(100ms, 700ms), [this] { answer_questions(); });
}

void world::decide(core::approval const& open) {
    static constexpr std::array calls{"approve", "approve", "deny"};
    static constexpr std::array outcomes{"retry", "skip", "fail"};
    auto const& choices = open.kind == "call" ? calls : outcomes;
    auto const* decision = choices[time_.luck().below(choices.size())];
    clients_.request("approval.resolve", {{"approval_id", open.approval_id}, {"decision", decision}});
}

// --- the end ----------------------------------------------------------------------------------------------

void world::heal() {
    is_healed_ = true;
    time_.note("everything heals");
    settings_.database = {};
    settings_.model.fails = settings_.model.rejects = 0;
    settings_.node.answer_breaks = settings_.messages_lost = 0;
    for (auto& each : places_) {
        each.commits_left = 0;
        if (!each.process) continue;
        each.process->loop().thaw();
        each.process->database().go_away_until({});
    }
}

bool world::store_is_quiet() {
    return look([this](core::store_set const& stores) {
        auto const is_over = [](core::run const& r) { return core::is_terminal(r.state); };
        auto const head = stores.events.head();
        auto const has_all = [&](auto const& s) { return s->cursor() && s->cursor()->seq >= head; };
        return std::ranges::all_of(all_runs(stores), is_over) && std::ranges::all_of(subscribers_, has_all);
    });
}

bool world::is_quiet() {
    auto const is_up = [](place const& each) { return each.process && each.process->is_ready(); };
    auto const has_read = [](auto const& each) { return each->is_done(); };
    return std::ranges::all_of(places_, is_up) && std::ranges::all_of(readers_, has_read) &&
           clients_.all_done() && store_is_quiet();
}

world_outcome world::run() {
    for (auto& each : places_) start_process(each);
    plan_work();
    plan_faults();
    time_.run_until(healed_at_);
    heal();
    do {
        time_.run_until(time_.elapsed() + 100ms);
    } while (!is_quiet() && time_.elapsed() < healed_at_ + patience);
    check_invariants({store_, witness_, clients_, nodes_, subscribers_, readers_}, found_);
    counts_["runs"] = witness_.tapes().size();
    counts_["commits"] = witness_.commits();
    counts_["jobs"] = time_.jobs_run();
    counts_["requests"] = clients_.requests().size();
    for (auto const& each : nodes_) counts_["effects"] += each->ledger().size();
    counts_["virtual ms"] = static_cast<std::uint64_t>(time_.elapsed() / 1ms);
    return {time_.what_happened().hash(), found_, counts_, time_.what_happened().lines()};
}

} // namespace

world_outcome simulate(simulated_store& store, std::uint64_t seed, std::size_t lines_kept) {
    return world(store, seed, lines_kept).run();
}

} // namespace gatehouse::simulation
