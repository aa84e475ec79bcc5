#include "app/node/node.hpp"

#include "app/client/private_file.hpp"
#include "app/node/files_capability.hpp"
#include "app/node/process_capability.hpp"
#include "app/node/system_capability.hpp"
#include "core/execution/wakeup.hpp"
#include "protocol/gen/method_list.hpp"
#include "protocol/gen/methods/capability_cancel.hpp"
#include "protocol/gen/methods/capability_progress.hpp"
#include "protocol/gen/methods/pairing_resolved.hpp"

#include <fmt/format.h>

#include <array>
#include <stdexcept>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace gatehouse::app::node {
namespace {

using end_kind = client::connection_end::kind;

// Room for the rest of the message around a result.
constexpr std::size_t envelope_bytes = 256;

int lock_directory(std::filesystem::path const& data) {
    auto const file = data / "node.lock";
    int const fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        throw std::runtime_error(fmt::format("The data directory {} can't be written to.", data.string()));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ::close(fd);
        throw std::runtime_error(fmt::format(
            "Another node works in {}; stop it, or give this one its own directory with --data.",
            data.string()
        ));
    }
    return fd;
}

device_key read_or_make_key(std::filesystem::path const& file, core::random_source& random) {
    auto found = device_key::load(file);
    if (found) return std::move(*found);
    if (found.error().code != errc::not_found) throw std::runtime_error(found.error().message);
    std::array<std::byte, 32> seed{};
    random.fill(seed);
    device_key made(seed);
    if (auto const saved = made.save(file); !saved) throw std::runtime_error(saved.error().message);
    return made;
}

std::string platform_name() {
    struct utsname names{};
    ::uname(&names);
    return fmt::format("{} {}", names.sysname, names.machine);
}

} // namespace

// What comes in on one connection. Answers of calls that outlive it are dropped: they are in the journal, and
// the gateway asks again on the next connection.
class node::session final : public client::connection_listener {
  public:
    session(node& owner, client::gateway_connection& connection)
        : owner_(owner), connection_(connection), number_(++owner.sessions_) {
        owner_.session_ = this;
    }
    ~session() override { owner_.session_ = nullptr; }

    void on_notification(std::string_view, boost::json::object const&) override {}

    void on_request(rpc_id id, std::string_view method, boost::json::object const& params) override {
        auto const* known = protocol::find_method(method);
        if (!known || known->direction != protocol::method_direction::gateway_to_node) {
            connection_.refuse(id, {errc::method_not_found, fmt::format("A node has no method {}.", method)});
            return;
        }
        if (!owner_.contract_.params_of(*known).is_valid(params)) {
            connection_.refuse(id, {errc::invalid_params, fmt::format("The params don't fit {}.", method)});
            return;
        }
        if (method == protocol::capability_invoke::descriptor.name) {
            auto call = protocol::capability_invoke::decode(params);
            owner_.calls_.spawn(answer(owner_, number_, std::move(id), std::move(call)));
        } else if (method == protocol::capability_cancel::descriptor.name) {
            owner_.desk_->cancel(protocol::capability_cancel::decode(params).invocation_id);
            connection_.reply(id, "{}");
        } else {
            take_decision(id, protocol::pairing_resolved::decode(params));
        }
    }

    void
    tell_progress(std::string const& invocation_id, std::optional<double> fraction, std::string message) {
        protocol::capability_progress::params params;
        params.invocation_id = invocation_id;
        params.fraction = fraction;
        params.message = std::move(message);
        connection_.notify(protocol::capability_progress::descriptor.name, encode_params(params));
    }

    // Set where the gateway has denied the pairing.
    std::optional<std::string> denied;

  private:
    static core::task<> answer(node& owner, std::uint64_t number, rpc_id id, call_desk::params call) {
        auto const result = co_await owner.desk_->invoke(std::move(call));
        // The session that asked may be gone.
        if (!owner.session_ || owner.session_->number_ != number) co_return;
        auto& connection = owner.session_->connection_;
        auto const bytes_max = static_cast<std::size_t>(connection.welcome().limits.max_frame_bytes);
        bool is_sent = false;
        if (!result) {
            is_sent = connection.refuse(id, result.error());
        } else if (result->size() + envelope_bytes > bytes_max) {
            error const why{errc::too_large, "The result is larger than one frame of this gateway."};
            is_sent = connection.refuse(id, why);
        } else {
            is_sent = connection.reply(id, *result);
        }
        // Asked again on the next connection, it is answered from the journal.
        if (!is_sent) connection.close({1013, "too many answers wait to be sent"});
    }

    void take_decision(rpc_id const& id, protocol::pairing_resolved::params decision) {
        if (decision.state != protocol::pairing_state::approved) {
            denied = fmt::format("The pairing was not approved ({}).", to_string(decision.state));
            connection_.reply(id, "{}");
            return;
        }
        if (decision.token) {
            if (auto const kept = owner_.keep_token(*decision.token); !kept) {
                connection_.refuse(id, kept.error());
                return;
            }
        }
        connection_.reply(id, "{}");
        owner_.tell(node_event::kind::online, "", "The pairing was approved.");
    }

    node& owner_;
    client::gateway_connection& connection_;
    std::uint64_t number_;
};

node::node(
    net::io_loop& loop, core::clock const& time, core::random_source& random, node_options options,
    std::function<void(node_event const&)> on_event
)
    : loop_(loop),
      options_(std::move(options)),
      on_event_(std::move(on_event)),
      delay_(random),
      calls_(loop, [](std::exception_ptr) {}) {
    if (auto const made = client::make_private_directory(options_.data); !made)
        throw std::runtime_error(made.error().message);
    lock_ = lock_directory(options_.data);
    key_ = read_or_make_key(options_.data / "device.key", random);
    device_id_ = key_->id();
    auto token = client::read_private_file(options_.data / "node.token");
    if (token)
        token_ = std::move(*token);
    else if (token.error().code != errc::not_found)
        throw std::runtime_error(token.error().message);
    if (!token_ && !options_.invite) {
        throw std::runtime_error("This node is not paired yet: give it an invite in GATEHOUSE_INVITE or "
                                 "--invite-file (make one with "
                                 "\"gatehouse call pairing.invite\").");
    }
    journal_.emplace(options_.data / "calls.journal", time.now());
    std::vector<std::unique_ptr<capability>> capabilities;
    capabilities.push_back(make_system_capability());
    capabilities.push_back(make_files_capability(options_.root));
    capabilities.push_back(make_process_capability(loop_, options_.root));
    desk_.emplace(loop_, time, *journal_, std::move(capabilities));
    desk_->on_progress([this](std::string const& id, std::optional<double> fraction, std::string message) {
        if (session_) session_->tell_progress(id, fraction, std::move(message));
    });
}

node::~node() {
    if (lock_ >= 0) ::close(lock_);
}

client::connect_options node::make_connect_options() const {
    client::connect_options options;
    options.websocket_url = options_.websocket_url;
    options.token = token_ ? *token_ : *options_.invite;
    options.tls = options_.tls;
    options.role = protocol::peer_role::node;
    options.key = &*key_;
    options.device.label = options_.label;
    options.device.platform = platform_name();
    options.device.version = GATEHOUSE_VERSION;
    options.capabilities = desk_->descriptors();
    return options;
}

core::task<std::expected<void, std::string>> node::run(core::cancellation& stop) {
    std::optional<std::string> refused;
    while (!stop.requested() && !refused) {
        auto opened = co_await client::gateway_connection::open(loop_, make_connect_options(), stop);
        auto end = opened ? client::connection_end() : std::move(opened.error());
        if (opened) {
            end = co_await work_on(**opened, stop, refused);
            co_await (*opened)->end();
        }
        if (stop.requested() || refused) break;
        if (end.what == end_kind::refused) {
            refused = accept_refusal(end);
            continue;
        }
        auto const wait = delay_.next();
        tell(node_event::kind::offline, "", fmt::format("{} Next try in {} ms.", end.message, wait.count()));
        co_await pause(wait, stop);
    }
    desk_->cancel_all();
    co_await calls_.wait();
    if (refused) co_return std::unexpected(std::move(*refused));
    co_return std::expected<void, std::string>();
}

core::task<client::connection_end> node::work_on(
    client::gateway_connection& connection, core::cancellation& stop, std::optional<std::string>& refused
) {
    delay_.reset();
    auto const& pairing = connection.welcome().pairing;
    session current(*this, connection);
    if (pairing && pairing->token) {
        if (auto const kept = keep_token(*pairing->token); !kept) {
            refused = kept.error().message;
            co_return client::connection_end();
        }
    }
    if (pairing && pairing->state == protocol::pairing_state::pending) {
        tell(node_event::kind::pending, pairing->pairing_id, "The pairing waits for somebody's decision.");
    } else {
        tell(node_event::kind::online, "", "Connected.");
    }
    auto end = co_await connection.run(current, stop);
    if (current.denied) refused = *current.denied;
    co_return end;
}

// A token the gateway doesn't know (a new store, say) gives way to the invite, once. Everything else is
// final.
std::optional<std::string> node::accept_refusal(client::connection_end const& end) {
    if (end.close_code == 4409) {
        return "Another node with this key has connected; this one stops, so that the two don't take turns.";
    }
    bool const token_refused = end.http_status == 401 || end.close_code == 4401;
    if (token_refused && token_ && options_.invite) {
        token_.reset();
        return std::nullopt;
    }
    if (token_refused && token_) {
        return fmt::format(
            "{} The node's token is no longer good; give it a new invite, or delete {} to pair anew.",
            end.message, (options_.data / "node.token").string()
        );
    }
    return end.message;
}

core::task<> node::pause(std::chrono::milliseconds time, core::cancellation& stop) {
    core::wakeup woken(loop_);
    auto const on_stop = stop.on_request([&woken] { woken.notify(); });
    if (!stop.requested()) co_await woken.wait_until(loop_.now() + time);
}

result<void> node::keep_token(std::string const& token) {
    auto const kept = client::write_private_file(options_.data / "node.token", token);
    if (kept) token_ = token;
    return kept;
}

void node::tell(node_event::kind what, std::string pairing_id, std::string message) const {
    if (on_event_) on_event_({what, device_id_, std::move(pairing_id), std::move(message)});
}

} // namespace gatehouse::app::node
