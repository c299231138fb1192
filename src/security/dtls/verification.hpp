// SPDX-License-Identifier: Apache-2.0
// Who a peer's certificate or raw public key says it is, and whether that may be.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "security/dtls/mbedtls.hpp"
#include "security/identity.hpp"

namespace drover::security::dtls {

/// The library's verify callback; `association` is a DtlsAssociation. Called for each certificate of the path, the
/// peer's own at last.
int verify_peer(void* association, mbedtls_x509_crt* certificate, int depth, std::uint32_t* flags);

/// Fingerprint and names of a certificate.
Identity identity_of(const mbedtls_x509_crt& certificate);

/// The address that an IP literal means, IPv4 as ::ffff:a.b.c.d; nothing for names. With or without brackets.
std::optional<std::array<std::uint8_t, 16>> parse_ip(std::string_view host);

}  // namespace drover::security::dtls
