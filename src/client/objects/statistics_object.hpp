// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "client/behaviour.hpp"
#include "transport/datagram.hpp"

namespace drover::client {

class ObjectTree;

/// Behaviour of the Connectivity Statistics object (Core E.8): counts the client's own datagrams with their UDP and IP
/// headers between Start and Stop, or the end of the collection period. Costs nothing while it doesn't collect.
///
/// A kilobyte has 1024 bytes, and only whole ones are told. Observers hear of each further kilobyte, of a new longest
/// message, and of start and end; the average alone isn't a change, or each notification would be the cause of the
/// next. The SMS counters are those of the carrier, which cuts and joins messages: sms_counted().
class StatisticsObject final : public ObjectBehaviour {
 public:
  static constexpr lwm2m::ObjectId kObject = 7;
  static constexpr lwm2m::ResourceId kSmsSent = 0;
  static constexpr lwm2m::ResourceId kSmsReceived = 1;
  static constexpr lwm2m::ResourceId kSent = 2;
  static constexpr lwm2m::ResourceId kReceived = 3;
  static constexpr lwm2m::ResourceId kMessageMax = 4;
  static constexpr lwm2m::ResourceId kMessageAverage = 5;
  static constexpr lwm2m::ResourceId kStart = 6;
  static constexpr lwm2m::ResourceId kStop = 7;
  static constexpr lwm2m::ResourceId kPeriod = 8;

  explicit StatisticsObject(ObjectTree& tree) : tree_(tree) {}

  void received(Instant now, const transport::Datagram& datagram) {
    if (ends_ && now >= *ends_) stop();
    if (collecting_) count(datagram.from, datagram.bytes.size(), counters_.received);
  }
  /// settle() has been called at this moment.
  void sent(const transport::Transmit& transmit) {
    if (collecting_) count(transmit.to, transmit.bytes.size(), counters_.sent);
  }
  /// How many short messages went and came in all, since whenever.
  void sms_counted(Instant now, std::uint64_t sent, std::uint64_t received) {
    if (ends_ && now >= *ends_) stop();
    if (collecting_) {
      counters_.sms_sent += sent - sms_sent_;
      counters_.sms_received += received - sms_received_;
    }
    sms_sent_ = sent;
    sms_received_ = received;
  }
  /// Ends a collection whose period is over, and notes what observers are to hear. True when there was something.
  bool settle(Instant now);
  [[nodiscard]] std::optional<Deadline> deadline() const;
  [[nodiscard]] bool is_collecting() const { return collecting_; }

  std::optional<lwm2m::Value> compute(const Context& context, lwm2m::InstanceId instance,
                                      lwm2m::ResourceId resource) override;
  /// 4.00 for a collection period outside 0 to 2^32-1 seconds. A new one holds from the next Start.
  Result<void> check_write(const Context& context, lwm2m::InstanceId instance,
                           const lwm2m::ResourceNode& node) override;
  Result<void> execute(const Context& context, const lwm2m::Path& path, const Arguments& arguments) override;
  void created(const Context& context, lwm2m::InstanceId instance) override;
  void deleted(const Context& context, lwm2m::InstanceId instance) override;

 private:
  /// Bytes with all headers from IP's on.
  struct Counters {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::uint64_t messages = 0;
    std::uint64_t longest = 0;
    std::uint64_t sms_sent = 0;
    std::uint64_t sms_received = 0;
  };

  void count(const transport::PeerAddress& peer, std::size_t size, std::uint64_t& into);
  void start(const Context& context);
  void stop();
  [[nodiscard]] std::int64_t shown(const Counters& counters, lwm2m::ResourceId resource) const;

  ObjectTree& tree_;
  Counters counters_;
  Counters told_;  ///< what observers know of
  std::uint64_t sms_sent_ = 0, sms_received_ = 0;  ///< in all
  bool collecting_ = false;
  bool stopped_ = false;  ///< since the last settle(); the average is told then
  std::optional<Instant> ends_;
};

}  // namespace drover::client
