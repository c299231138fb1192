// SPDX-License-Identifier: Apache-2.0
// Core §7 over the wire: what a server without the right hears, and in which order things are looked at.
#include "client/access_control.hpp"
#include "tests/lockstep/client_peer.hpp"

namespace drover::testing {
namespace {

/// Registered with 192.0.2.1 (server 1) and 192.0.2.2 (server 2); object 3303 is known.
struct SharedDevice : Device {
  SharedDevice() {
    EXPECT_TRUE(client.add_account(now, 2, "coap://192.0.2.2", 86400));
    client.define(*shipped().find(2));
    client.define(*shipped().find(3303));
  }
  void register_with_both() {
    client.start(now);
    out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?", server_address(1));
    in("ACK $m 2.01 t=$t loc=rd loc=a", server_address(1));
    out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?", server_address(2));
    in("ACK $m 2.01 t=$t loc=rd loc=b", server_address(2));
    quiet();
  }
  void provision(const client::Provision& wish) {
    EXPECT_TRUE(client::provision(client.tree(), {now, std::nullopt}, wish));
    client.settle(now);
  }
};

TEST(CoreAppendixE1, ServersHear4_01OfTheSecurityObjectWhateverTheyAsk) {
  Device device;
  device.be_registered();
  int id = 0;
  const auto asks = [&](const std::string& what) {
    const std::string number = to_hex(Bytes{0x20, static_cast<std::uint8_t>(id++)});
    device.in("CON " + number + " " + what);
    device.out("ACK " + number + " 4.01 t=01 ?");
  };
  for (const char* path : {"/0", "/0/0", "/0/0/0", "/0/0/0/0", "/0/7", "/0/0/99"}) {
    SCOPED_TRACE(path);
    const std::string at(path);
    asks("GET t=01 " + at);
    asks("GET t=01 obs=0 " + at);
    asks("GET t=01 " + at + " accept=40");
    asks("GET t=01 " + at + " accept=110");
    asks("GET t=01 " + at + " ?pmin=1");
    asks("PUT t=01 " + at + " ?pmin=1");
    asks("PUT t=01 " + at + " ct=0 'x'");
    asks("PUT t=01 ifmatch=77 " + at + " ct=0 'x'");
    asks("POST t=01 " + at);
    asks("POST t=01 " + at + " ct=11542 'x'");
    asks("DELETE t=01 " + at);
    asks("FETCH t=01 " + at);
  }
  EXPECT_TRUE(device.client.tree().has(Path(0, 0)));
}

TEST(CoreSection7_1_2_4, WhatAnObjectHasNoOperationForIs4_05) {
  Device device;
  device.be_registered();
  const std::pair<const char*, const char*> rows[] = {
      {"PUT t=01 /3 ct=11542 'x'", "4.05"}, {"DELETE t=01 /3", "4.05"},        {"DELETE t=01 /3/0", "4.05"},
      {"DELETE t=01 /3/0/0", "4.05"},       {"POST t=01 /3", "4.05"},          {"POST t=01 /3 ct=11542", "4.05"},
      {"POST t=01 /3/0", "4.05"},           {"DELETE t=01 /9", "4.04"},        {"DELETE t=01 /3/1", "4.04"},
      {"PUT t=01 /9 ct=11542 'x'", "4.04"}, {"POST t=01 /9 ct=11542", "4.04"}, {"POST t=01 /3/1/4", "4.04"},
      {"POST t=01 /3/0/99", "4.04"},        {"POST t=01 /3/0/0", "4.05"},
  };
  std::uint8_t id = 0;
  for (const auto& [request, code] : rows) {
    SCOPED_TRACE(request);
    const std::string number = to_hex(Bytes{0x20, id++});
    device.in("CON " + number + " " + request);
    device.out("ACK " + number + " " + code + " t=01 ?");
  }
}

TEST(CoreSection7_1_2_1, ServersHaveWhatTheirAclSays) {
  SharedDevice device;
  device.provision({1, client::rights::kRead, true});
  device.register_with_both();
  device.in("CON 0001 PUT t=01 /3/0/15 ct=0 'UTC'", server_address(1));
  device.out("ACK 0001 2.04 t=01", server_address(1));
  device.in("CON 0001 PUT t=01 /3/0/15 ct=0 'CET'", server_address(2));
  device.out("ACK 0001 4.01 t=01 ?", server_address(2));
  device.in("CON 0002 GET t=01 /3/0/15", server_address(2));
  device.out("ACK 0002 2.05 t=01 ct=0 'UTC'", server_address(2));
  device.in("CON 0003 POST t=01 /3/0/4", server_address(2));
  device.out("ACK 0003 4.01 t=01 ?", server_address(2));
  device.in("CON 0004 GET t=01 /1/0", server_address(2));
  device.out("ACK 0004 4.01 t=01 ?", server_address(2));
  device.quiet();
}

TEST(CoreSection7_1_2_1, ABodyInBlocksIsRefusedWithItsFirst) {
  SharedDevice device;
  device.provision({1, client::rights::kRead, false});
  device.register_with_both();
  device.in("CON 0001 PUT t=01 /3/0/15 ct=0 1:0/1/16 [16@0]", server_address(2));
  device.out("ACK 0001 4.01 t=01 ?", server_address(2));
  device.in("CON 0002 POST t=01 /3303 ct=11542 1:0/1/16 [16@0]", server_address(1));
  device.out("ACK 0002 4.01 t=01 ?", server_address(1));
}

TEST(CoreSection5_4_6, TheAnswerOfACreateComesBeforeTheUpdatesThatShowItsAccessControlInstance) {
  SharedDevice device;
  device.provision({1, client::rights::kRead, true});
  const auto before = device.client.tree().instances(2);
  device.register_with_both();
  device.in("CON 0001 POST t=01 /3303 ct=11542", server_address(1));
  device.out("ACK 0001 2.01 t=01 loc=3303 loc=0", server_address(1));
  EXPECT_EQ(device.client.tree().instances(2).size(), before.size() + 1);
  device.pass(seconds(2));
  // The new instance and its Access Control instance are announced to both.
  constexpr std::string_view kLinks = "</1/0>,</1/1>,</2/0>,</2/1>,</2/2>,</2/3>,</2/4>,</3/0>,</3303/0>";
  const std::string links = " ct=40 [" + std::to_string(kLinks.size()) + "]";
  device.out("CON ? POST t=? /rd/a" + links, server_address(1));
  EXPECT_TRUE(as_text(device.last_sent).ends_with(kLinks));
  device.in("ACK $m 2.04 t=$t", server_address(1));
  device.out("CON ? POST t=? /rd/b" + links, server_address(2));
  EXPECT_TRUE(as_text(device.last_sent).ends_with(kLinks));
  device.in("ACK $m 2.04 t=$t", server_address(2));
  device.in("CON 0002 GET t=01 /3303/0", server_address(2));
  device.out("ACK 0002 4.01 t=01 ?", server_address(2));
  // Its maker opens it: entry 0 of the ACL of /2/4 gets R.
  device.in("CON 0003 POST t=01 /2/4/2 ct=11543 '{\"bn\":\"/2/4/\",\"e\":[{\"n\":\"2/0\",\"v\":1}]}'",
            server_address(1));
  device.out("ACK 0003 2.04 t=01", server_address(1));
  device.in("CON 0004 GET t=01 /3303/0/5700", server_address(2));
  device.out("ACK 0004 2.05 t=01 ct=0 '0'", server_address(2));
  device.in("CON 0005 DELETE t=01 /3303/0", server_address(1));
  device.out("ACK 0005 2.02 t=01", server_address(1));
  EXPECT_EQ(device.client.tree().instances(2), before);
}

}  // namespace
}  // namespace drover::testing
