// berth monitor …
#include "api/monitor.h"

#include <algorithm>

#include "base/utc.h"
#include "cli/human.h"
#include "cli/invocation.h"

namespace berth::cli {
namespace {

constexpr std::size_t kCurve = 24, kMarkers = 10;

std::string format_value(double value, std::string_view unit) {
  if (value < 0) return "-";
  const auto bytes = [&] { return format_size(static_cast<std::uint64_t>(value)); };
  if (unit == "bytes") return bytes();
  if (unit == "bytes/s") return bytes() + "/s";
  const auto number = value < 10 ? fmt::format("{:.2g}", value) : fmt::format("{:.0f}", value);
  if (unit == "percent") return number + " %";
  if (unit == "1/s") return number + "/s";
  return unit.empty() ? number : fmt::format("{} {}", number, unit);
}

struct Summary {
  double last = -1, mean = -1, peak = -1;
};

Summary summarise(const api::MonitorSeries& series) {
  Summary summary;
  double total = 0;
  int known = 0;
  for (const double value : series.mean)
    if (value >= 0) {
      summary.last = value;
      total += value;
      ++known;
    }
  for (const double value : series.peak.empty() ? series.mean : series.peak)
    summary.peak = std::max(summary.peak, value);
  if (known > 0) summary.mean = total / known;
  return summary;
}

// Eight heights of a block, over the whole time.
std::string draw_curve(const api::MonitorSeries& series, double peak) {
  constexpr std::string_view kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const std::size_t all = series.mean.size(), columns = std::min(kCurve, all);
  std::string curve;
  for (std::size_t i = 0; i < columns; ++i) {
    double highest = -1;
    for (std::size_t at = i * all / columns; at < (i + 1) * all / columns; ++at)
      highest = std::max(highest, series.mean[at]);
    if (highest < 0) curve += ' ';
    else
      curve +=
          kBlocks[peak <= 0 ? 0 : std::min<std::size_t>(7, static_cast<std::size_t>(highest / peak * 7.999))];
  }
  return curve;
}

void print_markers(Output& output, const std::vector<api::MonitorMarker>& markers) {
  if (markers.empty()) return;
  const std::size_t first = markers.size() > kMarkers ? markers.size() - kMarkers : 0;
  output.print_line("");
  Table table({{"AT"}, {"WHAT"}, {"OF", false, true}, {"TEXT", false, true}});
  for (std::size_t i = first; i < markers.size(); ++i) {
    const auto& marker = markers[i];
    table.add({format_relative(marker.at, output.now()),
               Cell(marker.kind, marker.is_failed ? Style::kBad : Style::kPlain), printable(marker.subject),
               printable(marker.text)});
  }
  output.print_table(table);
}

loop::Task<int> show(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  api::GetMonitor request;
  if (arguments.has("SUBJECT")) request.subjects = {arguments.text("SUBJECT")};
  else request.subjects = {"platform", "manager", "webserver", "postgres", "service/*"};
  if (arguments.has("--metric")) request.metrics = {arguments.text("--metric")};
  if (arguments.has("--since"))
    request.seconds = static_cast<std::uint64_t>(arguments.duration("--since").count());
  if (arguments.has("--points")) request.points = static_cast<std::uint64_t>(arguments.number("--points", 0));
  const auto told = co_await invocation.ask(request);
  auto& output = invocation.output();
  if (output.is_json()) {
    output.print_json(api::to_json(told));
    co_return 0;
  }
  Table table({{"SUBJECT", false, true},
               {"METRIC"},
               {"NOW", true},
               {"MEAN", true},
               {"PEAK", true},
               {fmt::format("LAST {}", format_duration(std::chrono::seconds(request.seconds)))}});
  for (const auto& series : told.series) {
    const auto summary = summarise(series);
    if (summary.mean < 0) continue;  // nothing is known (yet)
    table.add({printable(series.subject), series.metric,
               Cell(format_value(summary.last, series.unit), Style::kStrong),
               format_value(summary.mean, series.unit), format_value(summary.peak, series.unit),
               draw_curve(series, summary.peak)});
  }
  if (table.empty()) output.note("nothing has been recorded in this time");
  else output.print_table(table);
  if (!output.is_quiet()) print_markers(output, told.markers);
  if (told.space.left_out > 0)
    output.warn(fmt::format("{} not recorded: the records may take {} (berth config set monitorBytes BYTES)",
                            format_count(told.space.left_out, "subject"),
                            format_size(told.space.most_bytes)));
  co_return 0;
}

loop::Task<int> metrics(Invocation& invocation) {
  const auto told = co_await invocation.ask(api::GetMetrics{});
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(told));
  else output.print(told.text);
  co_return 0;
}

}  // namespace

std::vector<Command> monitor_commands() {
  return {
      {"monitor",
       "show",
       "What was recorded: CPU, memory, disk, network, requests, sessions, for up to 31 days",
       Effect::kReads,
       {optional_positional(
            "SUBJECT",
            "platform, manager, webserver, postgres, service/ID, instance/NAME@DOMAIN, instance/*"),
        option("--since", "TIME", "How far back: 30m, 24h, 7d (default 1h)"),
        option("--metric", "NAME", "This one only"),
        number_option("--points", "N", "Values of a curve at most, with --json (default 360)")},
       "monitor show webserver --since 24h",
       show},
      {"monitor",
       "metrics",
       "What was measured last, as OpenMetrics text (the same as at /metrics)",
       Effect::kReads,
       {},
       "monitor metrics",
       metrics},
  };
}

}  // namespace berth::cli
