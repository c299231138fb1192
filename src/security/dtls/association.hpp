// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "security/association.hpp"
#include "security/dtls/configuration.hpp"

namespace drover::security::dtls {

/// A DTLS 1.2 association over Mbed TLS.
class DtlsAssociation final : public Association {
 public:
  static std::unique_ptr<DtlsAssociation> connect(Instant now, Configuration& configuration,
                                                  const Secret<Bytes>& session);
  static std::unique_ptr<DtlsAssociation> accept(Instant now, Configuration& configuration, ByteView connection_id);
  static Result<std::unique_ptr<Association>> restore(Instant now, Configuration& configuration, ByteView released);
  static std::optional<ReleasedPeer> inspect(ByteView released);
  static bool advance(Bytes& released, const RecordCounters& past);
  ~DtlsAssociation() override;

  Arrival handle_datagram(Instant now, ByteView datagram) override;
  void handle_timeout(Instant now) override;
  Result<void> send(Instant now, ByteView plaintext) override;
  void close(Instant now) override;
  std::optional<Bytes> poll_datagram() override;
  std::optional<Bytes> poll_plaintext() override;
  [[nodiscard]] std::optional<Deadline> deadline() const override;
  [[nodiscard]] AssociationState state() const override { return state_; }
  [[nodiscard]] const std::string& reason() const override { return reason_; }
  [[nodiscard]] const Identity& peer() const override { return peer_; }
  [[nodiscard]] CredentialId credential() const override { return credential_; }
  [[nodiscard]] std::string suite() const override;
  [[nodiscard]] bool is_resumed() const override { return resumed_; }
  [[nodiscard]] bool has_connection_id() const override;
  [[nodiscard]] RecordCounters counters() const override;
  [[nodiscard]] bool is_releasable() const override;
  Result<Secret<Bytes>> release() override;
  [[nodiscard]] Secret<Bytes> session() const override;

  // ---- for the library's callbacks
  // ----------------------------------------------------------------------------------
  [[nodiscard]] Instant now() const { return now_; }
  /// Of the handshake under way, in the words of reason().
  void refuse(std::string why) {
    if (refusal_.empty()) refusal_ = std::move(why);
  }
  void prove(Identity peer, CredentialId credential) {
    proved_ = std::move(peer);
    credential_ = credential;
  }
  [[nodiscard]] const Identity& proved() const { return proved_; }
  void resume(const ProvedSession& session);
  [[nodiscard]] Configuration& configuration() { return *configuration_; }
  /// What was wrong with the certificates above the peer's own.
  std::uint32_t chain_flags = 0;

 private:
  /// A deque would take half a kilobyte even when it is empty.
  class Queue {
   public:
    void push(Bytes bytes) { items_.push_back(std::move(bytes)); }
    std::optional<Bytes> pop();
    [[nodiscard]] bool empty() const { return items_.empty(); }
    void clear() { *this = {}; }

   private:
    std::vector<Bytes> items_;
    std::size_t next_ = 0;
  };

  DtlsAssociation(Instant now, Configuration& configuration);
  [[nodiscard]] bool set_up();
  void handshake();
  void established();
  void free_messages();
  void read();
  void fail(int code);
  void end(std::string reason);
  [[nodiscard]] std::string explain(int code) const;
  void remember_session();
  void watch(ByteView datagram) const;
  static int on_send(void* self, const unsigned char* bytes, std::size_t size);
  static int on_receive(void* self, unsigned char* buffer, std::size_t size);
  static void on_set_timer(void* self, std::uint32_t intermediate, std::uint32_t final);
  static int on_get_timer(void* self);
  static void on_keys(void* self, mbedtls_ssl_key_export_type type, const unsigned char* secret, std::size_t size,
                      const unsigned char client_random[32], const unsigned char server_random[32],
                      mbedtls_tls_prf_types prf);

  const std::shared_ptr<Configuration> configuration_;
  Context ssl_;
  AssociationState state_ = AssociationState::Handshaking;
  bool resumed_ = false;
  bool resuming_ = false;
  Instant now_;
  ByteView input_;  ///< what on_receive() gives next
  std::optional<Instant> intermediate_, final_;  ///< the library's timer
  Instant handshake_ends_{};
  Queue out_, in_;
  Identity peer_, proved_;
  CredentialId credential_{};
  std::string reason_, refusal_;
  Secret<Bytes> session_;  ///< client: what session() gives
  std::uint64_t keys_ = 0;  ///< names the keys for Watcher::sealed()
};

}  // namespace drover::security::dtls
