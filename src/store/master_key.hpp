// SPDX-License-Identifier: Apache-2.0
// Where the key comes from that a store is sealed with.
#pragma once

#include <string>

#include "base/result.hpp"
#include "store/sealer.hpp"

namespace drover::store {

/// Both forms are 64 hexadecimal digits, with or without a line end; the file is made with
/// `openssl rand -hex 32 > FILE`. Errors say what is wrong and how to mend it, without what was read.
Result<Sealer> parse_master_key(const std::string& text, const std::string& where);
/// Refuses a file that its group or others may read or write.
Result<Sealer> read_master_key(const std::string& file);
/// Makes the file (0600) with a random key, on disk when this returns. An error when it exists.
Result<Sealer> make_master_key(const std::string& file);

/// The environment variable that may hold the key.
inline constexpr const char* kMasterKeyVariable = "DROVERD_STORE_KEY";

struct MasterKey {
  Sealer sealer;
  std::string where;     ///< for messages: the file's name or the variable's
  bool is_new = false;   ///< the file was made
};
/// The key of `store`: from `key_file`, or from `variable` (what the environment holds), or, when both are "", from
/// STORE.key, which is made when it isn't there. An error when two are given, and when the store `is_sealed` and
/// STORE.key is needed but gone.
Result<MasterKey> find_master_key(const std::string& store, const std::string& key_file, const std::string& variable,
                                  bool is_sealed);

}  // namespace drover::store
