// berth store …
#include "api/store.h"

#include "cli/human.h"
#include "cli/invocation.h"

namespace berth::cli {
namespace {

std::string describe_state(const api::StoreApp& app) {
  if (!app.state.installed) return "-";
  return app.state.update_available ? fmt::format("{} (update)", app.state.build) : app.state.build;
}

loop::Task<int> list_store(Invocation& invocation) {
  api::GetStore request;
  request.refresh = invocation.arguments().has("--refresh");
  const auto store = co_await invocation.ask(request);
  auto& output = invocation.output();
  if (output.is_json()) {
    output.print_json(api::to_json(store));
  } else if (output.is_quiet()) {
    for (const auto& app : store.apps) output.print_line(app.id);
  } else {
    Table table(
        {{"ID"}, {"TITLE", false, true}, {"VERSION"}, {"BUILD"}, {"INSTALLED"}, {"SIZE", true}, {"SIGNED"}});
    for (const auto& app : store.apps) {
      const auto newest = app.versions.empty() ? api::StoreVersion{} : app.versions.front();
      table.add({Cell(app.id, Style::kStrong), app.title, newest.label, newest.build, describe_state(app),
                 app.size ? format_size(app.size) : "-", app.is_signed ? "yes" : Cell("no", Style::kBusy)});
    }
    output.print_table(table);
  }
  if (store.store_error)
    output.warn(fmt::format("{}: {}; the list is from {}", store.url, *store.store_error,
                            format_relative(store.fetched_at.value_or(""), output.now())));
  co_return 0;
}

}  // namespace

std::vector<Command> store_commands() {
  return {{"store",
           "ls",
           "What can be installed",
           Effect::kReads,
           {flag("--refresh", "Ask the store now, not the copy of its list")},
           "store ls --refresh",
           list_store}};
}

}  // namespace berth::cli
