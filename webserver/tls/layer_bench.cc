// What a handshake costs the server, without sockets and without the client's part: build/bin/layer_bench
#include <benchmark/benchmark.h>
#include <time.h>

#include "net/tls.h"
#include "webserver/tls/layer.h"
#include "webserver/tls/openssl_peer.h"

namespace berth::webserver {
namespace {

double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void handshake(benchmark::State& state, bool resumes, bool compact) {
  TicketKeys keys;
  keys.rotate();
  const auto made = net::make_self_signed({"localhost"});
  const auto server = TlsServer::make(std::vector{made.certificate_pem + made.key_pem}, keys).value();
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  tls::Ciphers ciphers;
  SSL_SESSION* session = nullptr;
  double spent = 0;
  const auto connect = [&] {
    testing::OpensslPeer client(context, session);
    Bytes to_client, room(65536);
    spent = 0;
    client.receive({});
    double begin = thread_seconds();
    auto layer = std::make_unique<TlsLayer>(server, compact);
    spent += thread_seconds() - begin;
    for (;;) {
      auto bytes = client.take();
      if (bytes.empty()) break;
      begin = thread_seconds();
      layer->receive(ciphers, bytes, room, to_client);
      spent += thread_seconds() - begin;
      client.receive(std::exchange(to_client, {}));
    }
    if (layer->state() != TlsLayer::State::kOpen || layer->has_taken_over() != compact)
      state.SkipWithError("not through");
    begin = thread_seconds();
    layer.reset();
    spent += thread_seconds() - begin;
    if (session && !SSL_session_reused(client.ssl())) state.SkipWithError("not resumed");
    if (session) SSL_SESSION_free(std::exchange(session, nullptr));
    client.shutdown();  // or OpenSSL would not resume what was cut off
    if (resumes) session = SSL_get1_session(client.ssl());
  };
  connect();
  for (auto _ : state) {
    connect();
    state.SetIterationTime(spent);
  }
  if (session) SSL_SESSION_free(session);
  SSL_CTX_free(context);
}
BENCHMARK_CAPTURE(handshake, full, false, true)->UseManualTime();
BENCHMARK_CAPTURE(handshake, resumed, true, true)->UseManualTime();
BENCHMARK_CAPTURE(handshake, full_openssl_only, false, false)->UseManualTime();

}  // namespace
}  // namespace berth::webserver
