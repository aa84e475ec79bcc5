#pragma once
// The production loop: core::loop on an io_context with one thread.
#include "core/execution/loop.hpp"

#include <functional>
#include <memory>

namespace gatehouse::app::net {

class io_loop final : public core::loop {
  public:
    io_loop();
    ~io_loop() override;

    void post(std::unique_ptr<core::loop_task> job) override;
    bool is_current() const noexcept override;
    core::steady_time now() const override;
    timer_id start_timer(core::steady_time when, std::function<void()> job) override;
    void stop_timer(timer_id id) override;

    // Runs until stop(). After each batch of ready work it calls the hooks of at_end_of_turn, which is where
    // connections write what was queued.
    void run();
    // Any thread.
    void stop();
    // Calls `job` once at the end of the current turn (after at most 256 handlers). Loop only.
    void at_end_of_turn(std::function<void()> job);
    // Calls `job` on the loop when the process gets one of SIGINT, SIGTERM.
    void on_stop_signal(std::function<void()> job);

    // While `expects` says so, the loop stays awake for a moment before it sleeps: work for it is about to
    // come from another thread. Loop only.
    void stay_awake_while(std::function<bool()> expects);

    struct impl; // the io_context, for the other files of app/net
    impl& internals() noexcept { return *impl_; }

  private:
    std::unique_ptr<impl> impl_;
};

} // namespace gatehouse::app::net
