#pragma once
// What happened in one world: a hash of all of it, and the last lines where somebody wants to read them.
#include <concepts>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace gatehouse::simulation {

class trace {
  public:
    // `lines_kept`: 0 only counts and hashes.
    explicit trace(std::size_t lines_kept) : lines_kept_(lines_kept) {}

    template <class... Words>
    void note(std::int64_t now_ns, Words const&... words) {
        mix(static_cast<std::uint64_t>(now_ns));
        (mix(words), ...);
        if (lines_kept_ == 0) return;
        auto line = std::to_string(now_ns / 1'000'000) + "." + std::to_string(now_ns / 1'000 % 1'000 + 1'000);
        line.erase(line.find('.') + 1, 1);
        ((line += ' ', append(line, words)), ...);
        lines_.push_back(std::move(line));
        if (lines_.size() > lines_kept_) lines_.pop_front();
    }

    std::uint64_t hash() const { return hash_; }
    std::deque<std::string> const& lines() const { return lines_; }

  private:
    void mix(std::uint64_t value) {
        hash_ = (hash_ ^ value) * 0x9fb21c651e98df25;
        hash_ ^= hash_ >> 29;
    }
    void mix(std::integral auto value) { mix(static_cast<std::uint64_t>(value)); }
    void mix(std::string_view text) {
        std::uint64_t all = 0xcbf29ce484222325;
        for (unsigned char c : text) all = (all ^ c) * 0x100000001b3;
        mix(all);
    }
    static void append(std::string& to, std::integral auto value) { to += std::to_string(value); }
    static void append(std::string& to, std::string_view text) { to += text; }

    std::size_t lines_kept_;
    std::uint64_t hash_ = 0;
    std::deque<std::string> lines_;
};

} // namespace gatehouse::simulation
