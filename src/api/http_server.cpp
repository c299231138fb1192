// SPDX-License-Identifier: Apache-2.0
#include <openssl/ssl.h>

#include <cassert>

#include "api/http_core.hpp"
#include "api/listen_address.hpp"

namespace drover::api::http {

namespace {

constexpr int kBacklog = 128;

/// The library's own holder of the same context; null for null.
SharedTls shared_tls(const std::shared_ptr<const TlsContext>& tls) {
  if (!tls) return nullptr;
  SSL_CTX_up_ref(tls->native());
  return std::make_shared<asio::ssl::context>(tls->native());
}

}  // namespace

// ---- Core -----------------------------------------------------------------------------------------------------------

Core::Core(const Limits& core_limits, Service core_service)
    : limits(core_limits), service(std::move(core_service)), tls(shared_tls(service.tls)) {}

void Core::close(std::uint64_t connection) {
  sessions.erase(connection);
  if (stopping && sessions.empty()) context.stop();
}

void Core::accept(Door& door) {
  door.acceptor.async_accept([this, &door](const error_code& failure, tcp::socket socket) {
    if (stopping || failure == asio::error::operation_aborted) return;
    if (failure) {
      // Out of descriptors: trying again at once would spin.
      auto pause = std::make_shared<asio::steady_timer>(context, std::chrono::milliseconds(100));
      pause->async_wait([this, &door, pause](const error_code&) {
        if (!stopping) accept(door);
      });
      return;
    }
    admit(std::move(socket), door.secure);
    accept(door);
  });
}

void Core::admit(tcp::socket socket, bool secure) {
  const std::uint64_t number = next_connection++;
  const bool full = sessions.size() >= limits.connections_max;
  // Twice the limit: those that are being told; past it not even that.
  if (sessions.size() >= 2 * limits.connections_max) return;
  const auto session = std::make_shared<Session>(*this, number, std::move(socket), secure ? tls : nullptr);
  sessions.emplace(number, session);
  std::optional<Response> refusal;
  if (full) refusal = plain_problem(503, "busy", "too many connections");
  session->start(std::move(refusal));
}

void Core::stop_on_thread() {
  stopping = true;
  error_code ignored;
  for (auto& door : doors) door.acceptor.close(ignored);
  if (sessions.empty()) return context.stop();
  stop_timer.emplace(context, limits.stop_wait);
  stop_timer->async_wait([this](const error_code&) { context.stop(); });
  const auto snapshot = sessions;
  for (const auto& [number, session] : snapshot) session->shut_down();
}

// ---- Responder and Server -------------------------------------------------------------------------------------------

void Responder::answer(Response response) const {
  if (const auto core = core_.lock()) {
    core->with_session(connection_, [request = request_, response = std::move(response)](Session& session) {
      session.answer(request, response);
    });
  }
}

void Responder::answer_within(std::chrono::milliseconds wait, Response otherwise) const {
  answer_within(wait, std::function<Response()>([otherwise = std::move(otherwise)] { return otherwise; }));
}

void Responder::answer_within(std::chrono::milliseconds wait, std::function<Response()> otherwise) const {
  if (const auto core = core_.lock()) {
    core->with_session(connection_,
                       [request = request_, wait, otherwise = std::move(otherwise)](Session& session) mutable {
                         session.answer_within(request, wait, std::move(otherwise));
                       });
  }
}

void Responder::then(std::function<void()> task) const {
  if (const auto core = core_.lock()) {
    core->with_session(connection_, [request = request_, task = std::move(task)](Session& session) {
      if (session.waits(request)) task();
    });
  }
}

void Responder::stream(std::unique_ptr<StreamSource> source) const {
  if (const auto core = core_.lock()) {
    core->with_session(connection_, [request = request_, source = std::move(source)](Session& session) mutable {
      session.start_stream(request, std::move(source));
    });
  }
}

Server::Server(std::shared_ptr<Core> core) : core_(std::move(core)) {}
Server::Server(Server&&) noexcept = default;

Server::~Server() {
  if (core_) stop();
}

Result<Server> Server::open(const std::vector<std::string>& addresses, const Limits& limits, Service service) {
  auto core = std::make_shared<Core>(limits, std::move(service));
  const auto failure = [](const std::string& address, const std::string& why) {
    return tl::unexpected(Error{Fault::Environment, 0, "cannot serve the API on " + address + ": " + why});
  };
  for (const std::string& address : addresses) {
    const auto parsed = parse_listen_address(address);
    if (!parsed) return tl::unexpected(parsed.error());
    const bool secure = parsed->is_secure(core->tls != nullptr);
    assert(!secure || core->tls);
    error_code bad;
    const tcp::endpoint endpoint(asio::ip::make_address(parsed->host, bad), parsed->port);
    auto& acceptor = core->doors.emplace_back(Door{tcp::acceptor(core->context), secure}).acceptor;
    acceptor.open(endpoint.protocol(), bad);
    if (!bad) acceptor.set_option(tcp::acceptor::reuse_address(true), bad);
    if (!bad) acceptor.bind(endpoint, bad);
    if (!bad) acceptor.listen(kBacklog, bad);
    if (bad == asio::error::address_in_use) return failure(address, "the port is in use by another program");
    if (bad) return failure(address, bad.message());
  }
  return Server(std::move(core));
}

std::vector<std::string> Server::addresses() const {
  std::vector<std::string> texts;
  for (const auto& door : core_->doors) {
    error_code ignored;
    const auto endpoint = door.acceptor.local_endpoint(ignored);
    const std::string host = endpoint.address().to_string();
    texts.push_back((endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port()));
  }
  return texts;
}

std::vector<std::string> Server::urls() const {
  auto texts = addresses();
  auto text = texts.begin();
  for (const auto& door : core_->doors) (text++)->insert(0, door.secure ? "https://" : "http://");
  return texts;
}

void Server::start() {
  assert(!core_->thread.joinable());
  for (auto& door : core_->doors) core_->accept(door);
  core_->thread = std::thread([core = core_.get()] { core->context.run(); });
}

void Server::use_certificate(std::shared_ptr<const TlsContext> tls) {
  asio::post(core_->context, [core = core_.get(), tls = std::move(tls)] { core->tls = shared_tls(tls); });
}

void Server::stop() {
  if (!core_->thread.joinable()) return;
  asio::post(core_->context, [core = core_.get()] { core->stop_on_thread(); });
  core_->thread.join();
  core_->sessions.clear();
}

void Server::wake_streams() {
  if (core_->streams.load() == 0 || core_->wake_pending.exchange(true)) return;
  asio::post(core_->context, [core = core_.get()] {
    core->wake_pending.store(false);
    const auto snapshot = core->sessions;
    for (const auto& [number, session] : snapshot) session->pump();
  });
}

ServerFigures Server::figures() const {
  ServerFigures figures{core_->next_connection - 1, core_->sessions.size(), streams(), 0};
  for (const auto& [number, session] : core_->sessions) figures.waiting += session->is_waiting() ? 1U : 0U;
  return figures;
}

std::size_t Server::streams() const {
  return core_->streams.load();
}

}  // namespace drover::api::http
