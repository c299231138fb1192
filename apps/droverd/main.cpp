// SPDX-License-Identifier: Apache-2.0
// The server daemon: everything is opened before anything runs, so that a failure leaves nothing half-started.
#include <algorithm>
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <tuple>

#include "api/api.hpp"
#include "api/listen_address.hpp"
#include "api/operation_forms.hpp"
#include "api/tls_context.hpp"
#include "api/tokens.hpp"
#include "audit.hpp"
#include "backup/manifest.hpp"
#include "config.hpp"
#include "credential_store.hpp"
#include "daemon.hpp"
#include "io/definitions.hpp"
#include "io/log.hpp"
#include "io/service_notifier.hpp"
#include "io/standard_output.hpp"
#include "plan_shelf.hpp"
#include "rule_config.hpp"
#include "sink_threads.hpp"

namespace {

using namespace drover;

constexpr int kExitEnvironment = 1;
constexpr int kExitConfiguration = 2;

int fail(const Error& error) {
  std::cerr << "droverd: " << error.reason << '\n';
  return error.fault == Fault::Environment ? kExitEnvironment : kExitConfiguration;
}

Error wrong(const char* flag, const Error& error) {
  return {Fault::Us, 0, std::string(flag) + ": " + error.reason};
}

/// The exit code, unless what was printed is lost.
int end(int code) {
  const auto said = io::finish_output();
  return said || code != 0 ? code : fail(said.error());
}

struct Flags {
  std::string config;
  std::string listen;
  std::optional<std::string> secure_listen{};
  std::vector<std::string> api;
  std::vector<std::string> objects;
  std::optional<std::size_t> shards;
  bool strict = false;
  std::string log;
  std::string log_format;
  std::string store;
  std::string bootstrap_listen;
  std::string bootstrap_secure_listen;
  std::vector<std::string> bootstrap_plans;
  std::string add_token;
  std::string rekey;
  std::string restore;
  bool check = false;
};

/// An exit code when the command line ends the program.
std::optional<int> parse_flags(int argc, char** argv, Flags& flags) {
  CLI::App app("LwM2M Server: devices over UDP, people and programs over a REST API.", "droverd");
  app.footer(droverd::kConfigHelp);
  app.set_version_flag("--version", "droverd " DROVER_VERSION);
  app.add_option("--config", flags.config, "Configuration file; flags go before it")->type_name("FILE");
  app.add_option("--listen", flags.listen, "UDP address for devices [[::]:5683]")->type_name("HOST:PORT");
  app.add_option("--secure-listen", flags.secure_listen, "UDP address for devices with DTLS; \"\" for none [[::]:5684]")
      ->type_name("HOST:PORT");
  app.add_option("--api", flags.api, "Address for the REST API, repeatable [127.0.0.1:8080]")
      ->type_name("[http[s]://]HOST:PORT")
      ->allow_extra_args(false);
  app.add_option("--shards", flags.shards, "Threads for devices; 0 is one a core [0]")
      ->check(CLI::Range(std::size_t{0}, droverd::kShardsMax))
      ->type_name("N");
  app.add_option("--objects", flags.objects, "Folder with more object definitions, repeatable")
      ->type_name("DIR")
      ->allow_extra_args(false);
  app.add_flag("--strict", flags.strict, "Only LwM2M 1.0 to the letter");
  app.add_option("--log", flags.log, "debug, info, warn, error or off [info]")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}))
      ->type_name("LEVEL");
  app.add_option("--log-format", flags.log_format, "text or json [text]")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
  app.add_option("--store", flags.store, "File for what outlives a restart; see [store]")->type_name("FILE");
  app.add_option("--bootstrap-secure-listen", flags.bootstrap_secure_listen,
                 "UDP address of the bootstrap server for devices with DTLS, such as [::]:5784; see [bootstrap]")
      ->type_name("HOST:PORT");
  app.add_option("--bootstrap-listen", flags.bootstrap_listen,
                 "The same without security, for tests: everybody on the way can read the keys")
      ->type_name("HOST:PORT");
  app.add_option("--bootstrap-plan", flags.bootstrap_plans, "File with a bootstrap plan (TOML or JSON), repeatable")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_option("--add-token", flags.add_token,
                 "Make a token for the API in the store, print it, and end; ROLE is read, operate or admin")
      ->type_name("NAME:ROLE");
  app.add_option("--rekey", flags.rekey, "Seal the store with the key in FILE, made when it isn't there, and end")
      ->type_name("FILE");
  app.add_option("--restore", flags.restore, "Put the backup in DIR where the store is to be, and end")->type_name("DIR");
  app.add_flag("--check,--check-config", flags.check, "Read configuration and definitions, say what is wrong, and end");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::cerr << "droverd: " << error.what() << " (see droverd --help)\n";
    return kExitConfiguration;
  }
  return std::nullopt;
}

Result<droverd::Config> configure(const Flags& flags) {
  droverd::Config config;
  if (!flags.config.empty()) {
    if (auto read = droverd::read_config(flags.config, config); !read) return tl::unexpected(read.error());
  }
  if (!flags.listen.empty()) {
    if (auto parsed = droverd::parse_host_port(flags.listen); !parsed) {
      return tl::unexpected(wrong("--listen", parsed.error()));
    }
    config.listen = flags.listen;
  }
  if (flags.secure_listen) {
    const auto parsed = droverd::parse_host_port(*flags.secure_listen);
    if (!flags.secure_listen->empty() && !parsed) return tl::unexpected(wrong("--secure-listen", parsed.error()));
    config.secure_listen = *flags.secure_listen;
  }
  for (const auto& [flag, text, to] :
       {std::tuple("--bootstrap-secure-listen", flags.bootstrap_secure_listen, &config.bootstrap.secure_listen),
        std::tuple("--bootstrap-listen", flags.bootstrap_listen, &config.bootstrap.listen)}) {
    if (text.empty()) continue;
    if (const auto parsed = droverd::parse_host_port(text); !parsed) return tl::unexpected(wrong(flag, parsed.error()));
    *to = text;
  }
  config.bootstrap.plans.insert(config.bootstrap.plans.end(), flags.bootstrap_plans.begin(), flags.bootstrap_plans.end());
  for (const std::string& address : flags.api) {
    const auto parsed = api::parse_listen_address(address);
    if (!parsed) return tl::unexpected(wrong("--api", parsed.error()));
    const auto fine = api::check_listen_address(address, *parsed, !config.api_certificate.empty(), true);
    if (!fine) return tl::unexpected(wrong("--api", fine.error()));
  }
  if (!flags.store.empty()) config.store = flags.store;
  if (!flags.api.empty()) config.api = flags.api;
  config.objects.insert(config.objects.end(), flags.objects.begin(), flags.objects.end());
  if (flags.shards) config.shards = *flags.shards;
  if (flags.strict) config.policy.strict = true;
  if (!flags.log.empty()) config.log_level = *io::log::parse_level(flags.log);
  if (!flags.log_format.empty())
    config.log_form = flags.log_format == "json" ? io::log::Form::Json : io::log::Form::Text;
  if (config.shards == 0) {
    config.shards = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, droverd::kShardsMax);
  }
  droverd::share_devices(config);
  return config;
}

Result<void> load_objects(const droverd::Config& config, lwm2m::model::Registry& registry) {
  for (const auto& folder : config.objects) {
    if (auto loaded = io::load_definitions(folder, registry); !loaded) return loaded;
  }
  // Behind the operator's own, which win: a copy of the public registry has objects 0 to 7, too.
  lwm2m::model::Registry shipped;
  if (auto loaded = io::load_definitions(io::definitions_folder(config.enabler), shipped); !loaded) return loaded;
  for (const char* folder : {config.enabler.c_str(), "extra"}) {
    if (auto loaded = io::complete_definitions(io::definitions_folder(folder), registry); !loaded) return loaded;
  }
  return {};
}

/// SIGINT, SIGTERM and SIGHUP: all threads that are started from here on leave them to this one.
class Signals {
 public:
  Signals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    // A reader of our output that left is no reason to end.
    std::signal(SIGPIPE, SIG_IGN);
  }
  int wait() const {
    int number = 0;
    while (sigwait(&signals_, &number) != 0) {
    }
    return number;
  }

 private:
  sigset_t signals_{};
};

/// For the first token, which the API asks for before it can make one.
int add_token(const droverd::Config& config, const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const auto role = colon == std::string::npos ? std::nullopt : api::parse_role(text.substr(colon + 1));
  if (!role) return fail({Fault::Us, 0, "--add-token: it must be NAME:ROLE, with a role of read, operate or admin"});
  const auto file = droverd::open_store(config);
  if (!file) return fail(file.error());
  if (!*file) return fail({Fault::Us, 0, "--add-token: there is no store: give it a file ([store] file, or --store)"});
  auto audit = droverd::AuditOfCommand::open(config);
  if (!audit) return fail(audit.error());
  const auto authority = droverd::open_authority(config, *file);
  if (!authority) return fail(authority.error());
  const auto made = (*authority)->add(text.substr(0, colon), *role, std::nullopt);
  if (!made) return fail(wrong("--add-token", made.error()));
  const auto noted = audit->note("add-token", "token " + std::to_string(made->token.id) + " (" + made->token.name + ") of role " +
                                                  api::to_string(made->token.role));
  if (!noted) {
    // Nobody has seen it yet.
    std::ignore = (*authority)->remove(made->token.id);
    return fail(noted.error());
  }
  std::cout << made->text.reveal() << '\n';
  return end(0);
}

int rekey_store(const droverd::Config& config, const std::string& key_variable, const std::string& file) {
  const auto done = droverd::rekey(config, key_variable, file);
  if (!done) return fail(done.error());
  auto audit = droverd::AuditOfCommand::open(config);
  const auto noted = audit ? audit->note("rekey", file) : Result<void>(tl::unexpected(audit.error()));
  if (!noted) io::log::error("the audit log misses this", {{"why", noted.error().reason}});
  std::cout << "droverd: " << *done << '\n';
  return end(0);
}

int restore_store(const droverd::Config& config, const std::string& folder) {
  if (config.store.empty()) return fail({Fault::Us, 0, "--restore needs a store (--store)"});
  const auto manifest = backup::read(folder);
  if (!manifest) return fail(manifest.error());
  if (const auto done = backup::restore(folder, *manifest, config.store); !done) return fail(done.error());
  std::cout << "droverd: " << config.store << " is as of " << manifest->made_at << " (Unix seconds). Its key isn't in a backup: "
            << (config.store_key_file.empty() ? config.store + ".key" : config.store_key_file)
            << " has to be that of then\n";
  return end(0);
}

/// The configuration and the definitions as the files are now.
Result<void> reload(const Flags& flags, droverd::Daemon& daemon) {
  const auto config = configure(flags);
  if (!config) return tl::unexpected(config.error());
  lwm2m::model::Registry definitions;
  if (auto loaded = load_objects(*config, definitions); !loaded) return loaded;
  return daemon.reload(*config, std::move(definitions));
}

/// Serves until a signal to end comes; its number.
int serve(const Signals& signals, const Flags& flags, droverd::Daemon& daemon, const io::ServiceNotifier& manager) {
  while (true) {
    const int number = signals.wait();
    if (number != SIGHUP) return number;
    manager.reloading();
    const auto done = reload(flags, daemon);
    daemon.note_reload(done);
    manager.ready(done ? "serving; the configuration was read again" : "serving; the new configuration was refused, see the log");
    if (done) {
      io::log::info("configuration read again");
    } else {
      io::log::error("the configuration stays as it was", {{"why", done.error().reason}});
    }
  }
}

int run(const Flags& flags, const droverd::Config& config, lwm2m::model::Registry& registry,
        const std::string& key_variable) {
  const io::ServiceNotifier manager;
  const Signals signals;
  auto daemon = droverd::Daemon::open(config, registry, key_variable);
  if (!daemon) return fail(daemon.error());
  if (auto started = (*daemon)->start(); !started) return fail(started.error());
  (*daemon)->tell_ports();
  std::cout << "droverd: ready\n";
  // Who starts us waits for these lines.
  const auto said = io::finish_output();
  if (said) manager.ready("serving");
  const int signal = said ? serve(signals, flags, **daemon, manager) : 0;
  manager.stopping();
  if (said) io::log::info("stopping", {{"signal", signal}});
  (*daemon)->stop(said ? "signal " + std::to_string(signal) : "standard output can't be written");
  return said ? 0 : fail(said.error());
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  if (const auto code = parse_flags(argc, argv, flags)) return end(*code);
  const auto config = configure(flags);
  if (!config) return fail(config.error());
  io::log::configure(config->log_level, config->log_form);
  if (!flags.add_token.empty()) return add_token(*config, flags.add_token);
  const std::string key_variable = droverd::take_master_key_variable();
  if (!flags.restore.empty()) return restore_store(*config, flags.restore);
  if (!flags.rekey.empty()) return rekey_store(*config, key_variable, flags.rekey);
  lwm2m::model::Registry registry;
  if (auto loaded = load_objects(*config, registry); !loaded) return fail(loaded.error());
  if (flags.check && !config->api_certificate.empty()) {
    const auto tls = api::http::TlsContext::load(config->api_certificate, config->api_private_key);
    if (!tls) return fail(tls.error());
  }
  if (flags.check) {
    for (const store::ServerCredentialFiles& files :
         {config->credentials, config->bootstrap.credentials, config->bootstrap.authority}) {
      if (const auto own = store::read_server_credentials(files); !own) return fail(own.error());
    }
    if (const auto plans = droverd::read_plans(config->bootstrap.plans, registry); !plans) return fail(plans.error());
    if (const auto fine = droverd::check_sink_files(config->sinks); !fine) return fail(fine.error());
    if (const auto rules = droverd::read_rules(*config, *api::operation_forms(registry)); !rules) return fail(rules.error());
    std::cout << "droverd: the configuration is fine\n";
    return end(0);
  }
  return run(flags, *config, registry, key_variable);
}
