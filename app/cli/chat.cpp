#include "app/cli/chat.hpp"

#include "app/cli/terminal_text.hpp"
#include "protocol/encoding.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <array>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

namespace gatehouse::app::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds call_timeout{30'000};
// Lines that were typed ahead; beyond that standard input is not read.
constexpr std::size_t lines_max = 1000;
constexpr std::size_t line_bytes_max = 512 << 10;

std::string text_of(json::object const& object, std::string_view name) {
    auto const* found = object.if_contains(name);
    return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

// Standard input as an open file of its own: making it non-blocking must not change the terminal of the
// shell. Falls back to a duplicate where it can't be opened again, as with a socket.
int open_standard_input() {
    int const fd = ::open("/proc/self/fd/0", O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? fd : ::dup(STDIN_FILENO);
}

} // namespace

chat::chat(net::io_loop& loop, core::random_source& random, chat_options options)
    : loop_(loop),
      random_(random),
      options_(std::move(options)),
      delay_(random),
      changed_(loop),
      background_(loop, [](std::exception_ptr) {}),
      input_(loop, open_standard_input()) {}

chat::~chat() = default;

void chat::print(std::string_view text) const {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

void chat::print_prompt(std::string_view text) const {
    if (options_.is_interactive) print(text);
}

core::task<std::expected<void, std::string>> chat::run() {
    background_.spawn(read_lines());
    bool goes_on = co_await connect();
    if (goes_on && options_.is_interactive) {
        fmt::print(stderr, "Connected. Ctrl-C cancels an answer, Ctrl-D ends the chat.\n");
    }
    while (goes_on) {
        print_prompt("> ");
        auto line = co_await next_line();
        if (!line) break;
        if (line->find_first_not_of(" \t\r") == std::string::npos) continue;
        goes_on = co_await answer(std::move(*line));
    }
    co_await disconnect();
    input_.cut();
    changed_.notify();
    co_await background_.wait();
    if (!failure_.empty()) co_return std::unexpected(failure_);
    co_return std::expected<void, std::string>();
}

void chat::interrupt() {
    interrupted_ = true;
    changed_.notify();
}

core::task<> chat::read_lines() {
    std::string rest;
    std::array<char, 4096> piece;
    while (true) {
        while (lines_.size() >= lines_max) co_await changed_.wait();
        auto const size = co_await input_.read_some(piece);
        if (!size || *size == 0) break;
        rest.append(piece.data(), *size);
        for (auto end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
            lines_.push_back(rest.substr(0, end));
            rest.erase(0, end + 1);
        }
        if (rest.size() > line_bytes_max) lines_.push_back(std::exchange(rest, {}));
        changed_.notify();
    }
    if (!rest.empty()) lines_.push_back(std::move(rest));
    input_ended_ = true;
    changed_.notify();
}

// Nothing at the end of the input and after Ctrl-C.
core::task<std::optional<std::string>> chat::next_line() {
    while (lines_.empty()) {
        if (input_ended_ || interrupted_) co_return std::nullopt;
        co_await changed_.wait();
    }
    auto line = std::move(lines_.front());
    lines_.pop_front();
    changed_.notify();
    co_return line;
}

core::task<> chat::read_connection() {
    end_ = co_await connection_->run(*this, stop_);
    is_lost_ = true;
    changed_.notify();
}

core::task<> chat::disconnect() {
    if (!connection_) co_return;
    if (!is_lost_) connection_->close({1000, "bye"});
    while (!is_lost_) co_await changed_.wait();
    co_await connection_->end();
    connection_.reset();
}

core::task<bool> chat::connect() {
    co_await disconnect();
    while (true) {
        auto opened = co_await client::gateway_connection::open(loop_, options_.connection, stop_);
        if (opened) {
            connection_ = std::move(*opened);
            is_lost_ = false;
            delay_.reset();
            background_.spawn(read_connection());
            if (auto const ready = co_await subscribe(); ready)
                co_return true;
            else if (!is_lost_) {
                failure_ = ready.error().message;
                co_return false;
            }
            co_await disconnect();
        } else if (opened.error().what != client::connection_end::kind::unreachable || session_id_.empty()) {
            // At the start somebody is told at once; later the gateway is waited for.
            failure_ = opened.error().message;
            co_return false;
        }
        auto const until = loop_.now() + delay_.next();
        while (!interrupted_ && co_await changed_.wait_until(until)) {
        }
        if (interrupted_) {
            failure_ = "The gateway could not be reached again.";
            co_return false;
        }
    }
}

// After the connection was lost in the middle of an answer.
core::task<bool> chat::resume() {
    fmt::print(stderr, "\n(connection lost; reconnecting)\n");
    co_return co_await connect();
}

core::task<result<json::value>> chat::call(std::string_view method, json::object params) {
    co_return co_await connection_->call(method, json::serialize(params), call_timeout);
}

// Makes the session at the first time, and listens to what is streamed in it.
core::task<result<void>> chat::subscribe() {
    if (session_id_.empty()) {
        json::object wanted;
        if (!options_.agent.empty()) wanted["agent"] = options_.agent;
        if (!options_.session_key.empty()) wanted["session_key"] = options_.session_key;
        auto const session = co_await call("session.resolve", std::move(wanted));
        if (!session) co_return std::unexpected(session.error());
        session_id_ = text_of(session->as_object(), "session_id");
    }
    auto const listening =
        co_await call("events.subscribe", {{"topics", json::array{"session:" + session_id_}}});
    if (!listening) co_return std::unexpected(listening.error());
    co_return result<void>();
}

core::task<bool> chat::answer(std::string line) {
    std::array<std::byte, 18> key{};
    random_.fill(key);
    auto& run = run_.emplace();
    run.idempotency_key = "chat-" + base64url_encode(key);
    run.text = std::move(line);
    run.transcript = std::make_unique<chat_transcript>(
        [this](std::string_view text) { print(text); },
        [](std::string const& text) { fmt::print(stderr, "{}\n", text); }
    );
    interrupted_ = false;
    bool const goes_on = co_await follow_run();
    run_.reset();
    interrupted_ = false;
    co_return goes_on;
}

// The same key at every try: whether the gateway took the first one or not, there is one run.
core::task<result<void>> chat::start_run() {
    if (run_->run_id.empty()) {
        json::object params{
            {"session_id", session_id_},
            {"input", {{"text", run_->text}}},
            {"idempotency_key", run_->idempotency_key}
        };
        if (!options_.agent.empty()) params["agent"] = options_.agent;
        auto const started = co_await call("run.start", std::move(params));
        if (!started) co_return std::unexpected(started.error());
        run_->run_id = text_of(started->as_object(), "run_id");
        if (started->as_object().contains("blocked_by")) {
            fmt::print(
                stderr, "(an earlier run of this session waits for an answer; this one comes after it)\n"
            );
        }
    }
    auto const listening = co_await call(
        "run.subscribe", {{"run_id", run_->run_id}, {"after_seq", run_->transcript->last_seq()}}
    );
    if (!listening) co_return std::unexpected(listening.error());
    co_return result<void>();
}

core::task<bool> chat::follow_run() {
    bool is_followed = false;
    while (!run_->is_over) {
        if (is_lost_) {
            if (!co_await resume()) co_return false;
            is_followed = false;
        }
        if (!is_followed) {
            auto const started = co_await start_run();
            if (!started && is_lost_) continue;
            if (!started) {
                fmt::print(stderr, "! {}\n", started.error().message);
                co_return true;
            }
            is_followed = true;
            continue;
        }
        if (interrupted_ && !run_->cancel_asked) {
            co_await cancel_run();
        } else if (auto const question = run_->transcript->question()) {
            if (lines_.empty() && input_ended_) {
                failure_ = fmt::format(
                    "The run waits for a decision: gatehouse call approval.resolve "
                    "'{{\"approval_id\":\"{}\",\"decision\":\"approve\"}}'",
                    question->approval_id
                );
                co_return false;
            }
            co_await ask(*question);
        } else {
            co_await changed_.wait();
        }
    }
    co_return true;
}

core::task<> chat::cancel_run() {
    run_->cancel_asked = true;
    fmt::print(stderr, "\n(cancelling)\n");
    co_await call("run.cancel", {{"run_id", run_->run_id}, {"reason", "cancelled in the terminal"}});
}

// Returns when the question is answered, by this person or by another one elsewhere, or can't be answered
// now.
core::task<> chat::ask(open_question question) {
    if (question.text.empty()) {
        auto const approval = co_await call("approval.get", {{"approval_id", question.approval_id}});
        if (!approval && is_lost_) co_return;
        question.text =
            approval ? describe_subject(approval->at("subject").as_object()) : question.approval_id;
    }
    auto const choices = question.is_outcome ? "retry, skip or fail" : "y/n";
    fmt::print(
        stderr, "? {} {} [{}] ", question.is_outcome ? "It is not known whether this was done:" : "Allow",
        question.text, choices
    );
    std::fflush(stderr);
    auto const still_open = [&] {
        auto const& now = run_->transcript->question();
        return !is_lost_ && !interrupted_ && !run_->is_over && now &&
               now->approval_id == question.approval_id;
    };
    while (still_open() && lines_.empty() && !input_ended_) co_await changed_.wait();
    if (!still_open() || lines_.empty()) co_return;
    auto const word = co_await next_line();
    std::string decision = *word;
    if (!question.is_outcome)
        decision = *word == "y" || *word == "yes" ? "approve" : *word == "n" || *word == "no" ? "deny" : "";
    bool const is_known = question.is_outcome
                              ? decision == "retry" || decision == "skip" || decision == "fail"
                              : !decision.empty();
    if (!is_known) co_return; // asked again
    auto const decided = co_await call(
        "approval.resolve", {{"approval_id", question.approval_id},
                             {"decision", decision},
                             {"subject_hash", question.subject_hash}}
    );
    if (!decided && is_lost_) co_return;
    if (!decided) fmt::print(stderr, "! {}\n", decided.error().message);
    if (run_->transcript->question()) run_->transcript->forget_question();
}

void chat::on_notification(std::string_view method, json::object const& params) {
    if (!run_) return;
    if (method == "event") {
        take_event(params);
    } else if (text_of(params, "run_id") != run_->run_id || run_->run_id.empty()) {
        return;
    } else if (method == "tape") {
        auto const* items = params.if_contains("items");
        if (!items || !items->is_array()) return;
        for (auto const& each : items->get_array()) {
            if (each.is_object()) run_->transcript->take_item(each.get_object());
        }
    } else if (method == "tape.end") {
        run_->is_over = true;
    }
    changed_.notify();
}

void chat::take_event(json::object const& params) {
    auto const* events = params.if_contains("events");
    if (!events || !events->is_array()) return;
    for (auto const& each : events->get_array()) {
        auto const* event = each.if_object();
        auto const* payload = event ? event->if_contains("payload") : nullptr;
        if (!payload || !payload->is_object() || text_of(*event, "type") != "run.delta") continue;
        if (text_of(payload->get_object(), "run_id") == run_->run_id)
            run_->transcript->take_delta(payload->get_object());
    }
}

void chat::on_request(rpc_id id, std::string_view method, json::object const&) {
    connection_->refuse(id, {errc::method_not_found, fmt::format("This client has no method {}.", method)});
}

} // namespace gatehouse::app::cli
