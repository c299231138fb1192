// SPDX-License-Identifier: Apache-2.0
#include "sms_thread.hpp"

#include <thread>
#include <utility>

#include "io/clock.hpp"
#include "io/event_loop.hpp"
#include "io/log.hpp"
#include "io/secret_file.hpp"
#include "io/serial_device.hpp"
#include "io/sms_link.hpp"
#include "io/tcp_stream.hpp"
#include "sms/modem/at_modem.hpp"
#include "sms/smpp/esme.hpp"

namespace drover::droverd {
namespace {

constexpr std::uint16_t kSmppPort = 2775;

}  // namespace

struct SmsThread::State {
  State(const SmsConfig& configured, store::SmsAccounts* kept)
      : config(configured), accounts(kept), numbers(configured.nosec, kept) {}

  Result<void> make_carrier();
  io::SmsLink::Uses uses();

  SmsConfig config;
  store::SmsAccounts* accounts;
  SmsNumbers numbers;
  io::SystemRng rng;
  io::EventLoop loop;
  std::unique_ptr<sms::Carrier> carrier;
  io::CarrierLine::Opener opener;
  std::optional<io::SmsLink> link;
  Deliver deliver;
  std::thread thread;
};

Result<void> SmsThread::State::make_carrier() {
  auto secret = io::read_secret_line(config.smpp.empty() ? config.pin_file : config.password_file);
  if (!secret) return tl::unexpected(secret.error());
  if (!config.smpp.empty()) {
    auto connector = io::TcpConnector::parse(config.smpp, kSmppPort);
    if (!connector) return tl::unexpected(connector.error());
    sms::smpp::EsmeSettings settings;
    settings.system_id = config.system_id;
    settings.password = std::move(*secret);
    settings.system_type = config.system_type;
    settings.service_number = config.msisdn;
    settings.receipts = config.receipts;
    settings.window = config.window;
    if (auto fine = settings.check(); !fine) return fine;
    carrier = std::make_unique<sms::smpp::Esme>(std::move(settings), rng);
    opener = [to = std::make_shared<io::TcpConnector>(std::move(*connector))] { return to->connect(); };
    return {};
  }
  sms::modem::ModemSettings settings;
  settings.pin = std::move(*secret);
  settings.status_reports = config.receipts;
  carrier = std::make_unique<sms::modem::AtModem>(std::move(settings));
  opener = [device = config.modem, baud = config.baud] {
    io::SerialSettings serial;
    serial.baud = baud;
    return io::open_serial_device(device, serial);
  };
  return {};
}

io::SmsLink::Uses SmsThread::State::uses() {
  io::SmsLink::Uses uses;
  uses.datagram = [this](Instant, const transport::Datagram& datagram) {
    if (!numbers.may_say(datagram)) {
      io::log::debug("dropped", {{"address", datagram.from.to_string()}, {"why", "a request without security"}});
      return;
    }
    deliver(datagram.from, Bytes(datagram.bytes.begin(), datagram.bytes.end()));
  };
  uses.save = [this](const sms::SaveCounters& wanted) -> Result<void> {
    if (accounts == nullptr) return {};
    return accounts->save_counters({{{wanted.key}, {wanted.counters.reserved, wanted.counters.received}}});
  };
  uses.note = [](const sms::GatewayNote& note) { io::log::info("sms", {{"msisdn", note.msisdn}, {"what", note.text}}); };
  uses.state = [this](const std::string& state, bool ready) {
    const char* const kind = config.smpp.empty() ? "modem" : "smpp";
    io::log::info("sms carrier", {{"carrier", kind}, {"state", state}, {"ready", ready ? "yes" : "no"}});
  };
  uses.report = [](const sms::Report& report) {
    if (report.what == sms::Report::What::Failed || report.what == sms::Report::What::Lost) {
      io::log::warn("a short message wasn't delivered", {{"why", report.reason}});
    }
  };
  return uses;
}

SmsThread::SmsThread(std::unique_ptr<State> state) : state_(std::move(state)) {}

SmsThread::~SmsThread() {
  stop();
}

Result<std::unique_ptr<SmsThread>> SmsThread::open(const SmsConfig& config, store::SmsAccounts* accounts) {
  auto state = std::make_unique<State>(config, accounts);
  if (auto made = state->make_carrier(); !made) return tl::unexpected(made.error());
  return std::unique_ptr<SmsThread>(new SmsThread(std::move(state)));
}

const server::SmsDirectory& SmsThread::directory() const {
  return state_->numbers;
}

void SmsThread::send(transport::Transmit transmit) {
  state_->loop.post([state = state_.get(), transmit = std::move(transmit)] {
    if (state->link) state->link->send(io::now(), transmit);
  });
}

void SmsThread::view(std::function<void(api::SmsView)> done) {
  state_->loop.post([state = state_.get(), done = std::move(done)] {
    api::SmsView view;
    view.carrier = state->config.smpp.empty() ? "modem" : "smpp";
    view.msisdn = state->config.msisdn;
    if (state->link) {
      const sms::Carrier& carrier = state->link->carrier();
      view.ready = carrier.is_ready();
      view.state = carrier.state();
      view.carried = carrier.counters();
      view.gateway = state->link->counters();
    }
    done(std::move(view));
  });
}

void SmsThread::start(Deliver deliver) {
  State& state = *state_;
  state.deliver = std::move(deliver);
  sms::GatewaySettings settings;
  settings.segments_max = state.config.segments;
  settings.port = state.config.port;
  settings.validity = state.config.validity;
  state.link.emplace(state.loop, std::move(state.carrier), state.opener, settings, state.numbers, state.rng,
                     state.uses());
  state.thread = std::thread([loop = &state.loop] { loop->run(); });
}

void SmsThread::stop() {
  if (!state_->thread.joinable()) return;
  state_->loop.stop();
  state_->thread.join();
}

}  // namespace drover::droverd
