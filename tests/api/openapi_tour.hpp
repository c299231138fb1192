// SPDX-License-Identifier: Apache-2.0
// docs/openapi.json as a schema, and a tour of the server that is held against it.
#pragma once

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "api/target.hpp"
#include "api/tokens.hpp"
#include "api/event_items.hpp"
#include "api_fixture.hpp"
#include "fake_sinks.hpp"
#include "bootstrap_samples.hpp"
#include "campaign_office.hpp"
#include "credential_store.hpp"
#include "kept_things.hpp"
#include "sms_numbers.hpp"
#include "stored_values.hpp"

namespace drover::api::test {
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

  /// With everything that routes may find missing.
  void start_all(jobs::Desk* jobs) {
    Api::Settings settings;
    settings.credentials = &*store_.service;
    settings.sms_accounts = &*numbers_.list;
    settings.sms = &carrier_;
    settings.history = &stored_.service();
    settings.bootstrap = &desk_;
    settings.campaigns = &*office_.office;
    settings.sinks = &sinks_;
    settings.jobs = jobs;
    api_.reset();
    start(settings);
  }

  void tour_views();
  void tour_operations();
  void tour_observations();
  void tour_queue();
  void tour_trace();
  void tour_jobs();
  void tour_sinks();
  void tour_problems();
  void tour_tokens();
  void tour_credentials();
  void tour_sms();
  void tour_history();
  void tour_bootstrap();
  void tour_campaigns();
  void tour_campaign_end();
  void tour_events();
  void tour_models();
  void tour_backup();

  Document document_;
  std::set<std::string> toured_;
  CredentialStore store_;
  FakeSinks sinks_;
  NumberStore numbers_;
  FakeCarrier carrier_;
  StoredValues stored_;
  FakeDesk desk_{registry_};
  CampaignOffice office_{fleet_};
  KeptThings kept_;
};

}  // namespace drover::api::test
