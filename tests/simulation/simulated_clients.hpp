#pragma once
// People and clients: they call methods under idempotency keys, repeat what was not answered, wherever
// somebody listens, and remember what they were told.
#include "tests/simulation/simulated_instance.hpp"

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::simulation {

struct client_request {
    std::string method;
    boost::json::object params;
    std::string key;
    std::string text; // of the message in it: stands on the tape of one run
    int sent = 0;
    bool done = false;
    std::vector<std::string> replies; // every one that came
    std::optional<errc> refused;      // what ended it, where that was an error
};

class simulated_clients {
  public:
    simulated_clients(
        schedule& in, simulated_loop& outside, std::function<simulated_instance*()> choose_instance
    )
        : schedule_(in), outside_(outside), choose_instance_(std::move(choose_instance)) {}

    // Returns the key.
    std::string request(std::string method, boost::json::object params);

    std::deque<client_request> const& requests() const { return requests_; }
    bool all_done() const;

  private:
    void send(client_request& request);
    void take(client_request& request, result<std::string> reply);

    schedule& schedule_;
    simulated_loop& outside_;
    std::function<simulated_instance*()> choose_instance_;
    std::deque<client_request> requests_;
};

} // namespace gatehouse::simulation
