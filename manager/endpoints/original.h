// The messages of the original that both the admin endpoint and manager-domain-api know (reference/manager-api.md).
#pragma once

#include <string>

#include "api/original.h"
#include "manager/platform/parts.h"

namespace berth::manager {

api::AppPlatformInfoResult platform_info(const Parts& parts);

// One AppStoreServiceAdded for each app of the store.
Task<std::vector<api::AppStoreServiceAdded>> store_services(Parts& parts);

// ServiceInstalled of a service that is there.
api::ServiceInstalled service_installed(const Parts& parts, const Service& service);

// Installs the wanted version (or the first, or takes the service that is there) and waits for the end. kDenied if the user
// agreement is missing. Throws Failure.
Task<void> install_and_wait(Parts& parts, api::InstallService message, std::string by);

// AddInstance as the installer sends it: creates without starting, waits for the end.
Task<void> add_instance(Parts& parts, api::AddInstance message, std::string password,
                        std::string database_password, std::string by);

// Waits for a job; throws its error.
Task<void> wait_for_job(Parts& parts, std::string id);

}  // namespace berth::manager
