// SPDX-License-Identifier: Apache-2.0
// The runtime without its socket: what the client wants sent stays there to be looked at.
#include "sdk/runtime.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "lwm2m/model/registry.hpp"
#include "sdk/definitions.hpp"

namespace drover::sdk {
namespace {

struct TwoNetworks {
  lwm2m::model::Registry registry;
  std::map<std::string, std::optional<transport::PeerAddress>> own;  ///< by the peer's text
  Runtime runtime{settings(), [this](const transport::PeerAddress& peer) { return own[peer.to_string()]; }};
  Instant now = io::now();

  static client::ClientSettings settings() {
    client::ClientSettings result;
    result.endpoint = "x";
    return result;
  }
  TwoNetworks() {
    populate();
    own["192.0.2.1:5683"] = transport::PeerAddress::v4(0x0A000001, 0);
    own["198.51.100.1:5683"] = transport::PeerAddress::v4(0xC0A80001, 0);
  }
  void populate() {
    add_built_in_definitions(registry);
    for (const auto object : {lwm2m::ObjectId{0}, lwm2m::ObjectId{1}, lwm2m::ObjectId{3}})
      runtime.client().define(*registry.find(object));
    EXPECT_TRUE(runtime.client().add_account(now, 1, "coap://192.0.2.1", 300));
    EXPECT_TRUE(runtime.client().add_account(now, 2, "coap://198.51.100.1", 300));
    runtime.client().start(now);
  }
  /// Who has been sent to since the last look.
  std::string sent() {
    std::string peers;
    while (const auto transmit = runtime.client().poll_transmit()) {
      peers += (peers.empty() ? "" : " ") + transmit->to.to_string();
    }
    return peers;
  }
  std::string check() {
    now += Runtime::kAddressCheck;
    runtime.check_addresses(now);
    return sent();
  }
};

TEST(TransportRegistrationInterface, ServersOnDifferentNetworksAreNoChangeOfAddress) {
  TwoNetworks device;
  EXPECT_EQ(device.sent(), "192.0.2.1:5683 198.51.100.1:5683");
  for (int round = 0; round < 3; ++round) EXPECT_EQ(device.check(), "");
}

TEST(TransportRegistrationInterface, AChangedAddressRegistersWithTheServersBehindItOnly) {
  TwoNetworks device;
  (void)device.sent();
  EXPECT_EQ(device.check(), "");
  device.own["198.51.100.1:5683"] = transport::PeerAddress::v4(0xC0A80002, 0);
  EXPECT_EQ(device.check(), "198.51.100.1:5683");
  EXPECT_EQ(device.check(), "");
  // Off line, then back with another address.
  device.own["192.0.2.1:5683"].reset();
  EXPECT_EQ(device.check(), "");
  device.own["192.0.2.1:5683"] = transport::PeerAddress::v4(0x0A000009, 0);
  EXPECT_EQ(device.check(), "192.0.2.1:5683");
}

TEST(Runtime, ARestartedClientKnowsNothingAndTellsNobody) {
  TwoNetworks device;
  (void)device.sent();
  device.runtime.restart(TwoNetworks::settings());
  EXPECT_EQ(device.sent(), "");
  EXPECT_TRUE(device.runtime.client().tree().objects().empty());
  device.populate();
  EXPECT_EQ(device.sent(), "192.0.2.1:5683 198.51.100.1:5683");
}

}  // namespace
}  // namespace drover::sdk
