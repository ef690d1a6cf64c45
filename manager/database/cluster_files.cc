#include "manager/database/cluster_files.h"

#include <fmt/format.h>

namespace berth::manager {
namespace {

constexpr std::string_view kBegin = "# BEGIN berth: changed by Berth. Lines outside these marks are yours.\n";
constexpr std::string_view kEnd = "# END berth\n";

// A visit is a new process that reads the statistics of all tables: some 5 ms.
constexpr std::chrono::seconds kShortestRound{60};  // PostgreSQL's own default
constexpr std::chrono::seconds kVisitEvery{2};

}  // namespace

std::string quote_setting(std::string_view value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += c;
    text += c;
  }
  return text + "'";
}

std::chrono::seconds autovacuum_round(int databases) {
  return std::max(kShortestRound, kVisitEvery * databases);
}

std::string format_configuration(const ClusterSettings& settings) {
  std::string text =
      "# Written by Berth: changes here are lost at its next start. Put yours into postgresql.conf,\n"
      "# below the line that includes this file.\n";
  const auto set = [&text](std::string_view name, std::string_view value) {
    text += fmt::format("{} = {}\n", name, value);
  };
  set("listen_addresses", quote_setting(settings.listen_addresses));
  set("port", std::to_string(settings.port));
  set("unix_socket_directories", quote_setting(settings.socket_folder));
  set("max_connections", std::to_string(settings.max_connections));
  set("shared_buffers", fmt::format("{}MB", settings.shared_buffers_mb));
  set("password_encryption", "'scram-sha-256'");
  // Costs memory and start-up time, and pays only for queries of seconds.
  set("jit", "off");
  // A backend whose client is gone ends its statement, so that no lock outlives its owner.
  set("client_connection_check_interval", "'2s'");
  set("max_wal_size", "'256MB'");
  set("autovacuum_naptime", fmt::format("{}s", autovacuum_round(settings.databases).count()));
  // Before it recovers PostgreSQL syncs all it finds: with one call instead of one for each of some thousand
  // files, which took 7 s and left all apps without data for so long.
  set("recovery_init_sync_method", "'syncfs'");
  // Always on, for switching it takes a restart of the server. The log that nobody keeps goes at once.
  set("archive_mode", "on");
  set("archive_command",
      quote_setting(settings.archive_command.empty() ? "/bin/true" : settings.archive_command));
  // For moves to other platforms, and for the same reason from the start (docs/decisions/0017). A slot that nobody reads
  // must not fill the disk: beyond this it is given up, and so is its move.
  set("wal_level", "logical");
  set("max_slot_wal_keep_size", "'8GB'");
  set("timezone", "'UTC'");
  set("lc_messages", "'C'");
  set("cluster_name", "'berth'");
  set("logging_collector", "on");
  set("log_directory", quote_setting(settings.log_folder));
  // One file a weekday, overwritten a week later.
  set("log_filename", "'postgresql-%a.log'");
  set("log_truncate_on_rotation", "on");
  set("log_rotation_age", "'1d'");
  set("log_rotation_size", "0");
  set("log_file_mode", "0640");
  set("log_timezone", "'UTC'");
  set("log_line_prefix", "'%m [%p] %u@%d '");
  return text;
}

std::string format_include_line() {
  return "\n# Berth's settings. Lines below this one win over them.\ninclude_if_exists = 'berth.conf'\n";
}

std::string format_access_rules(SuperuserLogin login) {
  const std::string_view how = login == SuperuserLogin::kPeer ? "peer map=berth" : "scram-sha-256";
  return "# Who may connect (PostgreSQL, \"The pg_hba.conf File\"). Berth wrote this once and never changes "
         "it\n"
         "# again. Add your lines at the end and reload, for example\n"
         "#   hostssl  example.com_notes  example.com_notes  192.0.2.0/24  scram-sha-256\n"
         "# TCP is off until it is switched on in Berth's settings or listen_addresses.\n"
         "local  all          berth  " +
         std::string(how) + "\nlocal  replication  berth  " + std::string(how) +
         "\n"
         "local  postgres,template1,manager  all  reject\n"
         "local  all          all    scram-sha-256\n";
}

std::string format_user_map(const std::vector<std::string>& users) {
  std::string block(kBegin);
  for (const auto& user : users) block += fmt::format("berth  \"{}\"  berth\n", user);
  return block.append(kEnd);
}

std::string replace_marked_block(std::string_view content, std::string_view block) {
  const auto begin = content.find(kBegin);
  const auto end = begin == std::string_view::npos ? begin : content.find(kEnd, begin);
  std::string text;
  if (end == std::string_view::npos) {
    text = content;
    if (!text.empty() && text.back() != '\n') text += '\n';
    return text.append(block);
  }
  return text.append(content.substr(0, begin)).append(block).append(content.substr(end + kEnd.size()));
}

}  // namespace berth::manager
