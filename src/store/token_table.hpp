// SPDX-License-Identifier: Apache-2.0
// Tokens of the REST API, as the server keeps them: hashes and what they are for, never the tokens themselves.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace drover::store {

/// What a token may do; each includes those before it. The numbers are stored.
enum class Role : std::uint8_t {
  Read = 1,     ///< sees everything but credentials and tokens, and reads from devices
  Operate = 2,  ///< changes devices
  Admin = 3,    ///< credentials, tokens
};

inline constexpr std::size_t kTokenHashSize = 32;  ///< SHA-256
using TokenHash = std::array<std::uint8_t, kTokenHashSize>;

struct Token {
  std::uint64_t id = 0;  ///< from 1; never used again
  std::string name;      ///< unique
  Role role = Role::Read;
  TokenHash hash{};
  UnixSeconds created_at = 0;
  std::optional<UnixSeconds> expires_at{};
  std::optional<UnixSeconds> last_used_at{};

  bool operator==(const Token&) const = default;
};

/// Where tokens are kept. What a call that succeeds has written survives a kill. One thread at a time. Errors are
/// Fault::Environment: the disk, the file.
class TokenTable {
 public:
  virtual ~TokenTable() = default;
  /// By id.
  [[nodiscard]] virtual Result<std::vector<Token>> all() = 0;
  /// Keeps `token` under a new id, which is given back. Fault::Us when its name or hash is there already.
  virtual Result<std::uint64_t> add(const Token& token) = 0;
  /// False when there is none of that id.
  virtual Result<bool> remove(std::uint64_t id) = 0;
  /// Sets last_used_at; nothing happens when there is none of that id.
  virtual Result<void> note_use(std::uint64_t id, UnixSeconds at) = 0;
  /// True as soon as one was ever added, also when it is removed again.
  [[nodiscard]] virtual Result<bool> had_any() = 0;
};

/// The twin in memory: for tests, and for a server without a store.
class MemoryTokenTable final : public TokenTable {
 public:
  [[nodiscard]] Result<std::vector<Token>> all() override { return tokens_; }
  Result<std::uint64_t> add(const Token& token) override;
  Result<bool> remove(std::uint64_t id) override;
  Result<void> note_use(std::uint64_t id, UnixSeconds at) override;
  [[nodiscard]] Result<bool> had_any() override { return last_id_ > 0; }

 private:
  std::vector<Token> tokens_;
  std::uint64_t last_id_ = 0;
};

class StoreFile;

/// The table `api_token` of a store.
class FileTokenTable final : public TokenTable {
 public:
  explicit FileTokenTable(std::shared_ptr<StoreFile> file) : file_(std::move(file)) {}

  [[nodiscard]] Result<std::vector<Token>> all() override;
  Result<std::uint64_t> add(const Token& token) override;
  Result<bool> remove(std::uint64_t id) override;
  Result<void> note_use(std::uint64_t id, UnixSeconds at) override;
  [[nodiscard]] Result<bool> had_any() override;

 private:
  std::shared_ptr<StoreFile> file_;
};

}  // namespace drover::store
