#include "tests/simulation/simulated_reader.hpp"

namespace gatehouse::simulation {

using namespace std::chrono_literals;

void simulated_reader::connect_soon() {
    outside_.after(schedule_.luck().between(1ms, 100ms), [this] {
        auto* to = choose_instance_();
        if (!to) return connect_soon();
        newest_ = std::make_shared<connection>(*to);
        to->run(follow(*this, newest_, read_.empty() ? 0 : read_.back().seq));
    });
}

core::task<>
simulated_reader::follow(simulated_reader& me, std::shared_ptr<connection> mine, std::int64_t after) {
    auto& at = *mine->at;
    auto ended = at.peers_stop().on_request([&] { mine->stop.request(); });
    auto tape = at.tapes().follow(me.run_id_, after);
    for (bool more = true; more && !mine->broken && !at.is_dead();) {
        try {
            auto page = co_await tape.next(mine->stop);
            more = page && !page->ended;
            if (!page || mine->broken || at.is_dead()) break;
            // Pages stay in their order on the way, and what is on it is lost with the connection.
            me.outside_.after(4ms, [&me, mine, page = std::move(*page)] { me.take(*mine, page); });
        } catch (std::exception const&) {
            // The store is away: as a closed connection.
            if (!at.is_dead()) me.lose_connection(&at);
        }
    }
}

void simulated_reader::take(connection const& from, core::tape_reader::page const& page) {
    if (from.broken) return;
    read_.insert(read_.end(), page.items.begin(), page.items.end());
    done_ = done_ || page.ended;
}

void simulated_reader::lose_connection(simulated_instance const* to) {
    if (!newest_ || newest_->broken || done_ || (to && newest_->at != to)) return;
    schedule_.note("a reader of", run_id_, "loses its connection");
    newest_->broken = true;
    newest_->at->loop().after(1ms, [gone = newest_] { gone->stop.request(); });
    connect_soon();
}

} // namespace gatehouse::simulation
