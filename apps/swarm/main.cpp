// SPDX-License-Identifier: Apache-2.0
// drover-swarm: thousands to a million simulated devices from one process.
#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "apps/swarm/command_line.hpp"
#include "apps/swarm/keys.hpp"
#include "apps/swarm/options.hpp"
#include "apps/swarm/runner.hpp"
#include "apps/swarm/sockets.hpp"
#include "io/resolve.hpp"
#include "io/standard_output.hpp"

namespace {

constexpr std::uint16_t kCoapPort = 5683, kCoapsPort = 5684;  // RFC 7252 §6.1, §6.2
constexpr int kFailed = 1, kUsage = 2, kEnvironment = 3;

volatile std::sig_atomic_t interrupted = 0;

void interrupt(int signal) {
  // The first one ends the phase; the next one has its usual effect.
  interrupted = 1;
  std::signal(signal, SIG_DFL);
}

/// HOST:PORT, [HOST]:PORT or HOST.
drover::Result<drover::transport::PeerAddress> find_server(const std::string& text, std::uint16_t port) {
  if (const auto literal = drover::transport::PeerAddress::parse(text)) return *literal;
  std::string host = text;
  const std::size_t colon = text.rfind(':');
  if (colon != std::string::npos && text.find(':') == colon) {
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + colon + 1, end, port);
    if (error != std::errc() || at != end || port == 0) {
      return tl::unexpected(drover::Error{drover::Fault::Us, 0, "\"" + text + "\" has no port after its colon"});
    }
    host = text.substr(0, colon);
  }
  auto addresses = drover::io::resolve(host, port);
  if (!addresses) return tl::unexpected(addresses.error());
  return addresses->front();
}

int complain(const drover::Error& error) {
  std::fprintf(stderr, "drover-swarm: %s\n", error.reason.c_str());
  return error.fault == drover::Fault::Us ? kUsage : kEnvironment;
}

int run(int count, char** arguments) {
  drover::swarm::Options options;
  if (const auto status = drover::swarm::parse_command_line(count, arguments, options)) return *status;
  std::optional<drover::swarm::Keys> keys;
  if (options.is_secure()) {
    auto read = drover::swarm::Keys::read(options.psk_secret_file);
    if (!read) return complain(read.error());
    keys = std::move(*read);
  }
  if (!options.write_credentials.empty()) {
    const auto written = drover::swarm::write_credentials(options, *keys, options.write_credentials);
    return written ? 0 : complain(written.error());
  }
  const auto server = find_server(options.server, options.is_secure() ? kCoapsPort : kCoapPort);
  if (!server) return complain(server.error());
  auto sockets = drover::swarm::Sockets::open(options, *server);
  if (!sockets) return complain(sockets.error());
  struct sigaction action {};
  action.sa_handler = interrupt;  // without SA_RESTART: a wait ends at once
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  drover::swarm::Runner runner(options, std::move(*sockets), std::move(keys), interrupted);
  return runner.run() ? 0 : kFailed;
}

}  // namespace

int main(int count, char** arguments) {
  const int status = run(count, arguments);
  const auto said = drover::io::finish_output();
  if (said) return status;
  return std::max(status, complain(said.error()));
}
