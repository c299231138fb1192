// SPDX-License-Identifier: Apache-2.0
// drover-device: a LwM2M device for people and for scripts.
#include <malloc.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "apps/device/card_command.hpp"
#include "apps/device/commands.hpp"
#include "apps/device/config.hpp"
#include "apps/device/control_socket.hpp"
#include "apps/device/device.hpp"
#include "apps/device/prompt.hpp"
#include "apps/device/security.hpp"
#include "client/uri.hpp"
#include "io/secret_file.hpp"

namespace drover::device {
namespace {

constexpr int kWrongUsage = 2;
constexpr int kFailed = 1;
constexpr int kReboot = 3;
constexpr int kFactoryReset = 4;

struct Options {
  std::string config;
  std::string endpoint;
  std::vector<std::string> servers;
  std::string bootstrap;
  std::uint32_t lifetime = 0;
  std::string bind;
  std::string path;
  std::vector<std::string> objects;
  std::string control;
  std::string state;
  std::string psk_identity;
  std::string psk_key_file;
  std::string key_log;
  bool exit_on_eof = false;
  bool exit_on_reboot = false;
  bool quiet = false;
  bool verbose = false;
  std::string card_reader;
  std::string card_modem;
  bool card_read = false;
};

void declare(CLI::App& app, Options& options) {
  app.add_option("-c,--config", options.config, "TOML file; see examples/device.toml")->type_name("FILE");
  app.add_option("-e,--endpoint", options.endpoint, "endpoint client name")->type_name("NAME");
  app.add_option("-s,--server", options.servers, "coaps://HOST[:PORT] or coap://...; may be repeated")->type_name("URI");
  app.add_option("--bootstrap", options.bootstrap,
                 "coaps://HOST[:PORT] or coap://... of the bootstrap server, which tells the device its servers")
      ->type_name("URI");
  app.add_option("-l,--lifetime", options.lifetime, "of the registration, in seconds (86400)")
      ->check(CLI::Range(1U, 4294967295U))
      ->type_name("SECONDS");
  app.add_option("-b,--bind", options.bind, "local address and port")->type_name("ADDRESS:PORT");
  app.add_option("-p,--path", options.path, "alternate path of the objects, such as /lwm2m")->type_name("PATH");
  app.add_option("-o,--objects", options.objects, "folder with more object definitions (DDF)")->type_name("FOLDER");
  app.add_option("--control", options.control, "Unix socket that takes the prompt's commands")->type_name("PATH");
  app.add_option("--state", options.state,
                 "keeps what servers set, observe and registered in this file, through restarts and power cuts")
      ->type_name("FILE");
  auto* identity = app.add_option("--psk-identity", options.psk_identity,
                                  "of the pre-shared key for coaps; the file's [security] has the other kinds")
                       ->type_name("NAME");
  app.add_option("--psk-key-file", options.psk_key_file, "holds the key as hex digits or base64:...")
      ->needs(identity)
      ->type_name("FILE");
  identity->needs("--psk-key-file");
  app.add_option("--key-log", options.key_log,
                 "appends the keys of all associations to this file, to decrypt captures with; for debugging only")
      ->type_name("FILE");
  app.add_flag("--exit-on-eof", options.exit_on_eof, "ends at the end of standard input");
  app.add_flag("--exit-on-reboot", options.exit_on_reboot,
               "ends when a server asks for a reboot (exit code 3) or a factory reset (4), for a supervisor to start "
               "it again; else it starts anew in place");
  auto* card = app.add_subcommand("card", "the smartcard, without a device around it");
  card->require_subcommand(1);
  auto* read = card->add_subcommand("read", "shows the way to the bootstrap data and the objects in them, without secrets");
  read->callback([&options] { options.card_read = true; });
  read->add_option("-c,--config", options.config, "TOML file whose [card] says where it is, and has keys and PIN")->type_name("FILE");
  read->add_option("--reader", options.card_reader, "PC/SC reader, by the beginning of its name; any: whichever has a card")
      ->type_name("NAME");
  read->add_option("--modem", options.card_modem, "serial device of the modem that it is in")->type_name("DEVICE");
  read->add_option("-o,--objects", options.objects, "folder with more object definitions (DDF)")->type_name("FOLDER");
  app.set_version_flag("--version", DROVER_VERSION);
  auto* quiet = app.add_flag("-q,--quiet", options.quiet, "prints no events");
  app.add_flag("-v,--verbose", options.verbose, "events for dropped packets, too, with the reason")->excludes(quiet);
  app.footer(
      "SIGINT and \"quit\" de-register. So does SIGTERM, unless there is a state file: then it keeps the registration\n"
      "for the next start.\n"
      "Commands come from standard input and the control socket; \"help\" lists them.\n"
      "Exit codes: 0 ended by quit or a signal, 1 something failed, 2 wrong options or configuration,\n"
      "3 a reboot and 4 a factory reset was asked for, with --exit-on-reboot.");
}

Result<Config> configure(const Options& options) {
  Config config;
  if (!options.config.empty()) {
    if (auto read = read_config(options.config, config); !read) return tl::unexpected(read.error());
  }
  if (!options.endpoint.empty()) config.endpoint = options.endpoint;
  if (!options.servers.empty()) {
    config.servers.clear();
    for (const std::string& uri : options.servers) config.servers.push_back({uri, 0, std::nullopt, 0, std::nullopt, {}, {}});
  }
  if (!options.bootstrap.empty()) {
    config.bootstrap.uri = options.bootstrap;
    config.bootstrap.line = 0;
    if (!options.psk_identity.empty()) config.bootstrap.security.reset();  // the options' key is meant
  }
  if (!options.psk_identity.empty()) {
    auto key = read_key(options.psk_key_file);
    if (!key) return tl::unexpected(key.error());
    config.key_files.push_back(options.psk_key_file);
    config.security.emplace();
    config.security->mode = client::SecurityObject::kPreSharedKey;
    config.security->identity = to_bytes(options.psk_identity);
    config.security->key = std::move(*key);
  }
  config.key_log = options.key_log;
  if (options.lifetime != 0) config.lifetime = options.lifetime;
  if (!options.bind.empty()) {
    config.bind = options.bind;
    config.bind_line = 0;
  }
  if (!options.path.empty()) config.root = options.path;
  if (!options.card_reader.empty() || !options.card_modem.empty()) {
    config.card.reader = options.card_reader == "any" ? "" : options.card_reader;
    config.card.modem = options.card_modem;
  }
  if (!options.control.empty()) config.control = options.control;
  if (!options.state.empty()) config.state.file = options.state;
  config.objects.insert(config.objects.end(), options.objects.begin(), options.objects.end());
  config.exit_on_eof = options.exit_on_eof;
  config.exit_on_reboot = options.exit_on_reboot;
  if (options.quiet) config.events = false;
  if (options.verbose) config.drops = true;
  return config;
}

void warn_of_exposed_keys(const Config& config) {
  for (const std::string& file : std::set<std::string>(config.key_files.begin(), config.key_files.end())) {
    if (!io::is_readable_by_everybody(file)) continue;
    std::fprintf(stderr, "drover-device: everybody on this machine may read the key in %s; chmod 600 mends it\n",
                 file.c_str());
  }
}

int complain(const Error& error, int code) {
  std::fprintf(stderr, "drover-device: %s\n", error.reason.c_str());
  return code;
}

/// SIGTERM and SIGINT as a descriptor; blocked before any thread starts, so that no thread dies of them.
int signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int run(Config config) {
  const int signal_fd = signals();
  auto made = Device::make(std::move(config));
  if (!made) return complain(made.error(), kWrongUsage);
  Device& device = **made;
  sdk::Runtime& runtime = device.runtime();
  bool leaving = false;
  int code = EXIT_SUCCESS;
  const auto leave = [&] {
    if (leaving) return;
    leaving = true;
    runtime.loop().post([&] { runtime.shut_down(); });
  };

  Commands commands(device, leave);
  std::unique_ptr<ControlSocket> control;
  if (!device.config().control.empty()) {
    auto opened = ControlSocket::open(device.config().control, runtime.loop(), commands);
    if (!opened) return complain(opened.error(), kWrongUsage);
    control = std::move(*opened);
  }
  std::optional<Prompt> prompt;
  const auto tell = [&](const std::string& line) {
    if (prompt) prompt->event(line);
    if (control) control->event(line);
  };
  runtime.on_drop([&](const coap::Drop& drop) { tell(describe(drop)); });
  runtime.on_event([&](const client::ClientEvent& event) {
    tell(describe(event));
    device.handle(event);
    const bool factory = std::holds_alternative<client::FactoryResetWanted>(event);
    if (!factory && !std::holds_alternative<client::RebootWanted>(event)) return;
    // Posted, so that the answer leaves first.
    runtime.loop().post([&, factory] {
      if (leaving) return;
      if (device.config().exit_on_reboot) {
        code = factory ? kFactoryReset : kReboot;
        if (device.state() != nullptr) device.state()->end_for_reset(factory);
        return runtime.loop().stop();
      }
      if (auto done = factory ? device.factory_reset() : device.reboot(); !done) {
        code = complain(done.error(), kFailed);
        return runtime.loop().stop();
      }
      tell(factory ? "started anew with the configured values" : "started anew with the current values");
    });
  });
  prompt.emplace(runtime.loop(), commands, device.config().events, [&] {
    if (device.config().exit_on_eof) leave();
  });
  if (auto started = device.start(); !started) {
    return complain(started.error(), device.config().bind.empty() ? kFailed : kWrongUsage);
  }
  if (signal_fd >= 0) {
    runtime.loop().watch(signal_fd, io::EventLoop::Interest::Read, [&] {
      signalfd_siginfo info{};
      if (::read(signal_fd, &info, sizeof info) <= 0) return;
      const bool stays_registered = info.ssi_signo == SIGTERM && device.state() != nullptr;
      if (stays_registered) return runtime.loop().stop();
      leave();
    });
  }
  // The loaders' buffers, megabytes, are free but still ours; a device at rest gives them back.
  ::malloc_trim(0);
  runtime.run();
  if (device.state() != nullptr) device.state()->save();
  if (signal_fd >= 0) runtime.loop().unwatch(signal_fd);
  return code;
}

}  // namespace
}  // namespace drover::device

int main(int argc, char** argv) {
  using namespace drover::device;
  Options options;
  CLI::App app("A LwM2M device: registers with servers, answers them, and is driven from a prompt, a pipe or a socket.",
               "drover-device");
  declare(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::fprintf(stderr, "drover-device: %s; --help lists the options\n", error.what());
    return kWrongUsage;
  }
  auto config = configure(options);
  if (!config) return complain(config.error(), kWrongUsage);
  warn_of_exposed_keys(*config);
  if (options.card_read) return read_card_command(config->card, config->objects);
  const int code = run(std::move(*config));
  std::fflush(stdout);
  // Not exit(): a thread may sit in a read of standard input, which the destructors of streams would wait for.
  ::_exit(code);
}
