// SPDX-License-Identifier: Apache-2.0
// A DTLS endpoint over Mbed TLS in memory: datagrams go from one to the other through queues that a test may edit.
#pragma once

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cache.h>
#include <mbedtls/ssl_ticket.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "base/bytes.hpp"
#include "keys.hpp"

namespace drover::tests {

enum class Role { Client, Server };
enum class Kind { Psk, RawPublicKey, Certificate };

using Verify = std::function<int(mbedtls_x509_crt&, int depth, std::uint32_t& flags)>;

struct Options {
  Kind kind = Kind::Psk;
  std::vector<int> suites = {MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8};
  Bytes psk = Bytes(16, 0x5a);
  KeyPair own = {};           ///< key and public key for RawPublicKey, key for Certificate
  std::vector<Bytes> chain = {};
  Bytes anchor = {};
  std::optional<Verify> verify = {};
  int authentication = MBEDTLS_SSL_VERIFY_REQUIRED;
  std::uint16_t mtu = 0;
  std::optional<Bytes> connection_id = {};
  unsigned char max_fragment = MBEDTLS_SSL_MAX_FRAG_LEN_NONE;
  mbedtls_ssl_cache_context* cache = nullptr;
  mbedtls_ssl_ticket_context* tickets = nullptr;
  mbedtls_ssl_session* session = nullptr;  ///< what a client resumes
};

/// Both sides with the credentials of material(), each trusting the other.
Options usual(Role role, Kind kind, int suite);

class Endpoint {
 public:
  Endpoint(Role role, Options options);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  /// Goes on with the handshake as far as what has arrived leads. 0 when it is over, MBEDTLS_ERR_SSL_WANT_READ, or why
  /// it failed.
  int step();
  int write(ByteView plaintext);
  /// One plaintext, or the error.
  std::optional<Bytes> read(int* error = nullptr);

  mbedtls_ssl_context& ssl() { return ssl_; }
  mbedtls_ssl_config& config() { return config_; }
  /// What the last step() came to.
  [[nodiscard]] int result() const { return result_; }
  /// How often the verify callback was called.
  [[nodiscard]] int judged() const { return judged_; }

  std::deque<Bytes> in, out;

 private:
  void configure_credentials();
  void connect(Role role);

  Options options_;
  mbedtls_ssl_config config_{};
  mbedtls_ssl_context ssl_{};
  mbedtls_x509_crt own_{}, anchor_{};
  mbedtls_pk_context key_{};
  std::mt19937_64 random_;
  std::uint32_t final_ms_ = 0;
  int result_ = MBEDTLS_ERR_SSL_WANT_READ;
  int judged_ = 0;
};

/// May change a datagram on its way, or drop it by making it empty.
using Meddle = std::function<void(Role from, Bytes& datagram)>;

/// Runs the handshake until both are done or nothing moves any more. True when both are established.
bool shake(Endpoint& client, Endpoint& server, const Meddle& meddle = {});
/// One plaintext there and back.
bool echo(Endpoint& client, Endpoint& server, std::size_t size = 64);
void deliver(Endpoint& from, Endpoint& to);

/// Calls `edit` with the body of each handshake message of that type in a datagram whose messages are whole, and repairs
/// the lengths around it.
void edit_message(Bytes& datagram, std::uint8_t type, const std::function<void(Bytes& body)>& edit);
/// Replaces all occurrences, of the same length; true if there was one.
bool replace(Bytes& datagram, ByteView from, ByteView to);

}  // namespace drover::tests
