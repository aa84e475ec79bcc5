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

// The open file with its lock; -1 where another process holds it.
int open_lock(std::string const& file) {
    int const opened = ::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (opened < 0) refuse("Its lock cannot be taken (choose a place that this user may write to):", file);
    if (::flock(opened, LOCK_EX | LOCK_NB) == 0) return opened;
    ::close(opened);
    return -1;
}

} // namespace

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
    lock_ = open_lock((path_ / "lock").string());
    if (lock_ >= 0) return;
    throw startup_problem(
        "Another gateway works on the data directory " + path_.string() +
        "; stop it, or choose another directory with --data."
    );
}

data_directory::~data_directory() {
    if (lock_ >= 0) ::close(lock_);
    if (store_lock_ >= 0) ::close(store_lock_);
}

void data_directory::lock_store(std::filesystem::path const& file) {
    std::error_code none;
    if (std::filesystem::equivalent(file.has_parent_path() ? file.parent_path() : ".", path_, none)) return;
    store_lock_ = open_lock(file.string() + ".lock");
    if (store_lock_ >= 0) return;
    throw startup_problem(
        "Another gateway works on the store " + file.string() +
        "; stop it, or choose another one with --store. Several processes need postgresql://…"
    );
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
