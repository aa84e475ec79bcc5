#include "app/node/process_capability.hpp"

#include "core/execution/wakeup.hpp"
#include "protocol/encoding.hpp"
#include "protocol/json_schema/schema.hpp"
#include "tests/support/run_on_loop.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace gatehouse::app::node {
namespace {

using std::chrono::milliseconds;

class process_capability_test : public ::testing::Test {
  public:
    process_capability_test() {
        std::signal(SIGPIPE, SIG_IGN);
        std::filesystem::create_directory(root / "sub");
        process = make_process_capability(loop, root.path().string());
    }

    result<operation_outcome>
    run(std::string const& arguments, milliseconds deadline = milliseconds(20'000)) {
        std::optional<result<operation_outcome>> outcome;
        auto body = [](process_capability_test& test, boost::json::object args, milliseconds within,
                       auto& into) -> core::task<> {
            operation_call call{test.loop.now() + within, test.stop, [&](auto, std::string message) {
                                    test.told.push_back(message);
                                }};
            into = co_await test.process->run("run", args, call);
        };
        testing::run_on_loop(loop, body(*this, boost::json::parse(arguments).as_object(), deadline, outcome));
        return std::move(outcome.value());
    }

    std::string text(std::string const& arguments) {
        auto const outcome = run(arguments);
        return outcome ? boost::json::serialize(outcome->result) : "failed: " + outcome.error().message;
    }

    testing::temporary_directory root;
    net::io_loop loop;
    core::cancellation stop;
    std::unique_ptr<capability> process;
    std::vector<std::string> told;
};

TEST_F(process_capability_test, a_program_gets_its_arguments_as_they_are_and_its_output_comes_back) {
    EXPECT_EQ(
        text(R"({"argv":["printf","%s|","a b","$HOME; *",""]})"),
        R"({"exit_code":0,"stdout":"a b|$HOME; *||","stderr":"","truncated":false,"timed_out":false})"
    );
    EXPECT_EQ(
        text(R"({"argv":["sh","-c","echo out; echo err >&2; exit 3"]})"),
        R"({"exit_code":3,"stdout":"out\n","stderr":"err\n","truncated":false,"timed_out":false})"
    );
    EXPECT_EQ(
        text(R"({"argv":["sh","-c","kill -9 $$"]})"),
        R"({"exit_code":137,"stdout":"","stderr":"","truncated":false,"timed_out":false})"
    );
    EXPECT_EQ(told.front(), "started");
}

TEST_F(process_capability_test, standard_input_is_given_whole_and_then_ends) {
    std::string const input(200'000, 'x');
    EXPECT_EQ(
        text(R"({"argv":["wc","-c"],"stdin":")" + input + "\"}"),
        R"({"exit_code":0,"stdout":"200000\n","stderr":"","truncated":false,"timed_out":false})"
    );
    EXPECT_EQ(
        text(R"({"argv":["cat"]})"),
        R"({"exit_code":0,"stdout":"","stderr":"","truncated":false,"timed_out":false})"
    );
    EXPECT_EQ(
        text(R"({"argv":["true"],"stdin":")" + input + "\"}"),
        R"({"exit_code":0,"stdout":"","stderr":"","truncated":false,"timed_out":false})"
    );
}

TEST_F(process_capability_test, it_starts_in_the_root_or_below_and_nowhere_else) {
    auto const real = std::filesystem::canonical(root.path()).string();
    EXPECT_NE(text(R"({"argv":["pwd"]})").find("\"stdout\":\"" + real + "\\n\""), std::string::npos);
    EXPECT_NE(text(R"({"argv":["pwd"],"cwd":"sub"})").find(real + "/sub\\n"), std::string::npos);
    EXPECT_EQ(run(R"({"argv":["pwd"],"cwd":".."})").error().code, errc::capability_failed);
}

TEST_F(process_capability_test, the_environment_is_a_short_list) {
    ::setenv("GATEHOUSE_TOKEN", "secret", 1);
    auto const environment = text(R"({"argv":["env"]})");
    ::unsetenv("GATEHOUSE_TOKEN");
    EXPECT_NE(environment.find("PATH=/usr/local/sbin"), std::string::npos);
    EXPECT_EQ(environment.find("GATEHOUSE_TOKEN"), std::string::npos);
}

TEST_F(process_capability_test, no_descriptor_of_the_node_reaches_the_program) {
    EXPECT_EQ(
        text(R"({"argv":["sh","-c","ls /proc/self/fd | wc -l"]})"),
        R"({"exit_code":0,"stdout":"4\n","stderr":"","truncated":false,"timed_out":false})"
    );
}

TEST_F(process_capability_test, a_program_that_cannot_be_started_is_a_failure_with_its_name) {
    root.write("plain", "no program");
    for (std::string const argv : {"no-such-program", "/no/such/program", "./plain", "."}) {
        auto const outcome = run("{\"argv\":[\"" + argv + "\"]}");
        ASSERT_FALSE(outcome) << argv;
        EXPECT_EQ(outcome.error().code, errc::capability_failed);
        EXPECT_NE(outcome.error().message.find(argv), std::string::npos);
    }
}

// A killed process is gone a moment later, and whoever adopted it may keep it as a zombie: its descriptor
// tells both.
bool has_ended(pid_t process) {
    auto const descriptor = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
    if (descriptor < 0) return errno == ESRCH;
    pollfd watched{descriptor, POLLIN, 0};
    bool const ended = ::poll(&watched, 1, 10'000) == 1;
    ::close(descriptor);
    return ended;
}

TEST_F(process_capability_test, at_its_time_limit_it_is_killed_with_all_it_has_started) {
    std::string said;
    for (int limit_ms = 100; said.empty(); limit_ms *= 2) { // a busy machine takes longer to begin
        auto const outcome = run(
            fmt::format(R"({{"argv":["sh","-c","sleep 1000 & echo $!; wait"],"timeout_ms":{}}})", limit_ms)
        );
        ASSERT_TRUE(outcome);
        EXPECT_EQ(outcome->result.at("timed_out"), true);
        EXPECT_EQ(outcome->result.at("exit_code"), 137);
        said = outcome->result.at("stdout").as_string();
    }
    EXPECT_TRUE(has_ended(std::stoi(said)));
}

TEST_F(process_capability_test, the_calls_deadline_counts_where_it_is_sooner) {
    EXPECT_EQ(
        run(R"({"argv":["sleep","1000"],"timeout_ms":100000})", milliseconds(50))->result.at("timed_out"),
        true
    );
}

TEST_F(process_capability_test, a_cancelled_call_kills_its_program) {
    loop.start_timer(loop.now() + milliseconds(20), [this] { stop.request(); });
    auto const outcome = run(R"({"argv":["sleep","1000"]})");
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, errc::cancelled);
}

TEST_F(process_capability_test, what_it_leaves_running_is_ended_and_waited_for_no_longer) {
    EXPECT_EQ(
        text(R"({"argv":["sh","-c","sleep 1000 & echo left"]})"),
        R"({"exit_code":0,"stdout":"left\n","stderr":"","truncated":false,"timed_out":false})"
    );
}

TEST_F(process_capability_test, long_output_is_cut_and_attached_as_evidence) {
    auto const outcome =
        run(R"({"argv":["sh","-c","head -c 100000 /dev/zero | tr '\\0' x; head -c 40000 /dev/zero >&2"]})");
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->result.at("stdout").as_string().size(), 32U << 10);
    EXPECT_EQ(outcome->result.at("truncated"), true);
    ASSERT_EQ(outcome->evidence.size(), 2U);
    EXPECT_EQ(outcome->evidence[0].name, "stdout");
    EXPECT_EQ(outcome->evidence[0].media_type, "text/plain; charset=utf-8");
    EXPECT_EQ(base64_decode(*outcome->evidence[0].data_base64)->size(), 100'000U);
    EXPECT_EQ(outcome->evidence[1].media_type, "application/octet-stream");
    auto const endless = run(R"({"argv":["head","-c","5000000","/dev/zero"]})");
    ASSERT_TRUE(endless);
    EXPECT_EQ(base64_decode(*endless->evidence[0].data_base64)->size(), 192U << 10);
    EXPECT_LT(boost::json::serialize(endless->result).size(), 200'000U);
}

TEST_F(process_capability_test, output_that_is_not_utf8_becomes_text_all_the_same) {
    EXPECT_NE(
        text(R"({"argv":["printf","a\\377b"]})")
            .find("a\xEF\xBF\xBD"
                  "b"),
        std::string::npos
    );
}

TEST_F(process_capability_test, results_fit_the_advertised_schema) {
    auto const schema = json_schema::compile(*process->descriptor().operations[0].output_schema);
    ASSERT_TRUE(schema) << schema.error().message;
    EXPECT_TRUE(schema->is_valid(run(R"({"argv":["true"]})")->result));
}

} // namespace
} // namespace gatehouse::app::node
