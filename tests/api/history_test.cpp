// SPDX-License-Identifier: Apache-2.0
// The routes of stored values, and drover's commands for them, in front of values in memory that follow a feed.
#include <nlohmann/json.hpp>
#include <sstream>

#include "api/history_body.hpp"
#include "api_fixture.hpp"
#include "program.hpp"
#include "stored_values.hpp"

namespace drover::api::test {
namespace {

constexpr const char* kPump = "/api/v1/devices/pump";

std::string pump(const std::string& rest) {
  return kPump + rest;
}

class HistoryRoutes : public ApiTest {
 protected:
  HistoryRoutes() {
    Api::Settings settings;
    settings.history = &stored_.service();
    start(settings);
  }
  void notify(UnixSeconds at, const std::string& path, const std::string& value, const std::string& type = "Float",
              const std::string& endpoint = "pump") {
    stored_.notify(at, endpoint, path, value, type);
  }
  /// Five values, 10 seconds apart, of 1 to 5.
  void fill() {
    for (int i = 1; i <= 5; ++i) notify(kStoredNow - 60 + i * 10, "/3303/0/5700", std::to_string(i) + ".5");
    stored_.settle();
  }
  static std::string values_of(const Json& page) {
    std::string all;
    for (const Json& one : page["values"]) all += one["value"].dump() + " ";
    return all;
  }
  std::string refused(const std::string& target) {
    const Reply reply = get(target);
    EXPECT_EQ(reply.status, 400) << reply.body;
    return reply.json().value("parameter", "");
  }
  /// Path and query of the next page, "" at the end.
  static std::string next_of(const Reply& reply) {
    const std::string link = reply.field("Link");
    if (link.empty()) return "";
    EXPECT_TRUE(link.starts_with("</") && link.ends_with(">; rel=\"next\"")) << link;
    return link.substr(1, link.find('>') - 1);
  }
  std::string run(std::vector<std::string> arguments, int code = 0) const {
    arguments.insert(arguments.begin(), {"--api", "http://127.0.0.1:" + std::to_string(port_)});
    Program program(DROVER_PROGRAM, std::move(arguments), {{"DROVER_TOKEN", ""}, {"XDG_CONFIG_HOME", "/nowhere"}});
    EXPECT_EQ(program.finish(), code) << program.said();
    return program.said();
  }

  StoredValues stored_;
};

TEST_F(HistoryRoutes, TheLastValueOfAResourceIsThere) {
  fill();
  EXPECT_EQ(get(pump("/values/3303/0/5700")).json(), Json::parse(R"({"endpoint":"pump","values":[{"endpoint":"pump",
      "path":"/3303/0/5700","time":1699999990,"value":5.5,"type":"Float","how":"notify","arrived_at":1699999990}],
      "next":null})"));
  EXPECT_EQ(get(pump("/values/3303/0/5701")).status, 404);
  EXPECT_EQ(get("/api/v1/devices/nobody/values/3303/0/5700").status, 404);
  EXPECT_EQ(get("/api/v1/devices/nobody/values").json()["values"], Json::array());
  EXPECT_EQ(get(pump("/values/x")).json()["type"], "urn:drover:problem:bad-path");
}

TEST_F(HistoryRoutes, ALateValueShowsInTheHistoryAlone) {
  fill();
  stored_.push(kStoredNow, "notification", "pump",
               R"({"path":"/3303/0/5700","times":[{"path":"/3303/0/5700","value":1.75,"time":1699999955.25}]})");
  stored_.settle();
  EXPECT_EQ(values_of(get(pump("/values/3303/0/5700")).json()), "5.5 ");
  const Json page = get(pump("/history/3303/0/5700?order=oldest")).json();
  EXPECT_EQ(values_of(page), "1.5 1.75 2.5 3.5 4.5 5.5 ");
  EXPECT_EQ(page["values"][1]["time"], 1699999955.25);
  EXPECT_EQ(page["values"][1]["arrived_at"], 1700000000);
}

TEST_F(HistoryRoutes, TypesComeFromTheDefinitionWhereTheEventHasNone) {
  stored_.push(kStoredNow, std::string(events::kLearned), "pump",
               R"({"path":"/3/0","how":"write","value":{"4":"AAEC","5":7,"99":true}})");
  stored_.settle();
  const Json values = get(pump("/values/3/0")).json()["values"];
  ASSERT_EQ(values.size(), 3U);
  EXPECT_EQ(values[0]["type"], "Opaque");
  EXPECT_EQ(values[1]["type"], "Time");
  EXPECT_EQ(values[2]["type"], Json(nullptr));
  EXPECT_EQ(values[0]["how"], "write");
}

TEST_F(HistoryRoutes, LastValuesArePaged) {
  notify(kStoredNow, "/3/0", R"({"1":1,"2":2,"7":{"0":3,"1":4}})", "");
  stored_.settle();
  const Json first = get(pump("/values?limit=2")).json();
  EXPECT_EQ(first["next"], "/3/0/2");
  const Json second = get(pump("/values?limit=2&after=/3/0/2")).json();
  EXPECT_EQ(values_of(second), "3 4 ");
  EXPECT_EQ(second["next"], Json(nullptr));
  EXPECT_EQ(refused(pump("/values?limit=0")), "limit");
  EXPECT_EQ(refused(pump("/values?after=/3/0")), "after");
}

TEST_F(HistoryRoutes, ARangeIsGivenInSecondsOrAsATime) {
  fill();
  EXPECT_EQ(values_of(get(pump("/history/3303/0/5700?from=1699999960&to=1699999980")).json()), "3.5 2.5 ");
  EXPECT_EQ(values_of(get(pump("/history/3303/0/5700?from=2023-11-14T22:12:40Z&to=2023-11-14T22:13:00.5Z")).json()),
            "4.5 3.5 2.5 ");
  EXPECT_EQ(values_of(get(pump("/history/3303?limit=1")).json()), "5.5 ");
  EXPECT_EQ(values_of(get(pump("/history")).json()), "5.5 4.5 3.5 2.5 1.5 ");
}

TEST_F(HistoryRoutes, WrongParametersAreNamed) {
  const std::pair<const char*, const char*> wrong[] = {
      {"from=x", "from"},          {"to=2023-13-01T00:00:00Z", "to"}, {"from=5&to=5", "from"},   {"limit=1001", "limit"},
      {"order=up", "order"},       {"every=0", "every"},              {"every=31622401", "every"}, {"format=xml", "format"},
      {"after=nonsense", "after"}, {"from=1e9", "from"},              {"from=nan", "from"},      {"limit=10001&format=csv", "limit"},
      {"from=", "from"}};
  for (const auto& [query, parameter] : wrong) EXPECT_EQ(refused(pump("/history/3?") + query), parameter) << query;
  EXPECT_EQ(refused("/api/v1/history?path=x"), "path");
}

TEST_F(HistoryRoutes, BucketsSayWhatTheirValuesHaveInCommon) {
  fill();
  notify(kStoredNow - 5, "/3/0/0", R"("a")", "String");
  notify(kStoredNow - 4, "/3/0/0", R"("b")", "String");
  stored_.settle();
  EXPECT_EQ(get(pump("/history/3303/0/5700?every=20&order=oldest")).json(), Json::parse(R"({"buckets":[
      {"endpoint":"pump","path":"/3303/0/5700","time":1699999940,"count":1,"min":1.5,"max":1.5,"avg":1.5,"first":1.5,"last":1.5},
      {"endpoint":"pump","path":"/3303/0/5700","time":1699999960,"count":2,"min":2.5,"max":3.5,"avg":3.0,"first":2.5,"last":3.5},
      {"endpoint":"pump","path":"/3303/0/5700","time":1699999980,"count":2,"min":4.5,"max":5.5,"avg":5.0,"first":4.5,"last":5.5}],
      "next":null})"));
  const Json texts = get(pump("/history/3/0/0?every=3600")).json()["buckets"];
  EXPECT_EQ(texts, Json::parse(R"([{"endpoint":"pump","path":"/3/0/0","time":1699999200,"count":2,"first":"a","last":"b"}])"));
}

TEST_F(HistoryRoutes, CsvIsOneTableOverAllPages) {
  notify(kStoredNow, "/3/0/0", R"("plain")", "String", "a,b");
  notify(kStoredNow, "/3/0/0", R"("say \"no\",\r\nsee")", "String", "a,b");
  notify(kStoredNow, "/3/0/0", "\"\"", "String", "a,b");
  stored_.settle();
  std::string table;
  std::string target = "/api/v1/devices/a%2Cb/history/3?format=csv&limit=1&order=oldest";
  int pages = 0;
  for (; !target.empty(); ++pages) {
    const Reply reply = get(target);
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.field("Content-Type"),
              std::string("text/csv; charset=utf-8; header=") + (pages == 0 ? "present" : "absent"));
    table += reply.body;
    target = next_of(reply);
  }
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(table,
            "endpoint,path,time,value,type,how,arrived_at\r\n"
            "\"a,b\",/3/0/0,2023-11-14T22:13:20.000Z,plain,String,notify,2023-11-14T22:13:20.000Z\r\n"
            "\"a,b\",/3/0/0,2023-11-14T22:13:20.000Z,\"say \"\"no\"\",\r\nsee\",String,notify,2023-11-14T22:13:20.000Z\r\n"
            "\"a,b\",/3/0/0,2023-11-14T22:13:20.000Z,,String,notify,2023-11-14T22:13:20.000Z\r\n");
}

TEST(CsvField, IsQuotedWhereRfc4180SaysSo) {
  EXPECT_EQ(csv_field("plain text;'"), "plain text;'");
  EXPECT_EQ(csv_field(""), "");
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("a\nb"), "\"a\nb\"");
  EXPECT_EQ(csv_field("a\rb"), "\"a\rb\"");
  EXPECT_EQ(csv_field("\""), "\"\"\"\"");
  EXPECT_EQ(csv_field("a\"\"b"), "\"a\"\"\"\"b\"");
}

TEST_F(HistoryRoutes, BucketsAreATableToo) {
  fill();
  EXPECT_EQ(get(pump("/history/3303/0/5700?every=60&format=csv")).body,
            "endpoint,path,time,count,min,max,avg,first,last\r\n"
            "pump,/3303/0/5700,2023-11-14T22:13:00.000Z,2,4.5,5.5,5,4.5,5.5\r\n"
            "pump,/3303/0/5700,2023-11-14T22:12:00.000Z,3,1.5,3.5,2.5,1.5,3.5\r\n");
}

TEST_F(HistoryRoutes, JsonLinesAreAValueALine) {
  fill();
  const Reply reply = get(pump("/history/3303/0/5700?format=jsonl"));
  EXPECT_EQ(reply.field("Content-Type"), "application/jsonl");
  std::istringstream lines(reply.body);
  std::string line;
  std::vector<Json> values;
  while (std::getline(lines, line)) values.push_back(Json::parse(line));
  ASSERT_EQ(values.size(), 5U);
  EXPECT_EQ(values[0], get(pump("/history/3303/0/5700")).json()["values"][0]);
}

TEST_F(HistoryRoutes, ManyDevicesAreAskedByPatternAndPath) {
  for (const char* endpoint : {"pump-2", "pump 1/x", "valve"}) {
    notify(kStoredNow, "/3303/0/5700", "1", "Float", endpoint);
    notify(kStoredNow, "/3/0/9", "2", "Integer", endpoint);
  }
  stored_.settle();
  std::string all;
  for (std::string target = "/api/v1/history?endpoint=pump*&limit=1"; !target.empty();) {
    const Reply reply = get(target);
    ASSERT_EQ(reply.status, 200) << reply.body;
    const Json page = reply.json();
    for (const Json& one : page["values"]) {
      all += one["endpoint"].get<std::string>() + one["path"].get<std::string>() + " ";
    }
    target = next_of(reply);
  }
  EXPECT_EQ(all, "pump 1/x/3/0/9 pump 1/x/3303/0/5700 pump-2/3/0/9 pump-2/3303/0/5700 ");
  EXPECT_EQ(get("/api/v1/history?path=/3303").json()["values"].size(), 3U);
  EXPECT_EQ(get("/api/v1/history").json()["values"].size(), 6U);
}

TEST_F(HistoryRoutes, TextThatIsNotUtf8AndControlCharactersMakeNoBadJson) {
  notify(kStoredNow, "/3/0/0", "\"a\\u0000\\u001f\\\"\\\\b\"", "String");
  stored_.settle();
  const Json page = get(pump("/values/3/0/0")).json();
  EXPECT_EQ(page["values"][0]["value"], std::string("a\0\x1f\"\\b", 6));
}

TEST_F(HistoryRoutes, ADeviceIsForgotten) {
  fill();
  EXPECT_EQ(request("DELETE", pump("/values")).json(), Json::parse(R"({"endpoint":"pump","forgotten":1})"));
  EXPECT_EQ(get(pump("/values/3303/0/5700")).status, 404);
  EXPECT_EQ(values_of(get(pump("/history")).json()), "");
  EXPECT_EQ(request("DELETE", pump("/values")).status, 404);
}

TEST_F(HistoryRoutes, TheStatusSaysWhatIsStored) {
  fill();
  const Json history = get("/api/v1/status").json()["history"];
  EXPECT_EQ(history["stored"], 5);
  EXPECT_EQ(history["series"], 1);
  EXPECT_EQ(history["trouble"], Json(nullptr));
}

TEST_F(ApiTest, WithoutValuesTheRoutesSaySo) {
  for (const char* target : {"/values", "/values/3", "/history", "/history/3"}) {
    const Reply reply = get(pump(target));
    EXPECT_EQ(reply.status, 501);
    EXPECT_EQ(reply.json()["type"], "urn:drover:problem:no-history");
  }
  EXPECT_EQ(request("DELETE", pump("/values")).status, 501);
  EXPECT_FALSE(get("/api/v1/status").json().contains("history"));
}

TEST(Moments, AreSecondsOrUtc) {
  EXPECT_EQ(parse_moment("1700000000.125"), 1'700'000'000'125);
  EXPECT_EQ(parse_moment("-1"), -1000);
  EXPECT_EQ(parse_moment("2023-11-14T22:13:20Z"), 1'700'000'000'000);
  EXPECT_EQ(parse_moment("2023-11-14T22:13:20.125Z"), 1'700'000'000'125);
  EXPECT_EQ(parse_moment("2024-02-29T00:00:00Z"), 1'709'164'800'000);
  for (const char* wrong : {"", "x", "1x", " 1", "inf", "1e400", "999999999999", "2023-02-29T00:00:00Z",
                            "2023-11-14T24:00:00Z", "2023-11-14T22:13:20", "2023-11-14 22:13:20Z", "Z",
                            "2023-11-14T22:13:20.Z", "2023-11-14T22:13:20.1x5Z", "2023-11-14T22:13:20+01:00Z"}) {
    EXPECT_EQ(parse_moment(wrong), std::nullopt) << wrong;
  }
}

// ---- drover ---------------------------------------------------------------------------------------------------------

TEST_F(HistoryRoutes, DroverShowsLastValues) {
  fill();
  const std::string table = run({"values", "pump"});
  EXPECT_NE(table.find("PATH"), std::string::npos) << table;
  EXPECT_NE(table.find("/3303/0/5700"), std::string::npos) << table;
  EXPECT_NE(table.find("5.5"), std::string::npos) << table;
  EXPECT_EQ(Json::parse(run({"--json", "values", "pump", "/3303/0/5700"})), get(pump("/values/3303/0/5700")).json());
  EXPECT_NE(run({"values", "pump", "/3"}, 2).find("no value of /3 of \"pump\" is known"), std::string::npos);
}

TEST_F(HistoryRoutes, DroverShowsHistories) {
  fill();
  EXPECT_NE(run({"history", "pump", "/3303/0/5700", "--limit", "2", "--oldest-first"})
                .find("2023-11-14 22:12:30  /3303/0/5700  1.5    notify\n"
                      "2023-11-14 22:12:40  /3303/0/5700  2.5    notify\nmore: --limit\n"),
            std::string::npos);
  const std::string buckets = run({"history", "pump", "/3303/0/5700", "--every", "1m", "--from", "1699999960"});
  EXPECT_NE(buckets.find("COUNT  MIN"), std::string::npos) << buckets;
  EXPECT_EQ(Json::parse(run({"--json", "history", "p*p", "/3303"}))["values"].size(), 5U);
  EXPECT_NE(run({"history", "pump", "/3303", "--every", "x"}, 2).find("--every takes a time"), std::string::npos);
  EXPECT_NE(run({"history", "pump", "/3303", "--from", "x"}, 2).find("must be Unix seconds"), std::string::npos);
}

TEST_F(HistoryRoutes, DroverExportsAllPages) {
  std::string times;
  for (int i = 0; i < 10'500; ++i) {
    times += std::string(i == 0 ? "" : ",") + R"({"path":"/3303/0/5700","value":"a\n\"b\"","time":)" +
             std::to_string(kStoredNow - 10'500 + i) + "}";
  }
  stored_.push(kStoredNow, "notification", "pump", R"({"path":"/3303/0/5700","times":[)" + times + "]}");
  stored_.settle();
  const auto count = [](const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
  };
  const std::string csv = run({"history", "pump", "--csv"});
  EXPECT_EQ(count(csv, "pump,"), 10'500U);
  EXPECT_EQ(count(csv, "endpoint,path"), 1U);
  EXPECT_EQ(count(run({"history", "pump", "--jsonl"}), "\n"), 10'500U);
  EXPECT_EQ(count(run({"history", "pump", "--csv", "--limit", "10020"}), "pump,"), 10'020U);
  EXPECT_EQ(count(run({"history", "pump", "--jsonl", "--limit", "3"}), "\n"), 3U);
}

TEST_F(HistoryRoutes, DroverForgets) {
  fill();
  EXPECT_EQ(run({"forget-values", "pump"}), "forgotten: the values of 1 resources of pump\n");
  EXPECT_NE(run({"forget-values", "pump"}, 2).find("no value of \"pump\" is known"), std::string::npos);
}

}  // namespace
}  // namespace drover::api::test
