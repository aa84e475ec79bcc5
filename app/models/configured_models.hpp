#pragma once
// The models by the names agents use: those of the configuration, and `demo`.
#include "app/models/demo_model.hpp"
#include "app/models/openai_compatible.hpp"
#include "core/ports/model.hpp"
#include "protocol/gen/config.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::app::models {

// The keys that the configuration names, and what its headers prove themselves with. Throws startup_problem
// where a key's environment variable is not set.
std::vector<std::string> secrets_of(protocol::config const& config);

// Loop only.
class configured_models final : public core::model_catalog {
  public:
    // Throws startup_problem where a key's environment variable is not set.
    configured_models(net::io_loop& loop, core::clock const& time, protocol::config const& config);

    std::optional<entry> find(std::string_view name) const override;

  private:
    struct configured {
        std::unique_ptr<openai_compatible> provider;
        std::string model_name;
    };
    mutable demo_model demo_;
    std::map<std::string, configured, std::less<>> by_name_;
};

} // namespace gatehouse::app::models
