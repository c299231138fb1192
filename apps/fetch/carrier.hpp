// SPDX-License-Identifier: Apache-2.0
// A CoAP endpoint with one server, over DTLS or not.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "base/random.hpp"
#include "base/time.hpp"
#include "client/channels.hpp"
#include "security/dtls/provider.hpp"
#include "stack/endpoint.hpp"
#include "transport/datagram.hpp"

namespace drover::fetch {

/// Satisfies io::Driven.
class Carrier {
 public:
  explicit Carrier(Rng& rng);

  /// From now on nothing goes without DTLS. The keys have passed Channels::check().
  void protect(const std::string& host, const client::SecurityValues& keys);
  /// Where requests for the server at `address` go to; what is sent before the handshake is through is repeated by CoAP.
  transport::PeerAddress connect(Instant now, const transport::PeerAddress& address);
  stack::Endpoint& endpoint() { return endpoint_; }
  /// Why there is no association any more.
  [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }

  void handle_datagram(Instant now, const transport::Datagram& datagram);
  void handle_timeout(Instant now);
  std::optional<transport::Transmit> poll_transmit();
  [[nodiscard]] std::optional<Deadline> deadline() const;

 private:
  static constexpr client::ServerId kServer = 1;
  void settle(Instant now);

  security::dtls::DtlsProvider provider_;
  client::Channels channels_;
  stack::Endpoint endpoint_;
  std::deque<transport::Transmit> early_;  ///< waits for the handshake
  std::optional<std::string> failure_;
  Instant now_{};
  bool secure_ = false;
};

}  // namespace drover::fetch
