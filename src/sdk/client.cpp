// SPDX-License-Identifier: Apache-2.0
#include "drover/client.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <stdexcept>
#include <thread>

#include "coap/message/code.hpp"
#include "lwm2m/model/registry.hpp"
#include "sdk/convert.hpp"
#include "sdk/definitions.hpp"
#include "sdk/runtime.hpp"

namespace drover {

namespace {

using lwm2m::InstanceId;
using lwm2m::ObjectId;
using lwm2m::Path;
using lwm2m::ResourceId;

client::ClientSettings client_settings(const Settings& settings) {
  client::ClientSettings result;
  result.endpoint = settings.endpoint;
  result.root = settings.alternate_path;
  const Queue& queue = settings.queue;
  if (queue.awake != 0) result.queue.awake = std::chrono::seconds(queue.awake);
  if (queue.wake_every != 0) result.queue.wake_every = std::chrono::seconds(queue.wake_every);
  result.queue.notifications_wake = queue.notifications_wake;
  if (settings.bootstrap.finish_after != 0) {
    result.bootstrap.finish_after = std::chrono::seconds(settings.bootstrap.finish_after);
  }
  return result;
}

client::SecurityValues security_values(const Keys& keys) {
  using Object = client::SecurityObject;
  client::SecurityValues values;
  switch (keys.kind) {
    case Keys::Kind::none: return values;
    case Keys::Kind::pre_shared_key: values.mode = Object::kPreSharedKey; break;
    case Keys::Kind::raw_public_key: values.mode = Object::kRawPublicKey; break;
    case Keys::Kind::certificate: values.mode = Object::kCertificate; break;
  }
  values.identity = keys.identity;
  values.key = Secret<Bytes>(keys.secret);
  values.server_key = keys.server;
  return values;
}

transport::PeerAddress bind_address(const std::string& text) {
  if (text.empty()) return {};
  const auto address = transport::PeerAddress::parse(text);
  if (!address) throw std::invalid_argument("bind address \"" + text + "\": write ADDRESS:PORT, IPv6 in [ ]");
  return *address;
}

tl::unexpected<Error> refuse(const char* reason) {
  return peer_error(coap::code::kMethodNotAllowed.value, reason);
}

/// One object of the program: its definition, made from its members, and its instances.
struct Kind final : client::ObjectBehaviour {
  struct Instance {
    std::unique_ptr<detail::object_base> object;
    std::vector<detail::action> actions;
  };
  lwm2m::model::ObjectDefinition definition;
  std::map<InstanceId, Instance> instances;
  client::ObjectTree* tree = nullptr;

  void written(const client::Context& context, const Path& path) override {
    const auto value = tree->get(context, path);
    const auto instance = instances.find(path.instance());
    if (!value || instance == instances.end()) return;
    for (detail::value_base* member : instance->second.object->object_values()) {
      if (member->id() == path.resource()) member->store(sdk::to_public(*value));
    }
  }
  /// Also behind a bootstrap that deleted it and wrote it again.
  void created(const client::Context& context, InstanceId id) override {
    const auto instance = instances.find(id);
    if (instance == instances.end()) return;
    for (detail::value_base* member : instance->second.object->object_values()) {
      const Path path(definition.id, id, member->id());
      const auto value = tree->get(context, path);
      if (value && member->writable()) {
        member->store(sdk::to_public(*value));
      } else {
        (void)tree->set(context, path, sdk::to_core(member->load()));
      }
    }
  }
  Result<void> execute(const client::Context&, const Path& path, const client::Arguments& given) override {
    const auto instance = instances.find(path.instance());
    if (instance == instances.end()) return refuse("the device's program makes the instances");
    arguments list;
    for (const client::Argument& argument : given) list.push_back({argument.digit, argument.value});
    for (const detail::action& action : instance->second.actions) {
      if (action.id == path.resource()) action.run(list);
    }
    return {};
  }
  Result<void> check_create(const client::Context&, const lwm2m::InstanceNode&) override {
    return refuse("the device's program makes the instances");
  }
  Result<void> check_delete(const client::Context&, InstanceId) override {
    return refuse("the device's program makes the instances");
  }
};

lwm2m::model::ResourceDefinition resource_of(const detail::value_base& value) {
  lwm2m::model::ResourceDefinition definition;
  definition.id = value.id();
  definition.name = "resource " + std::to_string(value.id());
  definition.operations = {true, value.writable(), false};
  definition.type = lwm2m::type_of(sdk::to_core(value.load()));
  return definition;
}

lwm2m::model::ObjectDefinition definition_of(const detail::object_base& object,
                                             const std::vector<detail::action>& actions) {
  lwm2m::model::ObjectDefinition definition;
  definition.id = object.object_id();
  definition.name = "object " + std::to_string(definition.id);
  definition.multiple = true;
  for (const detail::value_base* value : object.object_values()) definition.resources.push_back(resource_of(*value));
  for (const detail::action& action : actions) {
    lwm2m::model::ResourceDefinition resource;
    resource.id = action.id;
    resource.name = "resource " + std::to_string(action.id);
    resource.operations.execute = true;
    definition.resources.push_back(std::move(resource));
  }
  std::sort(definition.resources.begin(), definition.resources.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  return definition;
}

}  // namespace

struct Client::Impl final : detail::sink {
  explicit Impl(Settings wanted)
      : settings(std::move(wanted)), local(bind_address(settings.bind)), runtime(client_settings(settings)) {
    runtime.on_event([this](const client::ClientEvent& event) { happened(event); });
  }

  /// Runs `task` on the device's thread and waits for it; at once while there is none.
  void call(const std::function<void()>& task) {
    if (!thread.joinable() || std::this_thread::get_id() == thread.get_id()) return task();
    std::promise<void> done;
    runtime.loop().post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

  void publish(detail::value_base& changed) override {
    // While no thread runs, the task waits for the next run().
    runtime.loop().post([this, value = &changed] { take_over(*value); });
  }

  void take_over(detail::value_base& value) {
    const auto place = places.find(&value);
    if (place == places.end()) return;  // removed meanwhile
    const client::Context context{io::now(), std::nullopt};
    [[maybe_unused]] const auto set =
        runtime.client().tree().set(context, place->second, sdk::to_core(value.collect()));
    runtime.flush();
  }

  void happened(const client::ClientEvent& event) {
    if (const auto* change = std::get_if<client::RegistrationChanged>(&event)) {
      using Report = client::RegistrationReport::Kind;
      const Report kind = change->report.kind;
      if (kind == Report::Registered || kind == Report::Updated) registrations.insert(change->server);
      if (kind == Report::Deregistered || kind == Report::Failed) registrations.erase(change->server);
      is_registered = !registrations.empty();
      if (kind == Report::Registered && settings.on_registered) settings.on_registered();
      if (kind == Report::Failed && settings.on_failed) settings.on_failed(change->report.reason);
    }
    if (const auto* change = std::get_if<client::BootstrapChanged>(&event)) {
      using Report = client::BootstrapReport::Kind;
      if (change->report.kind == Report::Finished) runtime.loop().post([this] { show_again(); });
      if (change->report.kind == Report::Finished && settings.on_bootstrapped) settings.on_bootstrapped();
      if (change->report.kind == Report::Failed && settings.on_failed) {
        settings.on_failed("bootstrap: " + change->report.reason);
      }
    }
    // A bootstrap may have made several servers of one.
    if (const bool offline = runtime.client().is_offline(); offline != std::exchange(is_offline, offline)) {
      const auto& told = offline ? settings.on_asleep : settings.on_awake;
      if (told) told();
    }
    // Posted, so that the answer leaves first.
    if (std::holds_alternative<client::RebootWanted>(event) && settings.on_reboot) {
      runtime.loop().post(settings.on_reboot);
    }
  }

  void define_own_objects();
  void add_accounts();
  void show_again();
  void adopt(std::unique_ptr<detail::object_base> object, InstanceId instance, std::vector<detail::action> actions);
  void remove(const detail::object_base& object);

  Settings settings;
  transport::PeerAddress local;
  lwm2m::model::Registry registry;
  std::map<ObjectId, Kind> kinds;
  std::map<const detail::value_base*, Path> places;
  sdk::Runtime runtime;
  std::thread thread;
  std::set<client::ServerId> registrations;
  bool is_offline = false;
  std::atomic<bool> is_registered = false;
};

void Client::Impl::add_accounts() {
  client::Client& core = runtime.client();
  const Bootstrap& bootstrap = settings.bootstrap;
  if (settings.server.empty() && bootstrap.server.empty()) {
    throw std::invalid_argument("server: coaps://HOST is needed, or a bootstrap server that tells it");
  }
  if (!bootstrap.keys.secret.empty() && bootstrap.keys.secret == settings.keys.secret) {
    throw std::invalid_argument("bootstrap: it has the server's key; give it one of its own");
  }
  Result<void> added;
  if (!bootstrap.server.empty()) {
    added = core.add_bootstrap_account(io::now(), bootstrap.server, security_values(bootstrap.keys), bootstrap.hold_off,
                                       bootstrap.account_timeout);
  }
  if (added && !settings.server.empty()) {
    added = core.add_account(io::now(), settings.short_server_id, settings.server, settings.lifetime,
                             security_values(settings.keys), {settings.queue.enabled ? "UQ" : "U", {}});
  }
  if (!added) throw std::invalid_argument(added.error().reason);
}

/// A bootstrap may have taken away what the program shows, and added what it doesn't know.
void Client::Impl::show_again() {
  client::ObjectTree& tree = runtime.client().tree();
  const client::Context context{io::now(), std::nullopt};
  for (auto& [id, kind] : kinds) {
    for (const InstanceId instance : tree.instances(id)) {
      if (!kind.instances.contains(instance)) (void)tree.remove(context, id, instance);
    }
    for (auto& [instance, held] : kind.instances) {
      const Path path(id, instance);
      if (!tree.has(path)) (void)tree.add(context, id, instance);
      for (detail::value_base* value : held.object->object_values()) {
        const Path resource = path.child(value->id());
        if (!tree.has(resource)) (void)tree.set(context, resource, sdk::to_core(value->load()));
      }
    }
  }
  runtime.flush();
}

void Client::Impl::define_own_objects() {
  sdk::add_built_in_definitions(registry);
  client::Client& core = runtime.client();
  const client::Context context{io::now(), std::nullopt};
  core.define(*registry.find(0));
  core.define(*registry.find(1), nullptr, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  std::vector<ResourceId> supported = {0, 1, 2, 3, 4, 11, 13, 14, 15, 16};
  core.define(*registry.find(3), nullptr, std::move(supported));
  add_accounts();
  (void)core.tree().add(context, 3, 0);
  (void)core.tree().set(context, Path(3, 0, 13), lwm2m::Time{io::unix_now()});
  const std::pair<ResourceId, std::string> texts[] = {
      {0, settings.manufacturer}, {1, settings.model}, {2, settings.serial}, {3, settings.firmware_version}};
  for (const auto& [id, text] : texts) {
    if (!text.empty()) (void)core.tree().set(context, Path(3, 0, id), text);
  }
}

void Client::Impl::adopt(std::unique_ptr<detail::object_base> object, InstanceId instance,
                         std::vector<detail::action> actions) {
  const ObjectId id = object->object_id();
  client::ObjectTree& tree = runtime.client().tree();
  const client::Context context{io::now(), std::nullopt};
  auto [kind, fresh] = kinds.try_emplace(id);
  if (fresh) {
    kind->second.tree = &tree;
    kind->second.definition = definition_of(*object, actions);
    runtime.client().define(kind->second.definition, &kind->second);
  }
  if (auto added = tree.add(context, id, instance); !added) throw std::invalid_argument(added.error().reason);
  for (detail::value_base* value : object->object_values()) {
    const Path path(id, instance, value->id());
    places[value] = path;
    value->attach(this);
    if (auto set = tree.set(context, path, sdk::to_core(value->collect())); !set) {
      throw std::invalid_argument(set.error().reason);
    }
  }
  kind->second.instances[instance] = Kind::Instance{std::move(object), std::move(actions)};
  runtime.flush();
}

void Client::Impl::remove(const detail::object_base& object) {
  for (auto& [id, kind] : kinds) {
    for (auto instance = kind.instances.begin(); instance != kind.instances.end(); ++instance) {
      if (instance->second.object.get() != &object) continue;
      for (const detail::value_base* value : object.object_values()) places.erase(value);
      (void)runtime.client().tree().remove({io::now(), std::nullopt}, id, instance->first);
      kind.instances.erase(instance);
      return runtime.flush();
    }
  }
}

Client::Client(Settings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {
  if (impl_->settings.endpoint.empty())
    throw std::invalid_argument("endpoint: a name such as urn:dev:os:demo-1 is needed");
  impl_->define_own_objects();
}

Client::~Client() {
  stop();
}

void Client::adopt(std::unique_ptr<detail::object_base> object, std::uint16_t instance,
                   std::vector<detail::action> actions) {
  std::exception_ptr failure;
  impl_->call([&] {
    try {
      impl_->adopt(std::move(object), instance, std::move(actions));
    } catch (...) {
      failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
}

void Client::remove(detail::object_base& object) {
  impl_->call([&] { impl_->remove(object); });
}

void Client::start() {
  if (impl_->thread.joinable()) return;
  if (auto opened = impl_->runtime.open(impl_->local); !opened) throw std::runtime_error(opened.error().reason);
  impl_->runtime.client().start(io::now());
  impl_->runtime.flush();
  impl_->thread = std::thread([impl = impl_.get()] { impl->runtime.run(); });
}

void Client::stop() {
  if (!impl_->thread.joinable()) return;
  impl_->runtime.loop().post([impl = impl_.get()] { impl->runtime.shut_down(); });
  impl_->thread.join();
}

void Client::update() {
  impl_->call([this] {
    impl_->runtime.client().update(io::now());
    impl_->runtime.flush();
  });
}

bool Client::bootstrap() {
  bool begins = false;
  impl_->call([&] {
    begins = impl_->runtime.client().bootstrap(io::now());
    impl_->runtime.flush();
  });
  return begins;
}

bool Client::registered() const {
  return impl_->is_registered;
}

}  // namespace drover
