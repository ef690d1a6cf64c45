// make_store --out DIR --key FILE --build ID --label TEXT --arch NAME [--strip PROGRAM --objcopy PROGRAM]
//            --app STORE_JSON BINARY ICON [--app …]
#include <cstdio>

#include "tools/make_store/store.h"

namespace {

using berth::Errc;
using berth::fail;
using berth::Result;
using berth::make_store::Order;

Result<Order> parse_arguments(int argc, char** argv) {
  Order order;
  const std::map<std::string_view, std::string*> options = {
      {"--out", &order.out},        {"--key", &order.key},   {"--build", &order.build},
      {"--label", &order.label},    {"--arch", &order.arch}, {"--strip", &order.strip},
      {"--objcopy", &order.objcopy}};
  for (int i = 1; i < argc;) {
    const std::string_view option = argv[i];
    if (option == "--app" && i + 3 < argc) {
      order.apps.push_back({argv[i + 1], argv[i + 2], argv[i + 3]});
      i += 4;
    } else if (const auto found = options.find(option); found != options.end() && i + 1 < argc) {
      *found->second = argv[i + 1];
      i += 2;
    } else {
      return fail(Errc::kMalformed, "unknown option, or its value is missing: {}", option);
    }
  }
  if (order.out.empty() || order.key.empty() || order.build.empty() || order.arch.empty())
    return fail(Errc::kMalformed, "--out, --key, --build and --arch are needed");
  return order;
}

}  // namespace

int main(int argc, char** argv) {
  const auto order = parse_arguments(argc, argv);
  if (!order) {
    fmt::print(stderr, "make_store: {}\n", order.error().detail);
    return 2;
  }
  try {
    berth::make_store::make_store(*order);
  } catch (...) {
    fmt::print(stderr, "make_store: {}\n", berth::current_error().detail);
    return 1;
  }
  return 0;
}
