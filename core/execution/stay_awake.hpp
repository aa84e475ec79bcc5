#pragma once
#include <chrono>
#include <thread>

namespace gatehouse::core {

// Looks again and again whether `has_come` what a thread waits for, for a moment before it goes to sleep;
// true if so. Two threads that hand work to and fro lose more time by waking than by working: a commit to a
// fast disk takes as long as three wake-ups. Whoever else wants the processor gets it first. Any thread.
template <class F>
bool stay_awake_until(F has_come) {
    static constexpr std::chrono::microseconds patience{200};
    auto const end = std::chrono::steady_clock::now() + patience;
    do {
        if (has_come()) return true;
        std::this_thread::yield();
    } while (std::chrono::steady_clock::now() < end);
    return false;
}

} // namespace gatehouse::core
