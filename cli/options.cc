#include "cli/options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <deque>

#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/version.h"

namespace berth::cli {
namespace {

constexpr const char* kFooter =
    "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 conflict, 5 denied, 6 timeout, 7 degraded.\n"
    "Environment: BERTH_ROOT, BERTH_PASSWORD_FILE, NO_COLOR.";

// Where CLI11 puts what it reads; stays in place while it does (hence the deque).
struct Slot {
  const Parameter* parameter;
  std::string text;
  bool given = false;
};

// The same options are taken before the noun and behind the verb.
void add_global_options(CLI::App& app, GlobalOptions& options, bool& json, bool& quiet) {
  app.add_option("--root", options.root, "Folder of the platform (default: BERTH_ROOT, else /)")
      ->type_name("DIR");
  app.add_option("--url", options.url, "Another machine's platform: wss://host:port/manager")
      ->type_name("URL");
  app.add_option(
         "--password-file", options.password_file,
         "File with the manager's password, for --url; - reads it from stdin. Stands before the command")
      ->type_name("FILE");
  app.add_flag("--insecure", options.insecure, "Trust any certificate (with --url)");
  app.add_option("--fingerprint", options.fingerprint, "SHA-256 that the certificate must have (with --url)")
      ->type_name("SHA256");
  app.add_flag("--json", json, "JSON to stdout");
  app.add_flag("--quiet,-q", quiet, "Names only");
  app.add_flag("--no-color", options.no_color, "No colours");
}

void add_effect_options(CLI::App& app, Effect effect, GlobalOptions& options, std::int64_t& timeout) {
  if (effect == Effect::kReads) return;
  app.add_flag("--dry-run", options.dry_run, "Say what would be done, and do nothing");
  if (effect == Effect::kDestroys) app.add_flag("--yes,-y", options.yes, "Do not ask");
  if (effect == Effect::kChanges) return;
  app.add_flag("--wait,!--no-wait", options.wait, "Wait for the end of the work (default), or do not");
  app.add_option("--timeout", timeout, "Seconds to wait at most (default 3600); the work goes on")
      ->type_name("SECONDS")
      ->check(CLI::PositiveNumber);
}

void add_parameter(CLI::App& app, Slot& slot) {
  const auto& parameter = *slot.parameter;
  const std::string name(parameter.name);
  const std::string text(parameter.text);
  if (parameter.kind == Parameter::Kind::kFlag) {
    app.add_flag(name, slot.given, text);
    return;
  }
  auto* added = app.add_option_function<std::string>(
      name,
      [&slot](const std::string& value) {
        slot.text = value;
        slot.given = true;
      },
      text);
  added->required(parameter.required)->take_last();
  if (parameter.is_number) added->check(CLI::NonNegativeNumber);
  if (parameter.kind == Parameter::Kind::kOption) added->type_name(std::string(parameter.value));
  else added->type_name("");
}

// "-f,--follow" is kept as "--follow".
std::string_view key_of(const Parameter& parameter) {
  const auto comma = parameter.name.find(',');
  return comma == std::string_view::npos ? parameter.name : parameter.name.substr(comma + 1);
}

std::string_view text_of_noun(std::string_view noun) {
  if (noun == "store") return "Apps that can be installed";
  if (noun == "service") return "Installed apps: one process each";
  if (noun == "instance") return "An app for a customer: database, path and password of its own";
  if (noun == "database") return "The databases of all instances";
  if (noun == "backup") return "Backup sets: where they go, what is in them, how they come back";
  if (noun == "platform") return "All of it: services, instances, settings, passwords";
  if (noun == "backup target") return "Where backup sets go";
  if (noun == "backup policy") return "What is backed up, when, where to, and how long it stays";
  if (noun == "job") return "Long work of the manager";
  if (noun == "monitor") return "Curves of the last 31 days, and what other monitoring systems read";
  if (noun == "config") return "Settings of the platform";
  if (noun == "cert") return "The certificate of the web server";
  return "";
}

}  // namespace

ParsedLine parse_line(int argc, const char* const* argv, std::string& text) {
  ParsedLine line;
  bool json = false, quiet = false;
  std::int64_t timeout = 0;
  CLI::App app("Runs a Berth platform from the command line.", "berth");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", std::string("berth ") + std::string(kVersion));
  add_global_options(app, line.options, json, quiet);

  std::map<std::string_view, CLI::App*> nouns;
  std::deque<std::string> part_names;  // of nouns within nouns
  std::deque<Slot> slots;
  std::vector<std::pair<CLI::App*, const Command*>> commands;
  for (const auto& command : all_commands()) {
    CLI::App* parent = &app;
    std::string name(command.noun);
    if (!command.verb.empty()) {
      auto*& noun = nouns[command.noun];
      if (!noun) {
        noun = app.add_subcommand(name, std::string(text_of_noun(command.noun)));
        noun->require_subcommand(1);
        noun->fallthrough();
      }
      parent = noun;
      name = command.verb;
      // "target add": a noun within the noun.
      if (const auto space = command.verb.find(' '); space != std::string_view::npos) {
        auto*& part =
            nouns[part_names.emplace_back(fmt::format("{} {}", command.noun, command.verb.substr(0, space)))];
        if (!part) {
          part = noun->add_subcommand(std::string(command.verb.substr(0, space)),
                                      std::string(text_of_noun(part_names.back())));
          part->require_subcommand(1);
          part->fallthrough();
        }
        parent = part;
        name = command.verb.substr(space + 1);
      }
    }
    auto* added = parent->add_subcommand(name, std::string(command.text));
    added->fallthrough();
    added->footer(fmt::format("Example:\n  berth {}", command.example));
    add_effect_options(*added, command.effect, line.options, timeout);
    for (const auto& parameter : command.parameters)
      add_parameter(*added, slots.emplace_back(Slot{&parameter}));
    commands.emplace_back(added, &command);
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    text = app.help();
    return line;
  } catch (const CLI::CallForVersion& version) {
    text = std::string(version.what()) + '\n';
    return line;
  } catch (const CLI::ParseError& error) {
    throw_usage("{}. See: berth --help", trim(error.what()));
  }

  for (const auto& [parser, command] : commands)
    if (parser->parsed()) line.command = command;
  for (const auto& slot : slots) {
    if (!slot.given) continue;
    const auto& of_command = line.command->parameters;
    if (slot.parameter < of_command.data() || slot.parameter >= of_command.data() + of_command.size())
      continue;
    line.arguments.set(key_of(*slot.parameter), slot.text);
  }

  const auto variable = [](const char* name) {
    return std::string(std::getenv(name) ? std::getenv(name) : "");
  };
  if (!line.options.url.empty() && !line.options.root.empty()) throw_usage("--root or --url, not both");
  if (line.options.root.empty()) line.options.root = variable("BERTH_ROOT");
  if (line.options.root.empty()) line.options.root = "/";
  if (line.options.password_file.empty()) line.options.password_file = variable("BERTH_PASSWORD_FILE");
  if (line.options.insecure && !line.options.fingerprint.empty())
    throw_usage("--insecure trusts any certificate, --fingerprint only one: give one of them");
  if (json && quiet) throw_usage("--json or --quiet, not both");
  line.options.format = json ? Format::kJson : quiet ? Format::kQuiet : Format::kTable;
  line.options.timeout = std::chrono::seconds(timeout);
  return line;
}

}  // namespace berth::cli
