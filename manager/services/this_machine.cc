#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "loop/process.h"
#include "manager/services/app_networks.h"

namespace berth::manager {
namespace {

constexpr const char* kForwarding = "/proc/sys/net/ipv4/ip_forward";
constexpr const char* kNft[] = {"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"};
constexpr std::size_t kMostWords = 200;  // of what nft says

}  // namespace

Task<Result<void>> ThisMachine::apply(std::string rules) {
  std::string program;
  for (const char* path : kNft)
    if (program.empty() && ::access(path, X_OK) == 0) program = path;
  if (program.empty()) co_return fail(Errc::kUnsupported, "the program nft is missing (package nftables)");
  loop::CommandOptions options;
  options.spawn.program = program;
  options.spawn.arguments = {"-f", "-"};
  options.input = std::move(rules);
  loop::CommandResult done;
  try {
    done = co_await loop::run_command(loop_, std::move(options));
  } catch (const Failure& failure) {
    co_return tl::unexpected(failure.error());
  }
  if (done.status.is_success()) co_return Result<void>();
  const auto words = std::string(trim(done.errors)).substr(0, kMostWords);
  co_return fail(Errc::kFailed, "nft refused the rules: {}", split(words, '\n').front());
}

Task<std::vector<std::string>> ThisMachine::look_up(std::string name) {
  std::vector<std::string> addresses;
  try {
    const auto found = co_await resolver_.look_up(name, 0);
    for (const auto& address : found)
      if (address.family() == AF_INET) addresses.push_back(address.ip());
  } catch (const Failure& failure) {
    log_warning("host of an app is not found", {{"host", name}, {"error", failure.error().detail}});
  }
  co_return addresses;
}

std::multimap<std::string, std::uint32_t> ThisMachine::interfaces() const {
  std::multimap<std::string, std::uint32_t> all;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) throw Failure(errno_error(errno, "addresses of this machine"));
  for (const ifaddrs* one = first; one; one = one->ifa_next) {
    if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET) continue;
    all.emplace(one->ifa_name, ntohl(reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr.s_addr));
  }
  ::freeifaddrs(first);
  return all;
}

bool ThisMachine::has_interface(const std::string& name) const {
  return !name.empty() && ::if_nametoindex(name.c_str()) != 0;
}

bool ThisMachine::is_router() const {
  const auto text = read_file(kForwarding, 16);
  return text && trim(*text) == "1";
}

Result<void> ThisMachine::make_router(bool on) {
  const UniqueFd file(::open(kForwarding, O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), on ? "1" : "0", 1) != 1)
    return fail_errno(errno, "switch forwarding of packets");
  return {};
}

std::vector<std::string> ThisMachine::resolver_texts() const {
  std::vector<std::string> texts;
  // The second is what stands behind systemd-resolved's own server at 127.0.0.53.
  for (const char* path : {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"})
    if (auto text = read_file(path, 1 << 16)) texts.push_back(std::move(*text));
  return texts;
}

}  // namespace berth::manager
