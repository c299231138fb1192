// SPDX-License-Identifier: Apache-2.0
// Our carriers behind real lines, for programs that others wrote: an ESME at an SMSC, or a modem's host. Takes lines from
// standard input, "send NUMBER PID DCS HEX", with "udh" behind it where the data begins with a header, and "end"; tells one
// line an event. Ends when standard input does.
#include <CLI/CLI.hpp>

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

#include "io/carrier_line.hpp"
#include "io/clock.hpp"
#include "io/event_loop.hpp"
#include "io/serial_device.hpp"
#include "io/tcp_stream.hpp"
#include "sms/modem/at_modem.hpp"
#include "sms/smpp/esme.hpp"

namespace drover {
namespace {

struct Options {
  std::string host = "127.0.0.1", device, system_id = "drover", password = "secret", number = "12345";
  std::uint16_t port = 2775;
  bool receipts = false;
};

void tell(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

const char* name_of(sms::Report::What what) {
  switch (what) {
    case sms::Report::What::Taken: return "taken";
    case sms::Report::What::Failed: return "failed";
    case sms::Report::What::Delivered: return "delivered";
    case sms::Report::What::Lost: return "lost";
  }
  return "?";
}

class Peer {
 public:
  Peer(sms::Carrier& carrier, io::CarrierLine::Opener opener, std::function<void(Instant)> end)
      : carrier_(carrier),
        end_(std::move(end)),
        line_(loop_, carrier, std::move(opener), [this](Instant) { drain(); }) {}

  void run() {
    loop_.watch(STDIN_FILENO, io::EventLoop::Interest::Read, [this] { read_commands(); });
    loop_.run();
  }

 private:
  void drain() {
    if (carrier_.state() != state_) tell("state " + (state_ = carrier_.state()));
    while (const auto report = carrier_.poll_report()) {
      tell(std::string(name_of(report->what)) + " " + std::to_string(report->id.value) +
           (report->reason.empty() ? "" : " " + report->reason));
    }
    while (const auto delivery = carrier_.poll_delivery()) {
      tell("received " + delivery->msisdn + " " + std::to_string(delivery->pid) + " " + std::to_string(delivery->dcs) + " " +
           to_hex(delivery->user_data) + (delivery->has_header ? " udh" : ""));
    }
  }
  void read_commands() {
    char buffer[4096];
    const auto count = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (count <= 0) return loop_.stop();
    commands_.append(buffer, static_cast<std::size_t>(count));
    for (auto end = commands_.find('\n'); end != std::string::npos; end = commands_.find('\n')) {
      std::istringstream words(commands_.substr(0, end));
      commands_.erase(0, end + 1);
      command(words);
    }
    line_.flush(io::now());
    drain();
  }
  void command(std::istringstream& words) {
    std::string verb, number, data, header;
    unsigned pid = 0, dcs = 0;
    words >> verb;
    if (verb == "end") return end_(io::now());
    words >> number >> pid >> dcs >> data >> header;
    carrier_.submit(io::now(), {sms::SubmissionId{++last_},
                                {number, static_cast<std::uint8_t>(pid), static_cast<std::uint8_t>(dcs), header == "udh",
                                 from_hex(data).value_or(Bytes{})},
                                std::chrono::minutes(5)});
  }

  sms::Carrier& carrier_;
  std::function<void(Instant)> end_;
  std::string state_, commands_;
  std::uint64_t last_ = 0;
  io::EventLoop loop_;
  io::CarrierLine line_;
};

int run_esme(const Options& options) {
  sms::smpp::EsmeSettings settings;
  settings.system_id = options.system_id;
  settings.password = Secret<std::string>(options.password);
  settings.service_number = options.number;
  settings.receipts = options.receipts;
  if (const auto fine = settings.check(); !fine) {
    std::fprintf(stderr, "sms_peer: %s\n", fine.error().reason.c_str());
    return 2;
  }
  io::SystemRng rng;
  sms::smpp::Esme esme(settings, rng);
  io::TcpConnector connector(options.host, options.port);
  Peer(esme, [&connector] { return connector.connect(); }, [&esme](Instant now) { esme.unbind(now); }).run();
  return 0;
}

int run_modem(const Options& options) {
  sms::modem::ModemSettings settings;
  settings.status_reports = options.receipts;
  sms::modem::AtModem modem(std::move(settings));
  Peer(modem, [&options] { return io::open_serial_device(options.device, {}); }, [](Instant) {}).run();
  return 0;
}

}  // namespace
}  // namespace drover

int main(int count, char** arguments) {
  drover::Options options;
  CLI::App app("Carriers of short messages for tests with other people's programs", "sms_peer");
  app.require_subcommand(1);
  CLI::App* esme = app.add_subcommand("esme", "SMPP 3.4 at an SMSC");
  esme->add_option("--host", options.host, "an address");
  esme->add_option("--port", options.port, "its TCP port");
  esme->add_option("--system-id", options.system_id, "who binds");
  esme->add_option("--password", options.password, "of the SMSC's account");
  esme->add_option("--number", options.number, "of ours, the source");
  CLI::App* modem = app.add_subcommand("modem", "AT commands at a serial device");
  modem->add_option("--device", options.device, "path")->required();
  for (CLI::App* each : {esme, modem}) each->add_flag("--receipts", options.receipts, "asks what becomes of each message");
  CLI11_PARSE(app, count, arguments);
  return esme->parsed() ? drover::run_esme(options) : drover::run_modem(options);
}
