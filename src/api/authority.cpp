// SPDX-License-Identifier: Apache-2.0
#include "api/authority.hpp"

#include <algorithm>
#include <cstring>

#include "api/tokens.hpp"
#include "base/bytes.hpp"
#include "io/clock.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

constexpr UnixSeconds kUseGrain = 60;         ///< of last_used_at: who holds a token is told apart from nobody, no more
constexpr UnixSeconds kUseKeptEvery = 3'600;  ///< one write an hour and token

/// The credentials of "Bearer CREDENTIALS"; the scheme's case doesn't matter (RFC 9110 §11.1).
std::optional<std::string_view> bearer_of(std::string_view field) {
  constexpr std::string_view kScheme = "bearer ";
  if (field.size() < kScheme.size()) return std::nullopt;
  const bool same = std::equal(kScheme.begin(), kScheme.end(), field.begin(), [](char wanted, char c) {
    return wanted == (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  });
  if (!same) return std::nullopt;
  field.remove_prefix(kScheme.size());
  while (field.starts_with(' ')) field.remove_prefix(1);
  return field;
}

bool is_over(const store::Token& token, UnixSeconds now) {
  return token.expires_at && now >= *token.expires_at;
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > Authority::kNameMax || !is_utf8(name)) return false;
  return std::none_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

tl::unexpected<Error> refused(std::string reason) {
  return tl::unexpected(Error{Fault::Peer, 0, std::move(reason)});
}

class GuardedStream final : public http::StreamSource {
 public:
  GuardedStream(std::shared_ptr<const Authority> authority, const Caller& caller, std::unique_ptr<StreamSource> source)
      : authority_(std::move(authority)), caller_(caller), source_(std::move(source)) {}
  std::optional<std::string> pull() override {
    if (!authority_->holds(caller_)) return std::nullopt;
    return source_->pull();
  }

 private:
  std::shared_ptr<const Authority> authority_;
  Caller caller_;
  std::unique_ptr<StreamSource> source_;
};

}  // namespace

std::size_t Authority::HashKey::operator()(const store::TokenHash& hash) const {
  std::size_t key = 0;
  std::memcpy(&key, hash.data(), sizeof key);
  return key;
}

bool Authority::HashEqual::operator()(const store::TokenHash& a, const store::TokenHash& b) const {
  return same_hash(a, b);
}

Authority::Authority(Settings settings, std::shared_ptr<store::TokenTable> store)
    : settings_(std::move(settings)), store_(std::move(store)) {
  if (!settings_.clock) settings_.clock = [] { return io::unix_now(); };
}

Result<std::shared_ptr<Authority>> Authority::open(Settings settings, std::shared_ptr<store::TokenTable> store) {
  const std::shared_ptr<Authority> made(new Authority(std::move(settings), std::move(store)));
  if (!made->store_) return made;
  auto all = made->store_->all();
  if (!all) return tl::unexpected(all.error());
  const auto had_any = made->store_->had_any();
  if (!had_any) return tl::unexpected(had_any.error());
  made->had_any_ = *had_any;
  for (store::Token& token : *all) {
    if (token.last_used_at) made->kept_use_[token.id] = *token.last_used_at;
    made->by_id_.emplace(token.id, token.hash);
    made->tokens_.emplace(token.hash, std::move(token));
  }
  return made;
}

UnixSeconds Authority::now() const {
  return settings_.clock();
}

const store::Token* Authority::find(std::uint64_t id) const {
  const auto hash = by_id_.find(id);
  return hash == by_id_.end() ? nullptr : &tokens_.at(hash->second);
}

bool Authority::has_token() const {
  return std::any_of(tokens_.begin(), tokens_.end(), [at = now()](const auto& each) { return !is_over(each.second, at); });
}

tl::expected<Caller, Authority::Refusal> Authority::authenticate(const std::vector<std::string>& authorization) {
  if (authorization.empty()) return tl::unexpected(Refusal::Missing);
  const auto bearer = authorization.size() == 1 ? bearer_of(authorization.front()) : std::nullopt;
  if (!bearer || !is_token(*bearer)) return tl::unexpected(Refusal::Wrong);
  const auto found = tokens_.find(hash_of(*bearer));
  if (found == tokens_.end()) return tl::unexpected(Refusal::Wrong);
  store::Token& token = found->second;
  if (is_over(token, now())) return tl::unexpected(Refusal::Expired);
  note_use(token);
  return Caller{token.id, token.role};
}

void Authority::note_use(store::Token& token) {
  const UnixSeconds used = now() / kUseGrain * kUseGrain;
  if (token.last_used_at && used <= *token.last_used_at) return;
  token.last_used_at = used;
  const auto kept = kept_use_.find(token.id);
  if (kept != kept_use_.end() && used < kept->second + kUseKeptEvery) return;
  kept_use_[token.id] = used;
  // A disk that is full is no reason to turn its owner away.
  if (const auto noted = store_->note_use(token.id, used); !noted) {
    io::log::warn("the use of a token wasn't stored", {{"token", token.id}, {"why", noted.error().reason}});
  }
}

bool Authority::holds(const Caller& caller) const {
  if (caller.token == 0) return is_open();
  const store::Token* const token = find(caller.token);
  return token != nullptr && !is_over(*token, now());
}

std::unique_ptr<http::StreamSource> Authority::guard(const Caller& caller, std::unique_ptr<http::StreamSource> source) {
  return std::make_unique<GuardedStream>(shared_from_this(), caller, std::move(source));
}

Result<NewToken> Authority::add(const std::string& name, Role role, std::optional<UnixSeconds> expires_at) {
  if (!store_) return refused("the server has no store to keep tokens in: name a file in [store] of its configuration");
  if (!is_name(name)) {
    return refused("a token's name is 1 to " + std::to_string(kNameMax) + " bytes of UTF-8 without control characters");
  }
  if (expires_at && *expires_at <= now()) return refused("expires_at is past");
  if (tokens_.size() >= kTokensMax) return refused("there are " + std::to_string(kTokensMax) + " tokens already");
  const bool taken = std::any_of(tokens_.begin(), tokens_.end(), [&](const auto& each) { return each.second.name == name; });
  if (taken) return refused("there is a token \"" + name + "\" already");
  if (!had_any_ && (role != Role::Admin || expires_at)) {
    return refused("the first token must be for an admin and without an end, or nobody could make another");
  }
  auto text = make_token();
  if (!text) return tl::unexpected(text.error());
  NewToken made{{.name = name,
                 .role = role,
                 .hash = hash_of(text->reveal()),
                 .created_at = now(),
                 .expires_at = expires_at,
                 .last_used_at = std::nullopt},
                std::move(*text)};
  const auto id = store_->add(made.token);
  if (!id) return tl::unexpected(id.error());
  made.token.id = *id;
  had_any_ = true;
  by_id_.emplace(*id, made.token.hash);
  tokens_.emplace(made.token.hash, made.token);
  return made;
}

std::string Authority::describe(const Caller& caller) const {
  if (caller.token == 0) return "api";
  const store::Token* const token = find(caller.token);
  const std::string text = "token " + std::to_string(caller.token);
  return token == nullptr ? text : text + " (" + token->name + ")";
}

std::vector<store::Token> Authority::tokens() const {
  std::vector<store::Token> all;
  all.reserve(tokens_.size());
  for (const auto& [hash, token] : tokens_) all.push_back(token);
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return all;
}

Result<std::optional<store::Token>> Authority::remove(std::uint64_t id) {
  const store::Token* const found = find(id);
  if (found == nullptr) return std::optional<store::Token>();
  const auto removed = store_->remove(id);
  if (!removed) return tl::unexpected(removed.error());
  std::optional<store::Token> token = *found;
  tokens_.erase(token->hash);
  by_id_.erase(id);
  kept_use_.erase(id);
  return token;
}

}  // namespace drover::api
