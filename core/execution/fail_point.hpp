#pragma once
// Places with a name, at which a test kills, stops, delays or fails this process:
// GATEHOUSE_FAIL_POINT("worker.claimed"). Builds with assertions have them; in a release the macro is
// nothing.
#ifndef NDEBUG
#define GATEHOUSE_FAIL_POINTS
#endif

#ifdef GATEHOUSE_FAIL_POINTS

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gatehouse::core {

// One place. It reads what it has to do from GATEHOUSE_FAILPOINT when it is first reached. Any thread.
//   GATEHOUSE_FAILPOINT=NAME:kill|stop|error|sleep[:NTH][,…]
// acts on the NTH time (from 1, the default) that NAME is reached, and on no other.
class fail_point {
  public:
    explicit fail_point(std::string_view name);
    // Returns, unless it was told to kill; throws std::runtime_error where it was told to fail.
    void reach();

  private:
    enum class action : std::uint8_t { none, kill, stop, error, sleep };
    void act() const;

    std::string_view name_;
    action action_ = action::none;
    std::int64_t nth_ = 1;
    std::atomic<std::int64_t> reached_{0};
};

// For main. GATEHOUSE_FAILPOINT=list prints the names of all places; a value that no place would act on is
// refused. The exit code, or nothing where the program goes on.
std::optional<int> check_fail_points();

} // namespace gatehouse::core

// Each place leaves its name in a section of the program, so that nobody keeps a list of them.
#define GATEHOUSE_FAIL_POINT(name)                                                                           \
    do {                                                                                                     \
        [[gnu::used, gnu::retain,                                                                            \
          gnu::section("gatehouse_fail_points")]] static constinit char const* fail_point_name = name;       \
        static ::gatehouse::core::fail_point fail_point_here(fail_point_name);                               \
        fail_point_here.reach();                                                                             \
    } while (false)

#else
#define GATEHOUSE_FAIL_POINT(name) static_cast<void>(0)
#endif
