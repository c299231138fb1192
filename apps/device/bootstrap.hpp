// SPDX-License-Identifier: Apache-2.0
// The Bootstrap-Server that the configuration names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/device/section.hpp"
#include "client/bootstrap.hpp"
#include "client/security_values.hpp"

namespace drover::device {

/// The table `[bootstrap]`.
struct BootstrapConfig {
  std::string uri;       ///< "": there is none
  std::size_t line = 0;  ///< in the file; 0: not from there
  std::optional<client::SecurityValues> security{};  ///< nothing: Config::security where the URI is coaps
  std::uint32_t hold_off = 0;                        ///< /0/x/11, seconds
  std::uint32_t account_timeout = 0;                 ///< /0/x/12, seconds; 0: the account stays for good
  client::BootstrapLimits limits;
  bool accept_handshakes = false;  ///< servers may begin
};

/// Files are relative to `folder`; those with secrets are added to `key_files`.
void read_bootstrap(Section section, const std::string& folder, std::vector<std::string>& key_files,
                    BootstrapConfig& config);

}  // namespace drover::device
