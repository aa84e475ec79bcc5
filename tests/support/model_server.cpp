#include "tests/support/model_server.hpp"

#include "app/net/io_loop_impl.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace gatehouse::testing {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {

// One connection of the server. Callbacks hold it, so it lives until the last of them has run.
template <class Stream>
struct connection : std::enable_shared_from_this<connection<Stream>> {
    template <class... Args>
    explicit connection(scripted_answer answer, Args&&... args)
        : script(std::move(answer)), stream(std::forward<Args>(args)...) {}

    void read_head(std::function<void(received_request)> on_request) {
        auto me = this->shared_from_this();
        asio::async_read_until(
            stream, asio::dynamic_buffer(buffer), "\r\n\r\n",
            [me, on_request](error_code failure, std::size_t size) {
                if (failure) return;
                me->parse_head(size);
                me->read_body(on_request);
            }
        );
    }

    void parse_head(std::size_t size) {
        std::string_view head(buffer.data(), size - 2);
        auto const line = head.substr(0, head.find("\r\n"));
        request.method = line.substr(0, line.find(' '));
        request.target = line.substr(line.find(' ') + 1, line.rfind(' ') - line.find(' ') - 1);
        head.remove_prefix(line.size() + 2);
        while (!head.empty()) {
            auto const field = head.substr(0, head.find("\r\n"));
            std::string name(field.substr(0, field.find(':')));
            std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
            request.headers.emplace_back(std::move(name), field.substr(field.find(':') + 2));
            head.remove_prefix(field.size() + 2);
        }
        buffer.erase(0, size);
        auto const length = request.header("content-length");
        std::from_chars(length.data(), length.data() + length.size(), body_size);
    }

    void read_body(std::function<void(received_request)> on_request) {
        if (buffer.size() >= body_size) {
            request.body = buffer.substr(0, body_size);
            on_request(std::move(request));
            return write_next(0);
        }
        auto me = this->shared_from_this();
        stream.async_read_some(asio::buffer(piece), [me, on_request](error_code failure, std::size_t size) {
            if (failure) return;
            me->buffer.append(me->piece.data(), size);
            me->read_body(on_request);
        });
    }

    void write_next(std::size_t index) {
        auto me = this->shared_from_this();
        if (index == script.pieces.size()) {
            if (script.stay_open) wait_for_close();
            return;
        }
        asio::async_write(
            stream, asio::buffer(script.pieces[index]),
            [me, index](error_code failure, std::size_t) {
                if (failure) return me->tell_closed();
                me->write_next(index + 1);
            }
        );
    }

    void wait_for_close() {
        auto me = this->shared_from_this();
        stream.async_read_some(asio::buffer(piece), [me](error_code failure, std::size_t) {
            if (failure) return me->tell_closed();
            me->wait_for_close();
        });
    }

    void tell_closed() {
        if (script.stay_open && script.on_closed) script.on_closed();
    }

    scripted_answer script;
    Stream stream;
    std::string buffer;
    received_request request;
    std::size_t body_size = 0;
    std::array<char, 4096> piece;
};

} // namespace

struct model_server::impl : std::enable_shared_from_this<impl> {
    explicit impl(app::net::io_loop& loop)
        : acceptor(loop.internals().io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {}

    void accept() {
        auto me = shared_from_this();
        acceptor.async_accept([me](error_code failure, tcp::socket socket) {
            if (failure) return;
            me->serve(std::move(socket));
            me->accept();
        });
    }

    void serve(tcp::socket socket) {
        if (answers.empty()) return;
        auto answer = std::move(answers.front());
        answers.pop_front();
        auto record = [me = shared_from_this()](received_request request) {
            me->requests.push_back(std::move(request));
        };
        if (!tls) {
            std::make_shared<connection<tcp::socket>>(std::move(answer), std::move(socket))
                ->read_head(record);
            return;
        }
        auto secure = std::make_shared<connection<asio::ssl::stream<tcp::socket>>>(
            std::move(answer), std::move(socket), *tls
        );
        secure->stream.async_handshake(asio::ssl::stream_base::server, [secure, record](error_code failure) {
            if (!failure) secure->read_head(record);
        });
    }

    tcp::acceptor acceptor;
    std::optional<asio::ssl::context> tls;
    std::deque<scripted_answer> answers;
    std::vector<received_request> requests;
};

std::string received_request::header(std::string_view lower_case_name) const {
    auto const found = std::ranges::find(headers, lower_case_name, [](auto const& each) {
        return std::string_view(each.first);
    });
    return found == headers.end() ? std::string() : found->second;
}

model_server::model_server(app::net::io_loop& loop, std::optional<test_certificate> tls)
    : impl_(std::make_shared<impl>(loop)) {
    if (tls) {
        auto& context = impl_->tls.emplace(asio::ssl::context::tls_server);
        context.use_certificate(asio::buffer(tls->certificate), asio::ssl::context::pem);
        context.use_private_key(asio::buffer(tls->key), asio::ssl::context::pem);
    }
    impl_->accept();
}

model_server::~model_server() {
    error_code ignored;
    impl_->acceptor.close(ignored);
}

std::uint16_t model_server::port() const { return impl_->acceptor.local_endpoint().port(); }

std::string model_server::url() const {
    return fmt::format("{}://127.0.0.1:{}", impl_->tls ? "https" : "http", port());
}

void model_server::answer_with(scripted_answer answer) { impl_->answers.push_back(std::move(answer)); }

std::vector<received_request> const& model_server::requests() const { return impl_->requests; }

test_certificate make_test_certificate(std::string const& name, bool with_loopback_address) {
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
    X509_set_pubkey(made.get(), key.get());
    auto* const subject = X509_get_subject_name(made.get());
    X509_NAME_add_entry_by_txt(
        subject, "CN", MBSTRING_ASC, reinterpret_cast<unsigned char const*>(name.c_str()), -1, -1, 0
    );
    X509_set_issuer_name(made.get(), subject);
    auto const names = "DNS:" + name + (with_loopback_address ? ",IP:127.0.0.1" : "");
    std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()), X509_EXTENSION_free
    );
    X509_add_ext(made.get(), extension.get(), -1);
    if (X509_sign(made.get(), key.get(), EVP_sha256()) == 0)
        throw std::runtime_error("signing a test certificate failed");

    std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), BIO_free);
    auto take = [&text] {
        char* data = nullptr;
        auto const size = BIO_get_mem_data(text.get(), &data);
        std::string pem(data, static_cast<std::size_t>(size));
        BIO_reset(text.get());
        return pem;
    };
    PEM_write_bio_X509(text.get(), made.get());
    auto certificate = take();
    PEM_write_bio_PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return {std::move(certificate), take()};
}

std::string http_answer_text(
    int status, std::string_view content_type, std::string_view body, std::string_view more_headers
) {
    return fmt::format(
        "HTTP/1.1 {} Whatever\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n{}", status, content_type,
        body.size(), more_headers, body
    );
}

std::string sse_head() {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
}

} // namespace gatehouse::testing
