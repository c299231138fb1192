// SPDX-License-Identifier: Apache-2.0
// Commands of a Bootstrap-Server on a draft of the tree (Core §5.2.7, E.1.3).
#include <gtest/gtest.h>

#include "client/consistency.hpp"
#include "client/objects/security_object.hpp"
#include "client/test_device.hpp"

namespace drover::client::testing {
namespace {

using lwm2m::BootstrapDelete;
using lwm2m::BootstrapWrite;
using lwm2m::Value;

constexpr lwm2m::InstanceId kBootstrapAccount = 9;

/// TestDevice with three servers, 101 to 103, their accounts /0/x and /1/x, and the account of a Bootstrap-Server.
struct Bootstrapped : TestDevice {
  Bootstrapped() {
    set("/0/0/10", std::int64_t{101});
    for (int i = 1; i < 3; ++i) {
      const std::string id = std::to_string(i);
      add("/0/" + id), add("/1/" + id);
      set("/0/" + id + "/10", std::int64_t{101 + i});
      set("/1/" + id + "/0", std::int64_t{101 + i});
    }
    add("/0/9");
    set("/0/9/1", true);
    draft = tree.draft();
  }
  /// An instance of object 2: ACL entries are given as server, rights, server, rights, ...
  void guard(lwm2m::InstanceId id, std::string_view target, ServerId owner, std::initializer_list<std::int64_t> acl) {
    const std::string at = "/2/" + std::to_string(id);
    add(at);
    set(at + "/0", std::int64_t{path(target).object()});
    set(at + "/1", std::int64_t{path(target).instance()});
    for (auto entry = acl.begin(); entry != acl.end(); entry += 2) {
      set(at + "/2/" + std::to_string(*entry), *(entry + 1));
    }
    set(at + "/3", std::int64_t{owner});
    draft = tree.draft();
  }
  Status perform(const lwm2m::BootstrapOperation& operation) {
    return tree.perform(own(), draft, operation, kBootstrapAccount, "1.0").status;
  }
  Status write(std::string_view where, std::string_view json) {
    return perform(BootstrapWrite{path(where), lwm2m::format::kJson, to_bytes(json)});
  }
  std::optional<Value> get(std::string_view where) { return draft.get(path(where)); }

  ObjectTree::Draft draft;
};

TEST(CoreE13, WhatOnlyTheServerCouldUseGoesWithIt) {
  Bootstrapped device;
  device.add("/3303/1");
  device.guard(0, "/3303/0", 102, {102, 15});
  device.guard(1, "/3303/1", 101, {101, 15, 102, 1});
  EXPECT_EQ(device.perform(BootstrapDelete{Path(0, 1)}), Status::Deleted);
  EXPECT_FALSE(device.draft.has(0, 1));
  EXPECT_FALSE(device.draft.has(1, 1)) << "step 4: the Server instance";
  EXPECT_FALSE(device.draft.has(3303, 0)) << "step 1";
  EXPECT_FALSE(device.draft.has(2, 0)) << "step 1: its Access Control instance, too";
  EXPECT_TRUE(device.draft.has(3303, 1));
  EXPECT_EQ(device.draft.guard(1)->acl, (std::map<ServerId, Rights>{{101, 15}})) << "step 2: the ACL entry";
  EXPECT_TRUE(device.tree.has(Path(0, 1))) << "the tree is as it was";
}

TEST(CoreE13, TheServerWithTheMostRightsIsTheNewOwner) {
  Bootstrapped device;
  device.guard(0, "/3303/0", 101, {101, 15, 102, 1, 103, 2});
  ASSERT_EQ(device.perform(BootstrapDelete{Path(0, 0)}), Status::Deleted);
  EXPECT_EQ(device.draft.guard(0)->owner, 103) << "Write counts 1, Read nothing";
  ASSERT_EQ(device.perform(BootstrapDelete{Path(0, 2)}), Status::Deleted);
  EXPECT_EQ(device.draft.guard(0)->owner, 102) << "the one that is left";
}

TEST(CoreE13, TheDefaultEntryCountsForServersWithoutTheirOwn) {
  Bootstrapped device;
  device.guard(0, "/3303/0", 101, {0, 10, 102, 2});
  ASSERT_EQ(device.perform(BootstrapDelete{Path(0, 0)}), Status::Deleted);
  EXPECT_EQ(device.draft.guard(0)->owner, 103);
}

TEST(CoreE13, DeletingAllSecurityInstancesLeavesTheBootstrapAccount) {
  Bootstrapped device;
  device.guard(0, "/3/0", 101, {101, 15});
  ASSERT_EQ(device.perform(BootstrapDelete{Path(0)}), Status::Deleted);
  EXPECT_EQ(device.draft.instances(0), std::vector<lwm2m::InstanceId>{9});
  EXPECT_TRUE(device.draft.instances(1).empty());
  EXPECT_TRUE(device.draft.has(3, 0)) << "the Device instance stays";
  EXPECT_FALSE(device.draft.has(2, 0));
}

TEST(CoreSection5274, AWriteOfAnObjectBringsSeveralInstances) {
  Bootstrapped device;
  ASSERT_EQ(device.write("/1", R"({"bn":"/1/","e":[{"n":"4/0","v":104},{"n":"4/1","v":60},{"n":"7/0","v":107}]})"),
            Status::Changed);
  EXPECT_EQ(device.draft.instances(1), (std::vector<lwm2m::InstanceId>{0, 1, 2, 4, 7}));
  EXPECT_EQ(device.get("/1/4/1"), Value(std::int64_t{60}));
  EXPECT_EQ(device.get("/1/7/7"), Value(std::string())) << "a mandatory resource that wasn't named";
}

TEST(CoreSection5274, OptionalResourcesThatArentNamedArentThere) {
  Bootstrapped device;
  device.set("/1/0/2", std::int64_t{30});
  device.draft = device.tree.draft();
  ASSERT_EQ(device.write("/1/0", R"({"bn":"/1/0/","e":[{"n":"1","v":60},{"n":"7","sv":"U"}]})"), Status::Changed);
  EXPECT_EQ(device.get("/1/0/2"), std::nullopt);
  EXPECT_EQ(device.get("/1/0/0"), Value(std::int64_t{101})) << "the Short Server ID is read-only: it stays";
  ASSERT_EQ(device.write("/1/0", R"({"bn":"/1/0/","e":[{"n":"99","v":1},{"n":"1","v":61}]})"), Status::Changed)
      << "what isn't supported is ignored";
  EXPECT_EQ(device.get("/1/0/1"), Value(std::int64_t{61}));
}

TEST(CoreSection5274, AWriteIsAllOrNothing) {
  Bootstrapped device;
  EXPECT_EQ(device.write("/1", R"({"bn":"/1/","e":[{"n":"4/1","v":60},{"n":"5/1","v":0}]})"), Status::BadRequest);
  EXPECT_FALSE(device.draft.has(1, 4));
  EXPECT_EQ(device.write("/3", R"({"bn":"/3/","e":[{"n":"1/0","sv":"x"}]})"), Status::BadRequest);
  EXPECT_EQ(device.write("/1/65535", R"({"bn":"/1/65535/","e":[{"n":"1","v":60}]})"), Status::BadRequest);
}

TEST(Adoption, ChangesAreNotedOnceAndOnlyWhereThereAreAny) {
  Bootstrapped device;
  while (device.tree.poll_change()) {
  }
  device.write("/1/0", R"({"bn":"/1/0/","e":[{"n":"1","v":60},{"n":"7","sv":"U"}]})");
  device.write("/3303/4", R"({"bn":"/3303/4/","e":[{"n":"5700","v":1}]})");
  device.perform(BootstrapDelete{Path(3303, 0)});
  device.tree.adopt(device.own(), std::move(device.draft));
  std::vector<std::string> changes;
  while (const auto change = device.tree.poll_change()) {
    changes.push_back(std::to_string(static_cast<int>(change->kind)) + change->path.to_string());
    EXPECT_FALSE(change->server);
  }
  EXPECT_EQ(changes, (std::vector<std::string>{"0/1/0/1", "2/3303/0", "1/3303/4"}));
}

TEST(CoreSection526, WhatWentAndCameBeginsAnewForItsBehaviour) {
  struct Probe final : ObjectBehaviour {
    std::string heard;
    void created(const Context&, lwm2m::InstanceId) override { heard += "c"; }
    void deleted(const Context&, lwm2m::InstanceId) override { heard += "d"; }
  };
  Probe probe;
  Bootstrapped device;
  device.tree.define(*definitions().find(7), &probe);
  device.add("/7/0");
  device.draft = device.tree.draft();
  while (device.tree.poll_change()) {
  }
  probe.heard.clear();
  const std::string_view period = R"({"bn":"/7/0/","e":[{"n":"8","v":60}]})";
  EXPECT_EQ(device.write("/7/0", period), Status::Changed);
  ObjectTree::Draft written = device.draft;
  device.tree.adopt(device.own(), std::move(written));
  EXPECT_EQ(probe.heard, "");
  device.perform(BootstrapDelete{Path(7, 0)});
  EXPECT_EQ(device.write("/7/0", period), Status::Changed);
  device.tree.adopt(device.own(), std::move(device.draft));
  EXPECT_EQ(probe.heard, "dc");
  while (const auto change = device.tree.poll_change()) EXPECT_EQ(change->kind, Change::Kind::Value);
}

TEST(CoreSection526, AnOwnerThatIsNoServerIsInconsistent) {
  Bootstrapped device;
  device.guard(0, "/3/0", 200, {101, 15});
  for (const char* id : {"0", "1", "2", "9"}) {
    device.set(std::string("/0/") + id + "/0", std::string("coap://192.0.2.1"));
    device.set(std::string("/0/") + id + "/2", std::int64_t{3});
  }
  device.draft = device.tree.draft();
  const auto usable = [](const ServerUri&, const SecurityValues&) { return Result<void>{}; };
  ConsistencyRules rules{kBootstrapAccount, true, usable};
  auto done = conclude(device.draft, rules);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason, "/2/0 belongs to 200, which is no server here");
  device.write("/2/0/3", R"({"bn":"/2/0/3","e":[{"v":103}]})");
  done = conclude(device.draft, rules);
  EXPECT_TRUE(done) << done.error().reason;
  rules.access_control = false;
  EXPECT_EQ(conclude(device.draft, rules).error().reason,
            "this client has no Access Control object, so it takes one server");
  rules.access_control = true;
  device.write("/1/2/0", R"({"bn":"/1/2/0","e":[{"v":101}]})");
  EXPECT_EQ(conclude(device.draft, rules).error().reason, "/1/0 and /1/2 have the same Short Server ID, 101");
}

}  // namespace
}  // namespace drover::client::testing
