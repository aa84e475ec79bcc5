#pragma once
// Artifacts that are too large for the store, one file each, named by the artifact's id.
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace gatehouse::persistence {

// Database thread: it blocks.
class artifact_directory {
  public:
    explicit artifact_directory(std::filesystem::path path) : path_(std::move(path)) {}

    // The file is whole and on the disk when this returns, or it throws std::runtime_error. Writing it again
    // is harmless: the same id is the same bytes.
    void write(std::string const& artifact_id, std::string_view bytes) const;

    // At most `length` bytes from `offset`; fewer at the end; none where the file is not there.
    std::string read(std::string const& artifact_id, std::int64_t offset, std::int64_t length) const;

  private:
    std::filesystem::path path_;
};

} // namespace gatehouse::persistence
