#include "wire/mail/message.h"

#include <fmt/chrono.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/bytes.h"

namespace berth::mail {
namespace {

constexpr std::size_t kEncodedPiece = 42;  // bytes in one encoded word: 56 of base64, and 12 around them
constexpr std::size_t kLongestPlain = 60;  // of a header that is not folded

std::string without_controls(std::string_view text) {
  std::string clean(text);
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; },
      ' ');
  return clean;
}

bool is_plain(std::string_view text) {
  return text.size() <= kLongestPlain && text.find("=?") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; });
}

// At most `most` bytes, not ending within a character.
std::size_t piece_of(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text.size();
  std::size_t size = most;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return size == 0 ? most : size;
}

std::string format_mailbox(const std::string& address, const std::string& name) {
  if (name.empty()) return address;
  if (!is_plain(name)) return fmt::format("{}\r\n <{}>", format_header_text(name), address);
  std::string quoted;
  for (const char c : name) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return fmt::format("\"{}\" <{}>", quoted, address);
}

std::string format_body(std::string_view text) {
  std::string crlf;
  for (const char c : text) {
    if (c == '\n') crlf += '\r';
    if (c != '\r') crlf += c;
  }
  const auto encoded = format_base64(as_bytes(crlf));
  std::string lines;
  for (std::size_t at = 0; at < encoded.size(); at += 76) lines += encoded.substr(at, 76) + "\r\n";
  return lines;
}

}  // namespace

std::string format_header_text(std::string_view text) {
  const auto clean = without_controls(text);
  if (is_plain(clean)) return clean;
  std::string_view left = clean;
  std::string words;
  while (!left.empty()) {
    const auto size = piece_of(left, kEncodedPiece);
    if (!words.empty()) words += "\r\n ";
    words += fmt::format("=?UTF-8?B?{}?=", format_base64(as_bytes(left.substr(0, size))));
    left.remove_prefix(size);
  }
  return words;
}

std::string format_date(std::chrono::sys_seconds time) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000",
                     kDays[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                     kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::string format_message(const Message& message) {
  std::string out;
  const auto add = [&](std::string_view name, const std::string& value) {
    out += fmt::format("{}: {}\r\n", name, value);
  };
  add("Date", format_date(message.date));
  add("From", format_mailbox(without_controls(message.from), without_controls(message.from_name)));
  std::vector<std::string> to;
  for (const auto& one : message.to) to.push_back(without_controls(one));
  add("To", fmt::format("{}", fmt::join(to, ",\r\n ")));
  add("Subject", format_header_text(message.subject));
  add("Message-ID", without_controls(message.id));
  if (!message.reply_to.empty()) {
    add("In-Reply-To", without_controls(message.reply_to));
    add("References", without_controls(message.reply_to));
  }
  add("Auto-Submitted", "auto-generated");  // RFC 3834: no answers by machines
  add("MIME-Version", "1.0");
  add("Content-Type", "text/plain; charset=utf-8");
  add("Content-Transfer-Encoding", "base64");
  return out + "\r\n" + format_body(message.text);
}

std::vector<std::string> parse_addresses(std::string_view text) {
  std::vector<std::string> list;
  std::string one;
  const auto finish = [&] {
    if (!one.empty()) list.push_back(std::exchange(one, {}));
  };
  for (const char c : text) {
    if (c == ',' || c == ';' || c == ' ' || c == '\t' || c == '\n') finish();
    else one += c;
  }
  finish();
  return list;
}

}  // namespace berth::mail
