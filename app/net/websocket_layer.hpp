#pragma once
// What Beast's websocket::stream stands on: not a socket, but the connection, which hands it bytes as it
// likes and takes what it writes into the one outbound buffer. Beast writes nothing here but the answer to
// the upgrade and whole control frames, so its frames never interleave with the connection's own.
#include "app/net/socket.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/buffer_traits.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/role.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace gatehouse::app::net {

class websocket_layer {
  public:
    using executor_type = io_executor;
    using error_code = boost::beast::error_code;

    // The connection, as Beast's writes and reads reach it.
    class owner {
      public:
        // A whole control frame, or a piece of the answer to the upgrade. Called inside Beast.
        virtual void on_layer_write(std::string_view bytes) = 0;
        // Beast waits for bytes now. Called inside Beast: only note it down.
        virtual void on_layer_reads() = 0;

      protected:
        ~owner() = default;
    };

    websocket_layer(owner& on, executor_type executor) : owner_(on), executor_(executor) {}

    executor_type get_executor() noexcept { return executor_; }

    // True while Beast waits for bytes.
    bool wants_bytes() const noexcept { return reading_ != nullptr; }
    std::size_t bytes_wanted_max() const noexcept { return reading_ ? reading_->capacity() : 0; }
    // Hands `bytes`, at most bytes_wanted_max, to Beast, which goes on inside this call.
    void give(std::string_view bytes) { std::exchange(reading_, nullptr)->complete({}, bytes); }
    // Ends Beast's waiting, now and whenever it waits again.
    void fail(error_code why) {
        failed_ = why;
        if (reading_) std::exchange(reading_, nullptr)->complete(why, {});
    }

    template <class Buffers, class Token>
    auto async_read_some(Buffers const& buffers, Token&& token) {
        auto start = [this](auto handler, Buffers const& into) {
            if (failed_) {
                boost::asio::post(executor_, [handler = std::move(handler), why = failed_]() mutable {
                    std::move(handler)(why, 0);
                });
                return;
            }
            using read = pending_read<Buffers, decltype(handler)>;
            reading_ = std::make_unique<read>(into, std::move(handler));
            owner_.on_layer_reads();
        };
        return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            std::move(start), token, buffers
        );
    }

    template <class Buffers, class Token>
    auto async_write_some(Buffers const& buffers, Token&& token) {
        auto start = [this](auto handler, Buffers const& from) {
            std::size_t bytes = pass_on(from);
            boost::asio::post(executor_, [handler = std::move(handler), bytes]() mutable {
                std::move(handler)(error_code(), bytes);
            });
        };
        return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            std::move(start), token, buffers
        );
    }

    // The answer to the upgrade is written by these. Nothing is read by them; Beast only asks that they
    // exist.
    template <class Buffers>
    std::size_t write_some(Buffers const& buffers, error_code& failure) {
        failure = {};
        return pass_on(buffers);
    }
    template <class Buffers>
    std::size_t write_some(Buffers const& buffers) {
        return pass_on(buffers);
    }
    template <class Buffers>
    std::size_t read_some(Buffers const&, error_code& failure) {
        failure = boost::asio::error::operation_not_supported;
        return 0;
    }
    template <class Buffers>
    std::size_t read_some(Buffers const&) {
        throw boost::system::system_error(boost::asio::error::operation_not_supported);
    }

  private:
    // Beast's read of a type that only it can name.
    class erased_read {
      public:
        virtual ~erased_read() = default;
        virtual std::size_t capacity() const = 0;
        // The last call.
        virtual void complete(error_code why, std::string_view bytes) = 0;
    };

    template <class Buffers, class Handler>
    class pending_read final : public erased_read {
      public:
        pending_read(Buffers const& into, Handler handler) : into_(into), handler_(std::move(handler)) {}
        std::size_t capacity() const override { return boost::beast::buffer_bytes(into_); }
        void complete(error_code why, std::string_view bytes) override {
            std::size_t copied = boost::asio::buffer_copy(into_, boost::asio::buffer(bytes));
            auto handler = std::move(handler_);
            std::move(handler)(why, copied);
        }

      private:
        Buffers into_;
        Handler handler_;
    };

    template <class Buffers>
    std::size_t pass_on(Buffers const& buffers) {
        std::size_t bytes = 0;
        for (auto const& piece : boost::beast::buffers_range(buffers)) {
            bytes += piece.size();
            owner_.on_layer_write({static_cast<char const*>(piece.data()), piece.size()});
        }
        return bytes;
    }

    owner& owner_;
    executor_type executor_;
    std::unique_ptr<erased_read> reading_;
    error_code failed_;
};

// Beast calls these when it has ended the WebSocket. The connection closes the socket itself, after a
// lingering moment.
inline void teardown(boost::beast::role_type, websocket_layer&, boost::beast::error_code& failure) {
    failure = {};
}

template <class Handler>
void async_teardown(boost::beast::role_type, websocket_layer& layer, Handler&& handler) {
    boost::asio::post(layer.get_executor(), [handler = std::forward<Handler>(handler)]() mutable {
        std::move(handler)(boost::beast::error_code());
    });
}

inline void beast_close_socket(websocket_layer&) {}

} // namespace gatehouse::app::net
