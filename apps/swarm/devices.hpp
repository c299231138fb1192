// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/swarm/answers.hpp"
#include "apps/swarm/associations.hpp"
#include "apps/swarm/options.hpp"
#include "apps/swarm/statistics.hpp"
#include "base/random.hpp"
#include "base/timers.hpp"
#include "coap/exchange/types.hpp"
#include "coap/message/message.hpp"
#include "lwm2m/operation/operation.hpp"

namespace drover::swarm {

/// An exchange that a device begins.
enum class Exchange : std::uint8_t { None, Register, Update, Deregister };

/// All devices of a swarm without their sockets: a CoAP endpoint of its own for each, but only as much of one as it
/// takes to have one exchange at a time and to answer one request at a time (NSTART 1, RFC 7252 §4.7), in about 150
/// bytes. Driven as a core object: handle_*, then what was sent through `send` and ended() is there.
class Devices {
 public:
  using Send = std::function<void(std::uint32_t device, Bytes bytes)>;

  /// `rng` and `associations` outlive this object. With `associations` messages go through those instead of `send`, a
  /// device registers over a new one where it has none, and whoever drives both hands on what associations give.
  Devices(const Options& options, Rng& rng, Send send, Associations* associations = nullptr);

  void handle_datagram(Instant now, std::uint32_t device, ByteView bytes);
  void handle_association(Instant now, const Associations::Event& event);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;

  /// Begins an exchange; without effect when the device has one under way, or isn't registered and it takes that.
  /// True when it began; a Register may have to wait for a handshake.
  bool begin(Instant now, std::uint32_t device, Exchange exchange);
  /// Exchanges under way.
  [[nodiscard]] std::uint32_t outstanding() const { return outstanding_; }
  [[nodiscard]] std::uint32_t registered() const { return registered_; }
  [[nodiscard]] bool is_registered(std::uint32_t device) const { return devices_[device].registered; }

  /// The counts of one kind of exchange since the last call for it; name and seconds are left to the caller.
  PhaseReport take_report(Exchange exchange);
  [[nodiscard]] const Activity& activity() const { return activity_; }

 private:
  struct Observation {
    lwm2m::Path path;
    std::optional<lwm2m::FormatNumber> accept;
    coap::Token token;
    coap::MessageId last;  ///< of the notification that a Reset would name
    std::uint32_t number = 0;
  };
  struct Device {
    Instant first_sent{};
    std::string location;  ///< the last segment of /rd/{location}
    Bytes answer;          ///< to the last request, for its repetition
    std::unique_ptr<std::vector<Observation>> observations;
    std::uint32_t lifetime = 0;
    std::uint32_t changes = 0;
    std::uint32_t token = 0;
    coap::MessageId next_id;
    coap::MessageId own;     ///< of the exchange under way
    coap::MessageId theirs;  ///< of the last request
    Exchange under_way = Exchange::None;
    std::uint8_t attempts = 0;
    bool acknowledged = false;
    bool connecting = false;  ///< the exchange waits for the association
    bool registered = false;
    bool update_wanted = false;
    bool reboot_wanted = false;
  };
  struct Count {
    std::uint64_t done = 0;
    Latencies latencies;
    std::map<std::string, std::uint64_t> errors;
  };

  static constexpr std::size_t kObservationsMax = 16;  ///< of one device; past it Observe is answered as Read

  [[nodiscard]] std::uint32_t number(std::uint32_t device) const { return options_.first + device; }
  [[nodiscard]] Readings readings(std::uint32_t device) const;
  void send(Instant now, std::uint32_t device, Bytes bytes);
  void start(Instant now, std::uint32_t device);
  void unregister(Device& device);
  void transmit(Instant now, std::uint32_t device);
  [[nodiscard]] coap::Request request_of(std::uint32_t device);
  void handle_request(Instant now, std::uint32_t device, coap::Message& message);
  void handle_response(Instant now, std::uint32_t device, const coap::Message& message);
  void handle_reset(Instant now, std::uint32_t device, coap::MessageId id);
  bool observe(Instant now, Device& device, std::uint32_t index, const lwm2m::Downlink& operation,
               const coap::Token& token);
  void end_observation(Device& device, std::uint32_t index, std::size_t at);
  void notify(Instant now, std::uint32_t device);
  void finish(Instant now, std::uint32_t device, const std::optional<std::string>& error);
  void after_success(Device& device, Exchange exchange);
  void plan(Instant now, std::uint32_t device, Exchange ended);
  void send_empty(Instant now, std::uint32_t device, coap::Type type, coap::MessageId id);
  Duration up_to_half_more(Duration least);

  Rng& rng_;
  Send send_;
  Associations* associations_;
  Answers answers_;
  lwm2m::Uplink register_;  ///< all but the endpoint is the same for every device
  Options options_;
  Duration update_every_;
  Duration notify_every_;
  std::vector<Device> devices_;
  Timers exchanges_;  ///< repetition or end of an exchange, or the next one
  Timers notifications_;
  std::map<Exchange, Count> counts_;
  Activity activity_;
  std::uint32_t outstanding_ = 0;
  std::uint32_t registered_ = 0;
};

}  // namespace drover::swarm
