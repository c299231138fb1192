// SPDX-License-Identifier: Apache-2.0
#include "api/tokens.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cassert>

#include "lwm2m/content/base64.hpp"

namespace drover::api {

const char* to_string(Role role) {
  switch (role) {
    case Role::Read: return "read";
    case Role::Operate: return "operate";
    case Role::Admin: return "admin";
  }
  return "";
}

std::optional<Role> parse_role(std::string_view text) {
  for (const Role role : {Role::Read, Role::Operate, Role::Admin}) {
    if (text == to_string(role)) return role;
  }
  return std::nullopt;
}

Result<Secret<std::string>> make_token() {
  Bytes random(kTokenRandomBytes);
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return tl::unexpected(Error{Fault::Environment, 0, "the system has no random numbers for a token"});
  }
  std::string text = lwm2m::content::to_base64(random);
  OPENSSL_cleanse(random.data(), random.size());
  text.resize(text.find('='));
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  text.insert(0, kTokenPrefix);
  assert(is_token(text));
  return Secret<std::string>(std::move(text));
}

bool is_token(std::string_view text) {
  if (text.size() != kTokenSize || !text.starts_with(kTokenPrefix)) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

store::TokenHash hash_of(std::string_view token) {
  static_assert(store::kTokenHashSize == SHA256_DIGEST_LENGTH);
  store::TokenHash hash{};
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), hash.data());
  return hash;
}

bool same_hash(const store::TokenHash& a, const store::TokenHash& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace drover::api
