// Sending a backup to an HTTP server while it is made (PUT, RFC 9110 section 9.3.4; WebDAV folders, RFC 4918).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "manager/backup/sink.h"
#include "manager/commands/upload_place.h"
#include "net/http_client.h"

namespace berth::manager {

// Owned by the manager's main. Any number of uploads at once.
class Uploader {
 public:
  // Writes the whole file to the sink; called again for each try.
  using Write = std::function<Task<void>(BackupSink&)>;

  // `pauses`: before the second try, the third, ….
  Uploader(loop::Loop& loop, net::HttpClient& http,
           std::vector<std::chrono::milliseconds> pauses = {std::chrono::seconds(2),
                                                            std::chrono::seconds(15)})
      : loop_(loop), http_(http), pauses_(std::move(pauses)) {}

  // Gives the bytes sent. A server that is away, slow or failing (5xx) is tried again; missing WebDAV folders are
  // made. Throws Failure: what `write` throws; kDenied (certificate, user, password), kNoSpace (the server is full),
  // kUnavailable, kTimeout, kFailed, each with a reason for people and without secrets.
  Task<std::uint64_t> put(UploadPlace place, Write write);

 private:
  Task<std::uint64_t> put_once(UploadPlace place, Write write);
  Task<void> make_folders(UploadPlace place);
  net::HttpRequest request(const UploadPlace& place, std::string method, std::string url) const;

  loop::Loop& loop_;
  net::HttpClient& http_;
  const std::vector<std::chrono::milliseconds> pauses_;
};

}  // namespace berth::manager
