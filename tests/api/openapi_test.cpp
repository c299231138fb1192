// SPDX-License-Identifier: Apache-2.0
// Holds docs/openapi.json against the running server, both ways: a tour calls every route, and whatever it sends and
// gets must be documented; whatever is documented must have been seen.
#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "api/target.hpp"
#include "api/tokens.hpp"
#include "api/event_items.hpp"
#include "api_fixture.hpp"
#include "bootstrap_samples.hpp"
#include "credential_store.hpp"
#include "sms_numbers.hpp"
#include "stored_values.hpp"

namespace drover::api::test {
namespace {

using lwm2m::Status;
using server::EventKind;

/// Checks values against the document's schemas (the part of JSON Schema that it uses) and remembers the members it
/// met.
class Document {
 public:
  Document() {
    std::ifstream file(DROVER_SOURCE_DIR "/docs/openapi.json");
    std::ostringstream text;
    text << file.rdbuf();
    text_ = text.str();
    root_ = Json::parse(text_, nullptr, false);
  }
  [[nodiscard]] const Json& root() const { return root_; }
  [[nodiscard]] const std::string& text() const { return text_; }

  [[nodiscard]] const Json& resolve(const Json& node, std::string* place = nullptr) const {
    const auto ref = node.find("$ref");
    if (ref == node.end()) return node;
    if (place != nullptr) *place = *ref;
    return root_.at(Json::json_pointer(ref->get<std::string>().substr(1)));
  }

  /// What is wrong, "" when the value fits.
  std::string check(const Json& schema, const Json& value, std::string place) {
    const Json& resolved = resolve(schema, &place);
    if (value.is_null() && resolved.value("nullable", false)) return {};
    if (const auto one_of = resolved.find("oneOf"); one_of != resolved.end()) {
      std::string wrong;
      for (std::size_t i = 0; i < one_of->size(); ++i) {
        const auto before = seen_;
        const std::string reason = check((*one_of)[i], value, place + "/oneOf/" + std::to_string(i));
        if (reason.empty()) return {};
        seen_ = before;
        wrong += reason + "; ";
      }
      return "fits none: " + wrong;
    }
    const std::string type = resolved.value("type", "");
    const bool fits = type.empty() || (type == "object" && value.is_object()) ||
                      (type == "array" && value.is_array()) || (type == "string" && value.is_string()) ||
                      (type == "integer" && value.is_number_integer()) || (type == "number" && value.is_number()) ||
                      (type == "boolean" && value.is_boolean());
    if (!fits) return place + " isn't of type " + type + ": " + value.dump();
    if (type == "array") {
      for (const auto& element : value) {
        if (auto wrong = check(resolved["items"], element, place + "/items"); !wrong.empty()) return wrong;
      }
    }
    return type == "object" ? check_members(resolved, value, place) : std::string();
  }

  /// Every member of every schema, as check() remembers them.
  [[nodiscard]] std::set<std::string> members() const {
    std::set<std::string> all;
    for (const auto& [name, schema] : root_["components"]["schemas"].items()) {
      collect(schema, "#/components/schemas/" + name, all);
    }
    return all;
  }
  [[nodiscard]] const std::set<std::string>& seen() const { return seen_; }

 private:
  std::string check_members(const Json& schema, const Json& value, const std::string& place) {
    const Json properties = schema.value("properties", Json::object());
    for (const auto& name : schema.value("required", Json::array())) {
      if (!value.contains(name.get<std::string>())) return place + " lacks " + name.get<std::string>();
    }
    for (const auto& [name, member] : value.items()) {
      if (properties.contains(name)) {
        seen_.insert(place + "/" + name);
        if (auto wrong = check(properties[name], member, place + "/" + name); !wrong.empty()) return wrong;
        continue;
      }
      const Json additional = schema.value("additionalProperties", Json(true));
      if (additional == Json(false)) return place + " has the undocumented member " + name;
      if (additional.is_object()) {
        if (auto wrong = check(additional, member, place + "/*"); !wrong.empty()) return wrong;
      }
    }
    return {};
  }

  static void collect(const Json& schema, const std::string& place, std::set<std::string>& all) {
    const Json properties = schema.value("properties", Json::object());
    for (const auto& [name, member] : properties.items()) {
      all.insert(place + "/" + name);
      collect(member, place + "/" + name, all);
    }
    if (schema.contains("items")) collect(schema["items"], place + "/items", all);
    if (schema.contains("oneOf")) {
      for (std::size_t i = 0; i < schema["oneOf"].size(); ++i) {
        collect(schema["oneOf"][i], place + "/oneOf/" + std::to_string(i), all);
      }
    }
  }

  std::string text_;
  Json root_;
  std::set<std::string> seen_;
};

class OpenApi : public ApiTest {
 protected:
  /// The documented operation that a target belongs to; {path} takes all that follows.
  std::pair<std::string, const Json*> find_operation(const std::string& method, const std::string& target) {
    std::string lower = method;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    const auto segments = parse_target(target)->segments;
    for (const auto& [path, item] : document_.root()["paths"].items()) {
      const auto pattern = parse_target(path)->segments;
      const bool rest = pattern.back() == "{path}";
      if (rest ? segments.size() < pattern.size() : segments.size() != pattern.size()) continue;
      bool same = true;
      for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (!pattern[i].starts_with('{') && pattern[i] != segments[i]) same = false;
      }
      if (same && item.contains(lower)) return {path, &item[lower]};
    }
    return {"", nullptr};
  }

  /// One step of the tour: the request's body and the answer must fit what is documented for them.
  Json step(int status, const std::string& method, const std::string& target, const std::string& body = {}) {
    SCOPED_TRACE(method + " " + target);
    const auto [path, operation] = find_operation(method, target);
    EXPECT_NE(operation, nullptr) << "not documented";
    if (operation == nullptr) return {};
    toured_.insert(method + " " + path);
    if (!body.empty()) {
      const Json& schema = (*operation)["requestBody"]["content"]["application/json"]["schema"];
      EXPECT_EQ(document_.check(schema, Json::parse(body), path + " body"), "");
    }
    const Reply reply = request(method, target, body);
    EXPECT_EQ(reply.status, status) << reply.body;
    check_reply(*operation, path, reply);
    return reply.json();
  }

  void check_reply(const Json& operation, const std::string& path, const Reply& reply) {
    const auto documented = operation["responses"].find(std::to_string(reply.status));
    ASSERT_NE(documented, operation["responses"].end()) << "status " << reply.status << " isn't documented";
    const Json& media = document_.resolve(*documented)["content"];
    const std::string type = reply.field("Content-Type");
    ASSERT_TRUE(media.contains(type)) << type;
    EXPECT_EQ(document_.check(media[type]["schema"], reply.json(), path + " answer"), "");
  }

  /// Problems that any route may have (a wrong Host, say) are documented for the server as a whole.
  void check_problem(const Reply& reply) {
    EXPECT_EQ(document_.check(document_.root()["components"]["schemas"]["Problem"], reply.json(),
                              "#/components/schemas/Problem"),
              "");
  }

  void tour_views();
  void tour_operations();
  void tour_observations();
  void tour_queue();
  void tour_trace();
  void tour_problems();
  void tour_tokens();
  void tour_credentials();
  void tour_sms();
  void tour_history();
  void tour_bootstrap();
  void tour_events();

  Document document_;
  std::set<std::string> toured_;
  CredentialStore store_;
  NumberStore numbers_;
  FakeCarrier carrier_;
  StoredValues stored_;
  FakeDesk desk_{registry_};
};

TEST_F(OpenApi, IsServedAsItIs) {
  ASSERT_TRUE(document_.root().is_object());
  EXPECT_EQ(get("/openapi.json").body, document_.text());
}

TEST_F(OpenApi, NamesTheRoleOfEachRoute) {
  EXPECT_EQ(document_.root()["security"], Json::parse(R"([{"token":[]}])"));
  for (const auto& route : Api::routes()) {
    const auto [path, operation] = find_operation(route.method, route.path);
    ASSERT_EQ(path, route.path);
    const bool open_to_all = operation->contains("security") && (*operation)["security"].empty();
    EXPECT_EQ(open_to_all, !route.role.has_value()) << route.method << " " << path;
    EXPECT_EQ(operation->value("x-role", ""), route.role ? to_string(*route.role) : "") << route.method << " " << path;
    EXPECT_EQ((*operation)["responses"].contains("401"), route.role.has_value()) << route.method << " " << path;
    EXPECT_EQ((*operation)["responses"].contains("403"), route.role.has_value()) << route.method << " " << path;
  }
}

TEST_F(OpenApi, HasExactlyTheServersRoutesAndQueryParameters) {
  std::map<std::string, std::set<std::string>> served;
  for (const auto& route : Api::routes()) {
    served[route.method + " " + route.path] = {route.parameters.begin(), route.parameters.end()};
  }
  std::map<std::string, std::set<std::string>> documented;
  for (const auto& [path, item] : document_.root()["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      std::string upper = method;
      std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
      auto& names = documented[upper + " " + path];
      for (const auto& parameter : operation.value("parameters", Json::array())) {
        const Json& resolved = document_.resolve(parameter);
        if (resolved["in"] == "query") {
          names.insert(resolved["name"]);
        } else {
          EXPECT_NE(path.find("{" + resolved["name"].get<std::string>() + "}"), std::string::npos) << path;
        }
      }
    }
  }
  EXPECT_EQ(served, documented);
}

void OpenApi::tour_views() {
  auto view = device_view(kEndpoint);
  view.announcement.formats = {11542};
  view.announcement.root = "/lwm2m";
  fleet_.add(view);
  step(200, "GET", "/healthz");
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
  step(200, "GET", "/api/v1/tokens");
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

TEST_F(OpenApi, TheTourMeetsExactlyWhatIsDocumented) {
  tour_views();
  tour_operations();
  tour_observations();
  tour_problems();
  tour_queue();
  tour_trace();
  tour_credentials();
  tour_sms();
  tour_history();
  tour_bootstrap();
  tour_tokens();
  tour_events();
  for (const auto& route : Api::routes()) EXPECT_TRUE(toured_.contains(route.method + " " + route.path)) << route.path;
  std::vector<std::string> unseen;
  const auto all = document_.members();
  std::set_difference(all.begin(), all.end(), document_.seen().begin(), document_.seen().end(),
                      std::back_inserter(unseen));
  EXPECT_EQ(unseen, std::vector<std::string>{}) << "documented, but never met";
}

}  // namespace
}  // namespace drover::api::test
