#include "core/execution/fail_point.hpp"

#ifdef GATEHOUSE_FAIL_POINTS

#include <fmt/format.h>

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <stdexcept>
#include <string>

// The linker's names for the bounds of the section that the places leave their names in.
extern "C" char const* __start_gatehouse_fail_points[]; // NOLINT(bugprone-reserved-identifier)
extern "C" char const* __stop_gatehouse_fail_points[];  // NOLINT(bugprone-reserved-identifier)

namespace gatehouse::core {

namespace {

constexpr std::string_view actions[] = {"", "kill", "stop", "error", "sleep"};
// Longer than the shortest lease, so that a process that sleeps so long has lost it.
constexpr int sleep_ms = 1'500;

std::string_view take_part(std::string_view& text, char end) {
    auto const at = std::min(text.find(end), text.size());
    auto const part = text.substr(0, at);
    text.remove_prefix(std::min(at + 1, text.size()));
    return part;
}

struct order {
    std::string_view name;
    std::size_t action = 0; // 0: none that is known
    std::int64_t nth = 1;
};

order read_order(std::string_view text) {
    order wanted;
    wanted.name = take_part(text, ':');
    auto const action = take_part(text, ':');
    wanted.action = static_cast<std::size_t>(std::ranges::find(actions, action) - std::begin(actions));
    if (wanted.action == std::size(actions)) wanted.action = 0;
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), wanted.nth);
    bool const is_number = text.empty() || (failure == std::errc() && end == text.data() + text.size());
    if (!is_number || wanted.nth < 1) wanted.action = 0;
    return wanted;
}

std::string_view orders() {
    auto const* const text = std::getenv("GATEHOUSE_FAILPOINT");
    return text ? text : "";
}

std::span<char const* const> names() { return {__start_gatehouse_fail_points, __stop_gatehouse_fail_points}; }

} // namespace

fail_point::fail_point(std::string_view name) : name_(name) {
    for (auto rest = orders(); !rest.empty();) {
        auto const wanted = read_order(take_part(rest, ','));
        if (wanted.name != name_) continue;
        action_ = static_cast<action>(wanted.action);
        nth_ = wanted.nth;
    }
}

void fail_point::reach() {
    if (action_ != action::none && ++reached_ == nth_) act();
}

void fail_point::act() const {
    fmt::print(stderr, "fail point {}: {}\n", name_, actions[static_cast<std::size_t>(action_)]);
    switch (action_) {
    case action::none:
        return;
    case action::kill:
        ::kill(::getpid(), SIGKILL);
        return;
    case action::stop:
        // At this thread, so that it stops here and not a few lines later.
        ::pthread_kill(::pthread_self(), SIGSTOP);
        return;
    case action::error:
        throw std::runtime_error("planted at fail point " + std::string(name_));
    case action::sleep:
        ::poll(nullptr, 0, sleep_ms);
        return;
    }
}

std::optional<int> check_fail_points() {
    if (orders() == "list") {
        for (auto const* name : names()) fmt::print("{}\n", name);
        return 0;
    }
    for (auto rest = orders(); !rest.empty();) {
        auto const text = take_part(rest, ',');
        auto const wanted = read_order(text);
        bool const is_known = std::ranges::find(names(), wanted.name) != names().end();
        if (is_known && wanted.action != 0) continue;
        fmt::print(
            stderr,
            "gatehouse: GATEHOUSE_FAILPOINT: '{}' is not NAME:kill|stop|error|sleep[:NTH] with a name that "
            "GATEHOUSE_FAILPOINT=list prints.\n",
            text
        );
        return 2;
    }
    return std::nullopt;
}

} // namespace gatehouse::core

#endif
