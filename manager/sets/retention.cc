#include "manager/sets/retention.h"

#include <algorithm>
#include <functional>
#include <set>

#include "base/text.h"

namespace berth::manager {
namespace {

using namespace std::chrono;

constexpr int kMost = 10000;

struct Rule {
  std::string_view name;
  int KeepRules::* count;
};
constexpr Rule kRules[] = {{"last", &KeepRules::last},
                           {"hourly", &KeepRules::hourly},
                           {"daily", &KeepRules::daily},
                           {"weekly", &KeepRules::weekly},
                           {"monthly", &KeepRules::monthly}};

std::string date_of(local_days day) {
  const year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", int(date.year()), unsigned(date.month()), unsigned(date.day()));
}

// What the sets of one hour, day, … have in common.
std::string period_of(std::string_view rule, local_seconds at, std::string_view id) {
  const auto day = floor<days>(at);
  if (rule == "last") return std::string(id);
  if (rule == "hourly") return fmt::format("{} {:02}h", date_of(day), floor<hours>(at - day).count());
  if (rule == "daily") return date_of(day);
  if (rule == "monthly") return date_of(day).substr(0, 7);
  return "of " + date_of(day - (weekday(day) - Monday));
}

}  // namespace

Result<KeepRules> parse_keep_rules(std::string_view text) {
  KeepRules rules;
  if (trim(text) == "all") return rules;
  for (const auto part : split(text, ',')) {
    const auto equals = part.find('=');
    const auto name = trim(part.substr(0, equals));
    const auto rule =
        std::find_if(std::begin(kRules), std::end(kRules), [&](const Rule& one) { return one.name == name; });
    const auto count =
        equals == std::string_view::npos ? std::nullopt : parse_integer(trim(part.substr(equals + 1)));
    if (rule == std::end(kRules) || !count || *count < 0 || *count > kMost)
      return fail(Errc::kMalformed,
                  "\"{}\": all, or a list of last=N, hourly=N, daily=N, weekly=N, monthly=N with N from 0 to "
                  "{} is expected",
                  trim(part), kMost);
    rules.*(rule->count) = static_cast<int>(*count);
  }
  if (rules.keeps_all())
    return fail(Errc::kMalformed, "\"{}\" would keep nothing; to keep everything say all", text);
  return rules;
}

std::string format_keep_rules(const KeepRules& rules) {
  std::string text;
  for (const auto& rule : kRules)
    if (rules.*(rule.count))
      text += fmt::format("{}{}={}", text.empty() ? "" : ",", rule.name, rules.*(rule.count));
  return text.empty() ? "all" : text;
}

std::vector<Verdict> decide_retention(std::vector<DatedSet> sets, const KeepRules& rules,
                                      const TimeZone& zone) {
  std::sort(sets.begin(), sets.end(),
            [](const DatedSet& a, const DatedSet& b) { return a.at != b.at ? a.at > b.at : a.id > b.id; });
  std::vector<Verdict> verdicts;
  const auto newest = std::find_if(sets.begin(), sets.end(), [](const DatedSet& set) { return set.is_good; });
  for (auto set = sets.begin(); set != sets.end(); ++set) {
    Verdict verdict{set->id, false, {}};
    if (set == newest) verdict.reasons.emplace_back("newest");
    for (const auto& instance : set->newest_of) verdict.reasons.push_back("newest backup of " + instance);
    if (rules.keeps_all()) verdict.reasons.emplace_back("all are kept");
    if (!set->is_good && set < newest) verdict.reasons.emplace_back("no newer one is whole");
    verdicts.push_back(std::move(verdict));
  }
  for (const auto& rule : kRules) {
    std::set<std::string> periods;
    for (std::size_t i = 0; i < sets.size(); ++i) {
      if (!sets[i].is_good || periods.size() == static_cast<std::size_t>(rules.*(rule.count))) continue;
      const auto period = period_of(rule.name, zone.to_local(sets[i].at), sets[i].id);
      if (!periods.insert(period).second) continue;
      verdicts[i].reasons.push_back(rule.name == "last" ? fmt::format("last {}", periods.size())
                                                        : fmt::format("{} {}", rule.name, period));
    }
  }
  for (std::size_t i = 0; i < sets.size(); ++i) {
    verdicts[i].stays = !verdicts[i].reasons.empty();
    if (!verdicts[i].stays)
      verdicts[i].reasons.emplace_back(sets[i].is_good ? "no rule keeps it"
                                                       : "it is not whole, and a newer one is");
  }
  return verdicts;
}

}  // namespace berth::manager
