// SPDX-License-Identifier: Apache-2.0
#include "apps/swarm/command_line.hpp"

#include <charconv>
#include <CLI/CLI.hpp>
#include <cstdint>
#include <iostream>
#include <map>
#include <string>

#include "security/identity.hpp"

namespace drover::swarm {
namespace {

constexpr const char* kDescription =
    "Many LwM2M devices from one process: they register, update, answer reads, writes of the lifetime, executes of "
    "the\n"
    "update trigger and reboot, discovers and observes, and notify. Each is its own endpoint with its own source port "
    "or\n"
    "its own address of 127.0.0.0/8. With --psk-secret-file they speak DTLS, each with an association and a pre-shared "
    "key of\n"
    "its own: its identity is its endpoint name, its key HMAC-SHA256(secret, endpoint name). Devices keep no attributes and no instances can be created or deleted (4.05).";

constexpr const char* kFooter =
    "Prints one line a phase: how many exchanges, errors by kind (response code, timeout, reset), rate and latency.\n"
    "Exit status: 0 all went well, 1 some exchanges or handshakes failed, 2 wrong use, 3 the system is in the way (descriptors, "
    "ports).\n\n"
    "  drover-swarm --count 1000 --rate 100\n"
    "  drover-swarm --count 1000000 --source addresses --updates 1000000 --json\n\n"
    "With DTLS, and droverd's credentials made from the same secret:\n\n"
    "  (umask 077; openssl rand -hex 32 > swarm.secret)\n"
    "  drover-swarm --count 1000 --psk-secret-file swarm.secret --write-credentials swarm.csv\n"
    "  drover credentials import swarm.csv\n"
    "  drover-swarm --count 1000 --psk-secret-file swarm.secret --rate 100";

std::uint32_t addresses_from(std::uint32_t first) {
  return first > Options::kAddressesMax ? 0 : Options::kAddressesMax - (first - 1);
}

/// A whole number in a range that a message can name: CLI::Range would show 1.67117e+07.
CLI::Validator from(std::uint64_t least, std::uint64_t most) {
  const std::string range = std::to_string(least) + " to " + std::to_string(most);
  return {[least, most, range](std::string& text) {
            std::uint64_t value = 0;
            const char* const end = text.data() + text.size();
            const auto [stop, bad] = std::from_chars(text.data(), end, value);
            const bool fits = bad == std::errc{} && stop == end && value >= least && value <= most;
            return fits ? std::string() : "\"" + text + "\" must be a number from " + range;
          },
          range};
}

void add_security(CLI::App& app, Options& options) {
  CLI::Option* const secret =
      app.add_option("--psk-secret-file", options.psk_secret_file,
                     "DTLS with keys made from the secret in this file: hex digits or base64:..., for its owner only")
          ->type_name("FILE");
  app.add_option("--write-credentials", options.write_credentials,
                 "write the devices' credentials for \"drover credentials import\" to this new file, - is standard output, "
                 "and do nothing else")
      ->needs(secret)
      ->type_name("FILE");
  app.add_flag("--resume", options.resume, "a device that was restarted (/3/0/4) resumes its DTLS session")->needs(secret);
}

/// What options say together.
std::optional<int> check(const Options& options) {
  // What goes into one Uri-Query option, "ep=" and the longest name (RFC 7252 §5.10, Table 4).
  const std::string last = std::to_string(std::uint64_t{options.first} + options.count - 1);
  const std::size_t endpoint_max = options.is_secure() ? security::kPskIdentityMax : Options::kEndpointMax;
  if (options.prefix.size() + last.size() > endpoint_max) {
    std::cerr << "drover-swarm: --prefix has " << options.prefix.size() << " bytes; use at most "
              << endpoint_max - last.size() << '\n';
    return 2;
  }
  if (options.source == Source::Addresses && options.count > addresses_from(options.first)) {
    std::cerr << "drover-swarm: --first " << options.first << " leaves addresses for " << addresses_from(options.first)
              << " devices only\n";
    return 2;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int> parse_command_line(int count, char** arguments, Options& options) {
  CLI::App app(kDescription, "drover-swarm");
  app.footer(kFooter);
  app.set_version_flag("--version", DROVER_VERSION);
  const std::map<std::string, Source> sources{{"ports", Source::Ports}, {"addresses", Source::Addresses}};
  app.add_option("-s,--server", options.server, "HOST[:PORT] of the LwM2M server; port 5683, with DTLS 5684")
      ->capture_default_str();
  app.add_option("-n,--count", options.count, "how many devices")
      ->check(from(1, Options::kAddressesMax))
      ->capture_default_str();
  app.add_option("--first", options.first, "number of the first device, so that several swarms can share a server")
      ->check(from(1, Options::kAddressesMax))
      ->capture_default_str();
  app.add_option("--prefix", options.prefix, "endpoint names are this and the device's number")->capture_default_str();
  app.add_option("--source", options.source, "ports: a socket each; addresses: 127.1.0.1 and up on one socket")
      ->transform(CLI::CheckedTransformer(sources))
      ->default_str("ports");
  app.add_option("-r,--rate", options.rate, "registrations a second; 0: as fast as --window allows")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("-w,--window", options.window, "exchanges that wait for their answers at once")
      ->check(from(1, 1'000'000))
      ->capture_default_str();
  app.add_option("-l,--lifetime", options.lifetime, "seconds")->check(from(1, UINT32_MAX))->capture_default_str();
  app.add_option("--update-every", options.update_every, "seconds; 0: at three quarters of the lifetime")
      ->check(from(0, UINT32_MAX))
      ->capture_default_str();
  app.add_option("--again", options.again,
                 "that many Registers after the first ones, devices in turn: each replaces a registration")
      ->capture_default_str();
  app.add_option("-u,--updates", options.updates, "that many Updates after the registrations, devices in turn")
      ->capture_default_str();
  app.add_option("--update-rate", options.update_rate, "of those, a second; 0: as fast as --window allows")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--notify-every", options.notify_every, "seconds between notifications of an observation")
      ->check(from(1, UINT32_MAX))
      ->capture_default_str();
  app.add_option("-d,--duration", options.duration,
                 "seconds to stay after that, answering and notifying; 0: until Ctrl-C, or not at all after --updates")
      ->check(from(0, Options::kDurationMax))
      ->capture_default_str();
  app.add_option("--sensors", options.sensors, "instances of object 3303 besides /1/0 and /3/0")
      ->check(from(0, Options::kSensorsMax))
      ->capture_default_str();
  app.add_flag("--deregister", options.deregister, "deregister at the end, after Ctrl-C too");
  app.add_flag("--json", options.json, "one JSON object a line instead of a table");
  app.add_flag("--step", options.step, "wait for a line on standard input before each phase");
  add_security(app, options);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::cerr << "drover-swarm: " << error.what() << " (see drover-swarm --help)\n";
    return 2;
  }
  return check(options);
}

}  // namespace drover::swarm
