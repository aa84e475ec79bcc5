#pragma once
// How a run, a call or a connection asks the work done for it to stop. One source, any number of listeners.
#include <functional>
#include <list>
#include <memory>
#include <utility>

namespace gatehouse::core {

// Loop only. Cancelled once, never un-cancelled.
class cancellation {
    using callbacks = std::list<std::function<void()>>;

  public:
    // Unregisters its callback when it goes.
    class registration {
      public:
        registration() = default;
        registration(std::shared_ptr<callbacks> all, callbacks::iterator mine)
            : all_(std::move(all)), mine_(mine) {}
        registration(registration&& other) noexcept { swap(other); }
        registration& operator=(registration&& other) noexcept {
            registration gone(std::move(other));
            swap(gone);
            return *this;
        }
        ~registration() {
            if (all_) all_->erase(mine_);
        }

      private:
        void swap(registration& other) noexcept {
            std::swap(all_, other.all_);
            std::swap(mine_, other.mine_);
        }
        std::shared_ptr<callbacks> all_;
        callbacks::iterator mine_;
    };

    cancellation() = default;
    cancellation(cancellation const&) = delete;
    cancellation& operator=(cancellation const&) = delete;

    bool requested() const noexcept { return requested_; }

    // Calls every registered callback once, in the order of registration.
    void request() {
        if (std::exchange(requested_, true)) return;
        // A callback may unregister others, so each one is taken out of reach before it is called.
        for (auto& each : *callbacks_) {
            if (auto call = std::exchange(each, nullptr)) call();
        }
    }

    // `call` runs inside request(), or at once where it was requested already. It must not destroy its
    // registration.
    [[nodiscard]] registration on_request(std::function<void()> call) {
        if (requested_) {
            call();
            return {};
        }
        callbacks_->push_back(std::move(call));
        return {callbacks_, std::prev(callbacks_->end())};
    }

  private:
    bool requested_ = false;
    std::shared_ptr<callbacks> callbacks_ = std::make_shared<callbacks>();
};

} // namespace gatehouse::core
