// SPDX-License-Identifier: Apache-2.0
// Who changed what: what is noted of a request, when its answer leaves, and that no secret is among it.
#include <atomic>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>

#include "api/audit_recorder.hpp"
#include "api/tokens.hpp"
#include "api_fixture.hpp"
#include "audit/memory_trail.hpp"
#include "credential_store.hpp"

namespace drover::api::test {
namespace {

/// Says that something is kept when the test does.
class SlowTrail final : public audit::Trail {
 public:
  void note(audit::Record record, std::function<void()> kept) override {
    const std::lock_guard lock(mutex_);
    records_.push_back(std::move(record));
    waiting_.push_back(std::move(kept));
    changed_.notify_all();
  }
  [[nodiscard]] bool is_full() const override { return full_; }
  Result<audit::Page> read(const audit::Query&) override {
    if (broken_) return tl::unexpected(Error{Fault::Environment, 0, "journal /secret/place: broken"});
    return audit::Page{{records_.begin(), records_.end()}, std::nullopt};
  }
  bool await(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return records_.size() >= count; });
  }
  void keep() {
    const std::lock_guard lock(mutex_);
    for (const auto& kept : waiting_) {
      if (kept) kept();
    }
    waiting_.clear();
  }
  std::atomic<bool> full_ = false, broken_ = false;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<audit::Record> records_;
  std::deque<std::function<void()>> waiting_;
};

class Audit : public ApiTest {
 protected:
  void begin(Api::Settings settings = {}) {
    auto opened = Authority::open({.require_token = false, .clock = {}}, table_);
    ASSERT_TRUE(opened) << opened.error().reason;
    settings.authority = *opened;
    if (settings.audit == nullptr) settings.audit = &trail_;
    start(std::move(settings));
  }
  std::string make(const std::string& name, Role role) {
    auto opened = Authority::open({.require_token = false, .clock = {}}, table_);
    return (*opened)->add(name, role, std::nullopt)->text.reveal();
  }
  std::vector<audit::Record> records() {
    return trail_.read({.who = "", .path = "", .newest_first = false, .limit = 1000})->records;
  }
  audit::Record last() {
    const auto all = records();
    EXPECT_FALSE(all.empty());
    return all.empty() ? audit::Record{} : all.back();
  }

  std::shared_ptr<store::TokenTable> table_ = std::make_shared<store::MemoryTokenTable>();
  audit::MemoryTrail trail_{{}};
  SlowTrail slow_;
};

// ---- what is noted --------------------------------------------------------------------------------------------------

TEST_F(Audit, AChangeIsNotedWithWhoWhenceWhatAndResult) {
  const std::string anna = make("anna", Role::Admin);
  begin();
  token_ = anna;
  fleet_.answer_with(changed());
  const UnixSeconds before = std::time(nullptr);
  EXPECT_EQ(request("PUT", device("/resources/3/0/1?timeout=5"), R"({"value":1})").status, 200);
  const audit::Record record = last();
  EXPECT_EQ(record.number, 1U);
  EXPECT_GE(record.at, before);
  EXPECT_EQ(record.who, "token 1 (anna)");
  EXPECT_EQ(record.role, "admin");
  EXPECT_TRUE(record.address.starts_with("127.0.0.1:")) << record.address;
  EXPECT_EQ(record.action, "PUT");
  EXPECT_EQ(record.target, "/api/v1/devices/urn:dev:os:test-1/resources/3/0/1?timeout=5");
  EXPECT_EQ(record.status, 200U);
  EXPECT_FALSE(record.refused);
}

TEST_F(Audit, ReadsAreNotNoted) {
  begin();
  fleet_.answer_with(content(0, {'1'}));
  for (const char* method : {"GET", "HEAD", "OPTIONS", "TRACE"}) request(method, device("/resources/3/0/1"));
  EXPECT_TRUE(records().empty());
}

TEST_F(Audit, WhatWasMadeIsNotedByItsLocation) {
  begin();
  fleet_.fall_asleep();
  const Reply queued = request("PUT", device("/resources/3/0/1"), R"({"value":1})");
  EXPECT_EQ(queued.status, 202) << queued.body;
  EXPECT_EQ(last().location, queued.field("Location"));
  EXPECT_FALSE(last().location.empty());
  EXPECT_EQ(last().who, "loopback without token");
  EXPECT_EQ(last().role, "admin");
}

TEST_F(Audit, WhatFailsIsNotedToo) {
  begin();
  EXPECT_EQ(request("PUT", device("/resources/3/0/1"), R"({"value":"x"})").status, 400);
  EXPECT_EQ(last().status, 400U);
  EXPECT_EQ(request("DELETE", "/api/v1/nothing").status, 404);
  EXPECT_EQ(last().target, "/api/v1/nothing");
  EXPECT_FALSE(last().refused);
}

TEST_F(Audit, ATokenThatRemovesItselfIsStillNamed) {
  token_ = make("anna", Role::Admin);
  begin();
  EXPECT_EQ(request("DELETE", "/api/v1/tokens/1").status, 200);
  EXPECT_EQ(last().who, "token 1 (anna)");
}

// ---- who isn't let in -----------------------------------------------------------------------------------------------

TEST_F(Audit, WhoIsntLetInIsNotedAsRefused) {
  const std::string reader = make("boss", Role::Admin).empty() ? "" : make("reader", Role::Read);
  begin();
  EXPECT_EQ(request("DELETE", "/api/v1/tokens/1").status, 401);
  EXPECT_TRUE(last().refused);
  EXPECT_EQ(last().who, "nobody known");
  EXPECT_EQ(last().role, "");
  token_ = reader;
  EXPECT_EQ(request("DELETE", "/api/v1/tokens/1").status, 403);
  EXPECT_TRUE(last().refused);
  EXPECT_EQ(last().who, "token 2 (reader)");
  EXPECT_EQ(last().role, "read");
  EXPECT_EQ(get("/api/v1/tokens").status, 403) << "a read";
  EXPECT_EQ(records().size(), 2U);
}

TEST_F(Audit, AFloodOfRefusedAttemptsIsCountedAndNotKept) {
  make("boss", Role::Admin);
  begin();
  constexpr int kTries = 300;
  for (int i = 0; i < kTries; ++i) EXPECT_EQ(request("DELETE", "/api/v1/tokens/1").status, 401);
  const auto kept = records();
  EXPECT_GE(kept.size(), AuditRecorder::kRefusedBurst);
  EXPECT_LT(kept.size(), 200U) << "one a second beyond the burst";
  std::uint64_t told = kept.size();
  for (const auto& record : kept) told += record.unrecorded;
  EXPECT_LE(told, static_cast<std::uint64_t>(kTries));
}

// ---- no secret ------------------------------------------------------------------------------------------------------

TEST_F(Audit, NoSecretIsNoted) {
  CredentialStore store;
  Api::Settings settings;
  settings.credentials = &*store.service;
  const std::string token = make("anna", Role::Admin);
  begin(std::move(settings));
  token_ = token;
  const std::string key = "00112233445566778899aabbccddeeff";
  EXPECT_EQ(request("POST", "/api/v1/credentials", R"({"kind":"psk","identity":"x","key":")" + key + "\"}").status, 201);
  const Reply made = request("POST", "/api/v1/tokens", R"({"name":"ci","role":"read"})");
  EXPECT_EQ(made.status, 201);
  const std::string other = made.json()["token"];
  EXPECT_EQ(request("PATCH", "/api/v1/credentials/1?key=" + key, "{}").status, 400);
  EXPECT_EQ(last().target, "/api/v1/credentials/1?***");
  EXPECT_EQ(request("DELETE", "/api/v1/tokens/" + other).status, 404);
  EXPECT_EQ(last().target, "/api/v1/tokens/***");
  EXPECT_EQ(request("DELETE", "/api/v1/tokens/%64rover%5F" + other.substr(7)).status, 404);
  EXPECT_EQ(last().target, "/api/v1/tokens/***") << "however it is written";
  EXPECT_EQ(request("DELETE", "/api/v1/tokens/x" + other.substr(0, 30)).status, 404);
  EXPECT_EQ(last().target, "/api/v1/tokens/***") << "most of one, too";
  EXPECT_EQ(request("DELETE", "/api/v1/rules/drover_rule").status, 501);
  EXPECT_EQ(last().target, "/api/v1/rules/drover_rule");
  EXPECT_EQ(request("DELETE", device("/resources/3/0?timeout=" + other)).status, 400);
  EXPECT_EQ(request("PUT", "/api/v1/rules/%zz" + key, "{}").status, 400);
  EXPECT_EQ(last().target, "") << "not readable, so not kept";
  EXPECT_EQ(request("PUT", "/api/v1/rules/" + std::string(4000, 'a'), "{}").status, 501);
  EXPECT_EQ(last().target.size(), AuditRecorder::kTargetMax);
  const std::string shown = get("/api/v1/audit?limit=1000").body;
  EXPECT_NE(shown.find("/api/v1/credentials"), std::string::npos);
  for (const std::string& secret : {key, token, other, other.substr(7)}) EXPECT_EQ(shown.find(secret), std::string::npos);
  api_.reset();
}

// ---- when the answer leaves -----------------------------------------------------------------------------------------

TEST_F(Audit, AnAnswerLeavesOnceItsRecordIsKept) {
  Api::Settings settings;
  settings.audit = &slow_;
  begin(std::move(settings));
  fleet_.answer_with(changed());
  RawClient client(port_);
  client.send("DELETE " + device("/resources/3/0") + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(slow_.await(1));
  EXPECT_EQ(get("/healthz").status, 200) << "others don't wait";
  EXPECT_EQ(client.rest(), "");
  slow_.keep();
  EXPECT_EQ(status_of(client.read_through("\r\n\r\n")), 200);
}

TEST_F(Audit, AnAnswerWhoseRecordIsntKeptInTimeIs503) {
  Api::Settings settings;
  settings.audit = &slow_;
  settings.http.record_wait = std::chrono::milliseconds(20);
  begin(std::move(settings));
  fleet_.answer_with(changed());
  const Reply late = request("DELETE", device("/resources/3/0"));
  EXPECT_EQ(late.status, 503);
  EXPECT_EQ(late.json()["type"], "urn:drover:problem:unrecorded");
  slow_.keep();
  EXPECT_EQ(get("/healthz").status, 200) << "what is kept late is told nobody";
}

TEST_F(Audit, NothingIsDoneThatCouldntBeNoted) {
  Api::Settings settings;
  settings.audit = &slow_;
  begin(std::move(settings));
  slow_.full_ = true;
  const std::size_t before = fleet_.operations();
  const Reply refused = request("DELETE", device("/resources/3/0"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.json()["type"], "urn:drover:problem:unrecorded");
  EXPECT_EQ(fleet_.operations(), before);
  EXPECT_EQ(get("/api/v1/status").status, 200) << "reads go on";
  slow_.full_ = false;
}

TEST_F(Audit, WhoIsntLetInDoesntWait) {
  make("boss", Role::Admin);
  Api::Settings settings;
  settings.audit = &slow_;
  begin(std::move(settings));
  EXPECT_EQ(request("DELETE", "/api/v1/tokens/1").status, 401);
  EXPECT_TRUE(slow_.await(1));
}

TEST_F(Audit, StoppingWaitsForNoRecord) {
  Api::Settings settings;
  settings.audit = &slow_;
  settings.http.stop_wait = std::chrono::milliseconds(50);
  begin(std::move(settings));
  fleet_.answer_with(changed());
  RawClient client(port_);
  client.send("DELETE " + device("/resources/3/0") + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(slow_.await(1));
  api_.reset();
  slow_.keep();
  EXPECT_EQ(client.read_all(), "") << "what isn't kept isn't acknowledged";
}

// ---- reading it -----------------------------------------------------------------------------------------------------

TEST_F(Audit, IsReadInPagesThatJoin) {
  begin();
  for (int i = 0; i < 5; ++i) request("DELETE", "/api/v1/nothing/" + std::to_string(i));
  for (const std::string order : {"newest", "oldest"}) {
    std::vector<std::string> seen;
    std::string target = "/api/v1/audit?limit=2&order=" + order;
    for (int page = 0; page < 3; ++page) {
      const Json json = get(target).json();
      for (const auto& record : json["records"]) seen.push_back(record["target"]);
      EXPECT_EQ(json["next"].is_null(), page == 2);
      if (!json["next"].is_null()) target = "/api/v1/audit?limit=2&order=" + order + "&after=" + json["next"].get<std::string>();
    }
    ASSERT_EQ(seen.size(), 5U);
    EXPECT_EQ(seen[0], order == "newest" ? "/api/v1/nothing/4" : "/api/v1/nothing/0");
  }
}

TEST_F(Audit, IsFilteredByWhoPathAndTime) {
  begin();
  request("DELETE", "/api/v1/a/1");
  request("DELETE", "/api/v1/b/1");
  const auto count = [&](const std::string& query) { return get("/api/v1/audit?" + query).json()["records"].size(); };
  EXPECT_EQ(count(""), 2U);
  EXPECT_EQ(count("path=/api/v1/a"), 1U);
  EXPECT_EQ(count("who=loopback"), 2U);
  EXPECT_EQ(count("who=anna"), 0U);
  EXPECT_EQ(count("from=2026-01-01T00:00:00Z"), 2U);
  EXPECT_EQ(count("to=2026-01-01T00:00:00Z"), 0U);
  EXPECT_EQ(get("/api/v1/audit?from=yesterday").json()["parameter"], "from");
  EXPECT_EQ(get("/api/v1/audit?order=up").json()["parameter"], "order");
}

TEST_F(Audit, IsForAdmins) {
  const std::string boss = make("boss", Role::Admin), operate = make("o", Role::Operate);
  begin();
  token_ = operate;
  EXPECT_EQ(get("/api/v1/audit").status, 403);
  token_ = boss;
  EXPECT_EQ(get("/api/v1/audit").status, 200);
}

TEST_F(Audit, ADiskThatCantBeReadIs503AndNamesNoFile) {
  Api::Settings settings;
  settings.audit = &slow_;
  begin(std::move(settings));
  slow_.broken_ = true;
  const Reply reply = get("/api/v1/audit");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace drover::api::test
