#include "manager/monitor/rates.h"

#include <cmath>
#include <limits>

namespace berth::manager {
namespace {

constexpr double kForget = 600;

// The recorded unit is a multiple of the counter's.
double scale_of(const Metric& metric) {
  if (metric.unit == "percent") return 100;
  if (metric.unit == "ms/s") return 1000;
  return 1;
}

}  // namespace

std::vector<float> Rates::take(const Subject& subject, std::span<const double> raw, double now_seconds) {
  const auto metrics = metrics_of(subject.kind);
  BERTH_CHECK(raw.size() == metrics.size());
  std::vector<float> values(raw.size(), std::numeric_limits<float>::quiet_NaN());
  auto& last = last_[subject];
  const double apart = now_seconds - last.at;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (!metrics[i].is_rate) {
      values[i] = static_cast<float>(raw[i]);
    } else if (last.raw.size() == raw.size() && apart > 0 && raw[i] >= last.raw[i]) {
      values[i] = static_cast<float>((raw[i] - last.raw[i]) / apart * scale_of(metrics[i]));
    }
  }
  last.at = now_seconds;
  last.raw.assign(raw.begin(), raw.end());
  return values;
}

void Rates::forget_old(double now_seconds) {
  std::erase_if(last_, [&](const auto& entry) { return entry.second.at < now_seconds - kForget; });
}

const std::vector<double>& SteadySum::add(const std::map<std::string, std::vector<double>>& counters,
                                          std::size_t count) {
  sum_.resize(count, 0);
  for (const auto& [key, values] : counters) {
    const auto known = last_.find(key);
    for (std::size_t i = 0; i < count && i < values.size(); ++i) {
      // At the first look of all it is not known when the counters began.
      const double before = known == last_.end() ? (has_begun_ ? 0 : values[i]) : known->second[i];
      sum_[i] += values[i] >= before ? values[i] - before : values[i];
    }
  }
  last_ = counters;
  has_begun_ = true;
  return sum_;
}

}  // namespace berth::manager
