// SPDX-License-Identifier: Apache-2.0
// Keeps web pages of others from using a server that trusts everybody on this machine, because nobody has made a token
// yet (DNS rebinding, cross-site requests).
#pragma once

#include <string_view>

namespace drover::api::http {

/// True for "localhost", a dotted 127.0.0.0/8 literal or "[::1]", each with or without ":PORT".
bool is_loopback_host(std::string_view host);

/// True when `origin` (RFC 6454) is what a page of the server named by `host` has: "http://", "https://" with TLS, and
/// the same authority.
bool is_same_origin(std::string_view origin, std::string_view host, bool secure);

}  // namespace drover::api::http
