#include "cli/local_session.h"

#include "api/backup.h"
#include "api/service.h"

namespace berth::cli {

Result<std::unique_ptr<Session>> LocalSession::connect(loop::Loop& loop, const std::string& root) {
  const std::string path = root + (root.ends_with('/') ? "" : "/") + "run/berth/manager.sock";
  auto socket = net::MessageSocket::connect(loop, path);
  if (socket) return std::make_unique<LocalSession>(loop, std::move(*socket));
  const auto& error = socket.error();
  if (error.code == Errc::kDenied)
    return fail(
        Errc::kDenied,
        "not allowed to use {}: become root or the owner of the platform, or use --url wss://…/manager",
        path);
  return fail(
      Errc::kUnavailable,
      "no platform runs in {} ({}). Start it with ./run --root {}, or name another one by --root or --url",
      root, error.detail, root);
}

loop::Task<api::JsonObject> LocalSession::receive() {
  auto message = co_await socket_->receive();
  if (!message) throw_failure(Errc::kUnavailable, "the manager went away");
  co_return std::move(message->body);
}

loop::Task<api::JsonObject> LocalSession::answer_to(std::string src) {
  while (true) {
    auto message = co_await receive();
    const auto* its_src = message.if_contains("src");
    if (its_src && its_src->is_string() && std::string_view(its_src->get_string()) == src) co_return message;
    indications_.push_back(std::move(message));
  }
}

loop::Task<api::JsonObject> LocalSession::exchange(api::JsonObject message,
                                                   std::vector<UniqueFd> descriptors) {
  const std::string src = std::to_string(next_src_++);
  message["src"] = src;
  if (!socket_->send(message, std::move(descriptors)))
    throw_failure(Errc::kUnavailable, "the manager went away");
  co_return co_await answer_to(src);
}

loop::Task<api::JsonObject> LocalSession::request(api::JsonObject message, loop::Duration limit) {
  std::string what(api::parse_envelope(message)->mt);
  auto exchanged = exchange(std::move(message), {});
  co_return co_await loop::with_timeout(loop_, limit, std::move(exchanged), std::move(what));
}

loop::Task<api::JsonObject> LocalSession::indication() {
  if (indications_.empty()) co_return co_await receive();
  auto message = std::move(indications_.front());
  indications_.erase(indications_.begin());
  co_return message;
}

loop::Task<std::uint64_t> LocalSession::backup(std::string name, std::string domain, UniqueFd target) {
  std::vector<UniqueFd> descriptors;
  descriptors.push_back(std::move(target));
  // As long as it takes: the manager goes on writing.
  auto answer = co_await exchange(
      api::format_message(api::BackupInstance{std::move(name), std::move(domain)}), std::move(descriptors));
  co_return or_throw(api::parse_answer<api::BackupInstanceResult>(answer)).bytes;
}

loop::Task<api::JsonObject> LocalSession::write_to(api::JsonObject message, UniqueFd target) {
  std::vector<UniqueFd> descriptors;
  descriptors.push_back(std::move(target));
  co_return co_await exchange(std::move(message), std::move(descriptors));
}

loop::Task<std::uint64_t> LocalSession::fetch_backup(std::string set, std::string name, std::string domain,
                                                     UniqueFd target) {
  std::vector<UniqueFd> descriptors;
  descriptors.push_back(std::move(target));
  auto answer = co_await exchange(
      api::format_message(api::FetchBackup{std::move(set), std::move(name), std::move(domain)}),
      std::move(descriptors));
  co_return or_throw(api::parse_answer<api::FetchBackupResult>(answer)).bytes;
}

loop::Task<api::Job> LocalSession::restore(std::string name, std::string domain, bool onto_external,
                                           UniqueFd source) {
  api::RestoreInstance request;
  request.onto_external = onto_external;
  if (!name.empty()) request.name = std::move(name);
  if (!domain.empty()) request.domain = std::move(domain);
  std::vector<UniqueFd> descriptors;
  descriptors.push_back(std::move(source));
  auto answer = co_await exchange(api::format_message(request), std::move(descriptors));
  co_return or_throw(api::parse_answer<api::RestoreInstanceResult>(answer)).job;
}

loop::Task<api::Job> LocalSession::install_package(std::string id, UniqueFd source) {
  std::vector<UniqueFd> descriptors;
  descriptors.push_back(std::move(source));
  api::InstallPackage request;
  if (!id.empty()) request.name = std::move(id);
  auto answer = co_await exchange(api::format_message(request), std::move(descriptors));
  co_return or_throw(api::parse_answer<api::InstallPackageResult>(answer)).job;
}

}  // namespace berth::cli
