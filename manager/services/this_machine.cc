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
constexpr std::chrono::seconds kNftLimit{10};

// What nft says where the kernel lacks a part of this or we a right: it will say so the next time, too.
bool is_for_good(std::string_view words) {
  for (const char* sign : {"not supported", "not permitted", "No such file or directory"})
    if (words.find(sign) != std::string_view::npos) return true;
  return false;
}

}  // namespace

struct ThisMachine::Lookup {
  explicit Lookup(loop::Loop& loop) : done(loop) {}
  loop::Event done;
  std::vector<std::string> addresses;
};

Task<Result<loop::CommandResult>> ThisMachine::run_nft(std::vector<std::string> arguments,
                                                       std::string input) {
  loop::CommandOptions options;
  for (const char* path : kNft)
    if (options.spawn.program.empty() && ::access(path, X_OK) == 0) options.spawn.program = path;
  if (options.spawn.program.empty())
    co_return fail(Errc::kUnsupported, "the program nft is missing (package nftables)");
  options.spawn.arguments = std::move(arguments);
  options.input = std::move(input);
  try {
    auto running = loop::run_command(loop_, std::move(options));
    co_return co_await loop::with_timeout(loop_, kNftLimit, std::move(running), "nft");
  } catch (const Failure& failure) {
    co_return tl::unexpected(failure.error());
  }
}

Task<Result<void>> ThisMachine::apply(std::string rules) {
  std::vector<std::string> arguments = {"-f", "-"};
  const auto done = co_await run_nft(std::move(arguments), std::move(rules));
  if (!done) co_return tl::unexpected(done.error());
  if (done->status.is_success()) co_return Result<void>();
  const auto words = std::string(trim(done->errors)).substr(0, kMostWords);
  co_return fail(is_for_good(words) ? Errc::kUnsupported : Errc::kFailed, "nft refused the rules: {}",
                 split(words, '\n').front());
}

Task<std::string> ThisMachine::table_text(std::string table) {
  std::vector<std::string> arguments = {"list", "table", "inet", table};
  auto done = co_await run_nft(std::move(arguments), "");
  co_return done && done->status.is_success() ? std::move(done->output) : std::string();
}

// A thread of its own asks one name after the other: nobody asks for one anew whose answer is still to come.
Task<std::vector<std::string>> ThisMachine::look_up(std::string name) {
  bool starts = false;
  auto& under_way = asked_[name];
  if (!under_way) {
    under_way = std::make_shared<Lookup>(loop_);
    starts = true;
  }
  const auto lookup = under_way;
  if (starts) lookups_.spawn(ask(name, lookup));
  co_await lookup->done.wait();
  co_return lookup->addresses;
}

Task<void> ThisMachine::ask(std::string name, std::shared_ptr<Lookup> lookup) {
  try {
    const auto found = co_await resolver_.look_up(name, 0);
    for (const auto& address : found)
      if (address.family() == AF_INET) lookup->addresses.push_back(address.ip());
  } catch (const Failure& failure) {
    log_warning("host of an app is not found", {{"host", name}, {"error", failure.error().detail}});
  }
  asked_.erase(name);
  lookup->done.set();
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
  if (file && ::write(file.get(), on ? "1" : "0", 1) == 1) return {};
  const int number = errno;
  auto error = errno_error(number, "switch forwarding of packets");
  // A container that may not say how its machine treats packets.
  if (number == EROFS || number == EACCES || number == EPERM || number == ENOENT)
    error.code = Errc::kUnsupported;
  return tl::unexpected(std::move(error));
}

std::vector<std::string> ThisMachine::resolver_texts() const {
  std::vector<std::string> texts;
  // The second is what stands behind systemd-resolved's own server at 127.0.0.53.
  for (const char* path : {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"})
    if (auto text = read_file(path, 1 << 16)) texts.push_back(std::move(*text));
  return texts;
}

}  // namespace berth::manager
