// SPDX-License-Identifier: Apache-2.0
#include "server/record.hpp"

#include <gtest/gtest.h>

#include "server/event_bytes.hpp"

namespace drover::server {
namespace {

KeptRegistration registration(const std::string& endpoint, std::uint32_t slot) {
  KeptRegistration one;
  one.slot = slot;
  one.nonce = 8;
  one.endpoint = endpoint;
  one.version = "1.0";
  one.binding = "UQ";
  one.lifetime = 300;
  one.registered_at = one.updated_at = 1000;
  one.announcement.root = "/lwm2m";
  one.announcement.formats = {11542};
  one.announcement.objects = {{1, std::nullopt, {0}}, {3303, lwm2m::Version{1, 1}, {0, 300}}};
  one.observations.push_back({{lwm2m::Path(3, 0, 9), 11542}, coap::Token::of(std::uint64_t{7}), 5});
  one.restored.push_back({lwm2m::Path(4, 0), std::nullopt});
  return one;
}

QueuedOperation write() {
  QueuedOperation operation;
  operation.ticket = Ticket{(std::uint64_t{1'700'000'000} << 20) + 3};
  operation.operation = lwm2m::Write{lwm2m::Path(3, 0, 14), lwm2m::Write::Mode::Update, lwm2m::format::kText,
                                     Bytes(300, 'x')};
  operation.priority = Priority::High;
  operation.asked_by = "token 3 (anna)";
  operation.attempts = 2;
  return operation;
}

Event notification() {
  Event event;
  event.kind = EventKind::Notification;
  event.at = 1'700'000'000;
  event.endpoint = "node1";
  event.path = lwm2m::Path(3303, 0, 5700);
  event.outcome = lwm2m::Outcome{};
  event.outcome->status = lwm2m::Status::Content;
  event.outcome->format = lwm2m::format::kTlv;
  event.outcome->payload = {1, 2, 3};
  event.object_version = lwm2m::Version{1, 1};
  return event;
}

/// Every truncated prefix is nothing, and every changed byte nothing or something that can be written again.
template <class Unpack, class Pack>
void damage(const Bytes& packed, Unpack unpack, Pack pack) {
  ASSERT_TRUE(unpack(packed));
  EXPECT_EQ(pack(*unpack(packed)), packed);
  for (std::size_t at = 0; at < packed.size(); ++at) {
    EXPECT_FALSE(unpack(ByteView(packed).first(at))) << at;
    for (const int change : {0x01, 0x80, 0xFF}) {
      Bytes damaged = packed;
      damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ change);
      const auto read = unpack(damaged);
      if (read) {
        EXPECT_TRUE(unpack(pack(*read))) << at;
      }
    }
  }
}

TEST(Record, ComesBackAsItWasAndDamageIsSeen) {
  damage(pack(registration("node1", 7)), unpack_registration, [](const auto& one) { return pack(one); });
  damage(pack(KeptWish{4, "node2", 7, {{lwm2m::Path(3), std::nullopt}}}), unpack_wish,
         [](const auto& one) { return pack(one); });
  damage(pack_update(5, 6), unpack_update, [](const auto& one) { return pack_update(one.first, one.second); });
  const security::AssociationKept kept{1, transport::PeerAddress::v4(1, 2), {3, 4}, Secret<Bytes>(Bytes(270, 5))};
  damage(pack(kept).reveal(), unpack_association, [](const auto& one) { return pack(one).reveal(); });
  damage(pack(security::AssociationCounted{1, transport::PeerAddress::v4(1, 2), {3, 4}}), unpack_counted,
         [](const auto& one) { return pack(one); });
  damage(pack_operation("node1", write(), true, 1, 2, 3), unpack_operation, [](const auto& one) {
    return pack_operation(one.endpoint, one.operation, one.sent, one.created, one.expires, one.last_sent);
  });
  OperationStatus status;
  status.endpoint = "node1";
  status.operation = "Read";
  status.result = NoAnswer::Timeout;
  damage(pack_finished(status), unpack_finished, [](const auto& one) { return pack_finished(one); });
  damage(pack(notification()), unpack_event, [](const auto& one) { return pack(one); });
}

TEST(Record, AnEventOfARegistrationIsSmall) {
  Event event;
  event.kind = EventKind::Registered;
  event.endpoint = "urn:dev:os:node-000001";
  event.device = DeviceView{};
  event.device->endpoint = event.endpoint;
  event.device->registration = "rd/AAAAAAAAAAA";
  event.device->identity = "psk \"node-000001\"";
  event.device->announcement.objects = registration("", 0).announcement.objects;
  EXPECT_LE(pack(event).size(), 220U);
}

// ---- a process goes on with another's records

RecordKey at(RecordKind kind, std::size_t shard, std::uint64_t place) {
  return RecordKey::of_place(kind, shard, place);
}

TEST(Recovery, AnUpdateCountsForItsOwnRegistrationAlone) {
  Recovery recovery;
  ASSERT_TRUE(recovery.take(at(RecordKind::Update, 0, 7), pack_update(8, 5000)));
  ASSERT_TRUE(recovery.take(at(RecordKind::Registration, 0, 7), pack(registration("node1", 7))));
  ASSERT_TRUE(recovery.take(at(RecordKind::Update, 0, 9), pack_update(99, 9000)));
  ASSERT_TRUE(recovery.take(at(RecordKind::Registration, 0, 9), pack(registration("node2", 9))));
  const auto shards = recovery.finish(1);
  ASSERT_EQ(shards[0].registrations.size(), 2U);
  EXPECT_EQ(shards[0].registrations[0].updated_at, 5000);
  EXPECT_EQ(shards[0].registrations[1].updated_at, 1000) << "of who had the slot before";
  EXPECT_EQ(shards[0].newest, 9000);
}

TEST(Recovery, TheNewerOfTwoRegistrationsOfAnEndpointStands) {
  KeptRegistration newer = registration("node1", 3);
  newer.registered_at = 2000;
  for (const bool newer_first : {false, true}) {
    Recovery recovery;
    const auto take_older = [&] { recovery.take(at(RecordKind::Registration, 0, 7), pack(registration("node1", 7))); };
    if (!newer_first) take_older();
    recovery.take(at(RecordKind::Registration, 1, 3), pack(newer));
    if (newer_first) take_older();
    const auto shards = recovery.finish(2);
    EXPECT_TRUE(shards[0].registrations.empty());
    ASSERT_EQ(shards[1].registrations.size(), 1U);
    EXPECT_EQ(recovery.obsolete(), std::vector<RecordKey>{at(RecordKind::Registration, 0, 7)});
  }
}

TEST(Recovery, WhatAShardLeavesThatIsntThereAnyMoreIsKeptForItsDevices) {
  Recovery recovery;
  recovery.take(at(RecordKind::Registration, 3, 7), pack(registration("node1", 7)));
  recovery.take(RecordKey::of_operation(RecordKind::Operation, write().ticket),
                pack_operation("node1", write(), false, 1, 2, 3));
  const auto shards = recovery.finish(2);
  EXPECT_EQ(recovery.registrations(), 0U);
  ASSERT_EQ(shards[0].wishes.size(), 1U);
  EXPECT_EQ(shards[0].wishes[0].endpoint, "node1");
  EXPECT_EQ(shards[0].wishes[0].paths.size(), 2U);
  ASSERT_EQ(shards[0].operations.size(), 1U);
  EXPECT_EQ(shards[0].operations[0].operation.asked_by, "token 3 (anna)");
}

TEST(Recovery, OperationsGoWhereTheirDeviceIsInTheOrderOfAsking) {
  Recovery recovery;
  recovery.take(at(RecordKind::Registration, 1, 7), pack(registration("node1", 7)));
  for (const std::uint64_t id : {9U, 4U}) {
    QueuedOperation operation = write();
    operation.ticket = Ticket{id};
    recovery.take(RecordKey::of_operation(RecordKind::Operation, operation.ticket),
                  pack_operation("node1", operation, false, 1, 2, 3));
  }
  const auto shards = recovery.finish(2);
  ASSERT_EQ(shards[1].operations.size(), 2U);
  EXPECT_EQ(shards[1].operations[0].operation.ticket, Ticket{4});
}

}  // namespace
}  // namespace drover::server
