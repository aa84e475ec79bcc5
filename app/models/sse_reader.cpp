#include "app/models/sse_reader.hpp"

#include <utility>

namespace gatehouse::app::models {

bool sse_reader::feed(std::string_view bytes, std::vector<sse_event>& out) {
    while (!failed_ && !bytes.empty()) {
        if (std::exchange(skip_line_feed_, false) && bytes.front() == '\n') {
            bytes.remove_prefix(1);
            continue;
        }
        auto const end = bytes.find_first_of("\r\n");
        if (line_.size() + std::min(end, bytes.size()) > event_bytes_max_) {
            failed_ = true;
            break;
        }
        line_ += bytes.substr(0, end);
        if (end == std::string_view::npos) break;
        skip_line_feed_ = bytes[end] == '\r';
        bytes.remove_prefix(end + 1);
        failed_ = !take_line(std::exchange(line_, {}), out);
    }
    return !failed_;
}

bool sse_reader::finish(std::vector<sse_event>& out) {
    if (failed_) return false;
    if (!line_.empty()) failed_ = !take_line(std::exchange(line_, {}), out);
    if (!failed_) dispatch(out);
    return !failed_;
}

bool sse_reader::take_line(std::string_view line, std::vector<sse_event>& out) {
    if (std::exchange(at_start_, false) && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    if (line.empty()) {
        dispatch(out);
        return true;
    }
    if (line.front() == ':') return true;
    auto const colon = line.find(':');
    auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (data_.size() + value.size() > event_bytes_max_) return false;
    take_field(line.substr(0, colon), value);
    return true;
}

void sse_reader::take_field(std::string_view name, std::string_view value) {
    if (name == "data") {
        if (has_data_) data_ += '\n';
        data_ += value;
        has_data_ = true;
    } else if (name == "event") {
        type_ = value;
    } else if (name == "id" && value.find('\0') == std::string_view::npos) {
        id_ = value;
    }
}

void sse_reader::dispatch(std::vector<sse_event>& out) {
    auto type = std::exchange(type_, {});
    if (!std::exchange(has_data_, false)) return;
    if (type.empty()) type = "message";
    out.push_back({std::move(type), std::exchange(data_, {}), id_});
}

} // namespace gatehouse::app::models
