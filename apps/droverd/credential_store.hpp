// SPDX-License-Identifier: Apache-2.0
// The server's credentials: the store with its key, and the server's own from files.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "config.hpp"
#include "security/credentials.hpp"
#include "store/credential_service.hpp"
#include "store/credentials.hpp"
#include "store/plans.hpp"
#include "store/sealer.hpp"
#include "store/store_file.hpp"

namespace drover::droverd {

/// The environment's key, "" when there is none; it is taken out, so that no child process gets it. Before any thread.
std::string take_master_key_variable();

struct CredentialStore {
  store::Sealer sealer;             ///< for whatever else is secret at rest
  security::ServerCredentials own;  ///< from the files of [credentials]
  std::unique_ptr<store::Credentials> credentials;
  std::unique_ptr<store::Plans> plans;
};

/// Of a store that is open. Makes its key at the first start, which the log tells. Without a store there are no
/// credentials of devices but what trust anchors say and no bootstrap plans, and the sealer is good for this run.
Result<CredentialStore> open_credentials(const Config& config, std::shared_ptr<store::StoreFile> file,
                                         const std::string& key_variable);
/// Seals the store with the key in `new_key_file`, which is made when it isn't there. What to do then, in a sentence.
Result<std::string> rekey(const Config& config, const std::string& key_variable, const std::string& new_key_file);

}  // namespace drover::droverd
