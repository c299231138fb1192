// SPDX-License-Identifier: Apache-2.0
#include "openapi_tour.hpp"

#include "api/operation_forms.hpp"
#include "apps/droverd/automation_thread.hpp"
#include "apps/droverd/backup_service.hpp"
#include "apps/droverd/model_service.hpp"

namespace drover::api::test {

void OpenApi::tour_views() {
  auto view = device_view(kEndpoint);
  view.announcement.formats = {11542};
  view.announcement.root = "/lwm2m";
  fleet_.add(view);
  step(200, "GET", "/healthz");
  step(200, "GET", "/readyz");
  step(200, "GET", "/openapi.json");
  step(200, "GET", "/api/v1/status");
  step(200, "GET", "/api/v1/objects");
  step(200, "GET", "/api/v1/objects/3?version=1.0");
  step(200, "GET", "/api/v1/devices?limit=10");
  step(200, "GET", device(""));
}

void OpenApi::tour_operations() {
  fleet_.answer_with(content(0, {'1'}));
  step(200, "GET", device("/resources/3/0/1"));
  fleet_.answer_with(content(60, {0xA0}));  // a note
  step(200, "GET", device("/resources/3/0/1"));
  // A JSON link tree (Core 6.4.4): object 3 with a link to object 4.
  fleet_.answer_with(
      content(11543, to_bytes(R"({"bn":"/","e":[{"n":"3/0/6","ov":"4:0"},{"n":"4/0/0","sv":"linked"}]})")));
  EXPECT_EQ(step(200, "GET", device("/resources/3"))["linked"]["4"]["0"]["0"], "linked");
  fleet_.answer_with(content(40, to_bytes("</lwm2m/3/0>;pmin=1;x")));
  step(200, "GET", device("/discover/3/0"));
  fleet_.answer_with(changed());
  step(200, "PUT", device("/resources/3/0/1"), R"({"value":1})");
  step(200, "PATCH", device("/resources/3/0"), R"({"payload":"AA==","format":42})");
  step(200, "POST", device("/execute/3/0/8"), R"({"arguments":"1"})");
  step(200, "PUT", device("/attributes/3/0/1?pmin=1"));
  fleet_.answer_with(lwm2m::Outcome{Status::Created, std::nullopt, {}, "/lwm2m/3/7", 0x41});
  step(201, "POST", device("/resources/3"), R"({"instance":7,"value":{"0":"x"}})");
  step(201, "POST", device("/resources/3"), R"({"payload":"AA==","format":42})");
  fleet_.answer_with(lwm2m::Outcome{Status::Deleted, std::nullopt, {}, "", 0x42});
  step(200, "DELETE", device("/resources/3/0"));
}

void OpenApi::tour_observations() {
  fleet_.set_observations({{kEndpoint, lwm2m::Path(3, 0, 1), 11542, 1'700'000'000, 4}});
  step(200, "GET", device("/observations"));
  fleet_.answer_with(content(0, {'1'}));
  step(200, "PUT", device("/observations/3/0/1"));
  step(200, "DELETE", device("/observations/3/0/1"));
}

void OpenApi::tour_queue() {
  // Each way of asking, of a device that sleeps; the tour goes on with one that is awake.
  fleet_.fall_asleep();
  step(202, "GET", device("/resources/3/0/1?expires=60&via=udp&redeliver=always&trigger=true"));
  step(202, "PUT", device("/resources/3/0/1?wait=false"), R"({"value":1})");
  step(202, "PATCH", device("/resources/3/0"), R"({"payload":"AA==","format":42})");
  step(202, "POST", device("/resources/3"), R"({"value":{"0":"x"}})");
  step(202, "DELETE", device("/resources/3/0"));
  step(202, "POST", device("/execute/3/0/8"));
  step(202, "GET", device("/discover/3"));
  step(202, "PUT", device("/attributes/3/0/1?pmin=1"));
  step(202, "PUT", device("/observations/3/0/1"));
  step(202, "DELETE", device("/observations/3/0/1"));
  step(400, "GET", device("/resources/3/0/1?via=pigeon"));
  const std::string all = device("/operations");
  EXPECT_EQ(step(200, "GET", all + "?state=queued&limit=3")["operations"].size(), 3u);
  step(400, "GET", all + "?state=x");
  step(404, "GET", "/api/v1/devices/nobody/operations");
  const auto first = fleet_.queued_operation(0);
  step(200, "GET", all + "/" + std::to_string(first.id.value));
  fleet_.change(FakeFleet::over(first, content(0, {'1'})));
  EXPECT_EQ(step(200, "GET", all + "/" + std::to_string(first.id.value))["answer"]["value"], 1);
  const auto second = std::to_string(fleet_.queued_operation(0).id.value);
  EXPECT_EQ(step(200, "DELETE", all + "/" + second)["problem"]["no_answer"], "cancelled");
  step(409, "DELETE", all + "/" + second);
  step(404, "DELETE", all + "/999");
  step(404, "GET", all + "/x");
  fleet_.wake();
}

void OpenApi::tour_sinks() {
  Api::Settings settings;
  settings.sinks = &sinks_;
  api_.reset();
  start(settings);
  sinks_.set({FakeSinks::view("a")});
  step(200, "GET", "/api/v1/sinks");
  step(200, "GET", "/api/v1/sinks/a");
  step(404, "GET", "/api/v1/sinks/b");
  step(200, "POST", "/api/v1/sinks/a/test");
  sinks_.answer_with("no way");
  step(502, "POST", "/api/v1/sinks/a/test");
  step(404, "POST", "/api/v1/sinks/b/test");
  step(200, "GET", "/readyz");
  // No JSON: see metrics_test.cpp.
  const auto [path, operation] = find_operation("GET", "/metrics");
  toured_.insert("GET " + path);
  EXPECT_TRUE((*operation)["responses"]["200"]["content"].contains(get("/metrics").field("Content-Type")));
}

void OpenApi::tour_jobs() {
  step(501, "GET", "/api/v1/bulk");
  auto automation = droverd::AutomationThread::open(nullptr, fleet_, operation_forms(registry_), {});
  ASSERT_TRUE(automation);
  (*automation)->start();
  Api::Settings settings;
  settings.jobs = automation->get();
  api_.reset();
  start(settings);
  step(200, "PUT", device("/tags?keep=true"), R"({"tags":["pilot"]})");
  step(200, "GET", device("/tags"));
  step(200, "GET", device(""));
  step(200, "GET", "/api/v1/tags");
  step(200, "GET", "/api/v1/devices?tag=pilot&name=*&limit=1");
  step(400, "GET", "/api/v1/devices?tag=a%20b");
  step(400, "PUT", device("/tags"), R"({"tags":["a b"]})");
  step(200, "DELETE", device("/tags?tag=pilot"));

  fleet_.answer_with(changed());
  const auto bulk = [](const std::string& operation, const std::string& selection = R"({"all":true})") {
    return R"({"operation":)" + operation + R"(,"selection":)" + selection + "}";
  };
  const std::string all = "/api/v1/bulk";
  step(202, "POST", all,
       R"({"operation":{"operation":"write","path":"/3/0/1","value":1,"format":"tlv","mode":"replace"},)"
       R"("selection":{"all":true},"parallel":2,"lifetime":60,"priority":"high","stop_at_failures":50})");
  step(202, "POST", all, bulk(R"({"operation":"create","path":"/3","payload":"AA==","format":"42"})"));
  step(202, "POST", all, bulk(R"({"operation":"create","path":"/3","value":{"0":"x"},"instance":7})"));
  step(202, "POST", all, bulk(R"({"operation":"execute","path":"/3/0/8","arguments":"1"})"));
  step(202, "POST", all, bulk(R"({"operation":"write-attributes","path":"/3/0","attributes":{"pmin":10}})"));
  step(202, "POST", all,
       bulk(R"({"operation":"read","path":"/3/0/1","accept":"tlv"})",
            R"({"endpoints":["a"],"name":"*","tags":["x"],"manufacturer":"*","model":"*","version":"*","object":3,)"
            R"("seen_after":1,"seen_before":2})"));
  step(400, "POST", all, bulk(R"({"operation":"read","path":"/3/0/1"})", "{}"));
  // Its thread does one thing after the other, but devices answer in between.
  while (get(all + "/1").json()["state"] != "done") {
  }
  step(200, "GET", all);
  step(200, "GET", all + "/1");
  EXPECT_EQ(step(200, "GET", all + "/1/devices?state=done&limit=1")["devices"].size(), 1u);
  step(409, "POST", all + "/1/pause");
  step(409, "POST", all + "/1/resume");
  step(409, "POST", all + "/1/cancel");
  step(409, "POST", all + "/1/retry");
  step(404, "GET", all + "/99");
  step(200, "DELETE", all + "/1");
  step(200, "GET", "/api/v1/operations?limit=1&state=done");
  step(400, "GET", "/api/v1/operations?after=x");

  const std::string rules = "/api/v1/rules";
  step(200, "PUT", rules + "/r", R"({"enabled":true,"condition":{"all":true},"ask":false,"when":"registration",)"
                                 R"("stop_on_failure":false,"steps":["read /3/0/1",{"operation":"observe","path":"/3/0/1"}]})");
  step(400, "PUT", rules + "/r", R"({"condition":{"all":true},"steps":["reed /3"]})");
  step(200, "GET", rules);
  step(200, "GET", rules + "/r");
  server::Event event;
  event.kind = EventKind::Registered;
  event.device = device_view(kEndpoint);
  event.device->registered_at = 1'900'000'000;
  (*automation)->handle(event);
  EXPECT_EQ(step(200, "GET", rules + "/r/devices")["devices"].size(), 1u);
  step(400, "GET", rules + "/r/devices?state=x");
  step(200, "DELETE", rules + "/r");
  step(404, "GET", rules + "/r");
  api_.reset();
}

void OpenApi::tour_trace() {
  const std::string trace = device("/trace");
  step(404, "GET", trace);
  step(404, "DELETE", trace);
  EXPECT_EQ(step(200, "PUT", trace)["seconds"], 600);
  step(200, "PUT", trace, R"({"seconds":60})");
  step(400, "PUT", trace, R"({"seconds":0})");
  step(400, "GET", trace + "?limit=0");
  // CON GET /lwm2m/3/0/1 with Observe and an option nobody knows, its ACK 2.05 with text, and garbage.
  std::uint64_t number = 0;
  for (const Bytes& bytes : {Bytes{0x41, 0x01, 0x12, 0x34, 0xA1, 0x60, 0x55, 'l', 'w', 'm', '2', 'm', 0x01, '3', 0x01, '0', 0x01, '1',
                                   0xD1, 0xF0, 0x01},
                             Bytes{0x61, 0x45, 0x12, 0x34, 0xA1, 0xC0, 0xFF, '4', '2'}, Bytes{0xFF}}) {
    server::TracedMessage message;
    message.number = ++number;
    message.at = 1'700'000'000'500'000;
    message.uplink = number > 1;
    message.address = transport::PeerAddress::v4(0xC0000201, 40000);
    message.bytes = bytes;
    fleet_.add_traced(kEndpoint, message);
  }
  const Json all = step(200, "GET", trace + "?after=0&limit=10")["messages"];
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0]["direction"], "downlink");
  EXPECT_EQ(all[0]["at"], 1'700'000'000.5);
  EXPECT_EQ(all[0]["options"][0], Json::parse(R"({"number":6,"name":"Observe","value":0})"));
  EXPECT_EQ(all[0]["options"][2]["value"], "3");
  EXPECT_EQ(all[0]["options"][5]["name"], nullptr);
  EXPECT_EQ(all[1]["path"], "/3/0/1") << "its request said so";
  EXPECT_EQ(all[1]["content"]["value"], 42);
  EXPECT_EQ(all[2]["summary"], "not a CoAP message");
  step(200, "DELETE", trace);
}

void OpenApi::tour_problems() {
  fleet_.answer_with(lwm2m::Outcome{Status::NotFound, std::nullopt, to_bytes("no such"), "", 0x84});
  step(404, "GET", device("/resources/3/0/1"));
  fleet_.answer_with(server::NoAnswer::Timeout);
  step(504, "GET", device("/resources/3/0/1"));
  step(400, "GET", "/api/v1/devices?limit=0");
  step(400, "PUT", device("/resources/3/0/1"), R"({"value":"x"})");
  step(404, "GET", "/api/v1/devices/nobody");
  step(404, "GET", "/api/v1/devices/nobody/observations");
  step(400, "GET", "/api/v1/objects/x");
  check_problem(get("/nothing"));
  check_problem(request("POST", "/healthz"));
}

void OpenApi::tour_tokens() {
  const Json first = step(201, "POST", "/api/v1/tokens", R"({"name":"first","role":"admin","expires_at":null})");
  token_ = first["token"];
  const Json own = step(200, "GET", "/api/v1/session");
  EXPECT_EQ(own["name"], "first");
  EXPECT_EQ(own["token_required"], true);
  step(200, "GET", "/api/v1/tokens");
  EXPECT_EQ(step(200, "GET", "/api/v1/audit?limit=1")["records"][0]["location"], "/api/v1/tokens/1");
  step(400, "GET", "/api/v1/audit?after=x");
  step(409, "POST", "/api/v1/tokens", R"({"name":"first","role":"read"})");
  step(404, "DELETE", "/api/v1/tokens/7");
  step(200, "DELETE", "/api/v1/tokens/1");
  step(401, "GET", "/api/v1/tokens");
  token_.clear();
}

void OpenApi::tour_credentials() {
  const std::string all = "/api/v1/credentials";
  step(501, "GET", all);
  Api::Settings settings;
  settings.credentials = &*store_.service;
  api_.reset();
  start(settings);
  step(201, "POST", all, R"({"kind":"psk","identity":"a","generate":true,"key_bytes":16,"endpoint":null})");
  step(201, "POST", all, R"({"kind":"psk","identity":"b","key":"00","label":"l","expires_at":null,"enabled":true})");
  const std::string key = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";  // RFC 8410 §10.1
  step(201, "POST", all, R"({"kind":"public-key","endpoint":"x","public_key":")" + key + "\"}");
  step(201, "POST", all, R"({"purpose":"bootstrap","kind":"psk","identity":"b","key":"01","endpoint":"x"})");
  step(409, "POST", all, R"({"kind":"psk","identity":"b","key":"00"})");
  step(201, "POST", all, R"({"kind":"psk","identity":"other","key":"01"})");
  step(409, "PATCH", all + "/5", R"({"endpoint":"x"})");
  step(400, "POST", all, R"({"kind":"certificate","identity":""})");
  step(200, "GET", all + "?limit=1&purpose=bootstrap");
  step(200, "GET", all + "/1");
  step(200, "PATCH", all + "/1", R"({"endpoint":"x","label":"","enabled":false,"expires_at":1900000000})");
  step(201, "POST", all + "/2/rotate", R"({"identity":"c","generate":true,"key_bytes":16,"retire_after":1})");
  step(201, "POST", all + "/2/rotate", R"({"identity":"d","key":"00","label":"l"})");
  const std::string other = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuI=";
  step(201, "POST", all + "/3/rotate", R"({"public_key":")" + other + "\"}");
  step(200, "DELETE", all + "/1");
  step(404, "DELETE", all + "/1");
  for (const char* query : {"?partial=true", ""}) {
    const std::string target = all + "/import" + query;
    const auto [path, operation] = find_operation("POST", target);
    toured_.insert("POST " + path);
    check_reply(*operation, path, request("POST", target, "kind,identity\npsk,\n", "text/csv"));
  }
}

void OpenApi::tour_sms() {
  const std::string all = "/api/v1/sms/numbers";
  step(404, "GET", "/api/v1/sms");
  step(501, "GET", all);
  Api::Settings settings;
  settings.sms_accounts = &*numbers_.list;
  settings.sms = &carrier_;
  api_.reset();
  start(settings);
  step(200, "GET", "/api/v1/sms");
  step(201, "POST", all, R"({"number":"+49170","endpoint":"a","generate":true,"label":"l","enabled":true})");
  step(201, "POST", all, R"({"number":"49171","endpoint":"a","protection":"smartcard","parameters":"12121600b20203",)"
                         R"("keys":"000102030405060708090a0b0c0d0e0f"})");
  step(201, "POST", all, R"({"number":"49172","endpoint":"b","protection":"dtls"})");
  step(409, "POST", all, R"({"number":"49170","endpoint":"a","generate":true})");
  step(400, "POST", all, R"({"number":"49173","endpoint":"a"})");
  step(200, "GET", all + "?limit=1&endpoint=a&after=0");
  step(400, "GET", all + "?limit=0");
  step(200, "GET", all + "/1");
  step(200, "PATCH", all + "/1", R"({"label":"","enabled":false})");
  step(404, "PATCH", all + "/9", R"({"label":""})");
  step(200, "DELETE", all + "/1");
  step(404, "DELETE", all + "/1");
  step(404, "GET", all + "/1");
}

void OpenApi::tour_history() {
  step(501, "GET", device("/values"));
  Api::Settings settings;
  settings.history = &stored_.service();
  api_.reset();
  start(settings);
  stored_.notify(kStoredNow - 9, kEndpoint, "/3/0/1", "7", "Integer");
  stored_.notify(kStoredNow, kEndpoint, "/3/0", R"({"0":"x","1":8,"99":true})", "");
  stored_.settle();
  step(200, "GET", "/api/v1/status");
  step(200, "GET", device("/values?limit=1"));
  step(200, "GET", device("/values?after=/3/0/1"));
  step(400, "GET", device("/values?limit=0"));
  step(200, "GET", device("/values/3/0/1"));
  step(404, "GET", device("/values/4"));
  step(200, "GET", device("/history?limit=1&order=oldest&from=0&format=json"));
  step(200, "GET", device("/history/3/0?every=60&to=2100-01-01T00:00:00Z"));
  step(400, "GET", device("/history/3/0?every=0"));
  const Json page = step(200, "GET", "/api/v1/history?endpoint=urn*&path=/3/0/1&limit=1");
  step(200, "GET", "/api/v1/history?endpoint=urn*&path=/3/0/1&limit=1&after=" + page["next"].get<std::string>());
  step(200, "DELETE", device("/values"));
  step(404, "DELETE", device("/values"));
}

void OpenApi::tour_bootstrap() {
  const std::string all = "/api/v1/bootstrap";
  step(501, "GET", all + "/plans");
  add_bootstrap_definitions(registry_);
  Api::Settings settings;
  settings.bootstrap = &desk_;
  api_.reset();
  start(settings);
  step(200, "GET", "/api/v1/status");
  const std::string plan = plan_json("p", "pump-*");
  step(201, "PUT", all + "/plans/p", plan);
  step(200, "PUT", all + "/plans/p", plan);
  step(400, "PUT", all + "/plans/p", R"({"servers":7})");
  step(409, "PUT", all + "/plans/q", plan_json("q", "pump-*"));
  step(200, "GET", all + "/plans");
  step(200, "GET", all + "/plans/p");
  step(404, "GET", all + "/plans/q");
  step(200, "POST", all + "/validate", plan);
  step(400, "POST", all + "/validate", "{}");
  step(200, "POST", all + "/dry-run", R"({"endpoint":"pump-1","format":11543})");
  step(200, "POST", all + "/dry-run", R"({"endpoint":"pump-1","plan":)" + plan + "}");
  step(404, "POST", all + "/dry-run", R"({"endpoint":"pump-1","plan":"q"})");
  step(200, "DELETE", all + "/plans/p");

  desk_.add(session_view(1, "pump"));
  desk_.add(session_view(2, "pump"));
  step(200, "GET", all + "/sessions?limit=1");
  step(200, "GET", all + "/sessions/1");
  step(200, "DELETE", all + "/sessions/1");
  step(409, "DELETE", all + "/sessions/1");
  desk_.answer_start(bootstrap::SessionId{3});
  step(201, "POST", all + "/sessions", R"({"endpoint":"pump","uri":"coaps://192.0.2.1:5684"})");
  fleet_.answer_with(changed());
  step(202, "POST", all + "/sessions?timeout=1", "{\"endpoint\":\"" + std::string(kEndpoint) + "\",\"server_instance\":0}");
  fleet_.answer_with(lwm2m::Outcome{Status::MethodNotAllowed, std::nullopt, {}, "", 0x85});
  step(405, "POST", all + "/sessions", "{\"endpoint\":\"" + std::string(kEndpoint) + "\",\"server_instance\":0}");
}

void OpenApi::tour_campaigns() {
  const std::string images = "/api/v1/images", all = "/api/v1/campaigns";
  step(501, "GET", images);
  step(501, "GET", all);
  Api::Settings settings;
  settings.campaigns = &*office_.office;
  api_.reset();
  start(settings);
  // Bodies that aren't JSON.
  const auto raw = [&](int status, const std::string& method, const std::string& target, const std::string& body = {}) {
    const auto [path, operation] = find_operation(method, target);
    toured_.insert(method + " " + path);
    const Reply reply = request(method, target, body, "application/octet-stream");
    EXPECT_EQ(reply.status, status) << method << " " << target << ": " << reply.body;
    EXPECT_TRUE((*operation)["responses"].contains(std::to_string(status))) << status;
    if (reply.field("Content-Type") != "application/octet-stream") check_reply(*operation, path, reply);
  };
  raw(200, "PUT", images + "/app-2.0?version=2.0", "image");
  raw(409, "PUT", images + "/app-2.0?version=2.0", "other");
  raw(400, "PUT", images + "/.hidden", "image");
  raw(200, "GET", images + "/app-2.0/content");
  step(404, "GET", images + "/x/content");
  step(200, "GET", images);
  step(200, "GET", images + "/app-2.0");
  step(404, "GET", images + "/x");
  step(201, "POST", all,
       R"({"name":"spring","image":"app-2.0","selection":{"endpoints":["test-nobody","nobody"]},"method":"coap",)"
       R"("parallel":5,"stop_percent":20,"stop_after":7,"retries":2,"reset_stuck":false,"skip_current":false,)"
       R"("start_at":2000000000,"window":{"from":"22:00","to":"04:30"},)"
       R"("limits":{"reach":100,"transfer":200,"download":300,"update":400}})");
  step(400, "POST", all, R"({"name":"x","image":"nothing","selection":{"endpoints":["a"]},"method":"push"})");
  step(503, "POST", all,
       R"({"name":"x","image":"app-2.0","method":"push","selection":{"name":"a*","tags":["t"],"manufacturer":"m","model":"m",)"
       R"("version":"1","object":5,"seen_after":1,"seen_before":2}})");
  step(200, "GET", all + "?limit=1&before=99");
  step(400, "GET", all + "?limit=0");
  step(200, "GET", all + "/1");
  step(404, "GET", all + "/9");
  EXPECT_EQ(step(200, "GET", all + "/1/devices?state=waiting&limit=1")["next"], "nobody");
  step(400, "GET", all + "/1/devices?state=x");
  step(409, "DELETE", images + "/app-2.0");
  EXPECT_EQ(step(200, "POST", all + "/1/pause")["state"], "paused");
  step(409, "POST", all + "/1/pause");
  EXPECT_EQ(step(200, "POST", all + "/1/resume")["state"], "scheduled");
  step(409, "POST", all + "/1/retry");
  step(409, "DELETE", all + "/1");
  step(400, "POST", all + "/1/cancel?reset=x");
  EXPECT_EQ(step(200, "POST", all + "/1/cancel?reset=true")["outcomes"]["cancelled"], 2);
  step(200, "DELETE", all + "/1");
  step(404, "DELETE", all + "/1");
  step(200, "DELETE", images + "/app-2.0");
  step(404, "DELETE", images + "/app-2.0");
  tour_campaign_end();
}

/// One that runs: its device isn't there, and then is tried again.
void OpenApi::tour_campaign_end() {
  const std::string all = "/api/v1/campaigns", target = "/api/v1/images/app";
  request("PUT", target, "image", "application/octet-stream");
  step(201, "POST", all,
       R"({"name":"x","image":"app","selection":{"endpoints":["nobody"]},"method":"push","limits":{"reach":1}})");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (request("GET", all + "/2").json()["state"] != "done" && std::chrono::steady_clock::now() < end) {
  }
  EXPECT_EQ(step(200, "GET", all + "/2")["outcomes"]["vanished"], 1);
  EXPECT_EQ(step(200, "GET", all + "/2/devices?state=vanished")["devices"][0]["reason"], "it isn't registered");
  EXPECT_EQ(step(200, "POST", all + "/2/retry")["state"], "running");
}

void OpenApi::tour_models() {
  const std::string all = "/api/v1/objects";
  step(501, "DELETE", all + "/26241");
  auto models = droverd::ModelService::open(kept_.file, registry_, kept_.service());
  ASSERT_TRUE(models);
  Api::Settings settings;
  settings.models = models->get();
  api_.reset();
  start(settings);
  for (const auto& [status, body, type] : {std::tuple(201, KeptThings::definition("Pump"), "application/xml"),
                                           {200, KeptThings::definition("Pump II"), "text/xml"},
                                           {400, std::string("<LWM2M>"), "application/xml"},
                                           {415, KeptThings::definition("Pump"), "application/json"}}) {
    const auto [path, operation] = find_operation("POST", all);
    toured_.insert("POST " + path);
    const Reply reply = request("POST", all, body, type);
    EXPECT_EQ(reply.status, status) << reply.body;
    check_reply(*operation, path, reply);
  }
  EXPECT_EQ(step(200, "GET", all + "/26241")["uploaded"], true);
  step(400, "DELETE", all + "/26241?version=x");
  step(200, "DELETE", all + "/26241?version=1.0");
  step(404, "DELETE", all + "/26241");
  api_.reset();
}

void OpenApi::tour_backup() {
  const std::string one = "/api/v1/backup";
  start({});
  step(501, "POST", one);
  droverd::BackupService backups({.store = *kept_.file, .fleet = *kept_.fleet, .values = nullptr, .images = nullptr, .version = "test"});
  Api::Settings settings;
  settings.backups = &backups;
  api_.reset();
  start(settings);
  step(404, "GET", one);
  step(404, "DELETE", one);
  step(201, "POST", one);
  step(200, "GET", one);
  const auto [path, operation] = find_operation("GET", one + "/files/store");
  toured_.insert("GET " + path);
  EXPECT_TRUE((*operation)["responses"]["200"]["content"].contains(get(one + "/files/store").field("Content-Type")));
  step(404, "GET", one + "/files/manifest.json");
  step(200, "DELETE", one);
  api_.reset();
  start({});
}

void OpenApi::tour_events() {
  Api::Settings settings;
  settings.bootstrap = &desk_;
  settings.events.events_max = 14;
  api_.reset();
  start(settings);
  for (int i = 0; i < 15; ++i) fleet_.emit(EventKind::Expired, "a");  // the first is lost
  std::string kinds;
  for (const std::string& kind : event_kinds()) kinds += (kinds.empty() ? "" : ",") + kind;
  RawClient client(port_);
  client.send("GET /api/v1/events?last_event_id=x&kind=" + kinds + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(status_of(client.read_through(": connected\n\n")), 200);
  const auto notify = [&](lwm2m::Path path, lwm2m::Outcome outcome) {
    fleet_.emit(EventKind::Notification, "a", [&](server::Event& event) {
      event.path = path;
      event.outcome = std::move(outcome);
    });
  };
  fleet_.emit(EventKind::Registered, "a", [](server::Event& event) { event.device = device_view("a"); });
  notify({3, 0, 1}, content(0, {'1'}));
  notify({3, 0, 1}, content(60, {0xA0}));
  notify({3, 0}, content(40, to_bytes("</3/0>")));
  notify(lwm2m::Path(3),
         content(11543, to_bytes(R"({"bn":"/","e":[{"n":"3/0/6","ov":"4:0"},{"n":"4/0/0","sv":"x"}]})")));
  notify({3, 0, 1}, content(11543, to_bytes(R"({"bn":"/3/0/1","bt":1700000000,"e":[{"v":5,"t":-1},{"v":6,"t":-2}]})")));
  fleet_.emit(EventKind::Learned, "a", [](server::Event& event) {
    event.path = {3, 0, 1};
    event.outcome = content(0, {'1'});
    event.how = "read";
  });
  fleet_.emit(EventKind::Operation, "a", [](server::Event& event) {
    event.operation.emplace();
    event.operation->operation = "Read";
  });
  fleet_.emit(EventKind::Refused, "a", [](server::Event& event) {
    event.address = transport::PeerAddress::v4(0xC0000201, 40000);
    event.reason = "unknown PSK identity: psk \"a\"";
  });
  desk_.emit(bootstrap::SessionStarted{{1}, "a", "p", transport::PeerAddress::v4(0xC0000201, 40000)});
  desk_.emit(bootstrap::SessionProgress{{1}, "a", 2, 5, session_view(1, "a").timeline.back()});
  desk_.emit(bootstrap::SessionEnded{
      {1}, "a", bootstrap::SessionState::Failed, "silence", bootstrap::Applied::Unknown, provisioned()});
  desk_.emit(bootstrap::Refused{"", transport::PeerAddress::v4(0xC0000201, 40000), "no such key"});
  fleet_.emit(EventKind::Deregistered, "end");
  const auto [path, operation] = find_operation("GET", "/api/v1/events");
  toured_.insert("GET " + path);
  const Json& schema = (*operation)["responses"]["200"]["content"]["text/event-stream"]["schema"];
  for (std::string name; name != "deregistered";) {
    const std::string text = client.read_through("\n\n");
    ASSERT_FALSE(text.empty());
    if (text.front() == ':') continue;
    const std::size_t event = text.find("event: ") + 7;
    name = text.substr(event, text.find('\n', event) - event);
    const Json data = Json::parse(text.substr(text.find("data: ") + 6), nullptr, false);
    EXPECT_EQ(document_.check(schema, data, "events"), "") << text;
  }
}

}  // namespace drover::api::test
