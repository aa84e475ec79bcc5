#include "core/artifacts/make_artifact.hpp"

#include "protocol/digest.hpp"
#include "protocol/encoding.hpp"

namespace gatehouse::core {

std::string artifact_id_of(byte_view bytes) { return "art_" + base32_encode(sha256(bytes)); }

artifact make_artifact(
    std::string_view bytes, std::string media_type, std::optional<std::string> name, timestamp now
) {
    artifact a;
    a.artifact_id = artifact_id_of(bytes);
    a.size = static_cast<std::int64_t>(bytes.size());
    a.media_type = std::move(media_type);
    a.name = std::move(name);
    a.created_at = now;
    return a;
}

} // namespace gatehouse::core
