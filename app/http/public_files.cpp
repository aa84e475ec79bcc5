#include "app/http/public_files.hpp"

#include "protocol/gen/bundled_schemas.hpp"
#include "protocol/gen/openrpc.hpp"
#include "web/console_files.hpp"

#include <algorithm>

namespace gatehouse::app {

namespace {

// The console loads nothing from elsewhere and runs nothing inline.
constexpr std::string_view content_policy =
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; frame-ancestors 'none'; base-uri "
    "'none'; form-action 'none'";

net::http_response file_response(std::string_view media_type, std::string_view text) {
    net::http_response r;
    r.headers = {{"Content-Type", std::string(media_type)}, {"X-Content-Type-Options", "nosniff"}};
    r.body = text;
    return r;
}

std::optional<net::http_response> console_file(net::http_request const& request) {
    auto path = request.path == "/" ? std::string("/index.html") : request.path;
    for (auto const& file : web::console_files()) {
        if (file.path != path) continue;
        auto etag = std::string(file.etag);
        net::http_response r;
        if (request.header("if-none-match") == etag) {
            r.status = 304;
        } else {
            r = file_response(file.content_type, file.content);
        }
        r.headers.emplace_back("ETag", etag);
        r.headers.emplace_back(
            "Cache-Control", file.immutable ? "public, max-age=31536000, immutable" : "no-cache"
        );
        r.headers.emplace_back("Content-Security-Policy", std::string(content_policy));
        r.headers.emplace_back("Referrer-Policy", "no-referrer");
        return r;
    }
    return std::nullopt;
}

} // namespace

net::http_response text_response(std::string body) {
    net::http_response r;
    r.headers = {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}};
    r.body = std::move(body);
    return r;
}

std::optional<net::http_response> public_file(net::http_request const& request) {
    if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
    if (request.path == "/openrpc.json") return file_response("application/json", protocol::openrpc());
    static constexpr std::string_view schemas = "/schemas/";
    if (request.path.starts_with(schemas)) {
        auto wanted = std::string_view(request.path).substr(schemas.size());
        auto all = protocol::bundled_schemas();
        auto found = std::ranges::find_if(all, [&](auto const& each) { return each.path == wanted; });
        if (found != all.end()) return file_response("application/schema+json", found->text);
        net::http_response nothing = text_response("There is no such schema.\n");
        nothing.status = 404;
        return nothing;
    }
    return console_file(request);
}

} // namespace gatehouse::app
