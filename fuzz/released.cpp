// SPDX-License-Identifier: Apache-2.0
// Saved bytes that come back changed: released associations, proved sessions, identities, and the records of a fleet.
//
// The first byte says what. Bits 0 and 1: 0 an association, 1 a session of a client, 2 an identity, 3 a record (bits 3 to 5: which). With bit 2 the input changes real bytes (each
// change: place (2), xor (1)), without it the input is the bytes. Bits 3 and 4 choose the credential.
#include <algorithm>
#include <vector>

#include "base/reader.hpp"
#include "fuzz/dtls_peers.hpp"
#include "security/client_hello.hpp"
#include "server/event_bytes.hpp"
#include "server/record.hpp"

namespace {

using namespace drover;
using fuzz::check;
using security::Association;
using security::AssociationState;

const Instant kNow{std::chrono::seconds(1000)};

struct Saved {
  Bytes server, client, session;
};

void exchange(Association& client, Association& server) {
  security::testing::exchange(kNow, client, server);
}

std::pair<std::unique_ptr<Association>, std::unique_ptr<Association>> pair_of(fuzz::Credential credential, const Bytes& session) {
  auto& peers = fuzz::peers();
  auto client = peers.connector(credential).connect(kNow, Secret<Bytes>(session));
  const auto first = client->poll_datagram();
  if (!first) return {std::move(client), nullptr};
  const auto hello = security::parse_client_hello(*first);
  if (!hello) return {std::move(client), nullptr};
  auto server = peers.acceptor->accept(kNow, *hello, as_bytes("12345678"));
  server->handle_datagram(kNow, *first);
  exchange(*client, *server);
  return {std::move(client), std::move(server)};
}

const Saved& saved(fuzz::Credential credential) {
  static const auto make = [](fuzz::Credential kind) {
    auto [client, server] = pair_of(kind, {});
    check(server && server->state() == AssociationState::Established);
    static_cast<void>(client->send(kNow, as_bytes("ping")));
    exchange(*client, *server);
    while (server->poll_plaintext()) {
    }
    Saved all;
    all.session = client->session().reveal();
    all.server = server->release()->reveal();
    all.client = client->release()->reveal();
    return all;
  };
  static const Saved kAll[] = {make(fuzz::Credential::Psk), make(fuzz::Credential::RawKey), make(fuzz::Credential::Certificate)};
  return kAll[static_cast<std::size_t>(credential)];
}

/// A record of each kind, and an event.
const std::vector<Bytes>& saved_records() {
  static const std::vector<Bytes> kAll = [] {
    server::KeptRegistration one;
    one.endpoint = "a";
    one.version = "1.0";
    one.binding = "UQ";
    one.lifetime = 300;
    one.announcement.objects = {{1, std::nullopt, {0}}, {3303, std::nullopt, {0, 1}}};
    one.observations.push_back({{lwm2m::Path(3, 0, 9), 11542}, coap::Token::of(std::uint64_t{7}), 5});
    one.restored = {{lwm2m::Path(4), std::nullopt}};
    server::QueuedOperation operation;
    operation.ticket = server::Ticket{7};
    operation.operation = lwm2m::Write{lwm2m::Path(3, 0, 14), lwm2m::Write::Mode::Update, 0, to_bytes("+01:00")};
    server::OperationStatus status;
    status.endpoint = "a";
    status.result = lwm2m::Outcome{};
    server::Event event;
    event.kind = server::EventKind::Operation;
    event.operation = status;
    event.device = server::DeviceView{};
    event.outcome = lwm2m::Outcome{};
    event.address = transport::PeerAddress::v4(1, 2);
    event.object_version = lwm2m::Version{1, 1};
    const Secret<Bytes> released{Bytes(saved(fuzz::Credential::Psk).server)};
    return std::vector<Bytes>{server::pack(one),
                              server::pack(server::KeptWish{1, "b", 7, {{lwm2m::Path(3), std::nullopt}}}),
                              server::pack_update(5, 6),
                              server::pack(security::AssociationKept{1, transport::PeerAddress::v4(1, 2), {3, 4}, released}).reveal(),
                              server::pack(security::AssociationCounted{1, transport::PeerAddress::v4(1, 2), {3, 4}}),
                              server::pack_operation("a", operation, true, 1, 2, 3),
                              server::pack_finished(status),
                              server::pack(event)};
  }();
  return kAll;
}

/// Whatever is read can be written and read again.
void try_record(std::size_t which, const Bytes& bytes) {
  switch (which) {
    case 0: if (const auto one = server::unpack_registration(bytes)) check(server::unpack_registration(server::pack(*one)).has_value()); break;
    case 1: if (const auto one = server::unpack_wish(bytes)) check(server::unpack_wish(server::pack(*one)).has_value()); break;
    case 2: if (const auto one = server::unpack_update(bytes)) check(server::pack_update(one->first, one->second) == bytes); break;
    case 3: if (const auto one = server::unpack_association(bytes)) check(server::unpack_association(server::pack(*one).reveal()).has_value()); break;
    case 4: if (const auto one = server::unpack_counted(bytes)) check(server::unpack_counted(server::pack(*one)).has_value()); break;
    case 5: if (const auto one = server::unpack_operation(bytes)) check(server::unpack_operation(server::pack_operation(one->endpoint, one->operation, one->sent, one->created, one->expires, one->last_sent)).has_value()); break;
    case 6: if (const auto one = server::unpack_finished(bytes)) check(server::unpack_finished(server::pack_finished(*one)).has_value()); break;
    default: if (const auto one = server::unpack_event(bytes)) check(server::unpack_event(server::pack(*one)).has_value()); break;
  }
}

Bytes changed(const Bytes& real, ByteReader reader) {
  Bytes bytes = real;
  while (reader.remaining() >= 3) {
    const std::size_t at = *reader.u16();
    const std::uint8_t change = *reader.u8();
    // The last one may cut instead.
    if (reader.remaining() < 3 && change == 0) {
      bytes.resize(at % (bytes.size() + 1));
      break;
    }
    if (!bytes.empty()) bytes[at % bytes.size()] ^= change;
  }
  return bytes;
}

/// Whatever stands again works as far as it goes, and nothing of a stranger gets through.
void drive(Association& association) {
  static_cast<void>(association.suite());
  static_cast<void>(association.peer().to_string());
  static_cast<void>(association.has_connection_id());
  static_cast<void>(association.send(kNow, as_bytes("pong")));
  while (association.poll_datagram()) {
  }
  const std::uint8_t record[] = {23, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 9, 0, 24, 0, 0, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  association.handle_datagram(kNow, record);
  while (association.poll_datagram()) {
  }
  while (association.poll_plaintext()) {
  }
  if (const auto deadline = association.deadline()) association.handle_timeout(deadline->at);
  if (association.is_releasable()) static_cast<void>(association.release());
  association.close(kNow);
}

void try_association(const Bytes& bytes, fuzz::Credential credential) {
  auto& peers = fuzz::peers();
  const auto who = peers.acceptor->inspect(bytes);
  auto restored = peers.acceptor->restore(kNow, bytes);
  check(!restored || who.has_value());
  if (restored) {
    check((*restored)->peer() == who->identity && (*restored)->credential() == who->credential);
    drive(**restored);
  }
  auto client = peers.connector(credential).restore(kNow, Secret<Bytes>(bytes));
  if (client) drive(**client);
}

void try_session(const Bytes& bytes, fuzz::Credential credential) {
  auto [client, server] = pair_of(credential, bytes);
  if (server && server->state() == AssociationState::Established && client->state() == AssociationState::Established) {
    check(server->peer().kind != security::IdentityKind::None);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader(ByteView(data, size));
  const auto what = reader.u8();
  if (!what) return 0;
  const auto credential = static_cast<fuzz::Credential>((*what >> 3 & 3) % 3);
  const bool mutate = (*what & 4) != 0;
  const auto given = [&](const Bytes& real) { return mutate ? changed(real, reader) : Bytes(reader.rest().begin(), reader.rest().end()); };
  switch (*what & 3) {
    case 0: try_association(given((*what & 32) != 0 ? saved(credential).client : saved(credential).server), credential); break;
    case 1: try_session(given(saved(credential).session), credential); break;
    case 2: {
      const security::Identity real{security::IdentityKind::Certificate, "00ff", {"a", "urn:b"}};
      const Bytes bytes = given(to_bytes(real.pack()));
      if (const auto identity = security::Identity::unpack(as_text(bytes))) check(identity->pack() == as_text(bytes));
      break;
    }
    default: {
      const std::size_t which = *what >> 3 & 7;
      try_record(which, given(saved_records()[which]));
      break;
    }
  }
  return 0;
}
