#include "wire/appwebsocket/raw_json.h"

#include "base/bytes.h"
#include "base/text.h"
#include "wire/json/json.h"

namespace berth::appwebsocket {
namespace {

constexpr int kMaxDepth = 32;

// Walks over JSON text (RFC 8259) without building anything. With `out` it copies what it walks over in
// the shortest spelling. Every function leaves the position behind what it read and gives false for what
// is no JSON.
class Walker {
 public:
  explicit Walker(std::string_view text, std::string* out = nullptr) : text_(text), out_(out) {}

  bool is_at_end() const { return at_ == text_.size(); }
  std::size_t position() const { return at_; }

  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }

  bool value(int depth) {
    if (depth > kMaxDepth || at_ == text_.size()) return false;
    switch (text_[at_]) {
      case '{': return object(depth, [](std::string_view, std::string_view) {});
      case '[': return array(depth);
      case '"': {
        std::string decoded;
        return string(decoded);
      }
      case 't': return word("true");
      case 'f': return word("false");
      case 'n': return word("null");
      default: return number();
    }
  }

  // `member(name, raw value)` for each member.
  template <class Member>
  bool object(int depth, Member member) {
    if (!symbol('{')) return false;
    skip_space();
    if (symbol('}')) return true;
    for (;;) {
      skip_space();
      std::string name;
      if (!string(name)) return false;
      skip_space();
      if (!symbol(':')) return false;
      skip_space();
      const auto begin = at_;
      if (!value(depth + 1)) return false;
      member(name, text_.substr(begin, at_ - begin));
      skip_space();
      if (symbol('}')) return true;
      if (!symbol(',')) return false;
    }
  }

 private:
  bool array(int depth) {
    if (!symbol('[')) return false;
    skip_space();
    if (symbol(']')) return true;
    for (;;) {
      skip_space();
      if (!value(depth + 1)) return false;
      skip_space();
      if (symbol(']')) return true;
      if (!symbol(',')) return false;
    }
  }

  bool symbol(char wanted) {
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    if (out_) *out_ += wanted;
    return true;
  }

  bool word(std::string_view wanted) {
    if (text_.substr(at_, wanted.size()) != wanted) return false;
    at_ += wanted.size();
    if (out_) *out_ += wanted;
    return true;
  }

  bool digits() {
    const auto begin = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ > begin;
  }

  bool skip(char wanted) {
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  bool number() {
    const auto begin = at_;
    skip('-');
    if (!skip('0') && !digits()) return false;
    if (skip('.') && !digits()) return false;
    if (skip('e') || skip('E')) {
      if (!skip('+')) skip('-');
      if (!digits()) return false;
    }
    if (out_) out_->append(text_, begin, at_ - begin);
    return true;
  }

  bool hex4(std::uint32_t& value) {
    const auto bytes = at_ + 4 <= text_.size() ? parse_hex(text_.substr(at_, 4)) : std::nullopt;
    if (!bytes) return false;
    value = static_cast<std::uint32_t>((*bytes)[0] << 8 | (*bytes)[1]);
    at_ += 4;
    return true;
  }

  static void append_utf8(std::string& out, std::uint32_t c) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (c < 0x80) {
      put(c);
    } else if (c < 0x800) {
      put(0xc0 | c >> 6);
      put(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
      put(0xe0 | c >> 12);
      put(0x80 | (c >> 6 & 0x3f));
      put(0x80 | (c & 0x3f));
    } else {
      put(0xf0 | c >> 18);
      put(0x80 | (c >> 12 & 0x3f));
      put(0x80 | (c >> 6 & 0x3f));
      put(0x80 | (c & 0x3f));
    }
  }

  bool escape(std::string& decoded) {
    if (at_ == text_.size()) return false;
    switch (text_[at_++]) {
      case '"': decoded += '"'; return true;
      case '\\': decoded += '\\'; return true;
      case '/': decoded += '/'; return true;
      case 'b': decoded += '\b'; return true;
      case 'f': decoded += '\f'; return true;
      case 'n': decoded += '\n'; return true;
      case 'r': decoded += '\r'; return true;
      case 't': decoded += '\t'; return true;
      case 'u': {
        std::uint32_t c = 0;
        if (!hex4(c)) return false;
        if (c >= 0xd800 && c < 0xdc00) {
          std::uint32_t low = 0;
          if (!skip('\\') || !skip('u') || !hex4(low) || low < 0xdc00 || low > 0xdfff) return false;
          c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        } else if (c >= 0xdc00 && c < 0xe000) {
          return false;
        }
        append_utf8(decoded, c);
        return true;
      }
      default: return false;
    }
  }

  bool string(std::string& decoded) {
    if (!skip('"')) return false;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') {
        if (!is_valid_utf8(decoded)) return false;
        if (out_) json::append_string(*out_, decoded);
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') decoded += c;
      else if (!escape(decoded)) return false;
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string* out_;
};

}  // namespace

std::optional<std::string_view> find_raw_member(std::string_view text, std::string_view name) {
  Walker walker(text);
  std::optional<std::string_view> found;
  walker.skip_space();
  const bool is_object = walker.object(0, [&](std::string_view member, std::string_view raw) {
    if (member == name) found = raw;
  });
  walker.skip_space();
  if (!is_object || !walker.is_at_end()) return std::nullopt;
  return found;
}

std::optional<std::string> to_minimal(std::string_view text) {
  std::string out;
  Walker walker(text, &out);
  walker.skip_space();
  const bool is_value = walker.value(0);
  walker.skip_space();
  if (!is_value || !walker.is_at_end()) return std::nullopt;
  return out;
}

}  // namespace berth::appwebsocket
