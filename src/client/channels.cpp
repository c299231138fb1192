// SPDX-License-Identifier: Apache-2.0
#include "client/channels.hpp"

#include <utility>

#include "base/take_front.hpp"

namespace drover::client {

namespace security = drover::security;
using security::AssociationState;
using transport::Datagram;
using transport::Transmit;

namespace {

/// RFC 7983 §7: what a datagram to a port that also takes CoAP begins with.
bool looks_like_dtls(ByteView datagram) {
  constexpr std::uint8_t kFirst = 20;
  constexpr std::uint8_t kLast = 63;
  return !datagram.empty() && datagram[0] >= kFirst && datagram[0] <= kLast;
}

}  // namespace

std::uint64_t Channels::fingerprint(const std::string& host, const SecurityValues& values) {
  std::uint64_t hash = values.fingerprint();
  for (const char c : host) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
  return hash;
}

// ---- accounts -------------------------------------------------------------------------------------------------------

Result<void> Channels::check(const std::string& host, const SecurityValues& values) const {
  if (provider_ == nullptr) {
    return tl::unexpected(Error{Fault::Environment, 0, "this build has no DTLS: use coap:// with security mode 3"});
  }
  // What is in use was checked.
  for (const auto& [server, channel] : channels_) {
    if (channel.host == host && channel.values == values) return {};
  }
  auto credential = to_credential(values);
  if (!credential) return tl::unexpected(credential.error());
  if (auto connector = provider_->connector(*credential, host, path_); !connector) return tl::unexpected(connector.error());
  return {};
}

bool Channels::configure(Instant now, ServerId server, const std::string& host, const SecurityValues& values) {
  const auto found = channels_.find(server);
  const bool known = found != channels_.end();
  if (known && found->second.host == host && found->second.values == values) return false;
  if (known) remove(now, server);
  Channel& channel = channels_[server];
  channel.host = host;
  channel.values = values;
  channel.fingerprint = fingerprint(host, values);
  ++revision_;
  expect_callers();
  return known;
}

void Channels::remove(Instant now, ServerId server) {
  const auto found = channels_.find(server);
  if (found == channels_.end()) return;
  say_goodbye(now, found->second);
  channels_.erase(found);
  ++revision_;
  expect_callers();
}

void Channels::expect_callers() {
  if (!callers_) return;
  std::vector<ExpectedServer> servers;
  for (const auto& [server, channel] : channels_) servers.push_back({server, channel.host, channel.values});
  callers_->expect(std::move(servers));
}

void Channels::take_callers(Instant now) {
  if (!callers_) return;
  while (auto datagram = callers_->poll_transmit()) transmits_.push_back(std::move(*datagram));
  while (auto caller = callers_->poll_caller()) {
    const auto found = channels_.find(caller->server);
    if (found == channels_.end()) continue;  // its account has gone meanwhile
    Channel& channel = found->second;
    let_go(channel);  // RFC 6347 §4.2.8: the peer has a new one
    channel.address = caller->address;
    channel.role = std::move(caller->role);
    channel.association = std::move(caller->association);
    drain(now, caller->server, channel);
  }
}

// ---- associations ---------------------------------------------------------------------------------------------------

void Channels::connect(Instant now, ServerId server, const transport::PeerAddress& address) {
  const auto found = channels_.find(server);
  if (found == channels_.end()) return;
  Channel& channel = found->second;
  if (channel.association && (channel.address == address || channel.role)) return;
  let_go(channel);
  channel.address = address;
  begin(now, server, channel);
}

void Channels::begin(Instant now, ServerId server, Channel& channel) {
  let_go(channel);
  // A new one each time: it takes the provider's clock, by which certificates are judged.
  const auto credential = to_credential(channel.values);
  auto connector = provider_->connector(*credential, channel.host, path_);
  if (!connector) {
    events_.push_back(ChannelDown{server, connector.error().reason});
    return;
  }
  channel.connector = std::move(*connector);
  channel.offered_session = !channel.session.empty();
  channel.association = channel.connector->connect(now, channel.session);
  drain(now, server, channel);
}

void Channels::let_go(Channel& channel) {
  channel.association.reset();
  channel.connector.reset();
  channel.role.reset();
  channel.up = channel.heard = channel.offered_session = false;
}

void Channels::take_datagrams(Channel& channel) {
  while (auto datagram = channel.association->poll_datagram()) {
    transmits_.push_back({channel.address, std::move(*datagram)});
  }
}

void Channels::say_goodbye(Instant now, Channel& channel) {
  if (channel.association) {
    channel.association->close(now);
    take_datagrams(channel);
  }
  let_go(channel);
}

void Channels::close(Instant now, ServerId server) {
  const auto found = channels_.find(server);
  if (found != channels_.end()) say_goodbye(now, found->second);
}

void Channels::drop(ServerId server) {
  const auto found = channels_.find(server);
  if (found != channels_.end()) let_go(found->second);
}

void Channels::address_changed(ServerId server) {
  const auto found = channels_.find(server);
  if (found == channels_.end()) return;
  Channel& channel = found->second;
  if (!channel.up || channel.role || !channel.association->has_connection_id()) let_go(channel);
}

bool Channels::is_up(ServerId server) const {
  const auto found = channels_.find(server);
  return found != channels_.end() && found->second.up;
}

bool Channels::was_called(ServerId server) const {
  const auto found = channels_.find(server);
  return found != channels_.end() && found->second.up && found->second.role != nullptr;
}

/// Hands on what the association has to say; it may be another one afterwards, or none.
void Channels::drain(Instant now, ServerId server, Channel& channel) {
  take_datagrams(channel);
  while (auto plaintext = channel.association->poll_plaintext()) {
    messages_.push_back({name(server), std::move(*plaintext)});
  }
  const AssociationState state = channel.association->state();
  if (state == AssociationState::Closed) return ended(now, server, channel);
  if (state != AssociationState::Established || channel.up) return;
  channel.up = true;
  if (auto session = channel.association->session(); !session.empty()) channel.session = std::move(session);
  ++revision_;
  events_.push_back(ChannelUp{server});
}

void Channels::ended(Instant now, ServerId server, Channel& channel) {
  const bool retry_in_full = !channel.up && channel.offered_session && channel.heard;
  std::string reason = channel.association->reason();
  if (!channel.up) reason = "handshake: " + reason;
  let_go(channel);
  if (retry_in_full) {
    // What the session was good for may be over at the server.
    channel.session = {};
    ++revision_;
    return begin(now, server, channel);
  }
  events_.push_back(ChannelDown{server, std::move(reason)});
}

/// A server answers short messages from its number, whatever port it says.
bool Channels::is_from(const Channel& channel, const transport::PeerAddress& from) const {
  if (path_ == security::Path::Network) return channel.address == from;
  return channel.address.kind == from.kind && channel.address.host == from.host;
}

// ---- datagrams and messages -----------------------------------------------------------------------------------------

bool Channels::handle_datagram(Instant now, const Datagram& datagram) {
  if (!looks_like_dtls(datagram.bytes)) return false;
  if (callers_ && callers_->handle_datagram(now, datagram)) {
    take_callers(now);
    return true;
  }
  for (auto& [server, channel] : channels_) {
    if (!channel.association || !is_from(channel, datagram.from)) continue;
    const bool authentic = channel.association->handle_datagram(now, datagram.bytes) != security::Arrival::Ignored;
    channel.heard |= authentic;
    drain(now, server, channel);
    if (authentic) return true;
  }
  return false;
}

void Channels::handle_timeout(Instant now) {
  if (callers_) callers_->handle_timeout(now);
  take_callers(now);
  for (auto& [server, channel] : channels_) {
    if (!channel.association) continue;
    const auto due = channel.association->deadline();
    if (!due || due->at > now) continue;
    channel.association->handle_timeout(now);
    drain(now, server, channel);
  }
}

void Channels::send(Instant now, const Transmit& message) {
  for (auto& [server, channel] : channels_) {
    if (name(server) != message.to) continue;
    if (!channel.up) return;
    // An error has closed it, or the message is longer than a record: CoAP's blocks are far below that.
    (void)channel.association->send(now, message.bytes);
    drain(now, server, channel);
    return;
  }
}

std::optional<Transmit> Channels::poll_transmit() {
  return take_front(transmits_);
}

std::optional<Transmit> Channels::poll_message() {
  return take_front(messages_);
}

std::optional<ChannelEvent> Channels::poll_event() {
  return take_front(events_);
}

std::optional<Deadline> Channels::deadline() const {
  std::optional<Deadline> next = callers_ ? callers_->deadline() : std::nullopt;
  for (const auto& [server, channel] : channels_) {
    if (!channel.association) continue;
    const auto due = channel.association->deadline();
    if (due && (!next || due->at < next->at)) next = due;
  }
  return next;
}

// ---- over restarts --------------------------------------------------------------------------------------------------

void Channels::release(Instant now) {
  for (auto& [server, channel] : channels_) {
    if (!channel.association) continue;
    if (channel.up && !channel.role && channel.association->is_releasable()) {
      if (auto released = channel.association->release()) channel.released = std::move(*released);
    }
    say_goodbye(now, channel);
    ++revision_;
  }
}

std::vector<SavedChannel> Channels::save() const {
  std::vector<SavedChannel> saved;
  for (const auto& [server, channel] : channels_) {
    if (channel.session.empty() && channel.released.empty()) continue;
    saved.push_back({server, channel.fingerprint, channel.address, channel.released, channel.session,
                     path_ == security::Path::Sms});
  }
  return saved;
}

void Channels::restore(Instant now, const SavedChannel& saved) {
  const auto found = channels_.find(saved.server);
  if (found == channels_.end() || found->second.fingerprint != saved.fingerprint) return;
  Channel& channel = found->second;
  channel.session = saved.session;
  ++revision_;
  if (saved.released.empty()) return;
  auto connector = provider_->connector(*to_credential(channel.values), channel.host, path_);
  if (!connector) return;
  auto association = (*connector)->restore(now, saved.released);
  if (!association) return;
  channel.connector = std::move(*connector);
  channel.association = std::move(*association);
  // A storage may have kept the number alone.
  channel.address = saved.sms ? saved.address.as(transport::Kind::SmsDtls) : saved.address;
  channel.up = true;
}

}  // namespace drover::client
