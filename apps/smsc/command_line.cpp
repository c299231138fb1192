// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include <functional>
#include <iostream>

#include "config.hpp"
#include "network.hpp"

namespace drover::smsc {
namespace {

constexpr const char* kDescription =
    "A short message service centre and modems, for tests and demonstrations: SMPP 3.4 on one side, modems with AT\n"
    "commands in PDU mode on pseudo terminals on the other. Takes, delays, loses, repeats and reorders short messages.";

constexpr const char* kFooter =
    R"(Prints one line of JSON when it is ready, {"event":"ready","smpp":"127.0.0.1:2775",...}; with --trace one each:
submit, deliver, lost, duplicated, expired, refused, retried. Reads commands from standard input, one a line:
  reset NUMBER    a modem loses its settings and says RDY     hang NUMBER, resume NUMBER    it says nothing meanwhile
  off NUMBER, on NUMBER    a modem without a network          drop SYSTEM_ID    an ESME's connection breaks
  card NUMBER FILE    a modem has another card                card NUMBER none    it has none
SIGTERM ends it.

Configuration file (TOML), each key with its default:
  smpp = "127.0.0.1:2775"   an address of loopback; port 0 is any
  seed = 1
  [network]
  delay_ms = 0              or [least, most], drawn
  loss = 0                  thousandths, each short message by itself, as of the next two
  duplicate = 0
  reorder = 0               held back
  reorder_ms = 10000        by that at most
  validity = 86400          seconds, of messages that don't say
  retry_ms = 5000           when a receiver can't take one at the moment
  submits_per_second = 0    of an ESME, past it ESME_RTHROTTLED; 0 is no limit
  [[esme]]                  system_id, password, number
  [[modem]]                 number, device; pin = "", storage = 50; card = "FILE", as drover-card
                            describes cards, relative to this file

A card is reached by AT+CSIM, AT+CCHO, AT+CGLA and AT+CCHC. Short messages of class 2 for USIM data download go to its
applications, and what these want sent is sent. The counters of what it sends begin above those of earlier runs; it
forgets which packets have come to it.

  drover-smsc --esme drover:secret:12345 --modem 491701110001=/tmp/modem0 --delay 500-3000 --loss 50 --trace)";

/// A flag, once or several times, whose text is parsed by `parse`; its error is CLI11's.
void add(CLI::App& app, const char* flag, const char* help, std::function<Result<void>(const std::string&)> parse) {
  const auto each = [flag, parse = std::move(parse)](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      if (const auto done = parse(text); !done) throw CLI::ValidationError(flag, done.error().reason);
    }
  };
  app.add_option_function<std::vector<std::string>>(flag, each, help)->trigger_on_parse();
}

void add_flags(CLI::App& app, Config& config) {
  add(app, "-c,--config", "TOML file, see below", [&](const std::string& name) { return read_config(name, config); });
  add(app, "--smpp", "HOST:PORT for ESMEs, of loopback [127.0.0.1:2775]",
      [&](const std::string& text) { return parse_listen(text, config); });
  add(app, "--esme",
      "SYSTEM_ID:PASSWORD:NUMBER of an ESME; others can read the command line: a password that matters is for the file",
      [&](const std::string& text) -> Result<void> {
        auto account = parse_account(text);
        if (!account) return tl::unexpected(account.error());
        config.accounts.push_back(std::move(*account));
        return {};
      });
  add(app, "--modem", "NUMBER=DEVICE of a modem: where the link to its pty is made",
      [&](const std::string& text) -> Result<void> {
        auto modem = parse_modem(text);
        if (!modem) return tl::unexpected(modem.error());
        config.modems.push_back(std::move(*modem));
        return {};
      });
  app.add_option("--modem-card", config.cards, "NUMBER=FILE: the modem's card, as a description of drover-card says");
  Faults& faults = config.centre.faults;
  add(app, "--delay", "milliseconds, or LEAST-MOST",
      [&](const std::string& text) { return parse_delay(text, faults); });
  app.add_option("--loss", faults.loss, "thousandths")->check(CLI::Range(0, 1000));
  app.add_option("--duplicate", faults.duplicate, "thousandths")->check(CLI::Range(0, 1000));
  app.add_option("--reorder", faults.reorder, "thousandths")->check(CLI::Range(0, 1000));
  app.add_option("--submits-per-second", config.sessions.submits_per_second, "of an ESME; 0: no limit");
  app.add_option("--seed", config.seed, "of what is drawn")->capture_default_str();
  app.add_flag("--trace", config.trace, "one line of JSON an event");
  app.add_flag("--trace-data", config.trace_data, "with user data, in hexadecimal; implies --trace");
}

void check(Config& config) {
  for (const std::string& text : config.cards) {
    if (const auto done = parse_modem_card(text, config); !done) {
      throw CLI::ValidationError("--modem-card", done.error().reason);
    }
  }
  if (config.accounts.empty() && config.modems.empty()) {
    throw CLI::ValidationError("--esme, --modem", "nobody to serve");
  }
  std::vector<ModemSettings> modems;
  for (const ModemConfig& modem : config.modems) modems.push_back(modem.settings);
  const auto fine = Network::check(config.accounts, modems);
  if (!fine) throw CLI::ValidationError("--esme, --modem", fine.error().reason);
}

}  // namespace

std::optional<int> parse_command_line(int count, char** arguments, Config& config) {
  CLI::App app(kDescription, "drover-smsc");
  app.footer(kFooter);
  app.set_version_flag("--version", DROVER_VERSION);
  add_flags(app, config);
  try {
    app.parse(count, arguments);
    check(config);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::cerr << "drover-smsc: " << error.what() << " (see drover-smsc --help)\n";
    return 2;
  }
  for (const std::string& warning : config.warnings) std::cerr << "drover-smsc: " << warning << "\n";
  config.trace = config.trace || config.trace_data;
  return std::nullopt;
}

}  // namespace drover::smsc
