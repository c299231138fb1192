// SPDX-License-Identifier: Apache-2.0
// A device that ends without a word and starts again, in virtual time, seen by servers that go on.
#include "client/saved_state.hpp"

#include <gtest/gtest.h>

#include "client/client.hpp"
#include "client/test_device.hpp"
#include "coap/message/code.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace drover::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::definitions;
using testing::path;

constexpr UnixSeconds kUnix = 1'700'000'000;  // of Instant{}

transport::PeerAddress address(std::uint32_t host) {
  return transport::PeerAddress::v4(0xC0000200U + host, 5683);
}

/// Takes every Register and Update, and asks for what the test says.
struct Server {
  explicit Server(Rng& rng) : endpoint(coap::Parameters{}, rng) {}

  void pump(Instant now) {
    while (auto event = endpoint.poll_event()) {
      if (auto* request = std::get_if<coap::RequestArrived>(&*event)) {
        const bool is_register = request->request.options.has(coap::OptionNumber::UriQuery) &&
                                 !request->request.options.has(coap::OptionNumber::LocationPath) &&
                                 lwm2m::mapping::to_uplink(request->request)->index() == 0;
        ++(is_register ? registers : updates);
        coap::Response answer{is_register ? coap::code::kCreated : update_answer, {}, {}};
        if (is_register) {
          answer.options.add(coap::OptionNumber::LocationPath, to_bytes("rd"));
          answer.options.add(coap::OptionNumber::LocationPath, to_bytes("5a3f"));
        }
        endpoint.respond(now, request->responder, std::move(answer));
      } else if (auto* response = std::get_if<coap::ResponseArrived>(&*event)) {
        answers.push_back(std::move(response->response));
      } else if (auto* notification = std::get_if<coap::NotificationArrived>(&*event)) {
        numbers.push_back(notification->response.options.observe().value_or(0));
        notifications.push_back(
            notification->response.code.is_success() ? std::string(as_text(notification->response.payload)) : "ended");
      }
    }
  }
  void ask(Instant now, const lwm2m::Downlink& operation) {
    endpoint.request(now, address(99), lwm2m::mapping::to_request(operation, ""));
  }

  stack::Endpoint endpoint;
  coap::Code update_answer = coap::code::kChanged;
  bool reachable = true;
  int registers = 0;
  int updates = 0;
  std::vector<coap::Response> answers;
  std::vector<std::string> notifications;
  std::vector<std::uint32_t> numbers;
};

class ClientAfterARestart : public ::testing::Test {
 protected:
  explicit ClientAfterARestart(std::uint32_t server_count = 1) {
    for (std::uint32_t i = 0; i < server_count; ++i) servers.emplace_back(rng);
    boot();
    device->start(now);
    run();
  }

  /// A device of the same configuration, not started.
  void boot() {
    ClientSettings settings;
    settings.endpoint = "x";
    device.emplace(settings, rng);
    for (const int id : {0, 1, 2, 3, 3303}) device->define(*definitions().find(static_cast<lwm2m::ObjectId>(id)));
    device->device().set_clock(now, kUnix + seconds_since_start());
    for (std::uint32_t i = 1; i <= servers.size(); ++i) {
      EXPECT_TRUE(device->add_account(now, static_cast<ServerId>(i), "coap://192.0.2." + std::to_string(i), 600));
    }
    EXPECT_TRUE(device->tree().add(own(), 3, 0));
    EXPECT_TRUE(device->tree().add(own(), 3303, 0));
    set("/3303/0/5700", 20.0);
    EXPECT_TRUE(provision(device->tree(), own(), {.owner = 1}));
    device->track_unsaved();
  }
  void restart(Duration off, const SavedState& saved, double value) {
    now += off;
    boot();
    set("/3303/0/5700", value);
    device->restore(now, unix_now(), saved);
    device->start(now);
    run();
  }
  [[nodiscard]] std::int64_t seconds_since_start() const {
    return std::chrono::duration_cast<seconds>(now.time_since_epoch()).count();
  }
  [[nodiscard]] UnixSeconds unix_now() const { return kUnix + seconds_since_start(); }
  [[nodiscard]] Context own() const { return {now, std::nullopt}; }
  void set(std::string_view where, lwm2m::Value value) {
    EXPECT_TRUE(device->tree().set(own(), path(where), std::move(value)));
  }
  SavedState saved() { return device->saved_state(now, unix_now()); }
  void change(double value) {
    set("/3303/0/5700", value);
    device->settle(now);
    run();
  }
  void ask(const lwm2m::Downlink& operation, std::size_t server = 0) {
    servers[server].ask(now, operation);
    run();
  }
  void observe(std::size_t server = 0) { ask(lwm2m::Observe{path("/3303/0/5700"), 0}, server); }

  /// Carries datagrams until all are silent.
  void run() {
    for (bool busy = true; busy;) {
      busy = false;
      while (auto sent = device->poll_transmit()) {
        busy = true;
        for (std::uint32_t i = 0; i < servers.size(); ++i) {
          if (sent->to == address(i + 1) && servers[i].reachable) {
            servers[i].endpoint.handle_datagram(now, {address(99), sent->bytes});
          }
        }
      }
      for (std::uint32_t i = 0; i < servers.size(); ++i) {
        servers[i].pump(now);
        while (auto sent = servers[i].endpoint.poll_transmit()) {
          busy = true;
          if (servers[i].reachable) device->handle_datagram(now, {address(i + 1), sent->bytes});
        }
      }
      while (device->poll_event()) {
      }
    }
  }
  void pass(Duration time) {
    const Instant end = now + time;
    while (true) {
      auto next = device->deadline();
      for (Server& server : servers) {
        const auto due = server.endpoint.deadline();
        if (due && (!next || due->at < next->at)) next = due;
      }
      if (!next || next->at > end) break;
      now = std::max(now, next->at);
      device->handle_timeout(now);
      for (Server& server : servers) server.endpoint.handle_timeout(now);
      run();
    }
    now = end;
  }
  [[nodiscard]] RegistrationState state(std::size_t account = 0) const { return device->accounts()[account].state; }

  Instant now{};
  SplitMix rng{7};
  std::deque<Server> servers;
  std::optional<Client> device;
};

class TwoServersAfterARestart : public ClientAfterARestart {
 protected:
  TwoServersAfterARestart() : ClientAfterARestart(2) {}
};

TEST_F(ClientAfterARestart, ARegistrationAndItsObservationGoOnWithFreshNumbers) {
  Server& server = servers[0];
  observe();
  change(21);
  ASSERT_EQ(server.notifications, (std::vector<std::string>{"21"}));
  restart(seconds(60), saved(), 22);
  EXPECT_EQ(server.registers, 1);
  EXPECT_EQ(server.updates, 1) << "shows that the device is alive (Core §5.3.2)";
  EXPECT_EQ(state(), RegistrationState::Registered);
  EXPECT_EQ(server.notifications.back(), "22") << "what has changed meanwhile; the server took it for fresh";
  change(23);
  ASSERT_EQ(server.notifications, (std::vector<std::string>{"21", "22", "23"}));
  EXPECT_EQ(server.numbers[1], server.numbers[0] + kObserveNumberGap + 1) << "past every number that was given out";
}

TEST_F(ClientAfterARestart, AttributesLastAndPMinHoldsFromTheStart) {
  ask(lwm2m::WriteAttributes{path("/3303/0/5700"), {"pmin=10", "pmax=60"}});
  observe();
  restart(seconds(1), saved(), 30);
  EXPECT_TRUE(servers[0].notifications.empty());
  pass(seconds(10));
  EXPECT_EQ(servers[0].notifications, (std::vector<std::string>{"30"}));
  pass(seconds(60));
  EXPECT_EQ(servers[0].notifications.size(), 2U) << "pmax";
}

TEST_F(ClientAfterARestart, AnObservationOfWhatIsGoneEnds) {
  EXPECT_TRUE(device->tree().add(own(), 3303, 1));
  device->settle(now);
  pass(seconds(1));
  ask(lwm2m::Observe{path("/3303/1"), {}});
  restart(seconds(1), saved(), 20);
  EXPECT_EQ(servers[0].notifications, (std::vector<std::string>{"ended"}));
  EXPECT_TRUE(device->notifier().observations().empty());
}

TEST_F(ClientAfterARestart, AServerThatForgotGetsANewRegistrationWithoutObservations) {
  observe();
  servers[0].update_answer = coap::code::kNotFound;
  restart(seconds(1), saved(), 20);
  EXPECT_EQ(servers[0].registers, 2);
  EXPECT_EQ(state(), RegistrationState::Registered);
  EXPECT_TRUE(device->notifier().observations().empty());
}

TEST_F(ClientAfterARestart, ALifetimeThatIsOverLeadsToARegister) {
  restart(seconds(601), saved(), 20);
  EXPECT_EQ(servers[0].updates, 0);
  EXPECT_EQ(servers[0].registers, 2);
}

TEST_F(ClientAfterARestart, AnotherServerUriLeadsToARegister) {
  SavedState before = saved();
  before.registrations[0].port = 5685;
  restart(seconds(1), before, 20);
  EXPECT_EQ(servers[0].updates, 0);
  EXPECT_EQ(servers[0].registers, 2);
}

TEST_F(ClientAfterARestart, AClockThatAServerSetIsThatFarFromTheSystemsAgain) {
  ask(lwm2m::Write{path("/3/0/13"), lwm2m::Write::Mode::Replace, 0, to_bytes(std::to_string(kUnix + 5000))});
  const SavedState before = saved();
  EXPECT_EQ(before.clock_offset, 5000);
  restart(seconds(100), before, 20);
  EXPECT_EQ(device->device().unix_time(now), kUnix + 5100);
  EXPECT_EQ(saved().clock_offset, 5000) << "nor does it drift with each restart";
}

TEST_F(TwoServersAfterARestart, EachRegistrationGoesOnOnItsOwn) {
  observe(0);
  observe(1);
  SavedState before = saved();
  ASSERT_EQ(before.registrations.size(), 2U);
  before.registrations[1].ends = unix_now();
  restart(seconds(1), before, 22);
  EXPECT_EQ(servers[0].registers, 1);
  EXPECT_EQ(servers[0].updates, 1);
  EXPECT_EQ(servers[0].notifications, (std::vector<std::string>{"22"}));
  EXPECT_EQ(servers[1].registers, 2);
  EXPECT_EQ(servers[1].updates, 0);
  EXPECT_TRUE(servers[1].notifications.empty());
}

TEST_F(ClientAfterARestart, KeptNotificationsGoOutInOrderBeforeTheNewValue) {
  ask(lwm2m::WriteAttributes{path("/3303/0/5700"), {"pmin=5"}});
  observe();
  SavedState before = saved();
  const std::int64_t at = unix_now() * 1000;
  before.notifications.push_back({1, path("/3303/0/5700"), at - 2500, 0, to_bytes("18.5")});
  before.notifications.push_back({1, path("/3303/0/5700"), at - 500, 0, to_bytes("19.5")});
  restart(seconds(1), before, 22);
  pass(seconds(10));
  EXPECT_EQ(servers[0].notifications, (std::vector<std::string>{"18.5", "19.5", "22"}));
  EXPECT_TRUE(saved().notifications.empty());
}

TEST_F(ClientAfterARestart, KeptNotificationsOfALostRegistrationWaitForTheirServer) {
  SavedState before = saved();
  before.registrations.clear();
  before.notifications.push_back({1, path("/3303/0/5700"), unix_now() * 1000 - 2500, 0, to_bytes("18.5")});
  restart(seconds(1), before, 22);
  const auto kept = saved().notifications;
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].at_ms, before.notifications[0].at_ms);
  EXPECT_EQ(as_text(kept[0].payload), "18.5");
  observe();
  EXPECT_EQ(servers[0].notifications.front(), "18.5");
}

// ---- what is unsaved ------------------------------------------------------------------------------------------------

TEST_F(ClientAfterARestart, WhatAServerDoesIsToBeSavedAtOnce) {
  (void)device->take_unsaved();
  ask(lwm2m::Write{path("/1/0/2"), lwm2m::Write::Mode::Replace, 0, to_bytes("7")});
  EXPECT_TRUE(device->unsaved().at_once);
  EXPECT_EQ(device->take_unsaved().paths, (std::set<lwm2m::Path>{path("/1/0/2")}));
  observe();
  EXPECT_TRUE(device->unsaved().at_once && device->unsaved().observations);
  (void)device->take_unsaved();
  ask(lwm2m::WriteAttributes{path("/3303/0/5700"), {"pmin=1"}});
  EXPECT_TRUE(device->unsaved().at_once && device->unsaved().attributes);
  (void)device->take_unsaved();
  ask(lwm2m::CancelObservation{path("/3303/0/5700"), 0});
  EXPECT_TRUE(device->unsaved().at_once && device->unsaved().observations);
  (void)device->take_unsaved();
  device->update(now);
  run();
  EXPECT_TRUE(device->unsaved().at_once && device->unsaved().registrations) << "its lifetime began anew";
}

TEST_F(ClientAfterARestart, WhatTheDeviceChangesByItselfCanWait) {
  observe();
  (void)device->take_unsaved();
  change(25);
  EXPECT_EQ(servers[0].notifications.back(), "25");
  EXPECT_FALSE(device->unsaved().at_once);
  EXPECT_EQ(device->unsaved().paths, (std::set<lwm2m::Path>{path("/3303/0/5700")}));
  (void)device->take_unsaved();
  ask(lwm2m::Read{path("/3303/0/5700"), {}});
  EXPECT_TRUE(device->unsaved().empty());
}

TEST_F(ClientAfterARestart, TheObserveNumberIsSavedAgainBeforeItsGapIsUsedUp) {
  observe();
  (void)device->take_unsaved();
  std::uint32_t sent = 0;
  while (!device->unsaved().observe_number && sent < kObserveNumberGap) {
    set("/3303/0/5700", static_cast<double>(++sent));
    device->settle(now);
    while (device->poll_transmit()) {
    }
  }
  EXPECT_EQ(sent, kObserveNumbersUnsavedMax);
  EXPECT_TRUE(device->unsaved().at_once);
}

}  // namespace
}  // namespace drover::client
