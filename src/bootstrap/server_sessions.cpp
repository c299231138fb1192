// SPDX-License-Identifier: Apache-2.0
// What sessions are made of, and what is shown of them.
#include <algorithm>
#include <utility>

#include "bootstrap/account.hpp"
#include "bootstrap/server.hpp"
#include "coap/message/code.hpp"
#include "lwm2m/mapping/bootstrap.hpp"

namespace drover::bootstrap {

using transport::Kind;
using transport::PeerAddress;

// ---- limits ---------------------------------------------------------------------------------------------------------

Result<void> BootstrapServer::has_room(std::string_view endpoint, std::uint64_t network) const {
  const auto full = [](const char* reason) {
    return tl::unexpected(Error{Fault::Us, coap::code::kServiceUnavailable.value, reason});
  };
  // A device that begins anew takes the place of its own session.
  const auto own = by_endpoint_.find(std::string(endpoint));
  const bool replaces = own != by_endpoint_.end();
  if (by_endpoint_.size() >= config_.settings.sessions_max && !replaces) return full("too many bootstraps are under way");
  const auto count = of_network_.find(network);
  if (count == of_network_.end() || count->second < config_.settings.sessions_per_network_max) return {};
  if (replaces && sessions_.at(own->second).network == network) return {};
  return full("too many bootstraps of that network are under way");
}

// ---- a session's life -----------------------------------------------------------------------------------------------

BootstrapServer::Session* BootstrapServer::active(SessionId id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() || found->second.sequence == nullptr ? nullptr : &found->second;
}

UnixMilliseconds BootstrapServer::wall(Instant at) const {
  return std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch() + unix_at_zero_).count();
}

SessionId BootstrapServer::begin(Instant now, const SharedPlan& plan, std::string endpoint, const PeerAddress& peer,
                                 const PeerAddress& address, std::optional<lwm2m::FormatNumber> format, bool initiated) {
  const SessionId id{++last_session_};
  Session& session = sessions_[id];
  session.sequence = std::make_unique<Sequence>(plan, endpoint, format, rng_);
  session.peer = peer;
  session.network = security::Listener::network(address);
  session.view.id = id;
  session.view.endpoint = endpoint;
  session.view.plan = plan->name;
  session.view.address = address;
  session.view.server_initiated = initiated;
  session.view.began = wall(now);
  session.view.steps = session.sequence->steps();
  if (const auto known = listener_ && !initiated ? listener_->peer(peer) : std::nullopt) {
    session.view.identity = known->identity;
    session.credential = known->credential;
  }
  by_peer_.insert({peer, id});
  ++of_network_[session.network];
  if (config_.settings.events) events_.emplace_back(SessionStarted{id, endpoint, plan->name, address});
  by_endpoint_[std::move(endpoint)] = id;
  return id;
}

void BootstrapServer::ask_for_keys(Instant now, SessionId id) {
  Session& session = *active(id);
  std::vector<KeyRequest> requests = session.sequence->wanted();
  if (requests.empty()) return provide(now, id, std::vector<security::ClientCredential>());
  session.keys_due = now + config_.settings.keys_max;
  keys_due_.insert({*session.keys_due, id});
  events_.emplace_back(KeysWanted{id, session.view.endpoint, session.view.identity, session.credential,
                                  session.sequence->plan()->rotate, std::move(requests)});
}

void BootstrapServer::provide(Instant now, SessionId id, Result<std::vector<security::ClientCredential>> keys) {
  now_ = now;
  Session* session = active(id);
  if (session == nullptr || session->view.state != SessionState::Waiting) return;
  if (session->keys_due) {
    keys_due_.erase({*session->keys_due, id});
    session->keys_due.reset();
  } else if (!session->sequence->wanted().empty()) {
    return;  // they are there already: the handshake isn't
  }
  if (!keys) return finish(now, id, SessionState::Failed, "keys: " + keys.error().reason);
  if (const auto taken = session->sequence->take(std::move(*keys)); !taken) {
    return finish(now, id, SessionState::Failed, taken.error().reason);
  }
  if (const auto fresh = check_fresh(*session); !fresh) return finish(now, id, SessionState::Failed, fresh.error().reason);
  advance(now, id);
}

Result<void> BootstrapServer::check_fresh(const Session& session) const {
  const auto* source = config_.credentials;
  const security::Identity& peer = session.view.identity;
  std::optional<security::KnownPsk> psk;
  if (source != nullptr && peer.kind == security::IdentityKind::Psk) psk = source->find_psk(peer.name);
  const auto is_own = [&](const security::ClientCredential& keys) {
    const auto* raw = std::get_if<security::RawKeyCredential>(&keys.own);
    if (psk && secret_key(keys).reveal() == psk->key.reveal()) return true;
    if (raw != nullptr && source != nullptr && peer.kind == security::IdentityKind::PublicKey &&
        source->find_public_key(raw->public_key) == session.credential) {
      return true;
    }
    if (!session.our_credential) return false;
    const security::ClientCredential& ours = *session.our_credential;
    // Where we are the client, the device's own public key is what we know of it.
    return secret_key(keys).reveal() == secret_key(ours).reveal() ||
           (!ours.server_public_key.empty() && public_part(keys) == ours.server_public_key);
  };
  for (const security::ClientCredential* keys : session.sequence->keys()) {
    if (is_own(*keys)) return peer_error(0, "keys: a server would get the key of the bootstrap (Core 5.2.5)");
  }
  return {};
}

void BootstrapServer::advance(Instant now, SessionId id) {
  Session& session = *active(id);
  if (session.keys_due || !session.connected) return;
  auto next = session.sequence->next();
  if (!next) {
    const std::string step = "step " + std::to_string(session.sequence->step() + 1) + ": ";
    return finish(now, id, SessionState::Failed, step + next.error().reason);
  }
  if (!*next) return finish(now, id, SessionState::Finished, "");
  session.view.state = SessionState::Running;
  session.answered = false;
  const lwm2m::BootstrapOperation& operation = (*next)->operation;
  session.operation = lwm2m::name_of(operation);
  session.path = lwm2m::path_of(operation);
  TimelineEntry entry{wall(now), false, session.operation, session.path, {}, 0, {}, {}};
  if (const auto* write = std::get_if<lwm2m::BootstrapWrite>(&operation)) {
    entry.format = write->format;
    entry.payload_bytes = write->payload.size();
  }
  note(session, std::move(entry));
  session.exchange = endpoint_.request(now, session.peer, lwm2m::mapping::to_request(operation));
  by_exchange_[*session.exchange] = id;
}

std::string BootstrapServer::where(const Session& session) const {
  std::string where = session.operation;
  if (where.empty()) return where;
  if (!session.path.is_root() || where == "Bootstrap-Delete" || where == "Bootstrap-Discover") {
    where += " " + session.path.to_string();
  }
  return "step " + std::to_string(session.view.step + 1) + " (" + where + "): ";
}

void BootstrapServer::note(Session& session, TimelineEntry entry) {
  if (config_.settings.events) {
    events_.emplace_back(SessionProgress{session.view.id, session.view.endpoint, session.sequence->step(),
                                         session.sequence->steps(), entry});
  }
  if (session.view.timeline.size() < config_.settings.timeline_max) {
    session.view.timeline.push_back(std::move(entry));
  } else {
    ++session.view.omitted;
  }
}

void BootstrapServer::finish(Instant now, SessionId id, SessionState state, std::string reason) {
  Session& session = *active(id);
  SessionView& view = session.view;
  const bool done = state == SessionState::Finished;
  ++(done ? counters_.finished : counters_.failed);
  view.provisioned = session.sequence->provisioned();
  view.step = session.sequence->step();
  const bool finish_sent = session.sequence->finish_sent();
  if (done && finish_sent) {
    view.applied = Applied::Yes;
  } else if (done || (finish_sent && !session.answered)) {
    view.applied = Applied::Unknown;
  }
  view.state = state;
  view.reason = std::move(reason);
  view.ended = wall(now);
  if (session.exchange) {
    by_exchange_.erase(*session.exchange);
    endpoint_.forget(*session.exchange);
  }
  if (session.keys_due) keys_due_.erase({*session.keys_due, id});
  by_endpoint_.erase(view.endpoint);
  by_peer_.erase({session.peer, id});
  if (--of_network_.at(session.network) == 0) of_network_.erase(session.network);
  if (callouts_.has(session.peer)) callouts_.close(now, session.peer);
  session.exchange.reset();
  session.keys_due.reset();
  session.sequence.reset();
  session.our_credential.reset();
  if (config_.settings.events) {
    events_.emplace_back(SessionEnded{id, view.endpoint, state, view.reason, view.applied, view.provisioned});
  }
  ended_.push_back(id);
  while (ended_.size() > config_.settings.kept_sessions_max) {
    sessions_.erase(ended_.front());
    ended_.pop_front();
  }
}

bool BootstrapServer::end(Instant now, SessionId id, std::string reason) {
  now_ = now;
  if (active(id) == nullptr) return false;
  finish(now, id, SessionState::Failed, std::move(reason));
  return true;
}

Result<SessionId> BootstrapServer::start(Instant now, std::string endpoint, const PeerAddress& address,
                                         std::optional<security::ClientCredential> credential) {
  now_ = now;
  if (endpoint.empty() || endpoint.size() > kEndpointBytesMax || !is_utf8(endpoint)) {
    return peer_error(0, "the endpoint name must be 1 to " + std::to_string(kEndpointBytesMax) + " bytes of UTF-8");
  }
  const SharedPlan plan = plans_.choose(endpoint);
  if (plan == nullptr) return peer_error(0, "there is no plan for this endpoint");
  if (address.kind != Kind::Dtls && address.kind != Kind::Udp) return peer_error(0, "no network address");
  const bool secure = address.kind == Kind::Dtls;
  if (secure != credential.has_value()) return peer_error(0, secure ? "the credential is missing" : "a credential needs DTLS");
  if (!secure && !config_.settings.allow_nosec) return peer_error(0, "a bootstrap needs security");
  if (const auto room = has_room(endpoint, security::Listener::network(address)); !room) return tl::unexpected(room.error());
  PeerAddress peer = address;
  if (secure) {
    if (const auto old = by_endpoint_.find(endpoint); old != by_endpoint_.end()) {
      finish(now, old->second, SessionState::Failed, "another session was started");
    }
    auto opened = callouts_.open(now, address, *credential, endpoint);
    if (!opened) return tl::unexpected(opened.error());
    peer = *opened;
  } else if (const auto old = by_endpoint_.find(endpoint); old != by_endpoint_.end()) {
    finish(now, old->second, SessionState::Failed, "another session was started");
  }
  const SessionId id = begin(now, plan, std::move(endpoint), peer, address, {}, true);
  Session& session = *active(id);
  session.connected = !secure;
  session.our_credential = std::move(credential);
  ask_for_keys(now, id);
  process(now);
  return id;
}

// ---- what is shown --------------------------------------------------------------------------------------------------

SessionPage BootstrapServer::sessions(const SessionQuery& query) const {
  SessionPage page;
  const std::size_t limit = std::clamp<std::size_t>(query.limit, 1, kPageMax);
  auto at = query.before ? sessions_.lower_bound(*query.before) : sessions_.end();
  while (at != sessions_.begin()) {
    const SessionView& view = (--at)->second.view;
    if (!query.endpoint.empty() && view.endpoint != query.endpoint) continue;
    if (page.sessions.size() == limit) {
      page.next = page.sessions.back().id;
      break;
    }
    SessionView shown = view;
    shown.timeline.clear();
    page.sessions.push_back(std::move(shown));
  }
  return page;
}

std::optional<SessionView> BootstrapServer::session(SessionId id) const {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return std::nullopt;
  return found->second.view;
}

ServerCounters BootstrapServer::counters() const {
  ServerCounters counters = counters_;
  counters.sessions = by_endpoint_.size();
  counters.kept = ended_.size();
  counters.coap = endpoint_.counters();
  if (listener_) {
    const security::ListenerCounters security = listener_->counters();
    counters.handshakes = security.handshakes;
    counters.resumptions = security.resumptions;
    counters.associations = security.associations;
  }
  return counters;
}

}  // namespace drover::bootstrap
