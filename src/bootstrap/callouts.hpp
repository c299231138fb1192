// SPDX-License-Identifier: Apache-2.0
// DTLS associations that the Bootstrap-Server begins (Transport "LwM2M and DTLS Roles").
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/result.hpp"
#include "base/time.hpp"
#include "security/acceptor.hpp"
#include "security/association.hpp"
#include "transport/datagram.hpp"

namespace drover::bootstrap {

struct CalloutUp {
  transport::PeerAddress name;
};
struct CalloutDown {
  transport::PeerAddress name;
  std::string reason;
};

/// Drive it by the one contract. One association an address at a time; few, since each is somebody's command.
class Callouts {
 public:
  /// `provider` may be nullptr: then open() is refused. It outlives this.
  explicit Callouts(security::Provider* provider) : provider_(provider) {}

  /// Begins a handshake with the device at `address` (Kind::Dtls). The name is of Kind::Association and no Listener's.
  /// A device's certificate must name
  /// `endpoint`. CalloutUp or CalloutDown follows. Errors: no DTLS, wrong keys, one is under way there.
  Result<transport::PeerAddress> open(Instant now, const transport::PeerAddress& address,
                                      const security::ClientCredential& credential, const std::string& endpoint);
  /// Says goodbye and forgets it; no event.
  void close(Instant now, const transport::PeerAddress& name);
  [[nodiscard]] bool has(const transport::PeerAddress& name) const { return callouts_.contains(name.handle()); }

  /// True when it was of an association of this.
  bool handle_datagram(Instant now, const transport::Datagram& datagram);
  void handle_timeout(Instant now);
  void send(Instant now, const transport::PeerAddress& name, ByteView message);

  std::optional<transport::Transmit> poll_transmit();
  /// From a name.
  std::optional<transport::Transmit> poll_message();
  std::optional<CalloutUp> poll_up();
  std::optional<CalloutDown> poll_down();
  [[nodiscard]] std::optional<Deadline> deadline() const;

 private:
  struct Callout {
    transport::PeerAddress address;
    std::unique_ptr<security::Connector> connector;  ///< outlives the association
    std::unique_ptr<security::Association> association;
    bool up = false;
  };
  void drain(std::uint64_t handle);
  void forget(std::uint64_t handle);

  security::Provider* provider_;
  std::map<std::uint64_t, Callout> callouts_;
  std::unordered_map<transport::PeerAddress, std::uint64_t> by_address_;
  std::uint64_t last_ = 0;
  std::deque<transport::Transmit> transmits_, messages_;
  std::deque<CalloutUp> up_;
  std::deque<CalloutDown> down_;
};

}  // namespace drover::bootstrap
