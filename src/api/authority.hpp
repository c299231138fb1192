// SPDX-License-Identifier: Apache-2.0
// Who may use the API.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/caller.hpp"
#include "api/http.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "store/token_table.hpp"

namespace drover::api {

/// A token's only appearance as a text.
struct NewToken {
  store::Token token;
  Secret<std::string> text;
};

/// Knows the tokens by their hashes; the store is written when they change, and once an hour for one that is used.
/// The API is open, to who reaches it on loopback, as long as no token was ever made and none is required; removing the
/// last one doesn't open it again. One thread at a time; once the server runs, that is its thread.
class Authority : public std::enable_shared_from_this<Authority> {
 public:
  static constexpr std::size_t kTokensMax = 1024;  ///< some 300 bytes each
  static constexpr std::size_t kNameMax = 64;      ///< bytes

  struct Settings {
    bool require_token = false;          ///< also before the first is made
    std::function<UnixSeconds()> clock;  ///< the system's when empty
  };
  /// What came of looking at a request's token.
  enum class Refusal : std::uint8_t { Missing, Wrong, Expired };

  /// Without a store there are no tokens, and none can be made. Fault::Environment when it can't be read.
  static Result<std::shared_ptr<Authority>> open(Settings settings, std::shared_ptr<store::TokenTable> store);

  [[nodiscard]] bool is_open() const { return !settings_.require_token && !had_any_; }
  /// One that is valid now.
  [[nodiscard]] bool has_token() const;

  /// `authorization`: the request's fields of that name (RFC 6750 §2.1). A microsecond: one hash, one look-up.
  [[nodiscard]] tl::expected<Caller, Refusal> authenticate(const std::vector<std::string>& authorization);
  /// Whether what a caller was let in with is still good.
  [[nodiscard]] bool holds(const Caller& caller) const;
  /// A stream that ends when its caller's token does.
  [[nodiscard]] std::unique_ptr<http::StreamSource> guard(const Caller& caller, std::unique_ptr<http::StreamSource> source);

  /// Fault::Peer, saying why: the name is taken, too long or has control characters, `expires_at` is past, there are too
  /// many, or the first isn't for an admin: then nobody could make another. Fault::Environment when it can't be kept.
  Result<NewToken> add(const std::string& name, Role role, std::optional<UnixSeconds> expires_at);
  /// By id.
  [[nodiscard]] std::vector<store::Token> tokens() const;
  /// For people: "token 3 (anna)"; "api" for nobody in particular.
  [[nodiscard]] std::string describe(const Caller& caller) const;
  /// What was removed; nothing when there is none of that id.
  Result<std::optional<store::Token>> remove(std::uint64_t id);

 private:
  /// The hashes are as random as the tokens, so their first bytes are a good key; an attacker who measures the look-up
  /// learns about the hash of what it sent itself.
  struct HashKey {
    std::size_t operator()(const store::TokenHash& hash) const;
  };
  struct HashEqual {
    bool operator()(const store::TokenHash& a, const store::TokenHash& b) const;
  };

  Authority(Settings settings, std::shared_ptr<store::TokenTable> store);
  [[nodiscard]] UnixSeconds now() const;
  [[nodiscard]] const store::Token* find(std::uint64_t id) const;
  void note_use(store::Token& token);

  Settings settings_;
  std::shared_ptr<store::TokenTable> store_;
  std::unordered_map<store::TokenHash, store::Token, HashKey, HashEqual> tokens_;
  std::unordered_map<std::uint64_t, store::TokenHash> by_id_;
  std::unordered_map<std::uint64_t, UnixSeconds> kept_use_;  ///< last_used_at as the store has it
  bool had_any_ = false;
};

}  // namespace drover::api
