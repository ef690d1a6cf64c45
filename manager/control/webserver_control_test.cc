#include "manager/control/webserver_control.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/file.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

constexpr const char* kFirst = "1111111111111111111111111111111111111111111111111111111111111111";
constexpr const char* kSecond = "2222222222222222222222222222222222222222222222222222222222222222";

class WebserverControlTest : public testing::Test {
 protected:
  WebserverControlTest() {
    char name[] = "/tmp/berth-webserver-control-XXXXXX";
    layout_.root = layout_.shown = ::mkdtemp(name);
    EXPECT_TRUE(make_directories(layout_.run()));
  }
  ~WebserverControlTest() override { (void)remove_tree(layout_.root); }
  std::unique_ptr<WebserverControl> make() {
    return std::make_unique<WebserverControl>(loop_, table_, layout_, box_, WebserverOptions{});
  }
  template <class T>
  T run(Task<T> task) {
    return loop::run_task(loop_, std::move(task));
  }

  loop::Loop loop_;
  Layout layout_;
  SecretBox box_{std::string(32, 'k')};
  ProcessTable table_{"/nonexistent/processes.json", "/nonexistent"};
};

TEST_F(WebserverControlTest, ANewManagerRecallsWhatTheLastOneToldTheWebserver) {
  {
    const auto last = make();
    EXPECT_FALSE(last->recall()) << "there was none before";
    run(last->set_certificates({"ECDSA", "RSA"}));
    run(last->set_grant("/a", kFirst, 70001));
    run(last->set_grant("/b", kSecond, 70002));
    last->set_options({.redirect_https = true, .compact_tls = false}, {{"headBytes", 4096}});
  }
  const auto next = make();
  ASSERT_TRUE(next->recall());
  const auto configuration = next->configuration();
  EXPECT_EQ(json::serialize(*json::find_array(configuration, "certificates")), R"(["ECDSA","RSA"])");
  EXPECT_FALSE(json::get_bool(configuration, "compactTls", true));
  EXPECT_TRUE(json::get_bool(configuration, "redirectHttps"));
  EXPECT_EQ(json::get_integer(*json::find_object(configuration, "limits"), "headBytes"), 4096);
  ASSERT_EQ(json::find_array(configuration, "grants")->size(), 2u);

  // The database knows of one of them only.
  run(next->set_grant("/b", kSecond, 70002));
  run(next->forget_unconfirmed());
  const auto grants = *json::find_array(next->configuration(), "grants");
  ASSERT_EQ(grants.size(), 1u);
  EXPECT_EQ(json::get_string(grants[0].get_object(), "path"), "/b");
}

TEST_F(WebserverControlTest, WhatItKeepsOnDiskTellsNoSecret) {
  {
    const auto control = make();
    run(control->set_certificates({"-----BEGIN PRIVATE KEY-----"}));
    run(control->set_grant("/a", kFirst, 70001));
  }
  const auto text = read_file(layout_.webserver_state()).value();
  EXPECT_EQ(text.find("PRIVATE"), std::string::npos);
  EXPECT_EQ(text.find(kFirst), std::string::npos);

  // Another platform's, or a damaged one, is as none.
  ASSERT_TRUE(write_file_durably(layout_.webserver_state(), text.substr(0, text.size() / 2)));
  EXPECT_FALSE(make()->recall());
}

TEST_F(WebserverControlTest, AShortageOfDescriptorsIsKnownUntilItIsOverOrTheWebserverIsGone) {
  const auto control = make();
  int changes = 0;
  control->changed = [&] { ++changes; };
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  ControlPeer peer(loop_, std::make_unique<net::MessageSocket>(loop_, UniqueFd(ends[0])));
  net::MessageSocket webserver(loop_, UniqueFd(ends[1]));
  loop::Spawned<void> serving(loop_, control->serve(peer, {{"http", 8080}}));
  const auto tell = [&](bool is_active) {
    webserver.send({{"mt", "WebserverAlarm"}, {"alarm", "descriptors"}, {"active", is_active}});
    while (control->is_short_of_descriptors() != is_active) loop_.run_once(std::chrono::seconds(5));
  };
  tell(true);
  EXPECT_EQ(changes, 1);
  tell(false);
  EXPECT_EQ(changes, 2);
  tell(true);
  webserver.close();
  while (control->is_short_of_descriptors()) loop_.run_once(std::chrono::seconds(5));
  EXPECT_EQ(changes, 4);
}

}  // namespace
}  // namespace berth::manager
