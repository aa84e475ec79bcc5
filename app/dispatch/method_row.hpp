#pragma once
#include "app/dispatch/caller.hpp"
#include "core/execution/task.hpp"
#include "protocol/error.hpp"
#include "protocol/method_descriptor.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <string>
#include <variant>

namespace gatehouse::app {

struct services;

// The JSON text of a result, or why there is none.
using reply_text = result<std::string>;

// At once where the handler needs to wait for nothing; else a task.
using reply_or_task = std::variant<reply_text, core::task<reply_text>>;

struct method_row {
    protocol::method_descriptor const* descriptor = nullptr;
    // `params` have passed the method's schema. Loop only.
    std::function<reply_or_task(boost::json::object const& params, caller who)> call;
};

} // namespace gatehouse::app
