// Access tokens for mail servers (OAuth2).
#pragma once

#include <functional>
#include <string>

#include "net/http_client.h"

namespace berth::manager {

using loop::Task;

// Where tokens come from, and as whom.
struct TokenPlace {
  std::string url;  // the provider's token endpoint
  std::string client_id, client_secret, scope;
  std::string refresh_token;  // RFC 6749 section 6; empty: client credentials (section 4.4)
  std::string fingerprint;    // of its certificate; empty: the system's roots decide
};

// Owned by the mail channel. One task at a time.
class AccessToken {
 public:
  static constexpr std::chrono::seconds kMargin{60};  // before its end a token is renewed

  AccessToken(loop::Loop& loop, net::HttpClient& http, TokenPlace place)
      : loop_(loop), http_(http), place_(std::move(place)) {}
  // The provider has given a new refresh token in place of the old one, which may be void now: keep it.
  std::function<Task<void>(std::string)> refreshed;

  // Asks the provider if there is none that is good. Throws Failure: kDenied with the provider's reason, or why it could
  // not be asked.
  Task<std::string> get();
  // The mail server did not take it.
  void forget() { token_.clear(); }

 private:
  loop::Loop& loop_;
  net::HttpClient& http_;
  TokenPlace place_;
  std::string token_;
  loop::TimePoint good_until_{};
};

}  // namespace berth::manager
