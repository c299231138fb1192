// SPDX-License-Identifier: Apache-2.0
#include "client/object_tree.hpp"

#include "client/test_device.hpp"

namespace drover::client::testing {
namespace {

namespace format = lwm2m::format;
using Mode = lwm2m::Write::Mode;

/// A server can create its instances: 0, 1 and 3 are mandatory.
const lwm2m::model::ObjectDefinition& bench() {
  using lwm2m::DataType;
  static constexpr lwm2m::model::Operations kValue{true, true, false};
  static const lwm2m::model::ObjectDefinition definition = [] {
    lwm2m::model::ObjectDefinition made;
    made.id = 10250;
    made.name = "Bench";
    made.multiple = true;
    made.resources = {{0, "First", kValue, false, true, DataType::Integer, "", "", ""},
                      {1, "Second", kValue, false, true, DataType::Integer, "", "", ""},
                      {2, "Several", kValue, true, false, DataType::Integer, "", "", ""},
                      {3, "Third", kValue, false, true, DataType::Integer, "", "", ""},
                      {4, "Label", kValue, false, false, DataType::String, "0-4 bytes", "", ""},
                      {5, "Level", kValue, false, false, DataType::Integer, "0-100", "", ""}};
    return made;
  }();
  return definition;
}

struct BenchDevice : TestDevice {
  BenchDevice() { tree.define(bench()); }
};

/// What every operation hears at every level: the table of Core §7.1.2.
struct Row {
  const char* path;
  Status read, discover, write, execute, create, erase, attributes;
};
constexpr Row kRows[] = {
    // The root isn't managed; the Security object is private, whatever is asked.
    {"/", Status::MethodNotAllowed, Status::MethodNotAllowed, Status::MethodNotAllowed, Status::MethodNotAllowed,
     Status::MethodNotAllowed, Status::MethodNotAllowed, Status::MethodNotAllowed},
    {"/0", Status::Unauthorized, Status::Unauthorized, Status::Unauthorized, Status::Unauthorized, Status::Unauthorized,
     Status::Unauthorized, Status::Unauthorized},
    {"/0/0/0", Status::Unauthorized, Status::Unauthorized, Status::Unauthorized, Status::Unauthorized,
     Status::Unauthorized, Status::Unauthorized, Status::Unauthorized},
    // An object, an instance, resources that can be read, written, executed.
    {"/3303", Status::Content, Status::Content, Status::MethodNotAllowed, Status::MethodNotAllowed, Status::Created,
     Status::MethodNotAllowed, Status::Changed},
    {"/3303/0", Status::Content, Status::Content, Status::UnsupportedFormat, Status::MethodNotAllowed,
     Status::MethodNotAllowed, Status::Deleted, Status::Changed},
    {"/3/0/0", Status::Content, Status::Content, Status::MethodNotAllowed, Status::MethodNotAllowed,
     Status::MethodNotAllowed, Status::MethodNotAllowed, Status::Changed},
    {"/3/0/14", Status::NotFound, Status::NotFound, Status::BadRequest, Status::NotFound, Status::MethodNotAllowed,
     Status::MethodNotAllowed, Status::NotFound},
    {"/3/0/15", Status::NotFound, Status::NotFound, Status::Changed, Status::NotFound, Status::MethodNotAllowed,
     Status::MethodNotAllowed, Status::NotFound},
    {"/3/0/4", Status::MethodNotAllowed, Status::Content, Status::MethodNotAllowed, Status::Changed,
     Status::MethodNotAllowed, Status::MethodNotAllowed, Status::MethodNotAllowed},
    // What isn't there, and the one instance that stays.
    {"/3/0", Status::Content, Status::Content, Status::UnsupportedFormat, Status::MethodNotAllowed,
     Status::MethodNotAllowed, Status::MethodNotAllowed, Status::Changed},
    {"/9999", Status::NotFound, Status::NotFound, Status::NotFound, Status::NotFound, Status::NotFound,
     Status::NotFound, Status::NotFound},
    {"/3/7", Status::NotFound, Status::NotFound, Status::NotFound, Status::NotFound, Status::NotFound, Status::NotFound,
     Status::NotFound},
    {"/3/0/999", Status::NotFound, Status::NotFound, Status::NotFound, Status::NotFound, Status::MethodNotAllowed,
     Status::MethodNotAllowed, Status::NotFound},
    // No operation of 1.0 has a resource instance as its target.
    {"/3/0/11/0", Status::MethodNotAllowed, Status::MethodNotAllowed, Status::MethodNotAllowed,
     Status::MethodNotAllowed, Status::MethodNotAllowed, Status::MethodNotAllowed, Status::MethodNotAllowed},
};

TEST(CoreSection7_1_2, EachOperationAtEachLevel) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.path);
    const Path at = path(row.path);
    EXPECT_EQ(TestDevice().perform(lwm2m::Read{at, {}}).status, row.read);
    EXPECT_EQ(TestDevice().perform(lwm2m::Observe{at, {}}).status, row.read);
    EXPECT_EQ(TestDevice().perform(lwm2m::Discover{at}).status, row.discover);
    EXPECT_EQ(TestDevice().perform(lwm2m::Write{at, Mode::Replace, format::kText, to_bytes("x")}).status, row.write);
    EXPECT_EQ(TestDevice().perform(lwm2m::Execute{at, ""}).status, row.execute);
    EXPECT_EQ(TestDevice().perform(lwm2m::Create{at, format::kTlv, {}}).status, row.create);
    EXPECT_EQ(TestDevice().perform(lwm2m::Delete{at}).status, row.erase);
    EXPECT_EQ(TestDevice().perform(lwm2m::WriteAttributes{at, {"pmin=1"}}).status, row.attributes);
  }
}

// ---- Read -----------------------------------------------------------------------------------------------------------

TEST(CoreSection5_4_1, ASingleResourceIsTextAndTheRestIsTlv) {
  TestDevice device;
  const Outcome resource = device.read("/3/0/0");
  EXPECT_EQ(resource.format, format::kText);
  EXPECT_EQ(as_text(resource.payload), "Open Mobile Alliance");
  const Outcome multiple = device.read("/3/0/11");
  EXPECT_EQ(multiple.format, format::kTlv);
  EXPECT_EQ(to_hex(multiple.payload), hex("83 0b 41 00 00"));  // multiple resource 11, instance 0: one byte, 0
  EXPECT_EQ(device.read("/3303/0").format, format::kTlv);
  EXPECT_EQ(to_hex(device.read("/3303/0").payload),
            hex("e4 1644 41a40000"));  // resource 5700 (0x1644), 4 bytes: 20.5 loses nothing as binary32
}

TEST(CoreSection5_4_1, AnOpaqueResourceIsOpaque) {
  TestDevice device;
  device.add("/5/0");
  // Package is write-only: not even an instance Read shows it.
  device.set("/5/0/0", lwm2m::Opaque{{1, 2, 3}});
  EXPECT_EQ(device.read("/5/0/0").status, Status::MethodNotAllowed);
  EXPECT_EQ(as_text(device.read("/5/0", format::kJson).payload).find("\"n\":\"0\""), std::string_view::npos);
}

TEST(TransportReadOperation, AnObjectWithoutInstancesIsEmptyContent) {
  TestDevice device;
  const Outcome outcome = device.read("/4");
  EXPECT_EQ(outcome.status, Status::Content);
  EXPECT_TRUE(outcome.payload.empty());
}

TEST(CoreSection6_4, AcceptDecidesAndDraftNumbersAreAnsweredInKind) {
  TestDevice device;
  for (const FormatNumber number :
       {format::kText, format::kTlv, format::kJson, format::kDraftText, format::kDraftTlv, format::kDraftJson}) {
    EXPECT_EQ(device.read("/3/0/0", number).status, Status::Content) << number;
    EXPECT_EQ(device.read("/3/0/0", number).format, number);
  }
  EXPECT_EQ(device.read("/3/0/0", format::kDraftTlv).payload, device.read("/3/0/0", format::kTlv).payload);
  for (const FormatNumber number : {FormatNumber{110}, FormatNumber{112}, FormatNumber{50}, FormatNumber{60}}) {
    EXPECT_EQ(device.read("/3/0", number).status, Status::NotAcceptable) << number;
  }
  EXPECT_EQ(device.read("/3/0", format::kText).status, Status::NotAcceptable);
  EXPECT_EQ(device.read("/3/0/0", format::kOpaque).status, Status::NotAcceptable);
}

// ---- Discover -------------------------------------------------------------------------------------------------------

TEST(CoreSection5_4_2, DiscoverListsWhatEachLevelAsksFor) {
  TestDevice device;
  device.set("/3303/0/5701", std::string("Cel"));
  device.set("/3/0/11/1", std::int64_t{2});
  EXPECT_EQ(device.attributes("/3303", {"pmin=10"}), Status::Changed);
  EXPECT_EQ(device.attributes("/3303/0", {"pmax=60"}), Status::Changed);
  EXPECT_EQ(device.attributes("/3303/0/5700", {"gt=50", "lt=42.2"}), Status::Changed);
  EXPECT_EQ(device.discover("/3303"), "</3303>;pmin=10,</3303/0>,</3303/0/5700>,</3303/0/5701>");
  EXPECT_EQ(device.discover("/3303/0"), "</3303/0>;pmax=60,</3303/0/5700>;gt=50;lt=42.2,</3303/0/5701>");
  EXPECT_EQ(device.discover("/3303/0/5700"), "</3303/0/5700>;pmin=10;pmax=60;gt=50;lt=42.2");
  EXPECT_EQ(device.discover("/3/0/11"), "</3/0/11>;dim=2");
  EXPECT_EQ(device.discover("/4"), "</4>");
}

TEST(CoreSection5_4_2, AttributesAreThoseOfTheAskingServer) {
  TestDevice device;
  EXPECT_EQ(device.attributes("/3303/0/5700", {"pmax=300", "gt=80"}, 102), Status::Changed);
  EXPECT_EQ(device.discover("/3303/0/5700"), "</3303/0/5700>");
}

TEST(CoreSection6_2, DiscoverAndRegisterGiveAVersionAboveTheFirst) {
  lwm2m::model::ObjectDefinition definition = *definitions().find(3303);
  definition.version = {2, 2};
  TestDevice device;
  device.tree.define(definition);
  EXPECT_EQ(device.discover("/3303"), "</3303>;ver=\"2.2\",</3303/0>,</3303/0/5700>");
  const lwm2m::Announcement announcement = device.tree.announcement();
  EXPECT_EQ(announcement.objects.back().version, (lwm2m::Version{2, 2}));
  EXPECT_EQ(announcement.objects.front().id, 1) << "the Security object must not be announced";
}

TEST(TransportAlternatePath, LinksAndLocationsBeginWithIt) {
  TestDevice device("/lwm2m");
  EXPECT_EQ(device.discover("/3303"), "</lwm2m/3303>,</lwm2m/3303/0>,</lwm2m/3303/0/5700>");
  const Outcome created = device.perform(lwm2m::Create{path("/3303"), format::kTlv, {}});
  EXPECT_EQ(created.location, "/lwm2m/3303/1");
}

// ---- Write ----------------------------------------------------------------------------------------------------------

TEST(CoreSection5_4_3, FormatsOfAWrite) {
  TestDevice device;
  EXPECT_EQ(device.write("/3/0/15", format::kText, to_bytes("Europe/Berlin")).status, Status::Changed);
  EXPECT_EQ(device.text("/3/0/15"), "Europe/Berlin");
  EXPECT_EQ(device.write("/3/0/15", format::kDraftText, to_bytes("Asia/Tokyo")).status, Status::Changed);
  EXPECT_EQ(device.text("/3/0/15"), "Asia/Tokyo");
  EXPECT_EQ(device.write("/3/0/15", std::nullopt, to_bytes("x")).status, Status::BadRequest);
  EXPECT_EQ(device.write("/3/0/15", FormatNumber{110}, to_bytes("x")).status, Status::UnsupportedFormat);
  EXPECT_EQ(device.write("/3/0/15", format::kLink, to_bytes("x")).status, Status::UnsupportedFormat);
  EXPECT_EQ(device.text("/3/0/15"), "Asia/Tokyo");
}

TEST(CoreSection5_4_3, ValuesMustFitTheirType) {
  TestDevice device;
  EXPECT_EQ(device.write("/1/0/1", format::kText, to_bytes("soon")).status, Status::BadRequest);
  EXPECT_EQ(device.write("/1/0/1", format::kText, to_bytes("0")).status, Status::BadRequest) << "no lifetime";
  EXPECT_EQ(device.write("/1/0/7", format::kText, to_bytes("SQ")).status, Status::BadRequest) << "no such binding here";
  EXPECT_EQ(device.write("/3/0/14", format::kText, to_bytes("one hour")).status, Status::BadRequest);
  EXPECT_EQ(device.text("/1/0/1"), "86400");
}

TEST(CoreSection5_4_3, PartialUpdateLeavesTheRest) {
  TestDevice device;
  device.set("/1/0/2", std::int64_t{5});
  // Resource 1: two bytes, 3600.
  EXPECT_EQ(device.write("/1/0", format::kTlv, from_hex("c2 01 0e10"), Mode::Update).status, Status::Changed);
  EXPECT_EQ(device.text("/1/0/1"), "3600");
  EXPECT_EQ(device.text("/1/0/2"), "5");
}

TEST(CoreSection5_4_3, ReplaceRemovesWhatIsntGiven) {
  TestDevice device;
  device.set("/1/0/2", std::int64_t{5});
  // Lifetime 3600, storing true, binding U: the mandatory ones.
  EXPECT_EQ(device.write("/1/0", format::kTlv, from_hex("c2 01 0e10 c1 06 01 c1 07 55")).status, Status::Changed);
  EXPECT_EQ(device.text("/1/0/1"), "3600");
  EXPECT_EQ(device.read("/1/0/2").status, Status::NotFound);
  EXPECT_EQ(device.text("/1/0/0"), "101") << "servers can't take what they can't write";
}

TEST(CoreSection5_4_3, AReplaceWithoutAMandatoryResourceChangesNothing) {
  TestDevice device;
  EXPECT_EQ(device.write("/1/0", format::kTlv, from_hex("c2 01 0e10")).status, Status::BadRequest);
  EXPECT_EQ(device.text("/1/0/1"), "86400");
}

TEST(CoreSection7_1_2_3, OneReadOnlyResourceRefusesTheWholeWrite) {
  TestDevice device;
  // Short server id 7, lifetime 3600.
  EXPECT_EQ(device.write("/1/0", format::kTlv, from_hex("c1 00 07 c2 01 0e10"), Mode::Update).status,
            Status::MethodNotAllowed);
  EXPECT_EQ(device.text("/1/0/1"), "86400");
  // Lifetime 3600 and a binding that is refused: nothing of it.
  EXPECT_EQ(device.write("/1/0", format::kTlv, from_hex("c2 01 0e10 c1 07 58"), Mode::Update).status,
            Status::BadRequest);
  EXPECT_EQ(device.text("/1/0/1"), "86400");
  EXPECT_FALSE(device.tree.poll_change());
}

TEST(CoreSection5_4_3, ResourceInstancesAreReplacedOrAdded) {
  BenchDevice device;
  device.add("/10250/0");
  // Resource 2, instances 0 and 5.
  EXPECT_EQ(device.write("/10250/0/2", format::kTlv, from_hex("86 02 41 00 01 41 05 02")).status, Status::Changed);
  EXPECT_EQ(device.write("/10250/0/2", format::kTlv, from_hex("83 02 41 07 04"), Mode::Update).status, Status::Changed);
  EXPECT_EQ(to_hex(device.read("/10250/0/2").payload), hex("88 02 09 41 00 01 41 05 02 41 07 04"));
  EXPECT_EQ(device.write("/10250/0/2", format::kTlv, from_hex("83 02 41 07 04")).status, Status::Changed);
  EXPECT_EQ(to_hex(device.read("/10250/0/2").payload), hex("83 02 41 07 04"));
  EXPECT_EQ(device.write("/10250/0/2", format::kText, to_bytes("1")).status, Status::UnsupportedFormat)
      << "not a single value";
}

TEST(CoreAppendixD1, ValuesOutsideTheirRangeAreRefused) {
  BenchDevice device;
  device.add("/10250/0");
  EXPECT_EQ(device.write("/10250/0/5", format::kText, to_bytes("100")).status, Status::Changed);
  EXPECT_EQ(device.write("/10250/0/5", format::kText, to_bytes("101")).status, Status::BadRequest);
  EXPECT_EQ(device.write("/10250/0/5", format::kText, to_bytes("-1")).status, Status::BadRequest);
  EXPECT_EQ(device.text("/10250/0/5"), "100");
  EXPECT_EQ(device.write("/10250/0/4", format::kText, to_bytes("four")).status, Status::Changed);
  EXPECT_EQ(device.write("/10250/0/4", format::kText, to_bytes("fives")).status, Status::BadRequest);
  // Create: resource 5 is 101.
  EXPECT_EQ(device.perform(lwm2m::Create{path("/10250"), format::kTlv, from_hex("c1 00 01 c1 01 00 c1 03 7f c1 05 65")})
                .status,
            Status::BadRequest);
}

TEST(CoreSection5_4_3, AMandatoryResourceOfSeveralInstancesKeepsOne) {
  lwm2m::model::ObjectDefinition definition = bench();
  definition.resources[2].mandatory = true;
  TestDevice device;
  device.tree.define(definition);
  device.add("/10250/0");
  EXPECT_EQ(device.write("/10250/0/2", format::kTlv, from_hex("80 02")).status, Status::BadRequest);
  EXPECT_EQ(to_hex(device.read("/10250/0/2").payload), hex("83 02 41 00 00"));
}

TEST(ObjectTree, AWriteIsReportedWithItsServerAndOnlyWhenSomethingChanged) {
  TestDevice device;
  EXPECT_EQ(device.write("/3/0/15", format::kText, to_bytes("UTC")).status, Status::Changed);
  const auto change = device.tree.poll_change();
  ASSERT_TRUE(change);
  EXPECT_EQ(change->path, path("/3/0/15"));
  EXPECT_EQ(change->server, kServer);
  EXPECT_EQ(device.write("/3/0/15", format::kText, to_bytes("UTC")).status, Status::Changed);
  EXPECT_FALSE(device.tree.poll_change());
}

// ---- Create and Delete ----------------------------------------------------------------------------------------------

TEST(CoreSection5_4_6, CreateWithAndWithoutAnId) {
  BenchDevice device;
  // Resources 0, 1 and 3: the mandatory ones.
  const Bytes without = from_hex("c1 00 01 c1 01 00 c1 03 7f");
  const Outcome first = device.perform(lwm2m::Create{path("/10250"), format::kTlv, without});
  EXPECT_EQ(first.status, Status::Created);
  EXPECT_EQ(first.location, "/10250/0");
  const Outcome third =
      device.perform(lwm2m::Create{path("/10250"), format::kTlv, from_hex("08 03 09 c1 00 01 c1 01 00 c1 03 7f")});
  EXPECT_EQ(third.status, Status::Created);
  EXPECT_EQ(third.location, "/10250/3");
  EXPECT_EQ(device.perform(lwm2m::Create{path("/10250"), format::kTlv, from_hex("08 03 09 c1 00 01 c1 01 00 c1 03 7f")})
                .status,
            Status::BadRequest)
      << "an id in use (Core §7.1.2.4)";
  EXPECT_EQ(device.perform(lwm2m::Create{path("/10250"), format::kTlv, without}).location, "/10250/1");
}

TEST(CoreSection5_4_6, MandatoryResourcesMustBeGivenAndNothingIsHalfCreated) {
  BenchDevice device;
  // Instance 0 is whole, instance 1 lacks its resource 3.
  const Bytes payload = from_hex("08 00 09 c1 00 01 c1 01 00 c1 03 7f 08 01 06 c1 00 01 c1 01 00");
  EXPECT_EQ(device.perform(lwm2m::Create{path("/10250"), format::kTlv, payload}).status, Status::BadRequest);
  EXPECT_TRUE(device.tree.instances(10250).empty());
  EXPECT_EQ(device.perform(lwm2m::Create{path("/10250"), std::nullopt, {}}).status, Status::BadRequest)
      << "no content format";
  EXPECT_EQ(device.perform(lwm2m::Create{path("/10250"), format::kText, to_bytes("1")}).status,
            Status::UnsupportedFormat);
}

TEST(CoreSection5_4_6, ReadOnlyValuesAndUnknownResourcesAreIgnored) {
  TestDevice device;
  // 5700 is read-only: eight bytes, 1.0; resource 9 isn't of the object.
  const Bytes payload = from_hex("e8 1644 08 3ff0000000000000 c1 09 01");
  const Outcome created = device.perform(lwm2m::Create{path("/3303"), format::kTlv, payload});
  ASSERT_EQ(created.status, Status::Created);
  EXPECT_EQ(device.text("/3303/1/5700"), "0");
  EXPECT_EQ(device.read("/3303/1/9").status, Status::NotFound);
}

TEST(CoreSection5_4_6, ServerAndDeviceInstancesArentCreatedByServers) {
  TestDevice device;
  EXPECT_EQ(device.perform(lwm2m::Create{path("/3"), format::kTlv, {}}).status, Status::MethodNotAllowed);
  EXPECT_EQ(device.perform(lwm2m::Create{path("/1"), format::kTlv, from_hex("c2 01 0e10 c1 06 01 c1 07 55")}).status,
            Status::MethodNotAllowed);
}

TEST(CoreSection5_4_7, DeletedInstancesTakeTheirAttributesAlong) {
  TestDevice device;
  EXPECT_EQ(device.attributes("/3303/0/5700", {"pmin=5"}), Status::Changed);
  EXPECT_EQ(device.perform(lwm2m::Delete{path("/3303/0")}).status, Status::Deleted);
  EXPECT_EQ(device.read("/3303/0").status, Status::NotFound);
  device.add("/3303/0");
  device.set("/3303/0/5700", 1.0);
  EXPECT_EQ(device.discover("/3303/0/5700"), "</3303/0/5700>");
}

// ---- Execute --------------------------------------------------------------------------------------------------------

TEST(CoreSection5_4_5, ArgumentsFollowTheGrammar) {
  TestDevice device;
  for (const char* good : {"", "5", "2='10.3'", "7,0='https://www.oma.org'", "7, 0='x'", "0,1,2,3,4", "9=''"}) {
    EXPECT_EQ(device.execute("/3/0/4", good), Status::Changed) << good;
  }
  for (const char* bad : {"a", "10", "2=10.3", "2='10.3", "5,", ",5", "5 ", "1='a b'", "1='\"'", "1='\\'", "1=''2"}) {
    EXPECT_EQ(device.execute("/3/0/4", bad), Status::BadRequest) << bad;
  }
  const std::string longest(kArgumentsBytesMax - 4, 'x');
  EXPECT_EQ(device.execute("/3/0/4", "0='" + longest + "'"), Status::Changed);
  EXPECT_EQ(device.execute("/3/0/4", "0='x" + longest + "'"), Status::BadRequest);
  const auto arguments = parse_arguments("7,0='x'").value();
  ASSERT_EQ(arguments.size(), 2U);
  EXPECT_EQ(arguments[0], (Argument{7, std::nullopt}));
  EXPECT_EQ(arguments[1], (Argument{0, "x"}));
}

TEST(CoreAppendixE4, ResetErrorCodeLeavesOneZero) {
  TestDevice device;
  device.set("/3/0/11/0", std::int64_t{1});
  device.set("/3/0/11/1", std::int64_t{7});
  EXPECT_EQ(device.execute("/3/0/12"), Status::Changed);
  EXPECT_EQ(to_hex(device.read("/3/0/11").payload), hex("83 0b 41 00 00"));
}

TEST(CoreAppendixE4, CurrentTimeRunsAndCanBeSet) {
  TestDevice device;
  device.set("/3/0/13", lwm2m::Time{0});
  device.device_object.set_clock(device.now, 1'700'000'000);
  device.now += std::chrono::seconds(90);
  EXPECT_EQ(device.text("/3/0/13"), "1700000090");
  EXPECT_EQ(device.write("/3/0/13", format::kText, to_bytes("1367491215")).status, Status::Changed);
  device.now += std::chrono::seconds(5);
  EXPECT_EQ(device.text("/3/0/13"), "1367491220");
}

// ---- Write-Attributes -----------------------------------------------------------------------------------------------

TEST(CoreSection5_1_2, AttributesAreParsedStrictly) {
  for (const char* good :
       {"pmin", "pmin=", "gt=", "pmin=0", "pmax=4294967295", "gt=45.5", "lt=-3", "st=0.5", "gt=1e3"}) {
    EXPECT_EQ(TestDevice().attributes("/3303/0/5700", {good}), Status::Changed) << good;
  }
  for (const char* bad : {"", "pmin=-1", "pmin=1.5", "pmin=4294967296", "gt=x", "gt=nan", "gt=inf", "st=-1", "dim=3",
                          "ver=1.1", "epmin=1", "gt=1x", "gt=+1"}) {
    EXPECT_EQ(TestDevice().attributes("/3303/0/5700", {bad}), Status::BadRequest) << bad;
  }
  EXPECT_EQ(TestDevice().attributes("/3303/0/5700", {"pmin=1", "pmin=2"}), Status::BadRequest);
  EXPECT_EQ(TestDevice().attributes("/3303/0/5700", {}), Status::BadRequest);
}

TEST(CoreSection5_1_2, ThresholdsBelongToNumericalResources) {
  TestDevice device;
  EXPECT_EQ(device.attributes("/3303/0", {"gt=1"}), Status::BadRequest);
  EXPECT_EQ(device.attributes("/3303", {"st=1"}), Status::BadRequest);
  EXPECT_EQ(device.attributes("/3/0/0", {"lt=1"}), Status::BadRequest);
  EXPECT_EQ(device.attributes("/3/0/9", {"gt=45", "st=10"}), Status::Changed);
}

TEST(CoreSection5_1_2, InconsistentAttributesChangeNothing) {
  TestDevice device;
  const char* resource = "/3303/0/5700";
  EXPECT_EQ(device.attributes(resource, {"pmin=20", "lt=10", "gt=30"}), Status::Changed);
  EXPECT_EQ(device.attributes(resource, {"pmax=19"}), Status::BadRequest);
  EXPECT_EQ(device.attributes(resource, {"lt=30"}), Status::BadRequest);
  EXPECT_EQ(device.attributes(resource, {"st=10"}), Status::BadRequest) << "10 + 2 * 10 isn't below 30";
  EXPECT_EQ(device.attributes("/3303", {"pmin=20", "pmax=19"}), Status::BadRequest);
  EXPECT_EQ(device.discover(resource), "</3303/0/5700>;pmin=20;gt=30;lt=10");
  EXPECT_EQ(device.attributes(resource, {"pmin", "lt", "st=10"}), Status::Changed);
  EXPECT_EQ(device.discover(resource), "</3303/0/5700>;gt=30;st=10");
}

TEST(CoreSection5_1_1, TheNearestLevelPrevailsAndUnsettingUncoversTheNext) {
  TestDevice device;
  EXPECT_EQ(device.attributes("/3303", {"pmin=10"}), Status::Changed);
  EXPECT_EQ(device.attributes("/3303/0", {"pmin=20"}), Status::Changed);
  EXPECT_EQ(device.attributes("/3303/0/5700", {"pmin=30"}), Status::Changed);
  const auto pmin = [&] { return device.tree.attributes().effective(kServer, path("/3303/0/5700")).pmin; };
  EXPECT_EQ(pmin(), 30U);
  EXPECT_EQ(device.attributes("/3303/0/5700", {"pmin"}), Status::Changed);
  EXPECT_EQ(pmin(), 20U);
  EXPECT_EQ(device.attributes("/3303/0", {"pmin"}), Status::Changed);
  EXPECT_EQ(pmin(), 10U);
}

// ---- the device's own side ------------------------------------------------------------------------------------------

TEST(ObjectTree, TheProgramIsToldWhatDoesntFit) {
  TestDevice device;
  EXPECT_FALSE(device.tree.add(device.own(), 9999, 0));
  EXPECT_FALSE(device.tree.add(device.own(), 3, 1)) << "a single instance";
  EXPECT_FALSE(device.tree.add(device.own(), 3303, 65535)) << "reserved";
  EXPECT_FALSE(device.tree.set(device.own(), path("/3/0/9"), std::string("full")));
  EXPECT_FALSE(device.tree.set(device.own(), path("/3/0/4"), std::int64_t{1})) << "executable";
  EXPECT_FALSE(device.tree.set(device.own(), path("/3/0/9/1"), std::int64_t{1})) << "single";
  EXPECT_FALSE(device.tree.unset(device.own(), path("/3/0/16"))) << "mandatory";
}

/// Brings its values up to date when they are looked at.
struct Looked final : ObjectBehaviour {
  ObjectTree* tree = nullptr;
  std::string log;
  std::int64_t level = 0;
  void before_read(const Context& context, lwm2m::InstanceId instance) override {
    log += std::to_string(instance) + ' ';
    EXPECT_TRUE(tree->set(context, Path(10250, instance, 5), ++level));
  }
};

TEST(ObjectBehaviour, IsToldOnceForEachInstanceBeforeARead) {
  BenchDevice device;
  Looked looked;
  looked.tree = &device.tree;
  device.tree.set_behaviour(10250, &looked);
  device.add("/10250/0"), device.add("/10250/3");
  EXPECT_EQ(device.text("/10250/0/5"), "1") << "instantiated by the look at it";
  device.read("/10250/3");
  device.read("/10250");
  device.perform(lwm2m::Observe{path("/10250/0"), {}});
  EXPECT_EQ(looked.log, "0 3 0 3 0 ");
  EXPECT_EQ(device.read("/10250/0/4").status, Status::NotFound);
  device.read("/10250/9");
  device.discover("/10250/0");
  EXPECT_EQ(looked.log, "0 3 0 3 0 0 ") << "not for what isn't there, nor for Discover";
}

/// Takes a firmware piece by piece.
struct Sink final : ObjectBehaviour {
  std::string log;
  bool streams(lwm2m::ResourceId id) const override { return id == 0; }
  Result<void> write_block(const Context&, const Path&, std::size_t offset, ByteView bytes, bool last) override {
    if (bytes.empty()) return peer_error(0x80, "nothing");
    log += std::to_string(offset) + "+" + std::to_string(bytes.size()) + (last ? "." : ",");
    return {};
  }
};

TEST(ObjectTree, AStreamedWriteGoesToItsBehaviour) {
  TestDevice device;
  Sink sink;
  device.tree.set_behaviour(5, &sink);
  EXPECT_FALSE(device.tree.streams(path("/5/0/0"))) << "no instance yet";
  device.add("/5/0");
  ASSERT_TRUE(device.tree.streams(path("/5/0/0")));
  EXPECT_FALSE(device.tree.streams(path("/5/0/1")));
  const Bytes block(16);
  EXPECT_EQ(device.tree.write_block(device.server(), path("/5/0/0"), 0, block, false).status, Status::Changed);
  EXPECT_EQ(device.tree.write_block(device.server(), path("/5/0/0"), 16, block, true).status, Status::Changed);
  EXPECT_EQ(sink.log, "0+16,16+16.");
  EXPECT_EQ(device.tree.write_block(device.server(), path("/5/0/0"), 0, {}, true).status, Status::BadRequest);
}

}  // namespace
}  // namespace drover::client::testing
