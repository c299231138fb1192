// SPDX-License-Identifier: Apache-2.0
// drover pki: a small certificate authority for trying things out. P-256, no revocation, keys in plain files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace drover::cli {

struct PkiArguments {
  std::string folder;
  std::vector<std::string> servers;    ///< host names and IP literals of the server's certificate; the first is its CN
  std::vector<std::string> endpoints;  ///< one certificate and key each
  std::uint32_t days = 3650;           ///< that certificates are valid
};

/// Makes the folder's files and gives their names, in the order of making. Private keys are 0600. Nothing is written
/// when one of the files exists already.
Result<std::vector<std::string>> make_pki(const PkiArguments& arguments);
/// Adds the devices of `endpoints` to a folder of make_pki(); `servers` isn't used.
Result<std::vector<std::string>> add_pki_devices(const PkiArguments& arguments);

/// The endpoint as part of a file name: letters, digits and "-_:+" stay, "." but in front, all else is %XX.
std::string file_name_of(const std::string& endpoint);

/// The commands: as above, and what to put where; an ExitStatus.
int pki_init(const PkiArguments& arguments);
int pki_add_device(const PkiArguments& arguments);

}  // namespace drover::cli
