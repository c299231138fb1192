// SPDX-License-Identifier: Apache-2.0
// The bootstrap routes and events in front of a desk without devices.
#include <nlohmann/json.hpp>
#include <thread>

#include "api_fixture.hpp"
#include "bootstrap_samples.hpp"
#include "sse_stream.hpp"
#include "store/credential.hpp"

namespace drover::api::test {
namespace {

using bootstrap::DeskRefusal;
using bootstrap::SessionId;
using server::EventKind;

const std::string kPlans = "/api/v1/bootstrap/plans";
const std::string kSessions = "/api/v1/bootstrap/sessions";

class BootstrapRoutes : public ApiTest {
 protected:
  BootstrapRoutes() {
    add_bootstrap_definitions(registry_);
    begin();
  }
  void begin(Api::Settings settings = {}) {
    api_.reset();
    settings.bootstrap = &desk_;
    start(settings);
  }
  /// No answer holds the plan's key.
  Json call(int status, const std::string& method, const std::string& target, const std::string& body = {}) {
    const Reply reply = request(method, target, body);
    EXPECT_EQ(reply.status, status) << method << " " << target << " " << reply.body;
    for (const char* form : {"5ec7e7", "5EC7E7", "XsfnXsfn"}) EXPECT_EQ(reply.body.find(form), std::string::npos) << reply.body;
    return reply.json();
  }
  Json put(int status, const std::string& name, const std::string& endpoint) {
    return call(status, "PUT", kPlans + "/" + name, plan_json(name, endpoint));
  }
  Json post_session(int status, const Json& body) { return call(status, "POST", kSessions, body.dump()); }
  void add_device(std::vector<lwm2m::InstanceId> servers) {
    auto view = device_view("pump");
    view.announcement.objects.push_back({1, std::nullopt, std::move(servers)});
    fleet_.add(view);
  }

  FakeDesk desk_{registry_};
};

TEST_F(BootstrapRoutes, HaveTheirRoles) {
  std::map<std::string, Role> roles;
  for (const auto& route : Api::routes()) {
    if (route.path.starts_with("/api/v1/bootstrap/")) roles[route.method + " " + route.path.substr(18)] = *route.role;
  }
  const std::map<std::string, Role> expected = {
      {"GET plans", Role::Admin},      {"GET plans/{id}", Role::Admin},   {"PUT plans/{id}", Role::Admin},
      {"DELETE plans/{id}", Role::Admin}, {"POST validate", Role::Admin}, {"POST dry-run", Role::Admin},
      {"GET sessions", Role::Read},    {"GET sessions/{id}", Role::Read}, {"POST sessions", Role::Operate},
      {"DELETE sessions/{id}", Role::Operate}};
  EXPECT_EQ(roles, expected);
  const auto token = [&](const char* name, const char* role) {
    const Json made = request("POST", "/api/v1/tokens", Json{{"name", name}, {"role", role}}.dump()).json();
    return made["token"].get<std::string>();
  };
  token_ = token("a", "admin");
  const std::string reader = token("r", "read"), operation = token("o", "operate");
  token_ = reader;
  call(200, "GET", kSessions);
  call(403, "POST", kSessions, R"({"endpoint":"pump"})");
  token_ = operation;
  call(404, "POST", kSessions, R"({"endpoint":"pump"})");
  call(403, "PUT", kPlans + "/p", plan_json("p", "pump"));
  call(403, "GET", kPlans);
}

TEST_F(BootstrapRoutes, WithoutABootstrapServerSayWhatIsMissing) {
  api_.reset();
  start();
  for (const auto& route : Api::routes()) {
    if (!route.path.starts_with("/api/v1/bootstrap/")) continue;
    std::string target = route.path;
    if (const auto at = target.find("{id}"); at != std::string::npos) target.replace(at, 4, "1");
    const Reply reply = request(route.method, target, route.method == "GET" ? "" : "{}");
    EXPECT_EQ(reply.status, 501) << route.method << target;
    EXPECT_EQ(reply.json()["type"], "urn:drover:problem:no-bootstrap");
    EXPECT_NE(reply.body.find("bootstrap.secure_listen"), std::string::npos) << reply.body;
  }
  EXPECT_FALSE(get("/api/v1/status").json().contains("bootstrap"));
}

TEST_F(BootstrapRoutes, PlansAreKeptAndShownWithoutTheirKeys) {
  const Reply added = request("PUT", kPlans + "/factory", plan_json("factory", "pump-*"));
  EXPECT_EQ(added.status, 201) << added.body;
  EXPECT_EQ(added.field("Location"), kPlans + "/factory");
  put(200, "factory", "pump-*");
  const Json plan = call(200, "GET", kPlans + "/factory");
  EXPECT_EQ(plan["endpoints"], Json({"pump-*"}));
  EXPECT_EQ(plan["servers"], Json({101}));
  EXPECT_EQ(plan["keys"], "keep");
  EXPECT_EQ(plan["changed_at"], 1'700'000'000);
  EXPECT_EQ(plan["warnings"].size(), 1U) << "several devices, one key";
  EXPECT_EQ(plan["plan"]["servers"][0]["security"]["key"], "given");
  EXPECT_EQ(plan["plan"]["order"].back(), "finish");
  const Json list = call(200, "GET", kPlans);
  EXPECT_EQ(list["plans"].size(), 1U);
  EXPECT_EQ(list["plans"][0]["steps"], plan["steps"]);
  EXPECT_FALSE(list["plans"][0].contains("plan"));
  call(200, "DELETE", kPlans + "/factory");
  call(404, "DELETE", kPlans + "/factory");
  call(404, "GET", kPlans + "/factory");
  EXPECT_EQ(call(200, "GET", "/api/v1/status")["bootstrap"]["requests"], 13);
}

TEST_F(BootstrapRoutes, AMistakeIsToldWithItsPlace) {
  const std::string servers = R"("servers":[{"id":101,"uri":"coaps://a","security":{"mode":"psk"}},{"id":102,"uri":"coaps://b",)";
  const std::tuple<std::string, const char*, const char*> mistakes[] = {
      {R"({"name":"p",)" + servers + R"("security":{"mode":"psk","key":"5ec7e7x"}}]})", "servers[1].security.key: ",
       "/servers/1/security/key"},
      {R"({"name":"p",)" + servers + R"("security":{"mode":"psk","5ec7":1}}]})", "servers[1].security.5ec7: unknown",
       "/servers/1/security/5ec7"},
      {R"({"name":"p","write":[{"path":"/2/0","value":{"2":"5ec7e7"}}]})", "write[0].value.2: ", "/write/0/value/2"},
      {R"({"name":"p","finish":false})", "the plan does nothing", ""},
      {R"({"name":"p)", "no JSON: a mistake at byte", ""},
      {R"({"name":"p","name":"p"})", "the member \"name\" is doubled", ""},
  };
  for (const auto& [plan, detail, pointer] : mistakes) {
    for (const auto& [method, target] : {std::pair<const char*, std::string>{"PUT", kPlans + "/p"},
                                         {"POST", "/api/v1/bootstrap/validate"}}) {
      const Json problem = call(400, method, target, plan);
      EXPECT_EQ(problem["type"], "urn:drover:problem:bad-value");
      EXPECT_EQ(problem["detail"].get<std::string>().find(detail), 0U) << problem;
      EXPECT_EQ(problem.value("pointer", ""), pointer) << problem;
    }
  }
  call(400, "PUT", kPlans + "/other", plan_json("p", "x"));
  EXPECT_EQ(request("PUT", kPlans + "/p", plan_json("p", "x"), "text/plain").status, 415);
  EXPECT_EQ(call(200, "GET", kPlans)["plans"].size(), 0U);
}

TEST_F(BootstrapRoutes, APlanWithoutANameHasThatOfItsUrl) {
  EXPECT_EQ(call(201, "PUT", kPlans + "/a%22b", R"( {"endpoints":["x"],"finish":true})")["name"], "a\"b");
  EXPECT_EQ(call(201, "PUT", kPlans + "/c", "{}")["name"], "c");
  const Json problem = call(400, "PUT", kPlans + "/d", R"({"finish":true,"finish":true})");
  EXPECT_EQ(problem["detail"], "the member \"finish\" is doubled");
  call(400, "PUT", kPlans + "/d", R"({"name":7})");
  call(400, "PUT", kPlans + "/d", "{,}");
}

TEST_F(BootstrapRoutes, AnEndpointHasOnePlanAndDisksFail) {
  put(201, "a", "pump");
  EXPECT_EQ(put(409, "b", "pump")["type"], "urn:drover:problem:conflict");
  desk_.refuse_plans(DeskRefusal{DeskRefusal::Why::Full, "4096 plans are there"});
  put(409, "c", "x");
  desk_.refuse_plans(DeskRefusal{DeskRefusal::Why::Disk, "/var/lib/secret.db is full"});
  const Json problem = put(503, "c", "x");
  EXPECT_EQ(problem["type"], "urn:drover:problem:unavailable");
  EXPECT_EQ(problem.dump().find("/var/lib"), std::string::npos);
}

TEST_F(BootstrapRoutes, ValidateKeepsNothing) {
  const Json answer = call(200, "POST", "/api/v1/bootstrap/validate", plan_json("p", "pump-*"));
  EXPECT_EQ(answer["valid"], true);
  EXPECT_EQ(answer["warnings"].size(), 1U);
  EXPECT_EQ(answer["plan"]["servers"][0]["security"]["key"], "given");
  EXPECT_EQ(call(200, "GET", kPlans)["plans"].size(), 0U);
}

TEST_F(BootstrapRoutes, ADryRunShowsTheMessages) {
  put(201, "factory", "pump");
  const auto dry_run = [&](int status, const std::string& body) {
    return call(status, "POST", "/api/v1/bootstrap/dry-run", body);
  };
  const Json chosen = dry_run(200, R"({"endpoint":"pump"})");
  EXPECT_EQ(chosen["plan"], "factory");
  const Json& messages = chosen["messages"];
  ASSERT_EQ(messages.size(), 6U) << messages;
  EXPECT_EQ(messages[0]["operation"], "Bootstrap-Discover");
  EXPECT_EQ(messages[0]["accept"], 40);
  EXPECT_EQ(messages[1]["method"], "DELETE");
  const Json& write = messages[3];
  EXPECT_EQ(write["path"], "/0/1");
  EXPECT_EQ(write["format"], 11542);
  EXPECT_NE(write["text"].get<std::string>().find("/0/1/0 = coaps://lwm2m.example"), std::string::npos) << write;
  EXPECT_NE(write["text"].get<std::string>().find("/0/1/5 = ********"), std::string::npos) << write;
  EXPECT_NE(write["payload_hex"].get<std::string>().find("2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a"), std::string::npos) << write;
  EXPECT_EQ(messages[5]["operation"], "Bootstrap-Finish");
  EXPECT_EQ(dry_run(200, R"({"endpoint":"else","plan":"factory"})")["messages"].size(), 6U);
  const Json whole = dry_run(200, R"({"endpoint":"else","format":11543,"plan":)" + plan_json("draft", "x") + "}");
  EXPECT_EQ(whole["plan"], "draft");
  EXPECT_EQ(whole["messages"][3]["format"], 11543);

  dry_run(404, R"({"endpoint":"else"})");
  dry_run(404, R"({"endpoint":"pump","plan":"none"})");
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"endpoint":"e","plan":{"name":"p","servers":[{"id":1,"uri":"coap://a","security":{"mode":"psk"}}]}})",
       "/plan/servers/0/uri"},
      {R"({"endpoint":"e","plan":{"name":"p","name":"q","finish":true}})", ""},
      {R"({"endpoint":"e","plan":7})", "/plan"},
      {R"({"endpoint":"e","plan":""})", "/plan"},
      {R"({"endpoint":"","plan":"p"})", "/endpoint"},
      {R"({"plan":"p"})", "/endpoint"},
      {R"({"endpoint":"e","format":50})", "/format"},
      {R"({"endpoint":"e","format":-1})", "/format"},
      {R"({"endpoint":"e","5ec7e7":1})", ""},
      {"[]", ""},
      {"{", ""},
  };
  for (const auto& [body, pointer] : wrong) EXPECT_EQ(dry_run(400, body).value("pointer", ""), pointer) << body;
  std::string deep = R"({"endpoint":"e","plan":)";
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  dry_run(400, deep);
}

TEST_F(BootstrapRoutes, SessionsAreShownWithoutKeys) {
  for (std::uint64_t id = 1; id <= 5; ++id) desk_.add(session_view(id, id % 2 == 0 ? "valve" : "pump"));
  const Json page = call(200, "GET", kSessions + "?limit=2");
  EXPECT_EQ(page["sessions"][0]["id"], 5);
  EXPECT_EQ(page["next"], 4);
  EXPECT_FALSE(page["sessions"][0].contains("timeline"));
  EXPECT_EQ(call(200, "GET", kSessions + "?before=4")["sessions"].size(), 3U);
  EXPECT_EQ(call(200, "GET", kSessions + "?endpoint=valve")["sessions"].size(), 2U);
  for (const char* query : {"?limit=0", "?limit=1001", "?before=0", "?before=x", "?after=1"}) {
    call(400, "GET", kSessions + query);
  }
  const Json view = call(200, "GET", kSessions + "/3");
  EXPECT_EQ(view["state"], "running");
  EXPECT_EQ(view["identity"], "psk \"boot\"");
  EXPECT_EQ(view["address"], "192.0.2.1:40000");
  EXPECT_TRUE(view["ended_at_ms"].is_null());
  EXPECT_EQ(view["omitted"], 3);
  EXPECT_EQ(view["timeline"][0], Json::parse(R"({"at_ms":1700000000020,"from_device":false,"operation":"Bootstrap-Write",
    "path":"/0/1","format":11542,"payload_bytes":87,"code":null,"status":null,"text":""})"));
  EXPECT_EQ(view["timeline"][1]["code"], "2.04");
  std::vector<Json> identities;
  for (const Json& account : view["provisioned"]) identities.push_back(account["identity"]);
  const ByteView certificates = kCertificates;
  EXPECT_EQ(identities, (std::vector<Json>{"pump.1", store::fingerprint(public_key()),
                                           store::fingerprint(certificates.first(5)), nullptr, "hex:ff"}));
  EXPECT_TRUE(view["provisioned"][4]["short_server_id"].is_null());
  for (const char* id : {"/9", "/x", "/0", "/99999999999999999999"}) call(404, "GET", kSessions + id);
}

TEST_F(BootstrapRoutes, ASessionIsEndedOnce) {
  desk_.add(session_view(7, "pump"));
  EXPECT_EQ(call(200, "DELETE", kSessions + "/7")["state"], "failed");
  EXPECT_EQ(call(409, "DELETE", kSessions + "/7")["type"], "urn:drover:problem:conflict");
  call(404, "DELETE", kSessions + "/8");
}

TEST_F(BootstrapRoutes, TheServerCallsADevice) {
  desk_.answer_start(SessionId{12});
  const Reply reply = request("POST", kSessions, R"({"endpoint":"pump","uri":"coaps://192.0.2.7:5684"})");
  EXPECT_EQ(reply.status, 201) << reply.body;
  EXPECT_EQ(reply.field("Location"), kSessions + "/12");
  EXPECT_EQ(reply.json()["session"], 12);
  EXPECT_EQ(desk_.started(), (std::pair<std::string, std::string>{"pump", "coaps://192.0.2.7:5684"}));
  desk_.answer_start(tl::unexpected(DeskRefusal{DeskRefusal::Why::Invalid, "the URI has no port"}));
  EXPECT_EQ(post_session(400, {{"endpoint", "pump"}, {"uri", "coaps://x"}})["pointer"], "/uri");
  desk_.answer_start(tl::unexpected(DeskRefusal{DeskRefusal::Why::Unavailable, "there is no bootstrap credential for pump"}));
  EXPECT_EQ(post_session(503, {{"endpoint", "pump"}, {"uri", "coaps://x:1"}})["detail"],
            "there is no bootstrap credential for pump");
  for (const Json& body : {Json{{"endpoint", "pump"}, {"uri", ""}}, Json{{"endpoint", "pump"}, {"uri", std::string(256, 'a')}},
                           Json{{"endpoint", "pump"}, {"server_instance", 65535}}, Json{{"uri", "coaps://x:1"}},
                           Json{{"endpoint", "pump"}, {"uri", "coaps://x:1"}, {"server_instance", 0}}}) {
    post_session(400, body);
  }
}

TEST_F(BootstrapRoutes, ARegisteredDeviceIsAskedByItsTrigger) {
  post_session(404, {{"endpoint", "pump"}});
  add_device({0});
  fleet_.answer_with(changed());
  const Json asked = post_session(202, {{"endpoint", "pump"}});
  EXPECT_EQ(asked, Json::parse(R"({"endpoint":"pump","session":null,"path":"/1/0/9","operation":null,"code":"2.04",
                                   "status":"Changed"})"));
  EXPECT_EQ(std::get<lwm2m::Execute>(fleet_.next_operation()).path, lwm2m::Path(1, 0, 9));

  add_device({0, 3});
  const Json several = post_session(400, {{"endpoint", "pump"}});
  EXPECT_EQ(several["pointer"], "/server_instance");
  EXPECT_NE(several["detail"].get<std::string>().find("one of 0 3"), std::string::npos) << several;
  post_session(202, {{"endpoint", "pump"}, {"server_instance", 3}});
  EXPECT_EQ(std::get<lwm2m::Execute>(fleet_.next_operation()).path, lwm2m::Path(1, 3, 9));
  add_device({});
  EXPECT_EQ(post_session(400, {{"endpoint", "pump"}})["pointer"], "/server_instance");
}

TEST_F(BootstrapRoutes, ADeviceWithoutATriggerIsToldClearly) {
  add_device({0});
  fleet_.answer_with(lwm2m::Outcome{lwm2m::Status::MethodNotAllowed, std::nullopt, {}, "", 0x85});
  const Json problem = post_session(405, {{"endpoint", "pump"}});
  EXPECT_EQ(problem["type"], "urn:drover:problem:device-answer");
  EXPECT_EQ(problem["coap_code"], "4.05");
  const auto detail = problem["detail"].get<std::string>();
  EXPECT_EQ(detail.find("the device answered 4.05 Method Not Allowed; it doesn't take a Bootstrap-Request Trigger at /1/0/9"), 0U)
      << detail;
  fleet_.answer_with(server::NoAnswer::Timeout);
  post_session(504, {{"endpoint", "pump"}});
}

TEST_F(BootstrapRoutes, EventsOfBothSourcesHaveOneOrder) {
  Stream stream(port_, "");
  ASSERT_TRUE(stream.opened());
  fleet_.emit(EventKind::Registered, "pump");
  desk_.emit(bootstrap::SessionStarted{{7}, "pump", "factory", transport::PeerAddress::v4(0xC0000201, 40000)});
  desk_.emit(bootstrap::KeysWanted{{7}, "pump", {}, {}, false, {}});  // between the desk and its host
  desk_.emit(bootstrap::SessionProgress{{7}, "pump", 2, 5, wrote()});
  fleet_.emit(EventKind::Updated, "valve");
  desk_.emit(bootstrap::SessionEnded{{7}, "pump", bootstrap::SessionState::Finished, "", bootstrap::Applied::Yes, provisioned()});
  desk_.emit(bootstrap::Refused{"", transport::PeerAddress::v4(0xC0000202, 1), "no such key"});
  const auto expect = [&](int number, const char* kind, const char* members) {
    const Sse event = stream.next();
    EXPECT_EQ(event.id, "1700000000-" + std::to_string(number));
    EXPECT_EQ(event.name, kind);
    EXPECT_EQ(event.data["kind"], kind);
    EXPECT_EQ(event.data["number"], number);
    const Json wanted = Json::parse(members);
    for (const auto& [name, value] : wanted.items()) EXPECT_EQ(event.data[name], value) << name;
    return event.data;
  };
  expect(1, "registered", R"({"at":1700000000,"endpoint":"pump"})");
  expect(2, "bootstrap-started",
         R"({"at":1700000001,"endpoint":"pump","session":7,"plan":"factory","address":"192.0.2.1:40000"})");
  expect(3, "bootstrap-progress", R"({"session":7,"step":2,"steps":5,"operation":"Bootstrap-Write","path":"/0/1","format":11542,
    "payload_bytes":87,"code":null,"from_device":false,"at_ms":1700000000020})");
  expect(4, "updated", R"({"endpoint":"valve"})");
  const Json ended = expect(5, "bootstrap-ended", R"({"session":7,"state":"finished","applied":"yes"})");
  EXPECT_EQ(ended["provisioned"][1]["identity"], store::fingerprint(public_key()));
  EXPECT_FALSE(ended.contains("reason"));
  expect(6, "bootstrap-refused", R"({"endpoint":"","address":"192.0.2.2:1","reason":"no such key"})");
}

TEST_F(BootstrapRoutes, EventsAreFilteredByKindAndEndpoint) {
  Stream stream(port_, "?endpoint=pump&kind=bootstrap-ended,expired");
  fleet_.emit(EventKind::Expired, "valve");
  desk_.emit(bootstrap::SessionProgress{{7}, "pump", 2, 5, wrote()});
  desk_.emit(bootstrap::SessionEnded{{8}, "valve", {}, "", {}, {}});
  desk_.emit(bootstrap::SessionEnded{{7}, "pump", bootstrap::SessionState::Failed, "silence", bootstrap::Applied::Unknown, {}});
  fleet_.emit(EventKind::Expired, "pump");
  const Sse ended = stream.next();
  EXPECT_EQ(ended.id, "1700000000-4");
  EXPECT_EQ(ended.data["reason"], "silence");
  EXPECT_EQ(ended.data["applied"], "unknown");
  EXPECT_EQ(stream.next().id, "1700000000-5");
  const Json problem = call(400, "GET", "/api/v1/events?kind=bootstrap-keys");
  EXPECT_NE(problem["detail"].get<std::string>().find("refused, operation, learned, bootstrap-started, bootstrap-progress, "
                                                      "bootstrap-ended, bootstrap-refused"),
            std::string::npos);
}

TEST_F(BootstrapRoutes, NumbersAscendByOneWhoeverPushes) {
  constexpr int kEach = 500;
  Stream stream(port_, "");
  ASSERT_TRUE(stream.opened());
  std::thread fleet([this] {
    for (int i = 0; i < kEach; ++i) fleet_.emit(EventKind::Updated, "a");
  });
  std::thread desk([this] {
    for (int i = 0; i < kEach; ++i) desk_.emit(bootstrap::SessionProgress{{1}, "b", 1, 5, wrote()});
  });
  int of_fleet = 0;
  for (int number = 1; number <= 2 * kEach; ++number) {
    const Sse event = stream.next();
    EXPECT_EQ(event.data["number"], number);
    of_fleet += event.name == "updated" ? 1 : 0;
  }
  fleet.join();
  desk.join();
  EXPECT_EQ(of_fleet, kEach);
}

TEST_F(BootstrapRoutes, TheRingCountsTheBytesOfBootstrapEvents) {
  Api::Settings settings;
  settings.events.bytes_max = 100'000;
  begin(settings);
  for (int i = 0; i < 20; ++i) {
    desk_.emit(bootstrap::SessionEnded{
        {1}, "b", {}, std::string(10'000, 'r'), {}, {{1, bootstrap::SecurityMode::Psk, "coaps://a", Bytes(20'000, 'i'), true}}});
  }
  EXPECT_EQ(get("/api/v1/status").json()["events"]["retained"], 3);
}

}  // namespace
}  // namespace drover::api::test
