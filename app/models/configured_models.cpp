#include "app/models/configured_models.hpp"

#include "app/data_directory.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

namespace gatehouse::app::models {

namespace {

// Throws startup_problem where it is named and not set.
std::optional<std::string> key_of(std::string const& name, protocol::model_settings const& settings) {
    if (!settings.api_key_env) return std::nullopt;
    auto const* key = std::getenv(settings.api_key_env->c_str());
    if (key && *key) return key;
    throw startup_problem(
        "models." + name + ".api_key_env: the environment variable " + *settings.api_key_env +
        " is not set; set it to the provider's key, or take the setting out."
    );
}

openai_options options_of(std::string const& name, protocol::model_settings const& settings) {
    openai_options options;
    options.base_url = settings.base_url;
    options.turn_timeout = std::chrono::milliseconds(settings.timeout_ms);
    options.http.head_timeout = std::chrono::milliseconds(settings.first_token_timeout_ms);
    if (settings.headers) {
        for (auto const& [header, value] : *settings.headers) options.headers.emplace_back(header, value);
    }
    if (auto key = key_of(name, settings)) options.api_key = std::move(*key);
    return options;
}

// Not every header holds a secret: an application's name must not vanish from every text.
bool holds_secret(std::string header) {
    std::ranges::transform(header, header.begin(), [](unsigned char c) { return std::tolower(c); });
    return std::ranges::any_of(std::array{"auth", "key", "token", "secret", "cookie"}, [&](char const* word) {
        return header.find(word) != std::string::npos;
    });
}

} // namespace

std::vector<std::string> secrets_of(protocol::config const& config) {
    std::vector<std::string> secrets;
    if (!config.models) return secrets;
    for (auto const& [name, settings] : *config.models) {
        if (auto key = key_of(name, settings)) secrets.push_back(std::move(*key));
        if (!settings.headers) continue;
        for (auto const& [header, value] : *settings.headers) {
            // Behind a word such as "Bearer".
            if (holds_secret(header)) secrets.push_back(value.substr(value.find_last_of(' ') + 1));
        }
    }
    return secrets;
}

configured_models::configured_models(
    net::io_loop& loop, core::clock const& time, protocol::config const& config
)
    : demo_(loop) {
    if (!config.models) return;
    for (auto const& [name, settings] : *config.models) {
        if (name == "demo")
            throw startup_problem("models.demo: this name is the built-in model's; choose another one.");
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
