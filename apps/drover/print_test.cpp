// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/print.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/drover/operation_text.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;

TEST(Printable, ADeviceCannotSendTheTerminalItsOwnCommands) {
  EXPECT_EQ(printable("a\x1b[31mb\n"), "a\\x1b[31mb\\x0a");
  EXPECT_EQ(printable("caf\xC3\xA9"), "caf\xC3\xA9");
  EXPECT_EQ(printable("\xFF"), "\\xff");
  EXPECT_EQ(printable("a\xC2\x9B"
                      "31m"),
            "a?31m");
}

TEST(AnswerText, ListsValuesInTheOrderOfTheirIds) {
  const Json answer{{"path", "/3/0"}, {"value", {{"10", 1}, {"2", "x"}, {"11", {{"0", 0}, {"10", 5}, {"9", 4}}}}}};
  const std::string text =
      answer_text(answer, [](const lwm2m::Path& path) { return "N" + std::to_string(path.resource()); });
  EXPECT_EQ(text,
            "PATH        NAME  VALUE\n"
            "/3/0/2      N2    x\n"
            "/3/0/10     N10   1\n"
            "/3/0/11/0   N11   0\n"
            "/3/0/11/9   N11   4\n"
            "/3/0/11/10  N11   5\n");
}

TEST(AnswerText, WithoutAValueItShowsTheBytes) {
  const Json answer{{"path", "/5/0/0"}, {"payload", "AAEC"}, {"note", "no definition"}};
  EXPECT_EQ(answer_text(answer, [](const lwm2m::Path&) { return std::string(); }),
            "3 bytes: 000102\n(no definition)\n");
}

TEST(AnswerText, ShowsLinksWithTheirAttributes) {
  const Json link{{"path", "/3/0"}, {"target", "/3/0"}, {"attributes", {{"pmin", "10"}, {"obs", nullptr}}}};
  const Json answer{{"path", "/3"}, {"links", Json::array({link})}};
  EXPECT_EQ(answer_text(answer, [](const lwm2m::Path&) { return std::string(); }),
            "PATH  ATTRIBUTES\n/3/0  obs pmin=10\n");
}

TEST(SpanText, ChoosesTheUnit) {
  EXPECT_EQ(span_text(-3), "0 s");
  EXPECT_EQ(span_text(119), "119 s");
  EXPECT_EQ(span_text(120), "2 min");
  EXPECT_EQ(span_text(86400), "24 h");
  EXPECT_EQ(span_text(864000), "10 d");
}

TEST(EventText, ANotificationShowsPathAndValue) {
  const Json event{{"at", 0}, {"endpoint", "e"}, {"path", "/3303/0/5700"}, {"code", "2.05"}, {"value", 21.5}};
  EXPECT_EQ(event_text("notification", event), "1970-01-01 00:00:00  notification       e  /3303/0/5700  21.5\n");
}

TEST(EventText, AnOperationShowsHowItStands) {
  Json event{{"at", 0},         {"endpoint", "e"}, {"operation_id", "17"}, {"operation", "Read"}, {"path", "/3/0/9"},
             {"state", "queued"}, {"via", "auto"},   {"ahead", 2},           {"triggered", true}};
  EXPECT_EQ(event_text("operation", event),
            "1970-01-01 00:00:00  operation          e  17  Read /3/0/9  queued behind 2 others  "
            "asked by SMS to wake\n");
  event["state"] = "sent";
  event["via"] = "sms";
  event["ahead"] = nullptr;
  event["triggered"] = false;
  EXPECT_EQ(event_text("operation", event),
            "1970-01-01 00:00:00  operation          e  17  Read /3/0/9  sent  by sms\n");
}

TEST(QueuedText, SaysWhatWillHappen) {
  Json operation{{"id", "17"}, {"endpoint", "e"},  {"state", "queued"},
                 {"ahead", 1}, {"expected_by", 0}, {"triggered", true}};
  EXPECT_EQ(queued_text(operation),
            "queued as 17 behind 1 other; expected by 1970-01-01 00:00:00 UTC; asked by SMS to wake; "
            "drover operation e 17 shows it\n");
  operation["ahead"] = 0;
  operation["expected_by"] = nullptr;
  operation["triggered"] = false;
  EXPECT_EQ(queued_text(operation), "queued as 17; drover operation e 17 shows it\n");
}

TEST(DevicesText, ShowsWhoSleepsAndWhatWaits) {
  Json device{{"endpoint", "e"}, {"version", "1.0"}, {"binding", "UQ"}, {"lifetime", 300}, {"address", "a"},
              {"updated_at", 0}, {"expires_at", 300}, {"awake", false},  {"queued", 3}};
  const std::string asleep = devices_text(Json::array({device}), 10);
  EXPECT_NE(asleep.find("4 min       asleep  3\n"), std::string::npos) << asleep;
  device["awake"] = true;
  device["queued"] = 0;
  const std::string awake = devices_text(Json::array({device}), 10);
  EXPECT_NE(awake.find("4 min       awake  0\n"), std::string::npos) << awake;
}

}  // namespace
}  // namespace drover::cli
