// SPDX-License-Identifier: Apache-2.0
// CoAP over short messages (Transport "SMS Binding", RFC 7925 appendix A): nothing is repeated, timers are minutes, and
// no message is longer than the carrier takes.
#include <algorithm>
#include <map>

#include "tests/lockstep/coap_link.hpp"
#include "tests/lockstep/coap_peer.hpp"

namespace drover::testing {
namespace {

using namespace coap;
using std::chrono::hours;
using std::chrono::minutes;
using transport::Kind;
using transport::PeerAddress;

PeerAddress number(const std::string& msisdn, Kind kind = Kind::Sms) {
  return PeerAddress::sms(msisdn)->as(kind);
}

/// Where a test speaks to by default, and what one short message to it takes (Transport "Header Definitions").
struct Way {
  PeerAddress peer;
  std::size_t one;
  std::size_t most;
};
const Way kPlain{number("4917012345"), 140, 536};
const Way kPacket{number("4917012345", Kind::SmsPacket), 96, 494};
const Way kDtls{PeerAddress::association(17, true), 111, 111};

/// An endpoint with a peer over SMS.
class Sms : public Lockstep {
 public:
  explicit Sms(const Way& way = kPlain, const Parameters& parameters = {}) : Lockstep(parameters), way_(way) {}

  void in(const std::string& line) { Lockstep::in(line, way_.peer); }
  /// `one`: the message fits into one short message.
  void out(const std::string& line, bool one = true) {
    Lockstep::out(line, way_.peer);
    EXPECT_LE(size, one ? way_.one : way_.most);
  }
  ExchangeId ask(Code method, const std::string& options, Bytes payload = {}, const RequestSettings& settings = {}) {
    return endpoint.request(now, way_.peer, {method, options_of(options), std::move(payload)}, settings);
  }
  ResponderId asked() { return event<RequestArrived>().responder; }

 private:
  Way way_;
};

// ---- time -----------------------------------------------------------------------------------------------------------

TEST(SmsBinding, AConfirmableRequestIsSentOnceAndFailsWhenTheWaitIsOver) {
  Sms sms;
  const ExchangeId id = sms.ask(code::kGet, "/3");
  sms.out("CON ? GET t=? /3");
  sms.pass(minutes(5) - milliseconds(1));
  sms.quiet();
  sms.pass(milliseconds(1));
  const auto failed = sms.event<RequestFailed>();
  EXPECT_EQ(failed.exchange, id);
  EXPECT_EQ(failed.cause, FailureCause::Timeout);
  sms.quiet();
  EXPECT_EQ(sms.endpoint.counters().retransmissions, 0U);
  EXPECT_EQ(sms.endpoint.counters().datagrams_out, 1U);
  EXPECT_FALSE(sms.endpoint.deadline());
}

TEST(SmsBinding, ANetworkPeerOfTheSameEndpointIsRepeatedTo) {
  Sms sms;
  static_cast<Lockstep&>(sms).ask(code::kGet, "/3");
  sms.Lockstep::out("CON ? GET t=? /3");
  sms.pass(seconds(3));
  sms.Lockstep::out("CON $m GET t=$t /3");
}

TEST(SmsBinding, TheSecondRequestWaitsForTheEndOfTheFirst) {
  Sms sms;
  sms.ask(code::kGet, "/3");
  sms.ask(code::kGet, "/4");
  sms.out("CON ? GET t=? /3");
  sms.pass(minutes(5) - milliseconds(1));
  sms.quiet();
  sms.pass(milliseconds(1));
  sms.event<RequestFailed>();
  sms.out("CON ? GET t=? /4");
}

TEST(SmsBinding, ANonConfirmableRequestWaitsAsLong) {
  Sms sms;
  RequestSettings settings;
  settings.confirmable = false;
  sms.ask(code::kPost, "/1/0/8", {}, settings);
  sms.out("NON ? POST t=? /1/0/8");
  sms.pass(minutes(5) - milliseconds(1));
  sms.quiet();
  sms.pass(milliseconds(1));
  EXPECT_EQ(sms.event<RequestFailed>().cause, FailureCause::Timeout);
}

TEST(SmsBinding, AfterAnEmptyAcknowledgementTheResponseHasAnHour) {
  Sms sms;
  sms.ask(code::kGet, "/3");
  sms.out("CON ? GET t=? /3");
  sms.in("ACK $m EMPTY");
  sms.pass(minutes(59));
  sms.quiet();
  sms.in("CON 1234 2.05 t=$t 'late'");
  sms.out("ACK 1234 EMPTY");
  EXPECT_EQ(as_text(sms.event<ResponseArrived>().response.payload), "late");
}

TEST(SmsBinding, ASeparateResponseNeedsNoAcknowledgementBeforeIt) {
  Sms sms;
  sms.ask(code::kGet, "/3");
  sms.out("CON ? GET t=? /3");
  sms.in("CON 1234 2.05 t=$t 'value'");
  sms.out("ACK 1234 EMPTY");
  EXPECT_EQ(as_text(sms.event<ResponseArrived>().response.payload), "value");
  sms.pass(hours(2));
  sms.quiet();
}

TEST(SmsBinding, ARequestThatNobodyAnswersIsForgottenAfterAnHour) {
  Sms sms;
  sms.in("CON 7d34 GET t=4a /3");
  const ResponderId id = sms.asked();
  sms.pass(hours(1) + seconds(2));
  sms.answer(id, code::kContent, "", to_bytes("value"));
  sms.quiet();
  EXPECT_FALSE(sms.endpoint.deadline());
}

TEST(SmsBinding, AnAnswerIsPiggybackedHoweverLateItIs) {
  Sms sms;
  sms.in("CON 7d34 GET t=4a /3");
  const ResponderId id = sms.asked();
  sms.Lockstep::in("CON 0001 GET t=01 /4");  // its time is over long before, and changes nothing
  sms.asked();
  sms.pass(minutes(4));
  sms.Lockstep::out("ACK 0001 EMPTY");
  sms.pass(minutes(51));
  sms.quiet();  // an empty acknowledgement would cost a short message
  sms.answer(id, code::kContent, "", to_bytes("value"));
  sms.out("ACK 7d34 2.05 t=4a 'value'");
}

TEST(SmsBinding, WithAShortPiggybackWaitTheResponseIsSeparateAndSentOnce) {
  Parameters parameters;
  parameters.sms.piggyback_wait = seconds(30);
  Sms sms(kPlain, parameters);
  sms.in("CON 7d34 GET t=4a /3");
  const ResponderId id = sms.asked();
  sms.pass(seconds(30) - milliseconds(1));
  sms.quiet();
  // A network peer's is due earlier, though it came later.
  sms.Lockstep::in("CON 0001 GET t=01 /4");
  sms.asked();
  sms.pass(milliseconds(1));
  sms.out("ACK 7d34 EMPTY");
  sms.pass(seconds(1));
  sms.Lockstep::out("ACK 0001 EMPTY");
  sms.in("CON 7d34 GET t=4a /3");
  sms.out("ACK 7d34 EMPTY");
  sms.answer(id, code::kContent, "", to_bytes("value"));
  sms.out("CON ? 2.05 t=4a 'value'");
  sms.pass(hours(2));
  sms.quiet();
}

TEST(SmsBinding, ADuplicateHalfAnHourLaterIsAnsweredAndNotExecuted) {
  Sms sms;
  sms.in("CON 7d34 POST t=4a /1/0/8");
  sms.answer(sms.asked(), code::kChanged);
  sms.out("ACK 7d34 2.04 t=4a");
  sms.pass(minutes(30));
  sms.in("CON 7d34 POST t=4a /1/0/8");
  sms.out("ACK 7d34 2.04 t=4a");
  sms.quiet();
  sms.pass(minutes(30) - seconds(1));
  sms.in("CON 7d34 POST t=4a /1/0/8");
  sms.out("ACK 7d34 2.04 t=4a");
  sms.quiet();
  sms.pass(seconds(3));
  sms.in("CON 7d34 POST t=4a /1/0/8");
  sms.event<RequestArrived>();
}

TEST(SmsBinding, ADuplicateOfANonConfirmableMessageIsSilentForAnHour) {
  Sms sms;
  sms.in("NON 7d34 POST t=4a /1/0/8");
  sms.asked();
  sms.pass(minutes(59));
  sms.in("NON 7d34 POST t=4a /1/0/8");
  sms.quiet();
}

TEST(SmsBinding, TheLifetimesOfTheNetworkAreTheirOwn) {
  Sms sms;
  sms.in("CON 7d34 POST t=4a /1/0/8");
  sms.answer(sms.asked(), code::kChanged);
  sms.out("ACK 7d34 2.04 t=4a");
  sms.Lockstep::in("CON 7d34 POST t=4a /1/0/8");
  sms.answer(sms.asked(), code::kChanged);
  sms.Lockstep::out("ACK 7d34 2.04 t=4a");
  sms.pass(minutes(5));  // past EXCHANGE_LIFETIME
  sms.in("CON 7d34 POST t=4a /1/0/8");
  sms.out("ACK 7d34 2.04 t=4a");
  sms.quiet();
  sms.Lockstep::in("CON 7d34 POST t=4a /1/0/8");
  sms.event<RequestArrived>();
}

TEST(SmsBinding, AResetOfANotificationIsKnownForAnHour) {
  Sms sms;
  sms.in("CON 7d34 GET t=4a obs=0 /3/0/9");
  const ResponderId id = sms.asked();
  sms.answer(id, code::kContent, "obs=0", to_bytes("90"));
  sms.out("ACK 7d34 2.05 t=4a obs=? '90'");
  sms.endpoint.notify(sms.now, id, {code::kContent, {}, to_bytes("80")}, false);
  sms.out("NON ? 2.05 t=4a obs=? '80'");
  sms.pass(minutes(59));
  sms.in("RST $m EMPTY");
  EXPECT_EQ(sms.event<ObservationEnded>().cause, ObservationEndCause::Reset);
}

TEST(SmsBinding, ANotificationThatCameBeforeAnotherIsStaleForAnHour) {
  Sms sms;
  sms.ask(code::kGet, "obs=0 /3/0/9");
  sms.out("CON ? GET t=? obs=0 /3/0/9");
  sms.in("ACK $m 2.05 t=$t obs=7 '90'");
  sms.event<ResponseArrived>();
  sms.pass(minutes(3));  // past the 128 s of RFC 7641 §3.4
  sms.in("NON 0001 2.05 t=$t obs=6 '91'");
  sms.quiet();
  EXPECT_EQ(sms.endpoint.counters().stale_notifications, 1U);
}

TEST(SmsBinding, AConfirmableNotificationIsSentOnceToo) {
  Parameters parameters;
  parameters.observations_survive_timeout = true;
  Sms sms(kPlain, parameters);
  sms.in("CON 7d34 GET t=4a obs=0 /3/0/9");
  const ResponderId id = sms.asked();
  sms.answer(id, code::kContent, "obs=0", to_bytes("90"));
  sms.out("ACK 7d34 2.05 t=4a obs=? '90'");
  sms.endpoint.notify(sms.now, id, {code::kContent, {}, to_bytes("80")}, true);
  sms.out("CON ? 2.05 t=4a obs=? '80'");
  sms.pass(minutes(5) - milliseconds(1));
  sms.quiet();
  sms.pass(milliseconds(1));
  EXPECT_EQ(sms.event<NotificationTimedOut>().responder, id);
  sms.quiet();
}

// ---- space ----------------------------------------------------------------------------------------------------------

// 4 header, 8 token, 9 path, 2 content format, 3 Block1, 4 Size1, 1 marker: 31 octets beside the block, 92 with three
// more of a longer path. The next larger block wouldn't fit.
TEST(SmsBudget, ARequestsBodyGoesInTheLargestBlocksThatFitOneShortMessage) {
  struct Case {
    const Way& way;
    std::string path;
    std::string block;
    std::size_t size;
  };
  const std::string longer = "/abcdefghijklmnopqrstuvwxyz0123456789";
  for (const Case& c : {Case{kPlain, "/5/0/0", "64", 92}, Case{kPacket, "/5/0/0", "64", 92},
                        Case{kDtls, "/5/0/0", "64", 92}, Case{kPlain, longer, "64", 124},
                        Case{kPacket, longer, "32", 92}, Case{kDtls, longer, "32", 92}}) {
    SCOPED_TRACE(c.path + " by " + c.way.peer.to_string());
    Sms sms(c.way);
    sms.ask(code::kPut, c.path + " ct=42", test_body(300));
    const std::size_t block = std::stoul(c.block);
    for (std::size_t num = 0; num * block < 300; ++num) {
      const std::size_t length = std::min(block, 300 - num * block);
      const bool more = num * block + length < 300;
      const std::string place = " 1:" + std::to_string(num) + (more ? "/1/" : "/0/") + c.block;
      const std::string payload = length <= wire::kTextMax ? "?" : "[" + std::to_string(length) + "]";
      sms.out("CON ? PUT t=? " + c.path + " ct=42" + place + (num == 0 ? " size1=300 " : " ") + payload);
      if (num == 0) {
        EXPECT_EQ(sms.size, c.size);
      }
      sms.in("ACK $m " + std::string(more ? "2.31" : "2.04") + " t=$t" + place);
    }
    EXPECT_EQ(sms.event<ResponseArrived>().response.code, code::kChanged);
  }
}

TEST(SmsBudget, WhatFitsGoesWhole) {
  Sms sms;
  sms.ask(code::kPut, "/5/0/0 ct=42", test_body(140 - 21));
  sms.out("CON ? PUT t=? /5/0/0 ct=42 [119]");
  EXPECT_EQ(sms.size, 140U);
  sms.in("ACK $m 2.04 t=$t");
  sms.ask(code::kPut, "/5/0/0 ct=42", test_body(140 - 20));
  sms.out("CON ? PUT t=? /5/0/0 ct=42 1:0/1/64 size1=120 [64]");
}

TEST(SmsBudget, PortsTakeSevenOctets) {
  Parameters parameters;
  parameters.sms.message_plain = 133;
  Sms sms({kPlain.peer, 133, 512}, parameters);
  sms.ask(code::kPut, "/5/0/0 ct=42", test_body(133 - 20));
  sms.out("CON ? PUT t=? /5/0/0 ct=42 1:0/1/64 size1=113 [64]");
}

TEST(SmsBudget, AResponsesBodyGoesInBlocks) {
  for (const Way* way : {&kPlain, &kPacket, &kDtls}) {
    SCOPED_TRACE(way->peer.to_string());
    Sms sms(*way);
    sms.in("CON 7d34 GET t=0102030405060708 /3");
    sms.answer(sms.asked(), code::kContent, "ct=11542", test_body(300));
    sms.out("ACK 7d34 2.05 t=0102030405060708 etag=? ct=11542 2:0/1/64 size2=300 [64]");
    EXPECT_EQ(sms.size, 4U + 8 + 9 + 3 + 2 + 3 + 1 + 64);
    sms.in("CON 7d35 GET t=0102030405060708 /3 2:1/0/64");
    sms.out("ACK 7d35 2.05 t=0102030405060708 etag=? ct=11542 2:1/1/64 [64]");
    // Whatever it wishes: a larger one doesn't fit.
    sms.in("CON 7d36 GET t=0102030405060708 /3 2:1/0/128");
    sms.out("ACK 7d36 2.05 t=0102030405060708 etag=? ct=11542 2:2/1/64 [64]");
    sms.quiet();
  }
}

TEST(SmsBudget, ANotificationsBodyGoesInBlocks) {
  Sms sms(kDtls);
  sms.in("CON 7d34 GET t=4a obs=0 /3");
  const ResponderId id = sms.asked();
  sms.answer(id, code::kContent, "obs=0", to_bytes("90"));
  sms.out("ACK 7d34 2.05 t=4a obs=? '90'");
  sms.endpoint.notify(sms.now, id, {code::kContent, {}, test_body(200)}, false);
  sms.out("NON ? 2.05 t=4a etag=? obs=? 2:0/1/64 size2=200 [64]");
}

TEST(SmsBudget, ABodyIsKeptForItsReaderForAnHour) {
  Sms sms;
  sms.in("CON 7d34 GET t=4a /3");
  sms.answer(sms.asked(), code::kContent, "", test_body(150));
  sms.out("ACK 7d34 2.05 t=4a etag=? 2:0/1/64 size2=150 [64]");
  sms.pass(minutes(59));
  sms.in("CON 7d35 GET t=4a /3 2:1/0/64");
  sms.out("ACK 7d35 2.05 t=4a etag=? 2:1/1/64 [64]");
  sms.pass(minutes(59));
  sms.in("CON 7d36 GET t=4a /3 2:2/0/64");
  sms.out("ACK 7d36 2.05 t=4a etag=? 2:2/0/64 ?");
  sms.quiet();
}

TEST(SmsBudget, AnUploadMayTakeAnHourForEachBlock) {
  Sms sms;
  sms.in("CON 0001 PUT t=4a /5/0/0 1:0/1/64 [64@0]");
  sms.out("ACK 0001 2.31 t=4a 1:0/1/64");
  sms.pass(minutes(59));
  sms.in("CON 0002 PUT t=4a /5/0/0 1:1/0/64 [10@64]");
  EXPECT_EQ(sms.event<RequestArrived>().request.payload, test_body(74));
}

TEST(SmsBudget, StreamedBodiesAreAskedForInTheSameBlocks) {
  Sms sms(kPacket);
  sms.in("CON 7d34 GET t=4a /fw");
  const ResponderId id = sms.asked();
  sms.endpoint.respond_streamed(sms.now, id, {code::kContent, {}, {}}, 100);
  auto wanted = sms.event<BodyWanted>();
  EXPECT_EQ(wanted.offset, 0U);
  EXPECT_EQ(wanted.size, 64U);
  sms.endpoint.supply(sms.now, id, test_body(64));
  sms.out("ACK 7d34 2.05 t=4a etag=? 2:0/1/64 size2=100 [64]");
  sms.in("CON 7d35 GET t=4a /fw 2:1/0/64");
  wanted = sms.event<BodyWanted>();
  EXPECT_EQ(wanted.offset, 64U);
  EXPECT_EQ(wanted.size, 36U);
  sms.endpoint.supply(sms.now, id, test_body(36, 64));
  sms.out("ACK 7d35 2.05 t=4a etag=? 2:1/0/64 ?");

  RequestSettings settings;
  settings.streamed_body_size = 100;
  const ExchangeId upload = sms.ask(code::kPut, "/5/0/0", {}, settings);
  wanted = sms.event<BodyWanted>();
  EXPECT_EQ(wanted.size, 64U);
  sms.endpoint.supply(sms.now, upload, test_body(64));
  sms.out("CON ? PUT t=? /5/0/0 1:0/1/64 size1=100 [64]");
}

// ---- what doesn't fit into one --------------------------------------------------------------------------------------

const std::string kLongName(100, 'n');
const std::string kRegister = "/rd ct=40 ?ep=" + kLongName + " ?lt=86400 ?lwm2m=1.0 ?b=UQS ?sms=4917012345";
// 4 header, 8 token, 3 path, 2 content format, 105 ?ep= (with the length in two), 9, 10, 6, 16: 163 octets.
constexpr std::size_t kRegisterSize = 163;

TEST(SmsBudget, ARegisterWithALongNameGoesWholeInSeveralShortMessages) {
  for (const Way* way : {&kPlain, &kPacket}) {
    Sms sms(*way);
    sms.ask(code::kPost, kRegister, test_body(100));
    sms.out("CON ? POST t=? /rd ct=40 ?ep=" + kLongName + " ?lt=86400 ?lwm2m=1.0 ?b=UQS ?sms=4917012345 [100]", false);
    EXPECT_EQ(sms.size, kRegisterSize + 1 + 100);
  }
}

TEST(SmsBudget, ALongBodyBehindALongNameGoesInTheLargestBlocksThatSeveralTake) {
  Sms sms;
  sms.ask(code::kPost, kRegister, test_body(900));
  sms.out("CON ? POST t=? /rd ct=40 ?ep=" + kLongName +
              " ?lt=86400 ?lwm2m=1.0 ?b=UQS ?sms=4917012345 1:0/1/256 size1=900 [256]",
          false);
  EXPECT_EQ(sms.size, kRegisterSize + 2 + 4 + 1 + 256);
}

TEST(SmsBudget, WhatTheCarrierCannotTakeIsNotSent) {
  Sms sms(kDtls);
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}}) {
    const ExchangeId id = sms.ask(code::kPost, kRegister, test_body(size));
    const auto failed = sms.event<RequestFailed>();
    EXPECT_EQ(failed.exchange, id);
    EXPECT_EQ(failed.cause, FailureCause::TooLarge);
    sms.quiet();
  }
  EXPECT_FALSE(sms.endpoint.deadline());
  EXPECT_EQ(sms.endpoint.counters().datagrams_out, 0U);
}

TEST(SmsBudget, AFollowingMessageThatIsLongerThanTheFirstIsNotSentEither) {
  Sms sms(kDtls);
  const std::string path(96, 'p');
  const ExchangeId observation = sms.ask(code::kGet, "obs=0 /" + path);
  sms.out("CON ? GET t=? obs=0 /" + path);
  EXPECT_EQ(sms.size, 111U);
  sms.in("ACK $m 2.05 t=$t obs=7 'v'");
  EXPECT_TRUE(sms.event<ResponseArrived>().observing);
  const ExchangeId cancellation = sms.endpoint.cancel_observation(sms.now, observation);  // obs=1 takes an octet more
  const auto failed = sms.event<RequestFailed>();
  EXPECT_EQ(failed.exchange, cancellation);
  EXPECT_EQ(failed.cause, FailureCause::TooLarge);
  sms.quiet();
  sms.in("NON 0001 2.05 t=$t obs=8 'w'");
  EXPECT_EQ(sms.event<NotificationArrived>().exchange, observation);
}

TEST(SmsBudget, AResponseThatTheCarrierCannotTakeBecomesAnErrorWithoutPayload) {
  Sms sms(kDtls);
  const std::string location(110, 'l');
  sms.in("CON 7d34 POST t=4a /rd");
  sms.answer(sms.asked(), code::kCreated, "loc=" + location);
  sms.out("ACK 7d34 5.00 t=4a");
  sms.in("CON 7d35 GET t=4a obs=0 /3");
  const ResponderId id = sms.asked();
  sms.answer(id, code::kContent, "obs=0 loc=" + location, test_body(200));
  sms.out("ACK 7d35 5.00 t=4a");
  EXPECT_EQ(sms.event<ObservationEnded>().cause, ObservationEndCause::TooLarge);
  sms.in("CON 7d36 GET t=4a /fw");
  sms.endpoint.respond_streamed(sms.now, sms.asked(), {code::kContent, sms.options_of("loc=" + location), {}}, 100);
  sms.out("ACK 7d36 5.00 t=4a");
  sms.quiet();
}

TEST(SmsBudget, ANotificationThatTheCarrierCannotTakeEndsTheObservation) {
  Sms sms(kDtls);
  sms.in("CON 7d34 GET t=4a obs=0 /3");
  const ResponderId id = sms.asked();
  sms.answer(id, code::kContent, "obs=0", to_bytes("90"));
  sms.out("ACK 7d34 2.05 t=4a obs=? '90'");
  sms.endpoint.notify(sms.now, id, {code::kContent, sms.options_of("loc=" + std::string(110, 'l')), {}}, false);
  sms.out("NON ? 5.00 t=4a");
  EXPECT_EQ(sms.event<ObservationEnded>().cause, ObservationEndCause::TooLarge);
}

TEST(SmsBudget, ADiagnosticIsShortenedToOneShortMessage) {
  Sms sms(kPacket);
  sms.in("CON 7d34 GET t=4a /3");
  std::string words(89, 'w');
  words += "\xC3\xA4 and more";  // the character would be cut in two
  sms.answer(sms.asked(), code::kBadRequest, "", to_bytes(words));
  sms.out("ACK 7d34 4.00 t=4a [89]");
  EXPECT_EQ(sms.size, 95U);
}

// ---- both ends ------------------------------------------------------------------------------------------------------

/// Requests with bodies of all sizes, over a link of minutes that repeats and reorders.
void run(const Way& way, std::uint64_t seed) {
  LinkFaults faults;
  faults.repeat_percent = 30;
  faults.delay_min = seconds(2);
  faults.delay_max = seconds(100);
  std::map<ExchangeId, Bytes> expected;
  std::map<std::string, int> executed;
  std::size_t answered = 0;
  Pair* both = nullptr;
  Pair pair({}, seed, faults, [&](int side, Event event) {
    if (const auto* asked = std::get_if<RequestArrived>(&event)) {
      EXPECT_EQ(side, 1);
      ++executed[asked->request.options.uri_path()];
      Bytes echo = asked->request.payload;
      std::reverse(echo.begin(), echo.end());
      both->ends[1].respond(both->now, asked->responder, {code::kChanged, {}, std::move(echo)});
    } else if (const auto* response = std::get_if<ResponseArrived>(&event)) {
      ++answered;
      EXPECT_EQ(response->response.payload, expected.at(response->exchange));
    } else {
      ADD_FAILURE() << "event " << event.index();
    }
  });
  both = &pair;
  pair.places = {way.peer, number("491795555").as(way.peer.kind)};
  if (way.peer.kind == Kind::Association) pair.places[1] = PeerAddress::association(18, true);
  for (std::size_t i = 0; i < 8; ++i) {
    Bytes body = test_body(pair.rng.below(500), i);
    Options options;
    options.add_uri_path("/" + std::to_string(i));
    const ExchangeId id = pair.ends[0].request(pair.now, pair.places[1], {code::kPost, options, body}, {});
    std::reverse(body.begin(), body.end());
    expected[id] = std::move(body);
    EXPECT_TRUE(pair.run_until(pair.now + minutes(pair.rng.below(60))));
  }
  EXPECT_TRUE(pair.run_until(pair.now + hours(24)));
  EXPECT_EQ(answered, expected.size());
  for (const auto& [path, times] : executed) EXPECT_EQ(times, 1) << path;
  EXPECT_LE(pair.longest, way.one);
  for (const stack::Endpoint& end : pair.ends) {
    EXPECT_EQ(end.counters().retransmissions, 0U);
    EXPECT_FALSE(end.deadline()) << "something is left behind";
  }
}

TEST(SmsPair, OverALinkOfMinutesThatRepeatsEverythingArrivesOnce) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    for (const Way* way : {&kPlain, &kPacket, &kDtls}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", " + way->peer.to_string());
      run(*way, seed);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace drover::testing
