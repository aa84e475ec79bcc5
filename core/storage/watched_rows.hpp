#pragma once
#include <string>
#include <vector>

namespace gatehouse::core {

// The rows that this process looks after and another one may change.
struct watched_rows {
    std::vector<std::string> runs;        // it works on
    std::vector<std::string> invocations; // it waits for, or has sent
    std::vector<std::string> devices;     // whose connections it holds
    std::vector<std::string> waiting;     // devices that wait here for the decision about their pairing
};

} // namespace gatehouse::core
