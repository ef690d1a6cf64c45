// The real program with a manager that a test plays.
#pragma once

#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "webserver/testing/peers.h"
#include "wire/control/frame.h"
#include "wire/json/json.h"

namespace berth::webserver::testing {

// run/berth below a temporary folder, with a control socket that this test listens on.
class Root {
 public:
  Root();
  ~Root();
  const std::string& path() const { return path_; }
  int listener() const { return listener_.get(); }

 private:
  std::string path_;
  UniqueFd listener_;
};

// The manager's end of one control connection.
class Manager {
 public:
  // Waits for the program to connect and say hello.
  explicit Manager(const Root& root);
  const json::Object& hello() const { return hello_; }
  void send(const json::Object& message);
  json::Object receive();
  json::Object ask(json::Object message);  // sends and receives
  int fd() const { return fd_.get(); }
  std::uint16_t http() const { return static_cast<std::uint16_t>(json::get_integer(hello_, "http")); }
  std::uint16_t https() const { return static_cast<std::uint16_t>(json::get_integer(hello_, "https")); }
  std::string link(std::size_t reactor = 0) const;

 private:
  UniqueFd fd_;
  control::Decoder decoder_;
  json::Object hello_;
};

// berth-webserver as a child process; killed when it goes.
class Program {
 public:
  Program(const Root& root, std::vector<std::string> arguments,
          std::vector<std::pair<int, int>> descriptors = {});
  ~Program();
  pid_t pid() const { return pid_; }
  void kill(int signal) const;
  int wait();                                      // exit code, or 256 + signal
  const std::string& log() const { return log_; }  // path of its output

 private:
  pid_t pid_ = -1;
  std::string log_;
};

json::Object grant_of(const std::string& path, char digit);
link::Grant secret_of(char digit);  // of 64 times this digit

}  // namespace berth::webserver::testing
