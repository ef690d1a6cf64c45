// Ends as it is told: "segv", "abort", "wait" (stands until it is killed), "threads" (waits with three more threads).
#include <pthread.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>

namespace victim {

volatile int* const kNowhere = reinterpret_cast<volatile int*>(0x10);

[[gnu::noinline]] void write_nowhere() {
#if __has_feature(undefined_behavior_sanitizer)
  __asm__ volatile("movl $1, (%0)" : : "r"(kNowhere) : "memory");
#else
  *kNowhere = 1;
#endif
}
[[gnu::noinline]] void inner(int depth) {
  if (depth > 0) inner(depth - 1);
  else write_nowhere();
  __asm__ volatile("");  // no tail call
}
[[gnu::noinline]] void wait_here() {
  std::puts("ready");
  std::fflush(stdout);
  for (;;) ::pause();
}

}  // namespace victim

int main(int argc, char** argv) {
  const std::string_view how = argc > 1 ? argv[1] : "";
  char* memory = static_cast<char*>(std::malloc(1 << 20));
  std::strcpy(memory, "a word that is in memory only");
  if (how == "segv") victim::inner(3);
  if (how == "abort") std::abort();
  if (how == "threads")
    for (int i = 0; i < 3; ++i)
      std::thread([] {
        for (;;) ::pause();
      }).detach();
  if (how == "wait" || how == "threads") victim::wait_here();
  return memory[0] == 'a' ? 3 : 4;
}
