#pragma once
// task<T>: a coroutine of core. It runs on one loop and is started by a `task_group`, which owns it to its
// end.
#include "core/execution/executor.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gatehouse::core {

template <class T = void>
using task = boost::asio::awaitable<T, executor>;

inline constexpr boost::asio::use_awaitable_t<executor> use_task{};

} // namespace gatehouse::core
