// SPDX-License-Identifier: Apache-2.0
#include "apps/device/messaging.hpp"

#include <filesystem>
#include <utility>

#include "apps/device/security.hpp"
#include "io/clock.hpp"
#include "io/log.hpp"
#include "io/serial_device.hpp"
#include "sms/modem/at_modem.hpp"

namespace drover::device {

using client::SmsMode1;

namespace {

/// Numbers of submissions that aren't the gateway's, which counts from 1.
constexpr std::uint64_t kOwnSubmissions = std::uint64_t{1} << 63;

std::string in_folder(const std::string& folder, const std::string& name) {
  return (std::filesystem::path(folder) / name).string();
}

}  // namespace

void read_sms(Section section, const std::string& folder, std::vector<std::string>& key_files, SmsConfig& config) {
  constexpr std::int64_t kBaudMin = 300;
  constexpr std::int64_t kBaudMax = 4'000'000;
  constexpr std::int64_t kSegmentsMax = 16;
  constexpr Duration kValidityMin = std::chrono::minutes(5);  // what TP-VP counts in, 3GPP TS 23.040 §9.2.3.12.1
  config.line = section.line();
  if (const auto number = section.filled_text("number")) config.number = *number;
  if (auto fits = client::check_sms(config.number); !fits) section.refuse("number", fits.error().reason);
  if (const auto modem = section.filled_text("modem")) config.modem = *modem;
  if (const auto baud = section.number("baud", kBaudMin, kBaudMax)) config.baud = static_cast<unsigned>(*baud);
  if (const auto flow = section.truth("flow_control")) config.flow_control = *flow;
  if (const auto file = section.filled_text("pin_file")) {
    key_files.push_back(in_folder(folder, *file));
    config.pin = read_pin(section, key_files.back());
  }
  if (const auto port = section.number("port", 0, 65535)) config.port = static_cast<std::uint16_t>(*port);
  if (const auto most = section.number("segments", 1, kSegmentsMax)) config.segments = static_cast<std::size_t>(*most);
  if (const auto validity = section.duration("validity")) {
    if (*validity < kValidityMin) section.refuse("validity", "validity takes at least \"5m\"");
    config.validity = *validity;
  }
  if (const auto mode1 = section.text("mode1")) {
    if (*mode1 != "dtls" && *mode1 != "packets") section.refuse("mode1", "mode1 takes \"dtls\" or, as in drafts, \"packets\"");
    config.mode1 = *mode1 == "dtls" ? SmsMode1::Dtls : SmsMode1::SecuredPackets;
  }
  if (const auto all = section.truth("allow_nosec_management")) config.allow_nosec_management = *all;
  section.finish();
  if (config.number.empty()) section.refuse({}, "[sms] needs number = \"491701234567\", the device's own");
}

void read_queue(Section section, client::QueueSettings& queue) {
  if (const auto awake = section.duration("awake")) queue.awake = *awake;
  if (const auto every = section.duration("wake_every")) queue.wake_every = *every;
  if (const auto wake = section.truth("notifications_wake")) queue.notifications_wake = *wake;
  section.finish();
}

client::SmsSettings sms_settings(const SmsConfig& config) {
  client::SmsSettings settings;
  settings.msisdn = config.number;
  settings.attached = !config.modem.empty();
  settings.mode1 = config.mode1;
  settings.allow_nosec_management = config.allow_nosec_management;
  return settings;
}

void fit_messages(const SmsConfig& config, coap::SmsParameters& parameters) {
  using transport::Kind;
  const bool ports = config.port != 0;
  parameters.message_plain = sms::capacity(Kind::Sms, 1, ports);
  parameters.message_plain_max = sms::capacity(Kind::Sms, config.segments, ports);
  parameters.message_packet = sms::capacity(Kind::SmsPacket, 1, ports);
  parameters.message_packet_max = sms::capacity(Kind::SmsPacket, config.segments, ports);
  parameters.message_dtls = parameters.message_dtls_max = sms::capacity(Kind::SmsDtls, 1, ports);
}

// ---- the modem ------------------------------------------------------------------------------------------------------

/// The accounts of the client that there is at the moment.
class Messaging::Peers final : public sms::Peers {
 public:
  explicit Peers(sdk::Runtime& runtime) : runtime_(runtime) {}

  [[nodiscard]] std::optional<sms::Peer> find(std::string_view msisdn) const override {
    const auto known = runtime_.client().sms_peer(msisdn);
    if (!known) return std::nullopt;
    sms::Peer peer;
    peer.plain = known->plain;
    peer.dtls = known->dtls;
    if (known->packets) {
      peer.packets = sms::Peer::Packets{known->packets->key, known->packets->parameters, known->packets->keys, false};
    }
    return peer;
  }
  [[nodiscard]] sms::Counters counters(std::uint64_t key) const override {
    const client::SmsCounters saved = runtime_.client().sms_counters(key);
    return {saved.reserved, saved.received};
  }

 private:
  sdk::Runtime& runtime_;
};

Messaging::Messaging(const SmsConfig& config, sdk::Runtime& runtime, Rng& rng, std::function<Result<void>()> save)
    : runtime_(runtime),
      save_(std::move(save)),
      peers_(std::make_unique<Peers>(runtime)),
      device_(config.modem),
      validity_(config.validity),
      next_submission_(kOwnSubmissions) {
  sms::GatewaySettings settings;
  settings.segments_max = config.segments;
  settings.port = config.port;
  settings.validity = config.validity;
  sms::modem::ModemSettings modem;
  modem.pin = config.pin;
  const auto open = [path = config.modem, serial = io::SerialSettings{config.baud, config.flow_control}] {
    return io::open_serial_device(path, serial);
  };
  io::SmsLink::Uses uses{
      .datagram =
          [this](Instant at, const transport::Datagram& datagram) {
            count(false, false);
            runtime_.handle(at, datagram);
          },
      .save = [this](const sms::SaveCounters& wanted) { return this->save(wanted); },
      .note = [](const sms::GatewayNote& note) { io::log::warn("sms", {{"number", note.msisdn}, {"note", note.text}}); },
      .state =
          [this](const std::string& state, bool ready) {
            io::log::info("sms", {{"modem", state}});
            count(was_ready_ && !ready, false);
            was_ready_ |= ready;
          },
      .report = [this](const sms::Report& report) { handle_report(report); },
      .drained =
          [this](Instant at) {
            if (drained_) drained_(at);
          },
      .card_message = [this](const sms::ShortMessage& message) { return card_message_ && card_message_(message); },
  };
  auto at_modem = std::make_unique<sms::modem::AtModem>(std::move(modem));
  modem_ = at_modem.get();
  link_ = std::make_unique<io::SmsLink>(runtime.loop(), std::move(at_modem), open,
                                        settings, *peers_, rng, std::move(uses));
}

Messaging::~Messaging() = default;

void Messaging::submit(Instant at, sms::ShortMessage message, std::function<void(bool)> done) {
  const sms::SubmissionId id{next_submission_++};
  submitted_[id] = std::move(done);
  link_->submit(at, {id, std::move(message), validity_});
}

void Messaging::handle_report(const sms::Report& report) {
  using What = sms::Report::What;
  if (report.what != What::Failed && report.what != What::Taken) return;
  count(report.what == What::Failed, report.what == What::Taken);
  const auto own = submitted_.find(report.id);
  if (own == submitted_.end()) return;
  // Posted: it may submit the next one.
  runtime_.loop().post([done = std::move(own->second), taken = report.what == What::Taken] { done(taken); });
  submitted_.erase(own);
}

Result<void> Messaging::save(const sms::SaveCounters& wanted) {
  runtime_.client().set_sms_counters({wanted.key, wanted.counters.reserved, wanted.counters.received});
  return save_();
}

/// /7/0/0 and /7/0/1, and error code 6 in /3/0/11 (Core E.4, E.8).
void Messaging::count(bool failed, bool worked) {
  client::Client& core = runtime_.client();
  const Instant now = io::now();
  if (failed || worked) core.device().report({now, std::nullopt}, client::DeviceObject::Trouble::SmsFailure, failed);
  if (link_) {
    const sms::CarrierCounters& own = link_->carrier().counters();
    core.sms_counted(now, own.sent + card_sent_, own.received + card_received_);
  }
  // Observers hear of it when the link is through with what it does.
  runtime_.loop().post([&runtime = runtime_] { runtime.flush(); });
}

void Messaging::set_card_counts(std::uint64_t sent, std::uint64_t received) {
  card_sent_ = sent;
  card_received_ = received;
  count(false, false);
}

std::string Messaging::describe() const {
  const sms::CarrierCounters& carrier = link_->carrier().counters();
  const sms::GatewayCounters& gateway = link_->counters();
  return "modem " + link_->carrier().state() + "  sent " + std::to_string(carrier.sent) + "  received " +
         std::to_string(carrier.received) + "  failed " + std::to_string(carrier.failed) + "  refused " +
         std::to_string(gateway.strangers + gateway.unprotected + gateway.replayed + gateway.reflected +
                        runtime_.client().counters().refused_sms);
}

}  // namespace drover::device
