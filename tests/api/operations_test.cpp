// SPDX-License-Identifier: Apache-2.0
// Operations of devices that sleep: 202 and what becomes of them, seen and taken back.
#include <nlohmann/json.hpp>

#include "api_fixture.hpp"
#include "bootstrap_samples.hpp"
#include "sse_stream.hpp"

namespace drover::api::test {
namespace {

using lwm2m::Status;
using server::NoAnswer;
using server::OperationState;
using server::Redelivery;
using server::Way;

constexpr const char* kHead = " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";

class Operations : public ApiTest {
 protected:
  Reply request_with(const std::string& field, const std::string& target) {
    if (!api_) start();
    RawClient client(port_);
    client.send("GET " + target + kHead + field + "\r\n\r\n");
    const std::string answer = client.read_all();
    const std::size_t end = answer.find("\r\n\r\n");
    return {status_of(answer), answer.substr(0, end), end == std::string::npos ? "" : answer.substr(end + 4)};
  }
  /// Of an operation that was just queued; the id.
  std::string queue(const std::string& rest = "/resources/3/0/1") {
    fleet_.fall_asleep();
    const Reply reply = get(device(rest));
    EXPECT_EQ(reply.status, 202) << reply.body;
    return reply.json().value("id", "");
  }
};

// ---- asking ---------------------------------------------------------------------------------------------------------

TEST_F(Operations, WhatIsQueuedIsAnsweredAtOnceWithWhatWillHappen) {
  queue();
  const Reply reply = request("PUT", device("/resources/3/0/1"), R"({"value":1})");
  EXPECT_EQ(reply.status, 202);
  EXPECT_EQ(reply.field("Location"), "/api/v1/devices/urn%3Adev%3Aos%3Atest-1/operations/2");
  EXPECT_EQ(get(reply.field("Location")).json(), reply.json());
  EXPECT_EQ(reply.field("Content-Type"), "application/json");
  const Json json = reply.json();
  EXPECT_EQ(json["id"], "2");
  EXPECT_EQ(json["operation"], "Write");
  EXPECT_EQ(json["path"], "/3/0/1");
  EXPECT_EQ(json["state"], "queued");
  EXPECT_EQ(json["ahead"], 1);
  EXPECT_EQ(json["expected_by"], 1'700'086'400);
  EXPECT_EQ(json["expires_at"], 1'700'604'800);
  EXPECT_EQ(json["triggered"], true);
  EXPECT_EQ(json["detail"],
            "it is sent when the device is awake, behind 1 other; the device has been asked by SMS to wake; the device "
            "is due by 2023-11-15T22:13:20Z; given up at 2023-11-21T22:13:20Z");
  EXPECT_TRUE(json["code"].is_null());
}

TEST_F(Operations, EveryOperationMayBeQueued) {
  fleet_.fall_asleep();
  const struct {
    const char* method;
    const char* rest;
    const char* body;
    const char* name;
  } kAll[] = {{"GET", "/resources/3/0/1", "", "Read"},
              {"PUT", "/resources/3/0/1", R"({"value":1})", "Write"},
              {"PATCH", "/resources/3/0", R"({"value":{"1":1}})", "Write"},
              {"POST", "/resources/3", R"({"value":{"0":"x"}})", "Create"},
              {"DELETE", "/resources/3/0", "", "Delete"},
              {"POST", "/execute/3/0/8", "", "Execute"},
              {"GET", "/discover/3", "", "Discover"},
              {"PUT", "/attributes/3/0/1?pmin=1", "", "Write-Attributes"},
              {"PUT", "/observations/3/0/1", "", "Observe"},
              {"DELETE", "/observations/3/0/1?mode=attributes", "", "Cancel-Observation"}};
  for (const auto& one : kAll) {
    SCOPED_TRACE(std::string(one.method) + " " + one.rest);
    const Reply reply = request(one.method, device(one.rest), one.body);
    EXPECT_EQ(reply.status, 202) << reply.body;
    EXPECT_EQ(reply.json()["operation"], one.name);
    EXPECT_EQ(fleet_.followed(), 0u) << "nobody waits for it any more";
  }
  EXPECT_EQ(fleet_.last_cancel_mode(), server::CancelMode::WriteAttributes);
}

TEST_F(Operations, TheQuerySaysHow) {
  fleet_.answer_with(content(0, {'1'}));
  const auto settings = [&](const std::string& query) {
    EXPECT_EQ(get(device("/resources/3/0/1" + query)).status, 200) << query;
    return fleet_.last_settings();
  };
  const auto plain = settings("");
  EXPECT_EQ(plain.expires_after, Duration::zero());
  EXPECT_EQ(plain.way, Way::Automatic);
  EXPECT_EQ(plain.redelivery, Redelivery::Harmless);
  EXPECT_TRUE(plain.trigger);
  const auto other = settings("?expires=3600&via=sms&redeliver=never&trigger=false");
  EXPECT_EQ(other.expires_after, std::chrono::hours(1));
  EXPECT_EQ(other.way, Way::Sms);
  EXPECT_EQ(other.redelivery, Redelivery::Never);
  EXPECT_FALSE(other.trigger);
  EXPECT_EQ(settings("?redeliver=always&via=udp").redelivery, Redelivery::Always);
  EXPECT_EQ(settings("?redeliver=harmless&via=udp").way, Way::Udp);
  EXPECT_EQ(settings("?via=auto&expires=31622400").expires_after, std::chrono::hours(24 * 366));
  // Attributes of a Write-Attributes aren't mixed up with them; a cancellation has them, too.
  fleet_.answer_with(changed());
  EXPECT_EQ(request("PUT", device("/attributes/3/0/1?pmin=1&via=sms&wait=true&expires=5")).status, 200);
  EXPECT_EQ(fleet_.last_settings().way, Way::Sms);
  EXPECT_EQ(request("DELETE", device("/observations/3/0/1?expires=7")).status, 200);
  EXPECT_EQ(fleet_.last_settings().expires_after, std::chrono::seconds(7));
}

TEST_F(Operations, WrongParametersAreRefusedBeforeAnythingIsAskedFor) {
  for (const char* name : {"expires", "via", "redeliver", "trigger", "wait", "timeout"}) {
    for (const char* value : {"", "0", "-1", "x", "1.5", "31622401", "TRUE", "99999999999999999999"}) {
      const std::string query = std::string("?") + name + "=" + value;
      const Reply reply = get(device("/resources/3/0/1" + query));
      EXPECT_EQ(reply.status, 400) << query;
      EXPECT_EQ(reply.json()["parameter"], name) << query;
    }
  }
  EXPECT_EQ(get(device("/resources/3/0/1?via=pigeon")).json()["detail"], "via must be auto, udp or sms");
  EXPECT_EQ(request("DELETE", device("/observations/3/0/1?via=pigeon")).status, 400);
  EXPECT_EQ(fleet_.operations(), 0u);
}

TEST_F(Operations, WaitGetsTheResultOfWhatWasQueued) {
  start();
  fleet_.fall_asleep();
  RawClient client(port_);
  client.send("GET " + device("/resources/3/0/1?wait=true") + kHead + "\r\n");
  fleet_.next_operation();
  ASSERT_EQ(fleet_.followed(), 1u);
  server::OperationStatus status = fleet_.queued_operation(0);
  status.state = OperationState::Sent;
  fleet_.change(status);
  fleet_.change(FakeFleet::over(status, content(0, {'4', '2'})));
  const std::string answer = client.read_all();
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_NE(answer.find("\"value\":42"), std::string::npos) << answer;
}

TEST_F(Operations, WaitEndsWith202WhenItIsStillQueuedAndHoldsNothingAfterwards) {
  fleet_.fall_asleep();
  const Reply reply = get(device("/resources/3/0/1?wait=true&timeout=1"));
  EXPECT_EQ(reply.status, 202) << reply.body;
  EXPECT_EQ(reply.field("Location"), "/api/v1/devices/urn%3Adev%3Aos%3Atest-1/operations/1");
  EXPECT_EQ(fleet_.followed(), 1u);
  auto status = fleet_.queued_operation(0);
  status.state = OperationState::Sent;
  fleet_.change(status);
  EXPECT_EQ(fleet_.followed(), 0u) << "the call is over, so what it kept is gone, and it lets go";
}

TEST_F(Operations, WhatWasSentAndMetASleepingDeviceIs202Too) {
  start();
  fleet_.hold();
  RawClient client(port_);
  client.send("GET " + device("/resources/3/0/1") + kHead + "\r\n");
  fleet_.next_operation();
  server::OperationStatus status;
  fleet_.operations(kEndpoint, [&](std::vector<server::OperationStatus> all) { status = all.at(0); });
  status.state = OperationState::Queued;
  fleet_.change(status);
  const std::string answer = client.read_all();
  EXPECT_EQ(status_of(answer), 202);
  EXPECT_NE(answer.find("it met a sleeping device, and is sent again when the device wakes"), std::string::npos);
}

TEST_F(Operations, RespondAsyncIsHonoured) {
  fleet_.hold();
  for (const char* field : {"Prefer: respond-async", "Prefer: wait=10, Respond-Async ",
                            "prefer: a\r\nPrefer: respond-async;x=1"}) {
    const Reply reply = request_with(field, device("/resources/3/0/1"));
    EXPECT_EQ(reply.status, 202) << field;
    EXPECT_EQ(reply.field("Preference-Applied"), "respond-async");
    EXPECT_EQ(reply.json()["state"], "sent");
    EXPECT_EQ(reply.json()["via"], "udp");
  }
  fleet_.answer_with(content(0, {'1'}));
  EXPECT_EQ(request_with("Prefer: respond-asynchronous, wait=1", device("/resources/3/0/1")).status, 200);
  EXPECT_EQ(request_with("Prefer: respond-async", device("/resources/3/0/1?wait=true")).status, 200);
}

TEST_F(Operations, AProblemBeforeTheDeviceIsAskedStaysOne) {
  fleet_.fall_asleep();
  EXPECT_EQ(request("PUT", device("/resources/3/0/1"), R"({"value":"x"})").status, 400);
  EXPECT_EQ(get("/api/v1/devices/nobody/resources/3/0/1").status, 404);
  fleet_.wake();
  fleet_.answer_with(NoAnswer::QueueFull);
  const Reply full = get(device("/resources/3/0/1"));
  EXPECT_EQ(full.status, 503);
  EXPECT_EQ(full.json()["type"], "urn:drover:problem:queue-full");
  EXPECT_EQ(full.json()["no_answer"], "queue-full");
  fleet_.answer_with(NoAnswer::Unreachable);
  EXPECT_EQ(get(device("/resources/3/0/1?via=sms")).json()["type"], "urn:drover:problem:unreachable");
}

// ---- what became of them --------------------------------------------------------------------------------------------

TEST_F(Operations, OneThatIsOverHasWhatWouldHaveBeenAnsweredAtOnce) {
  const std::string target = device("/operations/" + queue());
  EXPECT_FALSE(get(target).json().contains("answer"));
  const auto status = fleet_.queued_operation(0);

  fleet_.change(FakeFleet::over(status, content(0, {'4', '2'})));
  Json json = get(target).json();
  EXPECT_EQ(json["state"], "done");
  EXPECT_EQ(json["code"], "2.05");
  EXPECT_EQ(json["status"], "Content");
  EXPECT_EQ(json["detail"], "the device answered 2.05 Content");
  EXPECT_EQ(json["ended_at"], 1'700'000'100);
  EXPECT_TRUE(json["ahead"].is_null());
  fleet_.wake();
  fleet_.answer_with(content(0, {'4', '2'}));
  EXPECT_EQ(json["answer"], get(device("/resources/3/0/1")).json());

  fleet_.change(FakeFleet::over(status, lwm2m::Outcome{Status::NotFound, std::nullopt, to_bytes("no"), "", 0x84}));
  json = get(target).json();
  EXPECT_EQ(json["state"], "done");
  EXPECT_EQ(json["code"], "4.04");
  EXPECT_EQ(json["problem"]["type"], "urn:drover:problem:device-answer");
  EXPECT_EQ(json["problem"]["coap_reason"], "Not Found: no");

  fleet_.change(FakeFleet::over(status, NoAnswer::Expired));
  json = get(target).json();
  EXPECT_EQ(json["state"], "expired");
  EXPECT_EQ(json["no_answer"], "expired");
  EXPECT_EQ(json["problem"]["status"], 504);
}

TEST_F(Operations, AnAnswerIsDecodedByTheAnnouncedVersionWhileTheDeviceIsThere) {
  // Object 4 in version 1.1 has a Float where 1.0 has an Integer: C4 01, 4 bytes, 3.140625.
  const std::string target = device("/operations/" + queue("/resources/4/0/1"));
  fleet_.change(FakeFleet::over(fleet_.queued_operation(0), content(11542, {0xC4, 0x01, 0x40, 0x49, 0x00, 0x00})));
  EXPECT_EQ(get(target).json()["answer"]["value"], 3.140625);
  fleet_.forget_devices();
  EXPECT_EQ(get(target).json()["answer"]["type"], "Integer");
}

TEST_F(Operations, ACancellationThatFoundNothingSaysSo) {
  fleet_.fall_asleep();
  ASSERT_EQ(request("DELETE", device("/observations/3/0/1")).status, 202);
  lwm2m::Outcome outcome;
  outcome.status = Status::NotFound;
  fleet_.change(FakeFleet::over(fleet_.queued_operation(0), outcome));
  EXPECT_EQ(get(device("/operations/1")).json()["problem"]["detail"], "/3/0/1 isn't observed");
}

TEST_F(Operations, AreListedByStateUpToALimit) {
  for (int i = 0; i < 3; ++i) queue();
  fleet_.change(FakeFleet::over(fleet_.queued_operation(0), content(0, {'1'})));
  const std::string all = device("/operations");
  Json json = get(all).json();
  EXPECT_EQ(json["total"], 3);
  ASSERT_EQ(json["operations"].size(), 3u);
  EXPECT_EQ(json["operations"][0]["code"], "2.05");
  EXPECT_FALSE(json["operations"][0].contains("answer")) << "a list holds no payloads";
  EXPECT_EQ(get(all + "?state=done").json()["operations"].size(), 1u);
  EXPECT_EQ(get(all + "?state=done,queued").json()["total"], 3);
  EXPECT_EQ(get(all + "?state=sent").json()["total"], 0);
  json = get(all + "?state=queued&limit=1").json();
  EXPECT_EQ(json["operations"].size(), 1u);
  EXPECT_EQ(json["total"], 2);
  for (const char* query : {"?limit=0", "?limit=1001", "?limit=", "?limit=x", "?limit=1x"}) {
    EXPECT_EQ(get(all + query).json()["parameter"], "limit") << query;
  }
  for (const char* query : {"?state=asleep", "?state=queued;done", "?state=,", "?state=Queued"}) {
    EXPECT_EQ(get(all + query).json()["parameter"], "state") << query;
  }
  fleet_.add(device_view("idle"));
  EXPECT_EQ(get("/api/v1/devices/idle/operations").json(), Json::parse(R"({"operations":[],"total":0})"));
  EXPECT_EQ(get("/api/v1/devices/nobody/operations").status, 404);
  fleet_.forget_devices();
  EXPECT_EQ(get(all).json()["total"], 3) << "what waits for one that is away is seen";
}

TEST_F(Operations, AnIdThatIsNoneOrAnothersIsNotFound) {
  const std::string id = queue();
  fleet_.add(device_view("other"));
  for (const std::string& target :
       {device("/operations/7"), device("/operations/x"), device("/operations/1x"), device("/operations/-1"),
        device("/operations/99999999999999999999"), device("/operations/"), "/api/v1/devices/other/operations/" + id}) {
    for (const char* method : {"GET", "DELETE"}) {
      const Reply reply = request(method, target);
      EXPECT_EQ(reply.status, 404) << method << " " << target;
      EXPECT_EQ(reply.json()["type"], "urn:drover:problem:not-found") << target;
    }
  }
  EXPECT_EQ(request("PUT", device("/operations/1")).field("Allow"), "GET, DELETE");
}

TEST_F(Operations, OneIsTakenBackOnce) {
  const std::string target = device("/operations/" + queue());
  const Reply taken = request("DELETE", target);
  EXPECT_EQ(taken.status, 200);
  EXPECT_EQ(taken.json()["state"], "cancelled");
  EXPECT_EQ(taken.json()["no_answer"], "cancelled");
  EXPECT_EQ(get(target).json()["state"], "cancelled");
  const Reply again = request("DELETE", target);
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.json()["type"], "urn:drover:problem:conflict");
  queue();
  fleet_.change(FakeFleet::over(fleet_.queued_operation(0), changed()));
  EXPECT_EQ(request("DELETE", device("/operations/2")).status, 409);
}

TEST_F(Operations, WhoWaitsLearnsThatItWasTakenBack) {
  start();
  fleet_.fall_asleep();
  RawClient client(port_);
  client.send("GET " + device("/resources/3/0/1?wait=true") + kHead + "\r\n");
  fleet_.next_operation();
  EXPECT_EQ(request("DELETE", device("/operations/1")).status, 200);
  const std::string answer = client.read_all();
  EXPECT_EQ(status_of(answer), 409);
  EXPECT_NE(answer.find("urn:drover:problem:cancelled"), std::string::npos);
}

// ---- devices, events, bootstrap -------------------------------------------------------------------------------------

TEST_F(Operations, ADeviceShowsWhetherItIsAwakeAndWhatWaits) {
  Json json = get(device("")).json();
  EXPECT_EQ(json["queue_mode"], false);
  EXPECT_EQ(json["awake"], true);
  EXPECT_TRUE(json["awake_until"].is_null());
  EXPECT_TRUE(json["sms"].is_null());
  auto view = device_view(kEndpoint);
  view.queue = true;
  view.sms = "491701234567";
  view.queued = 3;
  view.awake_until = 1'700'000'103;  // long ago
  fleet_.add(view);
  json = get(device("")).json();
  EXPECT_EQ(json["queue_mode"], true);
  EXPECT_EQ(json["awake"], false);
  EXPECT_EQ(json["awake_until"], 1'700'000'103);
  EXPECT_EQ(json["queued"], 3);
  EXPECT_EQ(json["sms"], "491701234567");
  view.awake_until = 4'000'000'000;
  fleet_.add(view);
  EXPECT_EQ(get("/api/v1/devices").json()["devices"][0]["awake"], true);
}

TEST_F(Operations, EventsTellHowTheyGoOn) {
  start();
  Stream stream(port_, "?kind=operation");
  fleet_.emit(server::EventKind::Updated, "a");
  fleet_.emit(server::EventKind::Operation, "a", [](server::Event& event) {
    event.path = lwm2m::Path(3, 0, 1);
    auto& status = event.operation.emplace();
    status.id = server::OperationId{17};
    status.endpoint = "a";
    status.operation = "Read";
    status.path = event.path;
    status.state = OperationState::Queued;
    status.ahead = 2;
    status.expires_at = 1'700'604'800;
    status.expected_by = 1'700'086'400;
    status.triggered = true;
  });
  fleet_.emit(server::EventKind::Operation, "a", [](server::Event& event) {
    auto& status = event.operation.emplace();
    status.id = server::OperationId{17};
    status.state = OperationState::Sent;
    status.way = Way::Sms;
    status.attempts = 1;
  });
  const Json queued = stream.next().data;
  EXPECT_EQ(queued["kind"], "operation");
  EXPECT_EQ(queued["operation_id"], "17");
  EXPECT_EQ(queued["operation"], "Read");
  EXPECT_EQ(queued["path"], "/3/0/1");
  EXPECT_EQ(queued["state"], "queued");
  EXPECT_EQ(queued["via"], "auto");
  EXPECT_EQ(queued["ahead"], 2);
  EXPECT_EQ(queued["expected_by"], 1'700'086'400);
  EXPECT_EQ(queued["triggered"], true);
  const Json sent = stream.next().data;
  EXPECT_EQ(sent["state"], "sent");
  EXPECT_EQ(sent["via"], "sms");
  EXPECT_EQ(sent["attempts"], 1);
  EXPECT_TRUE(sent["ahead"].is_null());
}

TEST_F(Operations, ASleepingDeviceIsAskedToBootstrapWhenItWakes) {
  FakeDesk desk{registry_};
  Api::Settings settings;
  settings.bootstrap = &desk;
  start(settings);
  fleet_.fall_asleep();
  const Reply reply = request("POST", "/api/v1/bootstrap/sessions",
                              "{\"endpoint\":\"" + std::string(kEndpoint) + "\",\"server_instance\":0}");
  EXPECT_EQ(reply.status, 202);
  EXPECT_EQ(reply.field("Location"), "/api/v1/devices/urn%3Adev%3Aos%3Atest-1/operations/1");
  EXPECT_EQ(reply.json()["operation"], "1");
  EXPECT_EQ(reply.json()["path"], "/1/0/9");
  EXPECT_TRUE(reply.json()["code"].is_null());
  api_.reset();
}

}  // namespace
}  // namespace drover::api::test
