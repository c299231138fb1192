// SPDX-License-Identifier: Apache-2.0
#include "drover/client.hpp"

#include <atomic>
#include <future>
#include <set>
#include <stdexcept>
#include <utility>

#include "sdk/client_parts.hpp"

namespace drover {

namespace sdk {

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

}  // namespace sdk

namespace {

using lwm2m::Path;

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

}  // namespace

Client::Impl::Impl(Settings wanted, std::unique_ptr<sdk::Host> by) : settings(std::move(wanted)), host(std::move(by)), program(*host) {
  if (settings.endpoint.empty()) throw std::invalid_argument("endpoint: a name such as urn:dev:os:demo-1 is needed");
  host->on_event([this](const client::ClientEvent& event) { happened(event); });
  define_own_objects();
}

void Client::Impl::happened(const client::ClientEvent& event) {
  if (const auto* change = std::get_if<client::RegistrationChanged>(&event)) {
    using Report = client::RegistrationReport::Kind;
    const Report kind = change->report.kind;
    const bool stands = kind == Report::Registered || kind == Report::Updated;
    if (stands) registrations.insert(change->server);
    if (kind == Report::Deregistered || kind == Report::Failed) registrations.erase(change->server);
    is_registered = !registrations.empty();
    if (stands || kind == Report::Failed) answer(stands);
    if (kind == Report::Registered && settings.on_registered) settings.on_registered();
    if (kind == Report::Failed && settings.on_failed) settings.on_failed(change->report.reason);
  }
  if (const auto* change = std::get_if<client::BootstrapChanged>(&event)) {
    using Report = client::BootstrapReport::Kind;
    if (change->report.kind == Report::Finished) host->post([this] { program.show_again(); });
    if (change->report.kind == Report::Finished && settings.on_bootstrapped) settings.on_bootstrapped();
    if (change->report.kind == Report::Failed && settings.on_failed) {
      settings.on_failed("bootstrap: " + change->report.reason);
    }
  }
  // A bootstrap may have made several servers of one.
  if (const bool offline = host->client().is_offline(); offline != std::exchange(is_offline, offline)) {
    const auto& told = offline ? settings.on_asleep : settings.on_awake;
    if (told) told();
  }
  // Posted, so that the answer leaves first.
  if (std::holds_alternative<client::RebootWanted>(event) && settings.on_reboot) host->post(settings.on_reboot);
}

void Client::Impl::answer(bool acknowledged) {
  for (std::promise<bool>& each : std::exchange(waiting, {})) each.set_value(acknowledged);
}

void Client::Impl::add_accounts() {
  client::Client& core = host->client();
  const Bootstrap& bootstrap = settings.bootstrap;
  if (settings.server.empty() && bootstrap.server.empty()) {
    throw std::invalid_argument("server: coaps://HOST is needed, or a bootstrap server that tells it");
  }
  if (!bootstrap.keys.secret.empty() && bootstrap.keys.secret == settings.keys.secret) {
    throw std::invalid_argument("bootstrap: it has the server's key; give it one of its own");
  }
  Result<void> added;
  if (!bootstrap.server.empty()) {
    added = core.add_bootstrap_account(host->now(), bootstrap.server, security_values(bootstrap.keys), bootstrap.hold_off,
                                       bootstrap.account_timeout);
  }
  if (added && !settings.server.empty()) {
    added = core.add_account(host->now(), settings.short_server_id, settings.server, settings.lifetime,
                             security_values(settings.keys), {settings.queue.enabled ? "UQ" : "U", {}});
  }
  if (!added) throw std::invalid_argument(added.error().reason);
}

void Client::Impl::define_own_objects() {
  client::Client& core = host->client();
  const client::Context context{host->now(), std::nullopt};
  core.define(security);
  core.define(server, nullptr, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  core.define(device, nullptr, {0, 1, 2, 3, 4, 11, 13, 14, 15, 16});
  add_accounts();
  (void)core.tree().add(context, 3, 0);
  (void)core.tree().set(context, Path(3, 0, 13), lwm2m::Time{host->unix_now()});
  const std::pair<lwm2m::ResourceId, std::string> texts[] = {
      {0, settings.manufacturer}, {1, settings.model}, {2, settings.serial}, {3, settings.firmware_version}};
  for (const auto& [id, text] : texts) {
    if (!text.empty()) (void)core.tree().set(context, Path(3, 0, id), text);
  }
}

void Client::Impl::call(const std::function<void()>& task) {
  std::exception_ptr failure;
  host->call([&] {
    try {
      task();
    } catch (...) {
      failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
}

Client::Client(Settings settings, Platform& platform) {
  auto host = sdk::platform_host(settings, platform);
  impl_ = std::make_unique<Impl>(std::move(settings), std::move(host));
}

Client::~Client() {
  stop();
}

void Client::adopt(std::unique_ptr<detail::object_base> object, std::uint16_t instance, std::vector<detail::action> actions,
                   const object_definition* definition) {
  impl_->call([&] {
    const auto known = definition == nullptr ? std::nullopt : std::optional(sdk::to_core(*definition));
    impl_->program.adopt({std::move(object), std::move(actions)}, instance, known ? &*known : nullptr);
  });
}

void Client::allow_create(detail::factory factory, const object_definition* definition) {
  impl_->call([&] {
    const auto known = definition == nullptr ? std::nullopt : std::optional(sdk::to_core(*definition));
    sdk::Factory made;
    made.make = [make = std::move(factory.make)] {
      auto [object, actions] = make();
      return sdk::Made{std::move(object), std::move(actions)};
    };
    made.created = std::move(factory.created);
    made.deleted = std::move(factory.deleted);
    impl_->program.allow_create(std::move(made), known ? &*known : nullptr);
  });
}

void Client::remove(detail::object_base& object) {
  impl_->call([&] { impl_->program.remove(object); });
}

void Client::start() {
  impl_->host->start();
}

void Client::begin() {
  impl_->host->begin();
}

void Client::process() {
  impl_->host->process();
}

std::chrono::microseconds Client::wait() const {
  return impl_->host->wait();
}

int Client::descriptor() const {
  return impl_->host->descriptor();
}

void Client::receive(const std::string& from, const std::uint8_t* bytes, std::size_t size) {
  impl_->host->receive(from, bytes, size);
}

void Client::stop() {
  impl_->host->stop();
  impl_->call([this] { impl_->answer(false); });
}

std::future<bool> Client::update() {
  std::promise<bool> promise;
  auto future = promise.get_future();
  impl_->call([&] {
    impl_->waiting.push_back(std::move(promise));
    impl_->host->client().update(impl_->host->now());
    impl_->host->flush();
  });
  return future;
}

bool Client::bootstrap() {
  bool begins = false;
  impl_->call([&] {
    begins = impl_->host->client().bootstrap(impl_->host->now());
    impl_->host->flush();
  });
  return begins;
}

bool Client::registered() const {
  return impl_->is_registered;
}

}  // namespace drover
