// An echo behind app/net alone, to be held against beast_echo.cpp. Prints its address and runs until SIGTERM.
#include "app/net/io_loop.hpp"
#include "app/net/server.hpp"

#include <cstdio>

namespace net = gatehouse::app::net;
namespace core = gatehouse::core;

namespace {

class echo_session final : public net::peer_session {
  public:
    void on_open(net::outbound& out) override { out_ = &out; }
    void on_text(std::string_view text) override { out_->offer(text); }
    void on_close(net::close_reason const&) override {}
    bool is_authenticated() const override { return true; }

  private:
    net::outbound* out_ = nullptr;
};

class echo_application final : public net::application_port {
  public:
    core::task<net::http_response> respond(net::http_request) override { co_return net::http_response{}; }
    core::task<std::expected<std::unique_ptr<net::peer_session>, net::http_response>> accept(net::http_request
    ) override {
        co_return std::make_unique<echo_session>();
    }
    void on_refused(std::uint64_t, std::string const&, int, std::string_view) override {}
};

} // namespace

int main() {
    net::io_loop loop;
    echo_application application;
    net::server_options options;
    options.port = 0;
    options.unauthenticated_per_address_max = options.unauthenticated_max = 100'000;
    auto server = net::make_server(loop, options, application);
    server->start();
    std::puts(server->address().c_str());
    std::fflush(stdout);
    loop.on_stop_signal([&loop] { loop.stop(); });
    loop.run();
}
