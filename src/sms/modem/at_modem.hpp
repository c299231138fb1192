// SPDX-License-Identifier: Apache-2.0
// Short messages by a modem: 3GPP TS 27.005 in PDU mode over 3GPP TS 27.007.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/secret.hpp"
#include "sms/carrier.hpp"
#include "sms/modem/card_access.hpp"
#include "sms/modem/command_queue.hpp"

namespace drover::sms::modem {

struct ModemSettings {
  /// 4 to 8 digits, entered when the SIM asks; empty: somebody else does. Three wrong ones lock a SIM. So a PIN that it
  /// refused, or of which nobody knows whether it did, isn't tried again by this object, and none is tried on a SIM
  /// that says that tries are missing already (AT+CPINR).
  Secret<std::string> pin{};
  bool status_reports = false;  ///< asks the network what became of each message: Report::Delivered and Lost
  /// Short messages are left to whoever else uses the modem: their format, routing and storage aren't touched, what
  /// comes is ignored, submissions fail.
  bool card_only = false;
};

/// How long the modem may take.
inline constexpr Duration kProbeTimeout = std::chrono::seconds(2);
inline constexpr Duration kCommandTimeout = std::chrono::seconds(5);
inline constexpr Duration kSimTimeout = std::chrono::seconds(20);      ///< AT+CPIN, AT+CPMS and the like
inline constexpr Duration kStorageTimeout = std::chrono::seconds(60);  ///< AT+CMGL of a full SIM
inline constexpr Duration kPromptTimeout = std::chrono::seconds(5);
inline constexpr Duration kSendTimeout = std::chrono::seconds(90);  ///< the network's answer to a message
inline constexpr Duration kCardTimeout = std::chrono::seconds(20);  ///< AT+CSIM
/// From transmit_apdu() to its answer: the longest job may be running, an acknowledgement and a question for each
/// network go first, and a pause may be in front of it.
inline constexpr Duration kCardAnswerMax = kPromptTimeout + kSendTimeout + CommandQueue::kQuiet + 3 * kCommandTimeout + kCardTimeout;

/// Between two tries to set the modem up that it refused; of a submission, doubling.
inline constexpr Duration kRetryFirst = std::chrono::seconds(5);
inline constexpr Duration kRetryMax = std::chrono::minutes(5);
/// Between two tries to open the line, doubling until the modem works.
inline constexpr Duration kReopenFirst = std::chrono::seconds(1);
inline constexpr Duration kReopenMax = std::chrono::minutes(1);
inline constexpr Duration kFlush = std::chrono::milliseconds(300);   ///< before the first command on a line
inline constexpr Duration kBoot = std::chrono::seconds(2);           ///< before the first command after a reset
inline constexpr Duration kSimPoll = std::chrono::seconds(10);       ///< while it isn't ready
inline constexpr Duration kSearchPoll = std::chrono::seconds(10);    ///< of the registration, while there is none
inline constexpr Duration kAlivePoll = std::chrono::minutes(1);      ///< of the registration, else: a sign of life
inline constexpr Duration kSweepEvery = std::chrono::minutes(10);    ///< the storage, for notices that were lost
inline constexpr Duration kSweepOften = std::chrono::seconds(30);    ///< where the modem gives no notice
/// Commands without an answer, with no working modem between them, after which the line is closed and opened again.
inline constexpr unsigned kSilencesMax = 3;
/// Tries of a message that the modem refuses without saying why.
inline constexpr unsigned kUnexplainedMax = 3;
/// Places in the storage that wait to be read or deleted; past it a sweep finds them.
inline constexpr std::size_t kPlacesMax = 512;
/// Messages whose status report is awaited: TP-MR tells 256 apart. The oldest goes.
inline constexpr std::size_t kAwaitedMax = 256;

class AtModem final : public Carrier {
 public:
  explicit AtModem(ModemSettings settings);

  void submit(Instant now, Submission submission) override;
  std::optional<ShortMessage> poll_delivery() override;
  std::optional<Report> poll_report() override;

  [[nodiscard]] bool wants_line() const override { return !open_ && !reopen_at_; }
  void line_opened(Instant now) override;
  void line_closed(Instant now, std::string reason) override;
  void line_received(Instant now, ByteView bytes) override;
  std::optional<Bytes> poll_line_output() override { return queue_.poll_output(); }
  [[nodiscard]] bool wants_line_closed() const override { return open_ && hung_; }

  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<Deadline> deadline() const override;

  // ---- the card
  /// Usable as soon as the modem is set up; no network is needed. Whether the modem lets anything through, its first
  /// answer says.
  [[nodiscard]] CardAccess card_access() const;
  /// A whole command APDU to the card, between other jobs; exactly one answer follows within kCardAnswerMax. False, and
  /// nothing follows, when the card isn't Usable, another command waits for its answer, or it isn't kCommandApduMin to
  /// kCommandApduMax octets. Others, and the modem itself, may use the card between two commands, on channel 0 above
  /// all.
  bool transmit_apdu(Instant now, std::uint64_t id, Bytes command);
  std::optional<ApduAnswer> poll_apdu_answer();

  [[nodiscard]] bool is_ready() const override;
  [[nodiscard]] std::string state() const override;
  [[nodiscard]] const CarrierCounters& counters() const override { return counters_; }

 private:
  /// What is asked of the modem. Up to Running in this order, one after the other.
  enum class Job : std::uint8_t {
    Probe,
    EchoOff,
    ErrorCodes,
    SimState,
    SimTries,  ///< only before EnterPin
    EnterPin,
    PduMode,
    Service,     ///< CSMS=1: what comes is acknowledged
    OldService,  ///< CSMS=0, where the modem refuses that
    Routing,
    Notices,  ///< of the registration
    Running,
    // Then as need be:
    Registration,
    PacketRegistration,
    Acknowledge,
    Decline,  ///< the network is to try again
    SelectStorage,
    List,
    Read,
    Delete,
    Send,
    Card,
  };
  enum class PinState : std::uint8_t {
    Untried,
    Entered,   ///< the SIM hasn't said that it is ready since
    Right,
    Refused,   ///< by the SIM
    Withheld,  ///< too few tries are left
  };
  /// A message that waits to be sent, or is being sent.
  struct Waiting {
    std::uint64_t number = 0;
    SubmissionId id;
    std::string msisdn;
    Bytes tpdu;
    Instant until;
    Instant next_try = Instant::min();
    Duration wait = kRetryFirst;
    unsigned tries = 0;
    unsigned unexplained = 0;  ///< refusals without a code
    std::string trouble = {};
  };
  /// A place in a storage ("SM", "ME"; "": whatever the modem has selected).
  struct Place {
    std::string storage;
    unsigned index = 0;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  struct Awaited {
    unsigned reference = 0;  ///< TP-MR
    std::string msisdn;
    SubmissionId id;
  };
  struct Apdu {
    std::uint64_t id = 0;
    Bytes command;
  };

  // at_modem.cpp
  void advance(Instant now);
  void handle(Instant now, const Answer& answer);
  void handle(Instant now, const Line& line);
  void restart(Instant now, Duration pause);
  void handle_reset(Instant now);
  void handle_silence(Instant now, Job job);
  void handle_acknowledged(Job job, const Answer& answer);
  [[nodiscard]] std::optional<Job> next_job(Instant now) const;
  [[nodiscard]] Command command_for(Job job) const;
  void ask(Instant now, Job job);

  // at_modem_card.cpp
  [[nodiscard]] Command card_command() const;
  void answer_apdu(tl::expected<Bytes, ApduError> response);
  void fail_apdu(ApduError::Kind kind, std::string reason);
  void handle_apdu(Instant now, const Answer& answer);
  void handle_apdu_refused(const ModemError& error);

  // at_modem_start.cpp
  void handle_start(Instant now, Job job, const Answer& answer);
  void handle_sim_state(Instant now, const Answer& answer);
  void handle_sim(Instant now, const std::string& wants);
  void handle_sim_tries(Instant now, const Answer& answer);
  void handle_routing(Instant now, const Answer& answer);
  void handle_registration(Instant now, Job job, const Answer& answer);
  [[nodiscard]] bool is_registered() const;
  void wait_for_sim(Instant now, std::string why, CardAccess::State state = CardAccess::State::NotYet);
  void begin_messages(Instant now);
  void begin_running(Instant now);
  [[nodiscard]] bool may_enter_pin() const;
  /// The next AT+CNMI to try; nothing when the modem refused all of them.
  [[nodiscard]] std::optional<std::string> routing_command() const;
  [[nodiscard]] std::string start_state() const;
  [[nodiscard]] std::string registration_state() const;

  // at_modem_storage.cpp
  enum class Kept : std::uint8_t {
    Taken,    ///< or thrown away for good
    Damaged,  ///< on the way from the modem
    Full,
  };
  void handle_notice(const Line& line);
  void handle_routed(const Line& line);
  Kept take(std::string_view pdu, std::string_view length);
  Kept take_deliver(ByteView tpdu);
  void take_report(ByteView tpdu);
  enum class Source : std::uint8_t { Listed, Read };
  void take_stored(const Place& place, const Line& line, std::string_view length, Source source);
  void handle_storage(Job job, const Answer& answer);
  void handle_selected(const Answer& answer);
  void handle_listed(const Answer& answer);
  void handle_read(const Answer& answer);
  void handle_deleted(const Answer& answer);
  void begin_sweep(Instant now);
  [[nodiscard]] std::optional<Job> storage_job() const;
  /// Of the next storage job; nothing when there is none.
  [[nodiscard]] std::optional<std::string> wanted_storage() const;

  // at_modem_send.cpp
  [[nodiscard]] const Waiting* sendable(Instant now) const;
  void begin_sending(Instant now);
  [[nodiscard]] Command send_command() const;
  void handle_sent(Instant now, const Answer& answer);
  void handle_refused(Instant now, const ModemError& error);
  void give_back_sending(Instant now);
  static void try_later(Instant now, Waiting& waiting);
  void end_sending();
  void fail(SubmissionId id, std::string reason);
  void expire(Instant now);
  [[nodiscard]] std::optional<Instant> next_submission() const;

  ModemSettings settings_;
  CarrierCounters counters_;
  std::uint64_t unreadable_ = 0;  ///< PDUs and notices
  CommandQueue queue_;

  bool open_ = false;
  bool opened_before_ = false;
  bool hung_ = false;
  std::optional<Instant> reopen_at_;
  Duration reopen_wait_ = kReopenFirst;
  std::string line_trouble_;

  Job step_ = Job::Probe;
  Instant pause_until_ = Instant::min();
  unsigned silences_ = 0;
  enum class Echo : std::uint8_t { On, Told, Off };
  Echo echo_ = Echo::On;  ///< Off: the modem said OK to that, and a command wasn't echoed since
  std::string trouble_;  ///< why the start doesn't go on
  PinState pin_ = PinState::Untried;
  bool acknowledges_ = false;  ///< CSMS=1
  std::size_t routing_ = 0;
  bool no_notices_ = false;
  std::optional<unsigned> registration_;  ///< <stat> of +CREG or +CEREG
  Instant registration_at_ = Instant::min();
  bool asks_packet_ = false;  ///< the circuit-switched side isn't registered: maybe there is LTE alone

  unsigned unacknowledged_ = 0, declined_ = 0;
  std::string storage_;  ///< that is selected
  std::deque<std::string> sweep_;
  bool sweep_found_storage_ = false;
  Instant sweep_at_ = Instant::min();
  std::deque<Place> to_read_, to_delete_;
  std::map<Place, std::string> taken_;  ///< PDUs that were taken but not deleted yet
  std::deque<ShortMessage> deliveries_;

  std::deque<Waiting> waiting_;
  std::uint64_t next_number_ = 1;
  std::optional<std::uint64_t> sending_;
  bool sent_last_ = false;  ///< storage and sending take turns
  Instant hold_until_ = Instant::min();
  Duration hold_wait_ = kRetryFirst;
  std::deque<Awaited> awaited_;
  std::deque<Report> reports_;

  CardAccess::State sim_wait_ = CardAccess::State::NotYet;  ///< while it is asked for its state
  std::uint64_t card_session_ = 1;
  bool knows_csim_ = false;  ///< it let a command through
  std::optional<Apdu> apdu_;  ///< waits to be sent, or for its answer
  std::deque<ApduAnswer> apdu_answers_;
};

}  // namespace drover::sms::modem
