// make_store --out DIR --key FILE --build ID --label TEXT --arch NAME [--strip PROGRAM --objcopy PROGRAM]
//            --app STORE_JSON BINARY ICON [--app …]
//
// Makes a store folder (README.md) of built services. The key pair FILE is made if it is not there.
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

struct App {
  std::string manifest, binary, icon;
};

struct Arguments {
  std::string out, key, build, label, arch, strip, objcopy;
  std::vector<App> apps;
};

constexpr std::size_t kBinaryLimit = 1 << 30;

Result<Arguments> parse_arguments(int argc, char** argv) {
  Arguments arguments;
  const std::map<std::string_view, std::string*> options = {
      {"--out", &arguments.out},     {"--key", &arguments.key},     {"--build", &arguments.build},
      {"--label", &arguments.label}, {"--arch", &arguments.arch},   {"--strip", &arguments.strip},
      {"--objcopy", &arguments.objcopy}};
  for (int i = 1; i < argc;) {
    const std::string_view option = argv[i];
    if (option == "--app" && i + 3 < argc) {
      arguments.apps.push_back({argv[i + 1], argv[i + 2], argv[i + 3]});
      i += 4;
    } else if (const auto found = options.find(option); found != options.end() && i + 1 < argc) {
      *found->second = argv[i + 1];
      i += 2;
    } else {
      return fail(Errc::kMalformed, "unknown option, or its value is missing: {}", option);
    }
  }
  if (arguments.out.empty() || arguments.key.empty() || arguments.build.empty() || arguments.arch.empty())
    return fail(Errc::kMalformed, "--out, --key, --build and --arch are needed");
  return arguments;
}

void run(std::vector<std::string> command) {
  loop::Loop loop;
  loop::CommandOptions options;
  options.spawn.program = command.front();
  options.spawn.arguments.assign(command.begin() + 1, command.end());
  const auto result = loop::run_task(loop, loop::run_command(loop, options));
  if (!result.status.is_success())
    throw_failure(Errc::kFailed, "{} {}: {}", fmt::join(command, " "), result.status.describe(), result.errors);
}

void copy_file(const std::string& from, const std::string& to, mode_t mode) {
  or_throw(write_file_durably(to, or_throw(read_file(from, kBinaryLimit)), mode));
}

// The program without what only a debugger reads, which goes into <binary>.debug beside it.
void place_binary(const Arguments& arguments, const std::string& from, const std::string& to) {
  copy_file(from, to, 0755);
  if (arguments.strip.empty() || arguments.objcopy.empty()) return;
  run({arguments.objcopy, "--only-keep-debug", "--compress-debug-sections", from, to + ".debug"});
  run({arguments.strip, "--strip-debug", to});
  run({arguments.objcopy, "--add-gnu-debuglink=" + to + ".debug", to});
}

// Puts one app's files into `out`; its entry of apps.json.
json::Object place_app(const Arguments& arguments, const App& app, const std::string& out) {
  auto entry = or_throw(json::parse_object(or_throw(read_file(app.manifest))));
  const auto folder = or_throw(json::require_string(entry, "folder"));
  const auto binary = or_throw(json::require_string(entry, "binary"));
  const std::string path = fmt::format("{}/{}/{}/{}", out, arguments.build, arguments.arch, folder);
  or_throw(make_directories(path));
  place_binary(arguments, app.binary, path + "/" + binary);
  copy_file(app.icon, path + "/" + binary + ".png", 0644);

  json::Object hashes, sizes;
  for (const char* suffix : {"", ".debug", ".png"}) {
    const std::string file = path + "/" + binary + suffix;
    if (!path_exists(file)) continue;
    const auto content = or_throw(read_file(file, kBinaryLimit));
    const std::string name = fmt::format("{}/{}{}", arguments.arch, binary, suffix);
    hashes[name] = sha256_hex(content);
    sizes[name] = static_cast<std::int64_t>(content.size());
  }
  entry["versions"] = json::Array{json::Object{{"id", arguments.label},
                                               {"build", arguments.build},
                                               {"label", arguments.label},
                                               {"sha256", std::move(hashes)},
                                               {"size", std::move(sizes)}}};
  return entry;
}

minisign::SecretKey open_key(const std::string& path) {
  if (!path_exists(path)) or_throw(write_file_durably(path, minisign::format_secret_key(minisign::make_secret_key()), 0600));
  return or_throw(minisign::parse_secret_key(or_throw(read_file(path))));
}

// The new folder takes the place of the old one at once; who reads meanwhile finds one or the other.
void replace(const std::string& made, const std::string& place) {
  const unsigned flags = path_exists(place) ? RENAME_EXCHANGE : 0;
  if (::renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, place.c_str(), flags) != 0)
    throw Failure(errno_error(errno, fmt::format("rename {} to {}", made, place)));
  or_throw(remove_tree(made));
}

void make_store(const Arguments& arguments) {
  const std::string made = arguments.out + ".new";
  or_throw(remove_tree(made));
  or_throw(make_directories(made));
  const auto key = open_key(arguments.key);
  json::Array apps;
  for (const auto& app : arguments.apps) apps.push_back(place_app(arguments, app, made));
  const std::string index = json::serialize(json::Object{{"apps", std::move(apps)}}) + '\n';
  or_throw(write_file_durably(made + "/apps.json", index));
  or_throw(write_file_durably(made + "/apps.json.minisig",
                              minisign::sign(key, index, fmt::format("file:apps.json build:{}", arguments.build))));
  or_throw(write_file_durably(made + "/minisign.pub", minisign::format_public_key(key.public_key())));
  replace(made, arguments.out);
}

}  // namespace
}  // namespace berth::make_store

int main(int argc, char** argv) {
  const auto arguments = berth::make_store::parse_arguments(argc, argv);
  if (!arguments) {
    fmt::print(stderr, "make_store: {}\n", arguments.error().detail);
    return 2;
  }
  try {
    berth::make_store::make_store(*arguments);
  } catch (...) {
    fmt::print(stderr, "make_store: {}\n", berth::current_error().detail);
    return 1;
  }
  return 0;
}
