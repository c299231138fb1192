// SPDX-License-Identifier: Apache-2.0
// Holds docs/openapi.json against the running server, both ways: a tour calls every route, and whatever it sends and
// gets must be documented; whatever is documented must have been seen.
#include "openapi_tour.hpp"

#include "api/operation_forms.hpp"
#include "apps/droverd/automation_thread.hpp"

namespace drover::api::test {
namespace {

/// Values that a parameter's schema forbids.
std::vector<std::string> outside(const Json& schema) {
  std::vector<std::string> wrong;
  const std::string type = schema["type"];
  if (type == "integer" || type == "boolean" || schema.contains("enum")) wrong = {"x", "", "-1", "1.5"};
  if (schema.contains("minimum") && schema["minimum"] > 0) wrong.emplace_back("0");
  if (schema.contains("maximum")) wrong.push_back(std::to_string(schema["maximum"].get<std::int64_t>() + 1));
  if (schema.contains("maxLength")) wrong.emplace_back(schema["maxLength"].get<std::size_t>() + 1, 'a');
  if (schema.contains("pattern")) wrong = {"x", "", "-1", "9-9"};
  return wrong;
}

/// With something in the place of each variable.
std::string filled(std::string path) {
  for (const auto& [variable, value] : {std::pair<std::string, std::string>{"{endpoint}", kEndpoint}, {"{path}", "3/0/1"}, {"{id}", "3"}}) {
    if (const std::size_t at = path.find(variable); at != std::string::npos) path.replace(at, variable.size(), value);
  }
  return path;
}

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
    // An unknown parameter of the query, or a control character in the path; more requests than a token may make.
    EXPECT_TRUE((*operation)["responses"].contains("400")) << route.method << " " << path;
    EXPECT_EQ((*operation)["responses"].contains("429"), route.role.has_value()) << route.method << " " << path;
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

TEST_F(OpenApi, EachParameterRefusesWhatItsSchemaDoesAndIsNamed) {
  auto automation = droverd::AutomationThread::open(nullptr, fleet_, operation_forms(registry_), {});
  ASSERT_TRUE(automation);
  (*automation)->start();
  start_all(automation->get());
  std::size_t checked = 0;
  for (const auto& [path, item] : document_.root()["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      std::string upper = method;
      std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
      for (const auto& parameter : operation.value("parameters", Json::array())) {
        const Json& resolved = document_.resolve(parameter);
        if (resolved["in"] != "query") continue;
        for (const std::string& wrong : outside(resolved["schema"])) {
          const std::string name = resolved["name"];
          const Reply reply = request(upper, filled(path) + "?" + name + "=" + percent_encode(wrong), "{}");
          EXPECT_EQ(reply.status, 400) << upper << " " << path << " " << name << "=" << wrong << ": " << reply.body;
          // Elsewhere the body or the path is wrong, too.
          if (upper == "GET") {
            EXPECT_EQ(reply.json().value("parameter", ""), name) << path << ": " << reply.body;
          }
          ++checked;
        }
      }
    }
  }
  EXPECT_GT(checked, 100U);
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
  tour_sinks();
  tour_history();
  tour_jobs();
  tour_bootstrap();
  tour_campaigns();
  tour_models();
  tour_backup();
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
