// What tests of the webserver talk with: a server of their own, a service on its link, a client.
// All of it blocks, with a time limit, and throws std::runtime_error when something else comes than
// was waited for: a test reads from top to bottom.
#pragma once

#include <openssl/ssl.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/unique_fd.h"
#include "webserver/reactor_thread.h"
#include "webserver/testing/memory_file.h"
#include "wire/http1/head.h"
#include "wire/link/frame.h"
#include "wire/websocket/frame.h"

namespace berth::webserver::testing {

// PEM chain and key of a self-signed certificate.
std::string make_certificate(const std::string& name = "localhost");
// The same with an RSA key of 2,048 bits.
std::string make_rsa_certificate(const std::string& name);

// Reactors in this process, on ports of 127.0.0.1 that the kernel chose.
class TestServer {
 public:
  struct Options {
    unsigned reactors = 1;
    bool tls = false;
    bool compact_tls = true;
    bool redirect_https = false;
    bool configured = true;
    Limits limits;
  };
  TestServer() : TestServer(Options{}) {}
  explicit TestServer(Options options);
  ~TestServer();

  std::uint16_t http() const { return http_; }
  std::uint16_t https() const { return https_; }
  std::string link_path(unsigned reactor = 0) const;
  // A grant for this process's user, in force when this returns.
  link::Grant grant(const std::string& path);
  void remove_grant(const link::Grant& secret);
  void set_limits(const Limits& limits);
  void set_certificates(const std::vector<std::string>& chains);
  void on_all(std::function<void(Reactor&)> call);
  Counters counters();  // summed
  std::uint64_t connections() { return census_.connections(); }
  // Waits until `done` holds, looking every millisecond.
  static void wait_until(const std::function<bool()>& done, std::string_view what);

 private:
  std::string folder_;
  std::uint16_t http_ = 0, https_ = 0;
  loop::Loop loop_;
  Census census_;
  std::unique_ptr<ReactorThreads> reactors_;
};

struct Frame {
  link::Type type{};
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  Bytes payload;
};
struct Opened {
  std::uint32_t stream = 0;
  link::Open open;
  std::optional<std::string> find(std::string_view name) const;  // a header
};

// A service at the other end of a link.
class ServicePeer {
 public:
  explicit ServicePeer(const std::string& path, std::uint32_t credit = link::kDefaultCredit,
                       bool greet = true);

  const link::Hello& webserver() const { return hello_; }
  void send(ByteView bytes);
  // Next frame; nullopt at the end of the link.
  std::optional<Frame> next();
  Frame expect(link::Type type);

  link::Attached attach(std::uint32_t id, link::Kind kind, const std::string& path, const link::Grant& grant,
                        const std::string& options = "");
  link::Attached attach_static(std::uint32_t id, const std::string& path, const link::Grant& grant,
                               ByteView pack, const std::string& options = "", bool sealed = true);
  void send_with_descriptor(ByteView bytes, int fd);

  Opened expect_open();
  void accept(std::uint32_t stream, std::uint16_t status, link::Headers headers = {}, bool no_body = false);
  void data(std::uint32_t stream, std::string_view text, bool is_end);
  // `size` bytes 'x' and the end in frames of `type`, as the credit of a stream that has used none comes.
  void send_on_credit(std::uint32_t stream, std::size_t size, link::Type type = link::Type::kData);
  void message(std::uint32_t stream, std::string_view text, bool is_end = true, bool is_text = true);
  void close(std::uint32_t stream, std::uint16_t code, std::string_view reason = "");
  void credit(std::uint32_t stream, std::uint32_t bytes);
  void broadcast(const std::vector<std::uint32_t>& streams, std::string_view text);
  // Payload of DATA or MESSAGE frames of `stream` up to END, giving credit back; with the flags of the last.
  std::pair<std::string, std::uint8_t> read_body(std::uint32_t stream, link::Type type = link::Type::kData);
  link::Close expect_close(std::uint32_t stream);
  void disconnect() { fd_.reset(); }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  Bytes buffer_;
  link::Hello hello_;
};

Bytes make_pack(const std::map<std::string, std::string>& files);

struct Response {
  http1::ResponseHead head;
  std::string body;
  int status() const { return head.status; }
  std::string header(std::string_view name) const;
};

struct WsFrame {
  websocket::Opcode opcode{};
  bool fin = true;
  std::string payload;
  std::uint16_t close_code() const;
};

// A browser, or something worse.
class Client {
 public:
  // `newest_tls`: TLS1_2_VERSION, or 0 for the newest there is.
  explicit Client(std::uint16_t port, bool tls = false, const std::string& from = "127.0.0.1",
                  int newest_tls = 0);
  Client(Client&&) = default;
  ~Client();

  void send(std::string_view bytes);
  // "GET path" with a Host header and further header lines ("Name: value\r\n…").
  void get(std::string_view path, std::string_view more = "", std::string_view method = "GET");
  Response read_response(bool to_head = false);
  Response fetch(std::string_view path, std::string_view more = "", std::string_view method = "GET");

  void send_upgrade(std::string_view path, std::string_view more = "");
  void send_frame(websocket::Opcode opcode, std::string_view payload, bool fin = true);
  WsFrame read_frame();
  std::string read_message();  // joins fragments

  // Up to `limit` bytes that come; empty at the end.
  std::string read_some(std::size_t limit = 65536);
  std::string read_exactly(std::size_t size);
  std::string read_all();
  bool is_at_end();  // waits for the end
  void shutdown_write();
  void reset();  // closes with RST
  void close();
  int fd() const { return fd_.get(); }
  bool was_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  SSL* ssl() const { return ssl_.get(); }

 private:
  std::string take(std::size_t size);
  bool fill();  // reads more into buffer_; false at the end
  UniqueFd fd_;
  SslPointer ssl_;
  std::string buffer_;
};

}  // namespace berth::webserver::testing
