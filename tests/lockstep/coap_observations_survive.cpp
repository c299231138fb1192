// SPDX-License-Identifier: Apache-2.0
// Parameters::observations_survive_timeout: observations that a peer that doesn't acknowledge keeps.
#include "tests/lockstep/coap_peer.hpp"

namespace drover::testing {
namespace {

using namespace coap;

Parameters surviving() {
  Parameters parameters;
  parameters.observations_survive_timeout = true;
  parameters.max_retransmit = 0;
  return parameters;
}

struct Observed : Lockstep {
  explicit Observed(const Parameters& parameters = surviving()) : Lockstep(parameters) { id = observe("01"); }
  ResponderId observe(const std::string& tag) {
    in("CON 00" + tag + " GET t=" + tag + " /r" + tag + " obs=0");
    const auto arrived = event<RequestArrived>();
    answer(arrived.responder, code::kContent, "obs=0", to_bytes("0"));
    out("ACK 00" + tag + " 2.05 t=" + tag + " obs=? '0'");
    return arrived.responder;
  }
  void notify(ResponderId which, const std::string& value, bool confirmable) {
    endpoint.notify(now, which, {code::kContent, {}, to_bytes(value)}, confirmable);
  }
  ResponderId id;
};

TEST(ObservationsSurviveTimeout, TheOwnerIsToldAndCanGoOn) {
  Observed device;
  device.notify(device.id, "1", true);
  device.out("CON ? 2.05 t=01 obs=? '1'");
  device.pass(seconds(3));
  const auto lost = device.event<NotificationTimedOut>();
  EXPECT_EQ(lost.responder, device.id);
  EXPECT_EQ(lost.peer, host(1));
  device.notify(device.id, "2", true);
  device.out("CON ? 2.05 t=01 obs=? '2'");
  device.in("ACK $m EMPTY");
  EXPECT_EQ(device.event<NotificationAcknowledged>().responder, device.id);
  device.quiet();
}

TEST(ObservationsSurviveTimeout, WhatWaitedBehindItIsDropped) {
  Observed device;
  device.notify(device.id, "1", true);
  device.out("CON ? 2.05 t=01 obs=? '1'");
  device.notify(device.id, "2", false);
  device.pass(seconds(3));
  device.event<NotificationTimedOut>();
  device.quiet();
}

TEST(ObservationsSurviveTimeout, AnErrorThatWaitedBehindItStillEndsTheObservation) {
  Observed device;
  device.notify(device.id, "1", true);
  device.out("CON ? 2.05 t=01 obs=? '1'");
  device.endpoint.notify(device.now, device.id, {code::kNotFound, {}, {}}, true);
  device.pass(seconds(3));
  device.event<NotificationTimedOut>();
  device.out("CON ? 4.04 t=01");
  EXPECT_FALSE(device.endpoint.observation_token(device.id));
}

TEST(ObservationsSurviveTimeout, AnUnacknowledgedFirstResponseEndsIt) {
  Lockstep device(surviving());
  device.in("CON 0001 GET t=01 /r obs=0");
  const auto arrived = device.event<RequestArrived>();
  device.pass(seconds(1));
  device.out("ACK 0001 EMPTY");
  device.answer(arrived.responder, code::kContent, "obs=0", to_bytes("0"));
  device.out("CON ? 2.05 t=01 obs=? '0'");
  device.pass(seconds(3));
  EXPECT_EQ(device.event<ObservationEnded>().cause, ObservationEndCause::Timeout);
  device.quiet();
}

TEST(ObservationsSurviveTimeout, AResetStillEndsIt) {
  Observed device;
  device.notify(device.id, "1", true);
  device.out("CON ? 2.05 t=01 obs=? '1'");
  device.pass(seconds(3));
  device.event<NotificationTimedOut>();
  device.notify(device.id, "2", false);
  device.out("NON ? 2.05 t=01 obs=? '2'");
  device.in("RST $m EMPTY");
  EXPECT_EQ(device.event<ObservationEnded>().cause, ObservationEndCause::Reset);
}

TEST(WithdrawNotification, LetsTheNextMessageGoAtOnce) {
  Observed device;
  const ResponderId other = device.observe("02");
  device.notify(device.id, "1", true);
  device.out("CON ? 2.05 t=01 obs=? '1'");
  device.notify(device.id, "2", true);
  device.notify(other, "3", true);
  device.quiet();  // NSTART
  device.endpoint.withdraw_notification(device.now, device.id);
  device.notify(device.id, "4", false);
  device.out("CON ? 2.05 t=02 obs=? '3'");
  device.in("ACK $m EMPTY");
  device.out("NON ? 2.05 t=01 obs=? '4'");
  EXPECT_EQ(device.event<NotificationAcknowledged>().responder, other);
  device.pass(seconds(10));
  device.quiet();
}

TEST(WithdrawNotification, LeavesTheFirstResponseAlone) {
  Lockstep device(surviving());
  device.in("CON 0001 GET t=01 /r obs=0");
  const auto arrived = device.event<RequestArrived>();
  device.pass(seconds(1));
  device.out("ACK 0001 EMPTY");
  device.answer(arrived.responder, code::kContent, "obs=0", to_bytes("0"));
  device.out("CON ? 2.05 t=01 obs=? '0'");
  device.endpoint.notify(device.now, arrived.responder, {code::kContent, {}, to_bytes("1")}, false);
  device.endpoint.withdraw_notification(device.now, arrived.responder);
  device.in("ACK $m EMPTY");
  device.out("NON ? 2.05 t=01 obs=? '1'");
  device.quiet();
}

}  // namespace
}  // namespace drover::testing
