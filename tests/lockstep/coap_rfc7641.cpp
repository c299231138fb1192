// SPDX-License-Identifier: Apache-2.0
// Observing resources, RFC 7641, from both sides, and with block-wise bodies (RFC 7959 §2.6, §3.4).
#include "tests/lockstep/coap_peer.hpp"

namespace drover::testing {
namespace {

using namespace coap;

std::string text(const NotificationArrived& notification) {
  return std::string(as_text(notification.response.payload));
}

/// We observe /temperature; the first response has the number 9.
ExchangeId observe(Lockstep& peer, const std::string& number = "9") {
  const ExchangeId id = peer.ask(code::kGet, "obs=0 /temperature");
  peer.out("CON ? GET t=? obs=0 /temperature");
  peer.in("ACK $m 2.05 t=$t obs=" + number + " maxage=15 '18.5 Cel'");
  const auto first = peer.event<ResponseArrived>();
  EXPECT_TRUE(first.observing);
  EXPECT_EQ(first.exchange, id);
  EXPECT_EQ(as_text(first.response.payload), "18.5 Cel");
  return id;
}

/// A peer observes /temperature with token 4a.
ResponderId observed(Lockstep& peer, const std::string& mid = "1633", const std::string& token = "4a") {
  peer.in("CON " + mid + " GET t=" + token + " obs=0 /temperature");
  const auto asked = peer.event<RequestArrived>();
  EXPECT_EQ(asked.request.options.observe(), 0U);
  peer.answer(asked.responder, code::kContent, "obs=0", to_bytes("18.5 Cel"));
  peer.out("ACK " + mid + " 2.05 t=" + token + " obs=? '18.5 Cel'");
  return asked.responder;
}

void notify(Lockstep& peer, ResponderId observation, const std::string& payload, bool confirmable = false) {
  peer.endpoint.notify(peer.now, observation, {code::kContent, {}, to_bytes(payload)}, confirmable);
}

// ---- we observe ----------------------------------------------------------------------------------------------------

TEST(Rfc7641AppendixA1, ObserverSeesChangesInOrder) {
  Lockstep peer;
  const ExchangeId id = observe(peer);
  const std::string token = peer.token;
  peer.in("NON 7b50 2.05 t=" + token + " obs=12 maxage=15 '19.2 Cel'");
  const auto next = peer.event<NotificationArrived>();
  EXPECT_EQ(next.exchange, id);
  EXPECT_EQ(text(next), "19.2 Cel");
  EXPECT_FALSE(next.last);
  peer.in("CON 7b51 2.05 t=" + token + " obs=16 maxage=15 '19.7 Cel'");
  peer.out("ACK 7b51 EMPTY");
  EXPECT_EQ(text(peer.event<NotificationArrived>()), "19.7 Cel");
  peer.quiet();
}

TEST(Rfc7641Section3_4, AnOlderNotificationIsDropped) {
  Lockstep peer;
  observe(peer);
  peer.in("NON 0001 2.05 t=$t obs=12 'b'");
  peer.event<NotificationArrived>();
  peer.in("NON 0002 2.05 t=$t obs=11 'a'");
  peer.in("NON 0003 2.05 t=$t obs=12 'b'");
  peer.in("NON 0004 2.05 t=$t obs=9 'a'");
  const std::string token = peer.token;
  peer.in("CON 0005 2.05 t=" + token + " obs=10 'a'");
  peer.out("ACK 0005 EMPTY");  // acknowledged all the same
  peer.quiet();
  EXPECT_EQ(peer.endpoint.counters().stale_notifications, 4U);
}

TEST(Rfc7641Section3_4, NumbersWrapAt24Bits) {
  Lockstep peer;
  observe(peer, "16777214");
  peer.in("NON 0001 2.05 t=$t obs=16777215 'a'");
  EXPECT_EQ(text(peer.event<NotificationArrived>()), "a");
  peer.in("NON 0002 2.05 t=$t obs=0 'b'");
  EXPECT_EQ(text(peer.event<NotificationArrived>()), "b");
  peer.in("NON 0003 2.05 t=$t obs=16777215 'a'");
  peer.quiet();
  peer.in("NON 0004 2.05 t=$t obs=8388607 'c'");  // 2^23 - 1 ahead: fresh
  EXPECT_EQ(text(peer.event<NotificationArrived>()), "c");
  peer.in("NON 0005 2.05 t=$t obs=16777215 'd'");  // exactly 2^23 ahead: not fresh
  peer.quiet();
}

TEST(Rfc7641Section3_4, After128SecondsAnyNumberIsFresh) {
  Lockstep peer;
  observe(peer);
  peer.pass(seconds(128));
  peer.in("NON 0001 2.05 t=$t obs=3 'old'");
  peer.quiet();
  peer.pass(milliseconds(1));
  peer.in("NON 0002 2.05 t=$t obs=3 'new'");
  EXPECT_EQ(text(peer.event<NotificationArrived>()), "new");
}

TEST(Rfc7641Section3_2, AnErrorOrAResponseWithoutObserveEndsIt) {
  for (const std::string end : {"4.04 t=$t 'gone'", "2.05 t=$t 'last value'"}) {
    Lockstep peer;
    observe(peer);
    peer.in("CON 0001 " + end);
    const std::string token = peer.token;
    peer.out("ACK 0001 EMPTY");
    EXPECT_TRUE(peer.event<NotificationArrived>().last);
    peer.in("CON 0002 2.05 t=" + token + " obs=50 'more'");
    peer.out("RST 0002 EMPTY");
    peer.quiet();
  }
}

TEST(Rfc7641Section3_6, ANotificationOfAForgottenObservationGetsReset) {
  Lockstep peer;
  const ExchangeId id = observe(peer);
  const std::string token = peer.token;
  peer.endpoint.forget(id);
  peer.in("NON 0001 2.05 t=" + token + " obs=12 'a'");
  peer.out("RST 0001 EMPTY");
  peer.in("CON 0002 2.05 t=" + token + " obs=13 'a'");
  peer.out("RST 0002 EMPTY");
  peer.quiet();
}

TEST(Rfc7641Section3_1, AServerThatDoesntKnowObserveJustAnswers) {
  Lockstep peer;
  peer.ask(code::kGet, "obs=0 /temperature");
  peer.out("CON ? GET t=? obs=0 /temperature");
  peer.in("ACK $m 2.05 t=$t '18.5 Cel'");
  EXPECT_FALSE(peer.event<ResponseArrived>().observing);
  peer.in("CON 0001 2.05 t=$t obs=12 'a'");
  peer.out("RST 0001 EMPTY");
  peer.quiet();
}

TEST(Rfc7641Section3_4, ANotificationFromAnotherSourceIsNone) {
  Lockstep peer;
  observe(peer);
  peer.in("NON 0001 2.05 t=$t obs=12 'forged'", host(2));
  peer.out("RST 0001 EMPTY", host(2));
  peer.quiet();
}

TEST(Rfc7641Section3_6, CancellationByGetEndsWithItsAnswer) {
  Lockstep peer;
  const ExchangeId observation = observe(peer);
  const std::string token = peer.token;
  const ExchangeId cancellation = peer.endpoint.cancel_observation(peer.now, observation);
  peer.out("CON ? GET t=" + token + " obs=1 /temperature");
  peer.in("NON 0001 2.05 t=" + token + " obs=12 'on its way'");
  EXPECT_EQ(peer.event<NotificationArrived>().exchange, observation);
  peer.in("ACK $m 2.05 t=" + token + " 'value'");
  const auto answer = peer.event<ResponseArrived>();
  EXPECT_EQ(answer.exchange, cancellation);
  EXPECT_FALSE(answer.observing);
  peer.in("CON 0002 2.05 t=" + token + " obs=13 'late'");
  peer.out("RST 0002 EMPTY");
  peer.quiet();
}

TEST(Rfc7641Section3_6, CancellationMayBeAnsweredSeparately) {
  Lockstep peer;
  const ExchangeId cancellation = peer.endpoint.cancel_observation(peer.now, observe(peer));
  peer.out("CON ? GET t=? obs=1 /temperature");
  peer.in("ACK $m EMPTY");
  peer.in("CON 0001 2.05 t=$t 'value'");
  const std::string token = peer.token;
  peer.out("ACK 0001 EMPTY");
  EXPECT_EQ(peer.event<ResponseArrived>().exchange, cancellation);
  peer.in("CON 0002 2.05 t=" + token + " obs=13 'late'");
  peer.out("RST 0002 EMPTY");
  peer.quiet();
}

TEST(Rfc7641Section3_6, ACancellationThatFailsLeavesTheObservation) {
  Lockstep peer;
  const ExchangeId observation = observe(peer);
  const std::string token = peer.token;
  peer.endpoint.cancel_observation(peer.now, observation);
  EXPECT_EQ((peer.endpoint.cancel_observation(peer.now, observation), peer.event<RequestFailed>().cause),
            FailureCause::Refused);
  peer.pass(seconds(100));
  for (int i = 0; i < 5; ++i) peer.out("CON ? GET t=? obs=1 /temperature");
  EXPECT_EQ(peer.event<RequestFailed>().cause, FailureCause::Timeout);
  peer.in("NON 0001 2.05 t=" + token + " obs=12 'still'");
  EXPECT_EQ(text(peer.event<NotificationArrived>()), "still");
  peer.endpoint.cancel_observation(peer.now, observation);
  peer.out("CON ? GET t=" + token + " obs=1 /temperature");
  peer.quiet();
}

TEST(Rfc7641Section3_6, ForgettingAnObservationThatIsBeingCancelledLeavesTheCancellation) {
  Lockstep peer;
  const ExchangeId observation = observe(peer);
  const ExchangeId cancellation = peer.endpoint.cancel_observation(peer.now, observation);
  peer.out("CON ? GET t=? obs=1 /temperature");
  peer.endpoint.forget(observation);
  peer.in("ACK $m EMPTY");
  peer.in("NON 0001 2.05 t=$t 'value'");
  EXPECT_EQ(peer.event<ResponseArrived>().exchange, cancellation);
  peer.quiet();
}

TEST(Rfc7959Section3_4, ABlockwiseNotificationIsFetchedWithoutObserve) {
  Lockstep peer;
  const ExchangeId id = peer.ask(code::kGet, "obs=0 /status");
  peer.out("CON ? GET t=? obs=0 /status");
  const std::string token = peer.token;
  peer.in("ACK $m 2.05 t=$t obs=62350 etag=6f00f38e 2:0/1/128 [128@0]");
  peer.out("CON ? GET t=? /status 2:1/0/128");
  EXPECT_NE(peer.token, token);
  peer.in("ACK $m 2.05 t=$t etag=6f00f38e 2:1/0/128 [30@128]");
  const auto first = peer.event<ResponseArrived>();
  EXPECT_EQ(first.response.payload, test_body(158));
  EXPECT_TRUE(first.observing);
  peer.in("CON 4321 2.05 t=" + token + " obs=62354 etag=6f00f392 2:0/1/128 [128@7]");
  peer.out("ACK 4321 EMPTY");
  peer.out("CON ? GET t=? /status 2:1/0/128");
  peer.in("ACK $m 2.05 t=$t etag=6f00f392 2:1/0/128 [30@135]");
  const auto next = peer.event<NotificationArrived>();
  EXPECT_EQ(next.exchange, id);
  EXPECT_EQ(next.response.payload, test_body(158, 7));
  peer.quiet();
}

TEST(Rfc7959Section2_6, ANewerNotificationReplacesTheOneBeingFetched) {
  Lockstep peer;
  observe(peer);
  const std::string token = peer.token;
  peer.in("NON 0001 2.05 t=" + token + " obs=12 etag=01 2:0/1/16 [16@0]");
  peer.out("CON ? GET t=? /temperature 2:1/0/16");
  const std::string outdated = peer.token, mid = peer.mid;
  peer.in("NON 0002 2.05 t=" + token + " obs=13 etag=02 2:0/1/16 [16@100]");
  peer.in("ACK " + mid + " 2.05 t=" + outdated + " etag=01 2:1/0/16 [4@16]");
  peer.out("CON ? GET t=? /temperature 2:1/0/16");
  peer.in("ACK $m 2.05 t=$t etag=02 2:1/0/16 [4@116]");
  EXPECT_EQ(peer.event<NotificationArrived>().response.payload, test_body(20, 100));
  peer.quiet();
}

TEST(Rfc7959Section2_6, ANotificationWhoseRestIsLostLeavesTheObservation) {
  Lockstep peer;
  observe(peer);
  const std::string token = peer.token;
  peer.in("NON 0001 2.05 t=" + token + " obs=12 etag=01 2:0/1/16 [16@0]");
  peer.pass(seconds(100));
  for (int i = 0; i < 5; ++i) peer.out("CON ? GET t=? /temperature 2:1/0/16");
  peer.quiet();
  EXPECT_EQ(peer.endpoint.counters().notifications_lost, 1U);
  peer.in("NON 0002 2.05 t=" + token + " obs=13 'short'");
  EXPECT_EQ(text(peer.event<NotificationArrived>()), "short");
}

// ---- peers observe us ----------------------------------------------------------------------------------------------

TEST(Rfc7641AppendixA1, WeNotifyWithGrowingNumbers) {
  Lockstep peer;
  const ResponderId id = observed(peer);
  std::uint64_t last = 0;
  for (int i = 0; i < 5; ++i) {
    notify(peer, id, "19.2 Cel");
    const auto sent = peer.endpoint.poll_transmit();
    ASSERT_TRUE(sent);
    const auto words = wire::read(sent->bytes);
    EXPECT_EQ(words[0] + words[2] + words[3], "NON2.05t=4a");
    const std::uint64_t number = std::stoul(words.at(4).substr(4));
    EXPECT_GT(number, last);
    last = number;
  }
  peer.quiet();
}

TEST(Rfc7641Section4_1, WithoutObserveInTheAnswerNothingBegins) {
  Lockstep peer;
  peer.in("CON 0001 GET t=4a obs=0 /x");
  auto asked = peer.event<RequestArrived>();
  peer.answer(asked.responder, code::kContent, "", to_bytes("x"));
  peer.out("ACK 0001 2.05 t=4a 'x'");
  notify(peer, asked.responder, "y");
  peer.in("CON 0002 GET t=4a obs=0 /x");
  asked = peer.event<RequestArrived>();
  peer.answer(asked.responder, code::kNotFound, "obs=0");
  peer.out("ACK 0002 4.04 t=4a");
  notify(peer, asked.responder, "y");
  peer.in("CON 0003 GET t=4a /x");
  asked = peer.event<RequestArrived>();
  peer.answer(asked.responder, code::kContent, "obs=0", to_bytes("x"));  // it wasn't asked for
  peer.out("ACK 0003 2.05 t=4a 'x'");
  notify(peer, asked.responder, "y");
  peer.quiet();
}

TEST(Rfc7641Section4_1, TheSameTokenReplacesTheObservation) {
  Lockstep peer;
  const ResponderId old = observed(peer);
  peer.in("CON 0002 GET t=4a obs=0 /temperature");
  const auto ended = peer.event<ObservationEnded>();
  EXPECT_EQ(ended.responder, old);
  EXPECT_EQ(ended.cause, ObservationEndCause::Replaced);
  const auto asked = peer.event<RequestArrived>();
  EXPECT_NE(asked.responder, old);
  peer.answer(asked.responder, code::kContent, "obs=0", to_bytes("a"));
  peer.out("ACK 0002 2.05 t=4a obs=? 'a'");
  notify(peer, old, "old");
  peer.quiet();
  notify(peer, asked.responder, "new");
  peer.out("NON ? 2.05 t=4a obs=? 'new'");
}

TEST(Rfc7641Section3_6, GetWithObserve1Cancels) {
  Lockstep peer;
  const ResponderId id = observed(peer);
  peer.in("CON 0002 GET t=4b obs=1 /temperature");  // another token: no observation of ours
  peer.answer(peer.event<RequestArrived>().responder, code::kContent, "obs=0");
  peer.out("ACK 0002 2.05 t=4b");
  peer.in("CON 0003 GET t=4a obs=1 /temperature");
  const auto ended = peer.event<ObservationEnded>();
  EXPECT_EQ(ended.responder, id);
  EXPECT_EQ(ended.peer, host(1));
  EXPECT_EQ(ended.cause, ObservationEndCause::Cancelled);
  peer.answer(peer.event<RequestArrived>().responder, code::kContent, "", to_bytes("v"));
  peer.out("ACK 0003 2.05 t=4a 'v'");
  notify(peer, id, "more");
  peer.quiet();
}

TEST(Rfc7641Section4_2, ResetOfAConfirmableNotificationEndsIt) {
  Lockstep peer;
  const ResponderId id = observed(peer);
  notify(peer, id, "a", true);
  peer.out("CON ? 2.05 t=4a obs=? 'a'");
  peer.in("RST $m EMPTY");
  const auto ended = peer.event<ObservationEnded>();
  EXPECT_EQ(ended.responder, id);
  EXPECT_EQ(ended.cause, ObservationEndCause::Reset);
  notify(peer, id, "b", true);
  peer.quiet();
}

TEST(Rfc7641Section4_2, ResetOfANonConfirmableNotificationEndsIt) {
  Lockstep peer;
  const ResponderId id = observed(peer);
  notify(peer, id, "a");
  peer.out("NON ? 2.05 t=4a obs=? 'a'");
  const std::string first = peer.mid;
  notify(peer, id, "b");
  peer.out("NON ? 2.05 t=4a obs=? 'b'");
  peer.in("RST " + first + " EMPTY", host(2));  // forged
  peer.quiet();
  peer.in("RST " + first + " EMPTY");
  EXPECT_EQ(peer.event<ObservationEnded>().cause, ObservationEndCause::Reset);
  peer.quiet();
}

TEST(Rfc7641Section4_5, AConfirmableNotificationWithoutAcknowledgementEndsIt) {
  Lockstep peer;
  const ResponderId id = observed(peer);
  notify(peer, id, "a", true);
  peer.pass(seconds(100));
  for (int i = 0; i < 5; ++i) peer.out("CON ? 2.05 t=4a obs=? 'a'");
  EXPECT_EQ(peer.event<ObservationEnded>().cause, ObservationEndCause::Timeout);
  peer.quiet();
}

TEST(Rfc7641Section4_5_2, ANewerStateReplacesTheOneThatWaits) {
  Lockstep peer;
  const ResponderId id = observed(peer);
  notify(peer, id, "a", true);
  peer.out("CON ? 2.05 t=4a obs=? 'a'");
  notify(peer, id, "b", true);
  notify(peer, id, "c", false);
  peer.quiet();
  peer.in("ACK $m EMPTY");
  EXPECT_EQ(peer.event<NotificationAcknowledged>().responder, id);
  peer.out("CON ? 2.05 t=4a obs=? 'c'");  // the newest state, confirmable because one that waited was
  peer.in("ACK $m EMPTY");
  peer.event<NotificationAcknowledged>();
  peer.quiet();
}

TEST(Rfc7641Section4_2, AnErrorEndsTheObservation) {
  Lockstep peer;
  const ResponderId id = observed(peer);
  peer.endpoint.notify(peer.now, id, {code::kNotFound, {}, {}}, true);
  peer.out("CON ? 4.04 t=4a");
  peer.in("ACK $m EMPTY");
  notify(peer, id, "b", true);
  peer.quiet();
}

TEST(Rfc7641Section4_2, EndingWithoutAWord) {
  Lockstep peer;
  const ResponderId id = observed(peer);
  notify(peer, id, "a", true);
  peer.out("CON ? 2.05 t=4a obs=? 'a'");
  peer.endpoint.end_observation(id);
  peer.pass(seconds(100));
  peer.quiet();
}

TEST(Rfc7641Section4_1, ASeparateFirstResponseThatIsRejectedEndsIt) {
  Lockstep peer;
  peer.in("CON 0001 GET t=4a obs=0 /x");
  const auto asked = peer.event<RequestArrived>();
  peer.pass(seconds(2));
  peer.out("ACK 0001 EMPTY");
  peer.answer(asked.responder, code::kContent, "obs=0", to_bytes("x"));
  peer.out("CON ? 2.05 t=4a obs=? 'x'");
  notify(peer, asked.responder, "y");  // waits behind the first response
  peer.quiet();
  peer.in("RST $m EMPTY");
  EXPECT_EQ(peer.event<ObservationEnded>().cause, ObservationEndCause::Reset);
  peer.quiet();
}

TEST(Rfc7641Section3_6, ResetOfTheNonConfirmableFirstResponseEndsIt) {
  Lockstep peer;
  peer.in("NON 0001 GET t=4a obs=0 /x");
  const auto asked = peer.event<RequestArrived>();
  peer.answer(asked.responder, code::kContent, "obs=0", to_bytes("x"));
  peer.out("NON ? 2.05 t=4a obs=? 'x'");
  const std::string first = peer.mid;
  notify(peer, asked.responder, "y");  // doesn't wait for anything
  peer.out("NON ? 2.05 t=4a obs=? 'y'");
  peer.in("RST " + first + " EMPTY");
  const auto ended = peer.event<ObservationEnded>();
  EXPECT_EQ(ended.responder, asked.responder);
  EXPECT_EQ(ended.cause, ObservationEndCause::Reset);
  notify(peer, asked.responder, "z");
  peer.quiet();
}

TEST(Rfc7641Section4_1, ANotificationBeforeAStreamedFirstResponseWaitsForIt) {
  for (const bool separate : {false, true}) {  // separate: found by fuzzing
    Lockstep peer;
    peer.in("CON 0001 GET t=4a obs=0 /x");
    const auto asked = peer.event<RequestArrived>();
    if (separate) {
      peer.pass(seconds(2));
      peer.out("ACK 0001 EMPTY");
    }
    peer.endpoint.respond_streamed(peer.now, asked.responder, {code::kContent, Lockstep::options_of("obs=0"), {}}, 3);
    peer.event<BodyWanted>();
    notify(peer, asked.responder, "y", true);
    peer.quiet();
    peer.endpoint.supply(peer.now, asked.responder, to_bytes("xxx"));
    if (separate) {
      peer.out("CON ? 2.05 t=4a etag=? obs=? 2:0/0/1024 size2=3 'xxx'");
      peer.in("ACK $m EMPTY");
    } else {
      peer.out("ACK 0001 2.05 t=4a etag=? obs=? 2:0/0/1024 size2=3 'xxx'");
    }
    peer.out("CON ? 2.05 t=4a obs=? 'y'");
    peer.in("RST $m EMPTY");
    EXPECT_EQ(peer.event<ObservationEnded>().cause, ObservationEndCause::Reset);
    peer.quiet();
  }
}

TEST(Rfc7641Section4_1, PastTheLimitOfAPeerObserveIsIgnored) {
  Parameters parameters;
  parameters.observations_max_per_peer = 1;
  Lockstep peer(parameters);
  const ResponderId id = observed(peer);
  peer.in("CON 0002 GET t=4b obs=0 /x");
  const auto asked = peer.event<RequestArrived>();
  EXPECT_FALSE(asked.request.options.has(OptionNumber::Observe));
  peer.answer(asked.responder, code::kContent, "obs=0", to_bytes("x"));
  peer.out("ACK 0002 2.05 t=4b 'x'");
  notify(peer, id, "still");
  peer.out("NON ? 2.05 t=4a obs=? 'still'");
}

TEST(Rfc7959Section2_6, ALargeNotificationCarriesItsFirstBlock) {
  Parameters parameters;
  parameters.block_szx = 0;
  Lockstep peer(parameters);
  const ResponderId id = observed(peer);
  peer.endpoint.notify(peer.now, id, {code::kContent, {}, test_body(40)}, false);
  peer.out("NON ? 2.05 t=4a etag=? obs=? 2:0/1/16 size2=40 ?");
  peer.in("CON 0002 GET t=4c /temperature 2:1/0/16");
  peer.out("ACK 0002 2.05 t=4c etag=? 2:1/1/16 ?");
  peer.in("CON 0003 GET t=4d /temperature 2:2/0/16");
  peer.out("ACK 0003 2.05 t=4d etag=? 2:2/0/16 ?");
  peer.quiet();
}

TEST(ForgetPeer, EndsItsObservationsAndRequestsSilently) {
  Lockstep peer;
  const ResponderId id = observed(peer);
  peer.in("CON 0002 GET t=4b /x");
  const auto asked = peer.event<RequestArrived>();
  peer.endpoint.forget_peer(host(1));
  notify(peer, id, "a");
  peer.answer(asked.responder, code::kContent);
  peer.quiet();
}

}  // namespace
}  // namespace drover::testing
