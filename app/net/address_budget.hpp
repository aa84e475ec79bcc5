#pragma once
// How many sockets may be open that nobody has vouched for yet, in all and for each address (protocol.md 2).
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace gatehouse::app::net {

// Loop only. Must outlive its tickets.
class address_budget {
    using counts = std::map<std::string, std::size_t>; // whose iterators stay valid

  public:
    // One place in the budget, given back when it goes or is reset. An empty one was refused, or given back.
    class ticket {
      public:
        ticket() = default;
        ticket(address_budget& from, counts::iterator address) : from_(&from), address_(address) {}
        ticket(ticket&& other) noexcept
            : from_(std::exchange(other.from_, nullptr)), address_(other.address_) {}
        ticket& operator=(ticket&& other) noexcept {
            if (this != &other) {
                reset();
                from_ = std::exchange(other.from_, nullptr);
                address_ = other.address_;
            }
            return *this;
        }
        ~ticket() { reset(); }

        explicit operator bool() const noexcept { return from_ != nullptr; }
        void reset() noexcept {
            if (from_ != nullptr) std::exchange(from_, nullptr)->give_back(address_);
        }

      private:
        address_budget* from_ = nullptr;
        counts::iterator address_;
    };

    address_budget(std::size_t per_address_max, std::size_t total_max)
        : per_address_max_(per_address_max), total_max_(total_max) {}
    address_budget(address_budget const&) = delete;
    address_budget& operator=(address_budget const&) = delete;

    // An empty ticket where the budget of that address, or of all, is used up.
    ticket take(std::string const& address) { return take_below(address, per_address_max_); }
    // For a trusted proxy, behind which many peers share one address: only the total counts.
    ticket take_for_proxy(std::string const& address) { return take_below(address, total_max_); }

    std::size_t taken() const noexcept { return taken_; }

  private:
    ticket take_below(std::string const& address, std::size_t max) {
        if (taken_ >= total_max_ || max == 0) return {};
        auto place = by_address_.try_emplace(address, 0).first;
        if (place->second >= max) return {};
        ++place->second;
        ++taken_;
        return {*this, place};
    }

    void give_back(counts::iterator address) noexcept {
        --taken_;
        if (--address->second == 0) by_address_.erase(address);
    }

    std::size_t per_address_max_;
    std::size_t total_max_;
    std::size_t taken_ = 0;
    counts by_address_;
};

} // namespace gatehouse::app::net
