#pragma once
// A database with its threads on a store of the test's own, driven from the test's thread.
#include "core/execution/task_group.hpp"
#include "persistence/db.hpp"
#include "tests/support/fresh_store.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/manual_loop.hpp"
#include "tests/support/planted_failures.hpp"
#include "tests/support/seeded_random.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>

namespace gatehouse::testing {

class store_fixture : public on_each_store {
  protected:
    void SetUp() override {
        on_each_store::SetUp();
        if (IsSkipped()) return;
        store_ = std::make_unique<fresh_store>(GetParam());
        time_.on_moved = [this](timestamp now) { store_->set_server_time(now); };
        time_.on_moved(time_.now());
        open();
    }

    void TearDown() override {
        if (db_) db_->stop();
        loop_.run_until_idle();
    }

    void open(persistence::db_options options = {}) {
        db_.reset();
        options.before_statement = failures_.hook();
        options.artifacts = artifacts_.path();
        db_ = std::make_unique<persistence::db>(store_->url(), loop_, store_time_, ids_, std::move(options));
    }

    // Runs `work` as a unit and returns what it returned; throws what it threw. Without a coroutine for each
    // lambda, which would take the compiler a second each.
    template <class F>
    auto write(F work) {
        return run_here<std::invoke_result_t<F&, core::transaction&>, core::transaction>(work);
    }
    template <class F>
    auto read(F work) {
        return run_here<std::invoke_result_t<F&, core::snapshot&>, core::snapshot>(work);
    }

    // Starts `work` without waiting; its outcome is of no interest but that it ends.
    void start(core::task<> work) { started_.spawn(std::move(work)); }
    void wait_for_started() {
        if (!loop_.run_until([&] { return started_.running() == 0; }))
            throw std::runtime_error("it does not end");
    }

    bool is_postgres() const { return GetParam() == store_url::backend::postgres; }

    temporary_directory artifacts_;
    planted_failures failures_;
    manual_loop loop_;
    manual_clock time_;
    core::store_clock store_time_{time_};
    seeded_random random_;
    core::id_source ids_{time_, random_};
    std::unique_ptr<fresh_store> store_;
    std::unique_ptr<persistence::db> db_;

  private:
    template <class T, class Access, class F>
    T run_here(F& work) {
        if constexpr (std::is_void_v<T>) {
            run_unit(std::function<bool(Access&)>([&](Access& access) { return work(access), true; }));
        } else {
            std::optional<T> out;
            run_unit(std::function<bool(Access&)>([&](Access& access) {
                out.emplace(work(access));
                if constexpr (core::detail::is_result<T>) return out->has_value();
                return true;
            }));
            return std::move(*out);
        }
    }
    void run_unit(std::function<bool(core::transaction&)> work);
    void run_unit(std::function<bool(core::snapshot&)> work);

    core::task_group started_{loop_, [](std::exception_ptr) {}};
};

} // namespace gatehouse::testing
