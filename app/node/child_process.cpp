#include "app/node/child_process.hpp"

#include "core/execution/task_group.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gatehouse::app::node {
namespace {

// What a finished program's children may still say before their pipes are cut.
constexpr std::chrono::milliseconds drain_time{500};

class pipe_ends {
  public:
    pipe_ends() {
        std::array<int, 2> ends{-1, -1};
        if (::pipe2(ends.data(), O_CLOEXEC) == 0) {
            read_ = ends[0];
            write_ = ends[1];
        }
    }
    pipe_ends(pipe_ends const&) = delete;
    pipe_ends& operator=(pipe_ends const&) = delete;
    ~pipe_ends() {
        close_end(read_);
        close_end(write_);
    }
    bool is_open() const { return read_ >= 0; }
    int read_end() const { return read_; }
    int write_end() const { return write_; }
    int take_read_end() { return std::exchange(read_, -1); }
    int take_write_end() { return std::exchange(write_, -1); }
    void close_read_end() { close_end(read_); }
    void close_write_end() { close_end(write_); }

  private:
    static void close_end(int& fd) {
        if (fd >= 0) ::close(std::exchange(fd, -1));
    }
    int read_ = -1;
    int write_ = -1;
};

struct pipes {
    pipe_ends input, output, errors, exec_failure;
    bool are_open() const {
        return input.is_open() && output.is_open() && errors.is_open() && exec_failure.is_open();
    }
};

std::string_view path_of(std::vector<std::string> const& environment) {
    for (std::string_view const each : environment) {
        if (each.starts_with("PATH=")) return each.substr(5);
    }
    return {};
}

// Where the program may be, in the order it is tried. Made before the fork: between fork and exec nothing
// allocates.
std::vector<std::string> candidates_of(child_program const& program) {
    auto const& name = program.argv.front();
    if (name.find('/') != std::string::npos) return {name};
    std::vector<std::string> all;
    auto path = path_of(program.environment);
    while (!path.empty()) {
        auto const end = std::min(path.find(':'), path.size());
        if (end > 0) all.push_back(fmt::format("{}/{}", path.substr(0, end), name));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return all;
}

std::vector<char*> pointers_to(std::vector<std::string> const& texts) {
    std::vector<char*> pointers;
    for (auto const& each : texts) pointers.push_back(const_cast<char*>(each.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

struct exec_plan {
    std::vector<std::string> paths;
    std::vector<char*> candidates, argv, environment;
    int directory;
    pid_t parent;
};

// In the child, where only async-signal-safe functions may be called.
[[noreturn]] void become_program(exec_plan const& plan, pipes const& ends) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != plan.parent) ::_exit(127); // the parent died before the line above
    ::dup2(ends.input.read_end(), 0);
    ::dup2(ends.output.write_end(), 1);
    ::dup2(ends.errors.write_end(), 2);
    ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (int const each : {SIGPIPE, SIGINT, SIGTERM, SIGHUP}) ::signal(each, SIG_DFL);
    int failure = ENOENT;
    if (plan.directory >= 0 && ::fchdir(plan.directory) != 0) {
        failure = errno;
    } else {
        for (char* const each : plan.candidates) {
            if (!each) break;
            ::execve(each, plan.argv.data(), plan.environment.data());
            if (errno != ENOENT && errno != ENOTDIR) failure = errno;
        }
    }
    [[maybe_unused]] auto const told = ::write(ends.exec_failure.write_end(), &failure, sizeof failure);
    ::_exit(127);
}

std::unexpected<error> start_failure(child_program const& program, int code) {
    return fail(
        errc::capability_failed,
        fmt::format("\"{}\" can't be started: {}.", program.argv.front(), std::strerror(code))
    );
}

// The running child: its group is killed and it is reaped before this goes.
class child {
  public:
    explicit child(pid_t pid) : pid_(pid) {}
    child(child const&) = delete;
    child& operator=(child const&) = delete;
    ~child() {
        kill_group();
        reap();
    }

    int open_pidfd() const { return static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)); }

    // While the child has not been reaped, its number and its group's can't belong to anybody else.
    void kill_group() const {
        if (pid_ > 0) ::kill(-pid_, SIGKILL);
    }

    // Blocks until the child has ended; call it when the pidfd says so.
    int reap() {
        int status = 0;
        if (pid_ > 0) {
            while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
            }
            pid_ = -1;
        }
        return status;
    }

  private:
    pid_t pid_;
};

result<pid_t> start(child_program const& program, pipes& ends) {
    exec_plan plan{candidates_of(program), {}, {}, {}, program.directory, ::getpid()};
    plan.candidates = pointers_to(plan.paths);
    plan.argv = pointers_to(program.argv);
    plan.environment = pointers_to(program.environment);
    auto const pid = ::fork();
    if (pid < 0) return start_failure(program, errno);
    if (pid == 0) become_program(plan, ends);
    ::setpgid(pid, pid); // as the child does it: whoever is first
    ends.exec_failure.close_write_end();
    int failure = 0;
    // Ends at once: exec closes the other end, or the child writes why it couldn't.
    ssize_t size = 0;
    while ((size = ::read(ends.exec_failure.read_end(), &failure, sizeof failure)) < 0 && errno == EINTR) {
    }
    if (size != sizeof failure) return pid;
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return start_failure(program, failure);
}

core::task<> feed(net::descriptor& to, std::string_view text) {
    while (!text.empty()) {
        auto const size = co_await to.write_some(text);
        if (!size) break; // it does not want to read, or it is over
        text.remove_prefix(*size);
    }
    to.cut();
}

struct collected {
    std::string& into;
    std::size_t bytes_max;
    bool& truncated;
    std::size_t& total;
    std::function<void(std::size_t)> const& on_output;
};

core::task<> collect(net::descriptor& from, collected output) {
    std::array<char, 8192> piece;
    while (true) {
        auto const size = co_await from.read_some(piece);
        if (!size || *size == 0) co_return;
        auto const room = output.bytes_max - output.into.size();
        output.into.append(piece.data(), std::min(*size, room));
        output.truncated = output.truncated || *size > room;
        output.total += *size;
        if (output.on_output) output.on_output(output.total);
    }
}

} // namespace

core::task<result<child_outcome>> run_child(
    net::io_loop& loop, child_program const& program, core::steady_time deadline, core::cancellation& stop,
    std::function<void(std::size_t)> on_output
) {
    pipes ends;
    if (!ends.are_open()) co_return start_failure(program, errno);
    auto const pid = start(program, ends);
    if (!pid) co_return std::unexpected(pid.error());
    child running(*pid);
    child_outcome outcome;
    net::descriptor ended(loop, running.open_pidfd());
    net::descriptor input(loop, ends.input.take_write_end());
    net::descriptor output(loop, ends.output.take_read_end());
    net::descriptor errors(loop, ends.errors.take_read_end());
    ends.input.close_read_end();
    ends.output.close_write_end();
    ends.errors.close_write_end();

    auto const timer = loop.start_timer(deadline, [&] {
        outcome.timed_out = true;
        running.kill_group();
    });
    auto const on_stop = stop.on_request([&] {
        outcome.cancelled = true;
        running.kill_group();
    });
    std::size_t total = 0;
    core::task_group streams(loop, [](std::exception_ptr) {});
    streams.spawn(feed(input, program.input));
    streams.spawn(
        collect(output, {outcome.output, program.output_bytes_max, outcome.truncated, total, on_output})
    );
    streams.spawn(
        collect(errors, {outcome.errors, program.output_bytes_max, outcome.truncated, total, on_output})
    );
    co_await ended.wait_readable();
    loop.stop_timer(timer);
    // Children that were left behind hold the pipes open.
    auto const drained = loop.start_timer(loop.now() + drain_time, [&] {
        input.cut();
        output.cut();
        errors.cut();
    });
    running.kill_group();
    co_await streams.wait();
    loop.stop_timer(drained);
    auto const status = running.reap();
    if (WIFEXITED(status))
        outcome.exit_code = WEXITSTATUS(status);
    else if (WIFSIGNALED(status))
        outcome.exit_signal = WTERMSIG(status);
    co_return outcome;
}

} // namespace gatehouse::app::node
