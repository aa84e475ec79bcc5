#include "tests/support/store_fixture.hpp"

namespace gatehouse::testing {
namespace {

template <class Access>
class test_unit final : public core::database::unit<Access> {
  public:
    explicit test_unit(std::function<bool(Access&)> work) : work_(std::move(work)) {}

    bool run(Access& access) override { return work_(access); }
    void finished(std::exception_ptr why) override {
        failure_ = std::move(why);
        done_ = true;
    }

    void run_on(persistence::db& on, manual_loop& loop) {
        on.enqueue(*this);
        if (!loop.run_until([this] { return done_; })) throw std::runtime_error("it does not end");
        if (failure_) std::rethrow_exception(failure_);
    }

  private:
    std::function<bool(Access&)> work_;
    std::exception_ptr failure_;
    bool done_ = false;
};

} // namespace

void store_fixture::run_unit(std::function<bool(core::transaction&)> work) {
    test_unit<core::transaction>(std::move(work)).run_on(*db_, loop_);
}

void store_fixture::run_unit(std::function<bool(core::snapshot&)> work) {
    test_unit<core::snapshot>(std::move(work)).run_on(*db_, loop_);
}

} // namespace gatehouse::testing
