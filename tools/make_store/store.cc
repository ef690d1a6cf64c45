#include "tools/make_store/store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include "base/bytes.h"
#include "base/file.h"
#include "loop/process.h"
#include "wire/json/json.h"
#include "wire/minisign/minisign.h"

namespace berth::make_store {
namespace {

constexpr std::size_t kBinaryLimit = 1 << 30;

void run(std::vector<std::string> command) {
  loop::Loop loop;
  loop::CommandOptions options;
  options.spawn.program = command.front();
  options.spawn.arguments.assign(command.begin() + 1, command.end());
  const auto result = loop::run_task(loop, loop::run_command(loop, options));
  if (!result.status.is_success())
    throw_failure(Errc::kFailed, "{} {}: {}", fmt::join(command, " "), result.status.describe(),
                  result.errors);
}

void copy_file(const std::string& from, const std::string& to, mode_t mode) {
  or_throw(write_file_durably(to, or_throw(read_file(from, kBinaryLimit)), mode));
}

// The program without what only a debugger reads, which goes into <binary>.debug beside it.
void place_binary(const Order& order, const std::string& from, const std::string& to) {
  copy_file(from, to, 0755);
  if (order.strip.empty() || order.objcopy.empty()) return;
  run({order.objcopy, "--only-keep-debug", "--compress-debug-sections", from, to + ".debug"});
  run({order.strip, "--strip-debug", to});
  run({order.objcopy, "--add-gnu-debuglink=" + to + ".debug", to});
}

// Puts one app's files into `out`; its entry of apps.json.
json::Object place_app(const Order& order, const App& app, const std::string& out) {
  auto entry = or_throw(json::parse_object(or_throw(read_file(app.manifest))));
  const auto folder = or_throw(json::require_string(entry, "folder"));
  const auto binary = or_throw(json::require_string(entry, "binary"));
  const std::string path = fmt::format("{}/{}/{}/{}", out, order.build, order.arch, folder);
  or_throw(make_directories(path));
  place_binary(order, app.binary, path + "/" + binary);
  copy_file(app.icon, path + "/" + binary + ".png", 0644);

  json::Object hashes, sizes;
  for (const char* suffix : {"", ".debug", ".png"}) {
    const std::string file = path + "/" + binary + suffix;
    if (!path_exists(file)) continue;
    const auto content = or_throw(read_file(file, kBinaryLimit));
    const std::string name = fmt::format("{}/{}{}", order.arch, binary, suffix);
    hashes[name] = sha256_hex(content);
    sizes[name] = static_cast<std::int64_t>(content.size());
  }
  entry["versions"] = json::Array{json::Object{{"id", order.label},
                                               {"build", order.build},
                                               {"label", order.label},
                                               {"sha256", std::move(hashes)},
                                               {"size", std::move(sizes)}}};
  return entry;
}

minisign::SecretKey open_key(const std::string& path) {
  if (!path_exists(path))
    or_throw(write_file_durably(path, minisign::format_secret_key(minisign::make_secret_key()), 0600));
  return or_throw(minisign::parse_secret_key(or_throw(read_file(path))));
}

// The new folder takes the place of the old one at once; who reads meanwhile finds one or the other.
void replace(const std::string& made, const std::string& place) {
  const unsigned flags = path_exists(place) ? RENAME_EXCHANGE : 0;
  if (::renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, place.c_str(), flags) != 0)
    throw Failure(errno_error(errno, fmt::format("rename {} to {}", made, place)));
  or_throw(remove_tree(made));
}

}  // namespace

void make_store(const Order& order) {
  const std::string made = order.out + ".new";
  or_throw(remove_tree(made));
  or_throw(make_directories(made));
  const auto key = open_key(order.key);
  json::Array apps;
  for (const auto& app : order.apps) apps.push_back(place_app(order, app, made));
  const std::string index = json::serialize(json::Object{{"apps", std::move(apps)}}) + '\n';
  or_throw(write_file_durably(made + "/apps.json", index));
  or_throw(
      write_file_durably(made + "/apps.json.minisig",
                         minisign::sign(key, index, fmt::format("file:apps.json build:{}", order.build))));
  or_throw(write_file_durably(made + "/minisign.pub", minisign::format_public_key(key.public_key())));
  replace(made, order.out);
}

}  // namespace berth::make_store
