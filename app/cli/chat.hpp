#pragma once
// A conversation with an agent in a terminal, over one WebSocket that is opened again when it is lost.
#include "app/cli/chat_transcript.hpp"
#include "app/client/gateway_connection.hpp"
#include "app/client/retry_delay.hpp"
#include "app/net/descriptor.hpp"
#include "core/execution/task_group.hpp"
#include "core/ports/random.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace gatehouse::app::cli {

struct chat_options {
    client::connect_options connection;
    std::string agent;           // empty: the session's, else the default one
    std::string session_key;     // empty: a new session
    bool is_interactive = false; // a person types; else lines come from a file or a pipe
};

// One message and what becomes of it.
struct chat_run {
    std::string run_id; // empty until the gateway has taken it
    std::string idempotency_key;
    std::string text;
    std::unique_ptr<chat_transcript> transcript;
    bool is_over = false;
    bool cancel_asked = false;
};

// Loop only.
class chat final : public client::connection_listener {
  public:
    chat(net::io_loop& loop, core::random_source& random, chat_options options);
    ~chat() override;

    // Reads lines from standard input until it ends, and has each answered. The failure is a sentence.
    core::task<std::expected<void, std::string>> run();

    // Ctrl-C: cancels the run under way, else ends the chat.
    void interrupt();

    void on_notification(std::string_view method, boost::json::object const& params) override;
    void on_request(rpc_id id, std::string_view method, boost::json::object const& params) override;

  private:
    core::task<> read_lines();
    core::task<> read_connection();
    // False where the gateway doesn't want this peer; `failure_` says why.
    core::task<bool> connect();
    core::task<bool> resume();
    core::task<> disconnect();
    core::task<std::optional<std::string>> next_line();
    core::task<bool> answer(std::string line);
    core::task<bool> follow_run();
    core::task<result<void>> start_run();
    core::task<result<void>> subscribe();
    core::task<> ask(open_question question);
    core::task<> cancel_run();
    core::task<result<boost::json::value>> call(std::string_view method, boost::json::object params);
    void take_event(boost::json::object const& params);
    void print(std::string_view text) const;
    void print_prompt(std::string_view text) const;

    net::io_loop& loop_;
    core::random_source& random_;
    chat_options options_;
    client::retry_delay delay_;
    core::wakeup changed_; // lines, the connection, the run, an interrupt
    core::task_group background_;
    core::cancellation stop_;
    net::descriptor input_;
    std::deque<std::string> lines_;
    bool input_ended_ = false;
    bool interrupted_ = false;
    bool is_lost_ = true;
    std::unique_ptr<client::gateway_connection> connection_;
    std::optional<client::connection_end> end_;
    std::string session_id_;
    std::optional<chat_run> run_;
    std::string failure_;
};

} // namespace gatehouse::app::cli
