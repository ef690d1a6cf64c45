#include "sandbox/launch_spec.h"

#include <gtest/gtest.h>

#include "sandbox/launch_notes.h"

namespace berth::sandbox {
namespace {

LaunchSpec full_spec() {
  LaunchSpec spec;
  spec.name = "notes";
  spec.program = "/var/lib/berth/apps/notes/notes";
  spec.arguments = {"--service", "notes", "--log-dir", "/var/log/with space"};
  spec.environment = {"PATH=/usr/bin:/bin", "EMPTY="};
  spec.directory = "/var/lib/berth/work/notes";
  spec.uid = spec.gid = 70001;
  spec.wishes.fill(Wish::kRequired);
  spec.set_wish(Layer::kLandlock, Wish::kOptional);
  spec.set_wish(Layer::kSeccomp, Wish::kOff);
  spec.places = {{"/var/lib/berth/apps/notes", Place::Use::kRead},
                 {"/var/lib/berth/work/notes", Place::Use::kWrite},
                 {"/run/berth/apps", Place::Use::kSockets}};
  spec.host_network = true;
  spec.network_why = "its package asks for the network";
  spec.cgroups = {"/sys/fs/cgroup/memory/berth.notes"};
  spec.limits = {{7, 8192}};
  return spec;
}

TEST(LaunchSpec, ReadsBackAsItWasWritten) {
  const auto spec = full_spec();
  EXPECT_EQ(parse_launch_spec(format_launch_spec(spec).value()).value(), spec);
}

TEST(LaunchSpec, TellsOfANetworkOfItsOwnAndOfOneThatIsMissed) {
  auto spec = full_spec();
  spec.is_network_missed = true;
  EXPECT_EQ(parse_launch_spec(format_launch_spec(spec).value()).value(), spec);
  spec.host_network = spec.is_network_missed = false;
  spec.network_why.clear();
  spec.own_network = OwnNetwork{"bt12ab34.7", "198.18.0.2",
                                "198.18.0.1", "/run/with space/notes.hosts",
                                "",           "only to mail.example.com"};
  EXPECT_EQ(parse_launch_spec(format_launch_spec(spec).value()).value(), spec);
  EXPECT_FALSE(parse_launch_spec(format_launch_spec(spec).value() + "own-network-door open\n"));
}

TEST(LaunchSpec, AValueCannotSmuggleInALine) {
  auto spec = full_spec();
  spec.arguments.push_back("x\nplace write /etc");
  EXPECT_EQ(format_launch_spec(spec).error().code, Errc::kMalformed);
}

TEST(LaunchSpec, WhatIsNotUnderstoodIsRefused) {
  const auto good = format_launch_spec(full_spec()).value();
  EXPECT_TRUE(parse_launch_spec(good));
  for (const char* line : {"moat deep\n", "layer required moat\n", "layer perhaps seccomp\n",
                           "place look /etc\n", "uid -1\n", "limit 7\n"}) {
    SCOPED_TRACE(line);
    EXPECT_FALSE(parse_launch_spec(good + line));
  }
  EXPECT_FALSE(parse_launch_spec("name notes\n"));
}

TEST(LaunchNotes, TellHowAServiceWasStartedAndEnded) {
  const auto notes = parse_launch_notes(
      "4711\ncgroup /sys/fs/cgroup/pids/berth.notes\nlayer own user\ton\t\nlayer Landlock\tunavailable\tno "
      "kernel\n"
      "main 4712\nsomething new\nended 139\n");
  EXPECT_EQ(notes.pid, 4711);
  EXPECT_EQ(notes.main, 4712);
  EXPECT_EQ(notes.ended, 139);
  EXPECT_EQ(notes.cgroups, std::vector<std::string>{"/sys/fs/cgroup/pids/berth.notes"});
  ASSERT_EQ(notes.layers.size(), 2U);
  EXPECT_EQ(notes.layers[1], (LayerState{"Landlock", "unavailable", "no kernel"}));
  EXPECT_TRUE(notes.failed.empty());
  EXPECT_EQ(parse_launch_notes("").pid, 0);
}

}  // namespace
}  // namespace berth::sandbox
