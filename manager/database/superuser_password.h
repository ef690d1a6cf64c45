// The password of PostgreSQL's superuser, for a platform that does not run as root: by its Unix user alone it would be known
// as the services are. As root none is needed.
#pragma once

#include <string>

namespace berth::manager {

// In a file beside the cluster that services do not see. Owned by Cluster.
class SuperuserPassword {
 public:
  explicit SuperuserPassword(std::string data_folder) : folder_(std::move(data_folder)) {}

  // What PostgreSQL knows, and one that it does not know yet.
  std::string file() const { return folder_ + ".password"; }
  std::string new_file() const { return file() + ".new"; }

  // Made when it is first asked for, which is before there is a cluster. Throws Failure with the remedy if the file cannot be
  // read, is empty, or is not of our user alone: another password in its place would let nobody in.
  std::string read() const;
  // PostgreSQL knows the new one.
  void note_is_set() const;

 private:
  std::string parent() const { return folder_.substr(0, folder_.rfind('/')); }
  std::string folder_;
};

}  // namespace berth::manager
