// SPDX-License-Identifier: Apache-2.0
// A client::Client on real sockets: what the SDK and drover-device share.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/result.hpp"
#include "client/client.hpp"
#include "io/clock.hpp"
#include "io/driver.hpp"
#include "io/event_loop.hpp"
#include "io/udp_socket.hpp"

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

  explicit Runtime(client::ClientSettings settings);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// Opens the local port. The error names address and reason.
  Result<void> open(const transport::PeerAddress& local);
  [[nodiscard]] transport::PeerAddress local() const { return socket_->local(); }
  /// Another local port, as after a change of network, and a new registration from there.
  Result<void> rebind();

  [[nodiscard]] client::Client& client() { return *client_; }
  [[nodiscard]] io::EventLoop& loop() { return loop_; }
  /// Called for each event of the client but ResolveWanted, which is dealt with here.
  void on_event(std::function<void(const client::ClientEvent&)> sink) { sink_ = std::move(sink); }

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
  void check_address(Instant now);
  void drive();

  io::SystemRng rng_;
  io::EventLoop loop_;
  std::optional<client::Client> client_;
  std::optional<io::UdpSocket> socket_;
  std::optional<io::Driver<client::Client>> driver_;
  std::function<void(const client::ClientEvent&)> sink_;
  std::shared_ptr<Mailbox> mailbox_;
  transport::PeerAddress asked_;  ///< what open() was asked for
  std::optional<transport::PeerAddress> own_address_;
  Instant address_check_;
  std::optional<Instant> goodbye_;
  int waker_ = 0;
};

}  // namespace drover::sdk
