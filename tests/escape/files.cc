#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/escape/attempt.h"

namespace berth::escape {
namespace {

Outcome list(const std::string& path) {
  DIR* folder = ::opendir(path.c_str());
  const auto outcome = of_call(folder ? 0 : -1);
  if (folder) ::closedir(folder);
  return outcome;
}

}  // namespace

std::vector<Attempt> file_attempts() {
  return {
      {"list another service's folder",
       [](const Facts& facts) { return list(fact(facts, "neighbour-folder")); }},
      {"read the platform's key", [](const Facts& facts) { return open_file(fact(facts, "key"), O_RDONLY); }},
      {"read the password of the database's superuser",
       [](const Facts& facts) { return open_file(fact(facts, "database-password"), O_RDONLY); }},
      {"read a file in the machine's /tmp",
       [](const Facts& facts) { return open_file(fact(facts, "host-file"), O_RDONLY); }},
      {"learn what is installed on the machine",
       [](const Facts&) {
         struct stat info{};
         return of_call(::stat("/var/lib/dpkg/status", &info));
       }},
      {"list the root folder", [](const Facts&) { return list("/"); }},
      {"read /etc/shadow", [](const Facts&) { return open_file("/etc/shadow", O_RDONLY); }},
      {"change /etc/passwd", [](const Facts&) { return open_file("/etc/passwd", O_WRONLY | O_APPEND); }},
      {"put a program into /usr/bin",
       [](const Facts&) { return open_file("/usr/bin/berth-escape", O_WRONLY | O_CREAT); }},
      {"change its own program",
       [](const Facts& facts) { return open_file(fact(facts, "program"), O_WRONLY | O_APPEND); }},
      {"change the kernel's core pattern",
       [](const Facts&) { return open_file("/proc/sys/kernel/core_pattern", O_WRONLY); }},
      {"read the machine's memory", [](const Facts&) { return open_file("/dev/mem", O_RDONLY); }},
      {"read the machine's disk",
       [](const Facts& facts) { return open_file(fact(facts, "disk"), O_RDONLY); }},
      {"read the kernel's log", [](const Facts&) { return open_file("/dev/kmsg", O_RDONLY); }},
      {"make a device",
       [](const Facts&) { return of_call(::mknod("/tmp/device", S_IFCHR | 0666, makedev(1, 1))); }},
  };
}

}  // namespace berth::escape
