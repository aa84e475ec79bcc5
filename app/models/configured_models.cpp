#include "app/models/configured_models.hpp"

#include "app/data_directory.hpp"

#include <cstdlib>

namespace gatehouse::app::models {

namespace {

openai_options options_of(std::string const& name, protocol::model_settings const& settings) {
    openai_options options;
    options.base_url = settings.base_url;
    options.turn_timeout = std::chrono::milliseconds(settings.timeout_ms);
    options.http.head_timeout = std::chrono::milliseconds(settings.first_token_timeout_ms);
    if (settings.headers) {
        for (auto const& [header, value] : *settings.headers) options.headers.emplace_back(header, value);
    }
    if (!settings.api_key_env) return options;
    auto const* key = std::getenv(settings.api_key_env->c_str());
    if (!key || !*key) {
        throw startup_problem(
            "models." + name + ".api_key_env: the environment variable " + *settings.api_key_env +
            " is not set; set it to the provider's key, or take the setting out."
        );
    }
    options.api_key = key;
    return options;
}

} // namespace

configured_models::configured_models(
    net::io_loop& loop, core::clock const& time, protocol::config const& config
)
    : demo_(loop) {
    if (!config.models) return;
    for (auto const& [name, settings] : *config.models) {
        auto provider = std::make_unique<openai_compatible>(loop, time, options_of(name, settings));
        by_name_[name] = {std::move(provider), settings.model};
    }
}

std::optional<core::model_catalog::entry> configured_models::find(std::string_view name) const {
    if (auto found = by_name_.find(name); found != by_name_.end()) {
        return entry{found->second.provider.get(), found->second.model_name};
    }
    if (name == "demo") return entry{&demo_, "demo"};
    return std::nullopt;
}

} // namespace gatehouse::app::models
