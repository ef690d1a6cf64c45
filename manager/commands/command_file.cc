#include "manager/commands/command_file.h"

#include <array>

#include "base/text.h"
#include "manager/commands/hash_parameters.h"
#include "net/url.h"

namespace berth::manager {
namespace {

constexpr std::chrono::minutes kMaxInterval{std::chrono::days(366)};
constexpr std::chrono::minutes kMaxPoll{std::chrono::days(7)};

struct Word {
  std::string key;  // empty: a bare word
  std::string value;
};

// Words by spaces; key=value; a value in quotation marks may hold spaces, and \" and \\ in it.
Result<std::vector<Word>> split_words(std::string_view line) {
  std::vector<Word> words;
  std::size_t at = 0;
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  for (;;) {
    while (at < line.size() && is_space(line[at])) ++at;
    if (at == line.size()) return words;
    Word word;
    bool has_key = false;
    while (at < line.size() && !is_space(line[at])) {
      const char c = line[at++];
      if (c == '=' && !has_key && words.size() > 1) {  // the verb and its first word are bare
        word.key = std::move(word.value);
        word.value.clear();
        has_key = true;
      } else if (c == '"' && word.value.empty()) {
        for (;;) {
          if (at == line.size()) return fail(Errc::kMalformed, "a quotation mark is not closed");
          const char inner = line[at++];
          if (inner == '"') break;
          if (inner == '\\' && at < line.size()) word.value += line[at++];
          else word.value += inner;
        }
        if (at < line.size() && !is_space(line[at]))
          return fail(Errc::kMalformed, "a space must follow a closing quotation mark");
        break;
      } else {
        word.value += c;
      }
    }
    words.push_back(std::move(word));
  }
}

Result<std::chrono::minutes> parse_interval(std::string_view text, std::chrono::minutes most) {
  const char unit = text.empty() ? ' ' : text.back();
  const auto count = parse_integer(unit >= '0' && unit <= '9' ? text : text.substr(0, text.size() - 1));
  std::int64_t scale = unit == 'h' ? 60 : unit == 'd' ? 24 * 60 : unit == 'w' ? 7 * 24 * 60 : 1;
  if (unit != 'm' && unit != 'h' && unit != 'd' && unit != 'w' && !(unit >= '0' && unit <= '9')) scale = 0;
  if (!count || scale == 0 || *count < 1 || *count > most.count() / scale)
    return fail(Errc::kMalformed, "\"{}\" is no time: 30m, 12h, 1d, 1w; at most {} days", text,
                most / std::chrono::days(1));
  return std::chrono::minutes(*count * scale);
}

// The set of "a-b,c" over a circle of N.
template <std::size_t N, class Read>
Result<std::bitset<N>> parse_set(std::string_view text, Read read) {
  std::bitset<N> set;
  if (text == "*") return set.set();
  for (const auto part : split(text, ',')) {
    const auto dash = part.find('-');
    BERTH_TRY(const std::size_t first, read(part.substr(0, dash)));
    BERTH_TRY(const std::size_t last,
              dash == std::string_view::npos ? Result<std::size_t>(first) : read(part.substr(dash + 1)));
    for (std::size_t i = first;; i = (i + 1) % N) {
      set.set(i);
      if (i == last) break;
    }
  }
  return set;
}

class Parser {
 public:
  CommandFile take(std::string_view text) {
    for (auto line : split(text, '\n')) {
      ++number_;
      line = trim(line);
      if (line.empty() || line.starts_with("//")) continue;
      if (const auto done = take_line(line); !done) file_.faults.push_back({number_, done.error().detail});
    }
    return std::move(file_);
  }

 private:
  Result<void> take_line(std::string_view line) {
    BERTH_TRY(auto words, split_words(line));
    const std::string verb = words.front().value;
    if (verb == "backup") return take_backup(words);
    if (words.size() != 2 || !words[1].key.empty()) {
      if (verb == "hours" || verb == "days" || verb == "every" || verb == "once" || verb == "poll")
        return fail(Errc::kMalformed, "{} takes one word", verb);
      return fail(Errc::kMalformed,
                  "unknown command \"{}\": there are backup, once, every, hours, days, poll", verb);
    }
    const std::string& value = words[1].value;
    if (verb == "hours") {
      BERTH_TRY(guard_.hours, parse_hours(value));
    } else if (verb == "days") {
      BERTH_TRY(guard_.days, parse_days(value));
    } else if (verb == "every") {
      guard_.every = {};
      if (value != "*") {
        BERTH_TRY(guard_.every, parse_interval(value, kMaxInterval));
      }
    } else if (verb == "once") {
      if (value.size() > 100) return fail(Errc::kMalformed, "the token of once has at most 100 bytes");
      guard_.once = value == "*" ? "" : value;
    } else if (verb == "poll") {
      BERTH_TRY(file_.poll, parse_interval(value, kMaxPoll));
    } else {
      return fail(Errc::kMalformed,
                  "unknown command \"{}\": there are backup, once, every, hours, days, poll", verb);
    }
    return {};
  }

  Result<void> take_backup(const std::vector<Word>& words) {
    BackupCommand command;
    command.line = number_;
    command.guard = guard_;
    command.what = "all";
    if (words.size() < 2 || !words[1].key.empty())
      return fail(Errc::kMalformed, "backup needs the address to send to: backup https://host/#D/#I.dump");
    command.place.url = words[1].value;
    for (std::size_t i = 2; i < words.size(); ++i) BERTH_TRY_VOID(take_option(command, words[i]));
    BERTH_TRY_VOID(check_url(command));
    if (command.what != "all" && command.what != "manager" && command.what.find('@') == std::string::npos)
      return fail(Errc::kMalformed, "what is all, manager or NAME@DOMAIN, not \"{}\"", command.what);
    if (command.place.digest && command.place.user.empty())
      return fail(Errc::kMalformed, "auth=digest needs user and password");
    command.shown = fmt::format("backup {} what={}", shown_url(command.place.url), command.what);
    if (file_.commands.size() == kMaxCommands)
      return fail(Errc::kTooLarge, "more than {} commands", kMaxCommands);
    file_.commands.push_back(std::move(command));
    return {};
  }

  static Result<void> take_option(BackupCommand& command, const Word& word) {
    if (word.key == "what") {
      command.what = word.value;
    } else if (word.key == "user") {
      command.place.user = word.value;
    } else if (word.key == "password") {
      command.place.password = word.value;
    } else if (word.key == "fingerprint") {
      command.place.fingerprint = word.value;
    } else if (word.key == "auth" && (word.value == "basic" || word.value == "digest")) {
      command.place.digest = word.value == "digest";
    } else if (word.key == "format" && (word.value == "dump" || word.value == "sql")) {
      command.format = word.value == "sql" ? ExportFormat::kSql : ExportFormat::kDump;
    } else if (word.key == "auth" || word.key == "format") {
      return fail(Errc::kMalformed, "{} is {}", word.key,
                  word.key == "auth" ? "basic or digest" : "dump or sql");
    } else {
      return fail(Errc::kMalformed,
                  "backup has what=, format=, user=, password=, auth= and fingerprint=, not \"{}\"",
                  word.key);
    }
    return {};
  }

  // With samples in place of the parameters, so that a fault shows when the file is read and not at night.
  static Result<void> check_url(const BackupCommand& command) {
    BERTH_TRY_VOID(find_rolling_limit(command.place.url));
    const HashParameters sample{"1", "1", "i", "d", "0", "0", 0};
    BERTH_TRY(const auto expanded, expand_hashes(command.place.url, sample, true));
    if (!expanded.starts_with("http://") && !expanded.starts_with("https://"))
      return fail(Errc::kMalformed, "the address of backup begins with http:// or https://");
    if (const auto url = net::parse_url(expanded); !url)
      return fail(Errc::kMalformed,
                  "the address of backup is none (user and password go in user= and password=)");
    if (command.what == "all" && command.place.url.find("#I") == std::string::npos)
      return fail(Errc::kMalformed,
                  "all instances would be sent to one address: it needs #I (and #D if names repeat)");
    return {};
  }

  CommandFile file_;
  CommandGuard guard_;
  std::size_t number_ = 0;
};

}  // namespace

Result<std::bitset<24>> parse_hours(std::string_view text) {
  return parse_set<24>(text, [](std::string_view part) -> Result<std::size_t> {
    const auto hour = parse_integer(part);
    if (!hour || *hour < 0 || *hour > 23)
      return fail(Errc::kMalformed, "\"{}\" is no hour: hours 22-5,12 or hours *", part);
    return static_cast<std::size_t>(*hour);
  });
}

Result<std::bitset<7>> parse_days(std::string_view text) {
  static constexpr std::array<std::string_view, 7> kDays = {"su", "mo", "tu", "we", "th", "fr", "sa"};
  return parse_set<7>(text, [](std::string_view part) -> Result<std::size_t> {
    for (std::size_t i = 0; i < kDays.size(); ++i)
      if (equal_ignoring_case(part, kDays[i])) return i;
    return fail(Errc::kMalformed, "\"{}\" is no day: su mo tu we th fr sa, as in days mo-fr", part);
  });
}

std::string shown_url(std::string_view url) {
  url = url.substr(0, url.find('?'));
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const auto host = scheme + 3;
  const auto end = std::min(url.find('/', host), url.size());
  const auto at = url.substr(0, end).rfind('@');
  if (at == std::string_view::npos || at < host) return std::string(url);
  return std::string(url.substr(0, host)) + std::string(url.substr(at + 1));
}

Result<CommandFile> parse_command_file(std::string_view text) {
  if (text.size() > kMaxCommandFile)
    return fail(Errc::kTooLarge, "a command file has at most {} bytes", kMaxCommandFile);
  if (!is_valid_utf8(text) || text.find('\0') != std::string_view::npos)
    return fail(Errc::kMalformed, "this is no text, so it is no command file");
  if (const auto front = trim(text); front.starts_with('<'))
    return fail(Errc::kMalformed, "this is a page of HTML or XML, not a command file");
  return Parser().take(text);
}

}  // namespace berth::manager
