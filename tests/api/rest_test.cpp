// SPDX-License-Identifier: Apache-2.0
// What each route asks of the fleet and shows of its answer.
#include <limits>
#include <nlohmann/json.hpp>

#include "api_fixture.hpp"

namespace drover::api::test {
namespace {

using lwm2m::Status;
using server::NoAnswer;

class Rest : public ApiTest {};

template <class T>
T taken(const lwm2m::Downlink& operation) {
  const auto* found = std::get_if<T>(&operation);
  EXPECT_NE(found, nullptr) << "it is a " << lwm2m::name_of(operation);
  return found == nullptr ? T{} : *found;
}

// ---- devices --------------------------------------------------------------------------------------------------------

TEST_F(Rest, DevicesComeInPagesThatJoinWithoutGapOrRepetition) {
  for (int i = 0; i < 5; ++i) fleet_.add(device_view("d" + std::to_string(i)));
  std::vector<std::string> seen;
  std::string target = "/api/v1/devices?search=d&limit=2";
  for (int page = 0; page < 10; ++page) {
    const Json json = get(target).json();
    EXPECT_EQ(json["total"], 6);  // "urn:dev:..." has a d, too
    for (const auto& device : json["devices"]) seen.push_back(device["endpoint"]);
    if (json["next"].is_null()) break;
    target = "/api/v1/devices?search=d&limit=2&after=" + json["next"].get<std::string>();
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"d0", "d1", "d2", "d3", "d4", kEndpoint}));
}

TEST_F(Rest, PageSizeOutsideOneToThousandIsRefused) {
  for (const char* limit : {"0", "1001", "-1", "x", "", "1.5", "99999999999999999999"}) {
    const Reply reply = get(std::string("/api/v1/devices?limit=") + limit);
    EXPECT_EQ(reply.status, 400) << limit;
    EXPECT_EQ(reply.json()["parameter"], "limit");
  }
}

TEST_F(Rest, AFixedPathIsNoVariableOne) {
  // Not the credential "import".
  const Reply reply = request("PATCH", "/api/v1/credentials/import", "{}");
  EXPECT_EQ(reply.status, 405) << reply.body;
  EXPECT_EQ(reply.field("Allow"), "POST");
  EXPECT_EQ(request("OPTIONS", "/api/v1/credentials/1").field("Allow"), "GET, PATCH, DELETE");
}

TEST_F(Rest, SearchAndAfterLongerThanAnyEndpointNameAreRefused) {
  for (const char* name : {"search", "after"}) {
    const std::string target = std::string("/api/v1/devices?") + name + "=";
    EXPECT_EQ(get(target + std::string(255, 'a')).status, 200) << name;
    const Reply reply = get(target + std::string(256, 'a'));
    EXPECT_EQ(reply.status, 400) << name;
    EXPECT_EQ(reply.json()["parameter"], name);
  }
}

TEST_F(Rest, ExecuteArgumentsThatNoDeviceCouldTakeAreRefused) {
  fleet_.answer_with(changed());
  const auto execute = [&](const std::string& arguments) {
    return request("POST", device("/execute/3/0/8"), Json{{"arguments", arguments}}.dump());
  };
  const auto quoted = [](std::size_t size) { return "0='" + std::string(size, 'a') + "'"; };
  for (const std::string& fine : {std::string("0"), std::string("5,2='!#[]~',9=''"), quoted(255 - 4)}) {
    EXPECT_EQ(execute(fine).status, 200) << fine;
    EXPECT_EQ(taken<lwm2m::Execute>(fleet_.next_operation()).arguments, fine);
  }
  for (const std::string& bad :
       {std::string("a"), std::string("10"), std::string("0="), std::string("0='a"), std::string("0,"),
        std::string(",0"), std::string("0='a'b"), std::string("0='a b'"), std::string("0='\xC3\xA9'"),
        std::string("0='\"'"), std::string("0 "), quoted(256 - 4), std::string(1000, '1')}) {
    const Reply reply = execute(bad);
    EXPECT_EQ(reply.status, 400) << bad;
    EXPECT_EQ(reply.json()["pointer"], "/arguments") << bad;
  }
  EXPECT_EQ(fleet_.operations(), 0u);
}

TEST_F(Rest, AttributesThatAreNoNumbersAreRefused) {
  fleet_.answer_with(changed());
  for (const char* fine : {"pmin=0", "pmax=", "gt=-4.5", "lt=1", "st=0.25"}) {
    EXPECT_EQ(request("PUT", device(std::string("/attributes/3/0/1?") + fine)).status, 200) << fine;
    fleet_.next_operation();
  }
  const std::string digits(300, '1');
  for (const std::string& bad :
       {std::string("pmin=-1"), std::string("pmin=1.5"), std::string("gt=1e--5"), std::string("gt=."),
        std::string("gt=1."), std::string("st=--1"), "pmax=" + digits, "lt=" + digits}) {
    const Reply reply = request("PUT", device("/attributes/3/0/1?" + bad));
    EXPECT_EQ(reply.status, 400) << bad;
    EXPECT_EQ(reply.json()["parameter"], bad.substr(0, bad.find('='))) << bad;
  }
  const Reply format = get(device("/resources/3/0/1?accept=" + digits));
  EXPECT_EQ(format.status, 400);
  EXPECT_EQ(format.json()["parameter"], "accept");
  EXPECT_EQ(fleet_.operations(), 0u);
}

TEST_F(Rest, EndpointNamesArePercentDecodedAfterSplitting) {
  fleet_.add(device_view("a/b c+d%"));
  const Reply reply = get("/api/v1/devices/a%2Fb%20c+d%25");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.json()["endpoint"], "a/b c+d%");
}

TEST_F(Rest, BadPercentEncodingIsRefused) {
  for (const char* endpoint : {"%", "%4", "%zz", "%00", "%0A", "%FF", "%C3%28"}) {
    EXPECT_EQ(get(std::string("/api/v1/devices/") + endpoint).status, 400) << endpoint;
  }
  EXPECT_EQ(get("/api/v1/devices?search=%").status, 400);
  EXPECT_EQ(get("/api/v1/devices?limit=1&limit=2").status, 400);
}

TEST_F(Rest, AnUnknownDeviceIs404WithTheKindNotRegistered) {
  for (const char* target : {"/api/v1/devices/nobody", "/api/v1/devices/nobody/observations",
                             "/api/v1/devices/nobody/resources/3/0", "/api/v1/devices/nobody/discover/3"}) {
    const Reply reply = get(target);
    EXPECT_EQ(reply.status, 404) << target;
    EXPECT_EQ(reply.field("Content-Type"), "application/problem+json");
    EXPECT_EQ(reply.json()["type"], "urn:drover:problem:not-registered") << target;
  }
}

TEST_F(Rest, AnAnnouncedObjectHasItsNameAndVersion) {
  const Json objects = get(device("")).json()["objects"];
  ASSERT_EQ(objects.size(), 3u);
  EXPECT_EQ(objects[0]["name"], "Test object");
  EXPECT_TRUE(objects[0]["version"].is_null());
  EXPECT_EQ(objects[1]["version"], "1.1");
  EXPECT_TRUE(objects[2]["name"].is_null());
}

// ---- Read -----------------------------------------------------------------------------------------------------------

TEST_F(Rest, ReadShowsCodeFormatRawPayloadAndTypedValue) {
  // Core 6.4.3: resource 5 (Time), 4 bytes
  //   11 0 00 100  type resource, 8-bit id, 4 bytes = C4; id 05; 51 82 42 8F = 1367491215
  fleet_.answer_with(content(11542, {0xC4, 0x05, 0x51, 0x82, 0x42, 0x8F}));
  const Reply reply = get(device("/resources/3/0/5"));
  EXPECT_EQ(reply.status, 200);
  const Json json = reply.json();
  EXPECT_EQ(json["operation"], "Read");
  EXPECT_EQ(json["path"], "/3/0/5");
  EXPECT_EQ(json["code"], "2.05");
  EXPECT_EQ(json["status"], "Content");
  EXPECT_EQ(json["format"], 11542);
  EXPECT_EQ(json["payload"], "xAVRgkKP");
  EXPECT_EQ(json["value"], 1367491215);
  EXPECT_EQ(json["type"], "Time");
  EXPECT_FALSE(json.contains("note"));
}

TEST_F(Rest, SixtyFourBitIntegersAreExactBothWays) {
  // C8 (8-bit length), id 01, length 08
  fleet_.answer_with(content(11542, {0xC8, 0x01, 0x08, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}));
  EXPECT_NE(get(device("/resources/3/0/1")).body.find("\"value\":9223372036854775807"), std::string::npos);
  fleet_.answer_with(content(11542, {0xC8, 0x01, 0x08, 0x80, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_NE(get(device("/resources/3/0/1")).body.find("\"value\":-9223372036854775808"), std::string::npos);

  fleet_.next_operation();
  fleet_.next_operation();
  fleet_.answer_with(changed());
  EXPECT_EQ(request("PUT", device("/resources/3/0/1?format=text"), R"({"value":9223372036854775807})").status, 200);
  EXPECT_EQ(as_text(taken<lwm2m::Write>(fleet_.next_operation()).payload), "9223372036854775807");
  EXPECT_EQ(request("PUT", device("/resources/3/0/1?format=text"), R"({"value":-9223372036854775808})").status, 200);
  EXPECT_EQ(as_text(taken<lwm2m::Write>(fleet_.next_operation()).payload), "-9223372036854775808");
  const Reply over = request("PUT", device("/resources/3/0/1"), R"({"value":9223372036854775808})");
  EXPECT_EQ(over.status, 400);
  EXPECT_EQ(over.json()["pointer"], "/value");
}

TEST_F(Rest, EveryTypeHasItsJsonForm) {
  // An instance: each resource as 11 0 00 LLL (length in the type byte) unless said.
  fleet_.answer_with(content(11542, {
                                        0xC2, 0x00, 'h',  'i',                          // 0 String
                                        0xC1, 0x01, 0xFF,                               // 1 Integer -1
                                        0xC4, 0x02, 0x40, 0x49, 0x00, 0x00,             // 2 Float 3.140625
                                        0xC1, 0x03, 0x01,                               // 3 Boolean
                                        0xC3, 0x04, 0x00, 0xFF, 0x10,                   // 4 Opaque
                                        0xC1, 0x05, 0x05,                               // 5 Time
                                        0xC4, 0x06, 0x00, 0x03, 0x00, 0x00,             // 6 Objlnk 3:0
                                        0x86, 0x07, 0x41, 0x00, 0x0A, 0x41, 0x02, 0x0B  // 7 multiple: 0 -> 10, 2 -> 11
                                    }));
  const Json value = get(device("/resources/3/0")).json()["value"];
  EXPECT_EQ(value,
            Json::parse(R"({"0":"hi","1":-1,"2":3.140625,"3":true,"4":"AP8Q","5":5,"6":"3:0","7":{"0":10,"2":11}})"));
}

TEST_F(Rest, TheAnnouncedObjectVersionChoosesTheDefinition) {
  // Resource 1 is an Integer in 1.0 and a Float in 1.1: 4 bytes 40 49 00 00 are 3.140625 or 1078525952.
  fleet_.answer_with(content(11542, {0xC4, 0x01, 0x40, 0x49, 0x00, 0x00}));
  EXPECT_EQ(get(device("/resources/3/0/1")).json()["value"], 1078525952);
  EXPECT_EQ(get(device("/resources/4/0/1")).json()["value"], 3.140625);
}

TEST_F(Rest, AnUndecodablePayloadIsShownRawWithANote) {
  fleet_.answer_with(content(11542, {0xC4, 0x05, 0x51}));
  const Reply reply = get(device("/resources/3/0/5"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.json()["payload"], "xAVR");
  EXPECT_FALSE(reply.json().contains("value"));
  EXPECT_TRUE(reply.json().contains("note"));
  fleet_.answer_with(content(60, {0xA0}));  // application/cbor: no format of this enabler
  EXPECT_TRUE(get(device("/resources/3/0/5")).json().contains("note"));
}

TEST_F(Rest, AcceptIsTheCallersChoice) {
  fleet_.answer_with(content(0, {'1'}));
  const auto accept_of = [&](const std::string& query) {
    EXPECT_EQ(get(device("/resources/3/0/1" + query)).status, 200);
    return taken<lwm2m::Read>(fleet_.next_operation());
  };
  EXPECT_EQ(accept_of("").accept, std::nullopt);
  EXPECT_FALSE(accept_of("").no_accept);
  EXPECT_TRUE(accept_of("?accept=none").no_accept);
  EXPECT_EQ(accept_of("?accept=json").accept, 11543);
  EXPECT_EQ(accept_of("?accept=1542").accept, 1542);
  EXPECT_EQ(get(device("/resources/3/0/1?accept=xml")).json()["parameter"], "accept");
}

TEST_F(Rest, DiscoverShowsLinksWithAttributes) {
  fleet_.answer_with(content(40, to_bytes("</3/0>;pmin=10,</3/0/1>;gt=\"5\";obs,</x>")));
  const Json links = get(device("/discover/3/0")).json()["links"];
  ASSERT_EQ(links.size(), 3u);
  EXPECT_EQ(links[0]["path"], "/3/0");
  EXPECT_EQ(links[0]["attributes"]["pmin"], "10");
  EXPECT_EQ(links[1]["attributes"]["gt"], "5");
  EXPECT_TRUE(links[1]["attributes"]["obs"].is_null());
  EXPECT_TRUE(links[2]["path"].is_null());
}

TEST_F(Rest, LinksBelowAnAlternatePathAreShownWithoutIt) {
  auto view = device_view("rooted");
  view.announcement.root = "/lwm2m";
  fleet_.add(view);
  fleet_.answer_with(content(40, to_bytes("</lwm2m/3/0>,</lwm2m2/3>,</3/0>,</lwm2m>")));
  const Json links = get("/api/v1/devices/rooted/discover/3").json()["links"];
  ASSERT_EQ(links.size(), 4u);
  EXPECT_EQ(links[0]["path"], "/3/0");
  for (std::size_t i = 1; i < 4; ++i) EXPECT_TRUE(links[i]["path"].is_null()) << links[i];
}

// ---- Write, Create, Execute, ... ------------------------------------------------------------------------------------

TEST_F(Rest, ASingleOpaqueValueGoesAsItsBytes) {
  fleet_.answer_with(changed());
  EXPECT_EQ(request("PUT", device("/resources/3/0/4"), R"({"value":"AP8Q"})").status, 200);
  auto write = taken<lwm2m::Write>(fleet_.next_operation());
  EXPECT_EQ(write.format, lwm2m::format::kOpaque);
  EXPECT_EQ(write.payload, (Bytes{0x00, 0xFF, 0x10}));
  EXPECT_EQ(request("PUT", device("/resources/3/0/4?format=tlv"), R"({"value":"AP8Q"})").status, 200);
  write = taken<lwm2m::Write>(fleet_.next_operation());
  EXPECT_EQ(write.format, lwm2m::format::kTlv);
  EXPECT_EQ(write.payload, (Bytes{0xC3, 0x04, 0x00, 0xFF, 0x10}));
}

TEST_F(Rest, WriteEncodesByTheModel) {
  fleet_.answer_with(changed());
  EXPECT_EQ(request("PUT", device("/resources/3/0"), R"({"value":{"0":"hi","3":true,"7":{"2":11,"0":10}}})").status,
            200);
  const auto write = taken<lwm2m::Write>(fleet_.next_operation());
  EXPECT_EQ(write.mode, lwm2m::Write::Mode::Replace);
  EXPECT_EQ(write.format, 11542);
  EXPECT_EQ(write.payload,
            (Bytes{0xC2, 0x00, 'h', 'i', 0xC1, 0x03, 0x01, 0x86, 0x07, 0x41, 0x00, 0x0A, 0x41, 0x02, 0x0B}));
  EXPECT_EQ(request("PATCH", device("/resources/3/0"), R"({"value":{"3":false}})").status, 200);
  EXPECT_EQ(taken<lwm2m::Write>(fleet_.next_operation()).mode, lwm2m::Write::Mode::Update);
}

TEST_F(Rest, AWrongValueIsNamedByAPointer) {
  const auto pointer = [&](const std::string& body) {
    const Reply reply = request("PUT", device("/resources/3/0"), body);
    EXPECT_EQ(reply.status, 400) << body;
    return reply.json().value("pointer", "");
  };
  EXPECT_EQ(pointer(R"({"value":{"1":"x"}})"), "/value/1");
  EXPECT_EQ(pointer(R"({"value":{"1":1.5}})"), "/value/1");
  EXPECT_EQ(pointer(R"({"value":{"3":1}})"), "/value/3");
  EXPECT_EQ(pointer(R"({"value":{"4":"not base64"}})"), "/value/4");
  EXPECT_EQ(pointer(R"({"value":{"6":"3"}})"), "/value/6");
  EXPECT_EQ(pointer(R"({"value":{"7":{"0":1,"5":"x"}}})"), "/value/7/5");
  EXPECT_EQ(pointer(R"({"value":{"7":1}})"), "/value/7");
  EXPECT_EQ(pointer(R"({"value":{"8":1}})"), "/value/8");
  EXPECT_EQ(pointer(R"({"value":{"65535":1}})"), "/value");
  EXPECT_EQ(pointer(R"({"value":{"01":1}})"), "/value");
  EXPECT_EQ(pointer(R"({"value":3})"), "/value");
  EXPECT_EQ(pointer(R"({"valeu":3})"), "/valeu");
  EXPECT_EQ(fleet_.operations(), 0u) << "nothing of that was sent";
}

TEST_F(Rest, ABodyThatIsNoJsonObjectIsRefused) {
  for (const std::string body : {"{", "[]", "1", "{\"value\":1}x", "{}", "\xFF", "{\"value\":1e999}"}) {
    EXPECT_EQ(request("PUT", device("/resources/3/0/1"), body).status, 400) << body;
  }
  std::string deep = "{\"value\":";
  for (int i = 0; i < 5000; ++i) deep += "[";
  EXPECT_EQ(request("PUT", device("/resources/3/0/1"), deep).status, 400);
  EXPECT_EQ(request("PUT", device("/resources/3/0/1"), "value=1", "application/x-www-form-urlencoded").status, 415);
  EXPECT_EQ(request("PUT", device("/resources/3/0/1")).status, 415);
}

TEST_F(Rest, ARawPayloadGoesOutAsItIs) {
  fleet_.answer_with(changed());
  EXPECT_EQ(request("PUT", device("/resources/3/0/1?format=60"), std::string("\x01\xFF", 2), "application/octet-stream")
                .status,
            200);
  auto write = taken<lwm2m::Write>(fleet_.next_operation());
  EXPECT_EQ(write.format, 60);
  EXPECT_EQ(write.payload, (Bytes{0x01, 0xFF}));
  EXPECT_EQ(request("PUT", device("/resources/3/0/1"), "x", "application/octet-stream").status, 200);
  EXPECT_EQ(taken<lwm2m::Write>(fleet_.next_operation()).format, std::nullopt);
  EXPECT_EQ(request("PUT", device("/resources/3/0/1"), R"({"payload":"Af8=","format":1542})").status, 200);
  write = taken<lwm2m::Write>(fleet_.next_operation());
  EXPECT_EQ(write.format, 1542);
  EXPECT_EQ(write.payload, (Bytes{0x01, 0xFF}));
  EXPECT_EQ(request("PUT", device("/resources/3/0/1"), R"({"payload":"Af8"})").json()["pointer"], "/payload");
  EXPECT_EQ(request("PUT", device("/resources/3/0/1"), R"({"payload":"","format":65536})").json()["pointer"],
            "/format");
}

TEST_F(Rest, AJsonOnlyDeviceIsWrittenJson) {
  auto view = device_view("json-only");
  view.announcement.formats = {11543};
  fleet_.add(view);
  fleet_.answer_with(changed());
  EXPECT_EQ(request("PUT", "/api/v1/devices/json-only/resources/3/0/1", R"({"value":5})").status, 200);
  EXPECT_EQ(taken<lwm2m::Write>(fleet_.next_operation()).format, 11543);
}

TEST_F(Rest, CreateAnswers201WithTheLocation) {
  fleet_.answer_with(lwm2m::Outcome{Status::Created, std::nullopt, {}, "/3/7", 0x41});
  const Reply reply = request("POST", device("/resources/3"), R"({"instance":7,"value":{"3":true}})");
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.field("Location"), "/api/v1/devices/urn%3Adev%3Aos%3Atest-1/resources/3/7");
  EXPECT_EQ(reply.json()["location"], "/3/7");
  const auto create = taken<lwm2m::Create>(fleet_.next_operation());
  EXPECT_EQ(create.path.to_string(), "/3");
  // 00 0 00 011 object instance, 3 bytes: id 07 with resource 3
  EXPECT_EQ(create.payload, (Bytes{0x03, 0x07, 0xC1, 0x03, 0x01}));
  EXPECT_EQ(request("POST", device("/resources/3"), R"({"instance":65535,"value":{}})").json()["pointer"], "/instance");
}

TEST_F(Rest, ExecuteDeleteAndWriteAttributes) {
  fleet_.answer_with(changed());
  EXPECT_EQ(request("POST", device("/execute/3/0/8")).status, 200);
  EXPECT_EQ(taken<lwm2m::Execute>(fleet_.next_operation()).arguments, "");
  EXPECT_EQ(request("POST", device("/execute/3/0/8"), R"({"arguments":"0='a',1"})").status, 200);
  EXPECT_EQ(taken<lwm2m::Execute>(fleet_.next_operation()).arguments, "0='a',1");
  EXPECT_EQ(request("POST", device("/execute/3/0/8"), R"({"arguments":1})").json()["pointer"], "/arguments");

  EXPECT_EQ(request("PUT", device("/attributes/3/0/1?pmin=10&gt=4.5&st=")).status, 200);
  EXPECT_EQ(taken<lwm2m::WriteAttributes>(fleet_.next_operation()).attributes,
            (std::vector<std::string>{"pmin=10", "gt=4.5", "st"}));
  EXPECT_EQ(request("PUT", device("/attributes/3/0/1")).status, 400);
  EXPECT_EQ(request("PUT", device("/attributes/3/0/1?pmin=ten")).json()["parameter"], "pmin");

  fleet_.answer_with(lwm2m::Outcome{Status::Deleted, std::nullopt, {}, "", 0x42});
  EXPECT_EQ(request("DELETE", device("/resources/3/0")).json()["code"], "2.02");
  EXPECT_EQ(taken<lwm2m::Delete>(fleet_.next_operation()).path.to_string(), "/3/0");
}

TEST_F(Rest, AnOperationAtTheWrongLevelIsRefusedHere) {
  EXPECT_EQ(request("PUT", device("/resources/3"), R"({"value":{}})").json()["type"], "urn:drover:problem:bad-path");
  EXPECT_EQ(request("POST", device("/resources/3/0"), R"({"value":{}})").status, 400);
  EXPECT_EQ(request("DELETE", device("/resources/3")).status, 400);
  EXPECT_EQ(request("POST", device("/execute/3/0")).status, 400);
  for (const char* path : {"3/0/0/0/0", "x", "3/", "3//0", "65536", "03"}) {
    EXPECT_EQ(get(device(std::string("/resources/") + path)).status, 400) << path;
  }
  EXPECT_EQ(fleet_.operations(), 0u);
}

TEST_F(Rest, ObservationsAreListedStartedAndCancelledBothWays) {
  fleet_.set_observations({{kEndpoint, lwm2m::Path(3, 0, 1), 11542, 1'700'000'000, 4}});
  const Json list = get(device("/observations")).json()["observations"];
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0]["path"], "/3/0/1");
  EXPECT_EQ(list[0]["notifications"], 4);

  fleet_.answer_with(content(0, {'5'}));
  EXPECT_EQ(request("PUT", device("/observations/3/0/1?accept=text")).json()["value"], 5);
  EXPECT_EQ(taken<lwm2m::Observe>(fleet_.next_operation()).accept, 0);
  EXPECT_EQ(request("DELETE", device("/observations/3/0/1")).status, 200);
  EXPECT_EQ(fleet_.last_cancel_mode(), server::CancelMode::Get);
  // The fleet's own answers have no wire code.
  fleet_.answer_with(lwm2m::Outcome{Status::Deleted, std::nullopt, {}, "", 0});
  EXPECT_EQ(request("DELETE", device("/observations/3/0/1?mode=reset")).status, 200);
  EXPECT_EQ(fleet_.last_cancel_mode(), server::CancelMode::Reset);
  fleet_.answer_with(lwm2m::Outcome{Status::Changed, std::nullopt, {}, "", 0x44});
  EXPECT_EQ(request("DELETE", device("/observations/3/0/1?mode=attributes")).status, 200);
  EXPECT_EQ(fleet_.last_cancel_mode(), server::CancelMode::WriteAttributes);
  fleet_.answer_with(lwm2m::Outcome{Status::NotFound, std::nullopt, {}, "", 0});
  EXPECT_EQ(request("DELETE", device("/observations/3/0/1")).json()["type"], "urn:drover:problem:not-found");
  EXPECT_EQ(request("DELETE", device("/observations/3/0/1?mode=shout")).status, 400);
}

// ---- errors ---------------------------------------------------------------------------------------------------------

TEST_F(Rest, ADevicesErrorIsMirroredWithItsCodeAndReason) {
  const std::pair<std::uint8_t, int> kCodes[] = {{0x80, 400}, {0x81, 403}, {0x82, 502}, {0x83, 403}, {0x84, 404},
                                                 {0x85, 405}, {0x86, 406}, {0x88, 502}, {0x8C, 412}, {0x8D, 413},
                                                 {0x8F, 415}, {0xA0, 502}, {0xA1, 501}, {0xA3, 503}};
  for (const auto& [code, status] : kCodes) {
    fleet_.answer_with(lwm2m::Outcome{Status::Other, std::nullopt, to_bytes("because"), "", code});
    const Reply reply = get(device("/resources/3/0/1"));
    EXPECT_EQ(reply.status, status) << int{code};
    const Json json = reply.json();
    EXPECT_EQ(json["type"], "urn:drover:problem:device-answer");
    EXPECT_EQ(json["status"], status);
    const int detail = code & 0x1F;
    EXPECT_EQ(json["coap_code"], std::to_string(code >> 5) + (detail < 10 ? ".0" : ".") + std::to_string(detail));
    EXPECT_NE(json["coap_reason"].get<std::string>().find("because"), std::string::npos);
  }
}

TEST_F(Rest, NoAnswerFromTheDevice) {
  const std::pair<NoAnswer, int> kCauses[] = {
      {NoAnswer::NotRegistered, 404}, {NoAnswer::Timeout, 504}, {NoAnswer::Reset, 502}, {NoAnswer::Malformed, 502},
      {NoAnswer::TooLarge, 502},      {NoAnswer::Refused, 503}, {NoAnswer::Gone, 410},  {NoAnswer::QueueFull, 503},
      {NoAnswer::Expired, 504},       {NoAnswer::Cancelled, 409}, {NoAnswer::Unreachable, 409}};
  for (const auto& [why, status] : kCauses) {
    fleet_.answer_with(why);
    const Reply reply = get(device("/resources/3/0/1"));
    EXPECT_EQ(reply.status, status) << int(why);
    EXPECT_TRUE(reply.json().contains("no_answer"));
  }
}

TEST_F(Rest, AnAnswerAfterTheCallersTimeoutIsDropped) {
  fleet_.hold();
  const Reply reply = get(device("/resources/3/0/1?timeout=1"));
  EXPECT_EQ(reply.status, 504);
  EXPECT_EQ(reply.json()["no_answer"], "timeout");
  fleet_.release(content(0, {'1'}));
  EXPECT_EQ(get("/healthz").status, 200);
  for (const char* wait : {"0", "301", "x", ""}) {
    EXPECT_EQ(get(device(std::string("/resources/3/0/1?timeout=") + wait)).json()["parameter"], "timeout");
  }
}

TEST_F(Rest, UnknownRoutesMethodsAndParameters) {
  EXPECT_EQ(get("/api/v1/nothing").status, 404);
  EXPECT_EQ(get("/elsewhere").status, 404);
  EXPECT_EQ(get("/api/v1/devices/").status, 404);
  const Reply method = request("DELETE", device("/observations"));
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.field("Allow"), "GET");
  EXPECT_EQ(request("TRACE", "/healthz").status, 405);
  EXPECT_EQ(get("/api/v1/devices?colour=red").json()["parameter"], "colour");
}

TEST_F(Rest, ObjectsAndStatus) {
  EXPECT_EQ(get("/api/v1/objects").json()["objects"].size(), 4u);
  EXPECT_EQ(get("/api/v1/objects/3").json()["version"], "1.0");
  EXPECT_EQ(get("/api/v1/objects/3?version=1.1").json()["resources"][1]["type"], "Float");
  EXPECT_EQ(get("/api/v1/objects/99").status, 404);
  EXPECT_EQ(get("/api/v1/objects/x").status, 400);
  EXPECT_EQ(get("/api/v1/objects/3?version=one").status, 400);
  const Json status = get("/api/v1/status").json();
  EXPECT_EQ(status["registers"], 7);
  EXPECT_EQ(status["coap"]["datagrams_in"], 11);
  EXPECT_EQ(status["operations_queued"], 21);
  EXPECT_EQ(status["operations_requeued"], 22);
  EXPECT_EQ(status["operations_expired"], 23);
  EXPECT_EQ(status["triggers"], 24);
  EXPECT_EQ(status["triggers_failed"], 25);
  EXPECT_EQ(status["sms_fallbacks"], 26);
  EXPECT_TRUE(status["events"]["newest"].is_null());
}

TEST_F(Rest, StoppingAnswersWhatIsPending) {
  start();
  fleet_.hold();
  RawClient client(port_);
  client.send("GET " + device("/resources/3/0/1") + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  fleet_.next_operation();
  api_->stop();
  EXPECT_EQ(status_of(client.read_all()), 503);
  fleet_.release(content(0, {'1'}));  // a callback that comes too late finds nobody
}

}  // namespace
}  // namespace drover::api::test
