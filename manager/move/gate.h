// The other platform's new database as a Unix socket on this machine, for pg_restore and our own sessions.
#pragma once

#include <memory>
#include <string>

#include "db/connection_options.h"
#include "loop/sync.h"
#include "manager/move/other_platform.h"
#include "net/listener.h"

namespace berth::manager {

// Owned by a step of a job; `platform` outlives it. Whoever connects must know the password of the instance's role, which
// the PostgreSQL there asks for. The folder is made, and goes with this.
class MoveGate {
 public:
  MoveGate(loop::Loop& loop, OtherPlatform& platform, std::string folder, std::string token);
  ~MoveGate();
  // For everybody who knows the password.
  db::ConnectionOptions place(std::string database, std::string user, std::string password) const;
  // Why the last line was not to be had, if it was not; libpq tells only that the server hung up.
  const std::string& trouble() const { return trouble_; }

 private:
  Task<void> accept_all();
  Task<void> carry(UniqueFd fd);

  loop::Loop& loop_;
  OtherPlatform& platform_;
  std::string folder_, token_, trouble_;
  std::unique_ptr<net::Listener> listener_;
  loop::TaskGroup tasks_;
};

}  // namespace berth::manager
