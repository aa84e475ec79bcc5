#pragma once
// The concrete types of sockets and their coroutines: an any_io_executor costs a third of the throughput.
#include "app/net/io_loop_impl.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gatehouse::app::net {

using tcp_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, io_executor>;
using tcp_acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, io_executor>;

// A coroutine of a socket. core's tasks run on core's executor, on the same loop; awaiting one is a co_spawn
// away.
template <class T = void>
using io_task = boost::asio::awaitable<T, io_executor>;
inline constexpr boost::asio::use_awaitable_t<io_executor> use_io_task{};
// As use_io_task, but the error code comes as a value.
inline constexpr boost::asio::as_tuple_t<boost::asio::use_awaitable_t<io_executor>> use_io_result{use_io_task
};

} // namespace gatehouse::app::net
