// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/bootstrap_text.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/drover/print.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;

Json message(bool from_device, const char* operation, const char* path, const char* code, int at_ms) {
  return {{"at_ms", at_ms},
          {"from_device", from_device},
          {"operation", operation},
          {"path", path},
          {"format", nullptr},
          {"payload_bytes", 0},
          {"code", code[0] == '\0' ? Json(nullptr) : Json(code)},
          {"status", code[0] == '\0' ? Json(nullptr) : Json("Changed")},
          {"text", ""}};
}

TEST(SessionText, IsALadder) {
  Json write = message(false, "Bootstrap-Write", "/0/1", "", 1012);
  write["format"] = 11542;
  write["payload_bytes"] = 87;
  Json silence = message(true, "Bootstrap-Write", "/0/1", "", 94012);
  silence["text"] = "no answer";
  const Json session{{"id", 7},
                     {"endpoint", "dev\x1b"},
                     {"plan", "p"},
                     {"state", "failed"},
                     {"reason", "Bootstrap-Write /0/1: no answer"},
                     {"applied", "no"},
                     {"address", "192.0.2.1:40000"},
                     {"identity", "psk \"a\""},
                     {"server_initiated", false},
                     {"began_at_ms", 1000},
                     {"ended_at_ms", 94012},
                     {"provisioned", Json::array({{{"short_server_id", 101},
                                                   {"mode", "psk"},
                                                   {"uri", "coaps://s"},
                                                   {"identity", "a.1"},
                                                   {"generated", true}}})},
                     {"timeline", Json::array({message(true, "Bootstrap-Request", "/", "", 1000),
                                               message(false, "Bootstrap-Request", "/", "2.04", 1000), write, silence})},
                     {"omitted", 2}};
  EXPECT_EQ(session_text(session),
            "session 7: dev\\x1b, plan p, failed\n"
            "  reason    Bootstrap-Write /0/1: no answer\n"
            "  began     1970-01-01 00:00:01 UTC, by the device\n"
            "  device    192.0.2.1:40000, psk \"a\"\n"
            "  applied   no\n"
            "  wrote     server 101: psk \"a.1\" at coaps://s (generated)\n"
            "\n"
            "     +0.000 s  device -> Bootstrap-Request\n"
            "     +0.000 s  device <- 2.04 Changed\n"
            "     +0.012 s  device <- Bootstrap-Write /0/1  tlv, 87 bytes\n"
            "    +93.012 s  device -> (no answer)  no answer\n"
            "  and 2 more messages\n");
}

TEST(PlansText, TellsTheDefaultAndShortensLongLists) {
  const auto plan = [](const char* name, const Json& endpoints) {
    return Json{{"name", name}, {"endpoints", endpoints}, {"servers", {101}}, {"bootstrap", true}, {"steps", 5},
                {"keys", "keep"}, {"changed_at", 0}, {"warnings", Json::array()}};
  };
  const std::string text =
      plans_text(Json::array({plan("all", Json::array()), plan("some", Json::array({"a", "b", "c", "d", "e"}))}));
  EXPECT_EQ(text,
            "PLAN  ENDPOINTS         SERVERS        STEPS  KEYS  CHANGED              WARNINGS\n"
            "all   (default)         101 bootstrap  5      keep  1970-01-01 00:00:00  0\n"
            "some  a b c and 2 more  101 bootstrap  5      keep  1970-01-01 00:00:00  0\n");
}

TEST(DryRunText, ShowsEachMessageWithItsValues) {
  const Json discover{{"operation", "Bootstrap-Discover"}, {"method", "GET"}, {"path", "/"},  {"format", nullptr},
                      {"accept", 40},                      {"payload_hex", ""}, {"text", ""}, {"optional", true}};
  const Json write{{"operation", "Bootstrap-Write"}, {"method", "PUT"},
                   {"path", "/0/1"},                 {"format", 11542},
                   {"accept", nullptr},              {"payload_hex", "c02a"},
                   {"text", "/0/1/0 = coaps://s\n/0/1/5 = ********"}, {"optional", false}};
  EXPECT_EQ(dry_run_text({{"endpoint", "e"}, {"plan", "p"}, {"messages", Json::array({discover, write})}}),
            "plan p for e\n"
            "  1  Bootstrap-Discover / (GET /)  accept link  (optional)\n"
            "  2  Bootstrap-Write /0/1 (PUT /0/1)  tlv, 2 bytes\n"
            "       c02a\n"
            "       /0/1/0 = coaps://s\n"
            "       /0/1/5 = ********\n");
}

TEST(EventText, BootstrapEventsShowWhatBelongsToThem) {
  Json event = message(true, "Bootstrap-Finish", "/", "2.04", 5);
  event.update({{"at", 0}, {"endpoint", "e"}, {"session", 7}, {"step", 4}, {"steps", 5}});
  EXPECT_EQ(event_text("bootstrap-progress", event),
            "1970-01-01 00:00:00  bootstrap-progress e  session 7  4/5  Bootstrap-Finish  2.04 Changed\n");
  const Json ended{{"at", 0}, {"endpoint", "e"}, {"session", 7}, {"state", "failed"}, {"applied", "unknown"},
                   {"reason", "silence"}, {"provisioned", Json::array()}};
  EXPECT_EQ(event_text("bootstrap-ended", ended),
            "1970-01-01 00:00:00  bootstrap-ended    e  session 7  failed, applied: unknown  silence\n");
  const Json refused{{"at", 0}, {"endpoint", ""}, {"address", "192.0.2.1:1"}, {"reason", "no such key"}};
  EXPECT_EQ(event_text("bootstrap-refused", refused),
            "1970-01-01 00:00:00  bootstrap-refused    192.0.2.1:1  no such key\n");
}

}  // namespace
}  // namespace drover::cli
