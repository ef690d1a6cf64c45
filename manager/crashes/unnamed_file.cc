#include "manager/crashes/unnamed_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>

namespace berth::manager {

Result<UniqueFd> make_unnamed_file(const std::string& folder) {
  UniqueFd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file || (errno != EOPNOTSUPP && errno != EISDIR)) {
    if (!file) return fail_errno(errno, "make a file in " + folder);
    return file;
  }
  // File systems without O_TMPFILE (open(2)): it loses its name at once.
  std::string path = folder + "/.XXXXXX";
  file = UniqueFd(::mkostemp(path.data(), O_CLOEXEC));
  if (!file) return fail_errno(errno, "make a file in " + folder);
  ::unlink(path.c_str());
  return file;
}

}  // namespace berth::manager
