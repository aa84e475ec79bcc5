#include "app/node/call_journal.hpp"

#include "protocol/json_codec.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gatehouse::app::node {
namespace {

namespace json = boost::json;

[[noreturn]] void fail_io(char const* what) { throw std::system_error(errno, std::generic_category(), what); }

void write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        auto const size = ::write(fd, bytes.data(), bytes.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) fail_io("writing the node's journal");
        bytes.remove_prefix(static_cast<std::size_t>(size));
    }
}

void sync_directory(std::filesystem::path const& file) {
    auto const folder = file.parent_path().empty() ? std::filesystem::path(".") : file.parent_path();
    int const fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) fail_io("opening the node's directory");
    ::fsync(fd);
    ::close(fd);
}

std::string quoted(std::string_view text) {
    std::string out;
    protocol::append_json(out, text);
    return out;
}

std::string started_line(std::string_view key, std::string_view hash, std::int64_t at_ms) {
    return fmt::format("{{\"started\":{},\"request\":{},\"at\":{}}}\n", quoted(key), quoted(hash), at_ms);
}

// The answer stands last, so that it can be cut out of the line as it is.
std::string finished_line(std::string_view key, std::int64_t at_ms, std::string_view answer) {
    return fmt::format("{{\"finished\":{},\"at\":{},\"answer\":{}}}\n", quoted(key), at_ms, answer);
}

std::string epoch_line(std::string_view run_id, std::int64_t epoch, std::int64_t at_ms) {
    return fmt::format("{{\"run\":{},\"epoch\":{},\"at\":{}}}\n", quoted(run_id), epoch, at_ms);
}

std::string text_of_member(json::object const& line, std::string_view name) {
    return std::string(line.at(name).as_string());
}

// The newest `kept` of a map, by their at_ms; the rest is erased.
template <class Map>
void keep_newest(Map& map, std::size_t kept) {
    if (map.size() <= kept) return;
    std::vector<std::int64_t> times;
    for (auto const& [key, each] : map) times.push_back(each.at_ms);
    auto const cut = times.begin() + static_cast<std::ptrdiff_t>(times.size() - kept);
    std::ranges::nth_element(times, cut);
    std::erase_if(map, [oldest = *cut](auto const& each) { return each.second.at_ms < oldest; });
}

} // namespace

call_journal::call_journal(std::filesystem::path file, timestamp now, journal_limits limits)
    : file_(std::move(file)), limits_(limits) {
    fd_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) {
        throw std::runtime_error(
            fmt::format("The journal {} can't be opened: {}.", file_.string(), std::strerror(errno))
        );
    }
    read_all();
    write_anew(now);
}

call_journal::~call_journal() {
    if (fd_ >= 0) ::close(fd_);
}

void call_journal::read_all() {
    std::string rest;
    std::string piece(1 << 20, '\0');
    std::uint64_t offset = 0; // of the beginning of `rest`
    std::size_t number = 0;
    while (true) {
        auto const size = ::read(fd_, piece.data(), piece.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0)
            throw std::runtime_error(
                fmt::format("The journal {} can't be read: {}.", file_.string(), std::strerror(errno))
            );
        if (size == 0) break;
        rest.append(piece, 0, static_cast<std::size_t>(size));
        std::size_t begin = 0;
        for (auto end = rest.find('\n'); end != std::string::npos; end = rest.find('\n', begin)) {
            take_line(std::string_view(rest).substr(begin, end - begin), offset + begin, ++number);
            begin = end + 1;
        }
        rest.erase(0, begin);
        offset += begin;
    }
    // What stands after the last line end was being written when the process died; it was never acted upon.
    size_ = offset;
    if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) fail_io("cutting the node's journal");
    ::lseek(fd_, 0, SEEK_END);
}

void call_journal::take_line(std::string_view text, std::uint64_t offset, std::size_t number) {
    try {
        auto const parsed = parse_json(text);
        if (!parsed) throw std::invalid_argument(parsed.error().message);
        auto const& line = parsed->as_object();
        auto const at_ms = line.at("at").as_int64();
        if (line.contains("started")) {
            calls_[text_of_member(line, "started")] = {text_of_member(line, "request"), at_ms, 0, 0};
        } else if (line.contains("finished")) {
            auto& call = calls_.at(text_of_member(line, "finished"));
            call.line_offset = offset;
            call.line_size = text.size();
            call.at_ms = at_ms;
        } else {
            epochs_[text_of_member(line, "run")] = {line.at("epoch").as_int64(), at_ms};
        }
    } catch (std::exception const&) {
        throw std::runtime_error(fmt::format(
            "The journal {} is damaged in line {}. Move it away only if no call of the last two days may "
            "have had an "
            "effect that must not be repeated.",
            file_.string(), number
        ));
    }
}

std::string call_journal::read_line(kept_call const& call) const {
    std::string line(call.line_size, '\0');
    auto const size = ::pread(fd_, line.data(), line.size(), static_cast<off_t>(call.line_offset));
    if (size != static_cast<ssize_t>(line.size()))
        throw std::runtime_error("The node's journal is shorter than it was.");
    return line;
}

std::optional<call_journal::entry> call_journal::find(std::string const& key) const {
    auto const found = calls_.find(key);
    if (found == calls_.end()) return std::nullopt;
    entry kept{found->second.request_hash, std::nullopt};
    if (found->second.line_size == 0) return kept;
    auto const line = read_line(found->second);
    // No earlier place can look like this: in the key before it every quotation mark is escaped.
    constexpr std::string_view name = ",\"answer\":";
    auto const begin = line.find(name) + name.size();
    kept.answer = line.substr(begin, line.size() - begin - 1);
    return kept;
}

void call_journal::start(std::string const& key, std::string_view request_hash, timestamp now, bool durable) {
    if (size_ > write_anew_at_ || calls_.size() > 2 * limits_.calls_max) write_anew(now);
    append(started_line(key, request_hash, to_ms(now)), durable);
    calls_[key] = {std::string(request_hash), to_ms(now), 0, 0};
}

void call_journal::finish(std::string const& key, std::string_view answer_json, timestamp now, bool durable) {
    auto line = finished_line(key, to_ms(now), answer_json);
    auto const offset = size_;
    auto const size = line.size() - 1;
    append(std::move(line), durable);
    auto& call = calls_[key];
    call.line_offset = offset;
    call.line_size = size;
    call.at_ms = to_ms(now);
}

bool call_journal::admit_epoch(std::string const& run_id, std::int64_t epoch, timestamp now) {
    auto& seen = epochs_[run_id];
    if (epoch < seen.epoch) return false;
    if (epoch == seen.epoch && seen.at_ms != 0) return true;
    // It has to last: an older owner may ask again after this process died.
    append(epoch_line(run_id, epoch, to_ms(now)), true);
    seen = {epoch, to_ms(now)};
    return true;
}

void call_journal::append(std::string line, bool durable) {
    try {
        write_all(fd_, line);
        if (durable && ::fdatasync(fd_) != 0) fail_io("writing the node's journal");
    } catch (...) {
        // Half a line must not stand before the next one.
        if (::ftruncate(fd_, static_cast<off_t>(size_)) == 0) ::lseek(fd_, 0, SEEK_END);
        throw;
    }
    size_ += line.size();
}

void call_journal::forget_old(timestamp now) {
    auto const oldest = to_ms(now) - limits_.kept_for.count();
    std::erase_if(calls_, [oldest](auto const& each) { return each.second.at_ms < oldest; });
    std::erase_if(epochs_, [oldest](auto const& each) { return each.second.at_ms < oldest; });
    keep_newest(epochs_, limits_.runs_max);
    // Of the answers, which may be large, the newest ones that fit into half the file stay. A call without
    // one is under way, or nobody knows what became of it: it must not be done again.
    std::vector<std::pair<std::int64_t, std::string const*>> by_age;
    for (auto const& [key, call] : calls_)
        if (call.line_size > 0) by_age.emplace_back(call.at_ms, &key);
    std::ranges::sort(by_age, std::greater<>());
    std::uint64_t bytes = 0;
    std::size_t kept = 0;
    std::vector<std::string> forgotten;
    for (auto const& [at_ms, key] : by_age) {
        bytes += calls_.at(*key).line_size;
        if (++kept > limits_.calls_max || bytes > limits_.file_bytes_max / 2) forgotten.push_back(*key);
    }
    for (auto const& key : forgotten) calls_.erase(key);
}

void call_journal::write_anew(timestamp now) {
    forget_old(now);
    auto const next = std::filesystem::path(file_.string() + ".new");
    int const fd = ::open(next.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) fail_io("opening the node's journal");
    std::uint64_t size = 0;
    auto calls = calls_;
    try {
        for (auto const& [run_id, each] : epochs_) {
            auto const line = epoch_line(run_id, each.epoch, each.at_ms);
            write_all(fd, line);
            size += line.size();
        }
        for (auto& [key, call] : calls) {
            auto text = started_line(key, call.request_hash, call.at_ms);
            auto const answer_offset = size + text.size();
            if (call.line_size > 0) text += read_line(call) + "\n";
            call.line_offset = answer_offset;
            write_all(fd, text);
            size += text.size();
        }
        if (::fsync(fd) != 0 || ::rename(next.c_str(), file_.c_str()) != 0)
            fail_io("writing the node's journal");
        sync_directory(file_);
    } catch (...) {
        ::close(fd);
        throw;
    }
    ::close(std::exchange(fd_, fd));
    calls_ = std::move(calls);
    size_ = size;
    write_anew_at_ = size + limits_.file_bytes_max / 2;
}

} // namespace gatehouse::app::node
