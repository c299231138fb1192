// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "store/token_table.hpp"

namespace drover::store {

Result<std::uint64_t> MemoryTokenTable::add(const Token& token) {
  const bool taken = std::any_of(tokens_.begin(), tokens_.end(), [&](const Token& other) {
    return other.name == token.name || other.hash == token.hash;
  });
  if (taken) return tl::unexpected(Error{Fault::Us, 0, "there is a token of that name already"});
  tokens_.push_back(token);
  tokens_.back().id = ++last_id_;
  return last_id_;
}

Result<bool> MemoryTokenTable::remove(std::uint64_t id) {
  return std::erase_if(tokens_, [id](const Token& token) { return token.id == id; }) > 0;
}

Result<void> MemoryTokenTable::note_use(std::uint64_t id, UnixSeconds at) {
  for (Token& token : tokens_) {
    if (token.id == id) token.last_used_at = at;
  }
  return {};
}

}  // namespace drover::store
