#include "manager/platform/options.h"

#include <climits>
#include <cstdlib>

#include "base/file.h"
#include "base/text.h"

namespace berth::manager {
namespace {

Result<int> parse_port(std::string_view name, std::string_view text) {
  if (text == "off") return -1;
  const auto number = parse_integer(text);
  if (!number || *number < 0 || *number > 65535)
    return fail(Errc::kMalformed, "{} {}: a port from 0 to 65535, or \"off\", is expected", name, text);
  return static_cast<int>(*number);
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

Result<std::string> whole_path(const std::string& path) {
  char resolved[PATH_MAX];
  if (!::realpath(path.c_str(), resolved)) return fail_errno(errno, path);
  return std::string(resolved);
}

}  // namespace

std::string_view usage() {
  return "berth-manager: runs an app platform: PostgreSQL, webserver and app services below one root "
         "folder.\n"
         "\n"
         "Usage: berth-manager --root DIR [--http PORT] [--https PORT] [--bind ADDRESS]\n"
         "                     [--password-file FILE] [--store URL|DIR|demo]\n"
         "\n"
         "  --root DIR            where everything is kept; one manager at a time\n"
         "  --http PORT           default 8080; 0: any free one; off: none\n"
         "  --https PORT          default 8443\n"
         "  --bind ADDRESS        listen there only; default: everywhere\n"
         "  --password-file FILE  first start: the admin password is read from FILE, or written there if "
         "FILE is not there\n"
         "  --store URL|DIR|demo  where apps come from, before the setting storeUrl; demo: the store of this "
         "build\n"
         "  --self-check          tell as JSON what this program is and whether it takes these options; "
         "starts nothing\n"
         "  --version, --help\n"
         "\n"
         "SIGTERM and SIGINT stop everything. SIGUSR2: becomes the program that is now at its path, without "
         "stopping\nanything; then replaces the webserver, too, if that has a newer program. Exit codes: 0 "
         "stopped, 1 crashed (start me again), 2 cannot "
         "start this way.\n";
}

Result<Options> parse_options(const std::vector<std::string>& arguments, const std::string& program) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i], value;
    if (name == "--help" || name == "-h") {
      options.help = true;
      return options;
    }
    if (name == "--version") {
      options.version = true;
      return options;
    }
    if (name == "--self-check") {
      options.self_check = true;
      continue;
    }
    if (!name.starts_with("--")) return fail(Errc::kMalformed, "\"{}\" is not understood", name);
    if (const auto equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return fail(Errc::kMalformed, "{} needs a value", name);
    }
    if (name == "--root") options.root = value;
    else if (name == "--http") {
      BERTH_TRY(options.http, parse_port(name, value));
    } else if (name == "--https") {
      BERTH_TRY(options.https, parse_port(name, value));
    } else if (name == "--bind") options.bind = value;
    else if (name == "--password-file") options.password_file = value;
    else if (name == "--store") options.store = value;
    else return fail(Errc::kMalformed, "{} is not known", name);
  }
  if (options.root.empty()) return fail(Errc::kMalformed, "--root is missing");
  if (options.http < 0 && options.https < 0) return fail(Errc::kMalformed, "--http and --https are both off");
  if (options.store == "demo") {
    const std::string demo = folder_of(program) + "/../store/demo";
    auto path = whole_path(demo);
    if (!path)
      return fail(Errc::kNotFound,
                  "--store demo: this build has no demo store at {} (build target demo_store)", demo);
    options.store = *path;
    const auto key = read_file(*path + "/minisign.pub", 4096);
    if (!key) return fail(Errc::kNotFound, "--store demo: {}", key.error().detail);
    options.store_key = *key;
  } else if (!options.store.empty() && options.store.find("://") == std::string::npos) {
    BERTH_TRY(options.store, whole_path(options.store));
  }
  return options;
}

}  // namespace berth::manager
