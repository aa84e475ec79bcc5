#pragma once
// A client that follows the tape of one run to its end, and goes on elsewhere from the last item it has read.
#include "tests/simulation/simulated_instance.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::simulation {

class simulated_reader {
  public:
    simulated_reader(
        schedule& in, simulated_loop& outside, std::string run_id,
        std::function<simulated_instance*()> choose_instance
    )
        : schedule_(in),
          outside_(outside),
          run_id_(std::move(run_id)),
          choose_instance_(std::move(choose_instance)) {
        connect_soon();
    }

    // The connection ends where it is to this instance, or to any.
    void lose_connection(simulated_instance const* to = nullptr);

    std::string const& run_id() const { return run_id_; }
    std::vector<core::tape_item> const& read() const { return read_; }
    // It was told that the tape has ended.
    bool is_done() const { return done_; }

  private:
    struct connection {
        explicit connection(simulated_instance& to) : at(&to) {}
        simulated_instance* at;
        bool broken = false;
        core::cancellation stop;
    };

    void connect_soon();
    void take(connection const& from, core::tape_reader::page const& page);
    static core::task<> follow(simulated_reader& me, std::shared_ptr<connection> mine, std::int64_t after);

    schedule& schedule_;
    simulated_loop& outside_;
    std::string run_id_;
    std::function<simulated_instance*()> choose_instance_;
    std::shared_ptr<connection> newest_;
    std::vector<core::tape_item> read_;
    bool done_ = false;
};

} // namespace gatehouse::simulation
