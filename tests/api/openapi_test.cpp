// SPDX-License-Identifier: Apache-2.0
// Holds docs/openapi.json against the running server, both ways: a tour calls every route, and whatever it sends and
// gets must be documented; whatever is documented must have been seen.
#include "openapi_tour.hpp"

namespace drover::api::test {
namespace {

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
