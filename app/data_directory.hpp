#pragma once
// The gateway's own directory: who holds its lock is the only process on it.
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>

namespace gatehouse::app {

// Something about the start that the user can put right: what() is one sentence that says what and how. Exit
// code 2.
struct startup_problem : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class data_directory {
  public:
    // Makes it where it is missing (0700) and takes its lock. Throws startup_problem: no right to it, another
    // process on it.
    explicit data_directory(std::filesystem::path path);
    ~data_directory();
    data_directory(data_directory const&) = delete;
    data_directory& operator=(data_directory const&) = delete;

    std::filesystem::path const& path() const { return path_; }

    // Takes the lock of a store that lies elsewhere, which two directories could name. Throws startup_problem
    // where another process works on it.
    void lock_store(std::filesystem::path const& file);

    // What all starts on this directory have in common; made at the first.
    std::string incarnation(std::string const& made);

    // Writes a small file (0600) whole: it is there with all its text or not at all.
    void write(std::string const& name, std::string const& text) const;
    std::optional<std::string> read(std::string const& name) const;
    // Gives a file that is there another name, so that it is not overwritten.
    void put_aside(std::string const& name) const;

  private:
    std::filesystem::path path_;
    int lock_ = -1;
    int store_lock_ = -1;
};

} // namespace gatehouse::app
