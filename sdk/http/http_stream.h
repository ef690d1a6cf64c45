// One HTTP exchange: the stream behind HttpRequest and HttpResponse.
#pragma once

#include <optional>
#include <string>

#include "berth/app_instance.h"
#include "berth/http.h"
#include "sdk/http/body_stream.h"

namespace berth::sdk {

struct HttpAttach {
  HttpHandler handler;
  InstanceCounters& counters;
  std::string where;  // "team@example.com", for logs
  Tracer tracer;      // of the instance
};

class HttpStream : public BodyStream {
 public:
  HttpStream(const Seed& seed, const HttpAttach& attach, link::Open open);
  void abandon() override;

 private:
  friend class HttpRequest;
  friend class HttpResponse;
  loop::Task<void> run() override;
  // Its turn has come; false: not in time.
  loop::Task<bool> wait_for_turn();
  loop::Task<void> fail_with(Error error);

  // Of HttpResponse.
  void set_header(std::string name, std::string_view value);
  void send_head(bool has_body);
  loop::Task<void> send_whole(std::string body);
  loop::Task<void> write_part(std::string part);
  void end_response();
  bool has_no_body() const { return is_head_ || status_ == 204 || status_ == 304; }

  const HttpAttach& attach_;
  std::string method_, path_, target_;
  link::Headers headers_;
  bool is_head_, is_tls_, has_body_;

  std::uint16_t status_ = 200;
  link::Headers response_headers_;
  std::optional<std::uint64_t> announced_;  // content-length
  std::uint64_t written_ = 0;
  bool started_ = false;
  bool ended_ = false;
  bool end_sent_ = false;  // with the last bytes of the body
  HttpRequest request_;
  HttpResponse response_;
};

}  // namespace berth::sdk
