// SPDX-License-Identifier: Apache-2.0
// HTTPS over loopback, with certificates of an authority that lives as long as its test.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "api_fixture.hpp"
#include "test_pki.hpp"
#include "tls_client.hpp"

namespace drover::api::test {
namespace {

constexpr const char* kHealth = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

class Https : public ApiTest {
 protected:
  Api::Settings settings(const std::string& names = "DNS:localhost,IP:127.0.0.1", long from = -1800) {
    const auto files = authority_.issue(names, from);
    Api::Settings settings;
    settings.certificate = files.certificate;
    settings.private_key = files.private_key;
    return settings;
  }
  [[nodiscard]] TlsClient::Settings trusting() const { return {.authority = authority_.file()}; }

  TestAuthority authority_{"Test authority"};
};

TEST_F(Https, ServesRequestAfterRequestAndSaysItsEnd) {
  start(settings());
  EXPECT_EQ(api_->urls().front(), "https://127.0.0.1:" + std::to_string(port_));
  TlsClient client(port_, trusting());
  ASSERT_TRUE(client.connected()) << client.reason();
  EXPECT_EQ(client.version(), "TLSv1.3");
  for (int i = 0; i < 3; ++i) {
    client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(status_of(client.read_through("\r\n\r\n")), 200);
    EXPECT_EQ(client.read_through("}"), R"({"status":"ok"})");
  }
  client.send(kHealth);
  EXPECT_EQ(status_of(client.read_all()), 200);
  EXPECT_TRUE(client.ended_well()) << "close_notify, so that nobody can cut an answer short";
}

TEST_F(Https, TakesTls12AndNothingOlder) {
  start(settings());
  auto old = trusting();
  old.version_max = TLS1_2_VERSION;
  TlsClient client(port_, old);
  ASSERT_TRUE(client.connected()) << client.reason();
  EXPECT_EQ(client.version(), "TLSv1.2");
  client.send(kHealth);
  EXPECT_EQ(status_of(client.read_all()), 200);
  old.version_max = TLS1_1_VERSION;
  EXPECT_FALSE(TlsClient(port_, old).connected());
}

TEST_F(Https, ClientsSeeWhatIsWrongWithTheCertificate) {
  const TestAuthority other("Other authority");
  start(settings());
  EXPECT_EQ(TlsClient(port_, {.authority = other.file()}).reason(), "unable to get local issuer certificate");
  EXPECT_EQ(TlsClient(port_, {.authority = authority_.file(), .host = "elsewhere.example"}).reason(),
            "hostname mismatch");
  api_.reset();
  start(settings("DNS:localhost", -7200));
  EXPECT_EQ(TlsClient(port_, trusting()).reason(), "certificate has expired");
  api_.reset();
  start(settings("DNS:localhost", 1800));
  EXPECT_EQ(TlsClient(port_, trusting()).reason(), "certificate is not yet valid");
}

TEST_F(Https, TheOpenApisGuardKnowsItsOwnPagesByHttps) {
  start(settings());
  const auto status_for = [&](const std::string& fields) {
    TlsClient client(port_, trusting());
    client.send("GET /healthz HTTP/1.1\r\n" + fields + "Connection: close\r\n\r\n");
    return status_of(client.read_all());
  };
  EXPECT_EQ(status_for("Host: localhost:1\r\nOrigin: https://localhost:1\r\n"), 200);
  EXPECT_EQ(status_for("Host: localhost:1\r\nOrigin: http://localhost:1\r\n"), 403);
  EXPECT_EQ(status_for("Host: evil.example\r\n"), 421);
}

TEST_F(Https, ARefusedBodysAnswerArrivesAlthoughTheBodyIsSent) {
  start(settings());
  TlsClient client(port_, trusting());
  const std::string head = "PUT " + device("/resources/3/0/4") +
                           " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: ";
  client.send(head + "3000000\r\n\r\n" + std::string(200'000, 'x'));
  EXPECT_EQ(status_of(client.read_through("}")), 413);
}

TEST_F(Https, ABodyOfTheLargestPayloadArrivesWhole) {
  start(settings());
  fleet_.answer_with(changed());
  TlsClient client(port_, trusting());
  client.send("PUT " + device("/resources/3/0/4?format=42") +
              " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/octet-stream\r\n"
              "Content-Length: 1048576\r\n\r\n" +
              std::string(1 << 20, 'x'));
  EXPECT_EQ(status_of(client.read_all()), 200);
  const auto operation = fleet_.next_operation();
  ASSERT_TRUE(std::holds_alternative<lwm2m::Write>(operation));
  EXPECT_EQ(std::get<lwm2m::Write>(operation).payload.size(), std::size_t{1} << 20);
}

TEST_F(Https, EventsStreamAndEndWithTheServer) {
  start(settings());
  TlsClient client(port_, trusting());
  client.send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(status_of(client.read_through(": connected\n\n")), 200);
  for (int i = 0; i < 100; ++i) fleet_.emit(server::EventKind::Expired, "device-" + std::to_string(i));
  EXPECT_NE(client.read_through("device-99\"}\n\n"), "");
  api_->stop();
  client.read_all();
  EXPECT_TRUE(client.ended_well());
}

TEST_F(Https, AnIdleStreamIsKeptAlive) {
  auto quick = settings();
  quick.http.keep_alive_wait = std::chrono::milliseconds(20);
  start(quick);
  TlsClient client(port_, trusting());
  client.send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  for (int i = 0; i < 3; ++i) EXPECT_NE(client.read_through(": keep-alive\n\n"), "");
}

TEST_F(Https, PlainHttpIsToldWhatThePortSpeaks) {
  start(settings());
  RawClient client(port_);
  client.send(kHealth);
  const std::string answer = client.read_all();
  EXPECT_EQ(status_of(answer), 400);
  EXPECT_NE(answer.find("https://"), std::string::npos) << answer;
}

TEST_F(Https, NonsenseAndSilenceEndInTheHandshake) {
  auto impatient = settings();
  impatient.http.handshake_wait = std::chrono::milliseconds(50);
  start(impatient);
  for (const std::string& text : {std::string(), std::string("\x16\x03\x01\x02\x00\x01", 6), std::string(100, '\xFF')}) {
    RawClient client(port_);
    client.send(text);
    const std::string answer = client.read_all();
    EXPECT_TRUE(answer.empty() || answer.front() == '\x15') << "an alert at most: " << answer;
  }
  TlsClient client(port_, trusting());
  EXPECT_TRUE(client.connected()) << client.reason();
}

TEST_F(Https, ConnectionsPastTheLimitAreToldSoInsideTls) {
  auto few = settings();
  few.http.connections_max = 2;
  start(few);
  // They count from their begin, handshake or not.
  const RawClient first(port_);
  RawClient second(port_);
  second.send("\x16\x03\x01");
  TlsClient third(port_, trusting());
  ASSERT_TRUE(third.connected()) << third.reason();
  EXPECT_EQ(status_of(third.read_all()), 503);
}

TEST_F(Https, ANewCertificateIsForNewConnections) {
  auto replaced = settings();
  start(replaced);
  TlsClient before(port_, trusting());
  ASSERT_TRUE(before.connected()) << before.reason();
  const auto next = authority_.issue("DNS:renewed.example");
  const auto copy = std::filesystem::copy_options::overwrite_existing;
  std::filesystem::copy_file(next.certificate, replaced.certificate, copy);
  // The key is still the old one's: nothing changes.
  const auto failed = api_->reload_certificate();
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().reason.find(replaced.private_key), std::string::npos) << failed.error().reason;
  EXPECT_TRUE(TlsClient(port_, trusting()).connected());
  std::filesystem::copy_file(next.private_key, replaced.private_key, copy);
  const auto until = api_->reload_certificate();
  ASSERT_TRUE(until) << until.error().reason;
  EXPECT_GT(*until, std::time(nullptr));
  EXPECT_TRUE(TlsClient(port_, {.authority = authority_.file(), .host = "renewed.example"}).connected());
  before.send(kHealth);
  EXPECT_EQ(status_of(before.read_all()), 200) << "who is connected stays so";
}

TEST_F(Https, HttpMayStayOnLoopbackBesideIt) {
  auto both = settings();
  both.listen = {"http://127.0.0.1:0", "https://127.0.0.1:0", "127.0.0.1:0"};
  const auto opened = Api::open(both, fleet_, registry_);
  ASSERT_TRUE(opened) << opened.error().reason;
  const auto urls = opened->urls();
  EXPECT_TRUE(urls[0].starts_with("http://"));
  EXPECT_TRUE(urls[1].starts_with("https://"));
  EXPECT_TRUE(urls[2].starts_with("https://"));
}

TEST_F(Https, FilesThatCannotServeAreNamed) {
  const auto good = authority_.issue("DNS:localhost");
  const auto other = authority_.issue("DNS:localhost");
  const auto locked = authority_.issue("DNS:localhost", -1800, "a password");
  const std::string missing = authority_.folder() + "/missing.pem";
  struct Case {
    IssuedFiles files;
    std::string names;
    std::string says;
  };
  const Case kCases[] = {
      {{missing, good.private_key}, missing, "No such file"},
      {{good.certificate, missing}, missing, "No such file"},
      {{good.private_key, good.private_key}, good.private_key, "certificate"},
      {{good.certificate, good.certificate}, good.certificate, "private key"},
      {{good.certificate, other.private_key}, other.private_key, "isn't the key of"},
      {{locked.certificate, locked.private_key}, locked.private_key, "encrypted"},
      {{authority_.folder(), good.private_key}, authority_.folder(), "no file"},
  };
  for (const auto& [files, names, says] : kCases) {
    Api::Settings wrong;
    wrong.listen = {"127.0.0.1:0"};
    wrong.certificate = files.certificate;
    wrong.private_key = files.private_key;
    const auto opened = Api::open(wrong, fleet_, registry_);
    ASSERT_FALSE(opened) << says;
    EXPECT_EQ(opened.error().fault, Fault::Us);
    EXPECT_NE(opened.error().reason.find(names), std::string::npos) << opened.error().reason;
    EXPECT_NE(opened.error().reason.find(says), std::string::npos) << opened.error().reason;
  }
}

}  // namespace
}  // namespace drover::api::test
