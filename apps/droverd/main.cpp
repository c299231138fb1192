// SPDX-License-Identifier: Apache-2.0
// The server daemon: everything is opened before anything runs, so that a failure leaves nothing half-started.
#include <algorithm>
#include <atomic>
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <tuple>

#include "api/api.hpp"
#include "api/listen_address.hpp"
#include "api/tls_context.hpp"
#include "api/tokens.hpp"
#include "bootstrap_thread.hpp"
#include "config.hpp"
#include "credential_store.hpp"
#include "event_log.hpp"
#include "io/clock.hpp"
#include "io/definitions.hpp"
#include "io/log.hpp"
#include "io/resolve.hpp"
#include "io/secret_file.hpp"
#include "io/standard_output.hpp"
#include "plan_shelf.hpp"
#include "secure_port.hpp"
#include "shard_threads.hpp"
#include "sms_thread.hpp"
#include "store/sms_account_service.hpp"
#include "store/sms_accounts.hpp"
#include "store/store_file.hpp"
#include "store/token_table.hpp"

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
  app.add_flag("--check-config", flags.check, "Read configuration and definitions, say what is wrong, and end");
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

Result<transport::PeerAddress> listen_address(const std::string& text) {
  if (const auto literal = transport::PeerAddress::parse(text)) return *literal;
  const auto parsed = droverd::parse_host_port(text);
  if (!parsed) return tl::unexpected(parsed.error());
  const auto addresses = io::resolve(parsed->host, parsed->port);
  if (!addresses) return tl::unexpected(addresses.error());
  return addresses->front();
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

/// SIGINT, SIGTERM, and SIGHUP where there is something to read again; all threads that are started from here on leave
/// them to this one.
class Signals {
 public:
  explicit Signals(bool hangup) {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    if (hangup) sigaddset(&signals_, SIGHUP);
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

/// nullptr without a store.
Result<std::shared_ptr<store::StoreFile>> open_store(const droverd::Config& config) {
  if (config.store.empty()) return nullptr;
  return store::StoreFile::open(config.store);
}

Result<std::shared_ptr<api::Authority>> open_authority(const droverd::Config& config,
                                                       const std::shared_ptr<store::StoreFile>& file) {
  std::shared_ptr<store::TokenTable> table;
  if (file) table = std::make_shared<store::FileTokenTable>(file);
  return api::Authority::open({.require_token = config.api_require_token, .clock = {}}, std::move(table));
}

/// For the first token, which the API asks for before it can make one.
int add_token(const droverd::Config& config, const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const auto role = colon == std::string::npos ? std::nullopt : api::parse_role(text.substr(colon + 1));
  if (!role) return fail({Fault::Us, 0, "--add-token: it must be NAME:ROLE, with a role of read, operate or admin"});
  const auto file = open_store(config);
  if (!file) return fail(file.error());
  const auto authority = open_authority(config, *file);
  if (!authority) return fail(authority.error());
  const auto made = (*authority)->add(text.substr(0, colon), *role, std::nullopt);
  if (!made) return fail(wrong("--add-token", made.error()));
  std::cout << made->text.reveal() << '\n';
  return end(0);
}

int rekey_store(const droverd::Config& config, const std::string& key_variable, const std::string& file) {
  const auto done = droverd::rekey(config, key_variable, file);
  if (!done) return fail(done.error());
  std::cout << "droverd: " << *done << '\n';
  return end(0);
}

void tell_certificate(UnixSeconds until) {
  if (until == 0) return;
  if (until < io::unix_now()) io::log::warn("the API's certificate has expired", {{"valid_until", until}});
  io::log::info("API certificate", {{"valid_until", until}});
}

void warn_of_exposed_keys(const droverd::Config& config) {
  const store::ServerCredentialFiles& own = config.credentials;
  const droverd::BootstrapConfig& bootstrap = config.bootstrap;
  for (const std::string& file : std::set<std::string>{
           config.api_private_key, own.private_key, own.raw_private_key, bootstrap.credentials.private_key,
           bootstrap.credentials.raw_private_key, bootstrap.authority.private_key}) {
    if (io::is_readable_by_everybody(file)) {
      io::log::warn("everybody on this machine may read a private key; chmod 600 mends it", {{"file", file}});
    }
  }
}

/// Serves until a signal to end comes; its number.
int serve(const Signals& signals, api::Api& api) {
  while (true) {
    const int number = signals.wait();
    if (number != SIGHUP) return number;
    const auto until = api.reload_certificate();
    if (until) {
      tell_certificate(*until);
    } else {
      io::log::error("the API's certificate stays the old one", {{"why", until.error().reason}});
    }
  }
}

void tell_bootstrap(const droverd::BootstrapThread* bootstrap) {
  if (bootstrap == nullptr) return;
  if (const auto local = bootstrap->secure_local()) {
    std::cout << "droverd: coaps://" << local->to_string() << " bootstraps devices with credentials\n";
  }
  if (const auto local = bootstrap->local()) {
    std::cout << "droverd: coap://" << local->to_string() << " bootstraps devices WITHOUT SECURITY\n";
    io::log::warn("the bootstrap server takes devices without security: everybody can have their keys");
  }
}

void tell_ports(const droverd::Config& config, const droverd::ShardThreads& shards,
                const droverd::BootstrapThread* bootstrap, const api::Api& api) {
  std::cout << "droverd: coap://" << shards.local().to_string() << " for devices, " << config.shards
            << (config.shards == 1 ? " shard\n" : " shards\n");
  if (const auto local = shards.secure_local()) {
    std::cout << "droverd: coaps://" << local->to_string() << " for devices with credentials\n";
  }
  tell_bootstrap(bootstrap);
  if (config.sms.runs()) {
    std::cout << "droverd: sms:" << config.sms.msisdn << " for devices, over "
              << (config.sms.smpp.empty() ? config.sms.modem : config.sms.smpp) << '\n';
  }
  for (const auto& url : api.urls()) std::cout << "droverd: " << url << "/api/v1 for people\n";
}

/// Null without a store.
Result<std::unique_ptr<store::SmsAccounts>> open_sms_accounts(const std::shared_ptr<store::StoreFile>& file,
                                                              const store::Sealer& sealer) {
  if (!file) return nullptr;
  return store::SmsAccounts::open(file, sealer, io::unix_now);
}

/// Null without a carrier.
Result<std::unique_ptr<droverd::SmsThread>> open_sms(const droverd::Config& config, store::SmsAccounts* accounts) {
  if (!config.sms.runs()) return nullptr;
  return droverd::SmsThread::open(config.sms, accounts);
}

Result<std::unique_ptr<droverd::ShardThreads>> open_shards(const droverd::Config& config,
                                                           const droverd::CredentialStore& credentials,
                                                           droverd::SmsThread* sms) {
  const auto listen = listen_address(config.listen);
  if (!listen) return tl::unexpected(listen.error());
  auto secure = droverd::secure_port(config, credentials);
  if (!secure) return tl::unexpected(secure.error());
  droverd::ShardThreads::Settings settings;
  settings.listen = *listen;
  settings.shards = config.shards;
  settings.coap = config.coap;
  settings.policy = config.policy;
  settings.secure = std::move(*secure);
  if (sms != nullptr) {
    settings.sms = &sms->directory();
    settings.send_sms = [sms](transport::Transmit transmit) { sms->send(std::move(transmit)); };
    // Records aren't cut: each is a short message.
    const std::size_t record_max = sms::capacity(transport::Kind::Sms, 1, config.sms.port != 0);
    if (settings.secure) settings.secure->dtls.sms.datagram_max = static_cast<std::uint16_t>(record_max);
  }
  return droverd::ShardThreads::open(settings);
}

void start_sms(droverd::SmsThread* sms, droverd::ShardThreads& shards) {
  if (sms == nullptr) return;
  sms->start([&shards](transport::PeerAddress from, Bytes bytes) { shards.deliver_sms(from, std::move(bytes)); });
}

int run(const droverd::Config& config, const lwm2m::model::Registry& registry, const std::string& key_variable) {
  const Signals signals(!config.api_certificate.empty());
  warn_of_exposed_keys(config);
  const auto file = open_store(config);
  if (!file) return fail(file.error());
  const auto credentials = droverd::open_credentials(config, *file, key_variable);
  if (!credentials) return fail(credentials.error());
  auto authority = open_authority(config, *file);
  if (!authority) return fail(authority.error());
  const auto sms_accounts = open_sms_accounts(*file, credentials->sealer);
  if (!sms_accounts) return fail(sms_accounts.error());
  const auto sms = open_sms(config, sms_accounts->get());
  if (!sms) return fail(sms.error());
  auto shards = open_shards(config, *credentials, sms->get());
  if (!shards) return fail(shards.error());
  droverd::EventLog fleet((*shards)->fleet());
  // Named before the service, whose thread tells both; opened behind it, since it asks the service.
  std::unique_ptr<droverd::BootstrapThread> bootstrap;
  std::atomic<droverd::BootstrapThread*> told = nullptr;
  store::CredentialService service(*credentials->credentials, [&shards, &told] {
    (*shards)->credentials_changed();
    if (auto* const thread = told.load()) thread->credentials_changed();
  });
  std::optional<store::SmsAccountService> numbers;
  if (*sms_accounts) numbers.emplace(**sms_accounts, service);
  if (config.bootstrap.runs()) {
    auto opened = droverd::BootstrapThread::open(config, *credentials, service, registry);
    if (!opened) return fail(opened.error());
    bootstrap = std::move(*opened);
    told = bootstrap.get();
  }
  api::Api::Settings settings;
  settings.listen = config.api;
  settings.certificate = config.api_certificate;
  settings.private_key = config.api_private_key;
  settings.authority = *authority;
  if (*file) settings.credentials = &service;
  settings.bootstrap = bootstrap.get();
  if (numbers) settings.sms_accounts = &*numbers;
  settings.sms = sms->get();
  settings.events.events_max = config.api_events;
  settings.version = DROVER_VERSION;
  settings.started_at = io::unix_now();
  auto api = api::Api::open(settings, fleet, registry);
  if (!api) return fail(api.error());

  if (const auto until = api->reload_certificate()) tell_certificate(*until);
  if (!(*authority)->is_open() && !(*authority)->has_token()) {
    io::log::warn("no token is good for the API; droverd --add-token NAME:admin makes one");
  }

  droverd::take_over(config, *credentials, **shards);
  (*shards)->start();
  if (bootstrap) bootstrap->start();
  start_sms(sms->get(), **shards);
  api->start();
  tell_ports(config, **shards, bootstrap.get(), *api);
  std::cout << "droverd: ready\n";

  // Who starts us waits for these lines.
  const auto said = io::finish_output();
  if (said) io::log::info("stopping", {{"signal", serve(signals, *api)}});
  // The API first: nothing new comes in, and its callbacks find the shards alive.
  api->stop();
  if (bootstrap) bootstrap->stop();
  if (*sms) (*sms)->stop();
  (*shards)->stop();
  droverd::hand_over(config, *credentials, **shards);
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
    std::cout << "droverd: the configuration is fine\n";
    return end(0);
  }
  return run(*config, registry, key_variable);
}
