// berth instance move, end-forward, undo-move: to another platform, while its users work.
#include "api/move.h"
#include "cli/database.h"
#include "cli/human.h"
#include "cli/invocation.h"
#include "cli/secret.h"

namespace berth::cli {
namespace {

void show_findings(Invocation& invocation, const api::MoveInstanceResult& told) {
  auto& output = invocation.output();
  for (const auto& remark : told.remarks) output.note(printable(remark));
  for (const auto& obstacle : told.obstacles) output.error(Error{Errc::kConflict, printable(obstacle)});
}

loop::Task<int> move_instance(Invocation& invocation) {
  const auto name = invocation.instance_name();
  const auto& arguments = invocation.arguments();
  api::MoveInstance request;
  request.name = name.name;
  request.domain = name.domain;
  request.to.url = arguments.text("--to");
  request.to.fingerprint = arguments.find("--to-fingerprint");
  request.to.insecure = arguments.has("--to-insecure");
  const bool is_check = arguments.has("--check") || invocation.options().dry_run;
  request.check_only = is_check;
  auto secret = or_throw(read_secret(arguments.text("--to-password-file")));
  auto* session = co_await invocation.session();
  request.to.password = session->seal(std::move(secret));

  auto told = co_await invocation.ask(std::move(request));
  auto& output = invocation.output();
  if (!told.job) {
    if (output.is_json()) {
      output.print_json(api::to_json(told));
    } else {
      show_findings(invocation, told);
      if (told.obstacles.empty())
        output.print_line(fmt::format("{} ({}) can move to {}, which runs Berth {}", name.format(),
                                      format_size(told.bytes), arguments.text("--to"),
                                      printable(told.version)));
    }
    co_return told.obstacles.empty() ? 0 : 4;
  }
  if (!output.is_json()) show_findings(invocation, told);
  const auto job = co_await invocation.finish(std::move(*told.job));
  invocation.report(job, name.format(),
                    fmt::format("{} runs on {} now", name.format(), arguments.text("--to")));
  if (!output.is_json() && !output.is_quiet() && api::is_final(job.state)) {
    const auto* result = job.result && job.result->is_object() ? &job.result->as_object() : nullptr;
    if (const auto* pause = result ? result->if_contains("pauseMs") : nullptr; pause && pause->is_int64())
      output.note(
          fmt::format("Its users waited for {:.1f} s.", static_cast<double>(pause->as_int64()) / 1000));
    output.note("Requests for it here are passed on: berth instance end-forward, once DNS has followed.");
  }
  co_return 0;
}

loop::Task<int> end_forward(Invocation& invocation) {
  const auto name = invocation.instance_name();
  if (invocation.is_rehearsal({fmt::format("pass on no more requests for {}", name.format())})) co_return 0;
  co_await invocation.ask(api::EndForward{name.name, name.domain});
  if (invocation.output().is_json())
    invocation.output().print_json(api::JsonObject{{"name", name.name}, {"domain", name.domain}});
  else
    invocation.output().print_line(fmt::format("requests for {} are not passed on any more", name.format()));
  co_return 0;
}

loop::Task<int> undo_move(Invocation& invocation) {
  const auto name = invocation.instance_name();
  const auto instance = (co_await invocation.ask(api::GetInstance{name.name, name.domain})).instance;
  if (invocation.is_rehearsal({fmt::format("start {} here, with the data from when it left", name.format())}))
    co_return 0;
  invocation.confirm(
      fmt::format("What was written on {} since it moved stays there, and it goes on running there.",
                  instance.moved ? instance.moved->url : "the other platform"),
      name.format());
  co_await invocation.ask(api::UndoMove{name.name, name.domain});
  if (invocation.output().is_json())
    invocation.output().print_json(api::JsonObject{{"name", name.name}, {"domain", name.domain}});
  else invocation.output().print_line(fmt::format("{} runs here again", name.format()));
  co_return 0;
}

}  // namespace

std::vector<Command> move_commands() {
  const auto instance = positional("INSTANCE", "name@domain");
  return {
      {"instance",
       "move",
       "Take it to another platform while its users work",
       Effect::kWorks,
       {instance, required_option("--to", "URL", "Of the other platform's manager, wss://other/manager"),
        required_option("--to-password-file", "FILE", "The admin's password there; - reads stdin"),
        option("--to-fingerprint", "SHA256", "Of its certificate, if that is self-signed"),
        flag("--to-insecure", "Trust any certificate of it"),
        flag("--check", "Only say whether it can be done")},
       "instance move team@example.com --to wss://other.example.com/manager --to-password-file pw.txt",
       move_instance},
      {"instance",
       "end-forward",
       "Pass on no more requests of one that has moved",
       Effect::kChanges,
       {instance},
       "instance end-forward team@example.com",
       end_forward},
      {"instance",
       "undo-move",
       "Run one that has moved here again, with the data from when it left",
       Effect::kDestroys,
       {instance},
       "instance undo-move team@example.com --yes",
       undo_move},
  };
}

}  // namespace berth::cli
