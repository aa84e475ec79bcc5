// PUT and GET /v1/artifacts/{artifact_id}.
#include "app/http/http_routes.hpp"
#include "core/artifacts/make_artifact.hpp"

#include <algorithm>
#include <charconv>

namespace gatehouse::app {

namespace {

constexpr std::int64_t piece_bytes = 256 * 1024;

struct byte_range {
    std::int64_t first = 0;
    std::int64_t last = 0; // inclusive
};

bool take_number(std::string_view text, std::int64_t& to) {
    auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), to);
    return failure == std::errc() && end == text.data() + text.size() && to >= 0;
}

// One range of RFC 9110; anything else is answered with the whole. Nothing: the range cannot be satisfied.
std::optional<byte_range> requested_range(std::optional<std::string_view> header, std::int64_t size) {
    byte_range whole{0, size - 1};
    if (!header || !header->starts_with("bytes=") || header->find(',') != std::string_view::npos)
        return whole;
    auto spec = header->substr(6);
    auto dash = spec.find('-');
    if (dash == std::string_view::npos) return whole;
    std::int64_t first = 0;
    std::int64_t last = size - 1;
    if (dash == 0) {
        std::int64_t suffix = 0;
        if (!take_number(spec.substr(1), suffix)) return whole;
        if (suffix == 0) return std::nullopt;
        return byte_range{std::max<std::int64_t>(0, size - suffix), size - 1};
    }
    if (!take_number(spec.substr(0, dash), first)) return whole;
    if (dash + 1 < spec.size() && !take_number(spec.substr(dash + 1), last)) return whole;
    if (first >= size || last < first) return std::nullopt;
    return byte_range{first, std::min(last, size - 1)};
}

class artifact_stream final : public net::body_source {
  public:
    artifact_stream(core::database& db, std::string id, byte_range range)
        : db_(db), id_(std::move(id)), range_(range) {}

    core::task<std::optional<std::string>> next(core::cancellation& stop) override {
        if (range_.first > range_.last || stop.requested()) co_return std::nullopt;
        auto length = std::min(piece_bytes, range_.last - range_.first + 1);
        auto unit = [id = id_, offset = range_.first, length](core::snapshot& view) {
            return view.artifacts().read(id, offset, length);
        };
        auto piece = co_await db_.read(std::move(unit));
        if (piece.empty()) co_return std::nullopt;
        range_.first += static_cast<std::int64_t>(piece.size());
        co_return piece;
    }

  private:
    core::database& db_;
    std::string id_;
    byte_range range_;
};

std::string media_type_of(net::http_request const& request) {
    auto type = request.header("content-type");
    return type && !type->empty() ? std::string(*type) : "application/octet-stream";
}

} // namespace

core::task<net::http_response>
http_routes::put_artifact(net::http_request request, peer from, std::string artifact_id) {
    bool may = from.role == protocol::peer_role::node ? from.token_kind == "node"
                                                      : from.scopes.has(protocol::scope::write);
    if (!may)
        co_return problem_response({errc::forbidden, "Uploading needs a node's token or the scope 'write'."});
    auto made = core::make_artifact(
        request.body, media_type_of(request), std::nullopt, env_.all.get<core::clock const>().now()
    );
    if (made.artifact_id != artifact_id) {
        co_return problem_response(
            {errc::invalid_params,
             "artifact_id: these bytes are " + made.artifact_id + ", not " + artifact_id + "."}
        );
    }
    boost::json::object shown{{"artifact_id", made.artifact_id}, {"media_type", made.media_type}};
    if (auto name = request.query_parameter("name")) shown["name"] = *(made.name = *name);
    if (auto fits = env_.calls.check_artifact(shown); !fits) co_return problem_response(fits.error());
    auto unit = [made, bytes = std::move(request.body), principal = from.principal](core::transaction& tx) {
        tx.artifacts().put(made, bytes, principal);
    };
    co_await env_.all.get<core::database>().write(std::move(unit));
    net::http_response r;
    r.status = 201;
    r.headers = {{"Content-Type", "application/json"}, {"Location", "/v1/artifacts/" + artifact_id}};
    r.body = R"({"artifact_id":")" + artifact_id + R"(","size":)" + std::to_string(made.size) + "}";
    co_return r;
}

core::task<net::http_response>
http_routes::get_artifact(net::http_request const& request, peer from, std::string artifact_id) {
    if (!from.scopes.has(protocol::scope::read))
        co_return problem_response({errc::forbidden, "This needs a token with the scope 'read'."});
    std::optional<std::string> owner;
    if (!from.scopes.is_admin()) owner = from.principal;
    auto& db = env_.all.get<core::database>();
    auto unit = [artifact_id, owner](core::snapshot& view) {
        return view.artifacts().find(artifact_id, owner);
    };
    auto found = co_await db.read(std::move(unit));
    if (!found) co_return problem_response({errc::not_found, "There is no artifact '" + artifact_id + "'."});
    net::http_response r;
    auto etag = "\"" + artifact_id + "\"";
    r.headers = {
        {"Accept-Ranges", "bytes"},
        {"ETag", etag},
        {"Cache-Control", "private, max-age=31536000, immutable"},
        {"Content-Security-Policy", "sandbox; default-src 'none'"},
        {"X-Content-Type-Options", "nosniff"}
    };
    if (request.header("if-none-match") == etag) {
        r.status = 304;
        co_return r;
    }
    std::optional<byte_range> range = byte_range{0, -1};
    if (found->size > 0) range = requested_range(request.header("range"), found->size);
    auto total = std::to_string(found->size);
    if (!range) {
        auto refused =
            problem_response({errc::invalid_params, "Range: the artifact has " + total + " bytes."}, 416);
        refused.headers.emplace_back("Content-Range", "bytes */" + total);
        co_return refused;
    }
    r.headers.emplace_back("Content-Type", found->media_type);
    if (range->last - range->first + 1 != found->size) {
        r.status = 206;
        r.headers.emplace_back(
            "Content-Range",
            "bytes " + std::to_string(range->first) + "-" + std::to_string(range->last) + "/" + total
        );
    }
    if (request.method != "HEAD" && found->size > 0)
        r.stream = std::make_unique<artifact_stream>(db, artifact_id, *range);
    co_return r;
}

} // namespace gatehouse::app
