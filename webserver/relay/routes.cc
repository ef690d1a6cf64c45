#include "webserver/relay/routes.h"

#include <algorithm>

#include "webserver/relay/paths.h"

namespace berth::webserver {
namespace {

std::size_t depth_of(std::string_view path) {
  return static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
}

// End of the part of `path` that has at most `depth` slashes in front of its segments.
std::size_t end_at_depth(std::string_view path, std::size_t depth) {
  std::size_t slashes = 0;
  for (std::size_t i = 0; i < path.size(); ++i)
    if (path[i] == '/' && ++slashes > depth) return i;
  return path.size();
}

}  // namespace

bool RouteTable::add(Attach& attach) {
  auto& place = nodes_[attach.path].kinds[static_cast<std::size_t>(attach.kind)];
  if (place) return false;
  place = &attach;
  attach.is_routed = true;
  deepest_ = std::max(deepest_, depth_of(attach.path));
  return true;
}

void RouteTable::remove(Attach& attach) {
  if (!attach.is_routed) return;
  attach.is_routed = false;
  const auto found = nodes_.find(attach.path);
  found->second.kinds[static_cast<std::size_t>(attach.kind)] = nullptr;
  if (std::ranges::all_of(found->second.kinds, [](Attach* kind) { return !kind; })) nodes_.erase(found);
}

const RouteTable::Node* RouteTable::find_exact(std::string_view path) const {
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? nullptr : &found->second;
}

template <class Wanted>
const RouteTable::Node* RouteTable::find(std::string_view path, Wanted wanted) const {
  if (!path.starts_with('/')) return nullptr;
  auto end = end_at_depth(path, deepest_);
  for (;;) {
    const auto* node = find_exact(end == 0 ? std::string_view("/") : path.substr(0, end));
    if (node && wanted(*node)) return node;
    if (end == 0) return nullptr;
    end = path.rfind('/', end - 1);
  }
}

const RouteTable::Node* RouteTable::find_websocket(std::string_view path) const {
  return find(path, [](const Node& node) {
    return node.of(link::Kind::kWebsocket) || node.of(link::Kind::kPassthrough);
  });
}

const RouteTable::Node* RouteTable::find_http(std::string_view path) const {
  return find(path, [](const Node& node) {
    return node.of(link::Kind::kStatic) || node.of(link::Kind::kHttp) || node.of(link::Kind::kPassthrough);
  });
}

bool RouteTable::has_below(std::string_view path) const {
  return std::ranges::any_of(nodes_, [&](const auto& entry) { return is_below(entry.first, path); });
}

}  // namespace berth::webserver
