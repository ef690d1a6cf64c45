#include "manager/sets/restic.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/utc.h"
#include "loop/sync.h"
#include "manager/backup/child.h"
#include "manager/platform/clock.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

constexpr std::size_t kMostListed = 256 << 20;
constexpr std::size_t kKeptOutput = 64 << 10;
constexpr std::size_t kForgetAtOnce = 1000;
constexpr int kPasswordDescriptor = 3;
// At its end restic still sends what it has gathered: some packs of 16 MiB.
constexpr int kFinishStalls = 6;
// One thread and an eager collector keep its memory below the 64 MiB that a backup may take (decision 0016).
constexpr const char* kModest[] = {"GOMAXPROCS=1", "GOGC=20", "GOMEMLIMIT=32MiB"};

struct Pipe {
  UniqueFd read_end, write_end;
};
Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Failure(errno_error(errno, "pipe"));
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Knows whether it was the target that failed, and not who writes to it.
class FeedSink : public BackupSink {
 public:
  FeedSink(loop::Loop& loop, int fd, std::chrono::seconds stall)
      : loop_(loop), sink_(loop, fd), stall_(stall) {}
  Task<void> write(std::string bytes) override {
    try {
      auto writing = sink_.write(std::move(bytes));
      co_await loop::with_timeout(loop_, stall_, std::move(writing), "taking data");
    } catch (const Failure& failure) {
      failed_ = failure.error();
      throw;
    }
  }
  const std::optional<Error>& failed() const { return failed_; }

 private:
  loop::Loop& loop_;
  DescriptorSink sink_;
  std::chrono::seconds stall_;
  std::optional<Error> failed_;
};

// The last of what it prints, to its end.
Task<std::string> read_output(Child& child, std::size_t keep) {
  std::string output;
  for (;;) {
    const auto piece = co_await child.read();
    if (piece.empty()) break;
    output += piece;
    if (output.size() > 2 * keep) output.erase(0, output.size() - keep);
  }
  co_return std::move(output);
}

// {"message_type":"summary",…,"snapshot_id":"6439679a"} is its last line.
std::string find_snapshot(std::string_view output) {
  for (const auto line : split(output, '\n')) {
    if (line.find("\"summary\"") == std::string_view::npos) continue;
    if (const auto object = json::parse_object(line)) return json::get_string(*object, "snapshot_id");
  }
  return {};
}

}  // namespace

std::string format_object_name(std::string_view name) {
  std::string encoded = percent_encode(name);
  for (auto at = encoded.find("%40"); at != std::string::npos; at = encoded.find("%40", at))
    encoded.replace(at, 3, "@");
  return encoded;
}

Error explain_restic(std::string_view complaints, std::string_view place) {
  // The last "Fatal:" is the cause; what stands before are its tries. Of what a server said to rclone restic knows
  // a number only.
  std::string words, last_of_rclone;
  for (auto line : split(complaints, '\n')) {
    line = trim(line);
    if (line.empty() || line == place) continue;
    if (const auto error = line.find(" ERROR : "); line.starts_with("rclone: ") && error != line.npos) {
      last_of_rclone = line.substr(error + 9);
      continue;
    }
    const bool is_fatal = line.starts_with("Fatal: ");
    if (is_fatal) line.remove_prefix(7);
    if (is_fatal) words.clear();
    if (words.size() + line.size() > 600) continue;
    if (!words.empty()) words += "; ";
    words += line;
  }
  if (!last_of_rclone.empty()) words += (words.empty() ? "" : "; ") + last_of_rclone;
  const std::string lower = to_lower(complaints);
  const auto tells = [&lower](std::initializer_list<std::string_view> signs) {
    return std::any_of(signs.begin(), signs.end(),
                       [&](std::string_view sign) { return lower.find(sign) != std::string::npos; });
  };
  const auto error = [&](Errc code, std::string_view what) {
    return Error{code, fmt::format("{} ({})", what, words)};
  };
  if (tells({"no space left", "quota exceeded", "disk quota", "insufficient storage", "quotaexceeded"}))
    return error(Errc::kNoSpace, "the target is full: make room there, or thin out its sets");
  if (tells({"wrong password or no key found"}))
    return error(Errc::kDenied, "the repository was made with another key: give the one of its key sheet");
  if (tells({"host key verification failed", "remote host identification has changed"}))
    return error(Errc::kDenied, "the server shows another host key than the one that was agreed on");
  if (tells({"permission denied", "access denied", "accessdenied", "forbidden", "unauthorized",
             "signaturedoesnotmatch", "invalidaccesskeyid", "access key id", "operation not permitted"}))
    return error(Errc::kDenied, "the target refuses us: check the credentials and the rights there");
  if (tells({"rcat error: object not found", "corrupted on transfer"}))
    return error(Errc::kMalformed, "the target said that it stored it, but does not have it");
  if (tells({"is already locked"})) return error(Errc::kConflict, "another program works on the repository");
  if (tells({"connection refused", "no such host", "network is unreachable", "no route to host",
             "i/o timeout", "connection timed out", "connection reset", "connection closed",
             "could not resolve", "broken pipe", "unable to start the sftp session",
             "context deadline exceeded", "input/output error", "read-only file system",
             "stale file handle"}))
    return error(Errc::kUnavailable, "the target cannot be reached");
  if (tells({"create repository at"})) return error(Errc::kNotFound, "no repository can be made there");
  if (tells({"is there a repository at", "unable to open config file", "does not exist", "nosuchbucket"}))
    return error(Errc::kNotFound, "there is no repository");
  if (tells({"does not match", "ciphertext verification failed", "invalid data returned", "unexpected eof",
             "wrong hash", "not found in repository", "not found in index", "unable to load",
             "no such file or directory", "decompress", "message authentication failed", "invalid length"}))
    return error(Errc::kMalformed, "what lies at the target is damaged");
  if (tells({"no matching id found"})) return error(Errc::kNotFound, "the target no longer has it");
  return Error{Errc::kFailed, words.empty() ? "restic failed without a word" : words};
}

Result<std::vector<StoredObject>> parse_snapshots(std::string_view json_text) {
  BERTH_TRY(const auto value, json::parse(json_text, {.size_bytes = kMostListed}));
  std::vector<StoredObject> objects;
  if (value.is_null()) return objects;  // how restic prints an empty list
  if (!value.is_array()) return fail(Errc::kMalformed, "a list of snapshots was expected");
  for (const auto& one : value.get_array()) {
    if (!one.is_object()) continue;
    const auto& snapshot = one.get_object();
    StoredObject object;
    object.id = json::get_string(snapshot, "id");
    object.stored = json::get_string(snapshot, "time");
    if (const auto* tags = json::find_array(snapshot, "tags"))
      for (const auto& tag : *tags)
        if (tag.is_string() && std::string_view(tag.get_string()).starts_with("set="))
          object.set = std::string_view(tag.get_string()).substr(4);
    const auto* paths = json::find_array(snapshot, "paths");
    if (object.id.empty() || object.set.empty() || !paths || paths->size() != 1 ||
        !paths->front().is_string())
      continue;
    std::string_view path = paths->front().get_string();
    if (path.starts_with('/')) path.remove_prefix(1);
    const auto name = percent_decode(path);
    if (!name || name->empty()) continue;
    object.name = *name;
    objects.push_back(std::move(object));
  }
  std::sort(objects.begin(), objects.end(), [](const StoredObject& a, const StoredObject& b) {
    return parse_utc(a.stored) < parse_utc(b.stored);
  });
  return objects;
}

std::unique_ptr<Child> ResticRepository::start(std::vector<std::string> arguments, int input) const {
  auto password = make_pipe();
  or_throw(write_all(password.write_end.get(), place_.password + "\n"));
  loop::SpawnOptions options;
  options.program = place_.program;
  options.arguments = {"-r", place_.repository};
  if (place_.cache.empty()) options.arguments.emplace_back("--no-cache");
  else options.arguments.insert(options.arguments.end(), {"--cache-dir", place_.cache});
  options.arguments.insert(options.arguments.end(), place_.options.begin(), place_.options.end());
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  options.directory = "/";
  options.environment = std::vector<std::string>{
      "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=/nonexistent", "RESTIC_PROGRESS_FPS=0.2",
      fmt::format("RESTIC_PASSWORD_FILE=/dev/fd/{}", kPasswordDescriptor)};
  options.environment->insert(options.environment->end(), std::begin(kModest), std::end(kModest));
  options.environment->insert(options.environment->end(), place_.environment.begin(),
                              place_.environment.end());
  options.descriptors = {{password.read_end.get(), kPasswordDescriptor}};
  if (input >= 0) options.descriptors.emplace_back(input, 0);
  // When the manager dies the end of its input must not look like the end of the data.
  options.in_child = [] { return ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 ? 0 : errno; };
  return Child::start(loop_, std::move(options));
}

Error ResticRepository::failure_of(const Child& child, const loop::ExitStatus& status) const {
  if (status.known && status.code == 127)
    return Error{Errc::kUnsupported, "restic is not installed: apt-get install restic"};
  std::string complaints(child.errors());
  if (!place_.helper_log.empty()) {
    if (const auto words = read_file(place_.helper_log)) complaints = *words + "\n" + complaints;
    (void)::truncate(place_.helper_log.c_str(), 0);
  }
  if (trim(complaints).empty()) return Error{Errc::kFailed, "restic ended with " + status.describe()};
  return explain_restic(complaints, place_.repository);
}

Task<std::string> ResticRepository::run(std::vector<std::string> arguments) {
  const auto child = start(std::move(arguments));
  std::string output;
  for (;;) {
    auto reading = child->read();
    const auto piece =
        co_await loop::with_timeout(loop_, place_.stall * kFinishStalls, std::move(reading), "the target");
    if (piece.empty()) break;
    output += piece;
    if (output.size() > kMostListed)
      throw_failure(Errc::kTooLarge, "the repository's list has more than {} bytes", kMostListed);
  }
  const auto status = co_await child->wait();
  if (!status.is_success()) throw Failure(failure_of(*child, status));
  co_return std::move(output);
}

Task<void> ResticRepository::prepare(bool was_made) {
  std::optional<Error> error;
  try {
    co_await run({"cat", "config"});
  } catch (const Failure& failure) {
    error = failure.error();
  }
  if (!error) co_return;
  if (error->code != Errc::kNotFound) throw Failure(std::move(*error));
  if (was_made)
    throw_failure(Errc::kUnavailable,
                  "{} has no repository any more, but it had one: {} If it is really lost, remove the target "
                  "and add it "
                  "anew",
                  place_.repository, place_.when_lost);
  co_await run({"init"});
}

Task<StoredObject> ResticRepository::store(std::string set, std::string name, ObjectWriter write) {
  auto input =
      make_pipe();  // before the child: when this goes the child is ended first, and sees no end of data
  const auto child = start({"backup", "--json", "--stdin", "--stdin-filename", format_object_name(name),
                            "--tag", "berth,set=" + set, "--host", "berth"},
                           input.read_end.get());
  input.read_end = UniqueFd();
  loop::Spawned<std::string> output(loop_, read_output(*child, kKeptOutput));
  std::optional<Error> target_error;
  {
    FeedSink sink(loop_, input.write_end.get(), place_.stall);
    try {
      co_await write(sink);
    } catch (const Failure&) {
      if (!sink.failed()) throw;
      target_error = sink.failed();
    }
  }
  if (target_error && target_error->code == Errc::kTimeout)
    throw_failure(Errc::kTimeout, "the target takes no data any more (for {} s)", place_.stall.count());
  input.write_end = UniqueFd();
  auto joining = output.join();
  const auto printed =
      co_await loop::with_timeout(loop_, place_.stall * kFinishStalls, std::move(joining), "the target");
  const auto status = co_await child->wait();
  if (!status.is_success()) throw Failure(failure_of(*child, status));
  if (target_error) throw Failure(*target_error);
  StoredObject object{find_snapshot(printed), std::move(set), std::move(name), utc_now()};
  if (object.id.empty())
    throw_failure(Errc::kFailed, "restic did not say under which number it stored the data");
  co_return object;
}

Task<std::vector<StoredObject>> ResticRepository::list(std::string set, std::string name) {
  std::vector<std::string> arguments = {"snapshots", "--json", "--tag",
                                        set.empty() ? "berth" : "berth,set=" + set};
  if (!name.empty()) arguments.insert(arguments.end(), {"--path", "/" + format_object_name(name)});
  const auto text = co_await run(std::move(arguments));
  co_return or_throw(parse_snapshots(text));
}

Task<void> ResticRepository::fetch(StoredObject object, BackupSink& sink) {
  const auto child = start({"dump", object.id, "/" + format_object_name(object.name)});
  for (;;) {
    auto reading = child->read();
    auto piece = co_await loop::with_timeout(loop_, place_.stall, std::move(reading), "the target");
    if (piece.empty()) break;
    co_await sink.write(std::move(piece));
  }
  const auto status = co_await child->wait();
  if (!status.is_success()) throw Failure(failure_of(*child, status));
}

// `restore` keeps nothing in memory, where `dump` keeps 64 MiB for the case that it needs them again.
Task<void> ResticRepository::fetch_to_file(StoredObject object, std::string path) {
  struct Folder {
    std::string path;
    ~Folder() { (void)remove_tree(path); }
  } const folder{path + ".d"};
  (void)remove_tree(folder.path);
  or_throw(make_directories(folder.path, 0700));
  const std::string name = format_object_name(object.name);
  co_await run({"restore", object.id, "--target", folder.path});
  const std::string file = folder.path + "/" + name;
  if (::chmod(file.c_str(), 0600) != 0 || ::rename(file.c_str(), path.c_str()) != 0)
    throw Failure(errno_error(errno, "fetch " + object.name));
}

Task<void> ResticRepository::remove(std::vector<std::string> ids) {
  if (ids.empty()) co_return;
  if (!place_.may_remove)
    throw_failure(Errc::kUnsupported, "nothing may be removed from this target: it is append-only");
  // Locks of programs that died; those of living ones stay.
  co_await run({"unlock"});
  for (std::size_t first = 0; first < ids.size(); first += kForgetAtOnce) {
    std::vector<std::string> arguments = {"forget"};
    for (std::size_t i = first; i < std::min(first + kForgetAtOnce, ids.size()); ++i)
      arguments.push_back(ids[i]);
    co_await run(std::move(arguments));
  }
  co_await run({"prune"});
}

Task<void> ResticRepository::test(bool was_made) {
  auto preparing = prepare(was_made);
  co_await preparing;
  const std::string probe = random_hex(64);
  ObjectWriter write = [probe](BackupSink& sink) -> Task<void> { co_await sink.write(probe); };
  auto storing = store("test", "probe", std::move(write));
  const auto object = co_await storing;
  TextSink sink;
  auto fetching = fetch(object, sink);
  co_await fetching;
  if (sink.text != probe)
    throw_failure(Errc::kMalformed, "the target gives back other data than it was given");
  if (place_.may_remove) co_await run({"forget", object.id});
}

}  // namespace berth::manager
