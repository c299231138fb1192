// SPDX-License-Identifier: Apache-2.0
// Device management and information reporting in exact bytes, seen from a device: Transport Figures 5 to 7.
#include "tests/lockstep/server_peer.hpp"

namespace drover::lockstep {
namespace {

using lwm2m::Path;
using lwm2m::Status;
using server::CancelMode;
using server::EventKind;
using server::NoAnswer;
using std::chrono::seconds;

class ServerDownlink : public ServerTest {
 protected:
  ServerDownlink() { begin(); }

  void begin(server::Policy policy = {}, std::string_view links = "</1/0>,</3/0>") {
    start(std::move(policy));
    register_device("node1", device_, 0, links);
    expect_event(EventKind::Registered, "node1");
  }

  /// Another registration of the same device, with its location.
  std::string begin_again() {
    const std::string location = register_device("node1", device_);
    expect_event(EventKind::Registered, "node1");
    return location;
  }

  /// Observes /4/0/2 with the answer 92.
  Heard observe_signal(std::uint64_t ticket = 1) {
    operate(lwm2m::Observe{Path(4, 0, 2), {}}, ticket);
    const Heard request = expect_request("0.01", wire("60 | 51 '4' 01 '0' 01 '2' | 62 2D16"));
    answer(request, "45", "61 01 | 60 | FF '92'");  // Observe 1, Content-Format 0
    EXPECT_EQ(as_text(expect_outcome(Status::Content, ticket).payload), "92");
    return request;
  }
  void notify(const Heard& request, std::string_view type_nibble, std::string_view id, std::string_view rest) {
    say(wire(std::string(type_nibble) + std::to_string(request.token.size() / 2) + "45" + std::string(id) +
             request.token) +
        wire(rest));
  }
  void cancel(CancelMode mode, std::uint64_t ticket, const Path& path = Path(4, 0, 2)) {
    shard().cancel(now(), server::Ticket{ticket}, "node1", path, mode);
  }
  std::size_t observed() { return shard().observations("node1")->size(); }
};

TEST_F(ServerDownlink, TransportFigure5Read) {
  operate(lwm2m::Read{Path(3, 0, 0), lwm2m::format::kText});
  // Uri-Path 3, 0, 0; Accept 0 is an empty option
  const Heard request = expect_request("0.01", wire("B1 '3' 01 '0' 01 '0' | 60"));
  answer(request, "45", "C0 | FF 'Open Mobile Alliance'");
  const auto outcome = expect_outcome(Status::Content);
  EXPECT_EQ(outcome.format, lwm2m::format::kText);
  EXPECT_EQ(as_text(outcome.payload), "Open Mobile Alliance");
  EXPECT_EQ(outcome.code, 0x45);
  expect_silence();
}

TEST_F(ServerDownlink, TransportFigure5Write) {
  operate(lwm2m::Write{Path(3, 0, 13), lwm2m::Write::Mode::Replace, lwm2m::format::kText, to_bytes("1367491215")});
  const Heard request = expect_request("0.03", wire("B1 '3' 01 '0' 02 '13' | 10 | FF '1367491215'"));
  answer(request, "44");
  expect_outcome(Status::Changed);
}

TEST_F(ServerDownlink, TransportFigure5Execute) {
  operate(lwm2m::Execute{Path(3, 0, 12), ""});
  const Heard request = expect_request("0.02", wire("B1 '3' 01 '0' 02 '12'"));
  answer(request, "44");
  expect_outcome(Status::Changed);
}

TEST_F(ServerDownlink, TransportFigure5WriteAttributes) {
  operate(lwm2m::WriteAttributes{Path(3, 0, 9), {"pmin=1", "pmax=5", "lt=5"}});
  const Heard request = expect_request("0.03", wire("B1 '3' 01 '0' 01 '9' | 46 'pmin=1' | 06 'pmax=5' | 04 'lt=5'"));
  answer(request, "44");
  expect_outcome(Status::Changed);
}

TEST_F(ServerDownlink, TransportFigure6CreateAndDelete) {
  operate(lwm2m::Create{Path(2), lwm2m::format::kTlv, wire("C1 00 03")});
  Heard request = expect_request("0.02", wire("B1 '2' | 12 2D16 | FF C10003"));
  answer(request, "41", "81 '2' | 01 '3'");
  EXPECT_EQ(expect_outcome(Status::Created).location, "2/3");
  operate(lwm2m::Delete{Path(2, 3)}, 2);
  request = expect_request("0.04", wire("B1 '2' | 01 '3'"));
  answer(request, "42");
  expect_outcome(Status::Deleted, 2);
}

TEST_F(ServerDownlink, CoreSection5_4_2Discover) {
  operate(lwm2m::Discover{Path(3, 0)});
  const Heard request = expect_request("0.01", wire("B1 '3' 01 '0' | 61 28"));
  answer(request, "45", "C1 28 | FF '</3/0>;pmin=10,</3/0/1>'");
  EXPECT_EQ(as_text(expect_outcome(Status::Content).payload), "</3/0>;pmin=10,</3/0/1>");
}

TEST_F(ServerDownlink, CoreSection5_4_3PartialUpdateIsAPost) {
  operate(lwm2m::Write{Path(1, 0), lwm2m::Write::Mode::Update, lwm2m::format::kTlv, wire("C1 01 3C")});
  const Heard request = expect_request("0.02", wire("B1 '1' 01 '0' | 12 2D16 | FF C1013C"));
  answer(request, "44");
  expect_outcome(Status::Changed);
}

TEST_F(ServerDownlink, TransportAlternatePathIsPrepended) {
  begin({}, "</lwm2m>;rt=\"oma.lwm2m\",</lwm2m/1/0>,</lwm2m/3/0>");
  operate(lwm2m::Read{Path(3, 0, 0), {}});
  expect_request("0.01", wire("B5 'lwm2m' | 01 '3' 01 '0' 01 '0' | 62 2D16"));
}

TEST_F(ServerDownlink, AcceptIsAlwaysSentUnlessOverridden) {
  operate(lwm2m::Read{Path(3), {}});
  answer(expect_request("0.01", wire("B1 '3' | 62 2D16")), "45");
  expect_outcome(Status::Content);
  operate(lwm2m::Read{Path(3), lwm2m::format::kJson});
  answer(expect_request("0.01", wire("B1 '3' | 62 2D17")), "86");
  expect_outcome(Status::NotAcceptable);
  lwm2m::Read bare{Path(3), {}};
  bare.no_accept = true;
  operate(bare);
  answer(expect_request("0.01", wire("B1 '3'")), "45");
  expect_outcome(Status::Content);

  server::Policy policy;
  policy.always_accept = false;
  begin(policy);
  operate(lwm2m::Read{Path(3), {}});
  expect_request("0.01", wire("B1 '3'"));
}

TEST_F(ServerDownlink, ErrorsOfTheDeviceArePassedThrough) {
  operate(lwm2m::Read{Path(3, 0, 77), {}});
  answer(expect_request("0.01", wire("B1 '3' 01 '0' 02 '77' | 62 2D16")), "84", "FF 'no such resource'");
  const auto outcome = expect_outcome(Status::NotFound);
  EXPECT_EQ(outcome.code, 0x84);
  EXPECT_EQ(as_text(outcome.payload), "no such resource");
}

TEST_F(ServerDownlink, Rfc7252Section5_2_2ASeparateResponseIsAcknowledged) {
  operate(lwm2m::Read{Path(3, 0, 0), {}});
  const Heard request = expect_request("0.01", wire("B1 '3' 01 '0' 01 '0' | 62 2D16"));
  say(wire("60 00" + request.id));
  EXPECT_FALSE(result());
  pass(seconds(50));
  expect_silence();
  notify(request, "4", "7001", "C0 | FF 'x'");
  expect(wire("60 00 7001"));
  EXPECT_EQ(as_text(expect_outcome(Status::Content).payload), "x");
}

TEST_F(ServerDownlink, Rfc7252Section4_7RequestsOfOneDeviceWaitForEachOther) {
  operate(lwm2m::Read{Path(3, 0, 0), {}}, 1);
  operate(lwm2m::Read{Path(3, 0, 1), {}}, 2);
  const Heard first = expect_request("0.01", wire("B1 '3' 01 '0' 01 '0' | 62 2D16"));
  expect_silence();
  answer(first, "45");
  expect_outcome(Status::Content, 1);
  answer(expect_request("0.01", wire("B1 '3' 01 '0' 01 '1' | 62 2D16")), "45");
  expect_outcome(Status::Content, 2);
}

TEST_F(ServerDownlink, SilenceIsATimeoutAfterFourRepetitions) {
  operate(lwm2m::Read{Path(3, 0, 0), {}});
  pass(seconds(94));  // past MAX_TRANSMIT_WAIT of 93 s
  expect_no_answer(NoAnswer::Timeout);
  int heard = 0;
  while (shard().poll_transmit()) ++heard;
  EXPECT_EQ(heard, 5);
  EXPECT_TRUE(shard().has("node1"));
}

TEST_F(ServerDownlink, AResetIsTold) {
  operate(lwm2m::Read{Path(3, 0, 0), {}});
  const Heard request = cut(hear());
  say(wire("70 00" + request.id));
  expect_no_answer(NoAnswer::Reset);
}

TEST_F(ServerDownlink, AnAnswerFromAnotherAddressDoesNotCount) {
  operate(lwm2m::Read{Path(3, 0, 0), {}});
  const Heard request = cut(hear());
  say(elsewhere_, wire("68 45" + request.id + request.token + "FF 'x'"));
  EXPECT_FALSE(result());
  answer(request, "45", "FF 'y'");
  EXPECT_EQ(as_text(expect_outcome(Status::Content).payload), "y");
}

TEST_F(ServerDownlink, WhatTheEnablerDoesNotHaveIsNotSent) {
  std::uint64_t ticket = 0;
  for (const lwm2m::Downlink& operation : std::vector<lwm2m::Downlink>{
           lwm2m::Read{Path(), {}}, lwm2m::Discover{Path(3, 0, 6, 1)},
           lwm2m::Write{Path(3), lwm2m::Write::Mode::Replace, lwm2m::format::kTlv, {}},
           lwm2m::Write{Path(3), lwm2m::Write::Mode::Update, lwm2m::format::kTlv, {}}, lwm2m::Execute{Path(3, 0), ""},
           lwm2m::Create{Path(3, 0), lwm2m::format::kTlv, {}}, lwm2m::Delete{Path(3)}, lwm2m::Delete{Path(3, 0, 1)},
           lwm2m::Observe{Path(), {}}, lwm2m::WriteAttributes{Path(3), {}},
           lwm2m::WriteAttributes{Path(3), {std::string(256, 'p')}}}) {
    operate(operation, ++ticket);
    expect_no_answer(NoAnswer::Refused, ticket);
  }
  expect_silence();
}

TEST_F(ServerDownlink, UnknownDevicesAreNotRegistered) {
  operate(lwm2m::Read{Path(3), {}}, 1, "node2");
  expect_no_answer(NoAnswer::NotRegistered, 1);
  shard().cancel(now(), server::Ticket{2}, "node2", Path(3), CancelMode::Get);
  expect_no_answer(NoAnswer::NotRegistered, 2);
  EXPECT_FALSE(shard().observations("node2"));
  EXPECT_FALSE(shard().device("node2"));
}

TEST_F(ServerDownlink, WhatWaitsIsGoneWithItsRegistration) {
  operate(lwm2m::Read{Path(3, 0, 0), {}}, 1);
  operate(lwm2m::Observe{Path(3, 0, 1), {}}, 2);
  const Heard read = cut(hear());
  const auto page = shard().list({});
  say(wire("41 04 1150 A3 | B2 'rd' | 0B '" + page.devices.at(0).registration.substr(3) + "'"));
  expect(wire("61 42 1150 A3"));
  expect_no_answer(NoAnswer::Gone, 1);
  expect_no_answer(NoAnswer::Gone, 2);
  answer(read, "45");
  EXPECT_FALSE(result());
  expect_event(EventKind::Deregistered, "node1");
  expect_no_event();
}

// ---- observation

TEST_F(ServerDownlink, ANotificationCarriesTheAnnouncedVersionOfItsObject) {
  begin({}, "</1/0>,</3/0>,</4>;ver=\"2.2\",</4/0>");
  notify(observe_signal(), "5", "0041", "61 02 | 60 | FF '87'");
  EXPECT_EQ(expect_event(EventKind::Notification, "node1").object_version, (lwm2m::Version{2, 2}));
}

TEST_F(ServerDownlink, TransportFigure7ObserveNotifyAndCancelByReset) {
  const Heard request = observe_signal();
  ASSERT_EQ(observed(), 1U);
  const auto view = shard().observations("node1")->front();
  EXPECT_EQ(view.path, Path(4, 0, 2));
  EXPECT_EQ(view.accept, lwm2m::format::kTlv);
  EXPECT_EQ(view.since, kUnixStart);

  pass(seconds(10));
  notify(request, "5", "0041", "61 02 | 60 | FF '87'");  // NON, Observe 2
  auto event = expect_event(EventKind::Notification, "node1");
  EXPECT_EQ(event.path, Path(4, 0, 2));
  EXPECT_EQ(as_text(event.outcome->payload), "87");
  EXPECT_EQ(event.outcome->format, lwm2m::format::kText);
  expect_silence();
  notify(request, "4", "0042", "61 03 | 60 | FF '80'");  // CON
  expect(wire("60 00 0042"));
  EXPECT_EQ(as_text(expect_event(EventKind::Notification, "node1").outcome->payload), "80");
  EXPECT_EQ(shard().observations("node1")->front().notifications, 2U);

  cancel(CancelMode::Reset, 2);
  EXPECT_EQ(expect_outcome(Status::Deleted, 2).code, 0);
  expect_event(EventKind::ObservationEnded, "node1");
  expect_silence();
  EXPECT_EQ(observed(), 0U);
  notify(request, "5", "0051", "61 04 | 60 | FF '76'");
  expect(wire("70 00 0051"));
  expect_no_event();
}

TEST_F(ServerDownlink, TransportTable4CancelByGetHasObserve1AndTheSameToken) {
  const Heard request = observe_signal();
  cancel(CancelMode::Get, 2);
  const Heard cancellation = expect_request("0.01", wire("61 01 | 51 '4' 01 '0' 01 '2' | 62 2D16"));
  EXPECT_EQ(cancellation.token, request.token);
  EXPECT_NE(cancellation.id, request.id);
  cancel(CancelMode::Get, 3);
  expect_no_answer(NoAnswer::Refused, 3);
  answer(cancellation, "45", "C0 | FF '92'");
  EXPECT_EQ(as_text(expect_outcome(Status::Content, 2).payload), "92");
  EXPECT_EQ(expect_event(EventKind::ObservationEnded, "node1").path, Path(4, 0, 2));
  EXPECT_EQ(observed(), 0U);
  notify(request, "5", "0051", "61 09 | FF '76'");
  expect(wire("70 00 0051"));
  expect_no_event();
}

TEST_F(ServerDownlink, TheCancelOperationIsCancelByGet) {
  observe_signal();
  operate(lwm2m::CancelObservation{Path(4, 0, 2), {}}, 2);
  answer(expect_request("0.01", wire("61 01 | 51 '4' 01 '0' 01 '2' | 62 2D16")), "45");
  expect_outcome(Status::Content, 2);
  EXPECT_EQ(observed(), 0U);
}

TEST_F(ServerDownlink, AnUnansweredCancelLeavesTheObservation) {
  const Heard request = observe_signal();
  cancel(CancelMode::Get, 2);
  pass(seconds(94));
  expect_no_answer(NoAnswer::Timeout, 2);
  while (shard().poll_transmit()) {
  }
  ASSERT_EQ(observed(), 1U);
  notify(request, "5", "0051", "61 09 | FF '76'");
  expect_event(EventKind::Notification, "node1");
  cancel(CancelMode::Reset, 3);
  expect_outcome(Status::Deleted, 3);
  expect_event(EventKind::ObservationEnded, "node1");
}

TEST_F(ServerDownlink, ScrDmse010CancelInWriteAttributesEndsTheObservationWhenTheDeviceKnowsIt) {
  observe_signal();
  cancel(CancelMode::WriteAttributes, 2);
  Heard request = expect_request("0.03", wire("B1 '4' 01 '0' 01 '2' | 46 'cancel'"));
  answer(request, "80");
  expect_outcome(Status::BadRequest, 2);
  EXPECT_EQ(observed(), 1u);
  operate(lwm2m::WriteAttributes{Path(4, 0, 2), {"pmin=5", "cancel"}}, 3);
  request = expect_request("0.03", wire("B1 '4' 01 '0' 01 '2' | 46 'pmin=5' | 06 'cancel'"));
  answer(request, "44");
  expect_outcome(Status::Changed, 3);
  EXPECT_EQ(observed(), 0u);
  EXPECT_EQ(expect_event(EventKind::ObservationEnded, "node1").path, Path(4, 0, 2));
}

TEST_F(ServerDownlink, NothingToCancelIsSaidWithoutAskingTheDevice) {
  cancel(CancelMode::Get, 1);
  EXPECT_EQ(expect_outcome(Status::NotFound, 1).code, 0);
  observe_signal(2);
  cancel(CancelMode::Reset, 3, Path(4, 0));  // exactly that path
  expect_outcome(Status::NotFound, 3);
  expect_silence();
  EXPECT_EQ(observed(), 1U);
}

TEST_F(ServerDownlink, ASecondObserveOfAPathReplacesTheFirst) {
  const Heard first = observe_signal();
  const Heard second = observe_signal(2);
  EXPECT_NE(first.token, second.token);
  EXPECT_EQ(observed(), 1U);
  expect_no_event();
  notify(first, "5", "0051", "61 05 | FF '1'");
  expect(wire("70 00 0051"));
  notify(second, "5", "0052", "61 05 | FF '2'");
  EXPECT_EQ(as_text(expect_event(EventKind::Notification, "node1").outcome->payload), "2");
  expect_no_event();
}

TEST_F(ServerDownlink, ARefusedSecondObserveEndsTheFirst) {
  observe_signal();
  operate(lwm2m::Observe{Path(4, 0, 2), {}}, 2);
  answer(cut(hear()), "84");
  expect_outcome(Status::NotFound, 2);
  expect_event(EventKind::ObservationEnded, "node1");
  EXPECT_EQ(observed(), 0U);
}

TEST_F(ServerDownlink, Rfc7641Section4_1AnAnswerWithoutObserveIsNoObservation) {
  operate(lwm2m::Observe{Path(4, 0, 2), {}});
  answer(cut(hear()), "45", "C0 | FF '92'");
  expect_outcome(Status::Content);
  EXPECT_EQ(observed(), 0U);
  expect_no_event();
}

TEST_F(ServerDownlink, Rfc7641Section4_2AnErrorNotificationEndsTheObservation) {
  const Heard request = observe_signal();
  say(wire("58 84 0051" + request.token));
  EXPECT_EQ(expect_event(EventKind::Notification, "node1").outcome->status, Status::NotFound);
  expect_event(EventKind::ObservationEnded, "node1");
  EXPECT_EQ(observed(), 0U);
}

TEST_F(ServerDownlink, ObservationsEndWithTheirRegistrationWhenThePolicyIsNotToRestoreThem) {
  server::Policy policy;
  policy.restore_observations = false;
  begin(policy);
  const Heard request = observe_signal();
  register_device("node1", device_);
  EXPECT_EQ(expect_event(EventKind::ObservationEnded, "node1").path, Path(4, 0, 2));
  expect_event(EventKind::Registered, "node1");
  EXPECT_EQ(observed(), 0U);
  notify(request, "5", "0051", "61 05 | FF '1'");
  expect(wire("70 00 0051"));
}

TEST_F(ServerDownlink, ObservationsEndWithDeregistration) {
  const std::string location = begin_again();
  observe_signal();
  say(wire("41 04 1150 A3 | B2 'rd' | 0B '" + location + "'"));
  expect(wire("61 42 1150 A3"));
  expect_event(EventKind::ObservationEnded, "node1");
  expect_event(EventKind::Deregistered, "node1");
  register_device("node1", device_);
  expect_event(EventKind::Registered, "node1");
  expect_silence();
  expect_no_event();
}

TEST_F(ServerDownlink, CoreSection5_5_1WhatWasObservedOfAnExpiredDeviceIsWantedWhenItIsBack) {
  observe_signal();
  pass(seconds(300));
  expect_event(EventKind::Expired, "node1");
  expect_no_event();
  pass(std::chrono::hours(24));
  register_device("node1", device_);
  expect_event(EventKind::Registered, "node1");
  const Heard again = cut(hear());
  EXPECT_EQ(to_hex(again.rest), to_hex(wire("60 | 51 '4' 01 '0' 01 '2' | 62 2D16")));
  answer(again, "45", "61 01 | 60 | FF '92'");
  EXPECT_EQ(as_text(expect_event(EventKind::Notification, "node1").outcome->payload), "92");
  EXPECT_EQ(observed(), 1U);
}

TEST_F(ServerDownlink, CoreAppendixE2ADisabledDeviceIsExpectedBack) {
  const std::string location = begin_again();
  observe_signal();
  operate(lwm2m::Execute{Path(1, 0, 4), ""}, 2);
  answer(expect_request("0.02", wire("B1 '1' 01 '0' 01 '4'")), "44");
  expect_outcome(Status::Changed, 2);
  say(wire("41 04 1150 A3 | B2 'rd' | 0B '" + location + "'"));
  expect(wire("61 42 1150 A3"));
  expect_event(EventKind::Deregistered, "node1");
  expect_no_event();
  register_device("node1", device_);
  expect_event(EventKind::Registered, "node1");
  EXPECT_EQ(cut(hear()).code, "0.01");
}

TEST_F(ServerDownlink, WhatIsWantedIsGivenUpInTimeOrWhenItIsCancelled) {
  observe_signal();
  pass(seconds(300));
  expect_event(EventKind::Expired, "node1");
  cancel(CancelMode::Get, 2, Path(4, 0, 3));
  expect_no_answer(NoAnswer::NotRegistered, 2);
  cancel(CancelMode::Get, 3);
  expect_outcome(Status::Deleted, 3);
  EXPECT_EQ(expect_event(EventKind::ObservationEnded, "node1").path, Path(4, 0, 2));
  register_device("node1", device_);
  expect_event(EventKind::Registered, "node1");
  expect_silence();

  observe_signal(4);
  pass(seconds(300));
  expect_event(EventKind::Expired, "node1");
  pass(std::chrono::hours(24 * 7) - seconds(1));
  expect_no_event();
  pass(seconds(1));
  EXPECT_EQ(expect_event(EventKind::ObservationEnded, "node1").path, Path(4, 0, 2));
  EXPECT_FALSE(shard().knows("node1"));
}

TEST_F(ServerDownlink, CoreSection5_5_1ObservationsAreReinitiatedWhenAClientRegisters) {
  observe_signal();
  register_device("node1", elsewhere_);
  expect_event(EventKind::Registered, "node1");
  expect_no_event();
  const Heard again = cut(hear(elsewhere_));
  EXPECT_EQ(again.code, "0.01");
  EXPECT_EQ(to_hex(again.rest), to_hex(wire("60 | 51 '4' 01 '0' 01 '2' | 62 2D16")));
  EXPECT_EQ(observed(), 0U);
  say(elsewhere_, wire("68 45" + again.id + again.token + "61 01 | 60 | FF '92'"));
  EXPECT_EQ(as_text(expect_event(EventKind::Notification, "node1").outcome->payload), "92");
  EXPECT_EQ(observed(), 1U);

  register_device("node1", device_);
  expect_event(EventKind::Registered, "node1");
  answer(cut(hear()), "84");
  expect_event(EventKind::ObservationEnded, "node1");
  EXPECT_EQ(observed(), 0U);
}

TEST_F(ServerDownlink, AnObserveOfTheApplicationsTakesThePlaceOfTheRestoredOne) {
  observe_signal();
  register_device("node1", device_);
  expect_event(EventKind::Registered, "node1");
  const Heard restored = cut(hear());
  const Heard own = observe_signal(2);
  EXPECT_NE(own.token, restored.token);
  EXPECT_EQ(observed(), 1U);
  expect_no_event();
  notify(restored, "5", "0051", "61 05 | FF '1'");
  expect(wire("70 00 0051"));
  notify(own, "5", "0052", "61 05 | FF '2'");
  EXPECT_EQ(as_text(expect_event(EventKind::Notification, "node1").outcome->payload), "2");

  register_device("node1", device_);
  expect_event(EventKind::Registered, "node1");
  cut(hear());
  operate(lwm2m::Observe{Path(4, 0, 2), {}}, 3);
  answer(cut(hear()), "84");
  expect_outcome(Status::NotFound, 3);
  expect_event(EventKind::ObservationEnded, "node1");
  EXPECT_EQ(observed(), 0U);
}

TEST_F(ServerDownlink, WhatIsBeingCancelledOrRefusesToComeBackIsNotRestored) {
  observe_signal();
  cancel(CancelMode::Get, 2);
  cut(hear());
  register_device("node1", device_);
  expect_no_answer(NoAnswer::Gone, 2);
  expect_event(EventKind::ObservationEnded, "node1");
  expect_event(EventKind::Registered, "node1");
  expect_silence();

  observe_signal(3);
  register_device("node1", device_);
  expect_event(EventKind::Registered, "node1");
  const Heard restored = cut(hear());
  cancel(CancelMode::Get, 4);
  expect_outcome(Status::Deleted, 4);
  expect_event(EventKind::ObservationEnded, "node1");
  answer(restored, "45", "61 01 | FF '1'");
  expect_no_event();
  EXPECT_EQ(observed(), 0U);
}

TEST_F(ServerDownlink, ObservationsOfOneDeviceAreBounded) {
  server::Policy policy;
  policy.observations_max_per_device = 1;
  begin(policy);
  observe_signal();
  operate(lwm2m::Observe{Path(4, 0, 1), {}}, 2);
  expect_no_answer(NoAnswer::Refused, 2);
  observe_signal(3);
}

}  // namespace
}  // namespace drover::lockstep
