#pragma once
#include "core/artifacts/artifact_store.hpp"
#include "protocol/byte_view.hpp"

namespace gatehouse::core {

// "art_" + base32 of the SHA-256 of the bytes: who has the id can check the bytes.
std::string artifact_id_of(byte_view bytes);

// Describes `bytes`; storing them is the caller's. Any thread.
artifact
make_artifact(std::string_view bytes, std::string media_type, std::optional<std::string> name, timestamp now);

} // namespace gatehouse::core
