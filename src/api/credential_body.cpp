// SPDX-License-Identifier: Apache-2.0
#include "api/credential_body.hpp"

#include <limits>
#include <nlohmann/json.hpp>

#include "io/log.hpp"
#include "lwm2m/content/base64.hpp"
#include "store/key_files.hpp"
#include "store/key_text.hpp"
#include "store/sealer.hpp"

namespace drover::api {

using security::IdentityKind;

namespace {

template <class T>
using Made = tl::expected<T, Problem>;

/// The secret key of `key` or `generate`.
struct KeyMember {
  Secret<Bytes> key;
  bool is_generated = false;
};
KeyMember read_key(Members& members) {
  KeyMember read;
  const auto text = members.text("key");
  read.is_generated = members.truth("generate").value_or(false);
  const auto size = members.number("key_bytes", store::kGeneratedMin, store::kGeneratedMax);
  if (members.has("key_bytes") && !read.is_generated) members.note("key_bytes", "goes with generate");
  if (text && read.is_generated) members.note("generate", "doesn't go with key");
  if (text) {
    auto bytes = store::parse_key(*text);
    if (!bytes) members.note("key", "must be hexadecimal digits, or base64: and Base64");
    if (bytes) read.key = Secret<Bytes>(std::move(*bytes));
  }
  if (!read.is_generated || members.problem()) return read;
  auto made = store::random_secret(
      size ? static_cast<std::size_t>(*size) : store::kGeneratedDefault);
  if (!made) members.note("generate", "can't be done: the system gives no random bytes");
  if (made) read.key = std::move(*made);
  return read;
}

/// Of `identity`, or of `public_key` for a raw public key.
std::string read_identity(Members& members, IdentityKind kind) {
  if (kind != IdentityKind::PublicKey) {
    if (members.has("public_key")) members.note("public_key", "goes with kind public-key");
    return members.text("identity").value_or("");
  }
  if (members.has("identity")) members.note("identity", "is the public key itself: give public_key");
  const auto text = members.text("public_key").value_or("");
  const bool is_pem = text.starts_with("-----");
  const auto der = is_pem ? std::nullopt : lwm2m::content::from_base64(text);
  const auto parsed = is_pem ? store::parse_public_key(as_bytes(text), "public_key")
                             : store::parse_public_key(der.value_or(Bytes{}), "public_key");
  if (!parsed) {
    members.note("public_key", "must be a SubjectPublicKeyInfo as PEM, or as DER in Base64");
    return {};
  }
  return std::string(as_text(*parsed));
}

}  // namespace

Made<Asked<store::NewCredential>> new_credential_body(const http::Request& request) {
  auto members = Members::parse(request, {"purpose", "kind", "identity", "key", "generate", "key_bytes", "public_key",
                                          "endpoint", "label", "expires_at", "enabled"});
  if (!members) return tl::unexpected(members.error());
  Asked<store::NewCredential> asked;
  store::NewCredential& credential = asked.value;
  const auto kind = store::parse_kind(members->text("kind").value_or(""));
  if (!kind) return tl::unexpected(bad_value("kind", "kind must be psk, public-key or certificate"));
  credential.kind = *kind;
  const auto purpose = store::parse_purpose(members->text("purpose").value_or("server"));
  if (!purpose) members->note("purpose", "must be server or bootstrap");
  credential.purpose = purpose.value_or(store::Purpose::Server);
  credential.identity = read_identity(*members, *kind);
  KeyMember key = read_key(*members);
  if (key.is_generated && *kind != IdentityKind::Psk) members->note("generate", "goes with kind psk");
  credential.endpoint = members->text_or_null("endpoint").value_or("");
  credential.label = members->text("label").value_or("");
  credential.expires_at = members->time("expires_at").value_or(std::nullopt);
  credential.enabled = members->truth("enabled").value_or(true);
  if (members->problem()) return tl::unexpected(*members->problem());
  if (key.is_generated) asked.generated = key.key;
  credential.key = std::move(key.key);
  return asked;
}

Made<Asked<store::Rotation>> rotation_body(const http::Request& request, IdentityKind kind) {
  auto members = Members::parse(
      request, {"identity", "key", "generate", "key_bytes", "public_key", "label", "retire_after"});
  if (!members) return tl::unexpected(members.error());
  Asked<store::Rotation> asked;
  asked.value.identity = read_identity(*members, kind);
  KeyMember key = read_key(*members);
  if (key.is_generated && kind != IdentityKind::Psk) members->note("generate", "goes with kind psk");
  asked.value.label = members->text("label");
  if (const auto seconds = members->number("retire_after", 0, std::numeric_limits<std::uint32_t>::max())) {
    asked.value.retire_after = static_cast<std::uint32_t>(*seconds);
  }
  if (members->problem()) return tl::unexpected(*members->problem());
  if (key.is_generated) asked.generated = key.key;
  asked.value.key = std::move(key.key);
  return asked;
}

Made<store::CredentialChange> change_body(const http::Request& request) {
  auto members = Members::parse(request, {"endpoint", "label", "enabled", "expires_at"});
  if (!members) return tl::unexpected(members.error());
  store::CredentialChange change;
  change.endpoint = members->text_or_null("endpoint");
  change.label = members->text("label");
  change.enabled = members->truth("enabled");
  change.expires_at = members->time("expires_at");
  if (members->problem()) return tl::unexpected(*members->problem());
  return change;
}

Json to_json(const store::Credential& credential) {
  const bool raw = credential.kind == IdentityKind::PublicKey;
  const ByteView der = as_bytes(credential.identity);
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  return {{"id", credential.id.value},
          {"purpose", store::to_string(credential.purpose)},
          {"kind", security::to_string(credential.kind)},
          {"identity", raw ? store::fingerprint(der) : credential.identity},
          {"public_key", raw ? Json(lwm2m::content::to_base64(der)) : Json(nullptr)},
          {"endpoint", text_or_null(credential.endpoint)},
          {"label", credential.label},
          {"issuer", text_or_null(credential.issuer)},
          {"enabled", credential.enabled},
          {"created_at", credential.created_at},
          {"expires_at", credential.expires_at ? Json(*credential.expires_at) : Json(nullptr)}};
}

Problem to_problem(const store::Refusal& refusal) {
  using Why = store::Refusal::Why;
  switch (refusal.why) {
    case Why::Invalid: return bad_value(refusal.field, refusal.reason);
    case Why::Conflict:
    case Why::Full: return {.status = 409, .kind = "conflict", .detail = refusal.reason};
    case Why::NotFound: return {.status = 404, .kind = "not-found", .detail = refusal.reason};
    case Why::Disk: break;
  }
  io::log::error("credentials can't be stored", {{"why", refusal.reason}});
  return {.status = 503, .kind = "unavailable", .detail = "the server can't store its credentials; its log says why"};
}

}  // namespace drover::api
