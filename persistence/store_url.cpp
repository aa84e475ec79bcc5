#include "persistence/store_url.hpp"

#include "persistence/sql_error.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

namespace gatehouse::persistence {
namespace {

// A process that was stopped inside a transaction keeps its row locks: these bounds take them away well
// within a lease of 10 s. A user's own value for a keyword wins, but for `options`, which are appended.
std::map<std::string, std::string> const& own_settings() {
    static std::map<std::string, std::string> const settings{
        {"application_name", "gatehouse"},
        {"client_encoding", "UTF8"},
        {"connect_timeout", "5"},
        {"keepalives", "1"},
        {"keepalives_idle", "2"},
        {"keepalives_interval", "1"},
        {"keepalives_count", "3"},
        {"tcp_user_timeout", "5000"},
        {"target_session_attrs", "read-write"},
    };
    return settings;
}

constexpr char const* own_options = "-c idle_in_transaction_session_timeout=2000 -c lock_timeout=1000 -c "
                                    "default_transaction_isolation=read\\ committed";

std::string quoted(std::string_view value) {
    std::string out = "'";
    for (char c : value) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out += '\'';
}

std::vector<std::string> split(std::string const& list) {
    std::vector<std::string> parts(1);
    for (char const c : list) {
        if (c == ',')
            parts.emplace_back();
        else
            parts.back() += c;
    }
    return parts;
}

std::string join(std::vector<std::string> const& parts) {
    std::string list = parts.front();
    for (std::size_t i = 1; i < parts.size(); ++i) list += "," + parts[i];
    return list;
}

// libpq takes the first host of the list that takes writes.
std::vector<std::string> connections_of(std::map<std::string, std::string> settings) {
    std::vector<std::string> connections;
    auto const count = split(settings["host"]).size();
    for (std::size_t i = 0; i < count; ++i) {
        std::string text;
        for (auto const& [keyword, value] : settings)
            if (!value.empty()) text += keyword + "=" + quoted(value) + " ";
        connections.push_back(std::move(text));
        for (char const* each : {"host", "hostaddr", "port"}) {
            auto parts = split(settings[each]);
            std::ranges::rotate(parts, parts.begin() + 1);
            settings[each] = join(parts);
        }
    }
    return connections;
}

// Takes `name=value` out of the URL's query; nothing where it is not there.
std::optional<std::string> take_query(std::string& url, std::string_view name) {
    auto const question = url.find('?');
    for (auto at = question; at != std::string::npos; at = url.find('&', at + 1)) {
        if (!std::string_view(url).substr(at + 1).starts_with(name) || url[at + 1 + name.size()] != '=')
            continue;
        auto const end = std::min(url.find('&', at + 1), url.size());
        auto value = url.substr(at + 2 + name.size(), end - at - 2 - name.size());
        // What follows keeps a separator before it.
        if (end < url.size()) url[end] = url[at];
        url.erase(at, end - at);
        return value;
    }
    return std::nullopt;
}

bool takes_pooler(std::string& url) {
    auto const pooler = take_query(url, "pooler");
    if (pooler && *pooler != "transaction") {
        throw unusable_store(
            unusable_store::reason::bad_url,
            "The store's URL says pooler=" + *pooler +
                "; there is pooler=transaction only. A pooler that gives out "
                "whole sessions needs no mention."
        );
    }
    return pooler.has_value();
}

store_url parse_postgres(std::string text) {
    bool const pooled = takes_pooler(text);
    char* complaint = nullptr;
    std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> const parsed(
        PQconninfoParse(text.c_str(), &complaint), &PQconninfoFree
    );
    if (!parsed) {
        PQfreemem(complaint); // it may quote the URL, and with it the password
        throw unusable_store(
            unusable_store::reason::bad_url, "The store's URL is not a valid PostgreSQL URL; write "
                                             "postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        );
    }
    auto settings = own_settings();
    for (auto const* option = parsed.get(); option->keyword; ++option) {
        if (option->val) settings[option->keyword] = option->val;
    }
    // A pooler takes no options for a session; there they are set in each transaction.
    if (!pooled) {
        auto& options = settings["options"];
        options = options.empty() ? own_options : options + " " + own_options;
    }

    auto const shown = [&](char const* keyword, char const* otherwise) {
        auto const found = settings.find(keyword);
        return found == settings.end() || found->second.empty() ? std::string(otherwise) : found->second;
    };
    store_url url;
    url.kind = store_url::backend::postgres;
    url.pooled = pooled;
    url.password = shown("password", "");
    url.name = fmt::format(
        "PostgreSQL at {}:{}, database {}", shown("host", "the local socket"), shown("port", "5432"),
        shown("dbname", shown("user", "of the user's name").c_str())
    );
    url.connections = connections_of(std::move(settings));
    return url;
}

} // namespace

store_url store_url::parse(std::string_view text) {
    if (text.starts_with("postgresql://") || text.starts_with("postgres://"))
        return parse_postgres(std::string(text));
    if (!text.starts_with("sqlite:")) {
        throw unusable_store(
            unusable_store::reason::bad_url,
            "The store must be named as sqlite:PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        );
    }
    store_url url;
    url.path = text.substr(7);
    if (url.path.empty() || url.path.find('"') != std::string::npos ||
        url.path.find('\0') != std::string::npos) {
        throw unusable_store(
            unusable_store::reason::bad_url,
            "The store's path behind sqlite: must not be empty or hold a double quote."
        );
    }
    url.name = url.path;
    return url;
}

} // namespace gatehouse::persistence
