#include "manager/monitor/open_metrics.h"

#include <array>
#include <cmath>

namespace berth::manager {
namespace {

// Label values and help texts: backslash, quote and line end are escaped.
std::string escape(std::string_view text) {
  std::string escaped;
  for (const char letter : text) {
    if (letter == '\\' || letter == '"') escaped += '\\';
    if (letter == '\n') escaped += "\\n";
    else escaped += letter;
  }
  return escaped;
}

std::string format_labels(const std::vector<std::pair<std::string, std::string>>& labels) {
  if (labels.empty()) return {};
  std::string text;
  for (const auto& [name, value] : labels)
    text += fmt::format("{}{}=\"{}\"", text.empty() ? "{" : ",", name, escape(value));
  return text + "}";
}

void begin_family(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += fmt::format("# TYPE {} {}\n", name, type);
  for (const std::string_view unit : {"seconds", "bytes"})
    if (name.ends_with(fmt::format("_{}", unit))) out += fmt::format("# UNIT {} {}\n", name, unit);
  out += fmt::format("# HELP {} {}.\n", name, escape(help));
}

void write_metrics(std::string& out, const std::vector<OpenMetricsSubject>& subjects) {
  constexpr std::array<SubjectKind, 6> kKinds = {SubjectKind::kPlatform,  SubjectKind::kManager,
                                                 SubjectKind::kWebserver, SubjectKind::kPostgres,
                                                 SubjectKind::kService,   SubjectKind::kInstance};
  // All samples of a family stand together (section 4.2), whichever kinds of subjects have it.
  std::vector<std::string_view> done;
  for (const auto kind : kKinds) {
    for (const auto& metric : metrics_of(kind)) {
      if (metric.exported.empty() || std::find(done.begin(), done.end(), metric.exported) != done.end())
        continue;
      done.push_back(metric.exported);
      std::string samples;
      for (const auto& subject : subjects) {
        const auto metrics = metrics_of(subject.kind);
        for (std::size_t i = 0; i < metrics.size() && i < subject.raw.size(); ++i)
          if (metrics[i].exported == metric.exported && !std::isnan(subject.raw[i]))
            samples += fmt::format("{}{}{} {}\n", metric.exported, metric.is_rate ? "_total" : "",
                                   format_labels(subject.labels), subject.raw[i]);
      }
      if (samples.empty()) continue;
      begin_family(out, metric.exported, metric.is_rate ? "counter" : "gauge", metric.text);
      out += samples;
    }
  }
}

}  // namespace

std::string format_open_metrics(const OpenMetricsFacts& facts) {
  std::string out;
  begin_family(out, "berth", "info", "The build that runs");
  out += fmt::format("berth_info{} 1\n", format_labels({{"version", facts.version}, {"build", facts.build}}));
  begin_family(out, "berth_ready", "gauge", "1 if everything that is wanted runs");
  out += fmt::format("berth_ready {}\n", facts.is_ready ? 1 : 0);
  if (!facts.processes.empty()) {
    begin_family(out, "berth_process_up", "gauge", "1 if it runs");
    for (const auto& [name, is_up] : facts.processes)
      out += fmt::format("berth_process_up{} {}\n", format_labels({{"process", name}}), is_up ? 1 : 0);
  }
  begin_family(out, "berth_alarms", "gauge", "Alarms that are set");
  for (const auto& [severity, count] : facts.alarms)
    out += fmt::format("berth_alarms{} {}\n", format_labels({{"severity", severity}}), count);
  write_metrics(out, facts.subjects);
  return out + "# EOF\n";
}

}  // namespace berth::manager
