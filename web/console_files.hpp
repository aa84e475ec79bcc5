#pragma once
// The console's files, as the bundler left them, inside the binary. Constants: any thread may read them.
#include <span>
#include <string_view>

namespace gatehouse::web {

struct console_file {
    std::string_view path;          // as in the URL: "/assets/console-3KQJ5Z2A.js", "/index.html"
    std::string_view content_type;  // the whole header value, charset included
    std::string_view etag;          // with its quotes: "\"<sha256 hex>\""
    std::string_view content;       // the bytes, not compressed
    bool immutable = false;         // the name carries a hash of the content: may be cached for ever
};

// Every file of the console, ordered by path. `/` is to be answered with "/index.html".
std::span<console_file const> console_files();

}  // namespace gatehouse::web
