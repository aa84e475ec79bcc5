// POST /hooks/{trigger_name}: the signature is the credential, the nonce is the slot.
#include "app/http/http_routes.hpp"
#include "app/net/frame_codec.hpp"
#include "core/execution/fail_point.hpp"
#include "core/triggers/fire_hook.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <memory>

namespace gatehouse::app {

namespace json = boost::json;

namespace {

constexpr std::size_t nonce_length_max = 128;
constexpr std::size_t content_type_length_max = 255;

// Empty where no trigger can have that name.
std::string name_in(std::string_view path) {
    auto name = path.substr(std::string_view("/hooks/").size());
    constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    return name.find_first_not_of(allowed) == std::string_view::npos ? std::string(name) : std::string();
}

std::string header_or_empty(net::http_request const& request, std::string_view name) {
    return std::string(request.header(name).value_or(""));
}

core::hook_request make_hook_request(net::http_request& from) {
    core::hook_request made;
    made.name = name_in(from.path);
    made.signature = header_or_empty(from, "x-gatehouse-signature");
    made.sent_at = header_or_empty(from, "x-gatehouse-timestamp");
    made.nonce = header_or_empty(from, "x-gatehouse-nonce");
    made.content_type = header_or_empty(from, "content-type");
    if (made.content_type.empty()) made.content_type = "application/octet-stream";
    made.body = std::move(from.body);
    return made;
}

// What is wrong whoever sent it. The status where HTTP has a closer one than the error's own.
struct malformed {
    error why;
    std::optional<int> status;
};

std::optional<malformed> find_malformed(core::hook_request const& request) {
    bool is_printable = std::ranges::all_of(request.nonce, [](char c) { return c >= ' ' && c <= '~'; });
    if (request.nonce.empty() || request.nonce.size() > nonce_length_max || !is_printable) {
        return malformed{
            {errc::invalid_request,
             "X-Gatehouse-Nonce must be 1 to 128 printable ASCII characters, sent once."},
            {}
        };
    }
    if (request.content_type.size() > content_type_length_max || !net::is_utf8(request.content_type))
        return malformed{
            {errc::invalid_request, "Content-Type must be at most 255 characters of text."}, 415
        };
    return std::nullopt;
}

net::http_response describe_firing(core::trigger_firing const& fired) {
    if (!fired.run_id) {
        return problem_response(
            {errc::wrong_state, "The run could not be started: " + fired.reason.value_or("it was missed.")}
        );
    }
    net::http_response r;
    r.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
    r.body = json::serialize(json::object{{"slot", fired.slot}, {"run_id", *fired.run_id}});
    return r;
}

} // namespace

core::task<net::http_response> http_routes::hook(net::http_request request) {
    if (request.method != "POST") co_return method_not_allowed("POST");
    auto const hook = std::make_shared<core::hook_request const>(make_hook_request(request));
    if (auto wrong = find_malformed(*hook)) co_return problem_response(wrong->why, wrong->status);
    auto& db = env_.all.get<core::database>();
    // Looked at in a snapshot first: who has no secret does not reach the writer.
    auto look = [hook](core::snapshot& view) -> result<void> {
        auto found = core::check_hook(view, *hook);
        if (!found) return std::unexpected(found.error());
        return {};
    };
    if (auto may = co_await db.read(std::move(look)); !may)
        co_return refuse_hook(may.error(), request.remote_address);
    if (!net::is_utf8(hook->body))
        co_return problem_response({errc::invalid_request, "The body must be text in UTF-8."}, 415);
    json::object reaches_run{{"content_type", hook->content_type}, {"body", hook->body}};
    env_.all.get<core::secret_filter const>().clean(reaches_run);
    auto unit = [hook, reaches_run,
                 &settings = env_.all.get<core::run_settings const>()](core::transaction& tx) {
        return core::fire_hook(tx, *hook, reaches_run, settings);
    };
    GATEHOUSE_FAIL_POINT("hook.before_fire");
    auto fired = co_await db.write(std::move(unit));
    GATEHOUSE_FAIL_POINT("hook.fired");
    co_return fired ? describe_firing(*fired) : refuse_hook(fired.error(), request.remote_address);
}

net::http_response http_routes::refuse_hook(error const& why, std::string const& address) {
    if (why.code == errc::unauthenticated && tokens_.count_failure(address)) {
        return problem_response(
            {errc::rate_limited, "Too many wrong signatures came from this address; wait a minute."}
        );
    }
    return problem_response(why);
}

} // namespace gatehouse::app
