// SPDX-License-Identifier: Apache-2.0
// Where the API may be served.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace drover::api {

enum class Scheme : std::uint8_t {
  Unsaid,  ///< https when there is a certificate, else http
  Http,
  Https,
};

struct ListenAddress {
  std::string host;  ///< an IP address without brackets
  std::uint16_t port = 0;
  Scheme scheme = Scheme::Unsaid;
  bool loopback = true;

  [[nodiscard]] bool is_secure(bool have_certificate) const {
    return scheme == Scheme::Https || (scheme == Scheme::Unsaid && have_certificate);
  }
};

/// "127.0.0.1:8080", "[::1]:8080", "localhost:8080", "[::]:8443", each with or without http:// or https:// before it;
/// port 0 is a free one. Fault::Us, and how to mend it, for any other form.
Result<ListenAddress> parse_listen_address(const std::string& text);

/// Whoever can reach an address that isn't loopback must prove itself, over TLS. Fault::Us, naming what is missing.
/// `text` is what was parsed.
Result<void> check_listen_address(const std::string& text, const ListenAddress& address, bool have_certificate,
                                  bool have_token);

}  // namespace drover::api
