#include "manager/commands/hash_parameters.h"

#include "base/text.h"

namespace berth::manager {
namespace {

// Calls `literal(text)` and `placeholder(letter, digit)` for the parts in order; digit only for 'b'.
template <class Literal, class Placeholder>
Result<void> walk(std::string_view text, Literal literal, Placeholder placeholder) {
  while (!text.empty()) {
    const auto hash = text.find('#');
    literal(text.substr(0, hash));
    if (hash == std::string_view::npos) break;
    text.remove_prefix(hash + 1);
    if (text.empty()) return fail(Errc::kMalformed, "a single # at the end: ## stands for one hash");
    const char letter = text.front();
    text.remove_prefix(1);
    int digit = 0;
    if (letter == 'b') {
      if (text.empty() || text.front() < '0' || text.front() > '9')
        return fail(Errc::kMalformed, "#b needs one digit: #b3 counts 0, 1, 2, 3, 0, …");
      digit = text.front() - '0';
      text.remove_prefix(1);
    } else if (std::string_view("LAIDmd#").find(letter) == std::string_view::npos) {
      return fail(Errc::kMalformed, "unknown placeholder #{}: there are #L #A #I #D #m #d #b0…#b9 and ##",
                  letter);
    }
    placeholder(letter, digit);
  }
  return {};
}

}  // namespace

Result<std::string> expand_hashes(std::string_view text, const HashParameters& values, bool escape_url) {
  std::string out;
  const auto put = [&](std::string_view value) {
    out += escape_url ? percent_encode(value) : std::string(value);
  };
  BERTH_TRY_VOID(walk(
      text, [&](std::string_view literal) { out += literal; },
      [&](char letter, int) {
        switch (letter) {
          case 'L': put(values.platform_label); break;
          case 'A': put(values.app_label); break;
          case 'I': put(values.instance); break;
          case 'D': put(values.domain); break;
          case 'm': put(values.mac); break;
          case 'd': put(values.utc); break;
          case 'b': put(std::to_string(values.index)); break;
          default: put("#");
        }
      }));
  return out;
}

Result<std::optional<int>> find_rolling_limit(std::string_view text) {
  std::optional<int> limit;
  bool differs = false;
  BERTH_TRY_VOID(walk(
      text, [](std::string_view) {},
      [&](char letter, int digit) {
        if (letter != 'b') return;
        differs |= limit.value_or(digit) != digit;
        limit = digit;
      }));
  if (differs) return fail(Errc::kMalformed, "two different #b in one address");
  return limit;
}

}  // namespace berth::manager
