// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include <CLI/CLI.hpp>

#include <charconv>
#include <functional>
#include <iostream>

#include "apps/card/options.hpp"

namespace drover::card {
namespace {

constexpr const char* kDescription =
    "Smartcards with bootstrap data (LwM2M Core, appendices G and H) for those who personalise cards, and for tests:\n"
    "file images from a description, and a software card in a virtual reader or modem.";

constexpr const char* kFooter =
    R"(A description is a TOML file, each key with its default; files are relative to it:
  iccid = "8949000000000000001"    label = "LwM2M"    protocol = "T=1"    or "T=0"
  definitions = []                 folders with DDF files, for [[object]], besides the shipped ones
  [bootstrap]                      uri, security, sms as [[server]]; hold_off, account_timeout in seconds
  [[server]]                       uri; id (else the first that is free), lifetime = 86400, binding = "U",
                                   default_pmin, default_pmax, disable_timeout, store_notifications = true
    security = { mode = "psk", identity = "..", key_file = ".." }, or "rpk" and "x509" as drover-device has them
    sms = { number = "..", mode = "smartcard", parameters = "12121600b20203", key_file = ".." }
  [[object]]                       any other: id, version; nothing is the implicit one
    [object.values]                "INSTANCE/RESOURCE" = a text, number, true, "hex:00ff", or a list of them
  [files]                          form = "opaque" of EF(DODF), or "oid", "oid-twice"; absolute_paths = false
    application = 0x7f50, dodf = 0x6430, data = 0x6432    identifiers;    aid = "a000000063504b43532d3135"
    odf_size = 0, dodf_size = 0, data_size = 0            octets, the rest is FF; 0: as large as what is in it
    offset = 0                     of the data in their file
    private = false                reading takes the PIN;    modifiable = false
    content_file = ".."            EF LwM2M_Bootstrap as it is, in place of servers and objects
  [pin]                            pin_file; tries = 3, reference = 1
  [secure_channel]                 key_file with lines ENC = .., MAC = .., DEK = .. in hex digits, or enc_file,
                                   mac_file, dek_file; version = 0x30; required = false, to read the data
  [sms_application]                key_file: KIc's key and KID's; aid, parameters = "12121600b20203", coap_tag = 5,
                                   get_data_p1 = 0, get_data_p2 = 5, secure_channel_required (true where there are keys)
  [[application]]                  others in EF(DIR): aid, label

  drover-card make card.toml -o card && drover-card serve card.toml --vpcd 35963)";

constexpr const char* kMakeFooter =
    R"(Writes into FOLDER, readable by their owner alone since they may hold keys:
  3F00/2F00.bin, 3F00/7F50/6432.bin, ...    each file of the card, padding included, in folders by identifier
  card.json                                 an index without secrets: AIDs, files, sizes, FCP, answer to reset
  csim.txt                                  a reading by AT+CSIM, commands and answers: a fixture for readers' tests)";

constexpr const char* kServeFooter =
    R"(Prints a line of JSON for what happens: {"event":"ready",...}, inserted, removed, reset, loaded. Reads commands
from standard input, one a line; SIGUSR1 takes the card out, and puts it in again:
  remove, insert        the card's counters stay, and in a reader its PIN's tries
  reset                 somebody else resets it: channels and sessions are gone
  load FILE             the card has this description's files from now on, as after an update over the air
SIGTERM ends it. The virtual reader of vsmartcard listens on all addresses; give it a network namespace of its own.)";

void add_make(CLI::App& app, Options& options) {
  CLI::App* make = app.add_subcommand("make", "Write the card's files, an index and a transcript of a reading");
  make->footer(kMakeFooter);
  make->add_option("DESCRIPTION", options.description, "TOML file, see drover-card --help")->required();
  make->add_option("-o,--output", options.folder, "FOLDER, made when it isn't there")->required();
  make->add_flag("--force", options.force, "overwrite files that are there");
  make->callback([&options] { options.action = Options::Action::Make; });
}

void add_serve(CLI::App& app, Options& options) {
  CLI::App* serve = app.add_subcommand("serve", "Be the card, in a virtual reader or a virtual modem");
  serve->footer(kServeFooter);
  serve->add_option("DESCRIPTION", options.description, "TOML file, see drover-card --help")->required();
  const auto vpcd = [&options](const std::string& text) {
    const auto parsed = parse_vpcd(text, options);
    if (!parsed) throw CLI::ValidationError("--vpcd", parsed.error().reason);
  };
  CLI::Option* reader =
      serve->add_option_function<std::string>("--vpcd", vpcd, "[HOST:]PORT of vsmartcard's vpcd, on loopback");
  CLI::Option* modem =
      serve->add_option("--at", options.at, "PATH of a link to a pty: a modem with AT+CSIM and AT+CGLA");
  reader->excludes(modem);
  serve->add_flag("--trace", options.trace, "print APDUs or AT commands to standard error; they hold secrets");
  serve->callback([&options] {
    options.action = Options::Action::Serve;
    if (options.vpcd_host.empty() && options.at.empty()) {
      throw CLI::ValidationError("--vpcd, --at", "where is the card to be?");
    }
  });
}

}  // namespace

Result<void> parse_vpcd(const std::string& text, Options& options) {
  const auto wrong = [](const char* reason) { return tl::unexpected(Error{Fault::Us, 0, reason}); };
  const auto colon = text.rfind(':');
  const std::string host = colon == std::string::npos ? "127.0.0.1" : text.substr(0, colon);
  const std::string port = colon == std::string::npos ? text : text.substr(colon + 1);
  in_addr address{};
  constexpr std::uint32_t kLoopback = 127;
  if (inet_pton(AF_INET, host.c_str(), &address) != 1 || ntohl(address.s_addr) >> 24 != kLoopback) {
    return wrong("HOST is an address of loopback, such as 127.0.0.1");
  }
  std::uint16_t number = 0;
  const auto [end, bad] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (bad != std::errc{} || end != port.data() + port.size() || number == 0) return wrong("PORT is a number to 65535");
  options.vpcd_host = host;
  options.vpcd_port = number;
  return {};
}

std::optional<int> parse_command_line(int count, char** arguments, Options& options) {
  CLI::App app(kDescription, "drover-card");
  app.footer(kFooter);
  app.set_version_flag("--version", DROVER_VERSION);
  app.require_subcommand(1);
  add_make(app, options);
  add_serve(app, options);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::cerr << "drover-card: " << error.what() << " (see drover-card --help)\n";
    return 2;
  }
  return std::nullopt;
}

}  // namespace drover::card
