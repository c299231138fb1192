// SPDX-License-Identifier: Apache-2.0
// Requests and responses, RFC 7252 §2.2, §4, §5 and Appendix A.
#include "tests/lockstep/coap_peer.hpp"

namespace drover::testing {
namespace {

using namespace coap;

// ---- our requests --------------------------------------------------------------------------------------------------

TEST(Rfc7252Section2_2, Figure4_TwoGetRequestsWithPiggybackedResponses) {
  Lockstep peer;
  const ExchangeId first = peer.ask(code::kGet, "/temperature");
  peer.out("CON ? GET t=? /temperature");
  peer.in("ACK $m 2.05 t=$t '22.5 C'");
  const auto found = peer.event<ResponseArrived>();
  EXPECT_EQ(found.exchange, first);
  EXPECT_EQ(found.peer, host(1));
  EXPECT_EQ(as_text(found.response.payload), "22.5 C");
  EXPECT_FALSE(found.observing);
  peer.ask(code::kGet, "/temperature");
  peer.out("CON ? GET t=? /temperature");
  peer.in("ACK $m 4.04 t=$t 'Not found'");
  EXPECT_EQ(peer.event<ResponseArrived>().response.code, code::kNotFound);
  peer.quiet();
  EXPECT_FALSE(peer.endpoint.deadline() && peer.endpoint.deadline()->reason == Reason::ExchangeEnd);
}

TEST(Rfc7252Section2_2, Figure5_SeparateResponse) {
  Lockstep peer;
  peer.ask(code::kGet, "/temperature");
  peer.out("CON ? GET t=? /temperature");
  peer.in("ACK $m EMPTY");
  peer.quiet();
  peer.in("CON 23bb 2.05 t=$t '22.5 C'");
  peer.out("ACK 23bb EMPTY");
  EXPECT_EQ(as_text(peer.event<ResponseArrived>().response.payload), "22.5 C");
  peer.quiet();
}

TEST(Rfc7252Section2_2, Figure6_NonConfirmableRequestAndResponse) {
  Lockstep peer;
  RequestSettings settings;
  settings.confirmable = false;
  peer.ask(code::kGet, "/temperature", {}, settings);
  peer.out("NON ? GET t=? /temperature");
  peer.in("NON 23bc 2.05 t=$t '22.5 C'");
  EXPECT_EQ(as_text(peer.event<ResponseArrived>().response.payload), "22.5 C");
  peer.quiet();
}

TEST(Rfc7252AppendixA, Figure18_RetransmittedRequest) {
  Lockstep peer;
  peer.ask(code::kGet, "/temperature");
  peer.out("CON ? GET t=? /temperature");
  const std::string mid = peer.mid;
  peer.pass(seconds(3));
  peer.out("CON " + mid + " GET t=$t /temperature");
  peer.in("ACK $m 2.05 t=$t '22.3 C'");
  peer.event<ResponseArrived>();
  peer.quiet();
}

TEST(Rfc7252AppendixA, Figure20_ResponseBeforeItsAcknowledgement) {
  Lockstep peer;
  peer.ask(code::kGet, "/temperature");
  peer.out("CON ? GET t=? /temperature");
  const std::string mid = peer.mid;
  peer.in("CON ad7b 2.05 t=$t '22.3 C'");  // the acknowledgement of the request was lost
  peer.out("ACK ad7b EMPTY");
  peer.event<ResponseArrived>();
  peer.pass(seconds(100));
  peer.quiet();  // and the request isn't repeated
}

TEST(Rfc7252AppendixA, Figure22_ConfirmableRequestNonConfirmableResponse) {
  Lockstep peer;
  peer.ask(code::kGet, "/temperature");
  peer.out("CON ? GET t=? /temperature");
  peer.in("ACK $m EMPTY");
  peer.in("NON ad7e 2.05 t=$t '22.3 C'");
  EXPECT_EQ(as_text(peer.event<ResponseArrived>().response.payload), "22.3 C");
  peer.quiet();
}

TEST(Rfc7252Section4_2, ResetEndsTheRequest) {
  Lockstep peer;
  const ExchangeId id = peer.ask(code::kGet, "/x");
  peer.out("CON ? GET t=? /x");
  peer.in("RST $m EMPTY");
  const auto failed = peer.event<RequestFailed>();
  EXPECT_EQ(failed.exchange, id);
  EXPECT_EQ(failed.cause, FailureCause::Reset);
}

TEST(Rfc7252Section4_2, SilenceEndsTheRequestWithinMaxTransmitWait) {
  Lockstep peer;
  peer.ask(code::kGet, "/x");
  peer.pass(Parameters{}.max_transmit_wait());
  for (int i = 0; i < 5; ++i) peer.out("CON ? GET t=? /x");
  EXPECT_EQ(peer.event<RequestFailed>().cause, FailureCause::Timeout);
  peer.quiet();
}

TEST(Rfc7252Section5_2_2, AnAcknowledgedRequestWaitsForItsSeparateResponseForExchangeLifetime) {
  Lockstep peer;
  peer.ask(code::kGet, "/x");
  peer.out("CON ? GET t=? /x");
  peer.in("ACK $m EMPTY");
  peer.pass(Parameters{}.exchange_lifetime() - seconds(1));
  peer.quiet();
  peer.pass(seconds(1));
  EXPECT_EQ(peer.event<RequestFailed>().cause, FailureCause::Timeout);
}

TEST(Rfc7252Section4_3, ANonConfirmableRequestTimesOutToo) {
  Lockstep peer;
  RequestSettings settings;
  settings.confirmable = false;
  peer.ask(code::kGet, "/x", {}, settings);
  peer.out("NON ? GET t=? /x");
  peer.pass(Parameters{}.max_transmit_wait());
  EXPECT_EQ(peer.event<RequestFailed>().cause, FailureCause::Timeout);
  peer.quiet();
}

TEST(RequestSettings, TimeoutOfTheUserIsShorter) {
  Lockstep peer;
  RequestSettings settings;
  settings.timeout = seconds(1);
  peer.ask(code::kGet, "/x", {}, settings);
  peer.out("CON ? GET t=? /x");
  peer.pass(seconds(1));
  EXPECT_EQ(peer.event<RequestFailed>().cause, FailureCause::Timeout);
  peer.pass(seconds(100));
  peer.quiet();
}

TEST(Rfc7252Section4_3, PingIsAnsweredByReset) {
  Lockstep peer;
  const ExchangeId id = peer.endpoint.ping(peer.now, host(1));
  peer.out("CON ? EMPTY");
  peer.in("RST $m EMPTY");
  const auto failed = peer.event<RequestFailed>();
  EXPECT_EQ(failed.exchange, id);
  EXPECT_EQ(failed.cause, FailureCause::Reset);
  peer.endpoint.ping(peer.now, host(1));
  peer.out("CON ? EMPTY");
  peer.pass(Parameters{}.max_transmit_wait());
  EXPECT_EQ(peer.event<RequestFailed>().cause, FailureCause::Timeout);
}

TEST(Rfc7252Section5_3_2, AResponseFromAnotherSourceIsNotTheResponse) {
  Lockstep peer;
  peer.ask(code::kGet, "/x");
  peer.out("CON ? GET t=? /x");
  peer.in("ACK $m 2.05 t=$t 'forged'", host(2));
  peer.in("NON 0001 2.05 t=$t 'forged'", host(2));
  peer.in("NON 0001 2.05 t=$t 'forged'", host(1, 5684));
  peer.quiet();
  const std::string token = peer.token, mid = peer.mid;
  peer.in("CON 0002 2.05 t=$t 'forged'", host(2));
  peer.out("RST 0002 EMPTY", host(2));
  peer.in("RST " + mid + " EMPTY", host(2));
  peer.quiet();
  peer.in("ACK " + mid + " 2.05 t=" + token + " 'true'");
  EXPECT_EQ(as_text(peer.event<ResponseArrived>().response.payload), "true");
}

TEST(Rfc7252Section5_3_2, AnAcknowledgementWithAnotherTokenIsNotTheResponse) {
  Lockstep peer;
  peer.ask(code::kGet, "/x");
  peer.out("CON ? GET t=? /x");
  peer.in("ACK $m 2.05 t=01 'wrong'");
  peer.quiet();
  peer.in("NON 0009 2.05 t=$t 'right'");
  EXPECT_EQ(as_text(peer.event<ResponseArrived>().response.payload), "right");
}

TEST(Rfc7252Section4_2, UnmatchedConfirmableResponseGetsResetNonConfirmableSilence) {
  Lockstep peer;
  peer.in("CON 0001 2.05 t=aa 'x'");
  peer.out("RST 0001 EMPTY");
  peer.in("NON 0002 2.05 t=aa 'x'");
  peer.quiet();
  EXPECT_EQ(peer.endpoint.counters().unmatched, 2U);
}

TEST(Rfc7252Section5_3_2, LateAndRepeatedResponsesChangeNothing) {
  Lockstep peer;
  peer.ask(code::kGet, "/x");
  peer.out("CON ? GET t=? /x");
  peer.in("ACK $m EMPTY");
  peer.in("CON 0001 2.05 t=$t 'x'");
  peer.out("ACK 0001 EMPTY");
  peer.event<ResponseArrived>();
  peer.in("CON 0001 2.05 t=$t 'x'");
  peer.out("ACK 0001 EMPTY");
  peer.in("CON 0002 2.05 t=$t 'again'");
  peer.out("RST 0002 EMPTY");
  peer.quiet();
}

TEST(Rfc7252Section5_4_1, CriticalOptionInAResponseRejectsIt) {
  Lockstep peer;
  peer.ask(code::kGet, "/x");
  peer.out("CON ? GET t=? /x");
  peer.in("ACK $m 2.05 t=$t opt2049=00 'x'");
  EXPECT_EQ(peer.event<RequestFailed>().cause, FailureCause::Malformed);
  peer.ask(code::kGet, "/x");
  peer.out("CON ? GET t=? /x");
  peer.in("CON 0003 2.05 t=$t opt2049=00 'x'");
  peer.out("RST 0003 EMPTY");
  EXPECT_EQ(peer.event<RequestFailed>().cause, FailureCause::Malformed);
  EXPECT_EQ(peer.endpoint.counters().bad_option, 2U);
  peer.pass(seconds(100));
  peer.quiet();
}

TEST(Rfc7252Section5_4_1, UnknownElectiveOptionInAResponseIsDropped) {
  Lockstep peer;
  peer.ask(code::kGet, "/x");
  peer.out("CON ? GET t=? /x");
  peer.in("ACK $m 2.05 t=$t opt2048=00 'x'");
  EXPECT_TRUE(peer.event<ResponseArrived>().response.options.empty());
}

TEST(Parameters, RequestsOverTheLimitOfAPeerFailWithAnEvent) {
  Parameters parameters;
  parameters.requests_max_per_peer = 2;
  Lockstep peer(parameters);
  peer.ask(code::kGet, "/1");
  peer.ask(code::kGet, "/2");
  const ExchangeId third = peer.ask(code::kGet, "/3");
  const auto failed = peer.event<RequestFailed>();
  EXPECT_EQ(failed.exchange, third);
  EXPECT_EQ(failed.cause, FailureCause::Refused);
  peer.out("CON ? GET t=? /1");
  peer.in("ACK $m 2.05 t=$t");
  peer.event<ResponseArrived>();
  peer.out("CON ? GET t=? /2");  // NSTART = 1
  peer.ask(code::kGet, "/4");
  peer.quiet();
}

TEST(Forget, EndsAnExchangeWithoutAWord) {
  Lockstep peer;
  const ExchangeId id = peer.ask(code::kGet, "/x");
  peer.out("CON ? GET t=? /x");
  peer.endpoint.forget(id);
  peer.pass(seconds(300));
  peer.quiet();
  peer.ask(code::kGet, "/y");
  peer.out("CON ? GET t=? /y");
  peer.endpoint.forget_peer(host(1));
  peer.pass(seconds(300));
  peer.quiet();
}

TEST(Tokens, AreEightBytesAndDontRepeat) {
  Lockstep peer;
  std::vector<std::string> seen;
  RequestSettings settings;
  settings.confirmable = false;
  for (int i = 0; i < 50; ++i) {
    peer.ask(code::kGet, "/x", {}, settings);
    peer.out("NON ? GET t=? /x");
    EXPECT_EQ(peer.token.size(), 16U);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), peer.token), 0);
    seen.push_back(peer.token);
  }
}

// ---- requests of peers ---------------------------------------------------------------------------------------------

TEST(Rfc7252Section2_2, PiggybackedAnswer) {
  Lockstep peer;
  peer.in("CON bc90 GET t=71 /temperature");
  const auto asked = peer.event<RequestArrived>();
  EXPECT_EQ(asked.peer, host(1));
  EXPECT_EQ(asked.request.method, code::kGet);
  EXPECT_EQ(asked.request.options.uri_path(), "/temperature");
  peer.answer(asked.responder, code::kContent, "", to_bytes("22.5 C"));
  peer.out("ACK bc90 2.05 t=71 '22.5 C'");
  peer.answer(asked.responder, code::kContent, "", to_bytes("twice"));  // only the first answer counts
  peer.quiet();
}

TEST(Rfc7252Section2_2, SeparateAnswer) {
  Lockstep peer;
  peer.in("CON 7a10 GET t=73 /temperature");
  const auto asked = peer.event<RequestArrived>();
  peer.pass(seconds(2));
  peer.out("ACK 7a10 EMPTY");
  peer.answer(asked.responder, code::kContent, "", to_bytes("22.5 C"));
  peer.out("CON ? 2.05 t=73 '22.5 C'");
  peer.in("ACK $m EMPTY");
  peer.pass(seconds(100));
  peer.quiet();
}

TEST(Rfc7252Section2_2, NonConfirmableRequestIsAnsweredNonConfirmable) {
  Lockstep peer;
  peer.in("NON 7a11 GET t=74 /temperature");
  peer.answer(peer.event<RequestArrived>().responder, code::kContent, "", to_bytes("22.5 C"));
  peer.out("NON ? 2.05 t=74 '22.5 C'");
}

TEST(Rfc7252Section4_5, RepeatedRequestIsDeliveredOnceAndAnsweredAlike) {
  Lockstep peer;
  peer.in("CON 0001 POST t=01 /x 'a'");
  peer.answer(peer.event<RequestArrived>().responder, code::kChanged);
  peer.out("ACK 0001 2.04 t=01");
  peer.in("CON 0001 POST t=01 /x 'a'");
  peer.out("ACK 0001 2.04 t=01");
  peer.quiet();
}

TEST(Rfc7252Section5_4_1, UnknownCriticalOptionIsAnsweredWithItsNumber) {
  Lockstep peer;
  peer.in("CON 0001 GET t=01 /x opt2049=00");
  peer.out("ACK 0001 4.02 t=01 'bad option 2049'");
  peer.in("NON 0002 GET t=01 /x opt2049=00");
  peer.out("RST 0002 EMPTY");
  peer.quiet();
  EXPECT_EQ(peer.endpoint.counters().bad_option, 2U);
}

TEST(Rfc7252Section5_4_3, IllFormedCriticalOptionIsAnsweredWithItsNumber) {
  Lockstep peer;
  peer.in("CON 0001 GET t=01 /x opt17=000102");  // Accept has at most two bytes
  peer.out("ACK 0001 4.02 t=01 'bad option 17'");
  peer.in("CON 0002 GET t=01 /x accept=0 accept=40");
  peer.out("ACK 0002 4.02 t=01 'bad option 17'");
  peer.quiet();
}

TEST(Rfc7252Section5_4_1, UnknownElectiveOptionIsIgnored) {
  Lockstep peer;
  peer.in("CON 0001 GET t=01 opt2048=00");
  EXPECT_TRUE(peer.event<RequestArrived>().request.options.empty());
}

TEST(Rfc7252Section5_10_2, ProxyOptionsAreRefused) {
  Lockstep peer;
  peer.in("CON 0001 GET t=01 opt35=636f6170");
  peer.out("ACK 0001 5.05 t=01 'not a proxy'");
  peer.in("CON 0002 GET t=01 /x opt39=636f6170");
  peer.out("ACK 0002 5.05 t=01 'not a proxy'");
  peer.quiet();
}

TEST(Rfc7252Section5_8, UnknownMethodIsNotAllowed) {
  Lockstep peer;
  peer.in("CON 0001 0.31 t=01 /x");
  peer.out("ACK 0001 4.05 t=01 'unknown method 0.31'");
  peer.quiet();
}

TEST(Rfc7252Section5_10, ConditionsHostAndPortAreKnown) {
  Lockstep peer;
  peer.in("CON 0001 PUT t=01 ifmatch=aa host=example port=5683 /x opt5= 'a'");
  const auto asked = peer.event<RequestArrived>();
  EXPECT_TRUE(asked.request.options.has(OptionNumber::IfMatch));
  EXPECT_TRUE(asked.request.options.has(OptionNumber::IfNoneMatch));
  peer.quiet();
}

TEST(Respond, AnUnansweredRequestIsForgottenAfterExchangeLifetime) {
  Lockstep peer;
  peer.in("CON 0001 GET t=01 /x");
  const auto asked = peer.event<RequestArrived>();
  peer.pass(Parameters{}.exchange_lifetime() + seconds(2));
  peer.out("ACK 0001 EMPTY");
  peer.answer(asked.responder, code::kContent);
  peer.quiet();
  EXPECT_FALSE(peer.endpoint.deadline());
}

}  // namespace
}  // namespace drover::testing
