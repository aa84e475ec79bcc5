#include "app/data_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace gatehouse::app {

namespace {

[[noreturn]] void refuse(std::string const& what, std::string const& path) {
    throw startup_problem(what + " " + path + ": " + std::strerror(errno) + ".");
}

// One for all names of the file.
std::filesystem::path own_lock_of(std::filesystem::path const& store) {
    std::error_code failure;
    auto const whole = std::filesystem::weakly_canonical(store, failure);
    return (failure ? store : whole).string() + ".lock";
}

std::filesystem::path folder_of(std::filesystem::path const& store) {
    return store.has_parent_path() ? store.parent_path() : ".";
}

} // namespace

file_lock::file_lock(std::filesystem::path const& file) {
    int const opened = ::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (opened < 0)
        refuse("Its lock cannot be taken (choose a place that this user may write to):", file.string());
    if (::flock(opened, LOCK_EX | LOCK_NB) == 0)
        file_ = opened;
    else
        ::close(opened);
}

file_lock::~file_lock() {
    if (file_ >= 0) ::close(file_);
}

data_directory::data_directory(std::filesystem::path path) : path_(std::move(path)) {
    std::error_code failure;
    bool is_new = std::filesystem::create_directories(path_, failure);
    if (failure) {
        throw startup_problem(
            "The data directory " + path_.string() + " cannot be made: " + failure.message() +
            "; choose another with --data."
        );
    }
    if (is_new) std::filesystem::permissions(path_, std::filesystem::perms::owner_all, failure);
    lock_.emplace(path_ / "lock");
    if (lock_->is_held()) return;
    throw startup_problem(
        "Another gateway works on the data directory " + path_.string() +
        "; stop it, or choose another directory with --data."
    );
}

void data_directory::lock_store(std::filesystem::path const& file) {
    store_lock_.emplace(own_lock_of(file));
    if (store_lock_->is_held()) return;
    throw startup_problem(
        "Another gateway works on the store " + file.string() +
        "; stop it, or choose another one with --store. Several processes need postgresql://…"
    );
}

std::vector<std::filesystem::path> data_directory::locks_of(std::filesystem::path const& store) {
    std::vector<std::filesystem::path> locks{folder_of(store) / "lock", own_lock_of(store)};
    std::erase_if(locks, [](auto const& each) {
        std::error_code none;
        return !std::filesystem::exists(each, none);
    });
    return locks;
}

void data_directory::put_aside(std::string const& name) const {
    std::error_code failure;
    for (int n = 1; std::filesystem::exists(path_ / name, failure); ++n) {
        auto aside = path_ / (name + "." + std::to_string(n));
        if (std::filesystem::exists(aside, failure)) continue;
        std::filesystem::rename(path_ / name, aside, failure);
        if (failure) refuse("Cannot rename", (path_ / name).string());
    }
}

std::string data_directory::incarnation(std::string const& made) {
    if (auto known = read("incarnation"); known && !known->empty()) return *known;
    write("incarnation", made);
    return made;
}

void data_directory::write(std::string const& name, std::string const& text) const {
    auto target = path_ / name;
    auto draft = path_ / (name + ".new");
    int file = ::open(draft.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0) refuse("Cannot write", draft.string());
    bool written =
        ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
    ::close(file);
    if (!written || ::rename(draft.c_str(), target.c_str()) != 0) refuse("Cannot write", target.string());
}

std::optional<std::string> data_directory::read(std::string const& name) const {
    std::ifstream file(path_ / name);
    if (!file) return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    auto s = text.str();
    while (!s.empty() && (s.back() == '\n' || s.back() == '\r')) s.pop_back();
    return s;
}

} // namespace gatehouse::app
