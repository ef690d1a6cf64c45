// Counts the points at which managers died in a test, and what was found afterwards. At the end of the program all counts
// are printed: "104 points, 0 lost, 0 half".
#pragma once

#include <functional>
#include <string>

namespace berth::manager {

// One for each test; goes before it ends.
class CrashWalk {
 public:
  CrashWalk() = default;
  ~CrashWalk();
  CrashWalk(const CrashWalk&) = delete;
  CrashWalk& operator=(const CrashWalk&) = delete;

  // What was found after a death at `point`, by expectations: where one of `data` fails something is lost, where one of
  // `state` fails the job has ended neither in the old nor in the new state, or has left something behind.
  void passed(const std::string& point, const std::function<void()>& data,
              const std::function<void()>& state);
  int points() const { return points_; }

 private:
  int points_ = 0, lost_ = 0, half_ = 0;
};

}  // namespace berth::manager
