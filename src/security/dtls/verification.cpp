// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/verification.hpp"

#include <mbedtls/oid.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/uri.hpp"
#include "security/dtls/association.hpp"
#include "transport/datagram.hpp"

namespace drover::security::dtls {
namespace {

// Types of GeneralName (RFC 5280 §4.2.1.6).
constexpr int kDnsName = 2;
constexpr int kUri = 6;
constexpr int kIpAddress = 7;

ByteView view(const mbedtls_x509_buf& buffer) {
  return {buffer.p, buffer.len};
}

UnixSeconds unix_seconds(const mbedtls_x509_time& time) {
  using namespace std::chrono;
  const sys_days date = year(time.year) / month(static_cast<unsigned>(time.mon)) / day(static_cast<unsigned>(time.day));
  return duration_cast<seconds>(date.time_since_epoch()).count() + time.hour * 3600 + time.min * 60 + time.sec;
}

std::string common_name(const mbedtls_x509_crt& certificate) {
  for (const mbedtls_x509_name* name = &certificate.subject; name != nullptr; name = name->next) {
    if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &name->oid) == 0) return std::string(as_text(view(name->val)));
  }
  return {};
}

template <class Visit>
void for_alternative_names(const mbedtls_x509_crt& certificate, Visit visit) {
  for (const mbedtls_x509_sequence* name = &certificate.subject_alt_names; name != nullptr && name->buf.p != nullptr;
       name = name->next) {
    visit(name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK, view(name->buf));
  }
}

/// Transport "X.509 Certificates": an IP literal must be the common name or a URI entry; an iPAddress entry is what
/// everybody else writes (RFC 6125 §1.7.2, RFC 9525 §6.5).
bool names_address(const mbedtls_x509_crt& certificate, const std::array<std::uint8_t, 16>& address) {
  bool found = parse_ip(common_name(certificate)) == address;
  for_alternative_names(certificate, [&](int type, ByteView name) {
    if (type == kIpAddress && name.size() == 16) found |= std::equal(name.begin(), name.end(), address.begin());
    if (type == kIpAddress && name.size() == 4) {
      const bool v4 = std::equal(address.begin() + 12, address.end(), name.begin());
      constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
      found |= v4 && std::equal(std::begin(kMapped), std::end(kMapped), address.begin());
    }
    if (type == kUri) {
      const auto uri = parse_uri(as_text(name));
      found |= parse_ip(uri ? uri->host : as_text(name)) == address;
    }
  });
  return found;
}

std::uint32_t check_time(const Configuration& configuration, Instant now, const mbedtls_x509_crt& certificate) {
  // A device that doesn't know the time can't check it; the specification doesn't mandate how it would.
  const auto wall = configuration.wall(now);
  if (!wall) return 0;
  std::uint32_t flags = 0;
  if (*wall < unix_seconds(certificate.valid_from)) flags |= MBEDTLS_X509_BADCERT_FUTURE;
  if (*wall > unix_seconds(certificate.valid_to)) flags |= MBEDTLS_X509_BADCERT_EXPIRED;
  return flags;
}

std::string describe(std::uint32_t flags) {
  if ((flags & MBEDTLS_X509_BADCERT_EXPIRED) != 0) return "the peer's certificate has expired";
  if ((flags & MBEDTLS_X509_BADCERT_FUTURE) != 0) return "the peer's certificate isn't valid yet";
  if ((flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0) return "the certificate is for another host";
  if ((flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0) return "the peer's certificate leads to no trust anchor";
  std::array<char, 256> words{};
  mbedtls_x509_crt_verify_info(words.data(), words.size(), "", flags);
  std::string text(words.data());
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return "the peer's certificate isn't valid: " + text;
}

void verify_raw_key(DtlsAssociation& association, const mbedtls_x509_crt& key, std::uint32_t& flags) {
  const Configuration& configuration = association.configuration();
  const ByteView bytes = view(key.raw);
  Identity identity{IdentityKind::PublicKey, fingerprint(bytes), {}};
  std::optional<CredentialId> known;
  if (configuration.is_server()) {
    known = configuration.source()->find_public_key(bytes);
  } else if (std::equal(bytes.begin(), bytes.end(), configuration.server_public_key().begin(),
                        configuration.server_public_key().end())) {
    known = CredentialId{};
  }
  if (!known) {
    association.refuse("another public key than the expected one: " + identity.to_string());
    return;
  }
  flags = 0;
  association.prove(std::move(identity), *known);
}

std::uint32_t verify_server(const Configuration& configuration, const mbedtls_x509_crt& certificate,
                            std::uint32_t flags, std::uint32_t time_flags) {
  // Transport "X.509 Certificates", domain-issued mode: the very certificate is known.
  const ByteView bytes = view(certificate.raw);
  const Bytes& pinned = configuration.server_public_key();
  if (std::equal(bytes.begin(), bytes.end(), pinned.begin(), pinned.end())) return time_flags;
  if (const auto address = parse_ip(configuration.host()); address && !names_address(certificate, *address)) {
    flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
  }
  return flags;
}

}  // namespace

std::optional<std::array<std::uint8_t, 16>> parse_ip(std::string_view host) {
  std::string text(host);
  if (text.find(':') != std::string::npos && text.front() != '[') text = "[" + text + "]";
  const auto address = transport::PeerAddress::parse(text + ":1");
  if (!address) return std::nullopt;
  return address->host;
}

Identity identity_of(const mbedtls_x509_crt& certificate) {
  Identity identity{IdentityKind::Certificate, fingerprint(view(certificate.raw)), {}};
  const auto add = [&](std::string name) {
    const bool fits = !name.empty() && name.size() <= Identity::kNameMax && identity.names.size() < Identity::kNamesMax;
    // A name with a zero byte is how certificates lie to programs that read it as a C string.
    if (!fits || name.find('\0') != std::string::npos) return;
    if (std::find(identity.names.begin(), identity.names.end(), name) == identity.names.end()) {
      identity.names.push_back(std::move(name));
    }
  };
  add(common_name(certificate));
  for_alternative_names(certificate, [&](int type, ByteView name) {
    if (type == kDnsName || type == kUri) add(std::string(as_text(name)));
  });
  return identity;
}

int verify_peer(void* self, mbedtls_x509_crt* certificate, int depth, std::uint32_t* flags) {
  auto& association = *static_cast<DtlsAssociation*>(self);
  const Configuration& configuration = association.configuration();
  if (configuration.uses_raw_keys()) {
    verify_raw_key(association, *certificate, *flags);
    return 0;
  }
  const std::uint32_t time_flags = check_time(configuration, association.now(), *certificate);
  *flags |= time_flags;
  if (depth > 0) {
    // The peer's own certificate may be the expected one: then it doesn't matter where its path leads.
    association.chain_flags |= *flags;
    *flags = 0;
    return 0;
  }
  *flags |= association.chain_flags;
  if (!configuration.is_server()) *flags = verify_server(configuration, *certificate, *flags, time_flags);
  if (*flags != 0) {
    association.refuse(describe(*flags));
    return 0;
  }
  Identity identity = identity_of(*certificate);
  const auto known = configuration.is_server() ? configuration.source()->find_certificate(identity)
                                               : std::optional<CredentialId>(CredentialId{});
  if (!known) {
    *flags |= MBEDTLS_X509_BADCERT_OTHER;
    association.refuse("the certificate isn't wanted here: " + identity.to_string());
    return 0;
  }
  association.prove(std::move(identity), *known);
  return 0;
}

}  // namespace drover::security::dtls
