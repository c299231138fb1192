// SPDX-License-Identifier: Apache-2.0
// Core Figures 9 to 14 and Transport Figure 6, from the client's side.
#include "tests/lockstep/client_peer.hpp"

namespace drover::testing {
namespace {

/// An object that servers create instances of. Two of the figures take the Access Control object (2) for it, whose
/// instances no server can make (E.3: resources 0 and 1 can't be written); here it is object 12, as in Figure 11.
lwm2m::model::ObjectDefinition creatable(lwm2m::ObjectId id) {
  lwm2m::model::ObjectDefinition object;
  object.id = id;
  object.name = "Figure";
  object.multiple = true;
  lwm2m::model::ResourceDefinition resource;
  resource.id = 0;
  resource.name = "Value";
  resource.operations = {true, true, false};
  resource.type = lwm2m::DataType::Integer;
  object.resources.push_back(resource);
  return object;
}

client::ClientSettings node1() {
  client::ClientSettings settings = plain_settings();
  settings.endpoint = "node1";
  return settings;
}

/// The figures' client has its Server object at instance 1.
struct Node1 : Device {
  explicit Node1(std::uint32_t lifetime = 86400) : Device(node1(), "coap://192.0.2.1", lifetime) {
    EXPECT_TRUE(client.tree().remove({now, std::nullopt}, 1, 0));
    EXPECT_TRUE(client.tree().add({now, std::nullopt}, 1, 1));
    set("/1/1/0", std::int64_t{1});
    set("/1/1/1", std::int64_t{lifetime});
    set("/1/1/7", std::string("U"));
  }
  void define(const lwm2m::model::ObjectDefinition& object, std::initializer_list<lwm2m::InstanceId> instances) {
    client.define(object);
    for (const lwm2m::InstanceId instance : instances) add(object.id, instance);
  }
};

TEST(CoreFigure9, RegisterUpdateAndDeregister) {
  Node1 device;
  device.define(*shipped().find(2), {1});
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=node1 ?lt=86400 ?lwm2m=1.0 '</1/1>,</2/1>,</3/0>'");
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  device.client.update(device.now);
  device.out("CON ? POST t=? /rd/5a3f");
  device.in("ACK $m 2.04 t=$t");
  device.client.stop(device.now);
  device.out("CON ? DELETE t=? /rd/5a3f");
  device.in("ACK $m 2.02 t=$t");
  device.quiet();
  EXPECT_TRUE(device.client.is_off());
}

TEST(CoreFigure10, AnUpdateRefreshesAndAnotherTellsTheNewLifetime) {
  Node1 device(5000);
  device.define(*shipped().find(2), {1});
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=node1 ?lt=5000 ?lwm2m=1.0 '</1/1>,</2/1>,</3/0>'");
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  device.pass(seconds(5000 - 93));
  device.out("CON ? POST t=? /rd/5a3f");
  device.in("ACK $m 2.04 t=$t");
  device.set("/1/1/1", std::int64_t{6000});
  device.pass(seconds(1));
  device.out("CON ? POST t=? /rd/5a3f ?lt=6000");
  device.in("ACK $m 2.04 t=$t");
  device.quiet();
}

TEST(CoreFigure11, CreateAndDeleteAreFollowedByUpdatesWithTheWholeList) {
  const auto twelve = creatable(12);
  Node1 device;
  device.define(twelve, {0, 1});
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=node1 ?lt=86400 ?lwm2m=1.0 '</1/1>,</3/0>,</12/0>,</12/1>'");
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  device.in("CON 0001 POST t=01 /12 ct=11542");
  device.out("ACK 0001 2.01 t=01 loc=12 loc=2");
  device.pass(seconds(1));
  device.out("CON ? POST t=? /rd/5a3f ct=40 '</1/1>,</3/0>,</12/0>,</12/1>,</12/2>'");
  device.in("ACK $m 2.04 t=$t");
  device.in("CON 0002 DELETE t=02 /12/1");
  device.out("ACK 0002 2.02 t=02");
  device.pass(seconds(1));
  device.out("CON ? POST t=? /rd/5a3f ct=40 '</1/1>,</3/0>,</12/0>,</12/2>'");
  device.in("ACK $m 2.04 t=$t");
  device.quiet();
}

TEST(CoreFigure12, ReadWriteExecuteCreateAndDelete) {
  const auto twelve = creatable(12);
  Node1 device;
  device.define(twelve, {0, 1, 2});
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=node1 ? ? ?");
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  device.in("CON 0001 GET t=01 /3/0/0");
  device.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'");
  // The figure writes /3/0/1, which is read-only (E.4): the client refuses it. /3/0/15 is the same with a writable one.
  device.in("CON 0002 PUT t=02 /3/0/1 ct=0 'x'");
  device.out("ACK 0002 4.05 t=02 ?");
  device.in("CON 0003 PUT t=03 /3/0/15 ct=0 'Europe/Berlin'");
  device.out("ACK 0003 2.04 t=03");
  device.in("CON 0004 POST t=04 /3/0/4");
  device.out("ACK 0004 2.04 t=04");
  EXPECT_TRUE(device.event<client::RebootWanted>());
  device.in("CON 0005 POST t=05 /12 ct=11542");
  device.out("ACK 0005 2.01 t=05 loc=12 loc=3");
  device.in("CON 0006 DELETE t=06 /12/3");
  device.out("ACK 0006 2.02 t=06");
  device.quiet();
}

/// Core Figure 13 shows radio signal strength 92, 87 and 76 of /4/0/2.
TEST(CoreFigure13, ObserveNotifyAndCancelByGet) {
  Node1 device;
  device.client.define(*shipped().find(4));
  device.add(4, 0);
  device.set("/4/0/2", std::int64_t{92});
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=node1 ? ? ?");
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  device.in("CON 0001 GET t=1234 /4/0/2 obs=0");
  device.out("ACK 0001 2.05 t=1234 obs=? ct=0 '92'");
  device.set("/4/0/2", std::int64_t{87});
  device.out("NON ? 2.05 t=1234 obs=? ct=0 '87'");
  device.set("/4/0/2", std::int64_t{76});
  device.out("NON ? 2.05 t=1234 obs=? ct=0 '76'");
  device.in("CON 0002 GET t=1234 /4/0/2 obs=1");
  device.out("ACK 0002 2.05 t=1234 ct=0 '76'");
  device.set("/4/0/2", std::int64_t{92});
  device.quiet();
}

TEST(CoreFigure14, MinimumAndMaximumPeriods) {
  Node1 device;
  device.client.define(*shipped().find(4));
  device.add(4, 0);
  device.set("/4/0/2", std::int64_t{92});
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=node1 ? ? ?");
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  device.in("CON 0001 PUT t=01 /4/0/2 ?pmin=10 ?pmax=60");
  device.out("ACK 0001 2.04 t=01");
  device.in("CON 0002 GET t=02 /4/0/2 obs=0");
  device.out("ACK 0002 2.05 t=02 obs=? ct=0 '92'");
  // Within the minimum period: told when it is over.
  device.pass(seconds(5));
  device.set("/4/0/2", std::int64_t{87});
  device.quiet();
  device.pass(seconds(5));
  device.out("NON ? 2.05 t=02 obs=? ct=0 '87'");
  // Behind it: told at once.
  device.pass(seconds(40));
  device.set("/4/0/2", std::int64_t{76});
  device.out("NON ? 2.05 t=02 obs=? ct=0 '76'");
  // Without a change: told again when the maximum period is over.
  device.pass(seconds(60) - milliseconds(1));
  device.quiet();
  device.pass(milliseconds(1));
  device.out("NON ? 2.05 t=02 obs=? ct=0 '76'");
  device.quiet();
}

TEST(TransportFigure6, CreateAndDelete) {
  const auto twelve = creatable(12);
  Node1 device;
  device.define(twelve, {0, 1, 2});
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=node1 ? ? ?");
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  device.in("CON 0001 POST t=01 /12 ct=11542");
  device.out("ACK 0001 2.01 t=01 loc=12 loc=3");
  device.in("CON 0002 POST t=02 /12 ct=11542");
  device.out("ACK 0002 2.01 t=02 loc=12 loc=4");
  device.in("CON 0003 DELETE t=03 /12/3");
  device.out("ACK 0003 2.02 t=03");
  device.quiet();
}

}  // namespace
}  // namespace drover::testing
