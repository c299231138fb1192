// SPDX-License-Identifier: Apache-2.0
// The security associations of a client's accounts, between the socket and the CoAP endpoint.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "client/attributes.hpp"
#include "client/callers.hpp"
#include "client/security_values.hpp"
#include "security/acceptor.hpp"
#include "security/association.hpp"
#include "transport/datagram.hpp"

namespace drover::client {

/// Messages to and from this server go through its association from now on.
struct ChannelUp {
  ServerId server = 0;
};
/// There is none any more, and nobody here wanted that: the handshake failed, or the server ended it.
struct ChannelDown {
  ServerId server = 0;
  std::string reason;
};
using ChannelEvent = std::variant<ChannelUp, ChannelDown>;

/// What of a channel outlives the process.
struct SavedChannel {
  ServerId server = 0;
  std::uint64_t fingerprint = 0;   ///< of host and credential: with others it is of no use
  transport::PeerAddress address;  ///< of the server
  Secret<Bytes> released;          ///< Association::release(): good for one use; empty when it was killed
  Secret<Bytes> session;           ///< Association::session(), or empty
  bool sms = false;                ///< its records are short messages
};

/// One channel a secure account. CoAP knows a server by name(), which stays when the server, the client or the
/// association change: exchanges and observations outlive a new handshake.
///
/// Drive it by the one contract: one handle_* or command, then drain every poll_*, then wait for deadline(). One
/// thread at a time.
class Channels {
 public:
  /// Without a provider no account can be configured. With `rng` servers may begin handshakes, too (Transport "LwM2M
  /// and DTLS Roles"): such an association becomes that of the account whose keys it proved. Both outlive this.
  /// `path` is what carries their records: the network, or short messages.
  explicit Channels(drover::security::Provider* provider, Rng* rng = nullptr,
                    drover::security::Path path = drover::security::Path::Network)
      : provider_(provider), path_(path) {
    if (provider != nullptr && rng != nullptr) callers_.emplace(*provider, *rng);
  }

  /// The name of a server towards CoAP: Kind::Association.
  [[nodiscard]] transport::PeerAddress name(ServerId server) const { return name(server, path_); }
  static transport::PeerAddress name(ServerId server, drover::security::Path path) {
    return transport::PeerAddress::association(server, path == drover::security::Path::Sms);
  }

  /// The error says why there can't be an association with these values, without a word of theirs.
  [[nodiscard]] Result<void> check(const std::string& host, const SecurityValues& values) const;
  /// Makes the account known, or takes note of its credentials, which check() took. True when there were others: their
  /// association has been closed with a goodbye, and connect() makes a new one.
  bool configure(Instant now, ServerId server, const std::string& host, const SecurityValues& values);
  /// Says goodbye and forgets the account.
  void remove(Instant now, ServerId server);
  [[nodiscard]] bool has(ServerId server) const { return channels_.contains(server); }

  /// Sees to it that there is an association with the server at `address`; ChannelUp or ChannelDown follows unless
  /// is_up() now. It is resumed if it can be, by an abbreviated handshake.
  void connect(Instant now, ServerId server, const transport::PeerAddress& address);
  /// Says goodbye; what is needed to resume stays.
  void close(Instant now, ServerId server);
  /// The same without a word to a server that doesn't seem to hear.
  void drop(ServerId server);
  /// What was protected before the way to the server changed may not find it any more: drops the association unless a
  /// Connection ID makes it independent of the way (RFC 9146).
  void address_changed(ServerId server);
  [[nodiscard]] bool is_up(ServerId server) const;
  /// The server has begun the association that is up.
  [[nodiscard]] bool was_called(ServerId server) const;

  /// True when it was for a channel.
  bool handle_datagram(Instant now, const transport::Datagram& datagram);
  void handle_timeout(Instant now);
  /// A message to a name(). Dropped while there is no association: CoAP repeats what matters.
  void send(Instant now, const transport::Transmit& message);

  std::optional<transport::Transmit> poll_transmit();
  /// From a name().
  std::optional<transport::Transmit> poll_message();
  std::optional<ChannelEvent> poll_event();
  [[nodiscard]] std::optional<Deadline> deadline() const;

  // ---- over restarts
  // -------------------------------------------------------------------------------------------------
  /// Takes the associations out, for save(): nothing is sent any more. What can't be moved is closed with a goodbye.
  void release(Instant now);
  [[nodiscard]] std::vector<SavedChannel> save() const;
  /// For an account that is configured, before connect(). `saved` must be out of the storage by now: its association is
  /// used here, and twice it would use nonces twice.
  void restore(Instant now, const SavedChannel& saved);
  /// Differs whenever save() may differ.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }

 private:
  struct Channel {
    std::string host;
    SecurityValues values;
    std::uint64_t fingerprint = 0;
    transport::PeerAddress address;
    Secret<Bytes> session, released;
    std::unique_ptr<drover::security::Connector> connector;  ///< outlives the association
    std::shared_ptr<CallerRole> role;                        ///< as `connector`, where the server has begun
    std::unique_ptr<drover::security::Association> association;
    bool up = false;
    bool offered_session = false;
    bool heard = false;  ///< the server has answered in this handshake
  };

  void begin(Instant now, ServerId server, Channel& channel);
  void drain(Instant now, ServerId server, Channel& channel);
  void ended(Instant now, ServerId server, Channel& channel);
  void take_datagrams(Channel& channel);
  [[nodiscard]] bool is_from(const Channel& channel, const transport::PeerAddress& from) const;
  void expect_callers();
  void take_callers(Instant now);
  void say_goodbye(Instant now, Channel& channel);
  static void let_go(Channel& channel);
  [[nodiscard]] static std::uint64_t fingerprint(const std::string& host, const SecurityValues& values);

  drover::security::Provider* provider_;
  drover::security::Path path_;
  std::optional<Callers> callers_;
  std::map<ServerId, Channel> channels_;
  std::deque<transport::Transmit> transmits_;
  std::deque<transport::Transmit> messages_;
  std::deque<ChannelEvent> events_;
  std::uint64_t revision_ = 0;
};

}  // namespace drover::client
