// SPDX-License-Identifier: Apache-2.0
#include "server/handover.hpp"

#include <gtest/gtest.h>

namespace drover::server {
namespace {

Handover handover() {
  HandedRegistration one;
  one.slot = 7;
  one.nonce = 8;
  one.endpoint = "node1";
  one.version = "1.0";
  one.binding = "UQ";
  one.lifetime = 300;
  one.announcement.root = "/lwm2m";
  one.announcement.formats = {11542};
  one.announcement.objects = {{1, std::nullopt, {0}}, {3303, lwm2m::Version{1, 1}, {0, 300}}};
  one.observations.push_back({{lwm2m::Path(3, 0, 9), 11542}, coap::Token::of(std::uint64_t{7}), 5});
  Handover all;
  all.handed_at = 9;
  all.registrations = {one};
  all.associations.push_back({1, transport::PeerAddress::v4(1, 2), true, Secret<Bytes>(Bytes(40, 5))});
  all.wishes.push_back({"node2", 7, {{lwm2m::Path(3), std::nullopt}}});
  return all;
}

TEST(Handover, ComesBackAsItWas) {
  const Bytes packed = pack(handover()).reveal();
  const auto unpacked = unpack_handover(packed);
  ASSERT_TRUE(unpacked) << unpacked.error().reason;
  EXPECT_EQ(unpacked->registrations[0].announcement, handover().registrations[0].announcement);
  EXPECT_EQ(pack(*unpacked).reveal(), packed);
}

TEST(Handover, DamagedBytesAreRefusedOrAnotherHandover) {
  const Bytes packed = pack(handover()).reveal();
  for (std::size_t at = 0; at < packed.size(); ++at) {
    for (const int change : {0x01, 0x80, 0xFF}) {
      Bytes damaged = packed;
      damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ change);
      if (const auto unpacked = unpack_handover(damaged)) {
        EXPECT_TRUE(unpack_handover(pack(*unpacked).reveal())) << at;
      }
    }
    EXPECT_FALSE(unpack_handover(ByteView(packed).first(at))) << at;
  }
}

}  // namespace
}  // namespace drover::server
