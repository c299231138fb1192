// SPDX-License-Identifier: Apache-2.0
// The event stream: order, filters, resumption, gaps, slow readers.
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "api_fixture.hpp"
#include "sse_stream.hpp"

namespace drover::api::test {
namespace {

using server::EventKind;

class Events : public ApiTest {};

TEST_F(Events, ArriveInOrderWithIdsAndKinds) {
  start();
  Stream stream(port_, "");
  ASSERT_TRUE(stream.opened());
  EXPECT_NE(stream.head().find("text/event-stream"), std::string::npos);
  fleet_.emit(EventKind::Registered, "a", [](server::Event& event) { event.device = device_view("a"); });
  fleet_.emit(EventKind::Notification, "a", [](server::Event& event) {
    event.path = lwm2m::Path(3, 0, 1);
    event.outcome = content(0, {'4', '2'});
  });
  fleet_.emit(EventKind::Expired, "a");
  const Sse first = stream.next();
  EXPECT_EQ(first.name, "registered");
  EXPECT_EQ(first.id, "1700000000-1");
  EXPECT_EQ(first.data["id"], first.id);
  EXPECT_EQ(first.data["device"]["endpoint"], "a");
  const Sse second = stream.next();
  EXPECT_EQ(second.name, "notification");
  EXPECT_EQ(second.data["value"], 42);
  EXPECT_EQ(second.data["path"], "/3/0/1");
  EXPECT_EQ(stream.next().name, "expired");
}

TEST_F(Events, ANotificationIsDecodedByTheAnnouncedObjectVersion) {
  start();
  Stream stream(port_, "");
  fleet_.emit(EventKind::Notification, "a", [](server::Event& event) {
    event.path = lwm2m::Path(3, 0, 1);
    event.object_version = lwm2m::Version{1, 1};
    event.outcome = content(11542, {0xC4, 0x01, 0x40, 0x49, 0x00, 0x00});
  });
  EXPECT_EQ(stream.next().data["value"], 3.140625);
}

TEST_F(Events, WhatIsWrittenToWhatCantBeReadIsShownToNobody) {
  lwm2m::model::ObjectDefinition account;
  account.id = 26300;
  account.name = "Account";
  account.resources.resize(2);
  account.resources[0].id = 0;
  account.resources[0].operations = {.read = true, .write = true, .execute = false};
  account.resources[1].id = 1;
  account.resources[1].operations = {.read = false, .write = true, .execute = false};
  ASSERT_TRUE(registry_.add(account));
  start();
  Stream stream(port_, "?kind=learned");
  const auto write = [&](const lwm2m::Path& path, const char* how) {
    fleet_.emit(EventKind::Learned, "a", [&](server::Event& event) {
      event.path = path;
      event.how = how;
      event.outcome = content(0, to_bytes("secret"));
    });
  };
  write(lwm2m::Path(26300, 0, 1), "write");
  write(lwm2m::Path(26300, 0), "write");  // the password may be among them
  write(lwm2m::Path(26300, 0, 9), "write");
  write(lwm2m::Path(26301, 0, 0), "write");  // nobody knows what that is
  write(lwm2m::Path(26300, 0, 0), "write");
  write(lwm2m::Path(26301, 0, 0), "read");
  EXPECT_EQ(stream.next().data["path"], "/26300/0/0");
  EXPECT_EQ(stream.next().data["path"], "/26301/0/0");
}

TEST_F(Events, FilterByDeviceAndKind) {
  start();
  Stream stream(port_, "?endpoint=b&kind=updated,expired");
  for (const char* endpoint : {"a", "b"}) {
    for (const EventKind kind : {EventKind::Registered, EventKind::Updated, EventKind::Expired})
      fleet_.emit(kind, endpoint);
  }
  EXPECT_EQ(stream.next().id, "1700000000-5");
  EXPECT_EQ(stream.next().id, "1700000000-6");
  EXPECT_EQ(get("/api/v1/events?kind=registered,birthday").json()["parameter"], "kind");
}

TEST_F(Events, ResumeBehindTheLastIdByFieldOrParameter) {
  start();
  for (int i = 0; i < 5; ++i) fleet_.emit(EventKind::Updated, "a");
  Stream by_field(port_, "?last_event_id=1700000000-1", "Last-Event-ID: 1700000000-3\r\n");
  EXPECT_EQ(by_field.next().id, "1700000000-4");
  EXPECT_EQ(by_field.next().id, "1700000000-5");
  fleet_.emit(EventKind::Updated, "a");
  EXPECT_EQ(by_field.next().id, "1700000000-6");
  Stream by_parameter(port_, "?last_event_id=1700000000-5");
  EXPECT_EQ(by_parameter.next().id, "1700000000-6");
}

TEST_F(Events, WithoutAnIdTheStreamStartsWithTheNextEvent) {
  start();
  fleet_.emit(EventKind::Updated, "old");
  Stream stream(port_, "");
  fleet_.emit(EventKind::Updated, "new");
  EXPECT_EQ(stream.next().data["endpoint"], "new");
}

TEST_F(Events, AGapTellsWhatTheRingHasLost) {
  Api::Settings settings;
  settings.events.events_max = 3;
  start(settings);
  for (int i = 0; i < 10; ++i) fleet_.emit(EventKind::Updated, "a");
  Stream stream(port_, "?last_event_id=1700000000-2");
  const Sse gap = stream.next();
  EXPECT_EQ(gap.name, "gap");
  EXPECT_EQ(gap.data["reason"], "not-retained");
  EXPECT_EQ(gap.data["lost"], 5);  // 3 to 7; 8, 9 and 10 are kept
  EXPECT_EQ(gap.id, "1700000000-7");
  EXPECT_EQ(stream.next().id, "1700000000-8");
}

TEST_F(Events, AnIdOfAnotherRunIsAGapAndStartsOver) {
  start();
  fleet_.emit(EventKind::Updated, "a");
  for (const char* id : {"1600000000-1", "1700000000-99", "rubbish", "1700000000-", "1700000000-1x"}) {
    Stream stream(port_, std::string("?last_event_id=") + id);
    const Sse gap = stream.next();
    EXPECT_EQ(gap.data["reason"], "restarted") << id;
    EXPECT_TRUE(gap.data["lost"].is_null());
    EXPECT_EQ(stream.next().id, "1700000000-1");
  }
}

TEST_F(Events, TheRingIsBoundedInBytesToo) {
  Api::Settings settings;
  settings.events.bytes_max = 100'000;
  start(settings);
  for (int i = 0; i < 20; ++i) {
    fleet_.emit(EventKind::Notification, "a", [](server::Event& event) {
      event.path = lwm2m::Path(3, 0, 4);
      event.outcome = content(42, Bytes(30'000, 1));
    });
  }
  EXPECT_EQ(get("/api/v1/status").json()["events"]["retained"], 3);
}

TEST_F(Events, ASlowReaderLosesEventsAndHoldsNobodyUp) {
  Api::Settings settings;
  settings.events.events_max = 64;
  start(settings);
  Stream slow(port_, "", "", 4096);
  Stream quick(port_, "?kind=deregistered");
  ASSERT_TRUE(slow.opened());
  // Far more than the sockets between here and there hold; emit() returns each time although nobody reads.
  constexpr int kEvents = 2000;
  for (int i = 0; i < kEvents; ++i) {
    fleet_.emit(EventKind::Notification, "a", [](server::Event& event) {
      event.path = lwm2m::Path(3, 0, 4);
      event.outcome = content(42, Bytes(10'000, 1));
    });
  }
  fleet_.emit(EventKind::Deregistered, "end");
  // The quick one may have gaps of its own: the ring is small.
  Sse event = quick.next();
  while (event.name == "gap") event = quick.next();
  EXPECT_EQ(event.data["endpoint"], "end");
  EXPECT_EQ(get("/healthz").status, 200);
  // Now the slow one reads: what was in the sockets, a gap, and the end.
  bool gap = false;
  std::uint64_t seen = 0;
  while (true) {
    const Sse next = slow.next();
    ASSERT_FALSE(next.name.empty()) << "the stream went on after " << seen;
    if (next.name == "gap") {
      gap = true;
      EXPECT_EQ(next.data["reason"], "slow-reader");
      seen += next.data["lost"].get<std::uint64_t>();
      continue;
    }
    ++seen;
    EXPECT_EQ(next.data["number"], seen) << "what isn't told as lost has arrived";
    if (next.name == "deregistered") break;
  }
  EXPECT_TRUE(gap);
  EXPECT_EQ(seen, fleet_.last_event());
}

TEST_F(Events, AReaderThatStandsStillIsCutOff) {
  Api::Settings settings;
  settings.http.write_wait = std::chrono::milliseconds(100);
  start(settings);
  Stream still(port_, "", "", 4096);
  for (int i = 0; i < 2000; ++i) {
    fleet_.emit(EventKind::Notification, "a", [](server::Event& event) {
      event.path = lwm2m::Path(3, 0, 4);
      event.outcome = content(42, Bytes(10'000, 1));
    });
  }
  int clients = 1;
  for (int i = 0; i < 10'000 && clients > 0; ++i) clients = get("/api/v1/status").json()["events"]["clients"];
  EXPECT_EQ(clients, 0);
}

TEST_F(Events, AnIdleStreamIsKeptAliveAndAClosedOneForgotten) {
  Api::Settings settings;
  settings.http.keep_alive_wait = std::chrono::milliseconds(20);
  start(settings);
  {
    Stream stream(port_, "");
    EXPECT_NE(stream.client().read_through(": keep-alive\n\n"), "");
    EXPECT_NE(stream.client().read_through(": keep-alive\n\n"), "");
    EXPECT_EQ(get("/api/v1/status").json()["events"]["clients"], 1);
  }
  int clients = 1;
  for (int i = 0; i < 10'000 && clients > 0; ++i) clients = get("/api/v1/status").json()["events"]["clients"];
  EXPECT_EQ(clients, 0);
}

TEST_F(Events, AStoppedServerEndsItsStreams) {
  start();
  Stream stream(port_, "");
  ASSERT_TRUE(stream.opened());
  api_->stop();
  EXPECT_EQ(stream.next().name, "");
  fleet_.emit(EventKind::Updated, "a");  // into a stopped server
}

}  // namespace
}  // namespace drover::api::test
