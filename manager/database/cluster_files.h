// The text of the cluster's configuration files (PostgreSQL, "Server Configuration", "Client
// Authentication").
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "manager/database/cluster.h"

namespace berth::manager {

// How long autovacuum takes for one visit to each of so many databases (autovacuum_naptime): a minute, or longer, so that
// a thousand databases in which nothing happens cost no more than twenty. Between the visits of a busy one a table may
// grow by so much more than it would have; the nightly optimisation looks into all of them anyway.
std::chrono::seconds autovacuum_round(int databases);

// 'value' as postgresql.conf wants it.
std::string quote_setting(std::string_view value);

// berth.conf: all of ours, compared at every start.
std::string format_configuration(const ClusterSettings& settings);
// What is appended to postgresql.conf once, at initdb. The admin's lines below it win.
std::string format_include_line();
// How the superuser role `berth` logs in: by the Unix user that asks, or by a password.
enum class SuperuserLogin : std::uint8_t { kPeer, kPassword };
// pg_hba.conf, once at initdb; the admin's from then on.
std::string format_access_rules(SuperuserLogin login);
// The marked block of pg_ident.conf that maps these system users to the superuser role.
std::string format_user_map(const std::vector<std::string>& users);

// `content` with the lines between our marks replaced by `block` (which holds the marks), or with
// `block` appended if there are none. All other lines stay byte for byte.
std::string replace_marked_block(std::string_view content, std::string_view block);

}  // namespace berth::manager
