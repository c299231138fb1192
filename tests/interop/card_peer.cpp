// SPDX-License-Identifier: Apache-2.0
// Our terminals at cards that others made: in readers of pcscd, and in modems. `read` reads the bootstrap data once and
// tells what it found, one line a fact; `watch` tells a line an event until standard input ends; `apdu` sends commands
// from standard input, a line of hexadecimal each, and tells each answer ("disconnect" and "connect" between them).
#include <CLI/CLI.hpp>

#include <unistd.h>

#include <cstdio>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "io/card_worker.hpp"
#include "io/clock.hpp"
#include "io/event_loop.hpp"
#include "io/modem_terminal.hpp"
#include "io/pcsc_terminal.hpp"
#include "io/pcsc_watcher.hpp"
#include "io/serial_device.hpp"
#include "smartcard/bootstrap_reader.hpp"

namespace drover {
namespace {

struct Options {
  std::string reader, device, keys, pin;
  bool trace = false;
};

void tell(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

int tell(const smartcard::CardError& error) {
  tell("error " + std::string(smartcard::to_string(error.kind)) + ": " + error.reason);
  return 1;
}

class PrintingTrace final : public smartcard::Trace {
 public:
  void exchanged(ByteView command, ByteView response) override {
    tell("> " + to_hex(command));
    tell("< " + to_hex(response));
  }
};

smartcard::ReaderSettings settings_of(const Options& options) {
  smartcard::ReaderSettings settings;
  settings.pin = Secret<std::string>(options.pin);
  if (options.keys.empty()) return settings;
  const std::size_t colon = options.keys.find(':');
  auto enc = from_hex(options.keys.substr(0, colon));
  auto mac = from_hex(colon == std::string::npos ? "" : options.keys.substr(colon + 1));
  settings.keys.emplace();
  settings.keys->enc = Secret<Bytes>(std::move(enc).value_or(Bytes{}));
  settings.keys->mac = Secret<Bytes>(std::move(mac).value_or(Bytes{}));
  return settings;
}

int read(smartcard::Terminal& terminal, const Options& options) {
  io::SystemRng rng;
  PrintingTrace trace;
  smartcard::BootstrapReader reader(terminal, settings_of(options), rng, options.trace ? &trace : nullptr);
  const auto reading = reader.read();
  if (const auto& chain = reader.chain()) {
    tell("atr " + to_hex(chain->atr));
    tell("iccid " + chain->iccid);
  }
  if (!reading) return tell(reading.error());
  tell("aid " + to_hex(reading->chain.aid));
  tell("channel " + std::to_string(reading->chain.channel));
  tell(std::string("secured ") + (reading->chain.secured ? "yes" : "no"));
  if (reading->chain.object) tell(std::string("form ") + smartcard::pkcs15::to_string(reading->chain.object->form));
  tell("file " + to_hex(reading->file.reveal()));
  return 0;
}

int send_commands(smartcard::Terminal& terminal) {
  const auto connect = [&terminal] {
    const auto atr = terminal.connect();
    if (atr) {
      tell("atr " + to_hex(*atr));
    } else {
      tell(atr.error());
    }
  };
  connect();
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "connect") {
      connect();
    } else if (line == "disconnect") {
      terminal.disconnect();
      tell("disconnected");
    } else if (const auto response = terminal.transmit(from_hex(line).value_or(Bytes{})); response) {
      tell("< " + to_hex(*response));
    } else {
      tell(response.error());
    }
  }
  terminal.disconnect();
  return 0;
}

/// With a reader's card here, with a modem's on another thread than the loop's.
int with_terminal(const Options& options, const std::function<int(smartcard::Terminal&)>& work) {
  if (options.device.empty()) {
    io::PcscTerminal terminal({options.reader});
    return work(terminal);
  }
  io::EventLoop loop;
  io::CardModem modem(loop, Secret<std::string>(options.pin),
                      [&options] { return io::open_serial_device(options.device, {}); });
  io::ModemTerminal terminal(modem.card());
  io::CardWorker worker(loop, terminal, [&terminal] { terminal.interrupt(); });
  int result = 1;
  worker.run(work, [&](int given) {
    result = given;
    loop.stop();
  });
  loop.run();
  return result;
}

int watch(const Options& options) {
  io::EventLoop loop;
  loop.watch(STDIN_FILENO, io::EventLoop::Interest::Read, [&loop] {
    char buffer[256];
    if (::read(STDIN_FILENO, buffer, sizeof buffer) <= 0) loop.stop();
  });
  io::WatcherSettings settings;
  settings.reader = options.reader;
  settings.retry_first = std::chrono::milliseconds(100);
  settings.retry_max = std::chrono::milliseconds(400);
  io::PcscWatcher watcher(loop, settings, [](const io::ReaderEvent& event) {
    tell(std::string(io::to_string(event.what)) + (event.reader.empty() ? "" : " '" + event.reader + "'") +
         (event.atr.empty() ? "" : " " + to_hex(event.atr)) + (event.reason.empty() ? "" : ": " + event.reason));
  });
  loop.run();
  return 0;
}

int main_of(int argc, char** argv) {
  CLI::App app("Our terminals at cards that others made");
  app.require_subcommand(1);
  Options options;
  auto* read_command = app.add_subcommand("read", "Reads the bootstrap data");
  auto* apdu_command = app.add_subcommand("apdu", "Sends commands from standard input");
  for (auto* command : {read_command, apdu_command}) {
    command->add_option("--reader", options.reader, "Reader, or how its name begins");
    command->add_option("--at", options.device, "A modem in place of a reader");
    command->add_option("--pin", options.pin, "Of the file, or the modem's SIM");
  }
  read_command->add_option("--keys", options.keys, "KEY_ENC:KEY_MAC of the secure channel, in hexadecimal");
  read_command->add_flag("--trace", options.trace, "Tells each command and answer");
  auto* watch_command = app.add_subcommand("watch", "Tells what comes and goes");
  watch_command->add_option("--reader", options.reader, "Reader, or how its name begins");
  CLI11_PARSE(app, argc, argv);
  if (*watch_command) return watch(options);
  if (*apdu_command) return with_terminal(options, send_commands);
  return with_terminal(options, [&options](smartcard::Terminal& terminal) { return read(terminal, options); });
}

}  // namespace
}  // namespace drover

int main(int argc, char** argv) {
  return drover::main_of(argc, argv);
}
