#include "manager/database/superuser_password.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"

namespace berth::manager {

std::string SuperuserPassword::read() const {
  for (const auto& path : {file(), new_file()}) {
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0) {
      if (errno != ENOENT) throw Failure(errno_error(errno, path));
      continue;
    }
    if (!S_ISREG(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 077) != 0)
      throw_failure(Errc::kDenied,
                    "{} must be a file of the platform's user that nobody else may read: chown, chmod 600",
                    path);
    const std::string password(trim(or_throw(read_file(path, 1024))));
    if (password.empty())
      throw_failure(Errc::kMalformed, "{} is empty: remove it, then the next start makes another", path);
    return password;
  }
  auto password = random_password();
  or_throw(make_directories(parent()));
  or_throw(write_file_durably(new_file(), password + "\n", 0600));
  return password;
}

void SuperuserPassword::note_is_set() const {
  if (::rename(new_file().c_str(), file().c_str()) != 0)
    throw Failure(errno_error(errno, "rename to " + file()));
  or_throw(sync_directory(parent()));
}

}  // namespace berth::manager
