// SPDX-License-Identifier: Apache-2.0
// drover credentials: what devices prove themselves with. Keys come from files and standard input, so that they stand
// in no shell's history and no list of processes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "apps/drover/commands.hpp"

namespace CLI {
class App;
}

namespace drover::cli {

struct CredentialArguments {
  std::uint64_t id = 0;
  std::string purpose;  ///< "": the server's to add, all to list
  std::string kind;
  std::string identity;
  std::string key_file;  ///< "-": standard input
  bool generate = false;
  std::optional<std::uint32_t> key_bytes;
  std::string public_key_file;
  std::string certificate_file;  ///< whose fingerprint is the identity
  std::optional<std::string> endpoint;
  std::optional<std::string> label;
  std::optional<std::uint32_t> retire_after;
  std::optional<bool> enabled;
  std::string table;  ///< CSV; "-": standard input
  bool partial = false;
  std::size_t limit = 1000;
};

int list_credentials(Session& session, const CredentialArguments& arguments);
int show_credential(Session& session, std::uint64_t id);
/// Prints a key that the server made, which is never to be had again.
int add_credential(Session& session, const CredentialArguments& arguments);
int rotate_credential(Session& session, const CredentialArguments& arguments);
int change_credential(Session& session, const CredentialArguments& arguments);
int remove_credential(Session& session, std::uint64_t id);
int import_credentials(Session& session, const CredentialArguments& arguments);

/// Adds the commands `credentials` and `pki`; the one that is given is in `chosen` after parsing.
void add_credential_commands(CLI::App& app, std::function<int(Session&)>& chosen);

}  // namespace drover::cli
