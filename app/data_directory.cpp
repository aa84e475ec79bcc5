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
    auto file = (path_ / "lock").string();
    lock_ = ::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (lock_ < 0) refuse("The data directory cannot be used: opening", file);
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
        ::close(lock_);
        throw startup_problem(
            "Another gateway works on the data directory " + path_.string() +
            "; stop it, or choose another directory with --data."
        );
    }
}

data_directory::~data_directory() {
    if (lock_ >= 0) ::close(lock_);
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
