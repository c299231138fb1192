// SPDX-License-Identifier: Apache-2.0
#include "bootstrap_thread.hpp"

#include <thread>
#include <utility>

#include "base/uri.hpp"
#include "io/clock.hpp"
#include "io/driver.hpp"
#include "io/event_loop.hpp"
#include "io/log.hpp"
#include "io/resolve.hpp"
#include "io/udp_socket.hpp"
#include "plan_shelf.hpp"
#include "secure_port.hpp"
#include "security/dtls/provider.hpp"

namespace drover::droverd {

using bootstrap::BootstrapServer;
using bootstrap::DeskAnswer;
using bootstrap::DeskEvent;
using bootstrap::DeskRefusal;
using bootstrap::PlanView;
using bootstrap::SessionId;
using Why = DeskRefusal::Why;

namespace {

constexpr std::uint16_t kCoapPort = 5683;   // RFC 7252 §6.1
constexpr std::uint16_t kCoapsPort = 5684;  // RFC 7252 §6.2

tl::unexpected<DeskRefusal> refused(Why why, std::string reason) {
  return tl::unexpected(DeskRefusal{why, std::move(reason)});
}

Duration unix_at_zero() {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<Duration>(wall) - io::now().time_since_epoch();
}

Result<transport::PeerAddress> address_of(const std::string& listen) {
  const auto parsed = parse_host_port(listen);
  if (!parsed) return tl::unexpected(parsed.error());
  const auto addresses = io::resolve(parsed->host, parsed->port);
  if (!addresses) return tl::unexpected(addresses.error());
  return addresses->front();
}

void log_event(const bootstrap::Event& event) {
  if (const auto* gone = std::get_if<bootstrap::Refused>(&event)) {
    io::log::warn("bootstrap refused", {{"endpoint", gone->endpoint},
                                        {"address", gone->address.to_string()},
                                        {"why", gone->reason}});
  } else if (const auto* began = std::get_if<bootstrap::SessionStarted>(&event)) {
    io::log::info("bootstrap began", {{"endpoint", began->endpoint},
                                      {"plan", began->plan},
                                      {"session", began->session.value},
                                      {"address", began->address.to_string()}});
  } else if (const auto* ended = std::get_if<bootstrap::SessionEnded>(&event)) {
    const bool finished = ended->state == bootstrap::SessionState::Finished;
    if (finished) {
      io::log::info("bootstrap finished", {{"endpoint", ended->endpoint}, {"session", ended->session.value}});
    } else {
      io::log::warn("bootstrap failed", {{"endpoint", ended->endpoint},
                                         {"session", ended->session.value},
                                         {"why", ended->reason},
                                         {"applied", bootstrap::to_string(ended->applied)}});
    }
  }
}

/// How we prove ourselves to a device that we call: by the credential that it proves itself with to us.
Result<security::ClientCredential> credential_for(const std::string& endpoint, const store::Credentials& credentials,
                                                  const security::ServerCredentials& own) {
  const auto missing = [](std::string reason) { return tl::unexpected(Error{Fault::Us, 0, std::move(reason)}); };
  for (const store::Credential& entry : credentials.of_endpoint(store::Purpose::Bootstrap, endpoint)) {
    if (!entry.enabled || (entry.expires_at && *entry.expires_at <= io::unix_now())) continue;
    if (entry.kind == security::IdentityKind::Psk) {
      auto key = credentials.key(entry.id);
      if (key) return security::ClientCredential{security::PskCredential{entry.identity, std::move(*key)}, {}};
    }
    if (entry.kind == security::IdentityKind::PublicKey && own.raw_key) {
      return security::ClientCredential{*own.raw_key, to_bytes(entry.identity)};
    }
    if (entry.kind == security::IdentityKind::Certificate && own.certificate && !own.trust_anchors.empty()) {
      return security::ClientCredential{*own.certificate, own.trust_anchors.front()};
    }
  }
  return missing("no bootstrap credential of this endpoint can be used to call it");
}

}  // namespace

// ---- the thread -----------------------------------------------------------------------------------------------------

struct BootstrapThread::Worker {
  Worker(const CredentialStore& store, store::CredentialService& service_thread, security::dtls::Parameters dtls)
      : credentials(*store.credentials), service(service_thread), provider(std::move(dtls), rng) {
    provider.set_wall_clock(unix_at_zero());
  }

  void begin(bootstrap::Config config) {
    server.emplace(std::move(config), rng);
    server->set_wall_clock(unix_at_zero());
    // A server without a port for one of the two still has a socket for the driver; nobody reaches it.
    driver.emplace(loop, socket ? *socket : *secure_socket, *server, [this](Instant) { drain(); });
    if (socket && secure_socket) driver->add_secure(*secure_socket);
  }

  void drain() {
    while (auto event = server->poll_event()) {
      if (auto* wanted = std::get_if<bootstrap::KeysWanted>(&*event)) {
        make_keys(std::move(*wanted));
        continue;
      }
      if (const auto* ended = std::get_if<bootstrap::SessionEnded>(&*event)) retire_keys(*ended);
      log_event(*event);
      if (sink) sink(DeskEvent{io::unix_now(), std::move(*event)});
    }
    while (const auto drop = server->poll_drop()) {
      io::log::debug("dropped", {{"address", drop->peer.to_string()}, {"why", drop->why}});
    }
  }
  void make_keys(bootstrap::KeysWanted wanted) {
    service.post([this, wanted = std::move(wanted)] {
      auto keys = keeper->provide(wanted);
      if (!keys) io::log::error("no keys for a bootstrap", {{"endpoint", wanted.endpoint}, {"why", keys.error().reason}});
      on_loop([session = wanted.session, keys = std::move(keys)](BootstrapServer& core, Instant at) mutable {
        core.provide(at, session, std::move(keys));
      });
    });
  }
  void retire_keys(const bootstrap::SessionEnded& ended) {
    service.post([this, ended] {
      const auto done = keeper->ended(ended);
      if (!done) io::log::error("old keys stay", {{"endpoint", ended.endpoint}, {"why", done.error().reason}});
    });
  }
  /// Runs `task` with the server, and sends what came of it. Thread-safe.
  template <class Task>
  void on_loop(Task task) {
    loop.post([this, task = std::make_shared<Task>(std::move(task))] {
      const Instant at = io::now();
      (*task)(*server, at);
      driver->flush(at);
    });
  }

  store::Credentials& credentials;
  store::CredentialService& service;
  io::EventLoop loop;
  std::optional<io::UdpSocket> socket, secure_socket;
  io::SystemRng rng;
  security::dtls::DtlsProvider provider;
  std::unique_ptr<security::Acceptor> acceptor;
  std::optional<provision::KeyKeeper> keeper;  ///< on the service's thread
  std::optional<PlanShelf> shelf;              ///< on the service's thread
  std::optional<BootstrapServer> server;
  std::optional<io::Driver<BootstrapServer>> driver;
  std::function<void(const DeskEvent&)> sink;
  std::thread thread;
};

BootstrapThread::BootstrapThread() = default;

BootstrapThread::~BootstrapThread() {
  stop();
}

Result<std::unique_ptr<BootstrapThread>> BootstrapThread::open(const Config& config, const CredentialStore& credentials,
                                                               store::CredentialService& service,
                                                               const lwm2m::model::Registry& registry) {
  const BootstrapConfig& wanted = config.bootstrap;
  if (!wanted.secure_listen.empty() && config.store.empty() && wanted.credentials.trust_anchors.empty()) {
    return tl::unexpected(Error{Fault::Us, 0, "bootstrap.secure_listen needs a store (--store) for the credentials of devices"});
  }
  security::dtls::Parameters dtls;
  dtls.cbc = config.cbc;
  std::unique_ptr<BootstrapThread> made(new BootstrapThread);
  made->worker_ = std::make_unique<Worker>(credentials, service, std::move(dtls));
  Worker& worker = *made->worker_;
  worker.shelf.emplace(*credentials.plans, registry);
  if (auto loaded = worker.shelf->load(wanted.plans); !loaded) return tl::unexpected(loaded.error());
  auto keys = read_keys(wanted, credentials, credentials.own);
  if (!keys) return tl::unexpected(keys.error());
  worker.keeper.emplace(*credentials.credentials, std::move(*keys));

  bootstrap::Config core;
  core.coap = config.coap;
  core.coap.report_drops = io::log::enabled(io::log::Level::Debug);
  core.settings.allow_nosec = !wanted.listen.empty();
  core.settings.sessions_max = wanted.sessions_max;
  core.settings.kept_sessions_max = wanted.kept_sessions_max;
  const auto open_socket = [](const std::string& listen, transport::Kind kind, std::optional<io::UdpSocket>& to) -> Result<void> {
    if (listen.empty()) return {};
    const auto address = address_of(listen);
    if (!address) return tl::unexpected(address.error());
    io::UdpSocket::Options options;
    options.kind = kind;
    auto opened = io::UdpSocket::open(address->as(kind), options);
    if (!opened) return tl::unexpected(opened.error());
    to.emplace(std::move(*opened));
    return {};
  };
  if (auto open = open_socket(wanted.listen, transport::Kind::Udp, worker.socket); !open) return tl::unexpected(open.error());
  if (auto open = open_socket(wanted.secure_listen, transport::Kind::Dtls, worker.secure_socket); !open) {
    return tl::unexpected(open.error());
  }
  if (worker.secure_socket) {
    if (auto right = security::dtls::check_library(); !right) return tl::unexpected(right.error());
    const security::CredentialSource& source = credentials.credentials->source(store::Purpose::Bootstrap);
    auto acceptor = worker.provider.acceptor(worker.keeper->settings().bootstrap, source);
    if (!acceptor) return tl::unexpected(acceptor.error());
    worker.acceptor = std::move(*acceptor);
    core.acceptor = worker.acceptor.get();
    core.credentials = &source;
    core.provider = &worker.provider;
    core.listener.park_after = std::chrono::seconds(config.park_after);
    core.listener.handshakes_max = config.handshakes_max;
  }
  worker.begin(std::move(core));
  for (const PlanView& view : worker.shelf->all()) {
    if (auto put = worker.server->plans().put(view.plan); !put) return tl::unexpected(put.error());
  }
  return made;
}

Result<provision::KeyKeeper::Settings> BootstrapThread::read_keys(const BootstrapConfig& config,
                                                                  const CredentialStore& credentials,
                                                                  security::ServerCredentials server) {
  auto own = read_own(config.credentials, credentials);
  if (!own) return tl::unexpected(own.error());
  provision::KeyKeeper::Settings keys{std::move(server), std::move(*own)};
  keys.certificate_days = config.certificate_days;
  if (!config.authority.certificate.empty()) {
    auto authority = store::read_server_credentials(config.authority);
    if (!authority) return tl::unexpected(authority.error());
    keys.authority = std::move(authority->certificate);
  }
  return keys;
}

void BootstrapThread::renew(provision::KeyKeeper::Settings keys, std::vector<std::string> plan_files) {
  worker_->service.post([worker = worker_.get(), keys = std::move(keys), files = std::move(plan_files)]() mutable {
    const security::ServerCredentials own = keys.bootstrap;
    worker->keeper->renew(std::move(keys));
    // They were fine a moment ago.
    if (const auto loaded = worker->shelf->load(files); !loaded) {
      io::log::error("bootstrap plans stay as they were", {{"why", loaded.error().reason}});
    }
    worker->on_loop([worker, own, book = worker->shelf->book()](BootstrapServer& core, Instant) mutable {
      core.plans() = std::move(book);
      const auto done = worker->acceptor ? worker->acceptor->renew(own) : Result<void>();
      if (!done) io::log::error("the bootstrap server's own credentials stay as they were", {{"why", done.error().reason}});
    });
  });
}

std::optional<transport::PeerAddress> BootstrapThread::local() const {
  return worker_->socket ? std::optional(worker_->socket->local()) : std::nullopt;
}

std::optional<transport::PeerAddress> BootstrapThread::secure_local() const {
  return worker_->secure_socket ? std::optional(worker_->secure_socket->local()) : std::nullopt;
}

void BootstrapThread::start() {
  worker_->thread = std::thread([loop = &worker_->loop] { loop->run(); });
}

void BootstrapThread::stop() {
  if (!worker_ || !worker_->thread.joinable()) return;
  worker_->loop.stop();
  worker_->thread.join();
}

void BootstrapThread::credentials_changed() {
  worker_->on_loop([](BootstrapServer& core, Instant at) { core.handle_timeout(at); });
}

// ---- plans ----------------------------------------------------------------------------------------------------------

void BootstrapThread::plans(Done<std::vector<PlanView>> done) {
  worker_->service.post([worker = worker_.get(), done = std::move(done)] { done(worker->shelf->all()); });
}

void BootstrapThread::plan(std::string name, Done<std::optional<PlanView>> done) {
  worker_->service.post([worker = worker_.get(), name = std::move(name), done = std::move(done)] {
    done(worker->shelf->find(name));
  });
}

void BootstrapThread::choose(std::string endpoint, Done<std::optional<PlanView>> done) {
  worker_->service.post([worker = worker_.get(), endpoint = std::move(endpoint), done = std::move(done)] {
    done(worker->shelf->choose(endpoint));
  });
}

void BootstrapThread::put_plan(std::string name, Secret<std::string> json, Done<DeskAnswer<PlanView>> done) {
  worker_->service.post([worker = worker_.get(), name = std::move(name), json = std::move(json), done = std::move(done)] {
    auto put = worker->shelf->put(name, json);
    if (!put) return done(std::move(put));
    worker->on_loop([view = *put, done](BootstrapServer& core, Instant) {
      // What the shelf has taken fits the server's book: they are the same.
      const bool fits = core.plans().put(view.plan).has_value();
      (void)fits;
      done(view);
    });
  });
}

void BootstrapThread::remove_plan(std::string name, Done<DeskAnswer<PlanView>> done) {
  worker_->service.post([worker = worker_.get(), name = std::move(name), done = std::move(done)] {
    auto removed = worker->shelf->remove(name);
    if (!removed) return done(std::move(removed));
    worker->on_loop([view = *removed, done](BootstrapServer& core, Instant) {
      core.plans().remove(view.plan->name);
      done(view);
    });
  });
}

// ---- sessions -------------------------------------------------------------------------------------------------------

void BootstrapThread::sessions(bootstrap::SessionQuery query, Done<bootstrap::SessionPage> done) {
  worker_->on_loop([query = std::move(query), done = std::move(done)](BootstrapServer& core, Instant) {
    done(core.sessions(query));
  });
}

void BootstrapThread::session(SessionId id, Done<std::optional<bootstrap::SessionView>> done) {
  worker_->on_loop([id, done = std::move(done)](BootstrapServer& core, Instant) { done(core.session(id)); });
}

void BootstrapThread::end(SessionId id, Done<bool> done) {
  worker_->on_loop([id, done = std::move(done)](BootstrapServer& core, Instant at) {
    done(core.end(at, id, "ended by an administrator"));
  });
}

void BootstrapThread::start(std::string endpoint, std::string uri, Done<DeskAnswer<SessionId>> done) {
  worker_->service.post([worker = worker_.get(), endpoint = std::move(endpoint), text = std::move(uri),
                         done = std::move(done)] {
    const auto parsed = parse_uri(text);
    const bool secure = parsed && parsed->scheme == "coaps";
    if (!parsed || (!secure && parsed->scheme != "coap")) {
      const std::string why = parsed ? "" : ": " + parsed.error().reason;
      return done(refused(Why::Invalid, "uri must be coaps://HOST:PORT" + why));
    }
    const auto addresses = io::resolve(parsed->host, parsed->port.value_or(secure ? kCoapsPort : kCoapPort));
    if (!addresses) return done(refused(Why::Unavailable, addresses.error().reason));
    std::optional<security::ClientCredential> credential;
    if (secure) {
      auto found = credential_for(endpoint, worker->credentials, worker->keeper->settings().bootstrap);
      if (!found) return done(refused(Why::Unavailable, found.error().reason));
      credential = std::move(*found);
    }
    const auto address = addresses->front().as(secure ? transport::Kind::Dtls : transport::Kind::Udp);
    worker->on_loop([endpoint, address, credential = std::move(credential), done](BootstrapServer& core, Instant at) mutable {
      auto begun = core.start(at, endpoint, address, std::move(credential));
      if (!begun) return done(refused(Why::Unavailable, begun.error().reason));
      done(*begun);
    });
  });
}

void BootstrapThread::counters(Done<bootstrap::ServerCounters> done) {
  worker_->on_loop([done = std::move(done)](BootstrapServer& core, Instant) { done(core.counters()); });
}

void BootstrapThread::on_event(std::function<void(const DeskEvent&)> sink) {
  worker_->sink = std::move(sink);
}

}  // namespace drover::droverd
