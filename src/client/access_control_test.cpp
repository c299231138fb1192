// SPDX-License-Identifier: Apache-2.0
#include "client/access_control.hpp"

#include "client/objects/access_control_object.hpp"
#include "client/test_device.hpp"

namespace drover::client::testing {
namespace {

namespace format = lwm2m::format;
using lwm2m::DataType;
using Mode = lwm2m::Write::Mode;

constexpr ServerId kOther = 102;  ///< the second account; kServer is the first
constexpr lwm2m::ObjectId kObject = 10250;

/// 0 is a value, 1 an action, 2 a value nobody reads.
const lwm2m::model::ObjectDefinition& guarded() {
  static const lwm2m::model::ObjectDefinition definition = [] {
    lwm2m::model::ObjectDefinition made;
    made.id = kObject;
    made.name = "Guarded";
    made.multiple = true;
    made.resources = {{0, "Value", {true, true, false}, false, true, DataType::Integer, "", "", ""},
                      {1, "Action", {false, false, true}, false, true, DataType::None, "", "", ""},
                      {2, "Package", {false, true, false}, false, false, DataType::Opaque, "", "", ""}};
    return made;
  }();
  return definition;
}

/// Takes the package in pieces.
struct PackageSink final : ObjectBehaviour {
  std::size_t taken = 0;
  bool streams(lwm2m::ResourceId id) const override { return id == 2; }
  Result<void> write_block(const Context&, const Path&, std::size_t, ByteView bytes, bool) override {
    taken += bytes.size();
    return {};
  }
};

/// /10250/0 and as many accounts as asked for; nothing is guarded.
struct GuardedDevice : TestDevice {
  AccessControlObject access_object{tree};

  explicit GuardedDevice(int accounts) {
    tree.set_behaviour(AccessControl::kObject, &access_object);
    tree.define(guarded());
    add("/10250/0");
    if (accounts > 1) {
      add("/1/1");
      set("/1/1/0", std::int64_t{kOther});
    }
    drain();
  }
  void drain() {
    while (tree.poll_change()) {
    }
  }
  /// Makes /2/`id`.
  void guard(lwm2m::InstanceId id, AccessControl::Target target, ServerId owner, std::map<ServerId, Rights> acl = {}) {
    const Path at(2, id);
    add(at.to_string());
    set(at.child(0).to_string(), std::int64_t{target.first});
    set(at.child(1).to_string(), std::int64_t{target.second});
    for (const auto& [server, granted] : acl) set(at.child(2).child(server).to_string(), std::int64_t{granted});
    set(at.child(3).to_string(), std::int64_t{owner});
    drain();
  }
  [[nodiscard]] AccessControl::Guard guard_of(lwm2m::InstanceId id) const {
    const auto* found = tree.access().guard(id);
    EXPECT_NE(found, nullptr) << "/2/" << id;
    return found == nullptr ? AccessControl::Guard{} : *found;
  }
};

Bytes one_value() {
  return from_hex("c1 00 07");  // resource 0: one byte, 7
}

// ---- every operation, level, right, relation ------------------------------------------------------------------------

enum class Relation { OwnerWithoutEntry, OwnerWithEntry, OtherWithEntry, OtherByDefault, OtherWithNothing, Unguarded };

const char* name_of(Relation relation) {
  switch (relation) {
    case Relation::OwnerWithoutEntry: return "owner without entry";
    case Relation::OwnerWithEntry: return "owner with entry";
    case Relation::OtherWithEntry: return "other with entry";
    case Relation::OtherByDefault: return "other by default entry";
    case Relation::OtherWithNothing: return "other with nothing";
    case Relation::Unguarded: return "no Access Control instance";
  }
  return "";
}

struct Row {
  const char* what;
  lwm2m::Downlink operation;
  Rights needed;
  Status allowed;
};

/// Core §7.1.2 with §7.1.2.2 to §7.1.2.4: what is needed, and what comes of it then. Create on an object has a table of
/// its own below.
std::vector<Row> rows() {
  const Path object(kObject);
  const Path instance(kObject, 0);
  const Path value(kObject, 0, 0);
  const Path action(kObject, 0, 1);
  return {
      {"Read object", lwm2m::Read{object, {}}, rights::kNone, Status::Content},
      {"Read instance", lwm2m::Read{instance, {}}, rights::kRead, Status::Content},
      {"Read resource", lwm2m::Read{value, {}}, rights::kRead, Status::Content},
      {"Observe object", lwm2m::Observe{object, {}}, rights::kNone, Status::Content},
      {"Observe instance", lwm2m::Observe{instance, {}}, rights::kRead, Status::Content},
      {"Observe resource", lwm2m::Observe{value, {}}, rights::kRead, Status::Content},
      {"Cancel object", lwm2m::CancelObservation{object, {}}, rights::kNone, Status::Content},
      {"Cancel instance", lwm2m::CancelObservation{instance, {}}, rights::kRead, Status::Content},
      {"Cancel resource", lwm2m::CancelObservation{value, {}}, rights::kRead, Status::Content},
      {"Discover object", lwm2m::Discover{object}, rights::kNone, Status::Content},
      {"Discover instance", lwm2m::Discover{instance}, rights::kNone, Status::Content},
      {"Discover resource", lwm2m::Discover{value}, rights::kNone, Status::Content},
      {"Write object", lwm2m::Write{object, Mode::Replace, format::kTlv, one_value()}, rights::kNone,
       Status::MethodNotAllowed},
      {"Replace instance", lwm2m::Write{instance, Mode::Replace, format::kTlv, one_value()}, rights::kWrite,
       Status::Changed},
      {"Update instance", lwm2m::Write{instance, Mode::Update, format::kTlv, one_value()}, rights::kWrite,
       Status::Changed},
      {"Write resource", lwm2m::Write{value, Mode::Replace, format::kText, to_bytes("7")}, rights::kWrite,
       Status::Changed},
      {"Attributes object", lwm2m::WriteAttributes{object, {"pmin=1"}}, rights::kNone, Status::Changed},
      {"Attributes instance", lwm2m::WriteAttributes{instance, {"pmin=1"}}, rights::kRead, Status::Changed},
      {"Attributes resource", lwm2m::WriteAttributes{value, {"pmin=1"}}, rights::kRead, Status::Changed},
      {"Execute object", lwm2m::Execute{object, ""}, rights::kNone, Status::MethodNotAllowed},
      {"Execute instance", lwm2m::Execute{instance, ""}, rights::kExecute, Status::MethodNotAllowed},
      {"Execute resource", lwm2m::Execute{action, ""}, rights::kExecute, Status::Changed},
      {"Delete object", lwm2m::Delete{object}, rights::kNone, Status::MethodNotAllowed},
      {"Delete instance", lwm2m::Delete{instance}, rights::kDelete, Status::Deleted},
      {"Delete resource", lwm2m::Delete{value}, rights::kDelete, Status::MethodNotAllowed},
      {"Create instance", lwm2m::Create{instance, format::kTlv, {}}, rights::kNone, Status::MethodNotAllowed},
      {"Create resource", lwm2m::Create{value, format::kTlv, {}}, rights::kNone, Status::MethodNotAllowed},
  };
}

/// The right that kServer has, said once more in the words of §7.1.2.1.
Rights expected_rights(Relation relation, Rights bits, int accounts) {
  switch (relation) {
    case Relation::OwnerWithoutEntry: return rights::kFull;
    case Relation::OwnerWithEntry:
    case Relation::OtherWithEntry:
    case Relation::OtherByDefault: return bits;
    case Relation::OtherWithNothing: return rights::kNone;
    case Relation::Unguarded: return accounts == 1 ? rights::kFull : rights::kNone;
  }
  return rights::kNone;
}

void relate(GuardedDevice& device, Relation relation, Rights bits) {
  const AccessControl::Target target{kObject, 0};
  const auto opposite = static_cast<Rights>(rights::kAll & ~bits);
  switch (relation) {
    case Relation::OwnerWithoutEntry: return device.guard(0, target, kServer, {{0, opposite}, {kOther, opposite}});
    case Relation::OwnerWithEntry: return device.guard(0, target, kServer, {{0, opposite}, {kServer, bits}});
    case Relation::OtherWithEntry: return device.guard(0, target, kOther, {{0, opposite}, {kServer, bits}});
    case Relation::OtherByDefault: return device.guard(0, target, kOther, {{0, bits}, {kOther, opposite}});
    case Relation::OtherWithNothing: return device.guard(0, target, kOther, {{kOther, rights::kAll}});
    case Relation::Unguarded: return;
  }
}

constexpr Rights kBits[] = {rights::kNone,   rights::kRead,   rights::kWrite, rights::kExecute,
                            rights::kDelete, rights::kCreate, rights::kFull,  rights::kAll};

TEST(CoreSection7_1_2, EveryOperationAtEachLevelByRightAndRelation) {
  for (const int accounts : {1, 2}) {
    for (const Relation relation : {Relation::OwnerWithoutEntry, Relation::OwnerWithEntry, Relation::OtherWithEntry,
                                    Relation::OtherByDefault, Relation::OtherWithNothing, Relation::Unguarded}) {
      for (const Rights bits : kBits) {
        const Rights has = expected_rights(relation, bits, accounts);
        for (const Row& row : rows()) {
          SCOPED_TRACE(std::string(row.what) + ", " + name_of(relation) + ", bits " + std::to_string(bits) + ", " +
                       std::to_string(accounts) + " accounts");
          GuardedDevice device(accounts);
          relate(device, relation, bits);
          const bool allowed = (row.needed & ~has) == 0;
          EXPECT_EQ(device.perform(row.operation).status, allowed ? row.allowed : Status::Unauthorized);
        }
      }
    }
  }
}

TEST(CoreSection7_1_2_4, AReadOfAnObjectGathersTheInstancesThatMayBeRead) {
  for (const Relation relation : {Relation::OwnerWithoutEntry, Relation::OwnerWithEntry, Relation::OtherWithEntry,
                                  Relation::OtherByDefault, Relation::OtherWithNothing, Relation::Unguarded}) {
    for (const Rights bits : kBits) {
      GuardedDevice device(2);
      relate(device, relation, bits);
      const bool readable = (expected_rights(relation, bits, 2) & rights::kRead) != 0;
      // Instance 0 with its resource 0, or nothing at all; both are 2.05.
      EXPECT_EQ(to_hex(device.read("/10250").payload), hex(readable ? "03 00 c1 00 00" : ""))
          << name_of(relation) << ' ' << bits;
    }
  }
  GuardedDevice device(2);
  device.add("/10250/1"), device.add("/10250/2");
  device.guard(0, {kObject, 0}, kServer);
  device.guard(1, {kObject, 1}, kOther, {{0, rights::kWrite}});
  device.guard(2, {kObject, 2}, kOther, {{0, rights::kRead}});
  EXPECT_EQ(to_hex(device.read("/10250").payload), hex("03 00 c1 00 00 03 02 c1 00 00"));
  EXPECT_EQ(device.discover("/10250"),
            "</10250>,</10250/0>,</10250/0/0>,</10250/0/1>,</10250/1>,</10250/1/0>,</10250/1/1>,</10250/2>,"
            "</10250/2/0>,</10250/2/1>")
      << "Discover needs no right";
}

TEST(CoreSection7_1_2_1, CreateNeedsTheServersOwnEntry) {
  const lwm2m::Create create{path("/10250"), format::kTlv, one_value()};
  const AccessControl::Target whole{kObject, 65535};
  for (const int accounts : {1, 2}) {
    const auto answer = [&](ServerId owner, std::map<ServerId, Rights> acl) {
      GuardedDevice device(accounts);
      device.guard(0, whole, owner, std::move(acl));
      return device.perform(create).status;
    };
    EXPECT_EQ(GuardedDevice(accounts).perform(create).status, accounts == 1 ? Status::Created : Status::Unauthorized);
    EXPECT_EQ(answer(65535, {{kServer, rights::kCreate}}), Status::Created);
    EXPECT_EQ(answer(65535, {{kServer, rights::kNone}}), Status::Unauthorized);
    EXPECT_EQ(answer(65535, {{kOther, rights::kCreate}}), Status::Unauthorized);
    EXPECT_EQ(answer(65535, {{0, rights::kCreate}}), Status::Unauthorized) << "the default entry doesn't give it";
    EXPECT_EQ(answer(kServer, {}), Status::Unauthorized) << "nor does ownership";
    // Create on an instance's guard means nothing for the object.
    GuardedDevice device(2);
    device.guard(0, {kObject, 0}, kServer, {{kServer, rights::kAll}});
    EXPECT_EQ(device.perform(create).status, Status::Unauthorized);
  }
}

// ---- in which order -------------------------------------------------------------------------------------------------

TEST(CoreSection7_1_2_2, TheRightComesBeforeTheResourceAndThePayload) {
  GuardedDevice device(2);
  EXPECT_EQ(device.read("/9999/0").status, Status::NotFound);
  EXPECT_EQ(device.read("/10250/7").status, Status::NotFound);
  EXPECT_EQ(device.read("/10250/0/9").status, Status::Unauthorized) << "no such resource, but no right either";
  EXPECT_EQ(device.write("/10250/0/1", format::kText, to_bytes("x")).status, Status::Unauthorized);
  EXPECT_EQ(device.write("/10250/0", std::nullopt, to_bytes("x")).status, Status::Unauthorized);
  EXPECT_EQ(device.attributes("/10250/0/0", {"nonsense"}), Status::Unauthorized);
  EXPECT_EQ(device.execute("/10250/0/1", "nonsense"), Status::Unauthorized);
  EXPECT_EQ(device.read("/10250/0/0", FormatNumber{110}).status, Status::Unauthorized);
  device.guard(0, {kObject, 0}, kServer);
  EXPECT_EQ(device.read("/10250/0/9").status, Status::NotFound);
  EXPECT_EQ(device.read("/10250/0/1").status, Status::MethodNotAllowed);
  EXPECT_EQ(device.write("/10250/0/1", format::kText, to_bytes("x")).status, Status::MethodNotAllowed);
  EXPECT_EQ(device.write("/10250/0", std::nullopt, to_bytes("x")).status, Status::BadRequest);
  EXPECT_EQ(device.attributes("/10250/0/1", {"nonsense"}), Status::MethodNotAllowed);
  EXPECT_EQ(device.attributes("/10250/0/0", {"nonsense"}), Status::BadRequest);
  EXPECT_EQ(device.execute("/10250/0/0", "nonsense"), Status::MethodNotAllowed);
  EXPECT_EQ(device.execute("/10250/0/1", "nonsense"), Status::BadRequest);
}

TEST(CoreSection7_1_2, AWriteInPiecesNeedsTheRightFromTheFirstOn) {
  GuardedDevice device(2);
  PackageSink sink;
  device.tree.set_behaviour(kObject, &sink);
  const Path package = path("/10250/0/2");
  const Bytes block(16);
  const lwm2m::Write write{package, Mode::Replace, format::kOpaque, {}};
  ASSERT_TRUE(device.tree.streams(package));
  ASSERT_TRUE(device.tree.refusal(device.server(), write));
  EXPECT_EQ(device.tree.refusal(device.server(), write)->status, Status::Unauthorized);
  EXPECT_EQ(device.tree.write_block(device.server(), package, 0, block, false).status, Status::Unauthorized);
  EXPECT_EQ(sink.taken, 0U);
  device.guard(0, {kObject, 0}, kOther, {{kServer, rights::kWrite}});
  EXPECT_FALSE(device.tree.refusal(device.server(), write));
  EXPECT_EQ(device.tree.write_block(device.server(), package, 0, block, false).status, Status::Changed);
  // It is taken away between two pieces.
  device.set("/2/0/2/101", std::int64_t{rights::kRead});
  EXPECT_EQ(device.tree.write_block(device.server(), package, 16, block, true).status, Status::Unauthorized);
  EXPECT_EQ(sink.taken, 16U);
  EXPECT_EQ(device.tree.refusal(device.server(), lwm2m::Create{path("/10250"), {}, {}})->status, Status::Unauthorized);
}

// ---- object 2 itself ------------------------------------------------------------------------------------------------

TEST(CoreSection7_1_1_2_2, OnlyTheOwnerManagesAnAccessControlInstance) {
  for (const int accounts : {1, 2}) {
    GuardedDevice device(accounts);
    device.guard(0, {kObject, 0}, kServer, {{0, rights::kRead}});
    device.guard(1, {3, 0}, kOther, {{kServer, rights::kAll}});
    device.guard(2, {1, 0}, 65535);
    const Bytes acl = from_hex("83 02 41 66 03");  // ACL entry 102: R and W
    EXPECT_EQ(device.read("/2/0").status, Status::Content);
    EXPECT_EQ(device.write("/2/0/2", format::kTlv, acl, Mode::Update).status, Status::Changed);
    EXPECT_EQ(device.guard_of(0).acl, (std::map<ServerId, Rights>{{0, 1}, {102, 3}}));
    EXPECT_EQ(device.tree.access().rights_of(kOther, kObject, 0), rights::kRead | rights::kWrite);
    EXPECT_EQ(device.attributes("/2/0/3", {"pmin=1"}), Status::Changed);
    for (const char* foreign : {"/2/1", "/2/2"}) {
      SCOPED_TRACE(foreign);
      EXPECT_EQ(device.read(foreign).status, Status::Unauthorized);
      EXPECT_EQ(device.write(std::string(foreign) + "/2", format::kTlv, acl, Mode::Update).status,
                Status::Unauthorized);
      EXPECT_EQ(device.attributes(foreign, {"pmin=1"}), Status::Unauthorized);
      EXPECT_EQ(device.perform(lwm2m::Delete{path(foreign)}).status, Status::Unauthorized);
      EXPECT_NE(device.discover(foreign), "4.01 Unauthorized");
    }
    // A Read of the object shows what the server owns: the instance 0 alone.
    EXPECT_EQ(to_hex(device.read("/2").payload),
              hex("08 00 12  c2 00 280a  c1 01 00  86 02 41 00 01 41 66 03  c1 03 65"));
  }
}

TEST(CoreSection7_1_1_2_1, WhoMayCreateIsABootstrapsBusiness) {
  GuardedDevice device(2);
  device.guard(0, {kObject, 65535}, kServer, {{kOther, rights::kCreate}});
  EXPECT_EQ(device.write("/2/0/2", format::kTlv, from_hex("83 02 41 65 10"), Mode::Update).status,
            Status::Unauthorized);
  EXPECT_EQ(device.perform(lwm2m::Delete{path("/2/0")}).status, Status::Unauthorized);
  EXPECT_FALSE(device.tree.set(device.own(), path("/2/0/2/101"), std::int64_t{rights::kRead})) << "Create or nothing";
  EXPECT_TRUE(device.tree.set(device.own(), path("/2/0/2/101"), std::int64_t{rights::kNone}));
}

TEST(CoreAppendixE3, ValuesOfAnAcl) {
  GuardedDevice device(2);
  device.guard(0, {kObject, 0}, kServer);
  const auto write = [&](std::string_view where, std::string_view payload) {
    return device.write(where, format::kTlv, from_hex(payload), Mode::Update).status;
  };
  EXPECT_EQ(write("/2/0/2", "83 02 41 00 1f"), Status::Changed) << "the default entry";
  EXPECT_EQ(write("/2/0/2", "83 02 41 07 0f"), Status::Changed) << "a server that has no account yet";
  EXPECT_EQ(write("/2/0/2", "83 02 41 07 20"), Status::BadRequest) << "a reserved bit";
  EXPECT_EQ(write("/2/0/2", "84 02 42 07 0100"), Status::BadRequest);
  EXPECT_EQ(write("/2/0/2", "83 02 41 07 ff"), Status::BadRequest) << "-1";
  EXPECT_EQ(write("/2/0/2", "86 02 44 07 00010000"), Status::BadRequest) << "more than 16 bits";
  EXPECT_EQ(write("/2/0/2", "84 02 61 ffff 01"), Status::BadRequest) << "65535 is no Short Server ID";
  EXPECT_EQ(write("/2/0", "c1 03 67"), Status::BadRequest) << "103 has no account";
  EXPECT_EQ(write("/2/0", "c1 03 00"), Status::BadRequest);
  EXPECT_EQ(write("/2/0", "c1 00 05"), Status::MethodNotAllowed) << "what it guards is read-only";
  EXPECT_EQ(device.guard_of(0).acl, (std::map<ServerId, Rights>{{0, 31}, {7, 15}})) << "nothing of what was refused";
  EXPECT_EQ(write("/2/0", "c1 03 66"), Status::Changed) << "given to 102";
  EXPECT_EQ(write("/2/0", "c1 03 65"), Status::Unauthorized) << "it is another's now";
  EXPECT_EQ(device.guard_of(0).owner, kOther);
}

TEST(CoreSection7_1_1_2_2, AnOwnerCanGiveUpItsInstanceForGood) {
  GuardedDevice device(2);
  device.guard(0, {kObject, 0}, kServer, {{0, rights::kRead}});
  EXPECT_EQ(device.write("/2/0/3", format::kText, to_bytes("65535")).status, Status::Changed);
  EXPECT_EQ(device.read("/2/0").status, Status::Unauthorized);
  EXPECT_EQ(device.read("/10250/0").status, Status::Content) << "by the default entry";
}

TEST(CoreAppendixE3, ServersNeitherCreateNorDeleteAccessControlInstances) {
  for (const int accounts : {1, 2}) {
    GuardedDevice device(accounts);
    const lwm2m::Create create{path("/2"), format::kTlv, from_hex("c1 03 65")};
    EXPECT_EQ(device.perform(create).status, accounts == 1 ? Status::MethodNotAllowed : Status::Unauthorized);
    device.guard(0, {2, 65535}, 65535, {{kServer, rights::kCreate}});
    EXPECT_EQ(device.perform(create).status, Status::MethodNotAllowed);
    device.guard(1, {kObject, 0}, kServer);
    device.guard(2, {kObject, 9}, kServer);
    EXPECT_EQ(device.perform(lwm2m::Delete{path("/2/1")}).status, Status::MethodNotAllowed);
    EXPECT_EQ(device.perform(lwm2m::Delete{path("/2/2")}).status, Status::Deleted) << "it guards nothing that exists";
  }
}

// ---- instances that come and go -------------------------------------------------------------------------------------

TEST(CoreSection5_4_6, ACreatedInstanceBelongsToItsServer) {
  GuardedDevice device(2);
  device.guard(0, {kObject, 65535}, 65535, {{kServer, rights::kCreate}});
  ASSERT_EQ(device.perform(lwm2m::Create{path("/10250"), format::kTlv, one_value()}).location, "/10250/1");
  const AccessControl::Guard guard = device.guard_of(1);
  EXPECT_EQ(guard.target, (AccessControl::Target{kObject, 1}));
  EXPECT_EQ(guard.owner, kServer);
  EXPECT_EQ(guard.acl, (std::map<ServerId, Rights>{{kServer, rights::kFull}}));
  EXPECT_EQ(device.read("/10250/1/0").status, Status::Content);
  EXPECT_EQ(device.perform(lwm2m::Read{path("/10250/1/0"), {}}, kOther).status, Status::Unauthorized);
  // Both are changes of that server: they are announced in an Update.
  const auto first = device.tree.poll_change();
  const auto second = device.tree.poll_change();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->path, path("/10250/1"));
  EXPECT_EQ(second->path, path("/2/1"));
  EXPECT_EQ(second->kind, Change::Kind::Created);
  EXPECT_EQ(second->server, kServer);

  EXPECT_EQ(device.perform(lwm2m::Delete{path("/10250/1")}).status, Status::Deleted);
  EXPECT_EQ(device.tree.instances(2), (std::vector<lwm2m::InstanceId>{0}))
      << "its Access Control instance is gone, too";
  device.guard(5, {kObject, 0}, kServer);
  ASSERT_TRUE(device.tree.remove(device.own(), kObject, 0)) << "the same when the device removes it";
  EXPECT_FALSE(device.tree.has(path("/2/5")));
}

TEST(CoreSection5_4_6, WithOneServerNoAccessControlInstanceIsMade) {
  GuardedDevice device(1);
  EXPECT_EQ(device.perform(lwm2m::Create{path("/10250"), format::kTlv, one_value()}).status, Status::Created);
  EXPECT_TRUE(device.tree.instances(2).empty());
}

TEST(CoreSection5_4_6, ACreateOfSeveralInstancesIsAllOrNone) {
  GuardedDevice device(2);
  device.guard(0, {kObject, 65535}, 65535, {{kServer, rights::kCreate}});
  // Instances 4 and 5; in the second payload 5 lacks its mandatory resource, in the third 0 exists already.
  EXPECT_EQ(device.perform(lwm2m::Create{path("/10250"), format::kTlv, from_hex("03 04 c1 00 01 00 05")}).status,
            Status::BadRequest);
  EXPECT_EQ(
      device.perform(lwm2m::Create{path("/10250"), format::kTlv, from_hex("03 00 c1 00 01 03 05 c1 00 02")}).status,
      Status::BadRequest);
  EXPECT_EQ(device.tree.instances(kObject), (std::vector<lwm2m::InstanceId>{0}));
  EXPECT_EQ(device.tree.instances(2), (std::vector<lwm2m::InstanceId>{0}));
  EXPECT_FALSE(device.tree.poll_change());
  EXPECT_EQ(
      device.perform(lwm2m::Create{path("/10250"), format::kTlv, from_hex("03 04 c1 00 01 03 05 c1 00 02")}).status,
      Status::Created);
  EXPECT_EQ(device.guard_of(1).target, (AccessControl::Target{kObject, 4}));
  EXPECT_EQ(device.guard_of(2).target, (AccessControl::Target{kObject, 5}));
}

TEST(CoreSection5_4_6, ALeftOverAccessControlInstanceDoesntTakeTheNewOne) {
  GuardedDevice device(2);
  device.guard(0, {kObject, 65535}, 65535, {{kServer, rights::kCreate}});
  device.guard(1, {kObject, 7}, kOther, {{0, rights::kAll}});
  EXPECT_EQ(device.perform(lwm2m::Create{path("/10250"), format::kTlv, from_hex("03 07 c1 00 01")}).status,
            Status::Created);
  EXPECT_EQ(device.tree.access().guards_of({kObject, 7}).size(), 1U);
  EXPECT_EQ(device.tree.access().rights_of(kServer, kObject, 7), rights::kFull);
  EXPECT_EQ(device.tree.access().rights_of(kOther, kObject, 7), rights::kNone);
}

TEST(AccessControl, FollowsEveryChangeOfItsObject) {
  GuardedDevice device(2);
  const auto rights = [&] { return device.tree.access().rights_of(kServer, kObject, 0); };
  EXPECT_EQ(rights(), rights::kNone);
  device.guard(3, {kObject, 0}, kOther, {{kServer, rights::kRead}});
  EXPECT_EQ(rights(), rights::kRead);
  device.guard(1, {kObject, 0}, kOther, {{kServer, rights::kWrite}});
  EXPECT_EQ(rights(), rights::kWrite) << "of two the lower id counts";
  device.set("/2/1/1", std::int64_t{9});
  EXPECT_EQ(rights(), rights::kRead);
  ASSERT_TRUE(device.tree.unset(device.own(), path("/2/3/2/101")));
  EXPECT_EQ(rights(), rights::kNone);
  device.set("/2/3/3", std::int64_t{kServer});
  EXPECT_EQ(rights(), rights::kFull);
  ASSERT_TRUE(device.tree.remove(device.own(), 2, 3));
  EXPECT_EQ(rights(), rights::kNone);
  ASSERT_TRUE(device.tree.remove(device.own(), 1, 1));
  EXPECT_EQ(rights(), rights::kFull) << "one account is left (Core 7.1.1.3 the other way round)";
}

// ---- what a factory does --------------------------------------------------------------------------------------------

TEST(AccessControl, ProvisionGuardsWhatNobodyGuards) {
  GuardedDevice device(2);
  device.guard(0, {3, 0}, kOther);
  ASSERT_TRUE(provision(device.tree, device.own(), {kServer, rights::kRead, true}));
  const auto rights = [&](ServerId server, lwm2m::ObjectId object, lwm2m::InstanceId instance) {
    return device.tree.access().rights_of(server, object, instance);
  };
  EXPECT_EQ(rights(kServer, 1, 0), rights::kFull);
  EXPECT_EQ(rights(kOther, 1, 0), rights::kNone) << "an account belongs to its server";
  EXPECT_EQ(rights(kServer, 1, 1), rights::kNone);
  EXPECT_EQ(rights(kOther, 1, 1), rights::kFull);
  EXPECT_EQ(rights(kServer, 3, 0), rights::kNone) << "what was guarded stays as it is";
  EXPECT_EQ(rights(kServer, kObject, 0), rights::kFull);
  EXPECT_EQ(rights(kOther, kObject, 0), rights::kRead);
  EXPECT_TRUE(device.tree.access().may_create(kServer, kObject));
  EXPECT_TRUE(device.tree.access().may_create(kServer, 5)) << "an object without instances";
  EXPECT_FALSE(device.tree.access().may_create(kOther, kObject));
  EXPECT_FALSE(device.tree.access().may_create(kServer, 2));
  const auto before = device.tree.instances(2);
  ASSERT_TRUE(provision(device.tree, device.own(), {kServer, rights::kRead, true}));
  EXPECT_EQ(device.tree.instances(2), before) << "a second time does nothing";

  GuardedDevice strict(2);
  ASSERT_TRUE(provision(strict.tree, strict.own(), {kOther, rights::kNone, false}));
  EXPECT_EQ(strict.tree.access().rights_of(kServer, kObject, 0), rights::kNone);
  EXPECT_FALSE(strict.tree.access().may_create(kOther, kObject));
  GuardedDevice single(1);
  ASSERT_TRUE(provision(single.tree, single.own(), {kServer, rights::kRead, true}));
  EXPECT_TRUE(single.tree.instances(2).empty()) << "one server needs none (Core 7.1.1.3)";
}

TEST(AccessControl, RightsAsLetters) {
  EXPECT_EQ(rights::parse(""), rights::kNone);
  EXPECT_EQ(rights::parse("R"), rights::kRead);
  EXPECT_EQ(rights::parse("DWER"), rights::kFull);
  for (const char* wrong : {"RR", "r", "C", "R W", "X"}) EXPECT_FALSE(rights::parse(wrong)) << wrong;
}

}  // namespace
}  // namespace drover::client::testing
