#pragma once
// Makes a method's row of its handler. The handler is a free function; its signature says where it runs and
// what it needs:
//
//   result<reply> handle(params, caller const&, core::transaction&, Deps&...)   in a write transaction, once
//   per key result<reply> handle(params, caller const&, core::snapshot&, Deps&...)      on a snapshot
//   result<reply> handle(params, caller const&, Deps&...)                       on the loop, at once
//   core::task<result<reply>> handle(params, caller, Deps&...)                  on the loop, as a coroutine
//   core::task<reply_text> handle(params, caller, Deps&...)                     the same, where it makes the
//   text itself
//
// Deps are taken from `services`. On database threads only constant ones may be used.
#include "app/dispatch/method_row.hpp"
#include "app/dispatch/services.hpp"
#include "app/dispatch/write_once.hpp"

#include <type_traits>
#include <utility>

namespace gatehouse::app {

// Api is the generated namespace as a struct of functions; see EXPOSE below.
template <class Params, class Reply>
struct method_codec {
    protocol::method_descriptor const* descriptor;
    Params (*decode)(boost::json::object const&);
    std::string (*encode)(Reply const&);
};

template <class Params, class Reply, class... Deps>
method_row expose(
    services const& s, method_codec<Params, Reply> codec,
    result<Reply> (*handle)(Params, caller const&, core::transaction&, Deps&...)
) {
    return {
        codec.descriptor,
        [&s, codec, handle](boost::json::object const& params, caller who) -> reply_or_task {
            auto effect = [refs = s.refs, handle, who, p = codec.decode(params)](core::transaction& tx) {
                (void)refs; // a handler may need nothing of it
                return handle(p, who, tx, std::get<Deps&>(refs)...);
            };
            return write_once<Reply>(
                s.get<core::database>(), std::move(who), std::move(effect), codec.encode
            );
        }
    };
}

template <class Params, class Reply, class Unit>
core::task<reply_text> read_and_encode(core::database& db, Unit unit, std::string (*encode)(Reply const&)) {
    auto text = [unit = std::move(unit), encode](core::snapshot& view) mutable -> reply_text {
        return map_result(unit(view), [&](Reply const& reply) { return encode(reply); });
    };
    co_return co_await db.read(std::move(text));
}

template <class Params, class Reply, class... Deps>
method_row expose(
    services const& s, method_codec<Params, Reply> codec,
    result<Reply> (*handle)(Params, caller const&, core::snapshot&, Deps&...)
) {
    return {
        codec.descriptor,
        [&s, codec, handle](boost::json::object const& params, caller who) -> reply_or_task {
            auto unit = [refs = s.refs, handle, who = std::move(who),
                         p = codec.decode(params)](core::snapshot& view) {
                (void)refs;
                return handle(p, who, view, std::get<Deps&>(refs)...);
            };
            return read_and_encode<Params, Reply>(s.get<core::database>(), std::move(unit), codec.encode);
        }
    };
}

template <class Params, class Reply, class... Deps>
method_row expose(
    services const& s, method_codec<Params, Reply> codec,
    result<Reply> (*handle)(Params, caller const&, Deps&...)
) {
    return {
        codec.descriptor,
        [&s, codec, handle](boost::json::object const& params, caller who) -> reply_or_task {
            (void)s; // a handler may need nothing of it
            auto reply = handle(codec.decode(params), who, s.get<Deps>()...);
            return map_result(std::move(reply), [&](Reply const& r) { return codec.encode(r); });
        }
    };
}

template <class Reply>
core::task<reply_text> encode_later(core::task<result<Reply>> running, std::string (*encode)(Reply const&)) {
    auto reply = co_await std::move(running);
    co_return map_result(std::move(reply), [&](Reply const& r) { return encode(r); });
}

template <class Params, class Reply, class... Deps>
method_row expose(
    services const& s, method_codec<Params, Reply> codec,
    core::task<result<Reply>> (*handle)(Params, caller, Deps&...)
) {
    return {
        codec.descriptor,
        [&s, codec, handle](boost::json::object const& params, caller who) -> reply_or_task {
            return encode_later<Reply>(
                handle(codec.decode(params), std::move(who), s.get<Deps>()...), codec.encode
            );
        }
    };
}

template <class Params, class Reply, class... Deps>
method_row expose(
    services const& s, method_codec<Params, Reply> codec,
    core::task<reply_text> (*handle)(Params, caller, Deps&...)
) {
    return {
        codec.descriptor,
        [&s, codec, handle](boost::json::object const& params, caller who) -> reply_or_task {
            return handle(codec.decode(params), std::move(who), s.get<Deps>()...);
        }
    };
}

} // namespace gatehouse::app

// The generated codec of one method, for expose(): GATEHOUSE_CODEC(run_cancel).
#define GATEHOUSE_CODEC(method)                                                                              \
    ::gatehouse::app::method_codec<protocol::method::params, protocol::method::reply> {                      \
        &protocol::method::descriptor, &protocol::method::decode, &protocol::method::encode                  \
    }
