// SPDX-License-Identifier: Apache-2.0
// The store-and-forward part of the software SMSC, and the network's faults. Sans-IO: time and chance are handed in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/id.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "sms/tpdu.hpp"

namespace drover::smsc {

/// Somebody with a number: an ESME, or a modem.
using PortId = Id<struct PortTag, std::uint32_t>;
/// A short message that was taken; ascending, never given twice.
using MessageId = Id<struct MessageTag, std::uint64_t>;
/// One way of it to its receiver: a duplicate has its own.
using CopyId = Id<struct CopyTag, std::uint64_t>;

/// One short message, a segment of a longer one or not.
struct Message {
  std::string from, to;  ///< digits
  sms::tpdu::UserData data;
};

/// What a mobile network does to short messages, each one by itself. Chances in thousandths.
struct Faults {
  Duration delay_min{}, delay_max{};  ///< drawn evenly; equal ones keep the order
  unsigned loss = 0;                  ///< taken, and never delivered; nobody is told
  unsigned duplicate = 0;             ///< delivered twice, each after its own delay
  unsigned reorder = 0;               ///< held back longer
  Duration reorder_by = std::chrono::seconds(10);  ///< at most, drawn
};

struct CentreSettings {
  Faults faults;
  Duration validity = std::chrono::hours(24);     ///< of messages that don't say
  Duration retry_after = std::chrono::seconds(5);  ///< when the receiver can't take one at the moment
  std::size_t messages_max = 100'000;              ///< stored at once; past it none is taken
};

/// A receipt that the sender asked for (SMPP's registered_delivery, TP-SRR).
enum class ReceiptWish : std::uint8_t { None, Always, OnFailure };

/// What became of a message.
enum class Fate : std::uint8_t {
  Delivered,
  Expired,  ///< its receiver wasn't there for as long as it was valid
  Refused,  ///< by its receiver, for good
};
const char* to_string(Fate fate);  ///< "delivered", "expired", "refused"

/// To hand to the port now; done() is the answer.
struct Delivery {
  PortId to;
  CopyId copy;
  Message message;
};

/// For the port that sent it.
struct Receipt {
  PortId to;
  MessageId id;
  std::string sender, receiver;  ///< of the message
  Fate fate{};
  Instant submitted, ended;
};

/// What happened, for a trace.
struct Event {
  enum class What : std::uint8_t { Submit, Deliver, Lost, Duplicated, Expired, Refused, Retried };
  What what{};
  MessageId id;
  Message message;
};
/// "submit", "deliver", "lost", "duplicated", "expired", "refused", "retried".
const char* to_string(Event::What what);

/// Drive it by the one contract: a call, all polls, deadline().
class Centre {
 public:
  enum class Refusal : std::uint8_t { NoSuchNumber, Full };
  struct Taken {
    std::optional<MessageId> id;  ///< nothing: refused
    Refusal refusal{};
  };

  /// `rng` outlives it.
  Centre(CentreSettings settings, Rng& rng) : settings_(settings), rng_(rng) {}

  /// Nothing when the number is taken. Absent at first.
  std::optional<PortId> add_port(const std::string& number);
  [[nodiscard]] const std::string& number(PortId port) const { return ports_[port.value].number; }
  /// What waits for a port is handed over when it comes; what was handed over and not done waits again when it goes.
  void set_present(Instant now, PortId port, bool present);
  void set_faults(const Faults& faults) { settings_.faults = faults; }

  Taken submit(Instant now, PortId from, Message message, std::optional<Duration> validity, ReceiptWish wish);
  enum class Outcome : std::uint8_t { Delivered, TryAgain, Refused };
  /// Unknown copies don't matter: their port went meanwhile.
  void done(Instant now, CopyId copy, Outcome outcome);

  std::optional<Delivery> poll_delivery();
  std::optional<Receipt> poll_receipt();
  std::optional<Event> poll_event();

  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;
  [[nodiscard]] std::size_t stored() const { return copies_.size(); }

 private:
  struct Port {
    std::string number;
    bool present = false;
    std::set<CopyId> waiting;  ///< for it to come
    std::set<CopyId> handed;   ///< not done yet
  };
  struct Copy {
    MessageId id;
    Message message;
    PortId from, to;
    Instant submitted, expires;
    std::optional<Instant> due;  ///< under way; nothing: with its port
    ReceiptWish wish{};          ///< None for a duplicate
  };
  using Order = std::tuple<Instant, CopyId>;

  void send(Instant now, CopyId id, Copy copy);
  void arrive(Instant now, CopyId id);
  void end(Instant now, CopyId id, Fate fate);
  void note(Event::What what, const Copy& copy);
  [[nodiscard]] Duration between(Duration least, Duration most);
  [[nodiscard]] bool happens(unsigned permille) { return rng_.below(1000) < permille; }

  CentreSettings settings_;
  Rng& rng_;
  std::vector<Port> ports_;
  std::map<std::string, PortId, std::less<>> by_number_;
  std::map<CopyId, Copy> copies_;
  std::set<Order> under_way_;  ///< by due
  std::set<Order> expiries_;
  std::uint64_t last_message_ = 0, last_copy_ = 0;
  std::deque<Delivery> deliveries_;
  std::deque<Receipt> receipts_;
  std::deque<Event> events_;
};

}  // namespace drover::smsc
