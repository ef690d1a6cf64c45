// libcurl on our loop: what the HTTP and the mail client share. For net's own sources.
#pragma once

#include <curl/curl.h>
#include <openssl/types.h>

#include <map>
#include <memory>
#include <string>

#include "loop/sync.h"

namespace berth::net {

// libcurl's multi interface: it tells which descriptors and which timer it wants. Keeps connections for later transfers.
class CurlMulti {
 public:
  explicit CurlMulti(loop::Loop& loop);
  ~CurlMulti();
  CurlMulti(const CurlMulti&) = delete;

  // Runs one transfer to its end; takes CURLOPT_PRIVATE of it. If cancelled it is taken out, its connection closed.
  // `easy` outlives the task.
  loop::Task<CURLcode> perform(CURL* easy);

 private:
  class Watch;
  struct Running;
  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* socket);
  static int on_timer(CURLM* multi, long milliseconds, void* self);
  void watch(int fd, int what);
  void act(int fd, int bits);
  void collect();

  loop::Loop& loop_;
  CURLM* multi_ = nullptr;
  std::map<int, std::unique_ptr<Watch>> watches_;
  std::vector<std::unique_ptr<Watch>> retired_;
  loop::Timer timer_;
  loop::Deferred collect_;
};

// Trust in one certificate only, known by its SHA-256. Outlives the transfers it is applied to.
class CertificatePin {
 public:
  // `fingerprint`: "AB:CD:…". Throws Failure(kMalformed).
  explicit CertificatePin(const std::string& fingerprint);
  // Such a transfer shares no connection: one that another opened was not checked against this pin.
  void apply(CURL* easy);
  // The server has shown another one.
  bool is_broken() const { return is_broken_; }

 private:
  static CURLcode on_tls(CURL* easy, void* context, void* self);
  static int check(X509_STORE_CTX* store, void* self);
  std::string hex_;
  bool is_broken_ = false;
};

}  // namespace berth::net
