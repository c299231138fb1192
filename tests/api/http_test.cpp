// SPDX-License-Identifier: Apache-2.0
// HTTP itself: what is malformed, too large, too many, too slow, or from elsewhere.
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "api_fixture.hpp"

namespace drover::api::test {
namespace {

class Http : public ApiTest {
 protected:
  int status_for(const std::string& text) {
    if (!api_) start();
    RawClient client(port_);
    client.send(text);
    return status_of(client.read_all());
  }
};

TEST_F(Http, OneConnectionServesRequestAfterRequest) {
  start();
  RawClient client(port_);
  for (int i = 0; i < 3; ++i) {
    client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(status_of(client.read_through("\r\n\r\n")), 200);
    EXPECT_EQ(client.read_through("}"), R"({"status":"ok"})");
  }
  client.send("HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const std::string head = client.read_all();
  EXPECT_EQ(status_of(head), 200);
  EXPECT_NE(head.find("Content-Length: 15\r\n"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << "HEAD has no body";
}

TEST_F(Http, PipelinedRequestsAreAnsweredInOrder) {
  start();
  RawClient client(port_);
  client.send(
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: "
      "close\r\n\r\n");
  const std::string answers = client.read_all();
  EXPECT_EQ(status_of(answers), 200);
  EXPECT_NE(answers.find("HTTP/1.1 404"), std::string::npos);
}

TEST_F(Http, MalformedRequestsGet400) {
  for (const std::string text : {
           "NONSENSE\r\n\r\n",
           "GET\r\n\r\n",
           "GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n",
           "GET /healthz HTTP/1.1\r\nHost localhost\r\n\r\n",
           "GET /healthz HTTP/1.1\r\n\r\n",
           "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
           "GET healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
           "PUT /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
           "PUT /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
           "PUT /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
           "\x16\x03\x01\x02\x00\x01\r\n\r\n",
       }) {
    EXPECT_EQ(status_for(text), 400) << text;
  }
}

TEST_F(Http, AForeignHostIsMisdirected) {
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.1", "[::2]",
                           "0x7f.0.0.1", "127.1", "localhost:port", ""}) {
    EXPECT_EQ(status_for(std::string("GET /healthz HTTP/1.1\r\nHost: ") + host + "\r\nConnection: close\r\n\r\n"), 421)
        << host;
  }
  for (const char* host : {"localhost", "LOCALHOST:8080", "127.0.0.1", "127.9.8.7:1", "[::1]", "[::1]:8080"}) {
    EXPECT_EQ(status_for(std::string("GET /healthz HTTP/1.1\r\nHost: ") + host + "\r\nConnection: close\r\n\r\n"), 200)
        << host;
  }
  // The absolute form goes before Host.
  EXPECT_EQ(status_for("GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
            421);
  EXPECT_EQ(status_for("GET http://localhost/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), 200);
}

TEST_F(Http, APageFromElsewhereIsRefused) {
  for (const char* origin : {"http://evil.example", "null", "https://localhost", "http://localhost:1"}) {
    EXPECT_EQ(status_for(std::string("POST /api/v1/devices HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
                                     "Connection: close\r\nOrigin: ") +
                         origin + "\r\n\r\n"),
              403)
        << origin;
  }
  EXPECT_EQ(
      status_for("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nOrigin: http://localhost\r\n\r\n"),
      200);
}

TEST_F(Http, LargeHeadersAndBodiesAreRefused) {
  EXPECT_EQ(status_for("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n"), 431);
  EXPECT_EQ(status_for("GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\nHost: localhost\r\n\r\n"), 431);
  const std::string put = "PUT " + device("/resources/3/0/4") +
                          " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n";
  EXPECT_EQ(status_for(put + "Content-Length: 3000000\r\n\r\n"), 413) << "before the body is sent";
  EXPECT_EQ(status_for(put + "Content-Length: 3000000\r\n\r\n" + std::string(3'000'000, 'x')), 413)
      << "the answer arrives although the body was sent, too";
  std::string chunked = put + "Transfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 3; ++i) chunked += "100000\r\n" + std::string(0x100000, 'x') + "\r\n";
  EXPECT_EQ(status_for(chunked + "0\r\n\r\n"), 413);
}

TEST_F(Http, ABodyOfTheLargestPayloadArrivesWhole) {
  fleet_.answer_with(changed());
  const Reply reply =
      request("PUT", device("/resources/3/0/4?format=42"), std::string(1 << 20, 'x'), "application/octet-stream");
  EXPECT_EQ(reply.status, 200);
  const auto operation = fleet_.next_operation();
  ASSERT_TRUE(std::holds_alternative<lwm2m::Write>(operation));
  EXPECT_EQ(std::get<lwm2m::Write>(operation).payload.size(), std::size_t{1} << 20);
}

TEST_F(Http, ExpectContinueIsAnswered) {
  start();
  fleet_.answer_with(changed());
  RawClient client(port_);
  client.send("PUT " + device("/resources/3/0/1") +
              " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 11\r\n"
              "Expect: 100-continue\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status_of(client.read_through("\r\n\r\n")), 100);
  client.send(R"({"value":1})");
  EXPECT_EQ(status_of(client.read_all()), 200);
}

TEST_F(Http, ConnectionsPastTheLimitAreToldSo) {
  Api::Settings settings;
  settings.http.connections_max = 2;
  start(settings);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(std::make_unique<RawClient>(port_));
    clients.back()->send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(status_of(clients.back()->read_through("}")), 200);
  }
  EXPECT_EQ(get("/healthz").status, 503);
  clients.clear();
  // The places are free as soon as the server has seen the ends.
  int status = 503;
  for (int i = 0; i < 1000 && status != 200; ++i) status = get("/healthz").status;
  EXPECT_EQ(status, 200);
}

TEST_F(Http, AClientThatStopsInTheMiddleIsCutOff) {
  Api::Settings settings;
  settings.http.header_wait = std::chrono::milliseconds(50);
  settings.http.body_wait = std::chrono::milliseconds(50);
  settings.http.idle_wait = std::chrono::milliseconds(50);
  start(settings);
  for (const auto& text :
       {std::string("GET /heal"), std::string(),
        "PUT " + device("/resources/3/0/1") + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc"}) {
    RawClient client(port_);
    client.send(text);
    EXPECT_EQ(client.read_all(), "") << text;
  }
}

TEST_F(Http, AHandlerThatNeverAnswersDoesNotHoldTheConnection) {
  Api::Settings settings;
  settings.http.write_wait = std::chrono::seconds(5);
  start(settings);
  fleet_.hold();
  RawClient client(port_);
  client.send("GET " + device("/resources/3/0/1?timeout=1") + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(status_of(client.read_through("}")), 504);
  client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status_of(client.read_all()), 200) << "the connection serves the next request";
}

TEST_F(Http, OnlyLoopbackMayBeListenedOn) {
  for (const char* address :
       {"0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:80", "127.0.0.1", "127.0.0.1:70000", ":80"}) {
    Api::Settings settings;
    settings.listen = {address};
    const auto opened = Api::open(settings, fleet_, registry_);
    ASSERT_FALSE(opened) << address;
    EXPECT_EQ(opened.error().fault, Fault::Us) << address;
    EXPECT_NE(opened.error().reason.find(address), std::string::npos);
  }
}

TEST_F(Http, APortInUseIsSaidSo) {
  start();
  Api::Settings settings;
  settings.listen = {"127.0.0.1:" + std::to_string(port_)};
  const auto second = Api::open(settings, fleet_, registry_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().fault, Fault::Environment);
  EXPECT_NE(second.error().reason.find("in use"), std::string::npos);
}

}  // namespace
}  // namespace drover::api::test
