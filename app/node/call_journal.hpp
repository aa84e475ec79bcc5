#pragma once
// What a node remembers of the calls it was asked to make, in a file that survives its death: that a call was
// started, and its answer. Asked again, the node then neither repeats an effect nor loses an answer.
#include "protocol/error.hpp"
#include "protocol/timestamp.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace gatehouse::app::node {

struct journal_limits {
    std::size_t file_bytes_max = 64 << 20;
    std::size_t calls_max = 20'000;
    std::size_t runs_max = 20'000;
    std::chrono::milliseconds kept_for = std::chrono::hours(48); // a call, at least while the bounds allow it
};

// One line of JSON each, appended and, where the call's effect could not simply be repeated, fsynced. One
// thread; a call blocks for as long as the disk takes. Bounded: what is too old or too much is left out when
// the file is written anew.
class call_journal {
  public:
    struct entry {
        std::string request_hash;          // of operation and arguments
        std::optional<std::string> answer; // JSON text; nothing: started, and nobody knows how it ended
    };

    // Reads what is there. A last line that a crash cut off is dropped; any other damage throws
    // std::runtime_error with a sentence, as does a file that can't be opened.
    call_journal(std::filesystem::path file, timestamp now, journal_limits limits = {});
    ~call_journal();
    call_journal(call_journal const&) = delete;
    call_journal& operator=(call_journal const&) = delete;

    // Throws std::runtime_error where the kept answer can't be read.
    std::optional<entry> find(std::string const& key) const;

    // Keeps the call as started. `durable`: it is on the disk when this returns. Throws std::system_error
    // where the disk refuses; then nothing may be done.
    void start(std::string const& key, std::string_view request_hash, timestamp now, bool durable);
    void finish(std::string const& key, std::string_view answer_json, timestamp now, bool durable);

    // False where a larger epoch was seen for that run; else remembers this one, durably where it is new.
    bool admit_epoch(std::string const& run_id, std::int64_t epoch, timestamp now);

  private:
    struct kept_call {
        std::string request_hash;
        std::int64_t at_ms = 0;
        std::uint64_t line_offset = 0; // of the answer's line
        std::size_t line_size = 0;     // 0: no answer
    };
    struct kept_epoch {
        std::int64_t epoch = 0;
        std::int64_t at_ms = 0;
    };

    void read_all();
    void take_line(std::string_view line, std::uint64_t offset, std::size_t number);
    void append(std::string line, bool durable);
    void write_anew(timestamp now);
    void forget_old(timestamp now);
    std::string read_line(kept_call const& call) const;

    std::filesystem::path file_;
    journal_limits limits_;
    int fd_ = -1;
    std::uint64_t size_ = 0;
    std::uint64_t write_anew_at_ = 0;
    std::unordered_map<std::string, kept_call> calls_;
    std::unordered_map<std::string, kept_epoch> epochs_;
};

} // namespace gatehouse::app::node
