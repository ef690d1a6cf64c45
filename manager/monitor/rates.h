// From counters to what happens in a second. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "manager/monitor/subject.h"

namespace berth::manager {

// Values of a subject in the order of its columns; NaN: unknown. Counters stand as they are, in base units (seconds, bytes).
using RawValues = std::vector<double>;

// Keeps the last counters of each subject.
class Rates {
 public:
  // What is recorded: gauges as they are, counters by their increase in a second, in the column's unit. Unknown at the first
  // sight, and when a counter went back because its process is another one.
  std::vector<float> take(const Subject& subject, std::span<const double> raw, double now_seconds);
  // Those that did not come in the last `take`s since `now_seconds - 600` are forgotten.
  void forget_old(double now_seconds);

 private:
  struct Last {
    double at = 0;
    RawValues raw;
  };
  std::map<Subject, Last> last_;
};

// Sum over the instances of a service, of counters that begin anew when one of them is stopped or goes: a sum that never goes
// back by itself.
class SteadySum {
 public:
  // `counters`: by instance, several each. Adds what grew since the last time; one that went back has begun anew.
  const std::vector<double>& add(const std::map<std::string, std::vector<double>>& counters,
                                 std::size_t count);

 private:
  std::map<std::string, std::vector<double>> last_;
  std::vector<double> sum_;
  bool has_begun_ = false;
};

}  // namespace berth::manager
