// SPDX-License-Identifier: Apache-2.0
// Tags, bulk operations and rules over the API and the command line, with their real thread in front of a FakeFleet.
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/operation_forms.hpp"
#include "api/tokens.hpp"
#include "api_fixture.hpp"
#include "apps/droverd/automation_thread.hpp"
#include "program.hpp"

namespace drover::api::test {
namespace {

class Jobs : public ApiTest {
 protected:
  Jobs() {
    auto opened = droverd::AutomationThread::open(nullptr, fleet_, operation_forms(registry_), {});
    EXPECT_TRUE(opened);
    automation_ = std::move(*opened);
    automation_->start();
    Api::Settings settings;
    settings.jobs = automation_.get();
    start(settings);
    fleet_.add(device_view("meter-1"));
    fleet_.add(device_view("meter-2"));
  }
  ~Jobs() override {
    api_.reset();
    automation_->stop();
  }
  Json post(const std::string& target, const std::string& body, int status) {
    const Reply reply = request("POST", target, body);
    EXPECT_EQ(reply.status, status) << reply.body;
    return reply.json();
  }
  /// Until the bulk operation is in that state.
  Json wait_for(const std::string& id, const std::string& state) {
    Json bulk;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    do {
      bulk = get("/api/v1/bulk/" + id).json();
      if (bulk["state"] == state) return bulk;
      std::this_thread::yield();
    } while (std::chrono::steady_clock::now() < end);
    ADD_FAILURE() << bulk.dump();
    return bulk;
  }

  std::unique_ptr<droverd::AutomationThread> automation_;
};

TEST_F(Jobs, TagsAreShownCountedAndFilterDevices) {
  EXPECT_EQ(request("PUT", "/api/v1/devices/meter-1/tags", R"({"tags":["pilot","site:b"]})").status, 200);
  EXPECT_EQ(request("PUT", "/api/v1/devices/meter-2/tags?keep=true", R"({"tags":["pilot"]})").status, 200);
  EXPECT_EQ(request("PUT", "/api/v1/devices/nobody/tags", R"({"tags":["pilot"]})").status, 200);
  EXPECT_EQ(get("/api/v1/devices/meter-1").json()["tags"], Json::parse(R"(["pilot","site:b"])"));
  EXPECT_EQ(get("/api/v1/tags").json()["tags"], Json::parse(R"([{"tag":"pilot","devices":3},{"tag":"site:b","devices":1}])"));
  const Json first = get("/api/v1/devices?tag=pilot&limit=1").json();
  ASSERT_EQ(first["devices"].size(), 1u);
  EXPECT_EQ(first["devices"][0]["endpoint"], "meter-1");
  EXPECT_TRUE(first["total"].is_null());
  const Json second = get("/api/v1/devices?tag=pilot&limit=1&after=" + first["next"].get<std::string>()).json();
  EXPECT_EQ(second["devices"][0]["endpoint"], "meter-2");
  EXPECT_EQ(get("/api/v1/devices?tag=pilot,site:b").json()["devices"].size(), 1u);
  EXPECT_EQ(get("/api/v1/devices?name=meter-*&object=3").json()["devices"].size(), 2u);
  EXPECT_EQ(get("/api/v1/devices?model=x").json()["devices"].size(), 0u);
  for (const char* bad : {"tag=a%20b", "object=x", "search=a&name=b", "name=", "seen_after=-1", "limit=0&name=a"}) {
    EXPECT_EQ(get(std::string("/api/v1/devices?") + bad).status, 400) << bad;
  }
  EXPECT_EQ(request("DELETE", "/api/v1/devices/meter-1/tags?tag=pilot").json()["tags"], Json::parse(R"(["site:b"])"));
  EXPECT_EQ(request("DELETE", "/api/v1/devices/meter-1/tags").json()["tags"].size(), 0u);
  EXPECT_EQ(request("PUT", "/api/v1/devices/meter-1/tags", R"({"tags":["a b"]})").json()["pointer"], "/tags");
  EXPECT_EQ(request("PUT", "/api/v1/devices/meter-1/tags", R"({"tags":"a"})").status, 400);
}

TEST_F(Jobs, ABulkReadGivesEachDevicesResult) {
  fleet_.answer_with(content(0, {'7'}));
  const Reply made = request("POST", "/api/v1/bulk",
                             R"({"operation":{"operation":"read","path":"/3/0/1"},"selection":{"name":"meter-*"}})");
  ASSERT_EQ(made.status, 202) << made.body;
  const std::string id = made.json()["id"];
  EXPECT_EQ(made.field("Location"), "/api/v1/bulk/" + id);
  EXPECT_EQ(made.json()["operation"], "read");
  const Json bulk = wait_for(id, "done");
  EXPECT_EQ(bulk["devices"]["done"], 2);
  const Json devices = get("/api/v1/bulk/" + id + "/devices?state=done&limit=1").json();
  EXPECT_EQ(devices["devices"][0]["endpoint"], "meter-1");
  EXPECT_EQ(devices["devices"][0]["code"], "2.05");
  EXPECT_EQ(devices["devices"][0]["detail"], "7");
  EXPECT_EQ(devices["next"], "meter-1");
  EXPECT_EQ(get("/api/v1/operations?asked_by=bulk%20" + id).json()["operations"].size(), 2u);
  EXPECT_EQ(get("/api/v1/operations?asked_by=bulk%20").json()["operations"].size(), 0u);
  EXPECT_EQ(get("/api/v1/operations?endpoint=meter-2&state=done").json()["operations"].size(), 1u);
  EXPECT_EQ(request("DELETE", "/api/v1/bulk/" + id).status, 200);
  EXPECT_EQ(get("/api/v1/bulk/" + id).status, 404);
}

TEST_F(Jobs, AValueIsEncodedForEachDeviceAndNotShown) {
  fleet_.answer_with(changed());
  const Json made = post("/api/v1/bulk",
                         R"({"operation":{"operation":"write","path":"/3/0/0","value":"s3cret"},"selection":{"all":true},"priority":"low"})", 202);
  wait_for(made["id"], "done");
  EXPECT_EQ(get("/api/v1/bulk").body.find("s3cret"), std::string::npos);
  for (int i = 0; i < 3; ++i) EXPECT_STREQ(lwm2m::name_of(fleet_.next_operation()), "Write");
  EXPECT_EQ(fleet_.last_settings().priority, server::Priority::Low);
  EXPECT_TRUE(fleet_.last_settings().durable);
  EXPECT_EQ(fleet_.last_settings().asked_by, "bulk 1, api");
  const Json wrong = post("/api/v1/bulk", R"({"operation":{"operation":"write","path":"/3/0/1","value":"x"},"selection":{"name":"meter-1"}})", 202);
  EXPECT_EQ(wait_for(wrong["id"], "done")["devices"]["failed"], 1);
}

TEST_F(Jobs, WhatIsWrongInABulkOperationIsPointedAt) {
  const auto bad = [&](const std::string& operation, const std::string& selection, const std::string& more = "") {
    const Json problem = post("/api/v1/bulk", "{\"operation\":" + operation + ",\"selection\":" + selection + more + "}", 400);
    return problem.value("pointer", "");
  };
  const std::string fine = R"({"operation":"read","path":"/3/0"})";
  const std::string all = R"({"all":true})";
  EXPECT_EQ(bad(R"({"operation":"reed","path":"/3/0"})", all), "/operation/operation");
  EXPECT_EQ(bad(R"({"operation":"read"})", all), "/operation/path");
  EXPECT_EQ(bad(R"({"operation":"execute","path":"/3/0"})", all), "/operation/path");
  EXPECT_EQ(bad(R"({"operation":"execute","path":"/3/0/4","arguments":"x"})", all), "/operation/arguments");
  EXPECT_EQ(bad(R"({"operation":"read","path":"/3/0","value":1})", all), "/operation/value");
  EXPECT_EQ(bad(R"({"operation":"write","path":"/3/0/1"})", all), "/operation/value");
  EXPECT_EQ(bad(R"({"operation":"write-attributes","path":"/3/0","attributes":{"pmin":"x"}})", all), "/operation/attributes");
  EXPECT_EQ(bad(fine, "{}"), "/selection/all");
  EXPECT_EQ(bad(fine, R"({"name":7})"), "/selection/name");
  EXPECT_EQ(bad(fine, all, R"(,"parallel":0)"), "/parallel");
  EXPECT_EQ(bad(fine, all, R"(,"priority":"x")"), "/priority");
  EXPECT_EQ(bad(fine, all, R"(,"stop_at_failures":101)"), "/stop_at_failures");
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += '[';
  EXPECT_EQ(bad(fine, deep), "");
  for (const char* id : {"0", "x", "99"}) EXPECT_EQ(get(std::string("/api/v1/bulk/") + id).status, 404) << id;
}

TEST_F(Jobs, QueuedOperationsOfABulkAreTakenBackByItsCancellation) {
  fleet_.fall_asleep();
  const Json made = post("/api/v1/bulk", R"({"operation":{"operation":"execute","path":"/3/0/8"},"selection":{"name":"meter-*"}})", 202);
  const std::string id = made["id"];
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (get("/api/v1/bulk/" + id).json()["devices"]["queued"] != 2 && std::chrono::steady_clock::now() < end) {
  }
  EXPECT_EQ(post("/api/v1/bulk/" + id + "/pause", "", 200)["state"], "paused");
  post("/api/v1/bulk/" + id + "/pause", "", 409);
  EXPECT_EQ(post("/api/v1/bulk/" + id + "/resume", "", 200)["state"], "running");
  post("/api/v1/bulk/" + id + "/cancel", "", 200);
  while (get("/api/v1/bulk/" + id).json()["devices"]["cancelled"] != 2 && std::chrono::steady_clock::now() < end) {
  }
  EXPECT_EQ(get("/api/v1/bulk/" + id).json()["devices"]["cancelled"], 2);
  EXPECT_EQ(get("/api/v1/operations?state=cancelled").json()["operations"].size(), 2u);
  post("/api/v1/bulk/" + id + "/retry", "", 409);
}

TEST_F(Jobs, ARuleSetsUpDevicesThatRegister) {
  fleet_.answer_with(changed());
  const std::string body = R"({"condition":{"name":"meter-*"},"steps":["observe /3/0/1","write /3/0/0 x"]})";
  EXPECT_EQ(request("PUT", "/api/v1/rules/meters", body).status, 200);
  server::Event event;
  event.kind = server::EventKind::Registered;
  event.device = device_view("meter-1");
  event.device->registered_at = 1'900'000'000;
  event.endpoint = "meter-1";
  automation_->handle(event);
  EXPECT_STREQ(lwm2m::name_of(fleet_.next_operation()), "Observe");
  EXPECT_STREQ(lwm2m::name_of(fleet_.next_operation()), "Write");
  EXPECT_EQ(fleet_.last_settings().asked_by, "rule meters");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (get("/api/v1/rules/meters/devices?state=done").json()["devices"].size() != 1 &&
         std::chrono::steady_clock::now() < end) {
  }
  EXPECT_EQ(get("/api/v1/rules/meters/devices").json()["devices"][0]["steps_over"], 2);
  EXPECT_EQ(get("/api/v1/rules/meters").json()["devices"]["done"], 1);
  EXPECT_EQ(get("/api/v1/rules/x").status, 404);
  EXPECT_EQ(request("PUT", "/api/v1/rules/m", R"({"condition":{"all":true},"steps":["reed /3"]})").json()["pointer"], "/steps");
  EXPECT_EQ(request("DELETE", "/api/v1/rules/meters").status, 200);
  EXPECT_EQ(request("DELETE", "/api/v1/rules/meters").status, 404);
}

TEST_F(Jobs, OperationsSayWhoAskedAndWithWhichPriority) {
  fleet_.fall_asleep();
  const Json queued = get(device("/resources/3/0/1?priority=high")).json();
  EXPECT_EQ(queued["priority"], "high");
  EXPECT_EQ(queued["asked_by"], "api");
  EXPECT_FALSE(fleet_.last_settings().durable);
  EXPECT_EQ(get(device("/resources/3/0/1?priority=urgent")).status, 400);
  const Json token = post("/api/v1/tokens", R"({"name":"anna","role":"admin"})", 201);
  token_ = token["token"];
  EXPECT_EQ(get(device("/resources/3/0/1")).json()["asked_by"], "token 1 (anna)");
}

TEST_F(Jobs, TheCommandLineDoesAllOfIt) {
  fleet_.answer_with(content(0, {'7'}));
  const auto status_of = [&](std::vector<std::string> arguments, const std::string& text = {}) {
    arguments.insert(arguments.begin(), {"--api", "http://127.0.0.1:" + std::to_string(port_)});
    Program drover(DROVER_PROGRAM, arguments);
    const int status = drover.finish();
    EXPECT_NE(drover.said().find(text), std::string::npos) << drover.said();
    return status;
  };
  const auto says = [&](const std::vector<std::string>& arguments, const std::string& text) {
    EXPECT_EQ(status_of(arguments, text), 0) << arguments[0];
  };
  says({"tag", "add", "meter-1", "pilot", "site:b"}, "pilot, site:b");
  says({"tag", "remove", "meter-1", "site:b"}, "pilot");
  says({"tag", "list"}, "pilot");
  says({"tag", "list", "meter-2"}, "no tags");
  says({"devices", "--tag", "pilot"}, "meter-1");
  says({"show", "meter-1"}, "pilot");
  says({"bulk", "read", "/3/0/1", "--name", "meter-*"}, "bulk 1 begins");
  wait_for("1", "done");
  says({"bulk", "list"}, "/3/0/1");
  says({"bulk", "show", "1"}, "name meter-*");
  says({"bulk", "devices", "1", "--state", "done"}, "2.05");
  says({"operations", "--asked-by", "bulk 1"}, "meter-2");
  says({"bulk", "remove", "1"}, "removed bulk 1");
  EXPECT_EQ(status_of({"bulk", "read", "/3/0/1"}, "--all"), 2);
  EXPECT_EQ(status_of({"bulk", "pause", "7"}), 2);
  says({"rules", "list"}, "NAME");
  EXPECT_EQ(status_of({"rules", "show", "x"}), 2);
}

}  // namespace
}  // namespace drover::api::test
