// Which attach serves a path. Longest path by segment wins; case-sensitive.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "webserver/http/static_options.h"
#include "wire/link/frame.h"

namespace berth::webserver {

class Link;
class StaticPack;
struct ServedFiles;

// One registration of a service. Owned by the reactor's AttachTable; lives until it is detached
// and its last stream has ended.
struct Attach {
  std::uint32_t slot = 0;  // in the AttachTable
  std::uint32_t id = 0;    // the service's
  link::Kind kind{};
  std::string path;
  link::Grant grant{};
  StaticOptions files;   // static
  bool deflates = true;  // websocket: permessage-deflate, if the client wants it
  Link* link = nullptr;  // null once detached and gone
  // static, once its pack came. Shared with the answers that are under way when it is taken away.
  std::shared_ptr<const StaticPack> pack;
  std::shared_ptr<ServedFiles> served;  // static: counted here, whose grant it is
  std::uint32_t streams = 0;            // open streams that came by this attach
  bool is_routed = false;               // in the route table
};

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

class RouteTable {
 public:
  // What is attached at one path, by kind; null where nothing is.
  struct Node {
    std::array<Attach*, 5> kinds{};
    Attach* of(link::Kind kind) const { return kinds[static_cast<std::size_t>(kind)]; }
  };

  // False if the same path and kind is taken.
  bool add(Attach& attach);
  void remove(Attach& attach);
  const Node* find_exact(std::string_view path) const;

  // Node at the longest path above `path` that has one of the kinds; null if there is none.
  // Borrowed until the table changes.
  const Node* find_websocket(std::string_view path) const;  // websocket, passthrough
  const Node* find_http(std::string_view path) const;       // static, http, passthrough
  // True if anything is attached at `path` or below it.
  bool has_below(std::string_view path) const;

 private:
  template <class Wanted>
  const Node* find(std::string_view path, Wanted wanted) const;
  std::unordered_map<std::string, Node, StringHash, std::equal_to<>> nodes_;
  std::size_t deepest_ = 0;  // most slashes in an attached path: bounds the work a long path can make
};

}  // namespace berth::webserver
