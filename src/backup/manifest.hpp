// SPDX-License-Identifier: Apache-2.0
// What a backup of the server consists of: a folder with the files of its store, and a list of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace drover::backup {

inline constexpr const char* kManifestName = "manifest.json";  ///< written last: without it a folder is no backup
inline constexpr std::size_t kManifestMax = 4 << 20;           ///< bytes of its text

struct File {
  std::string name;  ///< see is_file_name()
  std::uint64_t size = 0;
  std::string sha256;  ///< 64 digits of hexadecimal
  friend bool operator==(const File&, const File&) = default;
};

struct Manifest {
  std::string id;  ///< tells it from any other
  UnixSeconds made_at = 0;
  std::string version;  ///< of the program that made it
  std::vector<File> files;
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

/// "store" (credentials, plans, tokens, campaigns, ...), "fleet" (registrations, operations, events), "values", and
/// "image-SHA256" for the content of firmware images.
bool is_file_name(std::string_view name);

std::string to_json(const Manifest& manifest);
/// Fault::Peer for anything else than to_json() makes, of this form or an older one.
Result<Manifest> parse_manifest(std::string_view json);

/// Errors of what follows are Fault::Environment, and name the file.

/// Size and digest of FOLDER/NAME as they are.
Result<File> describe(const std::string& folder, const std::string& name);
/// Writes the list, and waits until the disk has it and the names in the folder.
Result<void> seal(const std::string& folder, const Manifest& manifest);
/// The list of a folder.
Result<Manifest> read(const std::string& folder);
/// Whether each file that is listed is there as it was when the list was made. Reads all of them.
Result<void> verify(const std::string& folder, const Manifest& manifest);
/// Copies a backup to where a server with the store `store` looks for its files (STORE, STORE.fleet, STORE.values,
/// STORE.images/), behind verify(). None of them may be there. STORE comes last: without it nothing was restored.
Result<void> restore(const std::string& folder, const Manifest& manifest, const std::string& store);

}  // namespace drover::backup
