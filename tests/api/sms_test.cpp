// SPDX-License-Identifier: Apache-2.0
// The SMS routes in front of a store in a file and a carrier that isn't there.
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "api_fixture.hpp"
#include "io/log.hpp"
#include "sms_numbers.hpp"

namespace drover::api::test {
namespace {

constexpr const char* kAll = "/api/v1/sms/numbers";
constexpr const char* kKeys = "000102030405060708090a0b0c0d0e0f5ec7e7";
constexpr const char* kKeys32 = "5ec7e700000000000000000000000001fefdfcfbfaf9f8f7f6f5f4f3f2f1f0ef";

std::string one(std::uint64_t id) {
  return std::string(kAll) + "/" + std::to_string(id);
}

class SmsRoutes : public ApiTest {
 protected:
  SmsRoutes() {
    Api::Settings settings;
    settings.sms_accounts = &*store_.list;
    settings.sms = &carrier_;
    start(settings);
  }
  Json post(int status, const Json& body) {
    const Reply reply = request("POST", kAll, body.dump());
    EXPECT_EQ(reply.status, status) << reply.body;
    return reply.json();
  }
  Json add(const Json& body) { return post(201, body); }
  /// Of an enabled number, as the gateway gets them.
  [[nodiscard]] std::string keys_of(std::string_view number) const {
    const auto known = store_.accounts->find_protected(number);
    return known ? to_hex(known->keys.ciphering.reveal()) + to_hex(known->keys.integrity.reveal()) : "none";
  }

  NumberStore store_;
  FakeCarrier carrier_;
};

TEST_F(SmsRoutes, TheCarrierIsShownWithItsCounters) {
  carrier_.view_.ready = false;
  carrier_.view_.state = "waiting for the SMSC";
  carrier_.view_.carried.sent = 3;
  carrier_.view_.gateway.replayed = 2;
  const Json shown = get("/api/v1/sms").json();
  EXPECT_EQ(shown["carrier"], "smpp");
  EXPECT_EQ(shown["number"], "491700000");
  EXPECT_EQ(shown["ready"], false);
  EXPECT_EQ(shown["state"], "waiting for the SMSC");
  EXPECT_EQ(shown["carried"]["sent"], 3);
  EXPECT_EQ(shown["gateway"]["replayed"], 2);
}

TEST_F(SmsRoutes, ANumberIsAddedAndItsKeysAreNeverShown) {
  const Reply reply = request("POST", kAll, Json{{"number", "+4917012345"}, {"endpoint", "pump"}, {"keys", kKeys32},
                                                 {"parameters", "32321639B20203"}, {"label", "Süd"}}.dump());
  EXPECT_EQ(reply.status, 201) << reply.body;
  EXPECT_EQ(reply.field("Location"), one(1));
  const Json expected = Json::parse(R"({"id":1,"number":"4917012345","endpoint":"pump","protection":"packets",
      "parameters":"32321639b20203","label":"Süd","enabled":true,"created_at":1700000000,
      "counters":{"reserved":0,"received":0}})");
  EXPECT_EQ(reply.json(), expected);
  EXPECT_EQ(keys_of("4917012345"), kKeys32);
  EXPECT_EQ(get(one(1)).json(), expected);
  for (const std::string& target : {std::string(kAll), one(1)}) {
    const std::string body = get(target).body;
    EXPECT_EQ(body.find("5ec7e7"), std::string::npos);
    EXPECT_EQ(body.find("\"keys\""), std::string::npos);
  }
}

TEST_F(SmsRoutes, CountersAreShown) {
  add({{"number", "1"}, {"endpoint", "pump"}, {"keys", kKeys32}});
  ASSERT_TRUE(store_.accounts->save_counters({{{1}, {128, 7}}}));
  const Json counters = Json::parse(R"({"reserved":128,"received":7})");
  EXPECT_EQ(get(one(1)).json()["counters"], counters);
  EXPECT_EQ(get(kAll).json()["numbers"][0]["counters"], counters);
  EXPECT_EQ(request("PATCH", one(1), R"({"label":"x"})").json()["counters"], counters);
  EXPECT_EQ(request("DELETE", one(1)).json()["counters"], counters);
}

TEST_F(SmsRoutes, GeneratedKeysAreInThatOneAnswer) {
  const Reply reply = request("POST", kAll, R"({"number":"1","endpoint":"pump","generate":true})");
  EXPECT_EQ(reply.field("Cache-Control"), "no-store");
  const std::string keys = reply.json()["keys"];
  EXPECT_EQ(keys.size(), 64U);
  EXPECT_EQ(keys_of("1"), keys);
  EXPECT_EQ(get(one(1)).json()["parameters"], "12121600b20203");
  EXPECT_FALSE(get(one(1)).json().contains("keys"));
  EXPECT_FALSE(request("PATCH", one(1), R"({"enabled":true})").json().contains("keys"));
  const Json triple = add({{"number", "2"}, {"endpoint", "pump"}, {"generate", true}, {"parameters", "19191600b202"}});
  EXPECT_EQ(triple["keys"].get<std::string>().size(), 96U) << "two of triple DES";
  EXPECT_NE(add({{"number", "3"}, {"endpoint", "pump"}, {"generate", true}})["keys"], keys);
}

TEST_F(SmsRoutes, EachProtectionHasWhatItNeeds) {
  const Json card = add({{"number", "1"}, {"endpoint", "a"}, {"protection", "smartcard"}, {"keys", kKeys32}});
  EXPECT_EQ(card["parameters"], "12121600b20203");
  EXPECT_EQ(store_.accounts->protection("1"), store::SmsProtection::Smartcard);
  for (const char* bare : {"dtls", "none"}) {
    const std::string number = bare[0] == 'd' ? "2" : "3";
    const Json added = add({{"number", number}, {"endpoint", "a"}, {"protection", bare}});
    EXPECT_EQ(added["protection"], bare);
    EXPECT_TRUE(added["parameters"].is_null());
    EXPECT_TRUE(added["counters"].is_null());
    const Json refused = post(400, {{"number", "4"}, {"endpoint", "a"}, {"protection", bare}, {"generate", true}});
    EXPECT_EQ(refused["pointer"], "/generate");
  }
}

TEST_F(SmsRoutes, WhatIsWrongIsPointedAtAndNotRepeated) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"endpoint":"a","keys":"5ec7e7"})", "/number"},
      {R"({"number":"5ec7e7","endpoint":"a","generate":true})", "/number"},
      {R"({"number":1,"endpoint":"a","generate":true})", "/number"},
      {R"({"number":"1","generate":true})", "/endpoint"},
      {R"({"number":"1","endpoint":"a\nb","generate":true})", "/endpoint"},
      {R"({"number":"1","endpoint":"a","protection":"5ec7e7","generate":true})", "/protection"},
      {R"({"number":"1","endpoint":"a"})", "/keys"},
      {R"({"number":"1","endpoint":"a","keys":"5ec7e7"})", "/keys"},
      {R"({"number":"1","endpoint":"a","keys":"5ec7e7x"})", "/keys"},
      {R"({"number":"1","endpoint":"a","keys":""})", "/keys"},
      {R"({"number":"1","endpoint":"a","keys":7})", "/keys"},
      {R"({"number":"1","endpoint":"a","keys":"5ec7e7","generate":true})", "/generate"},
      {R"({"number":"1","endpoint":"a","generate":"5ec7e7"})", "/generate"},
      {R"({"number":"1","endpoint":"a","generate":true,"parameters":"11111600b20203"})", "/parameters"},
      {R"({"number":"1","endpoint":"a","generate":true,"parameters":"12"})", "/parameters"},
      {R"({"number":"1","endpoint":"a","generate":true,"parameters":""})", "/parameters"},
      {R"({"number":"1","endpoint":"a","generate":true,"parameters":"5ec7e7x"})", "/parameters"},
      {R"({"number":"1","endpoint":"a","protection":"dtls","parameters":"12121600b20203"})", "/parameters"},
      {R"({"number":"1","endpoint":"a","protection":"none","keys":"5ec7e7"})", "/keys"},
      {R"({"number":"1","endpoint":"a","generate":true,"label":7})", "/label"},
      {R"({"number":"1","endpoint":"a","generate":true,"enabled":1})", "/enabled"},
      {R"({"number":"1","endpoint":"a","generate":true,"5ec7e7":1})", nullptr},
  };
  for (const auto& [body, pointer] : wrong) {
    const Reply reply = request("POST", kAll, body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_EQ(reply.json().value("pointer", ""), pointer == nullptr ? "" : pointer) << body << reply.body;
    EXPECT_EQ(reply.body.find("5ec7e7"), std::string::npos) << reply.body;
  }
  EXPECT_EQ(post(400, {{"number", "1"}, {"endpoint", "a"}, {"keys", kKeys}})["detail"],
            "secret keys of AES are 16, 32, 48 or 64 octets, not 19");
  EXPECT_EQ(request("POST", kAll, "[]").json()["type"], "urn:drover:problem:bad-body");
  EXPECT_EQ(request("POST", kAll, "{}", "text/plain").status, 415);
  EXPECT_EQ(store_.accounts->size(), 0U);
}

TEST_F(SmsRoutes, ANumberHasOneAccount) {
  add({{"number", "49170"}, {"endpoint", "a"}, {"generate", true}});
  EXPECT_EQ(post(409, {{"number", "+49170"}, {"endpoint", "b"}, {"generate", true}})["detail"],
            "SMS account 1 has this number already");
}

TEST_F(SmsRoutes, AreFoundByPageAndEndpoint) {
  for (int i = 1; i <= 5; ++i) {
    add({{"number", std::to_string(i)}, {"endpoint", i < 4 ? "x" : "y"}, {"protection", "none"}});
  }
  Json page = get(std::string(kAll) + "?limit=4").json();
  EXPECT_EQ(page["numbers"].size(), 4U);
  EXPECT_EQ(page["total"], 5);
  EXPECT_EQ(page["next"], 4);
  page = get(std::string(kAll) + "?limit=4&after=4").json();
  EXPECT_EQ(page["numbers"].size(), 1U);
  EXPECT_TRUE(page["next"].is_null());
  page = get(std::string(kAll) + "?endpoint=y").json();
  EXPECT_EQ(page["total"], 2);
  EXPECT_EQ(page["numbers"][0]["number"], "4");
  for (const char* query : {"?limit=0", "?limit=1001", "?limit=x", "?after=-1", "?number=1"}) {
    EXPECT_EQ(get(kAll + std::string(query)).status, 400) << query;
  }
}

TEST_F(SmsRoutes, AChangeCountsAtOnce) {
  add({{"number", "49170"}, {"endpoint", "a"}, {"keys", kKeys32}, {"enabled", false}});
  EXPECT_EQ(keys_of("49170"), "none");
  const Reply changed = request("PATCH", one(1), R"({"enabled":true,"label":"spare"})");
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.json()["label"], "spare");
  EXPECT_EQ(keys_of("49170"), kKeys32);
  for (const char* fixed : {R"({"keys":"00"})", R"({"number":"2"})", R"({"endpoint":"b"})", R"({"parameters":""})"}) {
    EXPECT_EQ(request("PATCH", one(1), fixed).status, 400) << fixed;
  }
  EXPECT_EQ(request("PATCH", one(1), R"({"label":"a\nb"})").json()["pointer"], "/label");
  EXPECT_EQ(request("PATCH", one(2), R"({"label":""})").status, 404);
  EXPECT_EQ(request("DELETE", one(1)).json()["number"], "49170");
  EXPECT_EQ(keys_of("49170"), "none");
  for (const char* id : {"1", "0", "x", "-1", "+1", "18446744073709551615"}) {
    EXPECT_EQ(request("DELETE", std::string(kAll) + "/" + id).status, 404) << id;
    EXPECT_EQ(get(std::string(kAll) + "/" + id).status, 404) << id;
  }
}

TEST_F(SmsRoutes, ADiskThatFailsIsTheServersTrouble) {
  ASSERT_TRUE(store_.file->turn()->run("DROP TABLE sms_account"));
  const Json refused = post(503, {{"number", "1"}, {"endpoint", "a"}, {"generate", true}});
  EXPECT_EQ(refused["detail"], "the server can't store its SMS numbers; its log says why");
}

TEST_F(SmsRoutes, TheLogNamesNumbersWithoutTheirKeys) {
  std::FILE* const file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  io::log::configure(io::log::Level::Debug, io::log::Form::Text, fileno(file));
  add({{"number", "49170"}, {"endpoint", "who"}, {"keys", kKeys32}});
  const std::string made = add({{"number", "2"}, {"endpoint", "made"}, {"generate", true}})["keys"];
  post(400, {{"number", "3"}, {"endpoint", "a"}, {"keys", kKeys}});
  request("PATCH", one(1), R"({"enabled":false})");
  request("DELETE", one(1));
  io::log::configure(io::log::Level::Info, io::log::Form::Text);
  std::rewind(file);
  std::string log(1 << 16, '\0');
  log.resize(std::fread(log.data(), 1, log.size(), file));
  std::fclose(file);
  for (const char* line : {"SMS number added", "SMS number changed", "SMS number removed", "49170", "who"}) {
    EXPECT_NE(log.find(line), std::string::npos) << line << " isn't in " << log;
  }
  EXPECT_EQ(log.find("5ec7e7"), std::string::npos) << log;
  EXPECT_EQ(log.find(made), std::string::npos) << log;
}

class WithoutSms : public ApiTest {};

TEST_F(WithoutSms, TheRoutesSaySo) {
  const Reply off = get("/api/v1/sms");
  EXPECT_EQ(off.status, 404);
  EXPECT_EQ(off.json()["type"], "urn:drover:problem:no-sms");
  for (const std::string& target : {std::string(kAll), one(1)}) {
    const Reply reply = get(target);
    EXPECT_EQ(reply.status, 501) << target;
    EXPECT_EQ(reply.json()["type"], "urn:drover:problem:no-store");
  }
}

}  // namespace
}  // namespace drover::api::test
