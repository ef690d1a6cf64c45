// Upload and download of attached files by HTTP (README, "Files").
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "apps/notes/board_store.h"
#include "apps/notes/file_store.h"
#include "apps/notes/presence.h"
#include "berth/config.h"
#include "berth/http.h"

namespace berth::notes {

// Handles all below "<instance>/files". Owned by the instance.
class FileRequests {
 public:
  // Makes `file` a file of its note, for the person `by`, and tells everybody; not cancelled with
  // the request.
  using Attach = std::function<loop::Task<Result<File>>(File file, std::string by)>;

  FileRequests(FileStore& files, const Presence& presence, const sdk::Config& config, Attach attach)
      : files_(files), presence_(presence), config_(config), attach_(std::move(attach)) {}

  loop::Task<void> handle(sdk::HttpRequest& request, sdk::HttpResponse& response);

 private:
  loop::Task<void> upload(sdk::HttpRequest& request, sdk::HttpResponse& response, std::string by);
  loop::Task<Result<std::uint64_t>> receive(sdk::HttpRequest& request, std::string content,
                                            std::uint64_t limit);
  loop::Task<void> download(sdk::HttpRequest& request, sdk::HttpResponse& response);
  loop::Task<void> send_bytes(sdk::HttpResponse& response, const File& file, sdk::ByteRange range);

  FileStore& files_;
  const Presence& presence_;
  const sdk::Config& config_;
  Attach attach_;
};

}  // namespace berth::notes
