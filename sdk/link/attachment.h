// What one instance has registered at the webserver: a path, a kind and what to do with streams.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "sdk/link/stream.h"
#include "wire/link/frame.h"

namespace berth::sdk {

class InstanceShare;
class LinkClient;

class Attachment {
 public:
  using Opener = std::function<std::unique_ptr<Stream>(const Stream::Seed&, link::Open)>;

  // `owner`: whose it is, for closing all streams of an instance. `share`: its part of the service.
  Attachment(const void* owner, InstanceShare& share, link::Kind kind, link::Grant grant, std::string path,
             Opener opener)
      : owner_(owner), share_(share), opener_(std::move(opener)) {
    attach_.kind = kind;
    attach_.grant = grant;
    attach_.path = std::move(path);
  }
  virtual ~Attachment() = default;

  LinkClient& client() const { return *client_; }  // once attached
  const link::Attach& attach() const { return attach_; }
  std::uint32_t id() const { return attach_.id; }
  const void* owner() const { return owner_; }
  InstanceShare& share() const { return share_; }
  // kStatic: the sealed memfd; borrowed. One memfd serves all instances that have the same files.
  int pack() const { return pack_->get(); }
  void set_pack(std::shared_ptr<const UniqueFd> pack, std::string options) {
    pack_ = std::move(pack);
    attach_.options = std::move(options);
  }
  void set_options(std::string options) { attach_.options = std::move(options); }
  std::unique_ptr<Stream> open(const Stream::Seed& seed, link::Open open) {
    return opener_(seed, std::move(open));
  }

 private:
  friend class LinkClient;
  const void* owner_;
  InstanceShare& share_;
  LinkClient* client_ = nullptr;
  link::Attach attach_;
  std::shared_ptr<const UniqueFd> pack_;
  Opener opener_;
};

}  // namespace berth::sdk
