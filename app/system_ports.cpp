#include "app/system_ports.hpp"

#include <openssl/rand.h>

#include <ctime>
#include <stdexcept>

namespace gatehouse::app {

namespace {

std::chrono::milliseconds since_boot() {
    timespec passed{};
    clock_gettime(CLOCK_BOOTTIME, &passed);
    return std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::seconds(passed.tv_sec) + std::chrono::nanoseconds(passed.tv_nsec)
    );
}

} // namespace

timestamp system_clock::now() const {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

unsteppable_clock::unsteppable_clock() : boot_(system_clock().now().time_since_epoch() - since_boot()) {}

timestamp unsteppable_clock::now() const { return timestamp(boot_ + since_boot()); }

void system_random::fill(std::span<std::byte> out) {
    if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) != 1) {
        throw std::runtime_error("the system gives no random bytes");
    }
}

} // namespace gatehouse::app
