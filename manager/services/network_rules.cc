#include "manager/services/network_rules.h"

#include <arpa/inet.h>
#include <fmt/ranges.h>
#include <optional>

#include "base/text.h"

namespace berth::manager {
namespace {

// "nobody wants you there" as an error at once, rather than silence until a time-out.
constexpr const char* kReject = "reject with icmpx type admin-prohibited";

// resolv.conf(5)
std::optional<std::string_view> name_server_of(std::string_view line) {
  const auto word = trim(line);
  if (!word.starts_with("nameserver") || word.size() < 12 || (word[10] != ' ' && word[10] != '\t'))
    return std::nullopt;
  return trim(word.substr(10));
}

std::string quoted(std::string_view prefix) { return fmt::format("\"{}*\"", prefix); }

}  // namespace

std::string format_rules_removal(const std::string& table) {
  // Deleting what is not there is an error; adding what is there is none.
  return fmt::format("add table inet {0}\ndelete table inet {0}\n", table);
}

std::string format_network_rules(const NetworkRules& rules) {
  const std::string ours = quoted(rules.interface_prefix), any = quoted(kWirePrefix);
  std::string text = format_rules_removal(rules.table);
  text += fmt::format("table inet {} {{\n", rules.table);
  text += " chain input {\n  type filter hook input priority filter - 10; policy accept;\n";
  text += fmt::format("  iifname {} {}\n }}\n", ours, kReject);
  text += " chain forward {\n  type filter hook forward priority filter - 10; policy accept;\n";
  text += fmt::format("  iifname {} ct state established,related accept\n", ours);
  text += fmt::format("  oifname {} ct state established,related accept\n", ours);
  text += fmt::format("  oifname {} {}\n", ours, kReject);
  text +=
      fmt::format("  iifname {} ip daddr {{ 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/4 }} {}\n", ours, kReject);
  std::vector<std::string> sources;
  for (const auto& app : rules.apps) {
    sources.push_back(app.address);
    const std::string from = fmt::format("  iifname \"{}\" ip saddr {}", app.interface, app.address);
    if (app.is_open) text += from + " accept\n";
    else if (!app.allowed.empty())
      text += fmt::format("{} ip daddr {{ {} }} accept\n", from, fmt::join(app.allowed, ", "));
  }
  text += fmt::format("  iifname {} {}\n", ours, kReject);
  if (!rules.is_router) text += fmt::format("  iifname != {0} oifname != {0} drop\n", any);
  text += " }\n chain postrouting {\n  type nat hook postrouting priority srcnat; policy accept;\n";
  if (!sources.empty())
    text += fmt::format("  ip saddr {{ {} }} oifname != {} masquerade\n", fmt::join(sources, ", "), any);
  return text + " }\n}\n";
}

std::string format_hosts_file(const std::map<std::string, std::set<std::string>>& names) {
  std::string text = "127.0.0.1 localhost\n";
  for (const auto& [name, addresses] : names)
    for (const auto& address : addresses)
      if (address != name) text += fmt::format("{} {}\n", address, name);
  return text;
}

std::vector<std::string> name_servers(std::string_view resolver_text) {
  std::vector<std::string> servers;
  for (const auto line : split(resolver_text, '\n'))
    if (const auto server = name_server_of(line)) servers.emplace_back(*server);
  return servers;
}

std::string keep_name_servers(std::string_view resolver_text,
                              const std::function<bool(const std::string& server)>& keep) {
  std::string text;
  for (const auto line : split(resolver_text, '\n')) {
    if (const auto server = name_server_of(line); server && !keep(std::string(*server))) continue;
    if (!line.empty()) text.append(line) += '\n';
  }
  return text;
}

Result<AddressRange> AddressRange::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto bits = parse_integer(text.substr(slash == std::string_view::npos ? text.size() : slash + 1));
  in_addr number{};
  const std::string ip(text.substr(0, slash));
  if (slash == std::string_view::npos || !bits || *bits < 11 || *bits > 29 ||
      ::inet_pton(AF_INET, ip.c_str(), &number) != 1)
    return fail(Errc::kMalformed, "\"{}\": a range of IPv4 addresses like 198.18.0.0/16 is expected", text);
  AddressRange range;
  range.first = ntohl(number.s_addr);
  const std::uint32_t size = std::uint32_t{1} << (32 - *bits);
  if (range.first & (size - 1))
    return fail(Errc::kMalformed, "\"{}\": the address goes beyond the first {} bits", text, *bits);
  range.blocks = size / 4;
  return range;
}

std::string AddressRange::address(std::uint32_t offset) const {
  in_addr number{};
  number.s_addr = htonl(first + offset);
  char text[INET_ADDRSTRLEN];
  return ::inet_ntop(AF_INET, &number, text, sizeof text);
}

}  // namespace berth::manager
