// SPDX-License-Identifier: Apache-2.0
// DTLS under the shard: who its peers proved to be, and what follows from that (Transport "DTLS-based Security").
#include <utility>

#include "coap/message/code.hpp"
#include "server/shard.hpp"

namespace drover::server {

using transport::Kind;
using transport::PeerAddress;

void Shard::drain_listener(Instant now) {
  if (!listener_) return;
  // When an association ends, its registration stays: the device comes back with another one (rebind()), and what it
  // was asked and hasn't answered times out.
  while (const auto event = listener_->poll_event()) {
    if (const auto* refused = std::get_if<security::HandshakeRefused>(&*event)) {
      emit_refused(now, "", refused->address, refused->reason);
    }
  }
  while (const auto plaintext = listener_->poll_plaintext()) {
    heard_from(now, plaintext->from);
    if (traces_.any()) note_traced(now, true, plaintext->from, plaintext->bytes);
    endpoint_.handle_datagram(now, {plaintext->from, plaintext->bytes});
  }
  while (auto misdirected = listener_->poll_misdirected()) {
    mails_.push_back({misdirected->shard, DatagramForwarded{misdirected->from, std::move(misdirected->bytes)}});
  }
}

std::optional<transport::Transmit> Shard::poll_transmit() {
  while (auto transmit = endpoint_.poll_transmit()) {
    if (traces_.any()) note_traced(now_, false, transmit->to, transmit->bytes);
    if (transmit->to.kind != Kind::Association) return transmit;
    if (listener_) listener_->send(now_, transmit->to, transmit->bytes);
  }
  return listener_ ? listener_->poll_transmit() : std::nullopt;
}

void Shard::emit_refused(Instant now, std::string_view endpoint, const PeerAddress& address, std::string reason) {
  ++counters_.refused;
  emit(now, EventKind::Refused, endpoint);
  if (!config_.events) return;
  events_.back().address = address;
  events_.back().reason = std::move(reason);
}

bool Shard::may_be(const PeerAddress& peer, std::string_view endpoint) const {
  const auto known = listener_ ? listener_->peer(peer) : std::nullopt;
  return known && config_.credentials->may_be(known->credential, known->identity, endpoint);
}

Result<void> Shard::check_identity(Instant now, const PeerAddress& peer, std::string_view endpoint) {
  if (peer.kind == Kind::Association) {
    const auto known = listener_ ? listener_->peer(peer) : std::nullopt;
    if (known && config_.credentials->may_be(known->credential, known->identity, endpoint)) return {};
    emit_refused(now, endpoint, known ? known->address : peer,
                 "the endpoint name isn't that of " + (known ? known->identity : security::Identity{}).to_string());
    return peer_error(coap::code::kBadRequest.value, "the endpoint name isn't the one that was proved");
  }
  if (peer.kind == Kind::SmsPacket) {
    if (config_.sms != nullptr && config_.sms->may_be(peer.msisdn(), endpoint)) return {};
    emit_refused(now, endpoint, peer, "the endpoint name isn't that of the keys of " + peer.to_string());
    return peer_error(coap::code::kBadRequest.value, "the endpoint name isn't the one that was proved");
  }
  if (config_.credentials == nullptr || !config_.credentials->is_protected(endpoint)) return {};
  emit_refused(now, endpoint, peer, "the endpoint has credentials and came without");
  return peer_error(coap::code::kForbidden.value, "this endpoint needs security");
}

void Shard::rebind(Instant now, Slot slot, const PeerAddress& peer) {
  const PeerAddress before = registry_[slot].address();
  std::vector<ObservedPath> observed;
  for (const Observation& observation : downlinks_.observations(slot)) {
    if (observation.cancelling) continue;
    observed.push_back(observation.what);
    endpoint_.forget(observation.exchange);
    end_observing(slot, observation.what.path);
  }
  take_back_under_way(slot);
  registry_.move(slot, peer);
  listener_->hold(now, peer, true);
  listener_->close(now, before, "the device made a new association");
  // Asked for again behind the answer, as after a Register: the client may have lost them with its association.
  if (!observed.empty()) restoration_ = Restoration{slot, std::move(observed), {}};
}

}  // namespace drover::server
