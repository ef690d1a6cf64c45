// What the kernel, the resolver and the network would be.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "loop/sync.h"
#include "manager/services/app_networks.h"

namespace berth::manager {

class FakeNetworkMachine : public NetworkMachine {
 public:
  explicit FakeNetworkMachine(loop::Loop& loop) : never_(loop) {}
  Task<Result<void>> apply(std::string rules) override {
    if (nft_error) co_return tl::unexpected(*nft_error);
    applied.push_back(std::move(rules));
    co_return Result<void>();
  }
  Task<std::string> table_text(std::string) override {
    co_return applied.empty() || applied.back().find("chain") == std::string::npos ? "" : applied.back();
  }
  Task<std::vector<std::string>> look_up(std::string name) override {
    if (silent.contains(name)) co_await never_.wait();
    co_return names[name];
  }
  std::multimap<std::string, std::uint32_t> interfaces() const override { return addresses; }
  bool has_interface(const std::string& name) const override { return addresses.contains(name); }
  bool is_router() const override { return router; }
  Result<void> make_router(bool on) override {
    if (when_switched) when_switched();
    router = on;
    return {};
  }
  std::vector<std::string> resolver_texts() const override { return resolvers; }

  std::optional<Error> nft_error;
  std::vector<std::string> applied;
  std::map<std::string, std::vector<std::string>> names;
  std::set<std::string> silent;  // names of which nobody ever tells
  std::multimap<std::string, std::uint32_t> addresses = {{"lo", 0x7f000001}, {"eth0", 0xc0000214}};
  bool router = false;
  std::function<void()> when_switched;
  std::vector<std::string> resolvers = {"nameserver 192.0.2.53\n"};

 private:
  loop::Event never_;
};

}  // namespace berth::manager
