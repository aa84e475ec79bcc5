#include "tests/simulation/simulated_subscriber.hpp"

namespace gatehouse::simulation {

using namespace std::chrono_literals;

class simulated_subscriber::connection final : public core::event_subscriber {
  public:
    connection(simulated_subscriber& of, simulated_instance& at) : of_(of), at_(&at) {}

    void on_events(core::cursor at, std::vector<core::outgoing_event> const& events) override {
        for (auto const& each : events) on_its_way_.push_back({each.at, event_id_of(each.text)});
        on_its_way_.push_back({at, ""});
        of_.outside_.after(of_.schedule_.luck().between(50us, 8ms), [this] { read(); });
    }
    void on_ephemeral(core::cursor, std::string_view) override {}
    void on_cursor_expired(core::cursor) override { of_.has_expired_ = true; }

    // On the outside: what has come so far is read.
    void read() {
        if (broken_) return;
        for (auto const& [at, event_id] : on_its_way_) {
            if (!event_id.empty()) of_.heard_.push_back(event_id);
            of_.cursor_ = at;
        }
        on_its_way_.clear();
    }

    void break_off() {
        if (std::exchange(broken_, true)) return;
        of_.schedule_.note("a subscriber loses its connection");
        at_->loop().after(of_.schedule_.luck().between(50us, 8ms), [this] { unsubscribe(); });
        of_.connect_soon();
    }

    void unsubscribe() {
        if (id != 0) at_->relay().unsubscribe(std::exchange(id, 0));
    }

    simulated_subscriber& of() { return of_; }
    simulated_instance* at() const { return at_; }
    bool is_broken() const { return broken_; }

    std::uint64_t id = 0;

  private:
    static std::string event_id_of(std::string_view text) {
        static constexpr std::string_view name = "\"event_id\":\"";
        auto const at = text.find(name);
        return at == std::string_view::npos ? "?" : std::string(text.substr(at + name.size(), 26));
    }

    simulated_subscriber& of_;
    simulated_instance* at_;
    std::vector<std::pair<core::cursor, std::string>> on_its_way_;
    bool broken_ = false;
};

void simulated_subscriber::connect_soon() {
    if (std::exchange(connecting_, true)) return;
    outside_.after(schedule_.luck().between(1ms, 100ms), [this] {
        connecting_ = false;
        auto* to = choose_instance_();
        if (!to) return connect_soon();
        auto mine = std::make_shared<connection>(*this, *to);
        connections_.push_back(mine);
        auto after = cursor_ ? std::optional(core::encode_cursor(*cursor_)) : std::nullopt;
        to->run(subscribe(std::move(mine), std::move(after)));
    });
}

core::task<>
simulated_subscriber::subscribe(std::shared_ptr<connection> mine, std::optional<std::string> after) {
    auto& relay = mine->at()->relay();
    bool let_in = false;
    try {
        auto from = co_await relay.check(after);
        if (mine->at()->is_dead() || mine->is_broken()) co_return;
        if (from) {
            let_in = true;
            auto& me = mine->of();
            if (!me.began_at_) me.began_at_ = me.cursor_ = *from;
            core::event_filter all;
            all.topics = {"*"};
            all.sees_all = true;
            mine->id = relay.subscribe(all, *from, *mine);
        } else if (from.error().code == errc::cursor_expired) {
            mine->of().has_expired_ = true;
        }
    } catch (std::exception const&) {
        // The store is away: as a closed connection.
    }
    if (!let_in && !mine->at()->is_dead()) mine->break_off();
}

void simulated_subscriber::lose_connection(simulated_instance const* to) {
    if (connections_.empty()) return;
    auto& newest = *connections_.back();
    if (!newest.is_broken() && (!to || newest.at() == to)) newest.break_off();
}

} // namespace gatehouse::simulation
