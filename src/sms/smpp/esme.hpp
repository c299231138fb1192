// SPDX-License-Identifier: Apache-2.0
// A carrier that is an External Short Message Entity of an SMSC: SMPP 3.4 over one TCP connection. Sans-IO.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/random.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "sms/carrier.hpp"
#include "sms/smpp/pdu.hpp"
#include "sms/smpp/pdu_stream.hpp"
#include "sms/smpp/receipt.hpp"

namespace drover::sms::smpp {

/// submit_sm that an SMSC may leave unanswered at once; more than that gain nothing.
inline constexpr std::size_t kWindowMax = 255;
/// Message ids whose receipts are still waited for; the oldest goes.
inline constexpr std::size_t kReceiptsMax = 65536;
/// Receipts that came before the response that names their message; the oldest goes.
inline constexpr std::size_t kEarlyReceiptsMax = 64;
/// Tries of one submission that an SMSC leaves unanswered.
inline constexpr unsigned kUnansweredMax = 3;

struct EsmeSettings {
  std::string system_id;  ///< 1 to kSystemIdMax characters
  Secret<std::string> password;
  std::string system_type;
  Address range;          ///< what the SMSC is to send here, in its own syntax; empty: what it has configured
  std::string service_number;  ///< digits of our own, the source of what is sent; "": the SMSC's choice
  std::uint8_t source_ton = kTonInternational, source_npi = kNpiIsdn;
  std::uint8_t destination_ton = kTonInternational, destination_npi = kNpiIsdn;
  bool receipts = false;  ///< asks for them, as Report::What::Delivered and Lost
  std::size_t window = 10;
  Duration response_wait = std::chrono::seconds(30);  ///< for any response; its lack closes the line
  Duration enquire_every = std::chrono::seconds(30);  ///< after the last PDU that came
  Duration retry_first = std::chrono::seconds(1);     ///< drawn from its upper half, and doubled each time
  Duration retry_max = std::chrono::minutes(1);
  Duration refused_retry = std::chrono::minutes(1);  ///< the least wait after a refused bind: accounts get locked

  /// Fault::Us, with the setting that doesn't fit SMPP's fields. An Esme is made of checked settings alone.
  [[nodiscard]] Result<void> check() const;
};

/// See Carrier. What it sends has the user data as given: concatenation is in its header, not in sar_* parameters. What
/// was sent and not answered when a line broke is sent again, and may arrive twice.
class Esme final : public Carrier {
 public:
  /// `rng` outlives it.
  Esme(EsmeSettings settings, Rng& rng);

  void submit(Instant now, Submission submission) override;
  std::optional<ShortMessage> poll_delivery() override;
  std::optional<Report> poll_report() override;

  [[nodiscard]] bool wants_line() const override { return line_ == Line::Wanted; }
  void line_opened(Instant now) override;
  void line_closed(Instant now, std::string reason) override;
  void line_received(Instant now, ByteView bytes) override;
  std::optional<Bytes> poll_line_output() override;
  [[nodiscard]] bool wants_line_closed() const override { return line_ == Line::Closing; }

  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<Deadline> deadline() const override;

  [[nodiscard]] bool is_ready() const override { return line_ == Line::Bound; }
  [[nodiscard]] std::string state() const override;
  [[nodiscard]] const CarrierCounters& counters() const override { return counters_; }

  /// The orderly end: unbind, and no new line afterwards. What waits fails now, what lacks its answer with the line.
  /// Over when is_over().
  void unbind(Instant now);
  [[nodiscard]] bool is_over() const { return line_ == Line::Closed; }

 private:
  enum class Line : std::uint8_t { Waiting, Wanted, Binding, Bound, Unbinding, Closing, Closed };
  using Key = std::uint64_t;  ///< of a submission, in the order in which they came

  struct Outgoing {
    Submission submission;
    Instant expires;
    unsigned tries = 0;
    unsigned unanswered = 0;
  };
  /// A request that waits for its response.
  struct Pending {
    std::uint32_t sequence = 0;
    Command command{};
    Key key = 0;  ///< of submit_sm
    Instant until;
  };
  struct Awaited {
    SubmissionId id;
    Instant until;
  };

  void handle(Instant now, ByteView bytes);
  void handle_request(Instant now, const Pdu& pdu);
  void handle_response(Instant now, const Pdu& pdu);
  void handle_deliver(Instant now, const Pdu& pdu);
  void handle_bind_response(Instant now, const Pdu& pdu);
  void handle_submit_response(Instant now, Key key, const Pdu& pdu);
  void handle_receipt(Instant now, const Receipt& receipt);
  void take(Instant now, Key key, const std::string& message_id);
  void fail(Key key, std::string reason);
  void throttle(Instant now, Key key, std::uint32_t status);
  void fill_window(Instant now);
  void send_submission(Instant now, Key key);
  void request(Instant now, Command command, Pdu pdu, Key key = 0);
  void respond(const Pdu& request, std::uint32_t status);
  void send(const Pdu& pdu);
  void close_line(std::string reason);
  void wait_for_line(Instant now);
  void give_up_waiting();
  void forget_receipts(Instant now);
  [[nodiscard]] Duration drawn(Duration wait);
  [[nodiscard]] Message to_submit_sm(Instant now, const Outgoing& outgoing) const;
  [[nodiscard]] bool takes_orders() const { return line_ == Line::Bound && !ending_; }

  EsmeSettings settings_;
  Rng& rng_;
  Line line_ = Line::Wanted;
  bool ending_ = false;
  bool had_line_ = false;
  std::string reason_;        ///< why there is no line
  Instant line_again_;        ///< of Waiting
  Duration line_wait_;        ///< the next one
  Instant enquire_at_;        ///< of Bound
  std::optional<Instant> paused_until_;  ///< throttled
  Duration pause_;                       ///< the next one

  PduStream stream_;
  std::uint32_t sequence_ = 0;
  std::deque<Pending> pending_;  ///< ascending by until
  std::map<Key, Outgoing> outgoing_;
  std::set<Key> waiting_;                       ///< those of outgoing_ that aren't pending
  std::set<std::pair<Instant, Key>> expiries_;  ///< of outgoing_
  Key next_key_ = 1;
  std::map<std::string, Awaited> awaited_;  ///< by message_id
  std::set<std::pair<Instant, std::string>> awaited_ends_;
  std::deque<Receipt> early_receipts_;

  std::deque<Bytes> output_;
  std::deque<ShortMessage> deliveries_;
  std::deque<Report> reports_;
  CarrierCounters counters_;
};

}  // namespace drover::sms::smpp
