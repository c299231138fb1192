// SPDX-License-Identifier: Apache-2.0
// Uploads that are larger than any other body, and downloads in parts.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "api/file_response.hpp"
#include "api_fixture.hpp"
#include "campaign_office.hpp"

namespace drover::api::test {
namespace {

namespace fs = std::filesystem;

class ImagesTest : public ApiTest {
 protected:
  ImagesTest() {
    Api::Settings settings;
    settings.campaigns = &*office_.office;
    start(settings);
  }
  Reply put(const std::string& name, const std::string& content) {
    return request("PUT", "/api/v1/images/" + name, content, "application/octet-stream");
  }
  std::string fetch(const std::string& path, const std::string& field, int port = 0) {
    RawClient client(port == 0 ? port_ : port);
    client.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + field + "\r\n");
    return client.read_all();
  }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(office_.folder.file("store.images")), {}));
  }
  /// The folder has so many files, at last.
  bool comes_to(std::size_t count) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (files() != count && std::chrono::steady_clock::now() < end) get("/healthz");
    return files() == count;
  }
  CampaignOffice office_{fleet_};
};

std::string some_bytes(std::size_t size) {
  std::string bytes(size, 0);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 2654435761U >> 13);
  return bytes;
}

TEST_F(ImagesTest, FiveMebibytesGoUpAndDown) {
  const std::string content = some_bytes(5 << 20);
  const Reply kept = put("app", content);
  ASSERT_EQ(kept.status, 200) << kept.body;
  EXPECT_EQ(kept.json()["size"], 5 << 20);
  const std::string got = fetch("/api/v1/images/app/content", "");
  ASSERT_NE(got.find("\r\n\r\n"), std::string::npos);
  EXPECT_EQ(got.substr(got.find("\r\n\r\n") + 4), content);
}

TEST_F(ImagesTest, ChunkedWithExpectation) {
  RawClient client(port_);
  client.send("PUT /api/v1/images/app HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
              "Transfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(status_of(client.read_through("\r\n\r\n")), 100);
  client.send("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
  EXPECT_EQ(status_of(client.read_through("}")), 200);
  // The connection goes on.
  client.send("GET /api/v1/images/app/content HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_NE(client.read_through("hello world").find("200"), std::string::npos);
}

TEST_F(ImagesTest, TooMuchIsRefusedByItsHeadOrWhenItComes) {
  RawClient told(port_);
  told.send("PUT /api/v1/images/app HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7000000\r\n\r\n");
  EXPECT_EQ(status_of(told.read_through("}")), 413);
  RawClient untold(port_);
  untold.send("PUT /api/v1/images/app HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n700000\r\n");
  for (int i = 0; i < 7 && untold.send(std::string(1 << 20, 'x')); ++i) {
  }
  EXPECT_EQ(status_of(untold.read_through("}")), 413);
  EXPECT_EQ(files(), 0U);
}

TEST_F(ImagesTest, WhatIsCutOffLeavesNothing) {
  {
    RawClient client(port_);
    client.send("PUT /api/v1/images/app HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n");
    client.send(std::string(1000, 'x'));
    EXPECT_TRUE(comes_to(1));
  }
  EXPECT_TRUE(comes_to(0));
}

TEST_F(ImagesTest, AStrangersBodyIsntTaken) {
  const Reply first = request("POST", "/api/v1/tokens", R"({"name":"a","role":"admin"})");
  ASSERT_EQ(first.status, 201);
  token_ = first.json()["token"];
  const Reply made = request("POST", "/api/v1/tokens", R"({"name":"b","role":"read"})");
  ASSERT_EQ(made.status, 201);
  RawClient client(port_);
  client.send("PUT /api/v1/images/app HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n");
  EXPECT_EQ(status_of(client.read_through("}")), 401) << "before the body";
  EXPECT_EQ(files(), 0U);
  token_ = made.json()["token"];
  EXPECT_EQ(put("app", "x").status, 403);
}

TEST_F(ImagesTest, Parts) {
  ASSERT_EQ(put("app", "0123456789").status, 200);
  const std::string path = "/api/v1/images/app/content";
  const std::string part = fetch(path, "Range: bytes=3-5\r\n");
  EXPECT_EQ(status_of(part), 206);
  EXPECT_NE(part.find("Content-Range: bytes 3-5/10\r\n"), std::string::npos);
  EXPECT_TRUE(part.ends_with("\r\n\r\n345"));
  EXPECT_TRUE(fetch(path, "Range: bytes=7-\r\n").ends_with("\r\n\r\n789"));
  EXPECT_TRUE(fetch(path, "Range: bytes=-2\r\n").ends_with("\r\n\r\n89"));
  EXPECT_EQ(status_of(fetch(path, "Range: bytes=10-\r\n")), 416);
  EXPECT_EQ(status_of(fetch(path, "Range: bytes=1-2,4-5\r\n")), 200);
  const std::size_t at = part.find("ETag: ");
  const std::string tag = part.substr(at + 6, part.find("\r\n", at) - at - 6);
  EXPECT_EQ(status_of(fetch(path, "If-None-Match: " + tag + "\r\n")), 304);
  EXPECT_EQ(status_of(fetch(path, "Range: bytes=1-2\r\nIf-Range: " + tag + "\r\n")), 206);
  EXPECT_EQ(status_of(fetch(path, "Range: bytes=1-2\r\nIf-Range: \"other\"\r\n")), 200);
}

TEST_F(ImagesTest, DevicesGetImagesByTheirPathsAndNothingElse) {
  ASSERT_EQ(put("app", "0123456789").status, 200);
  auto server = open_file_server({"127.0.0.1:0"}, *office_.images);
  ASSERT_TRUE(server);
  server->start();
  const std::string address = server->addresses().front();
  const int port = std::stoi(address.substr(address.rfind(':') + 1));
  const std::string path = "/" + office_.images->find("app")->path;
  EXPECT_TRUE(fetch(path, "", port).ends_with("\r\n\r\n0123456789"));
  EXPECT_TRUE(fetch(path, "Range: bytes=8-\r\n", port).ends_with("\r\n\r\n89"));
  EXPECT_EQ(status_of(fetch("/api/v1/images", "", port)), 404);
  EXPECT_EQ(status_of(fetch("/fw/app", "", port)), 404);
}

}  // namespace
}  // namespace drover::api::test
