// SPDX-License-Identifier: Apache-2.0
// GET /metrics, read by a parser of the text exposition format 0.0.4, and by promtool where it is installed.
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "api/tokens.hpp"
#include "api_fixture.hpp"
#include "fake_sinks.hpp"
#include "storage/test_folder.hpp"

namespace drover::api::test {
namespace {

/// Samples by name and labels, as written. Every complaint is a failure.
class Exposition {
 public:
  explicit Exposition(const std::string& text) {
    EXPECT_TRUE(text.ends_with('\n'));
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) take(line);
    check_histograms();
  }
  [[nodiscard]] double at(const std::string& sample) const {
    const auto found = samples_.find(sample);
    EXPECT_NE(found, samples_.end()) << sample << " is missing";
    return found == samples_.end() ? std::nan("") : found->second;
  }
  [[nodiscard]] bool has(const std::string& sample) const { return samples_.contains(sample); }
  [[nodiscard]] const std::map<std::string, std::string>& types() const { return types_; }

 private:
  void take(const std::string& line) {
    static const std::regex kHelp(R"(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) \S.*)");
    static const std::regex kType(R"(# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram))");
    static const std::regex kSample(
        R"(([a-zA-Z_:][a-zA-Z0-9_:]*)((?:\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\["\\n])*",?)*\})?) (\S+))");
    std::smatch parts;
    if (std::regex_match(line, parts, kHelp)) {
      EXPECT_TRUE(helped_.insert(parts[1]).second) << line << ": twice";
      return;
    }
    if (std::regex_match(line, parts, kType)) {
      EXPECT_TRUE(helped_.contains(parts[1])) << line << ": without HELP";
      EXPECT_TRUE(types_.emplace(parts[1], parts[2]).second) << line << ": twice";
      family_ = parts[1];
      return;
    }
    ASSERT_TRUE(std::regex_match(line, parts, kSample)) << line;
    const std::string name = parts[1];
    const bool part = types_[family_] == "histogram" &&
                      (name == family_ + "_bucket" || name == family_ + "_sum" || name == family_ + "_count");
    EXPECT_TRUE(part || name == family_) << line << " stands below " << family_;
    EXPECT_TRUE(types_[family_] != "counter" || name.ends_with("_total")) << line;
    EXPECT_TRUE(samples_.emplace(name + parts[2].str(), std::stod(parts[3])).second) << line << ": twice";
  }
  /// Buckets grow, and the last is the count.
  void check_histograms() const {
    for (const auto& [name, value] : samples_) {
      const std::size_t infinite = name.find(",le=\"+Inf\"}");
      if (infinite == std::string::npos) continue;
      const std::size_t bucket = name.find("_bucket{");
      EXPECT_EQ(at(name.substr(0, bucket) + "_count" + name.substr(bucket + 7, infinite - bucket - 7) + "}"), value);
      for (const auto& [other, smaller] : samples_) {
        EXPECT_TRUE(!other.starts_with(name.substr(0, infinite)) || smaller <= value) << other;
      }
    }
  }

  std::map<std::string, double> samples_;
  std::map<std::string, std::string> types_;
  std::set<std::string> helped_;
  std::string family_;
};

class Metrics : public ApiTest {
 protected:
  void open(Api::Settings settings = {}) {
    settings.sinks = &sinks_;
    start(std::move(settings));
  }
  FakeSinks sinks_;
};

TEST_F(Metrics, CountWhatTheServerDoes) {
  open();
  auto broken = FakeSinks::view("b\"\\");
  broken.connected = false;
  sinks_.set({FakeSinks::view("a"), broken});
  server::ServerCounters counters;
  counters.registers = 5;
  counters.devices = 3;
  counters.handshakes = 9'007'199'254'740'991;
  counters.coap.malformed = 2;
  counters.dtls_unauthentic = 4;
  fleet_.set_counters(counters);
  for (int i = 0; i < 3; ++i) get("/api/v1/sinks/none");
  get("/nowhere");
  request("BREW", "/api/v1/sinks");
  fleet_.emit(server::EventKind::Expired, "x");
  const Reply reply = get("/metrics");
  EXPECT_EQ(reply.field("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  const Exposition text(reply.body);
  EXPECT_EQ(text.at("drover_registrations_total"), 5);
  EXPECT_EQ(text.at("drover_devices"), 3);
  EXPECT_EQ(text.at("drover_handshakes_total"), 9'007'199'254'740'991.0);
  EXPECT_EQ(text.at("drover_coap_dropped_total{reason=\"malformed\"}"), 2);
  EXPECT_EQ(text.at("drover_dtls_dropped_total{reason=\"unauthentic\"}"), 4);
  EXPECT_EQ(text.at("drover_build_info{version=\"0.0-test\"}"), 1);
  EXPECT_EQ(text.at("drover_events_total"), 1);
  const std::string route = "{method=\"GET\",route=\"/api/v1/sinks/{id}\"";
  EXPECT_EQ(text.at("drover_api_requests_total" + route + ",status=\"4xx\"}"), 3);
  EXPECT_EQ(text.at("drover_api_requests_total{method=\"none\",route=\"none\",status=\"4xx\"}"), 2)
      << "what clients invent makes no series of its own";
  EXPECT_EQ(text.at("drover_api_request_duration_seconds_count" + route + "}"), 3);
  EXPECT_EQ(text.at("drover_api_request_duration_seconds_bucket" + route + ",le=\"60\"}"), 3);
  EXPECT_EQ(text.at("drover_api_connections_total"), 6);
  EXPECT_EQ(text.at("drover_api_waiting"), 1) << "this one";
  EXPECT_EQ(text.at("drover_sink_delivered_events_total{sink=\"a\",kind=\"webhook\"}"), 7);
  EXPECT_EQ(text.at("drover_sink_up{sink=\"b\\\"\\\\\",kind=\"webhook\"}"), 0);
  EXPECT_EQ(text.at("drover_sink_up{sink=\"a\",kind=\"webhook\"}"), 1);
  EXPECT_GT(text.at("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(text.at("process_open_fds"), 3);
  EXPECT_FALSE(text.has("drover_bootstrap_sessions")) << "there is none";
}

TEST_F(Metrics, TellHowWritingToDiskIsDoing) {
  open();
  EXPECT_FALSE(Exposition(get("/metrics").body).has("drover_store_commits_total")) << "there is no store";
  api_.reset();
  Api::Settings settings;
  settings.store = [] {
    return StoreFigures{.commits = 4,
                        .batches = 40,
                        .failures = 2,
                        .waiting_bytes = 1234,
                        .last_batches = 7,
                        .last_seconds = 0.25,
                        .all_seconds = 1.5,
                        .longest_seconds = 0.75,
                        .behind = true,
                        .failing = false};
  };
  open(settings);
  const Exposition text(get("/metrics").body);
  EXPECT_EQ(text.at("drover_store_commits_total"), 4);
  EXPECT_EQ(text.at("drover_store_changes_total"), 40);
  EXPECT_EQ(text.at("drover_store_failures_total"), 2);
  EXPECT_EQ(text.at("drover_store_waiting_bytes"), 1234);
  EXPECT_EQ(text.at("drover_store_last_commit_changes"), 7);
  EXPECT_EQ(text.at("drover_store_last_commit_seconds"), 0.25);
  EXPECT_EQ(text.at("drover_store_commit_seconds_total"), 1.5);
  EXPECT_EQ(text.at("drover_store_longest_commit_seconds"), 0.75);
  EXPECT_EQ(text.at("drover_store_behind"), 1);
  EXPECT_EQ(text.at("drover_store_failing"), 0);
}

TEST_F(Metrics, CountStreamsAndThoseWhoWait) {
  open();
  fleet_.hold();
  RawClient stream(port_), waiting(port_);
  stream.send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  stream.read_through(": connected");
  waiting.send("GET " + device("/resources/3/0/1") + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  fleet_.next_operation();
  const Exposition text(get("/metrics").body);
  EXPECT_EQ(text.at("drover_api_streams"), 1);
  EXPECT_EQ(text.at("drover_api_waiting"), 2);
  EXPECT_EQ(text.at("drover_api_connections"), 3);
  EXPECT_EQ(text.at("drover_api_requests_total{method=\"GET\",route=\"/api/v1/events\",status=\"2xx\"}"), 1);
}

TEST_F(Metrics, NeedATokenUnlessTheyAreOpen) {
  open();
  token_ = request("POST", "/api/v1/tokens", R"({"name":"a","role":"admin"})").json()["token"];
  EXPECT_EQ(get("/metrics").status, 200);
  const std::string token = std::exchange(token_, "");
  EXPECT_EQ(get("/metrics").status, 401);
  api_.reset();
  Api::Settings settings;
  settings.metrics_open = true;
  settings.authority = *Authority::open({}, std::make_shared<store::MemoryTokenTable>());
  ASSERT_TRUE(settings.authority->add("a", Role::Admin, std::nullopt));
  open(settings);
  EXPECT_EQ(get("/metrics").status, 200);
  EXPECT_EQ(get("/api/v1/status").status, 401) << "that alone";
  RawClient proxied(port_);
  proxied.send("GET /metrics HTTP/1.1\r\nHost: drover.example\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status_of(proxied.read_all()), 421) << "as a proxy would pass it on";
  token_ = token;
  EXPECT_EQ(get("/metrics").status, 401) << "a token that is no good stays that";
}

TEST_F(Metrics, SuitPrometheus) {
  if (::access("/usr/bin/promtool", X_OK) != 0) GTEST_SKIP() << "promtool is missing";
  open();
  sinks_.set({FakeSinks::view("a")});
  get("/api/v1/status");
  storage::testing::Folder folder;
  std::ofstream(folder.file("metrics")) << get("/metrics").body;
  const std::string command = "/usr/bin/promtool check metrics < " + folder.file("metrics") + " > " + folder.file("said") + " 2>&1";
  const int status = std::system(command.c_str());
  std::ostringstream said;
  said << std::ifstream(folder.file("said")).rdbuf();
  EXPECT_EQ(status, 0) << said.str();
  EXPECT_EQ(said.str(), "");
}

}  // namespace
}  // namespace drover::api::test
