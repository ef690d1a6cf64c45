#pragma once

#include "cli/session.h"
#include "net/message_socket.h"

namespace berth::cli {

// By the Unix socket `<root>/run/berth/manager.sock`: control framing, files as descriptors. Who may
// connect is admin.
class LocalSession : public Session {
 public:
  // kUnavailable with a remedy if nobody listens there.
  static Result<std::unique_ptr<Session>> connect(loop::Loop& loop, const std::string& root);
  LocalSession(loop::Loop& loop, std::unique_ptr<net::MessageSocket> socket)
      : loop_(loop), socket_(std::move(socket)) {}

  loop::Task<api::JsonObject> request(api::JsonObject message, loop::Duration limit) override;
  loop::Task<api::JsonObject> indication() override;
  loop::Task<std::uint64_t> backup(std::string name, std::string domain, UniqueFd target) override;
  loop::Task<api::JsonObject> write_to(api::JsonObject message, UniqueFd target) override;
  loop::Task<std::uint64_t> fetch_backup(std::string set, std::string name, std::string domain,
                                         UniqueFd target) override;
  loop::Task<api::Job> restore(std::string name, std::string domain, bool onto_external,
                               UniqueFd source) override;
  loop::Task<api::Job> install_package(std::string id, UniqueFd source) override;
  api::Password seal(std::string secret) const override { return {std::move(secret), {}}; }
  std::string open(const api::Password& password) const override { return password.value; }

 private:
  loop::Task<api::JsonObject> receive();
  loop::Task<api::JsonObject> exchange(api::JsonObject message, std::vector<UniqueFd> descriptors);
  loop::Task<api::JsonObject> answer_to(std::string src);

  loop::Loop& loop_;
  std::unique_ptr<net::MessageSocket> socket_;
  std::uint64_t next_src_ = 1;
  std::vector<api::JsonObject> indications_;  // that came while an answer was waited for
};

}  // namespace berth::cli
