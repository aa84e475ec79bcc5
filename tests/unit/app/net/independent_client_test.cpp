#include "tests/unit/app/net/server_fixture.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

namespace gatehouse::app::net::test {

namespace {

class independent_client : public server_fixture {};

} // namespace

TEST_F(independent_client, is_understood_whole_and_in_fragments) {
    start();
    namespace asio = boost::asio;
    namespace websocket = boost::beast::websocket;
    asio::io_context io;
    websocket::stream<asio::ip::tcp::socket> client(io);
    client.next_layer().connect({asio::ip::make_address("127.0.0.1"), port_});
    client.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
        request.set("Sec-WebSocket-Protocol", "gatehouse.v1");
    }));
    client.handshake(host(), "/ws");
    boost::beast::flat_buffer buffer;
    for (bool in_fragments : {false, true}) {
        client.auto_fragment(in_fragments);
        client.write_buffer_bytes(64);
        for (std::size_t size : {0, 1, 1000, 100'000}) {
            client.write(asio::buffer(std::string(size, 'b')));
            buffer.clear();
            client.read(buffer);
            EXPECT_EQ(buffer.size(), size);
            EXPECT_TRUE(client.got_text());
        }
    }
    client.ping("p");
    client.close({websocket::close_code::going_away, "bye"});
    EXPECT_EQ(client.reason().code, websocket::close_code::going_away);
    EXPECT_EQ(log_.take("close"), "close 1001 bye");
}

} // namespace gatehouse::app::net::test
