// What a reactor has served of files alone, by the path that was granted: that of an instance.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace berth::webserver {

// Since the webserver began. `bytes`: of bodies, as they were taken for sending.
struct ServedFiles {
  std::uint64_t requests = 0, bytes = 0;
};

// Outlives the attaches: one that comes back goes on where it was. Owned by the reactor.
class ServedBook {
 public:
  // More are kept only as long as something is attached there.
  static constexpr std::size_t kMostForgotten = 10'000;

  // The counts of `path`, which the caller keeps as long as it may serve files of it.
  std::shared_ptr<ServedFiles> at(std::string_view path);
  // Of each path with a request.
  template <class Call>
  void for_each(Call call) const {
    for (const auto& [path, served] : all_)
      if (served->requests > 0) call(path, *served);
  }
  std::size_t size() const { return all_.size(); }

 private:
  std::map<std::string, std::shared_ptr<ServedFiles>, std::less<>> all_;
};

}  // namespace berth::webserver
