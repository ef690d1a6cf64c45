// berth config …, berth cert …
#include "api/settings.h"

#include "base/file.h"
#include "cli/human.h"
#include "cli/invocation.h"
#include "cli/secret.h"

namespace berth::cli {
namespace {

using api::Setting;

loop::Task<Setting> find_setting(Invocation& invocation, std::string name) {
  auto settings = (co_await invocation.ask(api::GetSettings{})).settings;
  for (auto& setting : settings)
    if (setting.name == name) co_return std::move(setting);
  throw_failure(Errc::kNotFound, "no setting {}; berth config get shows all", name);
}

std::string range_of(const Setting& setting) {
  if (!setting.choices.empty()) return fmt::format("{}", fmt::join(setting.choices, " "));
  if (setting.min && setting.max) return fmt::format("{} … {}", *setting.min, *setting.max);
  if (setting.min) return fmt::format("at least {}", *setting.min);
  if (setting.max) return fmt::format("at most {}", *setting.max);
  return std::string(api::word_of(setting.type));
}

void print_settings(Output& output, const std::vector<Setting>& settings) {
  Table table({{"SETTING"},
               {"VALUE", false, true},
               {"DEFAULT", false, true},
               {"RANGE", false, true},
               {"", false, true}});
  for (const auto& setting : settings) {
    const bool is_default = setting.value == setting.default_value;
    table.add({Cell(setting.name, Style::kStrong),
               setting.secret ? Cell("(secret)", Style::kDim) : Cell(setting.value),
               Cell(is_default ? "" : setting.default_value, Style::kDim), range_of(setting),
               Cell(setting.text, Style::kDim)});
  }
  output.print_table(table);
}

loop::Task<int> get_config(Invocation& invocation) {
  auto& output = invocation.output();
  if (const auto name = invocation.arguments().find("NAME")) {
    const auto setting = co_await find_setting(invocation, *name);
    if (output.is_json()) output.print_json(api::to_json(setting));
    else if (setting.secret) output.note("a secret, not shown");
    else output.print_line(setting.value);
    co_return 0;
  }
  const auto settings = (co_await invocation.ask(api::GetSettings{})).settings;
  if (output.is_json()) output.print_json(api::to_json(settings));
  else if (output.is_quiet())
    for (const auto& setting : settings) output.print_line(setting.name);
  else print_settings(output, settings);
  co_return 0;
}

loop::Task<int> set_config(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  const std::string name = arguments.text("NAME");
  if (arguments.has("VALUE") == arguments.has("--value-file"))
    throw_usage("config set NAME VALUE, or --value-file FILE for a secret");
  const auto setting = co_await find_setting(invocation, name);
  if (setting.secret && arguments.has("VALUE"))
    throw_usage(
        "{} is a secret: everybody can read a command line, so give --value-file FILE (- reads stdin)", name);
  std::string value = arguments.text("VALUE");
  if (arguments.has("--value-file")) value = or_throw(read_secret(arguments.text("--value-file")));
  if (invocation.is_rehearsal({setting.secret
                                   ? fmt::format("set {}", name)
                                   : fmt::format("set {} from {} to {}", name, setting.value, value)}))
    co_return 0;
  co_await invocation.ask(api::SetSetting{name, value});
  if (invocation.output().is_json()) invocation.output().print_json(api::JsonObject{{"name", name}});
  else invocation.output().note(fmt::format("{} is set", name));
  co_return 0;
}

void show_chain(Invocation& invocation, const std::vector<api::Certificate>& chain) {
  auto& output = invocation.output();
  if (output.is_json()) {
    output.print_json(api::to_json(chain));
    return;
  }
  for (const auto& certificate : chain) {
    if (output.is_quiet()) {
      output.print_line(certificate.fingerprint);
      continue;
    }
    output.print_line(output.painted(printable(certificate.subject), Style::kStrong));
    output.print_line(fmt::format("  issuer       {}", printable(certificate.issuer)));
    output.print_line(
        fmt::format("  names        {}", printable(fmt::format("{}", fmt::join(certificate.names, " ")))));
    output.print_line(fmt::format("  ends         {} ({})", certificate.not_after,
                                  format_relative(certificate.not_after, output.now())));
    output.print_line(fmt::format("  fingerprint  {}", certificate.fingerprint));
  }
}

loop::Task<int> show_certificate(Invocation& invocation) {
  const auto answer = co_await invocation.ask(api::GetCertificate{});
  show_chain(invocation, answer.chain);
  co_return 0;
}

loop::Task<int> set_certificate(Invocation& invocation) {
  constexpr std::size_t kLimit = 256 << 10;
  const std::string path = invocation.arguments().text("FILE");
  auto pem = or_throw(read_file(path, kLimit));
  if (invocation.is_rehearsal({fmt::format("use the certificate and key of {}", path)})) co_return 0;
  const auto answer = co_await invocation.ask(api::SetCertificate{std::move(pem)});
  show_chain(invocation, answer.chain);
  co_return 0;
}

loop::Task<int> reset_certificate(Invocation& invocation) {
  if (invocation.is_rehearsal({"make and use a new self-signed certificate"})) co_return 0;
  invocation.confirm("The certificate will be replaced by a new self-signed one.", "reset");
  const auto answer = co_await invocation.ask(api::ResetCertificate{});
  show_chain(invocation, answer.chain);
  co_return 0;
}

}  // namespace

std::vector<Command> settings_commands() {
  return {
      {"config",
       "get",
       "All settings, or the value of one",
       Effect::kReads,
       {optional_positional("NAME", "Of the setting")},
       "config get",
       get_config},
      {"config",
       "set",
       "Change one",
       Effect::kChanges,
       {positional("NAME", "Of the setting"), optional_positional("VALUE", "As text"),
        option("--value-file", "FILE", "File with the value, for secrets; - reads stdin")},
       "config set redirectHttps true",
       set_config},
      {"cert", "show", "The chain in use", Effect::kReads, {}, "cert show", show_certificate},
      {"cert",
       "set",
       "Use another one",
       Effect::kChanges,
       {positional("FILE", "PEM: the chain, the key; more of both for RSA beside ECDSA, or for other names")},
       "cert set server.pem",
       set_certificate},
      {"cert",
       "reset",
       "Make and use a new self-signed one",
       Effect::kDestroys,
       {},
       "cert reset --yes",
       reset_certificate},
  };
}

}  // namespace berth::cli
