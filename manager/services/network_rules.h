// What an app's own network leads to, as rules for nft(8) and as the files in which the app finds names. Pure text.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace berth::manager {

// All platforms' wires begin so; each has its own prefix that begins with this one.
inline constexpr std::string_view kWirePrefix = "bt";

struct NetworkRules {
  struct App {
    std::string interface;  // of its wire, outside
    std::string address;    // of its end inside
    bool is_open = false;   // to every host; else to `allowed` only
    std::set<std::string> allowed;
  };
  std::string table;             // of nft, this platform's own
  std::string interface_prefix;  // of this platform's wires
  bool is_router = true;         // the machine was one before us; else it becomes one for apps only
  std::vector<App> apps;
};

// The whole table, to take the place of an older one at once. From a wire nothing leads to the machine itself, to other wires, to
// link-local (also clouds' metadata), loopback and multicast addresses; to a wire only answers lead.
std::string format_network_rules(const NetworkRules& rules);
// The word of nft that removes the table; no error if there is none.
std::string format_rules_removal(const std::string& table);

// As /etc/hosts: names and their addresses, beside localhost.
std::string format_hosts_file(const std::map<std::string, std::set<std::string>>& names);

// Addresses of the name servers in a text like /etc/resolv.conf.
std::vector<std::string> name_servers(std::string_view resolver_text);
// That text without the name servers of which `keep` says no.
std::string keep_name_servers(std::string_view resolver_text,
                              const std::function<bool(const std::string& server)>& keep);

// The two addresses of block `number` of an IPv4 range like 198.18.0.0/16, which holds `blocks` of four.
struct AddressRange {
  std::uint32_t first = 0;
  std::uint32_t blocks = 0;
  // kMalformed: not four bytes and a length from 11 to 29 (the names of wires have room for six digits), or bits
  // set beyond it.
  static Result<AddressRange> parse(std::string_view text);
  std::string gateway(std::uint32_t number) const { return address(number * 4 + 1); }
  std::string app(std::uint32_t number) const { return address(number * 4 + 2); }
  // The block that holds `address` (in host order), if it does.
  bool holds(std::uint32_t number, std::uint32_t ip) const {
    return ip >= first + number * 4 && ip - first - number * 4 < 4;
  }

 private:
  std::string address(std::uint32_t offset) const;
};

}  // namespace berth::manager
