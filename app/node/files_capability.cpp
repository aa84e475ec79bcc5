#include "app/node/files_capability.hpp"

#include "app/node/output_text.hpp"
#include "app/node/rooted_directory.hpp"
#include "protocol/encoding.hpp"

#include <fmt/format.h>

namespace gatehouse::app::node {
namespace {

// What an answer of the default frame size (1 MiB) has room for: text at most doubles in JSON, since text
// with control characters goes as base64, which adds a third.
constexpr std::size_t read_bytes_max = 256 << 10;
// Names of 255 bytes and their escapes included.
constexpr std::size_t list_entries_max = 1000;

constexpr std::string_view descriptor_json = R"json({
  "id": "files",
  "version": "1.0.0",
  "operations": [{
    "name": "read",
    "description": "Reads a file below the node's root. Text comes as it is, anything else as base64.",
    "input_schema": {
      "type": "object",
      "properties": {
        "path": {"description": "Relative to the node's root.", "type": "string", "minLength": 1, "maxLength": 4096},
        "offset": {"description": "First byte to read.", "type": "integer", "minimum": 0, "maximum": 9007199254740991},
        "max_bytes": {"type": "integer", "minimum": 1, "maximum": 262144}
      },
      "required": ["path"],
      "additionalProperties": false
    },
    "output_schema": {
      "type": "object",
      "properties": {
        "path": {"type": "string"},
        "size": {"description": "Of the whole file, in bytes.", "type": "integer"},
        "encoding": {"enum": ["utf8", "base64"]},
        "content": {"type": "string"},
        "truncated": {"description": "There is more after this part.", "type": "boolean"}
      },
      "required": ["path", "size", "encoding", "content", "truncated"],
      "additionalProperties": false
    },
    "risk": "read",
    "idempotent": true
  }, {
    "name": "list",
    "description": "Lists a directory below the node's root, by name.",
    "input_schema": {
      "type": "object",
      "properties": {"path": {"description": "Relative to the node's root; absent: the root.", "type": "string", "minLength": 1, "maxLength": 4096}},
      "additionalProperties": false
    },
    "output_schema": {
      "type": "object",
      "properties": {
        "path": {"type": "string"},
        "entries": {
          "type": "array",
          "items": {
            "type": "object",
            "properties": {
              "name": {"type": "string"},
              "type": {"enum": ["file", "directory", "link", "other"]},
              "size": {"type": "integer"},
              "modified_at": {"type": "string"}
            },
            "required": ["name", "type", "size", "modified_at"],
            "additionalProperties": false
          }
        },
        "truncated": {"description": "There are more entries.", "type": "boolean"}
      },
      "required": ["path", "entries", "truncated"],
      "additionalProperties": false
    },
    "risk": "read",
    "idempotent": true
  }, {
    "name": "write",
    "description": "Writes a whole file below the node's root, in the place of the one that was there. Its directory must exist.",
    "input_schema": {
      "type": "object",
      "properties": {
        "path": {"description": "Relative to the node's root.", "type": "string", "minLength": 1, "maxLength": 4096},
        "content": {"type": "string", "maxLength": 524288},
        "encoding": {"description": "Of content; absent: utf8.", "enum": ["utf8", "base64"]}
      },
      "required": ["path", "content"],
      "additionalProperties": false
    },
    "output_schema": {
      "type": "object",
      "properties": {"path": {"type": "string"}, "size": {"type": "integer"}},
      "required": ["path", "size"],
      "additionalProperties": false
    },
    "risk": "write",
    "idempotent": true
  }]
})json";

using outcome = result<operation_outcome>;

std::string
text_in(boost::json::object const& arguments, std::string_view name, std::string_view otherwise = "") {
    auto const* found = arguments.if_contains(name);
    return found ? std::string(found->get_string()) : std::string(otherwise);
}

std::int64_t number_in(boost::json::object const& arguments, std::string_view name, std::int64_t otherwise) {
    auto const* found = arguments.if_contains(name);
    return found ? found->to_number<std::int64_t>() : otherwise;
}

class files_capability final : public capability {
  public:
    explicit files_capability(std::string const& root) : root_(root) {}

    protocol::capability const& descriptor() const override { return descriptor_; }

    core::task<outcome>
    run(std::string operation, boost::json::object const& arguments, operation_call&) override {
        if (operation == "read") co_return read(arguments);
        if (operation == "list") co_return list(arguments);
        co_return write(arguments);
    }

  private:
    outcome read(boost::json::object const& arguments) const {
        auto const path = text_in(arguments, "path");
        auto const offset = static_cast<std::uint64_t>(number_in(arguments, "offset", 0));
        auto const bytes_max = static_cast<std::size_t>(number_in(arguments, "max_bytes", read_bytes_max));
        auto const part = root_.read(path, offset, bytes_max);
        if (!part) return std::unexpected(part.error());
        bool const is_text = is_plain_text(part->bytes);
        boost::json::object answer{
            {"path", path},
            {"size", static_cast<std::int64_t>(part->size)},
            {"encoding", is_text ? "utf8" : "base64"},
            {"content", is_text ? part->bytes : base64_encode(part->bytes)},
            {"truncated", offset + part->bytes.size() < part->size},
        };
        return operation_outcome{std::move(answer), {}};
    }

    outcome list(boost::json::object const& arguments) const {
        auto const path = text_in(arguments, "path", ".");
        auto const found = root_.list(path, list_entries_max + 1);
        if (!found) return std::unexpected(found.error());
        boost::json::array entries;
        for (auto const& each : *found) {
            if (entries.size() == list_entries_max) break;
            entries.push_back(
                {{"name", to_utf8(each.name)},
                 {"type", each.type},
                 {"size", static_cast<std::int64_t>(each.size)},
                 {"modified_at", format_timestamp(each.modified_at)}}
            );
        }
        bool const truncated = found->size() > list_entries_max;
        boost::json::object answer{{"path", path}, {"entries", std::move(entries)}, {"truncated", truncated}};
        return operation_outcome{std::move(answer), {}};
    }

    outcome write(boost::json::object const& arguments) const {
        auto const path = text_in(arguments, "path");
        auto bytes = text_in(arguments, "content");
        if (text_in(arguments, "encoding", "utf8") == "base64") {
            auto decoded = base64_decode(bytes);
            if (!decoded) return fail(errc::invalid_params, "The argument \"content\" is not base64.");
            bytes = std::move(*decoded);
        }
        if (auto const written = root_.replace(path, bytes); !written)
            return std::unexpected(written.error());
        boost::json::object answer{{"path", path}, {"size", static_cast<std::int64_t>(bytes.size())}};
        return operation_outcome{std::move(answer), {}};
    }

    rooted_directory root_;
    protocol::capability descriptor_ = read_descriptor(descriptor_json);
};

} // namespace

std::unique_ptr<capability> make_files_capability(std::string const& root) {
    return std::make_unique<files_capability>(root);
}

} // namespace gatehouse::app::node
