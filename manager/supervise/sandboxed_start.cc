#include "manager/supervise/sandboxed_start.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "loop/readiness.h"
#include "loop/sync.h"
#include "sandbox/layers/namespaces.h"

namespace berth::manager {
namespace {

using sandbox::Layer;
using sandbox::Wish;

Result<UniqueFd> memory_file(const char* name, std::string_view content) {
  UniqueFd file(::memfd_create(name, MFD_CLOEXEC));
  if (!file) return fail_errno(errno, "memfd_create");
  BERTH_TRY_VOID(write_all(file.get(), content));
  return file;
}

Result<SandboxedStart> start_in(int namespaces, const SandboxPlan& plan, loop::SpawnOptions spawn,
                                const std::string& notes) {
  BERTH_TRY(const auto text, sandbox::format_launch_spec(plan.spec));
  BERTH_TRY(const auto spec, memory_file("launch", text));
  UniqueFd filter;
  if (plan.filter) {
    const auto* bytes = reinterpret_cast<const char*>(plan.filter->data());
    BERTH_TRY(filter, memory_file("filter", {bytes, plan.filter->size() * sizeof(sock_filter)}));
  }
  // Its first line is the child's own doing; all writers append.
  const UniqueFd notes_file(::open(notes.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!notes_file) return fail_errno(errno, "open " + notes);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
  SandboxedStart start{0, UniqueFd(ends[0])};
  const UniqueFd running(ends[1]);
  ::fcntl(start.ready.get(), F_SETFL, O_NONBLOCK);

  spawn.program = plan.launcher;
  spawn.arguments = {plan.spec.name,
                     plan.spec.program};  // for people who look at the list of processes, and find_survivor()
  spawn.environment = plan.spec.environment;
  spawn.directory.clear();
  spawn.namespaces = namespaces;
  spawn.descriptors.emplace_back(spec.get(), sandbox::kSpecFd);
  if (filter) spawn.descriptors.emplace_back(filter.get(), sandbox::kFilterFd);
  spawn.descriptors.emplace_back(notes_file.get(), sandbox::kNotesFd);
  spawn.descriptors.emplace_back(running.get(), sandbox::kReadyFd);
  if (namespaces & CLONE_NEWUSER) {
    const uid_t uid = ::geteuid();
    const gid_t gid = ::getegid();
    spawn.in_child = [uid, gid, inner = std::move(spawn.in_child)] {
      // First, for the pid must be noted before anything can fail.
      if (inner)
        if (const int number = inner()) return number;
      return sandbox::settle_in_user_namespace(uid, gid);
    };
  }
  BERTH_TRY(start.pid, loop::spawn(spawn));
  return start;
}

}  // namespace

Result<SandboxedStart> start_sandboxed(SandboxPlan plan, loop::SpawnOptions spawn, const std::string& notes) {
  int namespaces = ::geteuid() == 0 ? 0 : CLONE_NEWUSER;
  if (plan.spec.wish(Layer::kPids) != Wish::kOff) namespaces |= CLONE_NEWPID;
  if (namespaces == 0) return start_in(0, plan, std::move(spawn), notes);
  auto start = start_in(namespaces, plan, spawn, notes);
  if (start) return start;
  plan.spec.pids_why = start.error().detail;
  auto weaker = start_in(0, plan, std::move(spawn), notes);
  // What hinders both (no program, no descriptors) is not a matter of namespaces.
  return weaker;
}

loop::Task<bool> wait_until_launched(loop::Loop& loop, UniqueFd ready, loop::Duration limit) {
  loop::Readiness readiness(loop, ready.get());
  const auto end = [](loop::Readiness& pipe) -> loop::Task<void> { co_await pipe.readable(); };
  loop::Spawned<void> waiting(loop, end(readiness));
  bool timed_out = false;
  loop::Timer timer(loop);
  timer.start(limit, [&] {
    timed_out = true;
    waiting.done().set();
  });
  co_await waiting.done().wait();
  co_return !timed_out;
}

}  // namespace berth::manager
