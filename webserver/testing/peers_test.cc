// Bodies of peers.h. (The name puts them into the test program and keeps them out of the daemon.)
#include "webserver/testing/peers.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <stdexcept>
#include <thread>

#include "base/file.h"
#include "base/passed_descriptors.h"
#include "net/listener.h"
#include "net/tls.h"
#include "webserver/ports.h"
#include "wire/http1/body.h"
#include "wire/static_pack/writer.h"

namespace berth::webserver::testing {
namespace {

constexpr int kPatienceSeconds = 30;

[[noreturn]] void give_up(std::string text) { throw std::runtime_error(std::move(text)); }

void set_patience(int fd) {
  const timeval limit{kPatienceSeconds, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

std::string temporary_folder() {
  std::string name = "/tmp/berth-webserver-test-XXXXXX";
  if (!::mkdtemp(name.data())) give_up("mkdtemp");
  return name;
}

}  // namespace

std::string make_rsa_certificate(const std::string& name) {
  EVP_PKEY* key = EVP_RSA_gen(2048);
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, key);
  X509_NAME* subject = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, text, -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name).c_str());
  X509_add_ext(certificate, names, -1);
  X509_EXTENSION_free(names);
  X509_sign(certificate, key, EVP_sha256());
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(out, certificate);
  PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(out, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(out);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return pem;
}

std::string make_certificate(const std::string& name) {
  const auto made = net::make_self_signed({name});
  return made.certificate_pem + made.key_pem;
}

// --- TestServer ---

TestServer::TestServer(Options options) : folder_(temporary_folder()) {
  std::vector<Reactor::Setup> setups(options.reactors);
  auto http = or_throw(bind_port("127.0.0.1", 0, options.reactors, "--http"));
  http_ = http.port;
  std::optional<BoundPort> https;
  if (options.tls) https = or_throw(bind_port("127.0.0.1", 0, options.reactors, "--https"));
  if (https) https_ = https->port;
  std::vector<UniqueFd> links;
  for (unsigned i = 0; i < options.reactors; ++i) {
    setups[i].number = static_cast<int>(i);
    setups[i].https_port = https_;
    setups[i].http = std::move(http.sockets[i]);
    if (https) setups[i].https = std::move(https->sockets[i]);
    links.push_back(or_throw(bind_link_socket(link_path(i))));
    if (::listen(links.back().get(), 100) != 0) give_up("listen");
  }
  reactors_ = std::make_unique<ReactorThreads>(loop_, census_, std::move(setups));
  Config config;
  config.limits = options.limits;
  config.redirect_https = options.redirect_https;
  if (options.tls) config.certificates.push_back(make_certificate());
  config.compact_tls = options.compact_tls;
  TicketKeys keys;
  keys.rotate();
  keys.rotate();
  on_all([&](Reactor& reactor) {
    if (options.configured) or_throw(reactor.configure(config, keys));
    reactor.listen_for_links(std::move(links[static_cast<std::size_t>(reactor.number())]));
    reactor.start_accepting();
  });
}

TestServer::~TestServer() {
  reactors_.reset();
  (void)remove_tree(folder_);
}

std::string TestServer::link_path(unsigned reactor) const {
  return fmt::format("{}/link.{}.sock", folder_, reactor);
}

void TestServer::on_all(std::function<void(Reactor&)> call) {
  loop::run_task(loop_, reactors_->on_all(std::move(call)));
}

link::Grant TestServer::grant(const std::string& path) {
  Grant grant;
  grant.path = path;
  grant.uid = ::getuid();
  const auto bytes = random_bytes(grant.secret.size());
  std::copy(bytes.begin(), bytes.end(), grant.secret.begin());
  on_all([grant](Reactor& reactor) { reactor.set_grant(grant); });
  return grant.secret;
}

void TestServer::remove_grant(const link::Grant& secret) {
  on_all([secret](Reactor& reactor) { reactor.remove_grant(secret); });
}

void TestServer::set_limits(const Limits& limits) {
  on_all([limits](Reactor& reactor) { reactor.set_limits(limits); });
}

void TestServer::set_certificates(const std::vector<std::string>& chains) {
  on_all([chains](Reactor& reactor) { or_throw(reactor.set_certificates(chains)); });
}

Counters TestServer::counters() {
  std::mutex mutex;
  Counters sum;
  on_all([&](Reactor& reactor) {
    const std::scoped_lock lock(mutex);
    const auto& one = reactor.counters();
    sum.accepted += one.accepted;
    sum.refused += one.refused;
    sum.connections += one.connections;
    sum.websockets += one.websockets;
    sum.http2_streams += one.http2_streams;
    sum.requests += one.requests;
    sum.bytes_in += one.bytes_in;
    sum.bytes_out += one.bytes_out;
    sum.accept_pauses += one.accept_pauses;
  });
  return sum;
}

void TestServer::wait_until(const std::function<bool()>& done, std::string_view what) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kPatienceSeconds);
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) give_up(fmt::format("waited in vain for {}", what));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

// --- ServicePeer ---

ServicePeer::ServicePeer(const std::string& path, std::uint32_t credit, bool greet) {
  fd_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = or_throw(net::make_unix_address(path));
  if (::connect(fd_.get(), address.native(), address.size) != 0) give_up("connect to " + path);
  set_patience(fd_.get());
  hello_ = or_throw(link::parse_hello(expect(link::Type::kHello).payload));
  if (!greet) return;
  Bytes out;
  link::append(out, link::Hello{.credit = credit, .name = "fake"});
  send(out);
}

void ServicePeer::send(ByteView bytes) {
  while (!bytes.empty()) {
    const auto put = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put <= 0) give_up("link: send failed");
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
}

std::optional<Frame> ServicePeer::next() {
  for (;;) {
    const auto header = or_throw(link::parse_header(buffer_));
    if (header && buffer_.size() >= link::kHeaderSize + header->length) {
      const auto begin = buffer_.begin() + static_cast<std::ptrdiff_t>(link::kHeaderSize);
      const auto end = begin + header->length;
      Frame frame{header->type, header->flags, header->stream, Bytes(begin, end)};
      buffer_.erase(buffer_.begin(), end);
      return frame;
    }
    std::uint8_t more[65536];
    const auto got = ::recv(fd_.get(), more, sizeof more, 0);
    if (got == 0 || (got < 0 && errno == ECONNRESET)) return std::nullopt;
    if (got < 0) give_up("link: nothing came");
    buffer_.insert(buffer_.end(), more, more + got);
  }
}

Frame ServicePeer::expect(link::Type type) {
  auto frame = next();
  if (!frame) give_up(fmt::format("link ended where {:#x} was expected", static_cast<int>(type)));
  if (frame->type != type)
    give_up(fmt::format("frame {:#x} where {:#x} was expected", static_cast<int>(frame->type),
                        static_cast<int>(type)));
  return std::move(*frame);
}

link::Attached ServicePeer::attach(std::uint32_t id, link::Kind kind, const std::string& path,
                                   const link::Grant& grant, const std::string& options) {
  Bytes out;
  link::append(out, link::Attach{id, kind, grant, path, options});
  send(out);
  return or_throw(link::parse_attached(expect(link::Type::kAttached).payload));
}

link::Attached ServicePeer::attach_static(std::uint32_t id, const std::string& path, const link::Grant& grant,
                                          ByteView pack, const std::string& options, bool sealed) {
  Bytes out;
  link::append(out, link::Attach{id, link::Kind::kStatic, grant, path, options});
  send(out);
  out.clear();
  link::append_static(out, id);
  const auto memory = make_memfd(pack, sealed);
  send_with_descriptor(out, memory.get());
  return or_throw(link::parse_attached(expect(link::Type::kAttached).payload));
}

void ServicePeer::send_with_descriptor(ByteView bytes, int fd) {
  iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  DescriptorRoom<1> room;
  room.send_with(message, {&fd, 1});
  if (::sendmsg(fd_.get(), &message, MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) give_up("sendmsg");
}

std::optional<std::string> Opened::find(std::string_view name) const {
  for (const auto& [key, value] : open.headers)
    if (key == name) return value;
  return std::nullopt;
}

Opened ServicePeer::expect_open() {
  const auto frame = expect(link::Type::kOpen);
  return {frame.stream, or_throw(link::parse_open(frame.payload))};
}

void ServicePeer::accept(std::uint32_t stream, std::uint16_t status, link::Headers headers, bool no_body) {
  Bytes out;
  link::Accept accept;
  accept.status = status;
  accept.bits = no_body ? link::kAcceptNoBody : 0;
  accept.headers = std::move(headers);
  or_throw(link::append(out, stream, accept));
  send(out);
}

void ServicePeer::data(std::uint32_t stream, std::string_view text, bool is_end) {
  Bytes out;
  link::append_data(out, link::Type::kData, stream, is_end ? link::kFlagEnd : 0, as_bytes(text));
  send(out);
}

void ServicePeer::send_on_credit(std::uint32_t stream, std::size_t size, link::Type type) {
  const std::string block(10000, 'x');
  std::size_t given = hello_.credit;
  while (size > 0) {
    const auto count = std::min(size, block.size());
    while (given < count) given += or_throw(link::parse_u32(expect(link::Type::kCredit).payload));
    given -= count;
    size -= count;
    Bytes out;
    link::append_data(out, type, stream, size == 0 ? link::kFlagEnd : 0, as_bytes(block).first(count));
    send(out);
  }
}

void ServicePeer::message(std::uint32_t stream, std::string_view text, bool is_end, bool is_text) {
  Bytes out;
  const auto flags =
      static_cast<std::uint8_t>((is_end ? link::kFlagEnd : 0) | (is_text ? link::kFlagText : 0));
  link::append_data(out, link::Type::kMessage, stream, flags, as_bytes(text));
  send(out);
}

void ServicePeer::close(std::uint32_t stream, std::uint16_t code, std::string_view reason) {
  Bytes out;
  link::append(out, stream, link::Close{code, std::string(reason)});
  send(out);
}

void ServicePeer::credit(std::uint32_t stream, std::uint32_t bytes) {
  Bytes out;
  link::append_credit(out, stream, bytes);
  send(out);
}

void ServicePeer::broadcast(const std::vector<std::uint32_t>& streams, std::string_view text) {
  Bytes out;
  link::append_broadcast(out, link::kFlagEnd | link::kFlagText, streams, as_bytes(text));
  send(out);
}

std::pair<std::string, std::uint8_t> ServicePeer::read_body(std::uint32_t stream, link::Type type) {
  std::string body;
  for (;;) {
    const auto frame = expect(type);
    if (frame.stream != stream) give_up("a frame of another stream");
    body += as_text(frame.payload);
    if (!frame.payload.empty()) credit(stream, static_cast<std::uint32_t>(frame.payload.size()));
    if (frame.flags & link::kFlagEnd) return {body, frame.flags};
  }
}

link::Close ServicePeer::expect_close(std::uint32_t stream) {
  const auto frame = expect(link::Type::kClose);
  if (frame.stream != stream) give_up("CLOSE of another stream");
  return or_throw(link::parse_close(frame.payload));
}

Bytes make_pack(const std::map<std::string, std::string>& files) {
  static_pack::WriteOptions options;
  options.brotli_quality = options.zstd_level = options.gzip_level = 1;
  static_pack::Writer writer(options);
  for (const auto& [path, content] : files) or_throw(writer.add(path, content));
  return writer.finish();
}

// --- Client ---

std::string Response::header(std::string_view name) const {
  return std::string(http1::find_header(head.headers, name).value_or(""));
}

std::uint16_t WsFrame::close_code() const {
  if (payload.size() < 2) return 1005;
  return static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                    static_cast<unsigned char>(payload[1]));
}

Client::Client(std::uint16_t port, bool tls, const std::string& from, int newest_tls)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  set_patience(fd_.get());
  const auto source = or_throw(net::Address::parse(from, 0));
  if (::bind(fd_.get(), source.native(), source.native_size()) != 0) give_up("bind");
  const auto address = net::Address::loopback(port);
  if (::connect(fd_.get(), address.native(), address.native_size()) != 0) give_up("connect");
  if (!tls) return;
  static SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  ssl_.reset(SSL_new(context));
  SSL_set_fd(ssl_.get(), fd_.get());
  SSL_set_max_proto_version(ssl_.get(), newest_tls);
  if (SSL_connect(ssl_.get()) != 1) give_up("TLS handshake: " + take_tls_error());
}

Client::~Client() = default;

void Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto put = ssl_ ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                          : static_cast<int>(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
    if (put <= 0) give_up("client: send failed");
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

bool Client::fill() {
  char more[65536];
  const auto got = ssl_ ? SSL_read(ssl_.get(), more, sizeof more)
                        : static_cast<int>(::recv(fd_.get(), more, sizeof more, 0));
  if (got > 0) {
    buffer_.append(more, static_cast<std::size_t>(got));
    return true;
  }
  if (ssl_) {
    take_tls_error();
    return false;
  }
  if (got < 0 && errno != ECONNRESET && errno != EPIPE) give_up("client: nothing came");
  return false;
}

std::string Client::take(std::size_t size) {
  auto taken = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return taken;
}

std::string Client::read_some(std::size_t limit) {
  if (buffer_.empty()) fill();
  return take(limit);
}

std::string Client::read_exactly(std::size_t size) {
  while (buffer_.size() < size)
    if (!fill()) give_up(fmt::format("client: ended after {} of {} bytes", buffer_.size(), size));
  return take(size);
}

std::string Client::read_all() {
  while (fill()) {}
  return take(buffer_.size());
}

bool Client::is_at_end() { return buffer_.empty() && !fill(); }

void Client::get(std::string_view path, std::string_view more, std::string_view method) {
  send(fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", method, path, more));
}

Response Client::read_response(bool to_head) {
  http1::ResponseParser parser;
  if (to_head) parser.set_answers_head_request();
  while (!parser.is_done()) {
    if (buffer_.empty() && !fill()) give_up("client: ended instead of an answer");
    const auto used = or_throw(parser.feed(as_bytes(buffer_)));
    take(used);
  }
  Response response{parser.head(), ""};
  http1::BodyDecoder decoder(response.head);
  while (!decoder.is_done()) {
    if (buffer_.empty() && !fill()) {
      or_throw(decoder.finish());
      break;
    }
    const auto piece = or_throw(decoder.decode(as_bytes(buffer_)));
    response.body += as_text(piece.data);
    take(piece.consumed);
  }
  return response;
}

Response Client::fetch(std::string_view path, std::string_view more, std::string_view method) {
  get(path, more, method);
  return read_response(method == "HEAD");
}

void Client::send_upgrade(std::string_view path, std::string_view more) {
  get(path, fmt::format(
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                "Sec-WebSocket-Version: 13\r\n{}",
                more));
}

void Client::send_frame(websocket::Opcode opcode, std::string_view payload, bool fin) {
  Bytes out;
  websocket::append_masked_frame(out, opcode, as_bytes(payload), {0x37, 0xfa, 0x21, 0x3d}, fin);
  send(as_text(out));
}

WsFrame Client::read_frame() {
  for (;;) {
    const auto header = or_throw(websocket::parse_frame_header(as_bytes(buffer_), 1 << 30));
    if (!header) {
      if (!fill()) give_up("client: ended instead of a frame");
      continue;
    }
    take(header->size);
    WsFrame frame{header->opcode, header->fin,
                  read_exactly(static_cast<std::size_t>(header->payload_length))};
    if (header->masked) give_up("a server must not mask");
    return frame;
  }
}

std::string Client::read_message() {
  std::string message;
  for (;;) {
    const auto frame = read_frame();
    if (websocket::is_control(frame.opcode)) give_up("a control frame instead of a message");
    message += frame.payload;
    if (frame.fin) return message;
  }
}

void Client::shutdown_write() { ::shutdown(fd_.get(), SHUT_WR); }

void Client::close() {
  if (ssl_) SSL_shutdown(ssl_.get());
  fd_.reset();
}

void Client::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  fd_.reset();
}

}  // namespace berth::webserver::testing
