// SPDX-License-Identifier: Apache-2.0
// A client::Client on real sockets: what the SDK and drover-device share.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/result.hpp"
#include "client/client.hpp"
#include "io/clock.hpp"
#include "io/driver.hpp"
#include "io/event_loop.hpp"
#include "io/udp_socket.hpp"
#include "security/dtls/provider.hpp"
#include "sdk/local_address.hpp"

namespace drover::sdk {

/// Owns the loop, the socket and the client. Except where said, everything on the thread that calls run(), or before
/// it.
class Runtime {
 public:
  /// The own address towards each server is looked at this often; a change registers anew (the Transport specification,
  /// "Registration Interface"). A change of the outside address of a NAT shows as 4.04 to the next Update instead.
  static constexpr Duration kAddressCheck = std::chrono::seconds(30);
  /// How long a de-registration may take at the end.
  static constexpr Duration kGoodbye = std::chrono::seconds(3);

  /// The own address towards a peer, without its port; nothing without a route.
  using RouteProbe = std::function<std::optional<transport::PeerAddress>(const transport::PeerAddress&)>;

  /// `settings.security` is this class's business. `watcher` looks over the shoulder of associations; it outlives this.
  explicit Runtime(client::ClientSettings settings, RouteProbe probe = local_address_towards,
                   security::dtls::Watcher* watcher = nullptr);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// Opens the local port, for a beginning or another one behind shut_down(); where `local` leaves it to the system, `port_before`, that of an earlier run, if it can still
  /// be had: without security a registration is bound to it. The error names address and reason.
  Result<void> open(const transport::PeerAddress& local, std::uint16_t port_before = 0);
  [[nodiscard]] transport::PeerAddress local() const { return socket_->local(); }
  /// Another local port, as after a change of network, and a new registration from there.
  Result<void> rebind();
  /// Puts a blank client in place of the one there is, as a device that starts anew: nothing is told to servers, and
  /// the socket stays unless its port was the system's choice. Then define objects and accounts, and start it. Not from
  /// within an event.
  void restart(client::ClientSettings settings);
  /// Looks at the own address towards each server, and registers anew with those where it changed. run() does so by
  /// itself.
  void check_addresses(Instant now);

  [[nodiscard]] client::Client& client() { return *client_; }
  [[nodiscard]] io::EventLoop& loop() { return loop_; }
  [[nodiscard]] const io::EventLoop& loop() const { return loop_; }
  /// Called for each event of the client but ResolveWanted, which is dealt with here.
  void on_event(std::function<void(const client::ClientEvent&)> sink) { sink_ = std::move(sink); }
  /// Called for each wrong packet, while coap::Parameters::report_drops is set.
  void on_drop(std::function<void(const coap::Drop&)> sink) { drop_sink_ = std::move(sink); }
  /// Called each time before anything is sent, once for all that arrived together: what must be on disk before it is
  /// acknowledged is written there. Must not call this class or change the client.
  void before_transmit(std::function<void(Instant)> hook) { before_transmit_ = std::move(hook); }

  /// What is sent to peers by short messages goes there; without it that is dropped. Empty ends it.
  void on_short_message(std::function<void(Instant, const transport::Transmit&)> send) { short_message_ = std::move(send); }
  /// A datagram that came by short messages. Only behind open().
  void handle(Instant at, const transport::Datagram& datagram);

  /// Behind each command to the client and each change of its tree.
  void flush();
  /// Runs the loop until shut_down() is through.
  void run();
  /// De-registers and ends run(), after kGoodbye at the latest.
  void shut_down();

 private:
  /// Lets a name look-up that ends after the runtime find out so.
  struct Mailbox;

  void after(Instant now);
  void resolve(const client::ResolveWanted& wanted);
  void drive();
  void make_client(client::ClientSettings settings);
  /// Certificates are judged by the system's clock, which may have been set since.
  void tell_time();

  io::SystemRng rng_;
  security::dtls::DtlsProvider security_;  ///< outlives the client
  io::EventLoop loop_;
  std::optional<client::Client> client_;
  std::optional<io::UdpSocket> socket_;
  std::optional<io::Driver<client::Client>> driver_;
  std::function<void(const client::ClientEvent&)> sink_;
  std::function<void(const coap::Drop&)> drop_sink_;
  std::function<void(Instant)> before_transmit_;
  std::function<void(Instant, const transport::Transmit&)> short_message_;
  std::shared_ptr<Mailbox> mailbox_;
  transport::PeerAddress asked_;  ///< what open() was asked for
  RouteProbe probe_;
  struct Route {
    transport::PeerAddress peer;
    transport::PeerAddress own;
  };
  /// Each server's, since each may lie on another network; of those that have an address in use.
  std::map<client::ServerId, Route> routes_;
  std::uint64_t generation_ = 0;  ///< of the client: a look-up of an earlier one is of no use
  Instant address_check_;
  std::optional<Instant> goodbye_;
  int waker_ = 0;
};

}  // namespace drover::sdk
