#pragma once
// The gateway's own directory: who holds its lock is the only process on it.
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace gatehouse::app {

// Something about the start that the user can put right: what() is one sentence that says what and how. Exit
// code 2.
struct startup_problem : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The lock of a file, held until this goes or the process ends.
class file_lock {
  public:
    // Makes the file where it is missing (0600). Throws startup_problem: no right to it.
    explicit file_lock(std::filesystem::path const& file);
    ~file_lock();
    file_lock(file_lock const&) = delete;
    file_lock& operator=(file_lock const&) = delete;

    // False: another process has it.
    bool is_held() const { return file_ >= 0; }

  private:
    int file_ = -1;
};

class data_directory {
  public:
    // Makes it where it is missing (0700) and takes its lock. Throws startup_problem: no right to it, another
    // process on it.
    explicit data_directory(std::filesystem::path path);
    data_directory(data_directory const&) = delete;
    data_directory& operator=(data_directory const&) = delete;

    std::filesystem::path const& path() const { return path_; }

    // Takes the lock of the store's file, which two directories could name. Throws startup_problem where
    // another process works on it.
    void lock_store(std::filesystem::path const& file);

    // The files of which a gateway on this store has one locked, as far as they exist.
    static std::vector<std::filesystem::path> locks_of(std::filesystem::path const& store);

    // What all starts on this directory have in common; made at the first.
    std::string incarnation(std::string const& made);

    // Writes a small file (0600) whole: it is there with all its text or not at all.
    void write(std::string const& name, std::string const& text) const;
    std::optional<std::string> read(std::string const& name) const;
    // Gives a file that is there another name, so that it is not overwritten.
    void put_aside(std::string const& name) const;

  private:
    std::filesystem::path path_;
    std::optional<file_lock> lock_;
    std::optional<file_lock> store_lock_;
};

} // namespace gatehouse::app
