// SPDX-License-Identifier: Apache-2.0
// Routes of sinks, and readiness.
#include <nlohmann/json.hpp>

#include "api_fixture.hpp"
#include "fake_sinks.hpp"

namespace drover::api::test {
namespace {

class SinkRoutes : public ApiTest {
 protected:
  SinkRoutes() {
    Api::Settings settings;
    settings.sinks = &sinks_;
    start(settings);
  }
  FakeSinks sinks_;
};

TEST_F(SinkRoutes, ShowHowSinksAreDoing) {
  auto broken = FakeSinks::view("broken");
  broken.connected = false;
  broken.last_error = "the receiver answers 500";
  broken.last_error_at = 1'700'000'100;
  broken.retry_at = 1'700'000'200;
  sinks_.set({FakeSinks::view("a"), broken});
  const Json all = get("/api/v1/sinks").json();
  ASSERT_EQ(all["sinks"].size(), 2u);
  EXPECT_EQ(all["sinks"][0]["name"], "a");
  EXPECT_EQ(all["sinks"][0]["delivered"], 7);
  EXPECT_TRUE(all["sinks"][0]["connected"].is_null());
  EXPECT_TRUE(all["sinks"][0]["last_error"].is_null());
  const Json one = get("/api/v1/sinks/broken").json();
  EXPECT_EQ(one["connected"], false);
  EXPECT_EQ(one["last_error"], "the receiver answers 500");
  EXPECT_EQ(one["retry_at"], 1'700'000'200);
  EXPECT_EQ(one["lag_events"], 3);
  EXPECT_EQ(get("/api/v1/sinks/none").status, 404);
}

TEST_F(SinkRoutes, ATestSaysWhetherItArrived) {
  sinks_.set({FakeSinks::view("a")});
  EXPECT_EQ(request("POST", "/api/v1/sinks/a/test").json(), Json({{"delivered", true}}));
  sinks_.answer_with("the receiver answers 401");
  const Reply failed = request("POST", "/api/v1/sinks/a/test");
  EXPECT_EQ(failed.status, 502);
  EXPECT_EQ(failed.json()["type"], "urn:drover:problem:sink-failed");
  EXPECT_EQ(failed.json()["title"], "The receiver didn't take it");
  EXPECT_EQ(failed.json()["detail"], "the test event isn't delivered: the receiver answers 401");
  EXPECT_EQ(request("POST", "/api/v1/sinks/b/test").status, 404);
}

TEST_F(ApiTest, WithoutSinksTheListIsEmpty) {
  EXPECT_EQ(get("/api/v1/sinks").json(), Json({{"sinks", Json::array()}}));
  EXPECT_EQ(get("/api/v1/sinks/a").status, 404);
  EXPECT_EQ(request("POST", "/api/v1/sinks/a/test").status, 404);
}

// ---- readiness ------------------------------------------------------------------------------------------------------

class FakeSource final : public HealthSource {
 public:
  explicit FakeSource(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] std::string name() const override { return name_; }
  void check(std::function<void(HealthResult)> done) override {
    const std::lock_guard lock(mutex_);
    if (result_) return done(*result_);
    held_ = std::move(done);
  }
  void set(std::optional<HealthResult> result) {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
  }

 private:
  std::string name_;
  std::mutex mutex_;
  std::optional<HealthResult> result_ = HealthResult{};
  std::function<void(HealthResult)> held_;
};

class Readiness : public ApiTest {
 protected:
  Readiness() {
    Api::Settings settings;
    settings.sinks = &sinks_;
    settings.health = {&store_};
    start(settings);
  }
  FakeSinks sinks_;
  FakeSource store_{"store"};
};

TEST_F(Readiness, IsThatOfAllThatIsRequired) {
  const Reply ready = get("/readyz");
  EXPECT_EQ(ready.status, 200);
  EXPECT_EQ(ready.json()["ready"], true);
  ASSERT_EQ(ready.json()["checks"].size(), 2u);
  EXPECT_EQ(ready.json()["checks"][0]["name"], "shards");
  EXPECT_EQ(ready.json()["checks"][1]["name"], "store");
  store_.set(HealthResult{false, "the disk is full"});
  const Reply full = get("/readyz");
  EXPECT_EQ(full.status, 503);
  EXPECT_EQ(full.json()["ready"], false);
  EXPECT_EQ(full.json()["checks"][0]["ok"], true);
  EXPECT_EQ(full.json()["checks"][1]["detail"], "the disk is full");
  EXPECT_EQ(get("/healthz").status, 200) << "it lives all the same";
}

TEST_F(Readiness, WhoDoesntAnswerIsntWell) {
  store_.set(std::nullopt);
  const Reply late = get("/readyz");
  EXPECT_EQ(late.status, 503);
  EXPECT_EQ(late.json()["checks"][0]["ok"], true);
  EXPECT_EQ(late.json()["checks"][1]["detail"], "no answer within 2 seconds");
}

TEST_F(Readiness, ASinkThatFailsIsSaidAndDoesntCount) {
  auto broken = FakeSinks::view("a");
  broken.connected = false;
  broken.last_error = "secrets.example refuses";
  sinks_.set({broken, FakeSinks::view("b")});
  const Reply reply = get("/readyz");
  EXPECT_EQ(reply.status, 200);
  const Json checks = reply.json()["checks"];
  EXPECT_EQ(checks[2], Json::parse(R"({"name":"sink a","ok":false,"required":false,"detail":"3 events behind"})"));
  EXPECT_EQ(checks[3]["ok"], true);
  EXPECT_EQ(reply.body.find("secrets"), std::string::npos) << "everybody may see this";
}

}  // namespace
}  // namespace drover::api::test
