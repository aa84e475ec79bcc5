#pragma once
// Reads server-sent events from bytes that arrive in any pieces (WHATWG HTML 9.2.6). No sockets, no JSON.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::app::models {

struct sse_event {
    std::string type; // "message" where the stream names none
    std::string data; // the data lines joined by '\n'
    std::string id;   // the last id the stream has given, this event's or an earlier one's
};

// Any thread, one at a time.
class sse_reader {
  public:
    // `event_bytes_max` bounds one line and the data of one event; what is longer ends the reading.
    explicit sse_reader(std::size_t event_bytes_max) : event_bytes_max_(event_bytes_max) {}

    // Appends the events completed by `bytes` to `out`. False once the bound was passed; nothing is read
    // after that.
    bool feed(std::string_view bytes, std::vector<sse_event>& out);

    // Tells that no more bytes come. The standard drops an event whose closing blank line is missing; servers
    // that forget it are common, so here it is given out. False as for feed().
    bool finish(std::vector<sse_event>& out);

  private:
    bool take_line(std::string_view line, std::vector<sse_event>& out);
    void take_field(std::string_view name, std::string_view value);
    void dispatch(std::vector<sse_event>& out);

    std::size_t event_bytes_max_;
    std::string line_; // the unfinished line
    std::string type_;
    std::string data_;
    std::string id_;
    bool has_data_ = false;
    bool at_start_ = true;        // a byte order mark may still come
    bool skip_line_feed_ = false; // the last piece ended with '\r', which a '\n' may complete
    bool failed_ = false;
};

} // namespace gatehouse::app::models
