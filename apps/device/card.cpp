// SPDX-License-Identifier: Apache-2.0
#include "apps/device/card.hpp"

#include <deque>
#include <utility>

#include "apps/device/messaging.hpp"
#include "io/card_worker.hpp"
#include "io/clock.hpp"
#include "io/log.hpp"
#include "io/modem_terminal.hpp"
#include "io/pcsc_terminal.hpp"
#include "io/pcsc_watcher.hpp"
#include "smartcard/toolkit.hpp"
#include "sms/tpdu.hpp"

namespace drover::device {

using smartcard::CardError;
namespace toolkit = smartcard::toolkit;

namespace {

/// Messages that one look at the application takes; the next look takes the rest.
constexpr std::size_t kMessagesAtOnce = 8;

struct Fetched {
  std::vector<smartcard::CardMessage> messages;
  std::optional<CardError> trouble;
};

}  // namespace

client::CardFinding to_finding(smartcard::CardResult<smartcard::CardReading> reading,
                               const std::optional<smartcard::CardChain>& chain) {
  if (reading) {
    client::CardData data;
    data.identity = smartcard::card_identity(reading->chain);
    data.digest = smartcard::digest_of(reading->file.reveal());
    data.file = std::move(reading->file);
    return data;
  }
  switch (reading.error().kind) {
    case CardError::Kind::NoCard:
    case CardError::Kind::NotFound:
    case CardError::Kind::Malformed: return client::NoCard{reading.error().reason};
    default: break;
  }
  client::UnreadableCard unreadable{reading.error().reason};
  if (chain) unreadable.identity = smartcard::card_identity(*chain);
  return unreadable;
}

struct Card::State {
  State(const CardConfig& configured, sdk::Runtime& owner, Messaging* carrier)
      : config(configured), runtime(owner), messaging(carrier) {
    make_terminal();
    reader.emplace(*terminal, config.reading, rng);
    if (config.messages) application = std::make_unique<smartcard::MessageApplication>(*terminal, *config.messages, rng);
    worker = std::make_unique<io::CardWorker>(runtime.loop(), *terminal, [this] {
      if (modem_terminal) modem_terminal->interrupt();
    });
    if (pcsc) watch();
    if (!application) return;
    poll_at = io::now();
    waker = runtime.loop().add_waker([this] { return poll_at; }, [this](Instant) { fetch(); });
  }
  ~State() {
    if (application) runtime.loop().remove_waker(waker);
    worker.reset();
    if (messaging != nullptr) messaging->on_drained({});
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void make_terminal() {
    if (config.modem.empty()) {
      pcsc = std::make_unique<io::PcscTerminal>(io::PcscSettings{config.reader});
      terminal = pcsc.get();
      return;
    }
    if (messaging != nullptr && messaging->has_modem(config.modem)) {
      shared = std::make_unique<io::ModemCard>(runtime.loop(), messaging->modem(),
                                               [this](Instant at) { messaging->flush(at); });
      messaging->on_drained([this](Instant at) { shared->drain(at); });
    } else {
      const auto open = [path = config.modem, serial = config.serial] { return io::open_serial_device(path, serial); };
      own = std::make_unique<io::CardModem>(runtime.loop(), config.sim_pin, open);
    }
    modem_terminal = std::make_unique<io::ModemTerminal>(shared ? *shared : own->card());
    terminal = modem_terminal.get();
  }

  void watch() {
    watcher = std::make_unique<io::PcscWatcher>(runtime.loop(), io::WatcherSettings{config.reader}, [this](const io::ReaderEvent& event) {
      using What = io::ReaderEvent::What;
      io::log::info("card", {{"event", io::to_string(event.what)}, {"reader", event.reader + event.reason}});
      const bool looks = event.what == What::CardWent || event.what == What::CardSwapped ||
                         (event.what == What::CardCame && !is_there);
      if (!looks) return;
      runtime.client().look_at_card(io::now());
      runtime.flush();
    });
  }

  // ---- bootstrap data

  void look() {
    if (std::exchange(is_looking, true)) return;  // what it finds is the answer
    const auto read = [this](smartcard::Terminal&) {
      auto reading = reader->read();
      return to_finding(std::move(reading), reader->chain());
    };
    const bool taken = worker->run(read, [this](client::CardFinding finding) {
      is_looking = false;
      is_there = !std::holds_alternative<client::NoCard>(finding);
      runtime.client().card_found(io::now(), std::move(finding));
      runtime.flush();
    });
    if (!taken) is_looking = false;  // the client's patience ends, and it asks again
  }

  // ---- messages through the card's application

  /// A fault is told once, until it is another.
  void tell(const std::optional<CardError>& error) {
    const std::string reason = error ? std::string(to_string(error->kind)) + ": " + error->reason : std::string();
    if (std::exchange(trouble, reason) == reason) return;
    if (error) io::log::warn("card", {{"reason", reason}});
    if (!error) io::log::info("card", {{"state", "its application answers"}});
    runtime.client().device().report({io::now(), std::nullopt}, client::DeviceObject::Trouble::SmsFailure, error.has_value());
  }

  void fetch() {
    poll_at.reset();
    const auto work = [this](smartcard::Terminal&) {
      Fetched fetched;
      while (fetched.messages.size() < kMessagesAtOnce) {
        auto message = application->fetch();
        if (!message) fetched.trouble = message.error();
        if (!message || !*message) break;
        fetched.messages.push_back(std::move(**message));
      }
      return std::pair(std::move(fetched), application->take_proactive());
    };
    const bool taken = worker->run(work, [this](std::pair<Fetched, bool> outcome) {
      auto& [fetched, proactive] = outcome;
      tell(fetched.trouble);
      received += fetched.messages.size();
      if (proactive) begin_proactive();
      const bool more = fetched.messages.size() == kMessagesAtOnce;
      poll_at = more ? io::now() : io::now() + config.poll;
      count();
      for (const smartcard::CardMessage& message : fetched.messages) {
        const auto from = transport::PeerAddress::sms(message.msisdn);
        if (from) runtime.handle(io::now(), {from->as(transport::Kind::SmsPacket), message.coap});
      }
      runtime.flush();
    });
    if (!taken) poll_at = io::now() + config.poll;
  }

  void send(const transport::Transmit& transmit) {
    if (!application) return;
    smartcard::CardMessage message{std::string(transmit.to.msisdn()), transmit.bytes};
    const auto work = [this, message = std::move(message)](smartcard::Terminal&) {
      auto done = application->send(message);
      return std::pair(done ? std::optional<CardError>() : done.error(), application->take_proactive());
    };
    const bool taken = worker->run(work, [this](std::pair<std::optional<CardError>, bool> outcome) {
      tell(outcome.first);
      if (!outcome.first) ++sent;
      if (outcome.second) begin_proactive();
      count();
      runtime.flush();
    });
    if (!taken) io::log::warn("card", {{"reason", "too much waits for the card; a message is dropped"}});
  }

  /// A modem doesn't tell what it does for its own card.
  void count() {
    if (messaging == nullptr) return runtime.client().sms_counted(io::now(), sent, received);
    if (!pcsc) messaging->set_card_counts(sent, received);
  }

  // ---- this device as the terminal of a card in a reader (ETSI TS 102 223)

  [[nodiscard]] bool is_terminal() const { return pcsc != nullptr && messaging != nullptr && application != nullptr; }

  bool take(const sms::ShortMessage& message) {
    if (!is_terminal()) return false;
    auto deliver = sms::tpdu::encode(sms::tpdu::to_deliver(message, io::unix_now()));
    if (!deliver) return false;
    const auto work = [deliver = std::move(*deliver)](smartcard::Terminal& card) -> smartcard::CardResult<bool> {
      auto outcome = toolkit::deliver(card, deliver, {});
      // A reading of the bootstrap data leaves the card unconnected.
      const bool again = !outcome && outcome.error().kind == CardError::Kind::Reset && card.connect();
      return again ? toolkit::deliver(card, deliver, {}) : outcome;
    };
    return worker->run(work, [this](smartcard::CardResult<bool> outcome) {
      if (!outcome) return tell(outcome.error());
      if (*outcome) begin_proactive();
      fetch();
    });
  }

  void begin_proactive() {
    if (!is_terminal()) return;  // a modem does it for its own
    const auto work = [](smartcard::Terminal& card) { return toolkit::fetch(card, 0); };
    (void)worker->run(work, [this](smartcard::CardResult<toolkit::ProactiveCommand>&& fetched) {
      if (!fetched) return tell(fetched.error());
      perform(std::move(*fetched));
    });
  }

  void perform(toolkit::ProactiveCommand command) {
    if (command.type == toolkit::kMoreTime) return answer(command, toolkit::kPerformed);
    if (command.type != toolkit::kSendShortMessage) return answer(command, toolkit::kBeyondCapabilities);
    const auto submit = sms::tpdu::decode_submit(command.submit);
    auto message = submit ? sms::tpdu::to_short_message(*submit) : tl::unexpected(submit.error());
    if (!message) return answer(command, toolkit::kSmsError);
    messaging->submit(io::now(), std::move(*message), [this, command = std::move(command)](bool done) {
      answer(command, done ? toolkit::kPerformed : toolkit::kNetworkBusy);
    });
  }

  void answer(const toolkit::ProactiveCommand& command, std::uint8_t result) {
    const auto work = [command, result](smartcard::Terminal& card) { return toolkit::answer(card, command, result); };
    (void)worker->run(work, [this](smartcard::CardResult<std::optional<std::uint8_t>> next) {
      if (!next) return tell(next.error());
      if (*next) begin_proactive();
    });
  }

  const CardConfig config;
  sdk::Runtime& runtime;
  io::SystemRng rng;  ///< of the worker's thread
  Messaging* messaging;
  std::unique_ptr<io::PcscTerminal> pcsc;
  std::unique_ptr<io::CardModem> own;
  std::unique_ptr<io::ModemCard> shared;
  std::unique_ptr<io::ModemTerminal> modem_terminal;
  smartcard::Terminal* terminal = nullptr;
  std::optional<smartcard::BootstrapReader> reader;
  std::unique_ptr<smartcard::MessageApplication> application;
  std::unique_ptr<io::CardWorker> worker;
  std::unique_ptr<io::PcscWatcher> watcher;
  bool is_looking = false;
  bool is_there = false;  ///< when it was looked at last
  std::string trouble;
  std::uint64_t sent = 0, received = 0;
  std::optional<Instant> poll_at;
  int waker = 0;
};

Card::Card(const CardConfig& config, sdk::Runtime& runtime, Messaging* messaging)
    : state_(std::make_unique<State>(config, runtime, messaging)) {}

Card::~Card() = default;

void Card::look() {
  state_->look();
}

void Card::send(const transport::Transmit& transmit) {
  state_->send(transmit);
}

bool Card::take(const sms::ShortMessage& message) {
  return state_->take(message);
}

std::string Card::describe() const {
  const State& state = *state_;
  std::string text = state.config.modem.empty() ? "reader " + (state.config.reader.empty() ? "any" : state.config.reader)
                                                : "modem " + state.config.modem;
  text += state.is_there ? "  card there" : "  no card";
  const auto& loaded = state.runtime.client().loaded_card();
  text += loaded ? "  loaded, " + std::to_string(loaded->instances.size()) + " instances" : "  nothing loaded";
  if (!state.application) return text;
  return text + "  messages sent " + std::to_string(state.sent) + " received " + std::to_string(state.received) +
         (state.trouble.empty() ? "" : "  " + state.trouble);
}

}  // namespace drover::device
