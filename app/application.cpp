#include "app/application.hpp"

#include "app/data_directory.hpp"
#include "app/dispatch/dispatcher.hpp"
#include "app/gen/method_table.hpp"
#include "app/http/http_routes.hpp"
#include "app/models/configured_models.hpp"
#include "app/net/io_loop.hpp"
#include "app/serve_settings.hpp"
#include "app/system_ports.hpp"
#include "core/instances/lease_keeper.hpp"
#include "core/scheduler/scheduler.hpp"
#include "core/storage/change_poll.hpp"
#include "persistence/db.hpp"
#include "persistence/sql_error.hpp"
#include "protocol/secret_token.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace gatehouse::app {

namespace {

// The store must have answered within this time for /readyz.
constexpr std::chrono::seconds ready_window{3};
// A stop that takes longer is cut off: what is not committed by then counts as a crash, which loses nothing.
constexpr std::chrono::milliseconds stop_patience{4'500};
constexpr std::chrono::milliseconds flush_patience{1'500};

void log_failure(std::exception_ptr failure) {
    try {
        std::rethrow_exception(failure);
    } catch (std::exception const& e) {
        spdlog::error("work in the background stopped: {}", e.what());
    }
}

persistence::store_url parse_store(std::string const& url) {
    try {
        return persistence::store_url::parse(url);
    } catch (persistence::unusable_store const& e) {
        throw startup_problem(e.what());
    }
}

persistence::db_options db_options_of(serve_settings const& s) {
    persistence::db_options options;
    options.artifacts = s.data / "artifacts";
    options.with_backplane = true;
    return options;
}

// What must never be stored or shown: the providers' keys and headers, the store's password.
std::vector<std::string> known_secrets(serve_settings const& s) {
    auto known = models::secrets_of(s.config);
    auto password = parse_store(s.store).password;
    if (!password.empty()) known.push_back(std::move(password));
    return known;
}

// Everything a process of the gateway consists of, in the order it is made; what stands lower uses what
// stands higher.
class application {
  public:
    explicit application(serve_settings s);
    int run();

  private:
    core::task<> start();
    core::task<> stop();
    void listen();
    core::task<> begin_facts();
    core::task<> install_admin_token();
    void print_ready() const;
    core::watched_rows watched_rows() const;
    void be_blind(bool blind);
    void on_signals(core::commit_signals const& signals);
    void fail_start(std::exception_ptr why);

    serve_settings settings_;
    data_directory directory_;
    persistence::store_url store_ = [this] {
        auto url = parse_store(settings_.store);
        if (url.kind == persistence::store_url::backend::sqlite && url.path != ":memory:")
            directory_.lock_store(url.path);
        return url;
    }();
    net::io_loop loop_;
    // On SQLite this process's clock is the store's, and is set with it. PostgreSQL tells its own, and what
    // leads from one word of it to the next must not jump.
    std::unique_ptr<core::clock> own_clock_ = [this]() -> std::unique_ptr<core::clock> {
        if (store_.kind == persistence::store_url::backend::sqlite) return std::make_unique<system_clock>();
        return std::make_unique<unsteppable_clock>();
    }();
    core::store_clock clock_{*own_clock_};
    system_random random_;
    core::id_source ids_{clock_, random_};
    std::string instance_id_ = ids_.make("ins");
    core::run_settings runs_ = [this] {
        auto r = settings_.runs;
        r.instance_id = instance_id_;
        if (!settings_.has_role(protocol::process_role::worker)) r.slots = 0; // run.start takes none either
        return r;
    }();
    persistence::db db_{store_, loop_, clock_, ids_, db_options_of(settings_)};
    core::secret_filter secrets_{known_secrets(settings_)};
    models::configured_models models_{loop_, clock_, settings_.config};
    core::event_relay relay_{loop_, db_, clock_, ids_};
    core::tape_feed tapes_{loop_, db_};
    core::node_router nodes_{loop_, db_, secrets_};
    core::run_environment environment_{loop_,  db_,    clock_,   random_, models_,
                                       nodes_, relay_, secrets_, lease_,  runs_};
    core::worker worker_{environment_};
    core::lease_keeper lease_;
    core::scheduler scheduler_{loop_, db_, nodes_, runs_, settings_.kept};
    core::change_poll changes_;
    gateway_facts facts_;
    services services_{
        {loop_, db_, clock_, random_, runs_, worker_, relay_, tapes_, nodes_, secrets_, facts_,
         settings_.limits}
    };
    dispatcher dispatcher_{loop_, make_method_table(services_)};
    authenticator tokens_{loop_, db_, clock_, settings_.config.limits.failed_tokens_per_address};
    core::task_group background_{loop_, &log_failure};  // what runs from start to stop
    core::task_group connections_{loop_, &log_failure}; // what connections leave behind
    json_parser parser_;
    connection_environment connection_environment_{services_, dispatcher_, ids_, connections_, parser_};
    http_routes routes_{
        connection_environment_, tokens_, settings_.has_role(protocol::process_role::edge),
        [this] { return !is_blind_ && loop_.now() - relay_.last_read_at() < ready_window; }
    };
    std::unique_ptr<net::server> server_;
    core::task_group life_{loop_, [this](std::exception_ptr why) { fail_start(std::move(why)); }};
    std::exception_ptr failure_;
    bool stopping_ = false;
    bool is_blind_ = false;
};

core::instance
describe_instance(std::string id, data_directory& directory, serve_settings const& s, timestamp now) {
    core::instance i;
    i.instance_id = id;
    i.incarnation = directory.incarnation(id);
    for (auto role : s.config.roles) i.roles.emplace_back(to_string(role));
    i.version = GATEHOUSE_VERSION;
    i.address = s.config.listen;
    i.lease_ms = s.config.lease_ms;
    bool is_worker = std::ranges::count(s.config.roles, protocol::process_role::worker) > 0;
    i.slots = is_worker ? s.config.worker_slots : 0;
    i.started_at = i.heartbeat_at = now;
    return i;
}

application::application(serve_settings s)
    : settings_(std::move(s)),
      directory_(settings_.data),
      lease_(
          loop_, db_, describe_instance(instance_id_, directory_, settings_, clock_.now()),
          [this] { worker_.abandon_all(); }, [this] { worker_.resume(); }
      ),
      changes_(
          loop_, db_, instance_id_,
          {[this] { return watched_rows(); }, [this](auto const& signals) { on_signals(signals); },
           [this](bool blind) { be_blind(blind); }}
      ) {
    loop_.stay_awake_while([this] { return db_.answers_soon(); });
    db_.set_commit_listener([this](core::commit_signals const& signals) { on_signals(signals); });
    if (!db_.is_postgres()) return;
    db_.set_ephemeral_listener([this](core::event const& e) { relay_.on_ephemeral(e); });
    relay_.send_ephemeral_to([this](core::event const& e) { db_.send_ephemeral(e); });
}

core::watched_rows application::watched_rows() const {
    core::watched_rows rows;
    rows.runs = worker_.run_ids();
    nodes_.add_watched(rows);
    return rows;
}

// What was revoked may not be served on: peers are kept waiting until the store can be looked at again.
void application::be_blind(bool blind) {
    is_blind_ = blind;
    if (server_) server_->freeze(blind);
}

void application::on_signals(core::commit_signals const& signals) {
    worker_.on_signals(signals);
    relay_.on_signals(signals);
    tapes_.on_signals(signals);
    nodes_.on_signals(signals);
    scheduler_.on_signals(signals);
    routes_.on_signals(signals);
}

int application::run() {
    loop_.on_stop_signal([this] {
        if (std::exchange(stopping_, true)) return;
        life_.spawn(stop());
    });
    life_.spawn(start());
    loop_.run();
    db_.stop();
    if (failure_) std::rethrow_exception(failure_);
    return 0;
}

void application::fail_start(std::exception_ptr why) {
    failure_ = std::move(why);
    if (!std::exchange(stopping_, true)) life_.spawn(stop());
}

core::task<> application::start() {
    co_await begin_facts();
    co_await install_admin_token();
    listen();
    lease_.set_address(server_->address());
    co_await lease_.start();
    co_await relay_.start();
    // Runs and nodes are taken by an instance that stands in the store.
    server_->start();
    background_.spawn(relay_.run());
    background_.spawn(lease_.run());
    background_.spawn(lease_.watch_for_ownerless_runs());
    // Nobody else changes a SQLite store.
    if (db_.is_postgres()) background_.spawn(changes_.run());
    if (settings_.has_role(protocol::process_role::scheduler)) background_.spawn(scheduler_.run());
    if (settings_.has_role(protocol::process_role::worker)) background_.spawn(worker_.run());
    directory_.write("gateway.json", R"({"address":")" + server_->address() + "\"}\n");
    print_ready();
}

// Throws startup_problem: a taken port, an address that is none of this machine's.
void application::listen() {
    try {
        server_ = net::make_server(loop_, settings_.server, routes_);
    } catch (std::runtime_error const& e) {
        throw startup_problem(e.what());
    }
}

core::task<> application::begin_facts() {
    auto unit = [made = ids_.make("gw")](core::transaction& tx) {
        return tx.meta().put_if_absent("gateway_id", made);
    };
    facts_.gateway_id = co_await db_.write(std::move(unit));
    auto const& expected = settings_.config.gateway_id;
    if (expected && *expected != facts_.gateway_id) {
        throw startup_problem(
            "gateway_id: the store " + store_.name + " belongs to " + facts_.gateway_id + ", not to " +
            *expected + "; name the right store, or take gateway_id out of the configuration."
        );
    }
    facts_.instance_id = instance_id_;
    facts_.backend = db_.is_postgres() ? "postgresql" : "sqlite";
    facts_.schema_version = db_.schema_version();
    for (auto role : settings_.config.roles) facts_.roles.emplace_back(to_string(role));
    facts_.started_at = loop_.now();
    facts_.connections = [this] {
        auto n = server_->connections();
        return static_cast<std::int64_t>(n.http + n.websocket);
    };
}

// The first start makes the administrator's token, or takes the one that the environment brings.
core::task<> application::install_admin_token() {
    auto const* given = std::getenv("GATEHOUSE_ADMIN_TOKEN");
    std::string text = given ? given : "";
    bool is_made = text.empty();
    if (!text.empty() && !is_token_format(text)) {
        throw startup_problem("GATEHOUSE_ADMIN_TOKEN is not a token: it must be 'gth_' and 43 characters of "
                              "A-Z, a-z, 0-9, - and _.");
    }
    if (is_made) {
        std::array<std::byte, 32> bytes{};
        random_.fill(bytes);
        text = make_token(bytes);
    }
    core::token t;
    t.token_id = ids_.make("tok");
    t.hash = token_hash(text);
    t.kind = "admin";
    t.principal = "user:admin";
    t.scopes = {"admin"};
    t.label = "first start";
    t.created_at = clock_.now();
    auto has_one = [](core::snapshot& view) { return view.tokens().any_of_kind("admin"); };
    if (co_await db_.read(std::move(has_one))) co_return;
    // The file first: a crash between the two must not leave a store whose only token nobody knows.
    if (is_made) {
        directory_.put_aside("admin.token"); // of another store, or of a start that did not get further
        directory_.write("admin.token", text + "\n");
    }
    auto unit = [t](core::transaction& tx) {
        bool is_first = !tx.tokens().any_of_kind("admin");
        if (is_first) tx.tokens().insert(t);
        return is_first;
    };
    bool is_first = co_await db_.write(std::move(unit));
    if (!is_first && is_made) directory_.put_aside("admin.token"); // another process was first
    if (!is_first || !is_made) co_return;
    std::fprintf(
        stderr, "admin token (shown once, kept in %s): %s\n", (directory_.path() / "admin.token").c_str(),
        text.c_str()
    );
    if (settings_.server.port != 0) {
        std::fprintf(stderr, "console: http://%s/#token=%s\n", settings_.config.listen.c_str(), text.c_str());
    }
}

void application::print_ready() const {
    std::printf(
        "{\"event\":\"ready\",\"address\":\"%s\",\"gateway_id\":\"%s\",\"instance_id\":\"%s\"}\n",
        server_->address().c_str(), facts_.gateway_id.c_str(), instance_id_.c_str()
    );
    std::fflush(stdout);
}

// New work is refused, runs are let go (they stand in the store), replies go out, peers hear 1001, the lease
// is given back.
core::task<> application::stop() {
    if (!failure_) spdlog::info("stopping");
    auto cut_off = loop_.start_timer(loop_.now() + stop_patience, [this] {
        spdlog::warn("the stop took too long and was cut off");
        std::fflush(nullptr);
        std::_Exit(failure_ ? 1 : 0);
    });
    routes_.stop();
    scheduler_.stop();
    changes_.stop();
    lease_.stop();
    co_await worker_.stop();
    tapes_.stop();
    nodes_.stop_waiting();
    co_await dispatcher_.drain();
    if (server_) co_await server_->stop(loop_.now() + flush_patience);
    co_await relay_.stop();
    co_await background_.wait();
    co_await connections_.wait();
    co_await nodes_.stop();
    if (!failure_) co_await lease_.leave();
    loop_.stop_timer(cut_off);
    loop_.stop();
}

} // namespace

int run_serve(serve_options const& options) {
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("gatehouse", std::make_shared<spdlog::sinks::stderr_sink_mt>())
    );
    spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    auto settings = resolve_settings(options);
    spdlog::set_level(spdlog::level::from_str(std::string(to_string(settings.config.log_level))));
    auto const shown_store = parse_store(settings.store).name;
    try {
        application app(std::move(settings));
        return app.run();
    } catch (persistence::unusable_store const& e) {
        throw startup_problem(e.what());
    } catch (persistence::sql_error const& e) {
        throw startup_problem("The store " + shown_store + " cannot be used: " + e.what());
    } catch (core::store_unavailable const& e) {
        throw startup_problem("The store " + shown_store + " cannot be used: " + e.what());
    }
}

} // namespace gatehouse::app
