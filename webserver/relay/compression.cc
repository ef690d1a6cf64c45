#include "webserver/relay/compression.h"

namespace berth::webserver {

Compression::Lease Compression::lend(std::int64_t most) {
  if (lent_ >= most) return Lease(nullptr, {this});
  ++lent_;
  auto inflater = spare_ ? std::move(spare_) : std::make_unique<websocket::Inflater>();
  inflater->begin();
  return Lease(inflater.release(), {this});
}

void Compression::take_back(websocket::Inflater* inflater) {
  --lent_;
  std::unique_ptr<websocket::Inflater> owned(inflater);
  if (!spare_) spare_ = std::move(owned);
}

websocket::Deflater& Compression::deflater() {
  if (!deflater_) deflater_ = std::make_unique<websocket::Deflater>();
  return *deflater_;
}

}  // namespace berth::webserver
