// SPDX-License-Identifier: Apache-2.0
#include "client/callers.hpp"

#include <algorithm>
#include <utility>

#include "base/take_front.hpp"
#include "client/uri.hpp"

namespace drover::client {

namespace security = drover::security;
using security::AssociationState;
using security::CredentialId;
using transport::Datagram;
using transport::Transmit;

/// The accounts' keys as a DTLS server looks for them.
class CallerRole final : public security::CredentialSource {
 public:
  explicit CallerRole(std::vector<ExpectedServer> servers) : servers_(std::move(servers)) {}

  /// False when nobody can be accepted.
  bool prepare(security::Provider& provider) {
    security::ServerCredentials own;
    for (const ExpectedServer& server : servers_) {
      const auto credential = to_credential(server.values);
      if (!credential) continue;
      if (const auto* raw = std::get_if<security::RawKeyCredential>(&credential->own); raw != nullptr && !own.raw_key) {
        own.raw_key = *raw;
      }
      if (const auto* chain = std::get_if<security::CertificateCredential>(&credential->own)) {
        if (!own.certificate) own.certificate = *chain;
        own.trust_anchors.push_back(credential->server_public_key);
      }
    }
    auto made = provider.acceptor(own, *this);
    if (made) acceptor_ = std::move(*made);
    return acceptor_ != nullptr;
  }
  [[nodiscard]] security::Acceptor& acceptor() { return *acceptor_; }
  /// The account that an entry stands for.
  static ServerId server_of(CredentialId credential) { return static_cast<ServerId>(credential.value - 1); }

  [[nodiscard]] std::optional<security::KnownPsk> find_psk(std::string_view identity) const override {
    const auto* found = find(SecurityObject::kPreSharedKey, [&](const ExpectedServer& server) {
      return as_text(server.values.identity) == identity;
    });
    if (found == nullptr) return std::nullopt;
    return security::KnownPsk{id_of(*found), found->values.key};
  }
  [[nodiscard]] std::optional<CredentialId> find_public_key(ByteView key) const override {
    return id_of(find(SecurityObject::kRawPublicKey, [&](const ExpectedServer& server) {
      return std::equal(key.begin(), key.end(), server.values.server_key.begin(), server.values.server_key.end());
    }));
  }
  [[nodiscard]] std::optional<CredentialId> find_certificate(const security::Identity& certificate) const override {
    return id_of(find(SecurityObject::kCertificate, [&](const ExpectedServer& server) {
      return std::any_of(certificate.names.begin(), certificate.names.end(),
                         [&](const std::string& name) { return same_host(name, server.host); });
    }));
  }
  [[nodiscard]] bool holds(CredentialId, const security::Identity&) const override { return true; }
  [[nodiscard]] bool may_be(CredentialId, const security::Identity&, std::string_view) const override { return false; }
  [[nodiscard]] bool is_protected(std::string_view) const override { return false; }
  [[nodiscard]] std::uint64_t revision() const override { return 0; }

 private:
  template <class Matches>
  const ExpectedServer* find(std::int64_t mode, Matches matches) const {
    const auto found = std::find_if(servers_.begin(), servers_.end(), [&](const ExpectedServer& server) {
      return server.values.mode == mode && matches(server);
    });
    return found == servers_.end() ? nullptr : &*found;
  }
  /// 0 would be no entry.
  static CredentialId id_of(const ExpectedServer& server) { return CredentialId{std::uint64_t{server.server} + 1}; }
  static std::optional<CredentialId> id_of(const ExpectedServer* server) {
    return server == nullptr ? std::nullopt : std::optional(id_of(*server));
  }

  std::vector<ExpectedServer> servers_;
  std::unique_ptr<security::Acceptor> acceptor_;
};

void Callers::expect(std::vector<ExpectedServer> servers) {
  role_.reset();
  if (servers.empty()) return;
  auto role = std::make_shared<CallerRole>(std::move(servers));
  if (role->prepare(provider_)) role_ = std::move(role);
}

bool Callers::handle_datagram(Instant now, const Datagram& datagram) {
  const auto hello = security::parse_client_hello(datagram.bytes);
  const auto found = handshakes_.find(datagram.from);
  if (found != handshakes_.end()) {
    found->second.association->handle_datagram(now, datagram.bytes);
    drain(found);
    return true;
  }
  if (hello) greet(now, datagram, *hello);
  return hello.has_value();
}

void Callers::greet(Instant now, const Datagram& datagram, const security::ClientHello& hello) {
  if (!role_) return;
  if (!cookies_.is_good(now, datagram.from, hello)) {
    transmits_.push_back(
        {datagram.from, security::hello_verify_request(hello, cookies_.make(now, datagram.from, hello))});
    return;
  }
  if (handshakes_.size() >= kHandshakesMax) return;
  const auto path = datagram.from.is_sms() ? security::Path::Sms : security::Path::Network;
  const auto [handshake, fresh] =
      handshakes_.try_emplace(datagram.from, Handshake{role_, role_->acceptor().accept(now, hello, {}, path)});
  handshake->second.association->handle_datagram(now, datagram.bytes);
  drain(handshake);
}

Callers::Handshakes::iterator Callers::drain(Handshakes::iterator handshake) {
  auto& [address, under_way] = *handshake;
  while (auto datagram = under_way.association->poll_datagram()) transmits_.push_back({address, std::move(*datagram)});
  const AssociationState state = under_way.association->state();
  if (state == AssociationState::Handshaking) return std::next(handshake);
  if (state == AssociationState::Established) {
    const ServerId server = CallerRole::server_of(under_way.association->credential());
    callers_.push_back({server, address, std::move(under_way.role), std::move(under_way.association)});
  }
  return handshakes_.erase(handshake);
}

void Callers::handle_timeout(Instant now) {
  for (auto handshake = handshakes_.begin(); handshake != handshakes_.end();) {
    handshake->second.association->handle_timeout(now);
    handshake = drain(handshake);
  }
}

std::optional<Transmit> Callers::poll_transmit() {
  return take_front(transmits_);
}

std::optional<Caller> Callers::poll_caller() {
  return take_front(callers_);
}

std::optional<Deadline> Callers::deadline() const {
  std::optional<Deadline> next;
  for (const auto& [address, handshake] : handshakes_) {
    const auto due = handshake.association->deadline();
    if (due && (!next || due->at < next->at)) next = due;
  }
  return next;
}

}  // namespace drover::client
