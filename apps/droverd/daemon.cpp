// SPDX-License-Identifier: Apache-2.0
#include "daemon.hpp"

#include <atomic>
#include <chrono>
#include <iostream>
#include <optional>
#include <set>
#include <utility>
#include <variant>

#include "api/api.hpp"
#include "api/operation_forms.hpp"
#include "audit.hpp"
#include "automation_thread.hpp"
#include "backup_service.hpp"
#include "bootstrap_thread.hpp"
#include "campaign_thread.hpp"
#include "credential_store.hpp"
#include "event_log.hpp"
#include "fleet_journal.hpp"
#include "io/clock.hpp"
#include "io/log.hpp"
#include "io/resolve.hpp"
#include "io/secret_file.hpp"
#include "model_service.hpp"
#include "plan_shelf.hpp"
#include "rule_config.hpp"
#include "secure_port.hpp"
#include "shard_threads.hpp"
#include "sink_threads.hpp"
#include "sms_thread.hpp"
#include "store/sms_account_service.hpp"
#include "store/sms_accounts.hpp"
#include "store/token_table.hpp"
#include "values_thread.hpp"

namespace drover::droverd {

/// nullptr without a store.
Result<std::shared_ptr<store::StoreFile>> open_store(const Config& config) {
  if (config.store.empty()) return nullptr;
  return store::StoreFile::open(config.store);
}

Result<std::shared_ptr<api::Authority>> open_authority(const Config& config,
                                                       const std::shared_ptr<store::StoreFile>& file) {
  std::shared_ptr<store::TokenTable> table;
  if (file) table = std::make_shared<store::FileTokenTable>(file);
  return api::Authority::open({.require_token = config.api_require_token, .clock = {}}, std::move(table));
}

namespace {

Result<transport::PeerAddress> listen_address(const std::string& text) {
  if (const auto literal = transport::PeerAddress::parse(text)) return *literal;
  const auto parsed = parse_host_port(text);
  if (!parsed) return tl::unexpected(parsed.error());
  const auto addresses = io::resolve(parsed->host, parsed->port);
  if (!addresses) return tl::unexpected(addresses.error());
  return addresses->front();
}

void tell_certificate(UnixSeconds until) {
  if (until == 0) return;
  if (until < io::unix_now()) io::log::warn("the API's certificate has expired", {{"valid_until", until}});
  io::log::info("API certificate", {{"valid_until", until}});
}

void warn_of_exposed_keys(const Config& config) {
  const store::ServerCredentialFiles& own = config.credentials;
  const BootstrapConfig& bootstrap = config.bootstrap;
  for (const std::string& file : std::set<std::string>{
           config.api_private_key, own.private_key, own.raw_private_key, bootstrap.credentials.private_key,
           bootstrap.credentials.raw_private_key, bootstrap.authority.private_key}) {
    if (io::is_readable_by_everybody(file)) {
      io::log::warn("everybody on this machine may read a private key; chmod 600 mends it", {{"file", file}});
    }
  }
}

void tell_bootstrap_ports(const BootstrapThread* bootstrap) {
  if (bootstrap == nullptr) return;
  if (const auto local = bootstrap->secure_local()) {
    std::cout << "droverd: coaps://" << local->to_string() << " bootstraps devices with credentials\n";
  }
  if (const auto local = bootstrap->local()) {
    std::cout << "droverd: coap://" << local->to_string() << " bootstraps devices WITHOUT SECURITY\n";
    io::log::warn("the bootstrap server takes devices without security: everybody can have their keys");
  }
}

/// Null without a store.
Result<std::unique_ptr<store::SmsAccounts>> open_sms_accounts(const std::shared_ptr<store::StoreFile>& file,
                                                              const store::Sealer& sealer) {
  if (!file) return nullptr;
  return store::SmsAccounts::open(file, sealer, io::unix_now);
}

/// Null without a carrier.
Result<std::unique_ptr<SmsThread>> open_sms(const Config& config, store::SmsAccounts* accounts) {
  if (!config.sms.runs()) return nullptr;
  return SmsThread::open(config.sms, accounts);
}

Result<std::unique_ptr<ShardThreads>> open_shards(const Config& config,
                                                           const CredentialStore& credentials,
                                                           const Keeping& keeping, SmsThread* sms,
                                                           const server::Files* files) {
  const auto listen = listen_address(config.listen);
  if (!listen) return tl::unexpected(listen.error());
  auto secure = secure_port(config, credentials);
  if (!secure) return tl::unexpected(secure.error());
  ShardThreads::Settings settings;
  settings.listen = *listen;
  settings.shards = config.shards;
  settings.coap = config.coap;
  settings.policy = config.policy;
  settings.files = files;
  settings.keeper = keeping.keeper.get();
  settings.items = keeping.items.get();
  settings.kept = keeping.journal != nullptr;
  settings.secure = std::move(*secure);
  if (sms != nullptr) {
    settings.sms = &sms->directory();
    settings.send_sms = [sms](transport::Transmit transmit) { sms->send(std::move(transmit)); };
    // Records aren't cut: each is a short message.
    const std::size_t record_max = sms::capacity(transport::Kind::Sms, 1, config.sms.port != 0);
    if (settings.secure) settings.secure->dtls.sms.datagram_max = static_cast<std::uint16_t>(record_max);
  }
  return ShardThreads::open(settings);
}

/// Goes on with what the process before left.
Result<void> go_on(const Config& config, const CredentialStore& credentials,
                     const Keeping& keeping, ShardThreads& shards) {
  if (!keeping.journal) return {};
  const Instant begun = io::now();
  auto recovered = droverd::recover(*keeping.journal, credentials.sealer, config.shards);
  if (!recovered) return tl::unexpected(recovered.error());
  if (keeping.journal->was_copied()) {
    io::log::warn("the fleet's file is a copy: associations aren't gone on with, devices make new ones",
                  {{"file", keeping.journal->file()}});
  }
  if (recovered->unreadable > 0) {
    io::log::error("records of the fleet can't be read and are left out", {{"records", recovered->unreadable}});
  }
  const std::size_t operations = recovered->finished.size();
  const std::size_t taken = shards.take_over(std::move(*recovered));
  using std::chrono::milliseconds;
  io::log::info("fleet recovered", {{"registrations", taken},
                                    {"finished_operations", operations},
                                    {"milliseconds", std::chrono::duration_cast<milliseconds>(io::now() - begun).count()}});
  return {};
}

void tell_failing(const std::string& why, ShardThreads& shards) {
  shards.set_refusing(!why.empty());
  if (why.empty()) {
    io::log::info("the store takes what waited; devices are answered again");
  } else {
    io::log::error("the store can't be written; devices get 5.03 until it can", {{"why", why}});
  }
}

void tell_of_bootstrap(BootstrapThread& bootstrap, const Keeping& keeping) {
  bootstrap.on_event([keeper = keeping.keeper.get(), items = keeping.items.get()](const bootstrap::DeskEvent& event) {
    // What the host is asked for is between it and the Bootstrap-Server.
    if (std::holds_alternative<bootstrap::KeysWanted>(event.event)) return;
    journal::Batch batch;
    batch.events.push_back(items->draft(event));
    keeper->submit(std::move(batch));
  });
}

void start_sms(SmsThread* sms, ShardThreads& shards) {
  if (sms == nullptr) return;
  sms->start([&shards](transport::PeerAddress from, Bytes bytes) { shards.deliver_sms(from, std::move(bytes)); });
}

constexpr std::size_t kStartTextMax = 4096;  ///< bytes of what a start's record says

api::StoreFigures figures_of(const journal::Keeper& keeper) {
  const journal::Keeper::Figures figures = keeper.figures();
  const auto seconds = [](Duration span) { return std::chrono::duration<double>(span).count(); };
  return {.commits = figures.commits,
          .batches = figures.batches,
          .failures = figures.failures,
          .waiting_bytes = figures.waiting_bytes,
          .last_batches = figures.last_batches,
          .last_seconds = seconds(figures.last_commit),
          .all_seconds = seconds(figures.all_commits),
          .longest_seconds = seconds(figures.longest_commit),
          .behind = keeper.is_behind(),
          .failing = !keeper.failing().empty()};
}

/// Whether what devices and people are told is on disk before.
class StoreHealth final : public api::HealthSource {
 public:
  explicit StoreHealth(const journal::Keeper& keeper) : keeper_(keeper) {}
  [[nodiscard]] std::string name() const override { return "store"; }
  void check(std::function<void(api::HealthResult)> done) override {
    // Why is in the log: it names files, and everybody may see this.
    const bool fine = keeper_.failing().empty();
    done({fine, fine ? "" : "the store can't be written"});
  }

 private:
  const journal::Keeper& keeper_;
};

}  // namespace

// What is further down uses what is above, and ends before it.
struct Daemon::Parts {
  Parts(const Config& its_config, lwm2m::model::Registry& its_registry)
      : config(its_config), registry(its_registry) {}

  Result<void> open_stores(const std::string& key_variable);
  Result<void> open_fleet();
  Result<void> open_automation();
  Result<void> open_bootstrap();
  Result<void> open_sinks();
  Result<void> open_api();
  void note(const char* action, const std::string& target) {
    keeping.audit->note(record_of_program(action, target), {});
  }
  void note_start();

  Config config;
  lwm2m::model::Registry& registry;
  std::shared_ptr<store::StoreFile> file;  ///< or null
  std::optional<CredentialStore> credentials;
  std::shared_ptr<api::Authority> authority;
  std::unique_ptr<store::SmsAccounts> sms_accounts;  ///< or null
  std::unique_ptr<SmsThread> sms;                    ///< or null
  Keeping keeping;
  std::unique_ptr<ValuesThread> values;  ///< or null
  std::unique_ptr<CampaignThread> campaigns;  ///< or null
  std::unique_ptr<AutomationThread> automation;
  std::unique_ptr<ShardThreads> shards;
  std::optional<EventLog> fleet;
  // Named before the service, whose thread tells both; opened behind it, since it asks the service.
  std::unique_ptr<BootstrapThread> bootstrap;  ///< or null
  std::atomic<BootstrapThread*> told = nullptr;
  std::optional<store::CredentialService> service;
  std::optional<store::SmsAccountService> numbers;
  std::unique_ptr<ModelService> models;
  std::optional<BackupService> backups;
  SinkThreads sinks;
  std::optional<StoreHealth> store_health;
  std::optional<api::Api> api;
};

Result<void> Daemon::Parts::open_stores(const std::string& key_variable) {
  auto opened = open_store(config);
  if (!opened) return tl::unexpected(opened.error());
  file = std::move(*opened);
  auto keys = open_credentials(config, file, key_variable);
  if (!keys) return tl::unexpected(keys.error());
  credentials.emplace(std::move(*keys));
  auto who = open_authority(config, file);
  if (!who) return tl::unexpected(who.error());
  authority = std::move(*who);
  auto accounts = open_sms_accounts(file, credentials->sealer);
  if (!accounts) return tl::unexpected(accounts.error());
  sms_accounts = std::move(*accounts);
  auto kept = open_keeping(config, credentials->sealer, registry);
  if (!kept) return tl::unexpected(kept.error());
  keeping = std::move(*kept);
  auto stored = ValuesThread::open(config, *keeping.hub);
  if (!stored) return tl::unexpected(stored.error());
  values = std::move(*stored);
  return {};
}

Result<void> Daemon::Parts::open_fleet() {
  auto carrier = open_sms(config, sms_accounts.get());
  if (!carrier) return tl::unexpected(carrier.error());
  sms = std::move(*carrier);
  if (file) {
    auto opened = CampaignThread::open(config.firmware, file);
    if (!opened) return tl::unexpected(opened.error());
    campaigns = std::move(*opened);
  }
  auto threads = open_shards(config, *credentials, keeping, sms.get(), campaigns ? &campaigns->files() : nullptr);
  if (!threads) return tl::unexpected(threads.error());
  shards = std::move(*threads);
  fleet.emplace(shards->fleet());
  service.emplace(*credentials->credentials, [this] {
    shards->credentials_changed();
    if (auto* const thread = told.load()) thread->credentials_changed();
  });
  if (sms_accounts) numbers.emplace(*sms_accounts, *service);
  // Before the rules, which may speak of what was uploaded.
  auto brought = ModelService::open(file, registry, *service);
  if (!brought) return tl::unexpected(brought.error());
  models = std::move(*brought);
  if (auto done = open_automation(); !done) return done;
  fleet->on_event([this](const server::Event& event) {
    automation->handle(event);
    if (campaigns) campaigns->handle(event);
  });
  if (!campaigns) return {};
  const auto secure = shards->secure_local();
  return campaigns->load(*fleet, &automation->selector(), shards->local().port, secure ? secure->port : std::uint16_t{0});
}

Result<void> Daemon::Parts::open_automation() {
  auto forms = api::operation_forms(registry);
  auto rules = read_rules(config, *forms);
  if (!rules) return tl::unexpected(rules.error());
  auto opened = AutomationThread::open(file, *fleet, std::move(forms), {std::move(*rules), values ? &values->known() : nullptr, credentials->sealer});
  if (!opened) return tl::unexpected(opened.error());
  automation = std::move(*opened);
  return {};
}

Result<void> Daemon::Parts::open_bootstrap() {
  if (!config.bootstrap.runs()) return {};
  auto opened = BootstrapThread::open(config, *credentials, *service, registry);
  if (!opened) return tl::unexpected(opened.error());
  bootstrap = std::move(*opened);
  told = bootstrap.get();
  tell_of_bootstrap(*bootstrap, keeping);
  return {};
}

Result<void> Daemon::Parts::open_sinks() {
  return sinks.open(config.sinks, *keeping.hub, file);
}

/// With what the configuration brings that the API could bring, too.
void Daemon::Parts::note_start() {
  std::string what = "version " DROVER_VERSION;
  const auto list = [&](const char* kind, const auto& all, const auto& name_of) {
    for (std::size_t i = 0; i < all.size(); ++i) what += (i == 0 ? std::string("; ") + kind + ": " : ", ") + name_of(all[i]);
  };
  list("rules", config.rules, [](const RuleSource& rule) { return rule.name; });
  list("sinks", config.sinks, [](const SinkConfig& sink) { return sink.name; });
  list("bootstrap plans", config.bootstrap.plans, [](const std::string& plan) { return plan; });
  if (what.size() > kStartTextMax) what.replace(kStartTextMax, std::string::npos, "...");
  note("start", what);
}

Result<void> Daemon::Parts::open_api() {
  api::Api::Settings settings;
  settings.listen = config.api;
  settings.certificate = config.api_certificate;
  settings.private_key = config.api_private_key;
  settings.authority = authority;
  if (file) settings.credentials = &*service;
  settings.bootstrap = bootstrap.get();
  if (numbers) settings.sms_accounts = &*numbers;
  settings.sms = sms.get();
  if (values) settings.history = &values->archive();
  if (campaigns) settings.campaigns = &campaigns->desk();
  settings.sinks = &sinks;
  if (keeping.journal) settings.health.push_back(&store_health.emplace(*keeping.keeper));
  settings.audit = keeping.audit.get();
  if (keeping.journal) settings.store = [keeper = keeping.keeper.get()] { return figures_of(*keeper); };
  settings.metrics_open = config.api_metrics_open;
  settings.jobs = automation.get();
  settings.models = models.get();
  if (file) {
    backups.emplace(BackupService::Sources{.store = *file,
                                           .fleet = *keeping.journal,
                                           .values = values ? &values->values() : nullptr,
                                           .images = campaigns ? &campaigns->desk().images() : nullptr,
                                           .version = DROVER_VERSION});
    settings.backups = &*backups;
  }
  settings.hub = keeping.hub;
  settings.rate = config.api_rate;
  settings.burst = config.api_burst;
  settings.version = DROVER_VERSION;
  settings.started_at = io::unix_now();
  auto opened = api::Api::open(settings, *fleet, registry);
  if (!opened) return tl::unexpected(opened.error());
  api.emplace(std::move(*opened));
  return {};
}

Daemon::Daemon(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Daemon::~Daemon() = default;

Result<std::unique_ptr<Daemon>> Daemon::open(const Config& config, lwm2m::model::Registry& registry,
                                             const std::string& key_variable) {
  warn_of_exposed_keys(config);
  auto parts = std::make_unique<Parts>(config, registry);
  if (auto done = parts->open_stores(key_variable); !done) return tl::unexpected(done.error());
  if (auto done = parts->open_fleet(); !done) return tl::unexpected(done.error());
  if (auto done = parts->open_bootstrap(); !done) return tl::unexpected(done.error());
  if (auto done = parts->open_sinks(); !done) return tl::unexpected(done.error());
  if (auto done = parts->open_api(); !done) return tl::unexpected(done.error());
  return std::unique_ptr<Daemon>(new Daemon(std::move(parts)));
}

Result<void> Daemon::start() {
  Parts& parts = *parts_;
  if (const auto until = parts.api->reload_certificate()) tell_certificate(*until);
  if (!parts.authority->is_open() && !parts.authority->has_token()) {
    io::log::warn("no token is good for the API; droverd --add-token NAME:admin makes one");
  }
  if (auto done = go_on(parts.config, *parts.credentials, parts.keeping, *parts.shards); !done) return done;
  parts.keeping.keeper->on_failing([&parts](const std::string& why) { tell_failing(why, *parts.shards); });
  parts.keeping.keeper->start();
  parts.shards->start();
  if (parts.bootstrap) parts.bootstrap->start();
  start_sms(parts.sms.get(), *parts.shards);
  parts.automation->start();
  if (parts.campaigns) parts.campaigns->start();
  parts.sinks.start();
  parts.api->start();
  parts.note_start();
  return {};
}

void Daemon::tell_ports() const {
  std::cout << "droverd: coap://" << parts_->shards->local().to_string() << " for devices, " << parts_->config.shards
            << (parts_->config.shards == 1 ? " shard\n" : " shards\n");
  if (const auto local = parts_->shards->secure_local()) {
    std::cout << "droverd: coaps://" << local->to_string() << " for devices with credentials\n";
  }
  tell_bootstrap_ports(parts_->bootstrap.get());
  if (parts_->campaigns && !parts_->campaigns->http().empty()) {
    std::cout << "droverd: " << parts_->campaigns->http() << "/fw for devices that fetch images\n";
  }
  if (parts_->config.sms.runs()) {
    std::cout << "droverd: sms:" << parts_->config.sms.msisdn << " for devices, over "
              << (parts_->config.sms.smpp.empty() ? parts_->config.sms.modem : parts_->config.sms.smpp) << '\n';
  }
  for (const auto& url : parts_->api->urls()) std::cout << "droverd: " << url << "/api/v1 for people\n";
}

Result<void> Daemon::reload(const Config& config, lwm2m::model::Registry definitions) {
  Parts& parts = *parts_;
  // What may be wrong comes first, and changes nothing. Rules may speak of definitions that are new, or were uploaded.
  if (auto fine = check_sink_files(config.sinks); !fine) return fine;
  if (auto fine = definitions.bring(parts.registry.brought()); !fine) return tl::unexpected(fine.error());
  auto rules = read_rules(config, *api::operation_forms(definitions));
  if (!rules) return tl::unexpected(rules.error());
  auto own = read_own(config.credentials, *parts.credentials);
  if (!own) return tl::unexpected(own.error());
  auto keys = BootstrapThread::read_keys(config.bootstrap, *parts.credentials, *own);
  if (!keys) return tl::unexpected(keys.error());
  if (auto plans = read_plans(config.bootstrap.plans, definitions); !plans) return tl::unexpected(plans.error());
  const auto until = parts.api->reload_certificate();
  if (!until) return tl::unexpected(until.error());
  tell_certificate(*until);
  if (auto renewed = parts.registry.renew(std::move(definitions)); !renewed) return renewed;
  parts.sinks.reload(config.sinks);
  parts.automation->set_rules(std::move(*rules));
  parts.shards->set_policy(config.policy);
  const bool proves = own->raw_key || own->certificate;
  parts.shards->renew(*own);
  if (parts.bootstrap) parts.bootstrap->renew(std::move(*keys), config.bootstrap.plans);
  parts.api->set_rate(config.api_rate, config.api_burst);
  io::log::configure(config.log_level, config.log_form);
  warn_of_exposed_keys(config);
  if (proves && !parts.shards->secure_local() && !config.secure_listen.empty()) {
    io::log::warn("the port for DTLS needs a restart, now that there are credentials");
  }
  for (const std::string& name : needs_restart(parts.config, config)) {
    io::log::warn("a change of the configuration needs a restart", {{"key", name}});
  }
  return {};
}

void Daemon::note_reload(const Result<void>& done) {
  parts_->note("reload", done ? "configuration and object definitions" : "failed: " + done.error().reason);
}

void Daemon::stop(const std::string& why) {
  Parts& parts = *parts_;
  parts.note("stop", why);
  // The API first: nothing new comes in, and its callbacks find the shards alive.
  parts.api->stop();
  if (parts.bootstrap) parts.bootstrap->stop();
  if (parts.campaigns) parts.campaigns->stop();
  parts.automation->stop();
  if (parts.sms) parts.sms->stop();
  parts.shards->stop();
  if (!parts.keeping.keeper->stop()) {
    io::log::error("what waited for the disk is lost", {{"why", parts.keeping.keeper->failing()}});
  }
  parts.sinks.stop();
  parts.shards->say_goodbye();
}

}  // namespace drover::droverd
