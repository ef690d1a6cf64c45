// What the kernel tells of the machine and its processes, as text below /proc (proc(5)). The parsers are pure; what cannot be
// understood is absent.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace berth::manager {

// Of all cores together since the boot, in clock ticks.
struct CpuTimes {
  std::uint64_t user = 0, system = 0, idle = 0, wait = 0, stolen = 0;
  std::uint64_t all() const { return user + system + idle + wait + stolen; }
};
std::optional<CpuTimes> parse_cpu_times(std::string_view proc_stat);

struct MemoryFigures {
  std::uint64_t total_bytes = 0, available_bytes = 0, swap_used_bytes = 0;
};
std::optional<MemoryFigures> parse_memory(std::string_view proc_meminfo);

// The average over a minute.
std::optional<double> parse_load(std::string_view proc_loadavg);

struct Traffic {
  std::uint64_t in_bytes = 0, out_bytes = 0;
};
// Sum of all network devices but loopback.
Traffic parse_network(std::string_view proc_net_dev);
// Sum of the disks that are in `disks` ("vda", not its partitions): read is `in`.
Traffic parse_disks(std::string_view proc_diskstats, const std::set<std::string, std::less<>>& disks);
// Whole disks of this machine: what stands in /sys/block and is no loop device, RAM disk or layer above others.
std::set<std::string, std::less<>> find_disks(const std::string& sys_block = "/sys/block");

// Of one process.
struct ProcessTimes {
  std::uint64_t own_ticks = 0;       // user and system
  std::uint64_t children_ticks = 0;  // of those that have ended and were waited for
  std::uint64_t threads = 0;
};
std::optional<ProcessTimes> parse_process_times(std::string_view pid_stat);

struct ProcessMemory {
  std::uint64_t anonymous_bytes = 0, shared_bytes = 0;
};
std::optional<ProcessMemory> parse_process_memory(std::string_view pid_status);

// A process with all below it.
struct ProcessFigures {
  std::uint64_t cpu_ticks = 0;
  std::uint64_t memory_bytes = 0;  // shared memory is counted once
  std::uint64_t tasks = 0;
};
// nullopt: there is no such process (any more). `with_children`: for PostgreSQL, whose sessions are processes.
std::optional<ProcessFigures> read_process(pid_t pid, bool with_children);

// How often the threads of a process that waited were woken: nothing happened in it as long as this stays the same. nullopt: as above.
std::optional<std::uint64_t> read_wakeups(pid_t pid);

}  // namespace berth::manager
