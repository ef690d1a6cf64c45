// Mail messages as text (RFC 5322), in UTF-8 (RFC 2047, RFC 2045).
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace berth::mail {

struct Message {
  std::string from, from_name;  // bare address; the name may be empty
  std::vector<std::string> to;
  std::string subject;
  std::string text;  // lines end with \n
  std::chrono::sys_seconds date;
  std::string id;        // "<left@right>"
  std::string reply_to;  // the id it answers, which makes them one thread; may be empty
};

// With CRLF, each line within 78 bytes. Line ends and control characters in header values become spaces, so that nobody
// gets to write a header. Dots are the sender's business (RFC 5321 section 4.5.2).
std::string format_message(const Message& message);

// "Sun, 22 Nov 2026 19:48:00 +0000" (RFC 5322 section 3.3).
std::string format_date(std::chrono::sys_seconds time);
// Text of a header: as it is if it is printable ASCII and short, else as encoded words (RFC 2047) folded with CRLF.
std::string format_header_text(std::string_view text);
// The recipients of a setting: addresses separated by commas, semicolons or spaces.
std::vector<std::string> parse_addresses(std::string_view text);

}  // namespace berth::mail
