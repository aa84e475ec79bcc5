#include "app/net/io_loop_impl.hpp"

#include "core/execution/stay_awake.hpp"

#include <boost/asio/post.hpp>

#include <csignal>
#include <ctime>
#include <utility>

namespace gatehouse::app::net {

namespace {
// Handlers that run before the end-of-turn hooks get their chance, so that a busy loop still writes.
constexpr int handlers_per_turn_max = 256;
} // namespace

io_loop::io_loop() : impl_(std::make_unique<impl>()) {}

io_loop::~io_loop() {
    // What a timer owns may close sockets, so it goes while the io_context is whole.
    impl_->timers_by_id.clear();
    auto forgotten = std::exchange(impl_->timers, {});
    auto never_called = std::exchange(impl_->end_of_turn, {});
}

void io_loop::post(std::unique_ptr<core::loop_task> job) {
    boost::asio::post(impl_->io, [job = std::move(job)] { job->run(); });
}

bool io_loop::is_current() const noexcept {
    return impl_->thread.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

core::steady_time io_loop::now() const { return impl_->now(); }

// Goes on while the machine sleeps, as others' clocks do: a lease that ran out meanwhile must be seen to
// have.
core::steady_time io_loop::impl::now() {
    timespec t{};
    ::clock_gettime(CLOCK_BOOTTIME, &t);
    return core::steady_time(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
}

core::loop::timer_id io_loop::start_timer(core::steady_time when, std::function<void()> job) {
    timer_id id = ++impl_->last_timer_id;
    auto place = impl_->timers.emplace(when, impl::timer{id, std::move(job)});
    impl_->timers_by_id.emplace(id, place);
    impl_->arm();
    return id;
}

void io_loop::stop_timer(timer_id id) {
    auto found = impl_->timers_by_id.find(id);
    if (found == impl_->timers_by_id.end()) return;
    auto place = found->second;
    impl_->timers_by_id.erase(found);
    auto forgotten = impl_->timers.extract(place); // dies last: its job may own what stops further timers
}

void io_loop::run() {
    impl_->thread.store(std::this_thread::get_id(), std::memory_order_relaxed);
    while (!impl_->stop_requested.load(std::memory_order_acquire)) {
        // A hook may have asked for another one; then there is something to do without any event.
        if (impl_->end_of_turn.empty()) {
            impl_->wait_for_work();
        } else {
            impl_->io.poll_one();
        }
        for (int i = 1; i < handlers_per_turn_max && impl_->io.poll_one() != 0; ++i) {
        }
        impl_->run_end_of_turn();
    }
    impl_->stop_requested.store(false, std::memory_order_relaxed);
    impl_->thread.store({}, std::memory_order_relaxed);
}

void io_loop::stop() {
    impl_->stop_requested.store(true, std::memory_order_release);
    boost::asio::post(impl_->io, [] {}); // wakes run() where it waits
}

void io_loop::at_end_of_turn(std::function<void()> job) { impl_->end_of_turn.push_back(std::move(job)); }

void io_loop::on_stop_signal(std::function<void()> job) {
    impl_->signals.emplace(impl_->io.get_executor(), SIGINT, SIGTERM);
    impl_->wait_for_signal(std::make_shared<std::function<void()>>(std::move(job)));
}

void io_loop::stay_awake_while(std::function<bool()> expects) { impl_->expects_work = std::move(expects); }

void io_loop::impl::wait_for_work() {
    bool const soon = expects_work && expects_work();
    if (soon && core::stay_awake_until([this] { return io.poll_one() != 0; })) return;
    io.run_one();
}

void io_loop::impl::arm() {
    if (timers.empty()) return;
    auto first = timers.begin()->first;
    if (armed && *armed <= first) return;
    armed = first;
    alarm.expires_after(first - now());
    alarm.async_wait([this](boost::system::error_code const& failure) {
        if (failure) return; // armed anew for an earlier time
        armed.reset();
        fire_due();
        arm();
    });
}

void io_loop::impl::fire_due() {
    auto const until = now();
    while (!timers.empty() && timers.begin()->first <= until) {
        auto due = timers.extract(timers.begin());
        timers_by_id.erase(due.mapped().id);
        due.mapped().job();
    }
}

void io_loop::impl::run_end_of_turn() {
    ending.swap(end_of_turn);
    for (auto& job : ending) job();
    ending.clear();
}

void io_loop::impl::wait_for_signal(std::shared_ptr<std::function<void()>> job) {
    signals->async_wait([this, job](boost::system::error_code const& failure, int) {
        if (failure) return;
        (*job)();
        wait_for_signal(job);
    });
}

} // namespace gatehouse::app::net
