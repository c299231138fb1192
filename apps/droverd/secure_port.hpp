// SPDX-License-Identifier: Apache-2.0
// The port for DTLS, and what associations outlive a restart by.
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

/// Brings back what the process before handed over, and says so. Whatever is wrong with it costs handshakes and
/// registrations alone, so it is a warning. Before the shards start.
void take_over(const Config& config, const CredentialStore& credentials, ShardThreads& shards);
/// Hands over to the process after this one; a warning when that fails. After the shards have stopped.
void hand_over(const Config& config, const CredentialStore& credentials, ShardThreads& shards);

}  // namespace drover::droverd
