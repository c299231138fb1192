// SPDX-License-Identifier: Apache-2.0
#include "apps/device/device.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "apps/device/snapshot.hpp"
#include "client/settings.hpp"
#include "client/uri.hpp"
#include "io/definitions.hpp"
#include "io/log.hpp"
#include "lwm2m/content/content.hpp"
#include "sdk/definitions.hpp"

namespace drover::device {

using lwm2m::DataType;
using lwm2m::Path;

namespace {

tl::unexpected<Error> wrong(std::string reason) {
  return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)});
}

client::Context own(Instant now = io::now()) {
  return {now, std::nullopt};
}

client::ClientSettings settings_of(const Config& config) {
  client::ClientSettings settings;
  settings.endpoint = config.endpoint;
  settings.version = config.version;
  settings.root = config.root;
  settings.sms = sms_settings(config.sms);
  settings.queue = config.queue;
  settings.coap = config.coap;
  settings.notification = config.notification;
  settings.coap.report_drops = config.drops;
  fit_messages(config.sms, settings.coap.sms);
  settings.registration.update_margin = config.coap.max_transmit_wait();
  settings.bootstrap = config.bootstrap.limits;
  settings.accept_handshakes = config.bootstrap.accept_handshakes;
  settings.smartcard = config.card.is_there();
  settings.sms.on_card = config.card.messages.has_value();
  settings.sms.attached |= settings.sms.on_card;
  return settings;
}

/// Counters of secured packets must never go back (ETSI TS 102 225 §5.1.4).
Result<void> check_counters(const Config& config) {
  if (config.sms.modem.empty() || !config.state.file.empty()) return {};
  for (const ServerEntry& server : config.servers) {
    const auto made = client::protect_sms(server.sms, {}, config.sms.mode1, config.card.messages.has_value());
    if (!made || !made->packets) continue;
    return wrong("secured packets have counters that outlive the device; give --state FILE or [state] file = \"...\"");
  }
  return {};
}

}  // namespace

bool is_secret(const Path& path) {
  using client::SecurityObject;
  return path.object() == SecurityObject::kObject && path.depth() >= 3 &&
         ((path.resource() >= SecurityObject::kIdentity && path.resource() <= SecurityObject::kSecretKey) ||
          path.resource() == SecurityObject::kSmsKeyParameters || path.resource() == SecurityObject::kSmsSecretKeys);
}

Device::Device(Config config) : config_(std::move(config)) {
  if (!config_.key_log.empty()) key_log_.emplace(config_.key_log);
  runtime_.emplace(settings_of(config_), sdk::local_address_towards, key_log_ ? &*key_log_ : nullptr);
  firmware::UpdaterSettings firmware = updater_settings(config_.firmware, config_.coap);
  firmware.keys_for = [this](const std::string& host) { return runtime_->client().keys_for(io::now(), host); };
  firmware_.emplace(runtime_->loop(), std::move(firmware), [this] { runtime_->flush(); });
  machine_.emplace(config_.machine, *runtime_,
                   [this](lwm2m::ObjectId object, lwm2m::InstanceId instance) { return add(object, instance); });
}

Device::~Device() {
  runtime_->on_short_message({});
  card_.reset();  // its thread may wait for the loop
  if (script_) runtime_->loop().remove_waker(waker_);
}

Result<std::unique_ptr<Device>> Device::make(Config config) {
  if (config.endpoint.empty()) return wrong("the endpoint is empty; give --endpoint NAME");
  if (auto fits = client::check_settings(settings_of(config)); !fits) return tl::unexpected(fits.error());
  if (auto local = parse_bind(config.bind); !local) return tl::unexpected(local.error());
  assign_ids(config.servers);
  if (auto fits = check_servers(config); !fits) return tl::unexpected(fits.error());
  if (auto fits = check_counters(config); !fits) return tl::unexpected(fits.error());
  std::unique_ptr<Device> device(new Device(std::move(config)));
  if (auto loaded = device->load_definitions(); !loaded) return tl::unexpected(loaded.error());
  if (auto done = device->populate(); !done) return tl::unexpected(done.error());
  if (auto done = device->open_state(); !done) return tl::unexpected(done.error());
  device->resume_firmware();
  return device;
}

Result<void> Device::open_state() {
  if (config_.state.file.empty()) return {};
  using DeviceObject = client::DeviceObject;
  // What is measured, the firmware's own record and the clock aren't in there.
  std::vector<Path> elsewhere = {Path(3, 0, DeviceObject::kCurrentTime), Path(3, 0, DeviceObject::kErrorCode)};
  for (const auto id : client::FirmwareObject::supported()) {
    elsewhere.emplace_back(client::FirmwareObject::kObject, 0, id);
  }
  if (config_.machine.objects.contains(4)) {
    for (const auto& resource : registry_.find(4)->resources) elsewhere.emplace_back(4, 0, resource.id);
  }
  if (config_.machine.objects.contains(3)) {
    for (const auto id :
         {DeviceObject::kPowerSources, DeviceObject::kVoltage, DeviceObject::kCurrent, DeviceObject::kBatteryLevel,
          DeviceObject::kMemoryFree, DeviceObject::kBatteryStatus, DeviceObject::kMemoryTotal}) {
      elsewhere.emplace_back(3, 0, id);
    }
  }
  auto opened = DeviceState::open(config_.state.file, std::move(elsewhere));
  if (!opened) return tl::unexpected(opened.error());
  state_ = std::move(*opened);
  state_->put_tree(runtime_->client(), [this](lwm2m::ObjectId object) { return define(object).has_value(); });
  return {};
}

Result<void> Device::load_definitions() {
  for (const std::string& folder : config_.objects) {
    if (auto loaded = io::load_definitions(folder, registry_); !loaded) return loaded;
  }
  // Behind the user's own, which win.
  sdk::add_built_in_definitions(registry_);
  return io::complete_definitions(io::definitions_folder("extra"), registry_);
}

Result<void> Device::define(lwm2m::ObjectId object) {
  client::Client& core = runtime_->client();
  if (core.tree().find(object) != nullptr) return {};
  const lwm2m::model::ObjectDefinition* definition = registry_.find(object);
  if (definition == nullptr) {
    return wrong("no definition of object " + std::to_string(object) +
                 " is loaded; put its DDF file into a folder and give --objects FOLDER");
  }
  // Only what this client does is shown.
  std::vector<lwm2m::ResourceId> supported;
  client::ObjectBehaviour* behaviour = nullptr;
  if (object == 1) supported = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  if (object == client::FirmwareObject::kObject) {
    supported = client::FirmwareObject::supported();
    behaviour = &firmware_->object();
    firmware_->object().attach(core.tree());
  }
  core.define(*definition, behaviour, std::move(supported));
  return {};
}

Result<void> Device::add(lwm2m::ObjectId object, lwm2m::InstanceId instance) {
  if (auto defined = define(object); !defined) return defined;
  if (auto added = runtime_->client().tree().add(own(), object, instance); !added) return added;
  return populated_ ? protect() : Result<void>{};
}

/// Guards what nobody guards, when there are several servers (Core §7.1.1.3).
Result<void> Device::protect() {
  client::ObjectTree& tree = runtime_->client().tree();
  if (!tree.access().has_several_servers()) return {};
  if (auto defined = define(client::AccessControl::kObject); !defined) return defined;
  return apply_access(tree, own(), config_.access);
}

Result<void> Device::set(const Path& path, const std::string& text) {
  if (auto done = put(path, text); !done) return done;
  machine_->keep(path);
  return {};
}

Result<void> Device::put(const Path& path, const std::string& text) {
  if (path.depth() < 3) return wrong(path.to_string() + ": a value belongs to a resource such as /3/0/0");
  if (auto defined = define(path.object()); !defined) return defined;
  client::ObjectTree& tree = runtime_->client().tree();
  const lwm2m::model::ObjectDefinition* object = tree.find(path.object());
  const lwm2m::model::ResourceDefinition* resource = object->resource(path.resource());
  if (resource == nullptr) {
    return wrong(path.to_string() + ": " + object->name + " has no resource " + std::to_string(path.resource()));
  }
  if (resource->operations.execute)
    return wrong(path.to_string() + ": " + resource->name + " has no value, it is executed");
  auto value = lwm2m::content::from_text(resource->type, text);
  if (!value) {
    const std::string shown = is_secret(path) ? "what is given" : "\"" + text + "\"";
    return wrong(path.to_string() + ": " + shown + " isn't a value of type " + lwm2m::to_string(resource->type) + ": " +
                 value.error().reason);
  }
  if (!tree.has(path.prefix(2))) {
    if (auto added = add(path.object(), path.instance()); !added) return added;
  }
  // The clock runs on from what is set; the stored value alone would be overruled by the system's.
  const auto* time = std::get_if<lwm2m::Time>(&*value);
  if (time != nullptr && path == Path(client::DeviceObject::kObject, 0, client::DeviceObject::kCurrentTime)) {
    runtime_->client().device().set_clock(io::now(), time->seconds);
  }
  return tree.set(own(), path, std::move(*value));
}

Result<void> Device::set_own_object_defaults() {
  const std::pair<Path, std::string> defaults[] = {
      {Path(3, 0, 0), "Drover"},
      {Path(3, 0, 1), "drover-device"},
      {Path(3, 0, 2), config_.endpoint},
      {Path(3, 0, 3), "0.1.0"},
      {Path(3, 0, 13), std::to_string(io::unix_now())},
  };
  for (const auto& [path, text] : defaults) {
    if (auto done = put(path, text); !done) return done;
  }
  return {};
}

Result<void> Device::add_machine_objects() {
  if (config_.machine.gpsd) {
    if (auto defined = define(client::location::kObject); !defined) return defined;
  }
  for (const lwm2m::ObjectId object : config_.machine.objects) {
    if (auto defined = define(object); !defined) return defined;
    if (runtime_->client().tree().has(Path(object, 0))) continue;
    if (auto added = add(object, 0); !added) return added;
  }
  return {};
}

/// An error of what the configuration says at that line.
tl::unexpected<Error> Device::at(std::size_t line, const Error& error) const {
  if (line == 0) return wrong(error.reason);
  return wrong(config_.file + ":" + std::to_string(line) + ": " + error.reason);
}

/// Those of the factory (Core §5.2.3.1).
Result<void> Device::add_accounts() {
  // The Bootstrap-Server first, at /0/0: its plans count from /0/1 then, whatever servers the file names.
  if (const BootstrapConfig& bootstrap = config_.bootstrap; !bootstrap.uri.empty()) {
    const auto security = security_of(config_, bootstrap.uri, bootstrap.security);
    auto added = runtime_->client().add_bootstrap_account(io::now(), bootstrap.uri, security, bootstrap.hold_off,
                                                          bootstrap.account_timeout);
    if (!added) return at(bootstrap.line, added.error());
  }
  // Either may bring a second server, and then says who may do what.
  if (!config_.bootstrap.uri.empty() || config_.card.is_there()) {
    if (auto defined = define(client::AccessControl::kObject); !defined) return defined;
  }
  for (const ServerEntry& server : config_.servers) {
    const auto security = security_of(config_, server.uri, server.security);
    auto added = runtime_->client().add_account(io::now(), server.id, server.uri,
                                                server.lifetime.value_or(config_.lifetime), security,
                                                {server.binding.empty() ? config_.binding : server.binding, server.sms});
    if (!added) return at(server.line, added.error());
  }
  return {};
}

Result<void> Device::populate() {
  populated_ = false;
  for (const auto object : {lwm2m::ObjectId{0}, lwm2m::ObjectId{1}, lwm2m::ObjectId{3}}) {
    if (auto defined = define(object); !defined) return defined;
  }
  if (auto done = set_own_object_defaults(); !done) return done;
  if (auto done = add_accounts(); !done) return done;
  for (const std::uint16_t object : config_.support) {
    if (auto defined = define(object); !defined) return at(1, defined.error());
  }
  for (const ValueEntry& value : config_.values) {
    if (auto done = set(value.path, value.text); !done) return at(value.line, done.error());
  }
  for (const ScriptEntry& script : config_.scripts) {
    if (auto defined = define(script.path.object()); !defined) return at(script.line, defined.error());
    const auto* resource = runtime_->client().tree().find(script.path.object())->resource(script.path.resource());
    const bool numeric = resource != nullptr && (resource->type == DataType::Integer ||
                                                 resource->type == DataType::Float || resource->type == DataType::Time);
    if (script.kind != ScriptEntry::Kind::Values && !numeric) {
      return at(script.line,
                Error{Fault::Environment, 0, script.path.to_string() + " isn't a number; use values = [...]"});
    }
    // Makes the instance, and shows a mistake now rather than in five seconds.
    const std::string first =
        script.kind == ScriptEntry::Kind::Values ? script.values.front() : std::to_string(std::llround(script.min));
    if (auto done = set(script.path, first); !done) return at(script.line, done.error());
  }
  const Path instance(client::FirmwareObject::kObject, 0);
  if (config_.firmware.enabled && !runtime_->client().tree().has(instance)) {
    if (auto done = add(instance.object(), instance.instance()); !done) return done;
  }
  if (auto done = add_machine_objects(); !done) return done;
  machine_->attach(true);
  if (auto done = protect(); !done) return at(config_.access.line, done.error());
  populated_ = true;
  return {};
}

void Device::resume_firmware() {
  if (runtime_->client().tree().find(client::FirmwareObject::kObject) == nullptr) return;
  if (auto done = firmware_->resume(io::now()); !done) io::log::warn("firmware", {{"reason", done.error().reason}});
  show_firmware_version();
}

void Device::show_firmware_version() {
  // What was installed outlasts what the configuration says (Core E.6: /3/0/3 MUST be the new version).
  const Path version(client::DeviceObject::kObject, 0, 3);
  if (firmware_->installed_version().empty()) return;
  (void)runtime_->client().tree().set(own(), version, firmware_->installed_version());
}

Result<void> Device::start() {
  const auto local = parse_bind(config_.bind);
  if (!local) return tl::unexpected(local.error());
  if (auto opened = runtime_->open(*local, state_ ? state_->port() : std::uint16_t{0}); !opened) {
    if (config_.bind_line == 0) return opened;
    return wrong(config_.file + ":" + std::to_string(config_.bind_line) + ": bind: " + opened.error().reason);
  }
  if (state_) state_->resume(*runtime_);
  start_messaging();
  start_card();
  begin();
  machine_->start();
  if (!config_.scripts.empty()) {
    script_.emplace(config_.scripts, rng_);
    script_->start(io::now());
    waker_ = runtime_->loop().add_waker([this] { return script_->deadline(); }, [this](Instant at) { run_script(at); });
  }
  return {};
}

void Device::start_messaging() {
  if (config_.sms.modem.empty()) return;
  messaging_ = std::make_unique<Messaging>(config_.sms, *runtime_, rng_, [this]() -> Result<void> {
    // Without a state file there are no secured packets, whose counters these are.
    if (!state_) return {};
    state_->keeper().save(io::now(), io::unix_now());
    if (state_->keeper().failing()) return wrong("the state can't be saved");
    return {};
  });
}

void Device::start_card() {
  if (config_.card.is_there()) {
    card_ = std::make_unique<Card>(config_.card, *runtime_, messaging_.get());
    if (messaging_) {
      messaging_->on_card_message([this](const sms::ShortMessage& message) { return card_->take(message); });
    }
  }
  if (!card_ && !messaging_) return;
  runtime_->on_short_message([this](Instant at, const transport::Transmit& transmit) {
    const auto peer = runtime_->client().sms_peer(transmit.to.msisdn());
    const bool to_card = card_ && peer && peer->on_card && transmit.to.kind == transport::Kind::SmsPacket;
    if (to_card) {
      card_->send(transmit);
    } else if (messaging_) {
      messaging_->send(at, transmit);
    }
  });
}

/// Core §5.2.4: the card first; where it doesn't configure the client, what the factory gave it.
void Device::handle(const client::ClientEvent& event) {
  if (std::holds_alternative<client::CardWanted>(event)) {
    if (card_) card_->look();
    return;
  }
  if (!std::holds_alternative<client::CardChanged>(event)) return;
  // Posted: the client is in the middle of it.
  runtime_->loop().post([this] {
    client::ObjectTree& tree = runtime_->client().tree();
    if (!tree.instances(client::SecurityObject::kObject).empty()) return;
    if (auto done = add_accounts(); !done) io::log::error("accounts", {{"reason", done.error().reason}});
    if (auto done = protect(); !done) io::log::error("access", {{"reason", done.error().reason}});
    runtime_->client().settle(io::now());
    runtime_->flush();
  });
}

void Device::begin() {
  runtime_->client().start(io::now());
  runtime_->flush();
}

Result<void> Device::reboot() {
  const Snapshot before = take_snapshot(runtime_->client().tree());
  const client::SavedState saved = through_reboot(runtime_->client().saved_state(io::now(), io::unix_now()));
  if (state_) state_->keeper().pause();
  firmware_->object().detach();
  runtime_->restart(settings_of(config_));
  for (const auto& [object, instances] : before) {
    if (auto defined = define(object); !defined) return defined;
  }
  for (const Error& lost : put_snapshot(before, runtime_->client())) {
    io::log::warn("reboot", {{"reason", lost.reason}});
  }
  machine_->attach(false);
  runtime_->client().restore(io::now(), io::unix_now(), saved);
  if (state_) state_->follow(*runtime_);
  begin();
  return {};
}

Result<void> Device::factory_reset() {
  const auto counters = runtime_->client().saved_state(io::now(), io::unix_now()).sms_counters;
  if (state_) state_->keeper().pause();
  firmware_->object().detach();
  runtime_->restart(settings_of(config_));
  for (const client::SmsCounters& each : counters) runtime_->client().set_sms_counters(each);
  (void)firmware_->object().reset(io::now());  // an installation that is under way goes on
  if (auto done = populate(); !done) return done;
  show_firmware_version();
  if (script_) {
    script_.emplace(config_.scripts, rng_);
    script_->start(io::now());
  }
  if (state_) state_->follow_afresh(*runtime_);
  begin();
  return {};
}

void Device::run_script(Instant now) {
  client::ObjectTree& tree = runtime_->client().tree();
  while (const auto step = script_->step(now)) {
    const Path& path = step->entry->path;
    if (!tree.has(path.prefix(2))) continue;  // removed meanwhile
    Result<void> done;
    if (step->text) {
      done = set(path, *step->text);
    } else if (tree.find(path.object())->resource(path.resource())->type == DataType::Float) {
      done = tree.set(own(now), path, step->number);
    } else {
      done = tree.set(own(now), path, static_cast<std::int64_t>(std::llround(step->number)));
    }
    if (!done) io::log::warn("script", {{"path", path.to_string()}, {"reason", done.error().reason}});
  }
  runtime_->flush();
}

}  // namespace drover::device
