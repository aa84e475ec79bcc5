#include "app/node/system_capability.hpp"

#include "app/node/output_text.hpp"

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace gatehouse::app::node {
namespace {

constexpr std::string_view descriptor_json = R"json({
  "id": "system",
  "version": "1.0.0",
  "operations": [{
    "name": "info",
    "description": "The machine's name, operating system, processors, memory, load and uptime.",
    "input_schema": {"type": "object", "properties": {}, "additionalProperties": false},
    "output_schema": {
      "type": "object",
      "properties": {
        "hostname": {"type": "string"},
        "os": {"type": "string"},
        "release": {"type": "string"},
        "version": {"type": "string"},
        "architecture": {"type": "string"},
        "processors": {"type": "integer"},
        "memory_bytes": {"type": "integer"},
        "memory_free_bytes": {"type": "integer"},
        "load_average": {"type": "array", "items": {"type": "number"}, "maxItems": 3},
        "uptime_ms": {"type": "integer"}
      },
      "required": ["hostname", "os", "release", "version", "architecture", "processors", "memory_bytes",
                   "memory_free_bytes", "load_average", "uptime_ms"],
      "additionalProperties": false
    },
    "risk": "read",
    "idempotent": true
  }]
})json";

class system_capability final : public capability {
  public:
    protocol::capability const& descriptor() const override { return descriptor_; }

    core::task<result<operation_outcome>>
    run(std::string, boost::json::object const&, operation_call&) override {
        struct utsname names{};
        ::uname(&names);
        struct sysinfo numbers{};
        ::sysinfo(&numbers);
        double load[3] = {0, 0, 0};
        ::getloadavg(load, 3);
        auto const unit = static_cast<std::int64_t>(numbers.mem_unit);
        boost::json::object info{
            {"hostname", to_utf8(names.nodename)},
            {"os", names.sysname},
            {"release", names.release},
            {"version", names.version},
            {"architecture", names.machine},
            {"processors", ::sysconf(_SC_NPROCESSORS_ONLN)},
            {"memory_bytes", static_cast<std::int64_t>(numbers.totalram) * unit},
            {"memory_free_bytes", static_cast<std::int64_t>(numbers.freeram) * unit},
            {"load_average", {load[0], load[1], load[2]}},
            {"uptime_ms", static_cast<std::int64_t>(numbers.uptime) * 1000},
        };
        co_return operation_outcome{std::move(info), {}};
    }

  private:
    protocol::capability descriptor_ = read_descriptor(descriptor_json);
};

} // namespace

std::unique_ptr<capability> make_system_capability() { return std::make_unique<system_capability>(); }

} // namespace gatehouse::app::node
