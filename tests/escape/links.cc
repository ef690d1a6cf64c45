// At the webserver: paths of others, which a service may not attach (docs/protocols/link.md).
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/bytes.h"
#include "tests/escape/attempt.h"
#include "wire/link/frame.h"

namespace berth::escape {
namespace {

constexpr int kPatience = 2000;  // ms for an answer

// What the webserver says to an attach of `path` with the grant in the fact `grant`. As passthrough, which no app attaches, so
// that the path is not merely taken.
Result<link::Attached> attach(const Facts& facts, const std::string& path, const char* grant) {
  const auto fd = connect_unix(fact(facts, "link-socket"));
  if (!fd) return fail_errno(errno, "connect");
  const auto secret = parse_hex(fact(facts, grant));
  link::Attach request{.id = 1, .kind = link::Kind::kPassthrough, .path = path};
  if (!secret || secret->size() != request.grant.size()) return fail(Errc::kMalformed, "no grant told");
  std::copy(secret->begin(), secret->end(), request.grant.begin());
  Bytes out, in;
  link::append(out, link::Hello{.name = "notes"});
  link::append(out, request);
  if (::send(fd.get(), out.data(), out.size(), MSG_NOSIGNAL) < 0) return fail_errno(errno, "send");
  std::uint8_t buffer[4096];
  for (;;) {
    while (true) {
      BERTH_TRY(const auto header, link::parse_header(in));
      if (!header || in.size() < link::kHeaderSize + header->length) break;
      const auto payload = ByteView(in).subspan(link::kHeaderSize, header->length);
      if (header->type == link::Type::kAttached) return link::parse_attached(payload);
      in.erase(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(link::kHeaderSize + header->length));
    }
    pollfd waiting{fd.get(), POLLIN, 0};
    if (::poll(&waiting, 1, kPatience) != 1) return fail(Errc::kTimeout, "no answer");
    const auto got = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (got <= 0) return fail(Errc::kUnavailable, "no answer");
    in.insert(in.end(), buffer, buffer + got);
  }
}

// That it is refused says something only if the same words get in where they may: the test looks for that in `detail`.
Outcome attach_elsewhere(const Facts& facts, const char* grant) {
  const auto own = attach(facts, fact(facts, "own-path"), "own-grant");
  const auto answer = attach(facts, fact(facts, "neighbour-path"), grant);
  if (!answer) return {true, answer.error().detail};
  if (answer->result == link::AttachResult::kOk) return {false, "it worked"};
  if (own && own->result == link::AttachResult::kOk) return {true, answer->reason};
  return {true, "as its own path is: " + (own ? own->reason : own.error().detail)};
}

}  // namespace

std::vector<Attempt> link_attempts() {
  return {
      {"attach another instance's path with a guessed grant",
       [](const Facts& facts) { return attach_elsewhere(facts, "guessed-grant"); }},
      {"attach another instance's path with its own grant",
       [](const Facts& facts) { return attach_elsewhere(facts, "own-grant"); }},
      {"attach another instance's path with that one's stolen grant",
       [](const Facts& facts) { return attach_elsewhere(facts, "neighbour-grant"); }},
  };
}

}  // namespace berth::escape
