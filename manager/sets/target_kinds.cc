#include "manager/sets/target_kinds.h"

#include <openssl/evp.h>

#include <climits>
#include <cstdlib>

#include "base/bytes.h"
#include "manager/sets/drop_box.h"
#include "manager/sets/restic.h"
#include "manager/sets/ssh_key.h"
#include "wire/sealed/sealed_file.h"

namespace berth::manager {
namespace {

constexpr std::size_t kMaxTargetName = 40;
constexpr const char* kKinds = "directory, sftp, s3, webdav, dropbox";

Result<void> check_name(std::string_view name) {
  const bool fits =
      !name.empty() && name.size() <= kMaxTargetName &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
          std::string_view::npos;
  if (!fits)
    return fail(Errc::kMalformed,
                "\"{}\": a name of letters, digits, '-', '_' and '.', at most {} bytes, is expected", name,
                kMaxTargetName);
  return {};
}

// The real path of a folder that may not be there yet: of its nearest ancestor that is, and the rest.
std::string real_path(std::string path) {
  std::string rest;
  for (;;) {
    char resolved[PATH_MAX];
    if (::realpath(path.c_str(), resolved)) return std::string(resolved) + rest;
    const auto slash = path.rfind('/');
    if (slash == 0 || slash == std::string::npos) return path + rest;
    rest = path.substr(slash) + rest;
    path.resize(slash);
  }
}

bool is_within(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

Result<void> complete_directory(TargetRow& row, const Layout& layout,
                                const std::vector<std::string>& work_folders) {
  if (!row.place.starts_with('/') || row.place.find('\0') != std::string::npos)
    return fail(Errc::kMalformed, "{}: the folder's whole path is expected, beginning with /", row.place);
  while (row.place.size() > 1 && row.place.ends_with('/')) row.place.pop_back();
  const std::string place = real_path(row.place);
  for (const auto& folder : work_folders)
    if (is_within(place, real_path(folder)))
      return fail(Errc::kConflict,
                  "{} lies in the files of an instance that is backed up itself: each backup would hold the "
                  "ones before. "
                  "Choose a folder elsewhere, or exclude that instance from backups",
                  row.place);
  for (const auto& own : {layout.pgsql(), layout.apps(), layout.run(), layout.etc()})
    if (is_within(place, real_path(own)))
      return fail(Errc::kConflict, "{} is the platform's own folder: choose another", row.place);
  return {};
}

// ---- places that are URLs

struct Place {
  std::string user, host, port, path;
};

// scheme://[user@]host[:port]/path, of characters that no shell and no list of options knows as its own.
Result<Place> parse_place(std::string_view text, std::string_view scheme) {
  const auto wrong = [&](std::string_view why) {
    return fail(Errc::kMalformed, "{}: {}. {}://{}host[:port]/path is expected", text, why, scheme,
                scheme == "sftp" ? "user@" : "");
  };
  std::string_view rest = text;
  if (!rest.starts_with(std::string(scheme) + "://")) return wrong("another kind of address");
  rest.remove_prefix(scheme.size() + 3);
  for (const unsigned char c : rest)
    if (c <= ' ' || c == '"' || c == '\'' || c == '\\' || c == '`' || c == '$' || c == 0x7f)
      return wrong("blanks, quotes, \\, ` and $ cannot be in it");
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return wrong("it has no path");
  Place place;
  place.path = rest.substr(slash);
  std::string_view authority = rest.substr(0, slash);
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    place.user = authority.substr(0, at);
    authority.remove_prefix(at + 1);
    if (place.user.find(':') != std::string::npos) return wrong("a password does not belong there");
  }
  const auto bracket = authority.rfind(']');
  const auto colon = authority.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    place.port = authority.substr(colon + 1);
    authority = authority.substr(0, colon);
  }
  place.host = authority;
  if (place.host.empty() || place.host.starts_with('-') || place.user.starts_with('-'))
    return wrong("no host");
  if (!place.port.empty() &&
      (place.port.size() > 5 || place.port.find_first_not_of("0123456789") != std::string::npos))
    return wrong("the port is no number");
  return place;
}

Result<void> require(const TargetRow& row, std::string_view option, std::string_view how) {
  if (!row.options.contains(std::string(option)) || row.options.at(std::string(option)).empty())
    return fail(Errc::kMalformed, "a target of kind {} needs {}: {}", row.kind, option, how);
  return {};
}

Result<void> check_plain(std::string_view name, std::string_view text) {
  for (const unsigned char c : text)
    if (c < ' ' || c == 0x7f) return fail(Errc::kMalformed, "{}: no control characters", name);
  return {};
}

Result<void> complete_sftp(TargetRow& row) {
  BERTH_TRY(const auto place, parse_place(row.place, "sftp"));
  if (place.user.empty())
    return fail(Errc::kMalformed, "{}: the user is missing: sftp://user@host/path", row.place);
  BERTH_TRY_VOID(require(
      row, "hostKey",
      fmt::format("the server's own key, to know it by, as \"ssh-ed25519 AAAA…\". Ask its admin, or look "
                  "with: ssh-keyscan -t ed25519 {}{}",
                  place.port.empty() ? "" : "-p " + place.port + " ", place.host)));
  const auto& key = row.options["hostKey"];
  if (key.find(" AAAA") == std::string::npos || key.find('\n') != std::string::npos)
    return fail(Errc::kMalformed, "hostKey: \"ssh-ed25519 AAAA…\" is expected");
  if (row.secrets["privateKey"].empty()) {
    auto pair = make_ssh_key("berth-backup");
    row.secrets["privateKey"] = std::move(pair.private_key);
    row.options["publicKey"] = std::move(pair.public_key);
  }
  return {};
}

Result<void> complete_web(TargetRow& row, bool is_s3) {
  const bool is_plain = row.place.starts_with("http://");
  BERTH_TRY(const auto place, parse_place(row.place, is_plain ? "http" : "https"));
  if (!place.user.empty())
    return fail(Errc::kMalformed, "{}: the user does not belong there, but into an option", row.place);
  if (is_s3) {
    if (place.path.size() < 2)
      return fail(Errc::kMalformed, "{}: the bucket is missing: https://host/bucket/folder", row.place);
    BERTH_TRY_VOID(require(row, "accessKey", "the id of the access key; its secret is the password"));
  }
  if (row.secrets["password"].empty() && (is_s3 || row.options.contains("user")))
    return fail(Errc::kMalformed, "{}: the password is missing", row.place);
  for (const auto& [name, value] : row.options) BERTH_TRY_VOID(check_plain(name, value));
  return {};
}

Result<void> complete_drop_box(TargetRow& row) {
  while (row.place.ends_with('/')) row.place.pop_back();
  BERTH_TRY_VOID(parse_place(row.place + "/", row.place.starts_with("http://") ? "http" : "https"));
  row.append_only = true;
  auto& public_key = row.options["publicKey"];
  if (!public_key.empty()) return sealed::check_public_key(public_key);
  auto keys = sealed::make_keys();
  public_key = std::move(keys.public_key);
  row.secrets[kToldOnce] = std::move(keys.private_key);
  return {};
}

// rclone takes passwords "obscured" only (its fs/config/obscure, AES-256 in counter mode with a key that everybody
// knows): that protects nothing, and ours goes to no place but the child's environment.
std::string obscure_for_rclone(std::string_view secret) {
  constexpr unsigned char kKey[32] = {0x9c, 0x93, 0x5b, 0x48, 0x73, 0x0a, 0x55, 0x4d, 0x6b, 0xfd, 0x7c,
                                      0x63, 0xc8, 0x86, 0xa9, 0x2b, 0xd3, 0x90, 0x19, 0x8e, 0xb8, 0x12,
                                      0x8a, 0xfb, 0xf4, 0xde, 0x16, 0x2b, 0x8b, 0x95, 0xf6, 0x38};
  Bytes all = random_bytes(16);
  all.resize(16 + secret.size());
  auto* context = ::EVP_CIPHER_CTX_new();
  int length = 0;
  BERTH_CHECK(context && ::EVP_EncryptInit_ex(context, ::EVP_aes_256_ctr(), nullptr, kKey, all.data()) == 1 &&
              ::EVP_EncryptUpdate(context, all.data() + 16, &length,
                                  reinterpret_cast<const unsigned char*>(secret.data()),
                                  static_cast<int>(secret.size())) == 1);
  ::EVP_CIPHER_CTX_free(context);
  std::string text = format_base64(all);
  while (text.ends_with('=')) text.pop_back();
  for (auto& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

std::unique_ptr<SecretFolder> make_secret_folder(const Layout& layout) {
  return std::make_unique<SecretFolder>(layout.run() + "/backup-" + random_hex(6));
}

std::string option_of(const TargetRow& row, const std::string& name) {
  const auto found = row.options.find(name);
  return found == row.options.end() ? "" : found->second;
}

void open_sftp(ResticPlace& place, const TargetRow& row, const SecretFolder& folder) {
  const auto where = or_throw(parse_place(row.place, "sftp"));
  std::string host = where.host;
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  const std::string known = where.port.empty() ? host : fmt::format("[{}]:{}", host, where.port);
  const std::string key_file = folder.put("key", row.secrets.at("privateKey"));
  const std::string known_file = folder.put("known_hosts", known + " " + row.options.at("hostKey") + "\n");
  place.helper_log = folder.put("ssh.log", "");
  place.repository = fmt::format("sftp:{}@{}:{}", where.user, where.host, where.path);
  place.options = {
      "-o",
      fmt::format("sftp.command=ssh -F /dev/null -E {} -i {} -o IdentitiesOnly=yes -o BatchMode=yes -o "
                  "UserKnownHostsFile={} -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o "
                  "ConnectTimeout=20 -o ServerAliveInterval=20 -o ServerAliveCountMax=6 {}-l {} {} -s sftp",
                  place.helper_log, key_file, known_file, where.port.empty() ? "" : "-p " + where.port + " ",
                  where.user, host)};
}

void open_s3(ResticPlace& place, const TargetRow& row) {
  place.repository = "s3:" + row.place;
  place.environment = {"AWS_ACCESS_KEY_ID=" + option_of(row, "accessKey"),
                       "AWS_SECRET_ACCESS_KEY=" + row.secrets.at("password")};
  if (const auto region = option_of(row, "region"); !region.empty())
    place.environment.push_back("AWS_DEFAULT_REGION=" + region);
}

void open_webdav(ResticPlace& place, const TargetRow& row) {
  place.repository = "rclone:berth:";
  // rclone says so too when the server refuses it.
  place.when_lost = fmt::format("is {} there, and are user and password right?", row.place);
  place.environment = {"RCLONE_CONFIG=/dev/null",
                       "RCLONE_CONFIG_BERTH_TYPE=webdav",
                       "RCLONE_CONFIG_BERTH_VENDOR=other",
                       "RCLONE_CONFIG_BERTH_URL=" + row.place,
                       "RCLONE_BUFFER_SIZE=0",
                       "RCLONE_TRANSFERS=1"};
  if (const auto user = option_of(row, "user"); !user.empty()) {
    place.environment.push_back("RCLONE_CONFIG_BERTH_USER=" + user);
    place.environment.push_back("RCLONE_CONFIG_BERTH_PASS=" + obscure_for_rclone(row.secrets.at("password")));
  }
}

}  // namespace

Result<void> complete_target(TargetRow& row, const Layout& layout,
                             const std::vector<std::string>& work_folders) {
  BERTH_TRY_VOID(check_name(row.name));
  if (row.kind == "dropbox") {
    row.secrets.erase("repositoryKey");
    return complete_drop_box(row);
  }
  if (row.secrets["repositoryKey"].empty()) row.secrets["repositoryKey"] = random_hex(32);
  BERTH_TRY_VOID(check_plain("repositoryKey", row.secrets["repositoryKey"]));
  BERTH_TRY_VOID(check_plain("password", row.secrets["password"]));
  if (row.kind == "directory") return complete_directory(row, layout, work_folders);
  if (row.kind == "sftp") return complete_sftp(row);
  if (row.kind == "s3" || row.kind == "webdav") return complete_web(row, row.kind == "s3");
  return fail(Errc::kMalformed, "\"{}\" is no kind of target; there are: {}", row.kind, kKinds);
}

std::unique_ptr<Target> open_target(loop::Loop& loop, net::HttpClient& http, const Layout& layout,
                                    const TargetRow& row, std::chrono::seconds stall) {
  if (row.kind == "dropbox") {
    UploadPlace box;
    box.url = row.place;
    box.user = option_of(row, "user");
    if (const auto password = row.secrets.find("password"); password != row.secrets.end())
      box.password = password->second;
    box.fingerprint = option_of(row, "fingerprint");
    return std::make_unique<DropBox>(loop, http, std::move(box), row.options.at("publicKey"));
  }
  ResticPlace place;
  place.stall = stall;
  place.may_remove = !row.append_only;
  place.password = row.secrets.at("repositoryKey");
  place.repository = row.place;
  std::unique_ptr<SecretFolder> secrets;
  // What is far is asked for once only.
  if (row.kind != "directory") place.cache = layout.library() + "/cache/restic";
  if (row.kind == "sftp") {
    secrets = make_secret_folder(layout);
    open_sftp(place, row, *secrets);
    place.when_lost = "is the server's disk mounted?";
  } else if (row.kind == "s3") {
    place.when_lost = "is it the right bucket?";
    open_s3(place, row);
  } else if (row.kind == "webdav") {
    open_webdav(place, row);
  } else if (row.kind != "directory") {
    throw_failure(Errc::kUnsupported, "the target {} is of the unknown kind {}", row.name, row.kind);
  }
  if (const auto authority = option_of(row, "caFile"); !authority.empty()) {
    place.options.insert(place.options.end(), {"--cacert", authority});
    place.environment.push_back("RCLONE_CA_CERT=" + authority);
  }
  return std::make_unique<ResticRepository>(loop, std::move(place), std::move(secrets));
}

}  // namespace berth::manager
