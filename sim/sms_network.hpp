// SPDX-License-Identifier: Apache-2.0
// Short messages of the simulated world: an SMSC that delays, loses, copies, replays and alters, and carriers that hand
// them over.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "sim/network.hpp"
#include "sms/carrier.hpp"
#include "sms/gateway.hpp"

namespace drover::sim {

/// What happens to each short message. Probabilities in thousandths.
struct SmsLink {
  Duration delay_min = std::chrono::seconds(3);
  Duration delay_max = std::chrono::minutes(3);  ///< drawn uniformly, which also reorders segments
  std::uint32_t loss_permille = 0;
  std::uint32_t duplicate_permille = 0;
  std::uint32_t replay_permille = 0;  ///< somebody on the way sends it once more, up to `replay_within` later
  Duration replay_within = std::chrono::hours(6);
  std::uint32_t alter_permille = 0;  ///< somebody on the way sends it with another octet instead
};

class SmsNetwork {
 public:
  using Receiver = std::function<void(Instant, const sms::ShortMessage&)>;

  SmsNetwork(Network& network, const SmsLink& link) : network_(network), link_(link) {}
  /// Messages to that number go there; nothing takes its place while a number is off.
  void attach(const std::string& msisdn, Receiver receiver) { receivers_[msisdn] = std::move(receiver); }
  void detach(const std::string& msisdn) { receivers_.erase(msisdn); }
  void set_link(const SmsLink& link) { link_ = link; }
  void submit(Instant now, const std::string& from, sms::ShortMessage message);

  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t replayed() const { return replayed_; }
  [[nodiscard]] std::uint64_t altered() const { return altered_; }

 private:
  void deliver_at(Instant when, const std::string& to, sms::ShortMessage message);
  bool happens(std::uint32_t permille) { return network_.rng().below(1000) < permille; }
  Duration some(Duration least, Duration most);

  Network& network_;
  SmsLink link_;
  std::map<std::string, Receiver> receivers_;
  std::uint64_t sent_ = 0, replayed_ = 0, altered_ = 0;
};

/// The carrier of a host whose network is simulated: no line, always ready.
class MemoryCarrier final : public sms::Carrier {
 public:
  MemoryCarrier(SmsNetwork& network, std::string msisdn) : network_(network), msisdn_(std::move(msisdn)) {}

  /// From the network.
  void deliver(sms::ShortMessage message);

  void submit(Instant now, sms::Submission submission) override;
  std::optional<sms::ShortMessage> poll_delivery() override;
  std::optional<sms::Report> poll_report() override;
  [[nodiscard]] bool wants_line() const override { return false; }
  void line_opened(Instant) override {}
  void line_closed(Instant, std::string) override {}
  void line_received(Instant, ByteView) override {}
  std::optional<Bytes> poll_line_output() override { return std::nullopt; }
  [[nodiscard]] bool wants_line_closed() const override { return false; }
  void handle_timeout(Instant) override {}
  [[nodiscard]] std::optional<Deadline> deadline() const override { return std::nullopt; }
  [[nodiscard]] bool is_ready() const override { return true; }
  [[nodiscard]] std::string state() const override { return "simulated"; }
  [[nodiscard]] const sms::CarrierCounters& counters() const override { return counters_; }

 private:
  SmsNetwork& network_;
  std::string msisdn_;
  std::deque<sms::ShortMessage> deliveries_;
  std::deque<sms::Report> reports_;
  sms::CarrierCounters counters_;
};

/// Counters on a disk that outlives its host, and what is asked of them: no reservation and no received counter goes back.
class CounterDisk {
 public:
  [[nodiscard]] sms::Counters read(std::uint64_t key) const;
  /// False when they would go back.
  bool save(std::uint64_t key, const sms::Counters& counters);

 private:
  std::map<std::uint64_t, sms::Counters> kept_;
};

/// A number with its gateway: what a host of the network has beside its socket.
class SmsHost {
 public:
  /// CoAP or records that came; the owner flushes its host behind it.
  using Deliver = std::function<void(Instant, const Datagram&)>;

  SmsHost(Network& network, SmsNetwork& sms_network, std::string msisdn, const sms::Peers& peers, CounterDisk& disk,
          std::uint64_t seed, Deliver deliver);
  ~SmsHost();
  SmsHost(const SmsHost&) = delete;
  SmsHost& operator=(const SmsHost&) = delete;

  void send(Instant now, const Transmit& transmit);
  [[nodiscard]] const sms::GatewayCounters& counters() const { return gateway_.counters(); }
  [[nodiscard]] bool has_gone_back() const { return gone_back_; }

 private:
  void drain(Instant now);
  void schedule();

  Network& network_;
  SmsNetwork& sms_network_;
  std::string msisdn_;
  CounterDisk& disk_;
  SplitMix rng_;
  Deliver deliver_;
  MemoryCarrier carrier_;
  sms::Gateway gateway_;
  bool gone_back_ = false;
  bool draining_ = false;
  std::optional<Instant> scheduled_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< for what is scheduled
};

}  // namespace drover::sim
