// Raw bytes of one passthrough connection.
#pragma once

#include "berth/app_instance.h"
#include "berth/http.h"
#include "sdk/http/body_stream.h"

namespace berth::sdk {

struct PassthroughAttach {
  PassthroughHandler handler;
  InstanceCounters& counters;
  std::string where;
};

class PassthroughStream : public BodyStream, private ByteStream {
 public:
  PassthroughStream(const Seed& seed, const PassthroughAttach& attach, const link::Open& open)
      : BodyStream(seed, open), attach_(attach) {}
  void abandon() override {
    give_up();
    send_close(0);
  }

 private:
  loop::Task<void> run() override;
  loop::Task<Bytes> read() override { return BodyStream::read(); }
  loop::Task<void> write(Bytes bytes) override;
  const std::string& peer() const override { return BodyStream::peer(); }
  const PassthroughAttach& attach_;
};

}  // namespace berth::sdk
