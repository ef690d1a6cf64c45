// generate_api [--typescript FILE] [--json-schema FILE] [--check FILE.ts]
#include <cstdio>

#include "api/json_schema.h"
#include "api/typescript.h"
#include "base/file.h"

namespace {

bool write(const char* path, const std::string& content) {
  const auto present = berth::read_file(path);
  if (present && *present == content) return true;  // keeps the time stamp, so nothing is built again
  const auto written = berth::write_file_durably(path, content);
  if (!written) fmt::print(stderr, "generate_api: {}\n", written.error().detail);
  return written.has_value();
}

bool check(const char* path, const std::string& content) {
  const auto present = berth::read_file(path);
  if (present && *present == content) return true;
  fmt::print(stderr, "{0} is not what api/*.h says now. Run: build/bin/generate_api --typescript {0}\n",
             path);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc % 2 == 0) {
    fmt::print(stderr, "usage: generate_api [--typescript FILE] [--json-schema FILE] [--check FILE.ts]\n");
    return 2;
  }
  bool good = true;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--typescript") {
      good = write(argv[i + 1], berth::api::format_typescript()) && good;
    } else if (option == "--json-schema") {
      good = write(argv[i + 1], berth::api::format_json_schema()) && good;
    } else if (option == "--check") {
      good = check(argv[i + 1], berth::api::format_typescript()) && good;
    } else {
      fmt::print(stderr, "generate_api: unknown option {}\n", option);
      return 2;
    }
  }
  return good ? 0 : 1;
}
