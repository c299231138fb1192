// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/callouts.hpp"

#include <utility>
#include <vector>

#include "base/take_front.hpp"
#include "security/client_hello.hpp"

namespace drover::bootstrap {

using security::AssociationState;
using transport::PeerAddress;
using transport::Transmit;

Result<PeerAddress> Callouts::open(Instant now, const PeerAddress& address, const security::ClientCredential& credential,
                                   const std::string& endpoint) {
  // Only a certificate names the device. Otherwise no name goes out in the clear: an address isn't sent as SNI.
  const bool named = std::holds_alternative<security::CertificateCredential>(credential.own);
  if (provider_ == nullptr) return peer_error(0, "this server has no DTLS");
  if (by_address_.contains(address)) return peer_error(0, "an association with " + address.to_string() + " is under way");
  auto connector = provider_->connector(credential, named ? endpoint : "0.0.0.0");
  if (!connector) return tl::unexpected(connector.error());
  // Small numbers: those of a listener have its version in their first byte.
  const std::uint64_t handle = ++last_;
  Callout& callout = callouts_[handle];
  callout.address = address;
  callout.connector = std::move(*connector);
  callout.association = callout.connector->connect(now, {});
  by_address_[address] = handle;
  drain(handle);
  return PeerAddress::association(handle);
}

void Callouts::forget(std::uint64_t handle) {
  const auto found = callouts_.find(handle);
  by_address_.erase(found->second.address);
  callouts_.erase(found);
}

void Callouts::close(Instant now, const PeerAddress& name) {
  const auto found = callouts_.find(name.handle());
  if (found == callouts_.end()) return;
  found->second.association->close(now);
  while (auto datagram = found->second.association->poll_datagram()) {
    transmits_.push_back({found->second.address, std::move(*datagram)});
  }
  forget(name.handle());
}

void Callouts::drain(std::uint64_t handle) {
  Callout& callout = callouts_.at(handle);
  while (auto datagram = callout.association->poll_datagram()) transmits_.push_back({callout.address, std::move(*datagram)});
  while (auto plaintext = callout.association->poll_plaintext()) {
    messages_.push_back({PeerAddress::association(handle), std::move(*plaintext)});
  }
  const AssociationState state = callout.association->state();
  if (state == AssociationState::Established && !callout.up) {
    callout.up = true;
    up_.push_back({PeerAddress::association(handle)});
  }
  if (state != AssociationState::Closed) return;
  down_.push_back({PeerAddress::association(handle), (callout.up ? "" : "handshake: ") + callout.association->reason()});
  forget(handle);
}

bool Callouts::handle_datagram(Instant now, const transport::Datagram& datagram) {
  const auto found = by_address_.find(datagram.from);
  // The device may begin a handshake of its own meanwhile.
  if (found == by_address_.end() || security::parse_client_hello(datagram.bytes)) return false;
  const std::uint64_t handle = found->second;
  const bool authentic = callouts_.at(handle).association->handle_datagram(now, datagram.bytes) != security::Arrival::Ignored;
  drain(handle);
  return authentic;
}

void Callouts::handle_timeout(Instant now) {
  std::vector<std::uint64_t> due;
  for (const auto& [handle, callout] : callouts_) {
    const auto deadline = callout.association->deadline();
    if (deadline && deadline->at <= now) due.push_back(handle);
  }
  for (const std::uint64_t handle : due) {
    callouts_.at(handle).association->handle_timeout(now);
    drain(handle);
  }
}

void Callouts::send(Instant now, const PeerAddress& name, ByteView message) {
  const auto found = callouts_.find(name.handle());
  if (found == callouts_.end() || !found->second.up) return;
  // An error has closed it; CoAP's blocks are far below what a record holds.
  static_cast<void>(found->second.association->send(now, message));
  drain(name.handle());
}

std::optional<Transmit> Callouts::poll_transmit() {
  return take_front(transmits_);
}
std::optional<Transmit> Callouts::poll_message() {
  return take_front(messages_);
}
std::optional<CalloutUp> Callouts::poll_up() {
  return take_front(up_);
}
std::optional<CalloutDown> Callouts::poll_down() {
  return take_front(down_);
}

std::optional<Deadline> Callouts::deadline() const {
  std::optional<Deadline> next;
  for (const auto& [handle, callout] : callouts_) {
    const auto due = callout.association->deadline();
    if (due && (!next || due->at < next->at)) next = due;
  }
  return next;
}

}  // namespace drover::bootstrap
