// SPDX-License-Identifier: Apache-2.0
// The credential routes in front of a store in memory.
#include <unistd.h>

#include <cstdio>
#include <future>
#include <nlohmann/json.hpp>

#include "api_fixture.hpp"
#include "credential_store.hpp"
#include "io/log.hpp"

namespace drover::api::test {
namespace {

constexpr const char* kAll = "/api/v1/credentials";
/// RFC 8410 §10.1.
constexpr const char* kPublicKeyPem =
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
constexpr const char* kPublicKey = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";

std::string one(std::uint64_t id, const std::string& rest = {}) {
  return std::string(kAll) + "/" + std::to_string(id) + rest;
}

class CredentialRoutes : public ApiTest {
 protected:
  CredentialRoutes() {
    Api::Settings settings;
    settings.credentials = &*store_.service;
    start(settings);
  }
  Json post(int status, const std::string& target, const Json& body) {
    const Reply reply = request("POST", target, body.dump());
    EXPECT_EQ(reply.status, status) << reply.body;
    return reply.json();
  }
  Json add(const Json& body) { return post(201, kAll, body); }
  Reply import(const std::string& table, const std::string& query = {}) {
    return request("POST", std::string(kAll) + "/import" + query, table, "text/csv");
  }
  [[nodiscard]] std::string key_of(std::string_view identity) const {
    const auto known = store_.credentials->source(store::Purpose::Server).find_psk(identity);
    return known ? to_hex(known->key.reveal()) : "none";
  }

  CredentialStore store_;
};

TEST_F(CredentialRoutes, APreSharedKeyIsAddedAndNeverShown) {
  const Reply reply = request("POST", kAll, R"({"kind":"psk","identity":"a","key":"00FFa5","endpoint":"x","label":"l"})");
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.field("Location"), one(1));
  EXPECT_EQ(reply.json(), Json::parse(R"({"id":1,"purpose":"server","kind":"psk","identity":"a","public_key":null,
      "endpoint":"x","label":"l","issuer":null,"enabled":true,"created_at":1700000000,"expires_at":null})"));
  EXPECT_EQ(key_of("a"), "00ffa5");
  add({{"kind", "psk"}, {"identity", "b"}, {"key", "base64:AP+l"}, {"endpoint", nullptr}});
  EXPECT_EQ(key_of("b"), "00ffa5");
  for (const std::string& target : {std::string(kAll), one(1), one(2)}) {
    const std::string body = get(target).body;
    EXPECT_EQ(body.find("00ffa5"), std::string::npos);
    EXPECT_EQ(body.find("AP+l"), std::string::npos);
    EXPECT_EQ(body.find("\"key\""), std::string::npos);
  }
}

TEST_F(CredentialRoutes, AGeneratedKeyIsInThatOneAnswer) {
  const Reply reply = request("POST", kAll, R"({"kind":"psk","identity":"a","generate":true})");
  EXPECT_EQ(reply.field("Cache-Control"), "no-store");
  const std::string key = reply.json()["key"];
  EXPECT_EQ(key.size(), 64U);
  EXPECT_EQ(key_of("a"), key);
  EXPECT_FALSE(get(one(1)).json().contains("key"));
  const Json longer = add({{"kind", "psk"}, {"identity", "b"}, {"generate", true}, {"key_bytes", 16}});
  EXPECT_EQ(longer["key"].get<std::string>().size(), 32U);
  EXPECT_NE(longer["key"], key);
}

TEST_F(CredentialRoutes, APublicKeyIsShownWithItsFingerprint) {
  const Json pem = add({{"kind", "public-key"}, {"public_key", kPublicKeyPem}, {"endpoint", "pump"}});
  EXPECT_EQ(pem["public_key"], kPublicKey);
  EXPECT_EQ(pem["identity"].get<std::string>().size(), 64U);
  post(409, kAll, {{"kind", "public-key"}, {"public_key", kPublicKey}, {"endpoint", "valve"}});
}

TEST_F(CredentialRoutes, WhatIsWrongIsPointedAtAndNotRepeated) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"identity":"a","key":"5ec7e7"})", "/kind"},
      {R"({"kind":"oscore","key":"5ec7e7"})", "/kind"},
      {R"({"purpose":"5ec7e7","kind":"psk","identity":"a","key":"5ec7e7"})", "/purpose"},
      {R"({"purpose":null,"kind":"psk","identity":"a","key":"5ec7e7"})", "/purpose"},
      {R"({"kind":"psk","key":"5ec7e7"})", "/identity"},
      {R"({"kind":"psk","identity":7,"key":"5ec7e7"})", "/identity"},
      {R"({"kind":"psk","identity":"a"})", "/key"},
      {R"({"kind":"psk","identity":"a","key":"5ec7e7x"})", "/key"},
      {R"({"kind":"psk","identity":"a","key":"5ec7e7","generate":true})", "/generate"},
      {R"({"kind":"psk","identity":"a","key":"5ec7e7","key_bytes":16})", "/key_bytes"},
      {R"({"kind":"psk","identity":"a","generate":true,"key_bytes":15})", "/key_bytes"},
      {R"({"kind":"psk","identity":"a","generate":true,"key_bytes":18446744073709551615})", "/key_bytes"},
      {R"({"kind":"psk","identity":"a","key":"5ec7e7","public_key":"5ec7e7"})", "/public_key"},
      {R"({"kind":"psk","identity":"a","key":"5ec7e7","expires_at":"now"})", "/expires_at"},
      {R"({"kind":"psk","identity":"a","key":"5ec7e7","endpoint":"a\nb"})", "/endpoint"},
      {R"({"kind":"public-key","public_key":"5ec7e7","endpoint":"x"})", "/public_key"},
      {R"({"kind":"public-key","public_key":"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="})", "/endpoint"},
      {R"({"kind":"certificate","identity":"a","key":"5ec7e7"})", "/key"},
      {R"({"kind":"certificate","identity":"a","generate":true})", "/generate"},
      {R"({"kind":"psk","identity":"a","5ec7e7":1})", nullptr},
  };
  for (const auto& [body, pointer] : wrong) {
    const Reply reply = request("POST", kAll, body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_EQ(reply.json().value("pointer", ""), pointer == nullptr ? "" : pointer) << body << reply.body;
    EXPECT_EQ(reply.body.find("5ec7e7"), std::string::npos) << reply.body;
  }
  EXPECT_EQ(request("POST", kAll, "[]").json()["type"], "urn:drover:problem:bad-body");
  EXPECT_EQ(request("POST", kAll, "{\"kind\":" + std::string(100'000, '[')).status, 400);
  EXPECT_EQ(request("POST", kAll, "{}", "text/plain").status, 415);
  EXPECT_EQ(store_.credentials->size(), 0U);
}

TEST_F(CredentialRoutes, AreFoundByPageKindAndEndpoint) {
  for (int i = 0; i < 5; ++i) {
    add({{"kind", "psk"}, {"identity", "p" + std::to_string(i)}, {"key", "00"}, {"endpoint", i < 3 ? "x" : "y"}});
  }
  add({{"kind", "certificate"}, {"identity", "x"}});
  Json page = get(std::string(kAll) + "?limit=4").json();
  EXPECT_EQ(page["total"], 6);
  EXPECT_EQ(page["next"], 4);
  page = get(std::string(kAll) + "?limit=4&after=4").json();
  EXPECT_EQ(page["credentials"].size(), 2U);
  EXPECT_TRUE(page["next"].is_null());
  EXPECT_EQ(get(std::string(kAll) + "?endpoint=x").json()["total"], 4);
  EXPECT_EQ(get(std::string(kAll) + "?endpoint=x&kind=certificate").json()["total"], 1);
  for (const char* query : {"?limit=0", "?limit=1001", "?limit=x", "?after=-1", "?kind=x", "?purpose=x", "?identity=x"}) {
    EXPECT_EQ(get(kAll + std::string(query)).status, 400) << query;
  }
}

TEST_F(CredentialRoutes, EachPurposeHasCredentialsOfItsOwn) {
  add({{"kind", "psk"}, {"identity", "x"}, {"key", "5ec7e7"}});
  const Json added = add({{"purpose", "bootstrap"}, {"kind", "psk"}, {"identity", "x"}, {"key", "00"}});
  EXPECT_EQ(added["purpose"], "bootstrap");
  EXPECT_EQ(key_of("x"), "5ec7e7");
  const Json refused =
      post(409, kAll, {{"purpose", "bootstrap"}, {"kind", "psk"}, {"identity", "y"}, {"endpoint", "x"}, {"key", "5ec7e7"}});
  EXPECT_EQ(refused["detail"], "credential 1 has this key for the purpose server, and each purpose needs one of its own");
  EXPECT_EQ(refused.dump().find("5ec7e7"), std::string::npos);
  EXPECT_EQ(request("PATCH", one(2), R"({"purpose":"server"})").status, 400);
  EXPECT_EQ(post(201, one(2, "/rotate"), {{"identity", "x-2"}, {"generate", true}})["purpose"], "bootstrap");
  EXPECT_EQ(key_of("x-2"), "none");
  const Reply table = import("kind,identity,key,purpose,endpoint\npsk,z,01,bootstrap,x\npsk,z,02,,x\npsk,w,5ec7e7,bootstrap,x\n",
                             "?partial=true");
  EXPECT_EQ(table.json()["added"], 2);
  EXPECT_EQ(table.json()["lines"][0]["line"], 4);
  EXPECT_EQ(table.body.find("5ec7e7"), std::string::npos);
  EXPECT_EQ(get(std::string(kAll) + "?purpose=bootstrap").json()["total"], 3);
  EXPECT_EQ(get(std::string(kAll) + "?purpose=server&endpoint=x").json()["total"], 2);
}

TEST_F(CredentialRoutes, WhatABootstrapMadeNamesIt) {
  store::NewCredential made;
  made.identity = "x";
  made.key = Secret<Bytes>(to_bytes("key"));
  made.issuer = "bootstrap/101";
  std::promise<std::size_t> done;
  store_.service->exchange({made}, {}, [&](store::Answer<store::CredentialBatch> batch) {
    done.set_value(batch ? batch->added.size() : 0);
  });
  EXPECT_EQ(done.get_future().get(), 1U);
  EXPECT_EQ(get(one(1)).json()["issuer"], "bootstrap/101");
  EXPECT_EQ(request("POST", kAll, R"({"kind":"psk","identity":"y","key":"00","issuer":"bootstrap/1"})").status, 400);
}

TEST_F(CredentialRoutes, TheSecondOneIsForTheSameEndpoint) {
  add({{"kind", "psk"}, {"identity", "x"}, {"key", "00"}});
  const Json second = post(201, one(1, "/rotate"), {{"identity", "x-2"}, {"generate", true}, {"retire_after", 60}});
  EXPECT_EQ(second["endpoint"], "x");
  EXPECT_EQ(key_of("x-2"), second["key"]);
  EXPECT_EQ(get(one(1)).json()["expires_at"], 1'700'000'060);
  EXPECT_EQ(key_of("x"), "00");
  post(409, one(1, "/rotate"), {{"identity", "x-2"}, {"generate", true}});
  post(400, one(1, "/rotate"), {{"identity", "x-3"}});
  post(400, one(1, "/rotate"), {{"identity", "x-3"}, {"generate", true}, {"retire_after", -1}});
  post(404, one(9, "/rotate"), {{"identity", "x-3"}, {"generate", true}});
}

TEST_F(CredentialRoutes, ChangesAndRemoves) {
  add({{"kind", "psk"}, {"identity", "a"}, {"key", "00"}, {"endpoint", "x"}, {"expires_at", 1'800'000'000}});
  const Reply changed = request("PATCH", one(1), R"({"enabled":false,"label":"lost","endpoint":null,"expires_at":null})");
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.json()["enabled"], false);
  EXPECT_EQ(changed.json()["label"], "lost");
  EXPECT_TRUE(changed.json()["endpoint"].is_null());
  EXPECT_TRUE(changed.json()["expires_at"].is_null());
  EXPECT_EQ(key_of("a"), "none");
  EXPECT_EQ(request("PATCH", one(1), R"({"key":"00"})").status, 400) << "a new key is a new credential";
  EXPECT_EQ(request("PATCH", one(2), R"({"label":""})").status, 404);
  EXPECT_EQ(request("DELETE", one(1)).json()["identity"], "a");
  for (const char* id : {"1", "0", "x", "-1", "18446744073709551615"}) {
    EXPECT_EQ(request("DELETE", std::string(kAll) + "/" + id).status, 404) << id;
    EXPECT_EQ(get(std::string(kAll) + "/" + id).status, 404) << id;
  }
}

TEST_F(CredentialRoutes, ATableIsAddedWholeOrNamesItsWrongRows) {
  const std::string table = "kind,identity,key\npsk,a,00\npsk,b,5ec7e7x\npsk,a,01\n";
  const Reply refused = import(table);
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.json()["lines"][0]["line"], 3);
  EXPECT_EQ(refused.body.find("5ec7e7"), std::string::npos);
  EXPECT_EQ(store_.credentials->size(), 0U);
  const Reply twice = import("kind,identity,key\npsk,a,00\npsk,a,01\n");
  EXPECT_EQ(twice.json()["detail"],
            "1 of 2 rows can't be added, so none was; line 3: another one here has this identity already");
  const Json part = import(table, "?partial=true").json();
  EXPECT_EQ(part["added"], 1);
  EXPECT_EQ(part["refused"], 2);
  EXPECT_EQ(part["lines"][0]["line"], 3);
  EXPECT_EQ(part["lines"][1]["line"], 4);
  EXPECT_EQ(key_of("a"), "00");
  EXPECT_EQ(import("kind,identity,key\npsk,c,02\n").json(), Json::parse(R"({"added":1,"refused":0,"lines":[]})"));
  EXPECT_EQ(import("psk,a,5ec7e7\n", "?partial=true").status, 400) << "no header";
  EXPECT_EQ(import(table, "?partial=yes").status, 400);
  EXPECT_EQ(request("POST", std::string(kAll) + "/import", "{}").status, 415);
}

TEST_F(CredentialRoutes, AManyTimesWrongTableNamesTheFirstHundred) {
  std::string table = "kind,identity,key\n";
  for (int i = 0; i < 150; ++i) table += "psk,a,x\n";
  EXPECT_EQ(import(table).json()["lines"].size(), 100U);
  EXPECT_EQ(import(table, "?partial=true").json()["refused"], 150);
}

TEST_F(CredentialRoutes, ADiskThatFailsIsTheServersTrouble) {
  store_.disk->failing = true;
  const Reply reply = request("POST", kAll, R"({"kind":"psk","identity":"a","key":"00"})");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.json()["detail"], "the server can't store its credentials; its log says why");
}

TEST_F(CredentialRoutes, TheLogNamesCredentialsWithoutTheirKeys) {
  std::FILE* const file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  io::log::configure(io::log::Level::Debug, io::log::Form::Text, fileno(file));
  add({{"kind", "psk"}, {"identity", "who"}, {"key", "5ec7e75ec7e7"}});
  const std::string made = add({{"kind", "psk"}, {"identity", "made"}, {"generate", true}})["key"];
  import("kind,identity,key\npsk,c,5ec7e75ec7e7\npsk,c,5ec7e75ec7e7\n");
  request("POST", kAll, R"({"kind":"psk","identity":"a","5ec7e75ec7e7":1})");
  io::log::configure(io::log::Level::Info, io::log::Form::Text);
  std::rewind(file);
  std::string log(1 << 16, '\0');
  log.resize(std::fread(log.data(), 1, log.size(), file));
  std::fclose(file);
  EXPECT_NE(log.find("credential added"), std::string::npos) << log;
  EXPECT_NE(log.find("who"), std::string::npos) << log;
  EXPECT_EQ(log.find("5ec7e7"), std::string::npos) << log;
  EXPECT_EQ(log.find(made), std::string::npos) << log;
}

class WithoutStore : public ApiTest {};

TEST_F(WithoutStore, TheRoutesSaySo) {
  const Reply reply = get(kAll);
  EXPECT_EQ(reply.status, 501);
  EXPECT_EQ(reply.json()["type"], "urn:drover:problem:no-store");
}

}  // namespace
}  // namespace drover::api::test
