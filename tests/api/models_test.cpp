// SPDX-License-Identifier: Apache-2.0
// Object definitions that are uploaded while the server runs.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api_fixture.hpp"
#include "apps/droverd/model_service.hpp"
#include "kept_things.hpp"

namespace drover::api::test {
namespace {

constexpr const char* kObjects = "/api/v1/objects";
constexpr const char* kPump = "/api/v1/objects/26241";

class ModelsTest : public ApiTest {
 protected:
  /// As a server that starts.
  void begin() {
    api_.reset();
    auto opened = droverd::ModelService::open(kept_.file, registry_, kept_.service());
    ASSERT_TRUE(opened);
    models_ = std::move(*opened);
    Api::Settings settings;
    settings.models = models_.get();
    start(settings);
  }
  Reply upload(const std::string& ddf) { return request("POST", kObjects, ddf, "application/xml"); }

  KeptThings kept_;
  std::unique_ptr<droverd::ModelService> models_;
};

TEST_F(ModelsTest, AnUploadCountsAtOnceForWhatIsWrittenAndRead) {
  begin();
  auto view = device_view(kEndpoint);
  view.announcement.objects.push_back({26241, std::nullopt, {0}});
  fleet_.add(view);
  fleet_.answer_with(changed());
  EXPECT_EQ(request("PUT", device("/resources/26241/0/0"), R"({"value":"fast"})").status, 200) << "nobody knows better";
  ASSERT_EQ(upload(KeptThings::definition("Pump")).status, 201);
  EXPECT_EQ(request("PUT", device("/resources/26241/0/0"), R"({"value":7})").status, 200);
  EXPECT_EQ(request("PUT", device("/resources/26241/0/0"), R"({"value":"fast"})").status, 400);
  ASSERT_EQ(upload(KeptThings::definition("Pump", "String")).status, 200) << "in the place of the first";
  EXPECT_EQ(request("PUT", device("/resources/26241/0/0"), R"({"value":"fast"})").status, 200);
}

TEST_F(ModelsTest, UploadsAreThereAfterARestartUntilTheyAreRemoved) {
  begin();
  ASSERT_EQ(upload(KeptThings::definition("Pump")).status, 201);
  ASSERT_EQ(upload(KeptThings::definition("Other", "Float", 26242)).status, 201);
  ASSERT_EQ(request("DELETE", "/api/v1/objects/26242").status, 200);
  ASSERT_TRUE(registry_.take_out(26241, {1, 0}));
  begin();
  EXPECT_EQ(get(kPump).json()["name"], "Pump");
  EXPECT_EQ(get("/api/v1/objects/26242").status, 404);
}

TEST_F(ModelsTest, WhatContradictsTheProgramsDefinitionsByNowIsLeftOut) {
  begin();
  // A reusable resource of another type than here, as after an upgrade.
  std::string ddf = KeptThings::definition("Pump");
  const auto at = ddf.find("Item ID=\"0\"");
  ddf.replace(at, 11, "Item ID=\"5700\"");
  ASSERT_EQ(upload(ddf).status, 201);
  ASSERT_TRUE(registry_.take_out(26241, {1, 0}));
  lwm2m::model::ObjectDefinition host;
  host.id = 3303;
  host.name = "Temperature";
  host.resources = {{.id = 5700, .name = "Value", .operations = {.read = true}, .type = lwm2m::DataType::Float, .range = "", .units = "", .description = ""}};
  ASSERT_TRUE(registry_.add(host));
  begin();
  EXPECT_EQ(get(kPump).status, 404);
  const Reply again = upload(ddf);
  EXPECT_EQ(again.status, 400);
  EXPECT_NE(again.body.find("reusable resource 5700"), std::string::npos) << again.body;
}

TEST_F(ModelsTest, AProgramsOwnDefinitionComesBack) {
  begin();
  const std::string before = get("/api/v1/objects/3").body;
  ASSERT_EQ(upload(KeptThings::definition("Mine", "String", 3)).status, 201);
  EXPECT_EQ(get("/api/v1/objects/3").json()["name"], "Mine");
  ASSERT_EQ(request("DELETE", "/api/v1/objects/3").status, 200);
  EXPECT_EQ(get("/api/v1/objects/3").body, before);
}

TEST_F(ModelsTest, AFileIsTakenWholeOrNotAndSaysWhere) {
  begin();
  std::string two = KeptThings::definition("Pump") + "\n" + KeptThings::definition("Other", "Sausage", 26242);
  two.replace(two.find("</LWM2M>\n<LWM2M>"), 16, "\n");
  const Reply refused = upload(two);
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find("body:2:"), std::string::npos) << refused.body;
  EXPECT_EQ(get(kPump).status, 404);
}

}  // namespace
}  // namespace drover::api::test
