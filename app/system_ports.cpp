#include "app/system_ports.hpp"

#include <openssl/rand.h>

#include <stdexcept>

namespace gatehouse::app {

timestamp system_clock::now() const {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

void system_random::fill(std::span<std::byte> out) {
    if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) != 1) {
        throw std::runtime_error("the system gives no random bytes");
    }
}

} // namespace gatehouse::app
