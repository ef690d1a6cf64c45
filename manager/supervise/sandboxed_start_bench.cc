// What the walls cost at a service's start: the time until its program runs, beside a bare fork and exec.
#include <benchmark/benchmark.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>

#include "base/file.h"
#include "manager/supervise/process_table.h"
#include "manager/supervise/sandboxed_start.h"
#include "sandbox/seccomp_policy.h"

namespace berth::manager {
namespace {

std::string launcher() {
  char path[PATH_MAX];
  const auto size = ::readlink("/proc/self/exe", path, sizeof path);
  const std::string own(path, static_cast<std::size_t>(size));
  return own.substr(0, own.rfind('/')) + "/berth-launch";
}

void bare_start(benchmark::State& state) {
  loop::SpawnOptions options;
  options.program = "/usr/bin/true";
  for (auto _ : state) {
    const pid_t pid = or_throw(loop::spawn(options));
    state.PauseTiming();
    ::waitpid(pid, nullptr, 0);
    state.ResumeTiming();
  }
}
BENCHMARK(bare_start)->UseRealTime()->Unit(benchmark::kMillisecond);

void sandboxed_start(benchmark::State& state) {
  char name[] = "/tmp/berth-start-XXXXXX";
  const std::string folder = ::mkdtemp(name), notes = folder + "/notes";
  SandboxPlan plan;
  plan.launcher = launcher();
  plan.filter = std::make_shared<const std::vector<sock_filter>>(or_throw(sandbox::make_seccomp_filter({})));
  plan.spec.name = "true";
  plan.spec.program = "/usr/bin/true";
  plan.spec.directory = folder;
  plan.spec.places = {{folder, sandbox::Place::Use::kWrite}};
  plan.spec.wishes.fill(sandbox::Wish::kOptional);
  plan.spec.cgroup_why = "not measured";
  if (::geteuid() == 0) plan.spec.uid = plan.spec.gid = 70999;
  ::chmod(folder.c_str(), 0755);
  for (auto _ : state) {
    loop::SpawnOptions spawn;
    spawn.in_child = [&notes] { return note_own_pid(notes.c_str()); };
    auto start = or_throw(start_sandboxed(plan, spawn, notes));
    char byte;
    // Blocks like a service's manager does not: the pipe's end is what is measured.
    while (::read(start.ready.get(), &byte, 1) < 0) ::usleep(50);
    state.PauseTiming();
    ::waitpid(start.pid, nullptr, 0);
    state.ResumeTiming();
  }
  (void)remove_tree(folder);
}
BENCHMARK(sandboxed_start)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace berth::manager
