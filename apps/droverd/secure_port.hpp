// SPDX-License-Identifier: Apache-2.0
// The port for DTLS.
#pragma once

#include <optional>

#include "base/result.hpp"
#include "config.hpp"
#include "credential_store.hpp"
#include "shard_threads.hpp"

namespace drover::droverd {

/// Nothing when there is nothing that a peer could prove itself by, or no port is wanted. `credentials` outlives the
/// shards. An error when the TLS library that runs isn't the right one, or the address can't be had.
Result<std::optional<ShardThreads::Settings::Secure>> secure_port(const Config& config,
                                                                  const CredentialStore& credentials);

/// Of the files of [credentials]. An error when DTLS can't use what is there.
Result<security::ServerCredentials> read_own(const store::ServerCredentialFiles& files, const CredentialStore& credentials);

}  // namespace drover::droverd
