// The text of the cluster's configuration files (PostgreSQL, "Server Configuration", "Client
// Authentication").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "manager/database/cluster.h"

namespace berth::manager {

// berth.conf: all of ours, compared at every start.
std::string format_configuration(const ClusterSettings& settings);
// What is appended to postgresql.conf once, at initdb. The admin's lines below it win.
std::string format_include_line();
// pg_hba.conf, once at initdb; the admin's from then on.
std::string format_access_rules();
// The marked block of pg_ident.conf that maps these system users to the superuser role.
std::string format_user_map(const std::vector<std::string>& users);

// `content` with the lines between our marks replaced by `block` (which holds the marks), or with
// `block` appended if there are none. All other lines stay byte for byte.
std::string replace_marked_block(std::string_view content, std::string_view block);

}  // namespace berth::manager
