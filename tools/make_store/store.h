// Makes a signed store folder of built services. Layout: README.md.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace berth::make_store {

struct App {
  std::string manifest;  // its store.json
  std::string binary;
  std::string icon;  // PNG, 110 × 110
};

struct Order {
  std::string out;  // the folder to make, or to replace
  std::string key;  // file with the secret key; made (0600) if it is not there
  std::string build, label;
  std::string arch;            // "x86_64", "arm64", "arm"
  std::string strip, objcopy;  // programs of binutils; empty: binaries stay as they are
  std::vector<App> apps;
};

// Throws Failure; the old folder is then as it was.
void make_store(const Order& order);

}  // namespace berth::make_store
