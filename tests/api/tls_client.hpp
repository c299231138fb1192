// SPDX-License-Identifier: Apache-2.0
// A TLS connection to a loopback port. Every wait ends after ten seconds.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace drover::api::test {

class TlsClient {
 public:
  struct Settings {
    std::string authority;           ///< PEM file
    std::string host = "localhost";  ///< that the certificate must be for
    int version_max = 0;             ///< TLS1_2_VERSION, say
  };
  TlsClient(int port, const Settings& settings);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  /// The handshake went well, and the certificate is one that the settings ask for.
  [[nodiscard]] bool connected() const { return connected_; }
  /// Why it didn't.
  [[nodiscard]] const std::string& reason() const { return reason_; }
  [[nodiscard]] std::string version() const;
  bool send(std::string_view text);
  std::string read_through(std::string_view text);
  std::string read_all();
  /// The peer said close_notify before it closed.
  [[nodiscard]] bool ended_well() const { return ended_well_; }

 private:
  bool fill();
  int fd_ = -1;
  std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> context_;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
  bool connected_ = false;
  bool ended_well_ = false;
  std::string reason_;
  std::string buffer_;
};

}  // namespace drover::api::test
