#include "persistence/postgres_backplane.hpp"

#include "persistence/backplane_message.hpp"
#include "persistence/sql_error.hpp"

#include <spdlog/spdlog.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace gatehouse::persistence {

namespace {

// Under load one notification stands for everything that was committed meanwhile.
constexpr std::chrono::milliseconds send_pause{2};
constexpr std::chrono::milliseconds reconnect_pause{500};
// Beyond these the others' polls are the quicker way.
constexpr std::size_t waiting_ids_max = 4'096;
constexpr std::size_t waiting_pieces_max = 256;

constexpr char const* signals_channel = "gatehouse_signals";
constexpr char const* ephemeral_channel = "gatehouse_ephemeral";

using result_owner = std::unique_ptr<PGresult, decltype(&PQclear)>;

std::size_t ids_in(core::commit_signals const& s) {
    return s.tapes.size() + s.inboxes.size() + s.invocations.size() + s.devices.size() + s.tokens.size();
}

std::string first_line(char const* text) {
    std::string_view all(text);
    return std::string(all.substr(0, all.find('\n')));
}

} // namespace

postgres_backplane::postgres_backplane(dialect const& of, listener heard)
    : of_(of), heard_(std::move(heard)), wakeup_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (wakeup_ < 0) throw std::runtime_error("the system has no descriptor left for the backplane");
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "db backplane");
        run();
    });
}

postgres_backplane::~postgres_backplane() {
    {
        std::lock_guard const lock(mutex_);
        stopping_ = true;
    }
    wake();
    thread_.join();
    ::close(wakeup_);
}

void postgres_backplane::wake() const { (void)::eventfd_write(wakeup_, 1); }

void postgres_backplane::tell(core::commit_signals const& what) {
    core::commit_signals copy = what;
    copy.events.clear();
    {
        std::lock_guard const lock(mutex_);
        signals_.merge(std::move(copy));
        if (ids_in(signals_) > waiting_ids_max) signals_ = {.outbox = true, .queue = true, .policy = true};
        has_signals_ = true;
    }
    wake();
}

void postgres_backplane::tell(core::event const& ephemeral) {
    auto text = encode_ephemeral(ephemeral);
    if (!text) return;
    {
        std::lock_guard const lock(mutex_);
        if (ephemeral_.size() >= waiting_pieces_max) ephemeral_.pop_front();
        ephemeral_.push_back(std::move(*text));
    }
    wake();
}

void postgres_backplane::run() {
    for (;;) {
        {
            std::lock_guard const lock(mutex_);
            if (stopping_) return;
        }
        if (!link_ && !connect()) {
            link_.reset();
            wait(0, steady_clock::now() + reconnect_pause);
            continue;
        }
        exchange();
    }
}

bool postgres_backplane::connect() {
    link_.reset(PQconnectStart(of_.connection().c_str()));
    if (!link_ || PQstatus(link_.get()) == CONNECTION_BAD || !wait_for_connection()) return false;
    PQsetNoticeReceiver(link_.get(), [](void*, PGresult const*) {}, nullptr);
    PQsetnonblocking(link_.get(), 1);
    // What is told is only a hint: it need not wait for a disk.
    std::string const words = std::string("SET synchronous_commit = off; LISTEN ") + signals_channel +
                              "; LISTEN " + ephemeral_channel;
    sending_ = PQsendQuery(link_.get(), words.c_str()) == 1;
    return sending_;
}

// False: it could not be made, or the process stops.
bool postgres_backplane::wait_for_connection() {
    auto const until = steady_clock::now() + std::chrono::seconds(5);
    for (auto state = PGRES_POLLING_WRITING; steady_clock::now() < until;) {
        {
            std::lock_guard const lock(mutex_);
            if (stopping_) return false;
        }
        wait(state == PGRES_POLLING_WRITING ? POLLOUT : POLLIN, until);
        state = PQconnectPoll(link_.get());
        if (state == PGRES_POLLING_OK) return true;
        if (state == PGRES_POLLING_FAILED) return false;
    }
    return false;
}

void postgres_backplane::wait(short events, steady_clock::time_point until) {
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now());
    std::array<pollfd, 2> watched{{{wakeup_, POLLIN, 0}, {link_ ? PQsocket(link_.get()) : -1, events, 0}}};
    ::poll(watched.data(), watched.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    eventfd_t ignored = 0;
    if (watched[0].revents != 0) (void)::eventfd_read(wakeup_, &ignored);
}

// One round: sends what waits, where it may, and takes in what came.
void postgres_backplane::exchange() {
    auto const now = steady_clock::now();
    bool const may_send = !sending_ && now >= may_send_at_;
    bool lost = may_send && !send_next();
    int const unsent = PQflush(link_.get());
    auto const next_look =
        has_outgoing() && !sending_ ? may_send_at_ : steady_clock::now() + std::chrono::seconds(60);
    if (!lost) wait(unsent == 1 ? POLLIN | POLLOUT : POLLIN, next_look);
    lost = lost || unsent < 0 || PQconsumeInput(link_.get()) == 0 || !take_results();
    if (!lost) return hear();
    spdlog::warn(
        "what other processes say is not heard for the moment: {}", first_line(PQerrorMessage(link_.get()))
    );
    link_.reset();
    sending_ = false;
    wait(0, steady_clock::now() + reconnect_pause);
}

bool postgres_backplane::has_outgoing() {
    std::lock_guard const lock(mutex_);
    return has_signals_ || !ephemeral_.empty();
}

bool postgres_backplane::send_next() {
    auto const words = take_outgoing();
    if (words.empty()) return true;
    sending_ = PQsendQuery(link_.get(), words.c_str()) == 1;
    may_send_at_ = steady_clock::now() + send_pause;
    return sending_;
}

// Everything that waits, as one message of statements.
std::string postgres_backplane::take_outgoing() {
    core::commit_signals signals;
    std::deque<std::string> pieces;
    {
        std::lock_guard const lock(mutex_);
        has_signals_ = false;
        signals = std::exchange(signals_, {});
        pieces.swap(ephemeral_);
    }
    std::string words;
    auto const add = [&](char const* channel, std::string const& message) {
        std::unique_ptr<char, decltype(&PQfreemem)> const text(
            PQescapeLiteral(link_.get(), message.data(), message.size()), &PQfreemem
        );
        if (text) words.append("NOTIFY ").append(channel).append(", ").append(text.get()).append(";");
    };
    for (auto const& each : encode_signals(signals)) add(signals_channel, each);
    for (auto const& each : pieces) add(ephemeral_channel, each);
    return words;
}

// False: the server refused what was sent.
bool postgres_backplane::take_results() {
    while (sending_ && PQisBusy(link_.get()) == 0) {
        result_owner const done(PQgetResult(link_.get()), &PQclear);
        if (!done) {
            sending_ = false;
        } else if (PQresultStatus(done.get()) != PGRES_COMMAND_OK) {
            return false;
        }
    }
    return true;
}

void postgres_backplane::hear() {
    using notification = std::unique_ptr<PGnotify, decltype(&PQfreemem)>;
    core::commit_signals heard;
    bool any = false;
    for (;;) {
        notification const one(PQnotifies(link_.get()), &PQfreemem);
        if (!one) break;
        if (one->be_pid == PQbackendPID(link_.get())) continue;
        if (std::string_view(one->relname) == ephemeral_channel) {
            if (auto e = decode_ephemeral(one->extra)) heard_.on_ephemeral(std::move(*e));
        } else if (auto signals = decode_signals(one->extra)) {
            heard.merge(std::move(*signals));
            any = true;
        }
    }
    if (any) heard_.on_signals(std::move(heard));
}

} // namespace gatehouse::persistence
