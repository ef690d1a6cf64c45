#include "manager/monitor/subject.h"

#include <array>

#include "base/text.h"

namespace berth::manager {
namespace {

constexpr Metric kCpu{"cpu", "percent", "berth_process_cpu_seconds", true,
                      "CPU time used, 100 percent are one core"},
    kMemory{"memory", "bytes", "berth_process_memory_bytes", false,
            "Memory of its own: anonymous and shared, without files"},
    kTasks{"tasks", "", "berth_process_tasks", false, "Processes and threads"};

constexpr std::array<Metric, 13> kPlatform = {{
    {"cpuUser", "percent", "", false, ""},
    {"cpuSystem", "percent", "", false, ""},
    {"cpuWait", "percent", "", false, ""},
    {"load", "", "berth_load1", false, "Average of the tasks that run or wait, over a minute"},
    {"memoryUsed", "bytes", "berth_memory_used_bytes", false, "Memory of the machine that is not available"},
    {"memoryTotal", "bytes", "berth_memory_total_bytes", false, "Memory of the machine"},
    {"swapUsed", "bytes", "berth_swap_used_bytes", false, "Swap in use"},
    {"diskUsed", "bytes", "berth_disk_used_bytes", false, "Of the file system that holds the database"},
    {"diskTotal", "bytes", "berth_disk_total_bytes", false, "Of the file system that holds the database"},
    {"diskRead", "bytes/s", "berth_disk_read_bytes", true, "Read from all disks"},
    {"diskWritten", "bytes/s", "berth_disk_written_bytes", true, "Written to all disks"},
    {"netIn", "bytes/s", "berth_network_received_bytes", true,
     "Received by all network devices but loopback"},
    {"netOut", "bytes/s", "berth_network_sent_bytes", true, "Sent by all network devices but loopback"},
}};

constexpr std::array<Metric, 3> kManager = {{kCpu, kMemory, kTasks}};

constexpr std::array<Metric, 10> kWebserver = {{
    kCpu,
    kMemory,
    kTasks,
    {"connections", "", "berth_webserver_connections", false, "Connections of clients"},
    {"websockets", "", "berth_webserver_websockets", false, "WebSockets of clients"},
    {"requests", "1/s", "berth_webserver_requests", true, "HTTP requests"},
    {"bytesIn", "bytes/s", "berth_webserver_received_bytes", true, "Received from clients"},
    {"bytesOut", "bytes/s", "berth_webserver_sent_bytes", true, "Sent to clients"},
    {"accepted", "1/s", "berth_webserver_accepted", true, "Connections that were taken"},
    {"refused", "1/s", "berth_webserver_refused", true, "Connections and requests that a limit refused"},
}};

constexpr std::array<Metric, 12> kPostgres = {{
    kCpu,
    kMemory,
    kTasks,
    {"connections", "", "berth_postgres_connections", false, "Sessions of clients"},
    {"active", "", "berth_postgres_active", false, "Sessions that work on a statement"},
    {"transactions", "1/s", "berth_postgres_transactions", true, "Transactions that ended"},
    {"blocksRead", "1/s", "berth_postgres_blocks_read", true, "Blocks that were not in PostgreSQL's memory"},
    {"blocksHit", "1/s", "berth_postgres_blocks_hit", true, "Blocks that were in PostgreSQL's memory"},
    {"temporary", "bytes/s", "berth_postgres_temporary_bytes", true, "Written to temporary files"},
    {"wal", "bytes/s", "berth_postgres_wal_bytes", true, "Written to the write-ahead log"},
    {"deadlocks", "1/s", "berth_postgres_deadlocks", true, "Deadlocks"},
    {"databaseBytes", "bytes", "berth_postgres_database_bytes", false, "All databases of instances together"},
}};

constexpr std::array<Metric, 8> kService = {{
    kCpu,
    kMemory,
    kTasks,
    {"sessions", "", "", false, ""},
    {"requests", "1/s", "", true, ""},
    {"messagesIn", "1/s", "", true, ""},
    {"messagesOut", "1/s", "", true, ""},
    {"databaseTime", "ms/s", "", true, ""},
}};

constexpr std::array<Metric, 7> kInstance = {{
    {"sessions", "", "berth_instance_sessions", false, "Sessions of users"},
    {"requests", "1/s", "berth_instance_requests", true, "HTTP requests"},
    {"messagesIn", "1/s", "berth_instance_messages_received", true, "Messages from users"},
    {"messagesOut", "1/s", "berth_instance_messages_sent", true, "Messages to users"},
    {"databaseTime", "ms/s", "berth_instance_database_seconds", true, "Time that its statements took"},
    {"databaseBytes", "bytes", "berth_instance_database_bytes", false, "Size of its database"},
    {"connections", "", "berth_instance_database_connections", false, "Its sessions at PostgreSQL"},
}};

}  // namespace

std::span<const Metric> metrics_of(SubjectKind kind) {
  switch (kind) {
    case SubjectKind::kPlatform: return kPlatform;
    case SubjectKind::kManager: return kManager;
    case SubjectKind::kWebserver: return kWebserver;
    case SubjectKind::kPostgres: return kPostgres;
    case SubjectKind::kService: return kService;
    case SubjectKind::kInstance: return kInstance;
  }
  return {};
}

RingLayout layout_of(SubjectKind kind) {
  RingLayout layout;
  for (const auto& metric : metrics_of(kind)) layout.columns.emplace_back(metric.name);
  // Two hours, 26 hours, seven and a half days, 31 days.
  if (kind == SubjectKind::kInstance) layout.levels = {{60, 1560}, {600, 1080}, {3600, 744}};
  else layout.levels = {{10, 720}, {120, 780}, {600, 1080}, {3600, 744}};
  return layout;
}

std::string file_of(const Subject& subject) {
  switch (subject.kind) {
    case SubjectKind::kPlatform: return "platform.ring";
    case SubjectKind::kManager: return "manager.ring";
    case SubjectKind::kWebserver: return "webserver.ring";
    case SubjectKind::kPostgres: return "postgres.ring";
    default: break;
  }
  std::string name = subject.kind == SubjectKind::kService ? "service-" : "instance-";
  for (const char letter : subject.id) {
    const auto byte = static_cast<unsigned char>(letter);
    const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                          (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == '@' ||
                          byte == '.';
    if (is_plain) name += letter;
    else name += fmt::format("%{:02x}", byte);
  }
  return name + ".ring";
}

}  // namespace berth::manager
