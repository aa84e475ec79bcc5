#pragma once
// A flat hash table from names to small values: built once, then only looked up, by length and bytes.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gatehouse::json_schema {

namespace detail {

inline std::uint64_t load_8(char const* at) noexcept {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    return word;
}

inline std::uint64_t load_4(char const* at) noexcept {
    std::uint32_t word;
    std::memcpy(&word, at, 4);
    return word;
}

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
    unsigned __int128 const product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Reads every byte of the name; the words overlap where its size is no multiple of theirs.
inline std::uint64_t hash_name(std::string_view name, std::uint64_t seed) noexcept {
    constexpr std::uint64_t factor = 0x9e3779b97f4a7c15;
    char const* at = name.data();
    std::size_t const size = name.size();
    std::uint64_t hash = seed ^ (size * factor);
    if (size >= 8) {
        for (std::size_t left = size; left > 16; left -= 8, at += 8) hash = mix(hash ^ load_8(at), factor);
        return mix(hash ^ load_8(at), factor ^ load_8(name.data() + size - 8));
    }
    if (size >= 4) return mix(hash ^ (load_4(at) | load_4(at + size - 4) << 32), factor);
    if (size == 0) return mix(hash, factor);
    auto const byte = [at](std::size_t index) {
        return std::uint64_t(static_cast<unsigned char>(at[index]));
    };
    return mix(hash ^ (byte(0) | byte(size / 2) << 8 | byte(size - 1) << 16), factor);
}

// memcmp for names, which are short: no call, and no loop up to 16 bytes.
inline bool same_bytes(char const* a, char const* b, std::size_t size) noexcept {
    if (size >= 8) {
        for (std::size_t at = 0; at + 8 < size; at += 8) {
            if (load_8(a + at) != load_8(b + at)) return false;
        }
        return load_8(a + size - 8) == load_8(b + size - 8);
    }
    if (size >= 4) return load_4(a) == load_4(b) && load_4(a + size - 4) == load_4(b + size - 4);
    for (std::size_t at = 0; at < size; ++at) {
        if (a[at] != b[at]) return false;
    }
    return true;
}

} // namespace detail

// Names keep the order in which they were added. Add all, then build(); find() is for afterwards.
template <class Value>
class name_table {
  public:
    struct entry {
        std::string name;
        Value value;
    };

    // The value for `name`, made with its default where it is new.
    Value& operator[](std::string_view name) {
        auto const [known, fresh] = numbers_.emplace(name, entries_.size());
        if (fresh) entries_.emplace_back(entry{std::string(name), Value()});
        return entries_[known->second].value;
    }

    void build() {
        std::size_t capacity = 4;
        while (capacity < entries_.size() * 2) capacity *= 2;
        // A name that stands too far from its slot makes the table grow under another seed, so that no choice
        // of names by a stranger makes a look-up slow.
        for (seed_ = 1; !place_all(capacity, seed_ < 8); ++seed_) {
            if (seed_ < 3) capacity *= 2;
        }
        numbers_.clear();
    }

    entry const* find(std::string_view name) const noexcept {
        if (slots_.empty()) return nullptr;
        std::uint64_t const hash = detail::hash_name(name, seed_);
        std::size_t const mask = slots_.size() - 1;
        for (std::size_t at = hash & mask; slots_[at].entry_number != 0; at = (at + 1) & mask) {
            if (slots_[at].fingerprint != static_cast<std::uint32_t>(hash >> 32)) continue;
            auto const& candidate = entries_[slots_[at].entry_number - 1];
            if (candidate.name.size() != name.size()) continue;
            if (detail::same_bytes(candidate.name.data(), name.data(), name.size())) return &candidate;
        }
        return nullptr;
    }

    // The same for a caller whose names mostly come in the order in which they were added: `guess` is the
    // number of the entry to look at first, and is moved on behind what was found.
    entry const* find(std::string_view name, std::size_t& guess) const noexcept {
        entry const* found = guess < entries_.size() ? &entries_[guess] : nullptr;
        bool const same = found && found->name.size() == name.size() &&
                          detail::same_bytes(found->name.data(), name.data(), name.size());
        if (!same) found = find(name);
        if (found) guess = static_cast<std::size_t>(found - entries_.data()) + 1;
        return found;
    }

    std::vector<entry> const& entries() const noexcept { return entries_; }
    std::vector<entry>& entries() noexcept { return entries_; }
    bool empty() const noexcept { return entries_.empty(); }

  private:
    struct slot {
        std::uint32_t fingerprint = 0;
        std::uint32_t entry_number = 0; // counted from 1; 0 is a free slot
    };
    static constexpr std::size_t probes_max = 16;

    bool place_all(std::size_t capacity, bool refuse_far) {
        slots_.assign(capacity, slot());
        for (std::size_t number = 0; number < entries_.size(); ++number) {
            std::uint64_t const hash = detail::hash_name(entries_[number].name, seed_);
            std::size_t at = hash & (capacity - 1);
            std::size_t probes = 0;
            while (slots_[at].entry_number != 0) {
                at = (at + 1) & (capacity - 1);
                if (++probes > probes_max && refuse_far) return false;
            }
            slots_[at] = slot{static_cast<std::uint32_t>(hash >> 32), static_cast<std::uint32_t>(number + 1)};
        }
        return true;
    }

    std::uint64_t seed_ = 1;
    std::unordered_map<std::string, std::size_t> numbers_; // of the entries, while they are added
    std::vector<entry> entries_;
    std::vector<slot> slots_;
};

} // namespace gatehouse::json_schema
