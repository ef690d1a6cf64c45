// An HTTP/2 client for tests: nghttp2's, over TLS. Blocks, with a time limit, like its siblings in peers.h.
#pragma once

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "webserver/testing/peers.h"

namespace berth::webserver::testing {

class Http2Client {
 public:
  struct Answer {
    std::map<std::string, std::string> headers;
    std::vector<int> informational;
    std::string body;
    bool has_head = false, has_ended = false, is_closed = false;
    std::uint32_t error = 0;  // of RST_STREAM
    int status() const { return headers.contains(":status") ? std::stoi(headers.at(":status")) : 0; }
    std::string header(const std::string& name) const {
      return headers.contains(name) ? headers.at(name) : "";
    }
  };
  struct Options {
    std::int32_t window = 65535;  // of each stream, ours
    bool gives_window_back = true;
    std::uint32_t streams = 1000;  // it believes it may open before it is told
  };

  explicit Http2Client(std::uint16_t port) : Http2Client(port, Options{}) {}
  Http2Client(std::uint16_t port, Options options);
  ~Http2Client();

  using Fields = std::vector<std::pair<std::string, std::string>>;
  // Sends a request's head; with `has_body` give its body by send(). Returns its stream.
  std::int32_t request(const std::string& path, Fields more = {}, bool has_body = false,
                       const std::string& method = "GET");
  std::int32_t request_of(const Fields& fields, bool has_body);
  void send(std::int32_t stream, std::string_view bytes, bool is_end);
  void reset(std::int32_t stream, std::uint32_t code = NGHTTP2_CANCEL);
  void send_raw(std::string_view bytes);  // beside nghttp2
  void ping();

  Answer& answer(std::int32_t stream) { return answers_[stream]; }
  Answer fetch(const std::string& path, Fields more = {}, const std::string& method = "GET");
  void wait_until(const std::function<bool()>& done, std::string_view what);
  void wait_for_end(std::int32_t stream);
  void wait_for_head(std::int32_t stream);
  void flush();
  bool reached_end() const { return at_end_; }
  // Error code of the last GOAWAY; -1: none came.
  std::int64_t goaway() const { return goaway_; }
  std::int32_t goaway_stream() const { return goaway_stream_; }
  unsigned pongs() const { return pongs_; }
  std::uint32_t setting(nghttp2_settings_id id) const;
  std::string protocol() const;
  int fd() const { return fd_.get(); }
  nghttp2_session* session() { return session_; }

 private:
  struct Calls;
  struct Outgoing {
    std::string bytes;
    std::size_t sent = 0;  // of bytes
    bool is_end = false;
  };
  bool read_once(int milliseconds);

  UniqueFd fd_;
  SslPointer ssl_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Answer> answers_;
  std::map<std::int32_t, Outgoing> outgoing_;
  std::int64_t goaway_ = -1;
  std::int32_t goaway_stream_ = -1;
  unsigned pongs_ = 0;
  bool at_end_ = false;
};

}  // namespace berth::webserver::testing
