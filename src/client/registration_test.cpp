// SPDX-License-Identifier: Apache-2.0
#include "client/registration.hpp"

#include <gtest/gtest.h>

namespace drover::client {
namespace {

using lwm2m::Outcome;
using lwm2m::Status;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using State = RegistrationState;
using Kind = RegistrationReport::Kind;

class FixedRng final : public Rng {
 public:
  std::uint64_t value = ~std::uint64_t{0};  ///< the longest wait
  std::uint64_t next() override { return value; }
};

struct Account {
  FixedRng rng;
  RegistrationParameters parameters;
  Registration registration;
  Instant now{};
  std::vector<RegistrationReport> reports;
  int dropped = 0;
  int abandoned = 0;

  explicit Account(const char* uri = "coap://192.0.2.1")
      : parameters{.endpoint = "x", .version = "1.0", .lifetime = 600, .binding = "U", .sms = {}, .announcement = {}},
        registration(*parse_server_uri(uri), parameters, {}, rng) {}

  /// The uplink or name that is asked for now; reports are kept.
  std::optional<RegistrationAction> action() {
    std::optional<RegistrationAction> result;
    while (auto next = registration.poll()) {
      if (auto* report = std::get_if<RegistrationReport>(&*next)) {
        reports.push_back(*report);
      } else if (std::holds_alternative<DropObservations>(*next)) {
        ++dropped;
      } else if (std::holds_alternative<AbandonUplink>(*next)) {
        ++abandoned;
      } else {
        EXPECT_FALSE(result) << "two at once";
        result = std::move(next);
      }
    }
    return result;
  }
  template <class T>
  T uplink() {
    const auto next = action();
    if (!next || !std::holds_alternative<SendUplink>(*next)) {
      ADD_FAILURE() << "nothing is sent";
      return {};
    }
    const auto* message = std::get_if<T>(&std::get<SendUplink>(*next).uplink);
    if (message == nullptr) ADD_FAILURE() << "something else is sent";
    return message == nullptr ? T{} : *message;
  }
  void answer(Status status, std::string location = {}) {
    registration.answered(now, Outcome{status, std::nullopt, {}, std::move(location), 0});
  }
  void silence() { registration.failed(now, coap::FailureCause::Timeout); }
  void be_registered() {
    registration.start(now);
    (void)uplink<lwm2m::Register>();
    answer(Status::Created, "rd/5a3f");
    EXPECT_EQ(registration.state(), State::Registered);
  }
  /// Jumps to the deadline, which must be `after` from now.
  void wait(Duration after, Reason reason) {
    const auto deadline = registration.deadline();
    ASSERT_TRUE(deadline);
    EXPECT_EQ(deadline->at - now, after);
    EXPECT_EQ(deadline->reason, reason);
    registration.handle_timeout(deadline->at - milliseconds(1));
    EXPECT_FALSE(action()) << "too early";
    now = deadline->at;
    registration.handle_timeout(now);
  }
};

TEST(CoreSection5_3_1, RegisterCarriesWhatTheServerMustKnow) {
  Account account;
  account.registration.start(account.now);
  const auto message = account.uplink<lwm2m::Register>();
  EXPECT_EQ(message.endpoint, "x");
  EXPECT_EQ(message.lifetime, 600U);
  EXPECT_EQ(message.version, "1.0");
  EXPECT_FALSE(message.binding) << "U is the default";
  EXPECT_FALSE(message.queue);
  EXPECT_EQ(account.dropped, 1) << "the server expects its observations to be gone (§5.5.1)";
  EXPECT_FALSE(account.registration.is_registered());
  account.answer(Status::Created, "rd/5a3f");
  EXPECT_TRUE(account.registration.is_registered());
  EXPECT_EQ(account.registration.location(), "5a3f");
}

TEST(TransportResumption, ARegisterWithoutAnAnswerIsRepeatedOverAnotherAssociation) {
  Account account("coaps://192.0.2.1");
  account.registration.start(account.now);
  (void)account.uplink<lwm2m::Register>();
  account.silence();
  const auto next = account.action();
  ASSERT_TRUE(next);
  EXPECT_TRUE(std::holds_alternative<Reconnect>(*next));
  account.wait(seconds(5), Reason::Retry);
  (void)account.uplink<lwm2m::Register>();
}

TEST(CoreSection5_3_2, TheUpdateBeforeTheLifetimeEndsIsEmpty) {
  Account account;
  account.be_registered();
  account.wait(seconds(600 - 93), Reason::Lifetime);
  const auto update = account.uplink<lwm2m::Update>();
  EXPECT_EQ(update.location, "5a3f");
  EXPECT_FALSE(update.lifetime || update.binding || update.sms || update.announcement);
  account.answer(Status::Changed);
  account.wait(seconds(507), Reason::Lifetime);
}

TEST(CoreSection5_3_2, AShortLifetimeIsRenewedAtHalf) {
  Account account;
  account.parameters.lifetime = 60;
  account.registration.set_parameters(account.now, account.parameters);
  account.be_registered();
  account.wait(seconds(30), Reason::Lifetime);
}

// The sleeping world with seed 3338: an Update that came when the server's lifetime was over.
TEST(CoreSection5_3_2, TheLifetimeIsCountedFromWhenItWasToldAndNotFromItsAnswer) {
  Account account;
  account.registration.start(account.now);
  (void)account.uplink<lwm2m::Register>();
  account.now += seconds(100);  // on its way for some of that
  account.answer(Status::Created, "rd/5a3f");
  account.wait(seconds(600 - 93 - 100), Reason::Lifetime);
  (void)account.uplink<lwm2m::Update>();
  account.now += seconds(80);
  account.answer(Status::Changed);
  account.wait(seconds(600 - 93 - 80), Reason::Lifetime);
}

TEST(CoreSection5_3_2, ChangesGoOutTogetherAndOnlyTheyDo) {
  Account account;
  account.be_registered();
  account.now += seconds(10);
  account.parameters.lifetime = 6000;
  account.registration.set_parameters(account.now, account.parameters);
  account.parameters.announcement.objects = {{3, std::nullopt, {0}}};
  account.registration.set_parameters(account.now, account.parameters);
  EXPECT_FALSE(account.action());
  account.wait(milliseconds(200), Reason::Lifetime);
  auto update = account.uplink<lwm2m::Update>();
  EXPECT_EQ(update.lifetime, 6000U);
  EXPECT_TRUE(update.announcement);
  EXPECT_FALSE(update.binding);
  // Another change while the Update is under way waits for its answer.
  account.parameters.binding = "UQ";
  account.registration.set_parameters(account.now, account.parameters);
  EXPECT_FALSE(account.action());
  account.answer(Status::Changed);
  account.wait(milliseconds(200), Reason::Lifetime);
  update = account.uplink<lwm2m::Update>();
  EXPECT_EQ(update.binding, "UQ");
  EXPECT_FALSE(update.lifetime || update.announcement);
  account.answer(Status::Changed);
  account.wait(seconds(6000 - 93), Reason::Lifetime);
}

TEST(CoreAppendixE2, UpdateTriggerUpdatesAtOnce) {
  Account account;
  account.be_registered();
  account.registration.update(account.now);
  (void)account.uplink<lwm2m::Update>();
  account.registration.update(account.now);  // again, while one is under way
  EXPECT_FALSE(account.action());
  account.answer(Status::Changed);
  (void)account.uplink<lwm2m::Update>();
}

TEST(Registration, AnUpdateThatIsntKnownOrAnsweredRegistersAnew) {
  Account account;
  account.be_registered();
  account.registration.update(account.now);
  (void)account.uplink<lwm2m::Update>();
  account.answer(Status::NotFound);
  EXPECT_FALSE(account.registration.is_registered());
  (void)account.uplink<lwm2m::Register>();
  account.answer(Status::Created, "rd/2");
  EXPECT_EQ(account.registration.location(), "2");
  account.registration.update(account.now);
  (void)account.uplink<lwm2m::Update>();
  account.silence();
  (void)account.uplink<lwm2m::Register>();
}

TEST(Registration, SilenceIsRetriedWithDoublingWaitsUpToTenMinutes) {
  Account account;
  account.registration.start(account.now);
  for (const int wait : {5, 10, 20, 40, 80, 160, 320, 600, 600}) {
    (void)account.uplink<lwm2m::Register>();
    account.silence();
    EXPECT_FALSE(account.action());
    EXPECT_EQ(account.reports.back().retry_in, seconds(wait));
    account.wait(seconds(wait), Reason::Retry);
  }
  (void)account.uplink<lwm2m::Register>();
  account.answer(Status::Created, "rd/1");
  account.registration.update(account.now);
  (void)account.uplink<lwm2m::Update>();
  account.silence();
  (void)account.uplink<lwm2m::Register>();
  account.silence();
  EXPECT_FALSE(account.action());
  account.wait(seconds(5), Reason::Retry);  // a success starts the count anew
}

TEST(Registration, JitterReachesDownToHalf) {
  Account account;
  account.rng.value = 0;
  account.registration.start(account.now);
  (void)account.uplink<lwm2m::Register>();
  account.silence();
  EXPECT_FALSE(account.action());
  account.wait(milliseconds(2500), Reason::Retry);
}

TEST(Registration, ARefusalIsRetriedMuchLater) {
  for (const Status status : {Status::PreconditionFailed, Status::Forbidden, Status::BadRequest}) {
    Account account;
    account.registration.start(account.now);
    (void)account.uplink<lwm2m::Register>();
    account.answer(status);
    EXPECT_FALSE(account.action());
    EXPECT_EQ(account.reports.back().kind, Kind::Failed);
    account.wait(minutes(15), Reason::Retry);
    (void)account.uplink<lwm2m::Register>();
    account.answer(status);
    EXPECT_FALSE(account.action());
    account.wait(minutes(30), Reason::Retry);
  }
  Account account;
  account.registration.start(account.now);
  (void)account.uplink<lwm2m::Register>();
  account.answer(Status::ServiceUnavailable);
  EXPECT_FALSE(account.action());
  account.wait(seconds(5), Reason::Retry);
}

TEST(Registration, NamesAreResolvedAndEachAddressIsTried) {
  Account account("coap://fleet.example:5000");
  account.registration.start(account.now);
  auto wanted = account.action();
  ASSERT_TRUE(wanted && std::holds_alternative<ResolveName>(*wanted));
  EXPECT_EQ(std::get<ResolveName>(*wanted).host, "fleet.example");
  EXPECT_EQ(std::get<ResolveName>(*wanted).port, 5000);
  EXPECT_FALSE(account.registration.peer());
  const auto first = transport::PeerAddress::v4(0xC0000201, 5000);
  const auto second = transport::PeerAddress::v4(0xC0000202, 5000);
  account.registration.resolved(account.now, {first, second});
  (void)account.uplink<lwm2m::Register>();
  EXPECT_EQ(account.registration.peer(), first);
  account.silence();
  (void)account.uplink<lwm2m::Register>();
  EXPECT_EQ(account.registration.peer(), second);
  account.silence();
  EXPECT_FALSE(account.action());
  account.wait(seconds(5), Reason::Retry);
  wanted = account.action();
  EXPECT_TRUE(wanted && std::holds_alternative<ResolveName>(*wanted)) << "the name is looked up again";
  account.registration.resolved(account.now, {});
  EXPECT_FALSE(account.action());
  EXPECT_EQ(account.registration.state(), State::Waiting);
}

TEST(TransportRegistrationInterface, AChangedAddressRegistersAgain) {
  Account account;
  account.be_registered();
  account.registration.address_changed(account.now);
  (void)account.uplink<lwm2m::Register>();
  account.registration.address_changed(account.now);
  EXPECT_EQ(account.abandoned, 0);
  (void)account.uplink<lwm2m::Register>();
  EXPECT_EQ(account.abandoned, 1) << "the one under way came from the old address";
}

TEST(CoreSection5_3_3, DeregisterStaysOff) {
  Account account;
  account.be_registered();
  account.registration.deregister(account.now);
  EXPECT_EQ(account.uplink<lwm2m::Deregister>().location, "5a3f");
  account.answer(Status::Deleted);
  EXPECT_FALSE(account.action());
  EXPECT_EQ(account.registration.state(), State::Off);
  EXPECT_FALSE(account.registration.deadline());
  EXPECT_FALSE(account.registration.peer());
}

TEST(CoreSection5_3_3, ARegisterUnderWayIsAwaitedAndThenDeregistered) {
  Account account;
  account.registration.start(account.now);
  (void)account.uplink<lwm2m::Register>();
  account.registration.deregister(account.now);
  EXPECT_FALSE(account.action()) << "nothing to de-register yet";
  EXPECT_EQ(account.abandoned, 0);
  account.answer(Status::Created, "rd/7");
  EXPECT_EQ(account.uplink<lwm2m::Deregister>().location, "7");
  account.answer(Status::Deleted);
  EXPECT_FALSE(account.action());
  EXPECT_EQ(account.registration.state(), State::Off);
  EXPECT_EQ(account.reports.back().kind, Kind::Deregistered);
}

TEST(CoreSection5_3_3, ARegisterUnderWayThatFailsLeavesItOff) {
  for (const bool refused : {true, false}) {
    Account account;
    account.registration.start(account.now);
    (void)account.uplink<lwm2m::Register>();
    account.registration.deregister(account.now);
    refused ? account.answer(Status::Forbidden) : account.silence();
    EXPECT_FALSE(account.action());
    EXPECT_EQ(account.registration.state(), State::Off);
    EXPECT_FALSE(account.registration.deadline());
  }
}

TEST(CoreSection5_3_3, RegisterRightBehindDeregisterIsRemembered) {
  Account account;
  account.be_registered();
  account.registration.deregister(account.now);
  (void)account.uplink<lwm2m::Deregister>();
  account.registration.start(account.now);
  EXPECT_FALSE(account.action()) << "one at a time";
  account.answer(Status::Deleted);
  (void)account.uplink<lwm2m::Register>();
  // The last word counts, before the answer and behind it.
  account.registration.deregister(account.now);
  account.registration.start(account.now);
  account.answer(Status::Created, "rd/8");
  EXPECT_FALSE(account.action());
  EXPECT_EQ(account.registration.state(), State::Registered);
  account.registration.deregister(account.now);
  (void)account.uplink<lwm2m::Deregister>();
  account.registration.start(account.now);
  account.registration.deregister(account.now);
  account.silence();
  EXPECT_FALSE(account.action());
  EXPECT_EQ(account.registration.state(), State::Off);
}

TEST(CoreAppendixE2, WhatAServerDisabledStaysSoForItsTime) {
  Account account;
  account.be_registered();
  account.registration.disable(account.now, hours(24));
  (void)account.uplink<lwm2m::Deregister>();
  account.registration.start(account.now);
  account.answer(Status::Deleted);
  EXPECT_FALSE(account.action());
  EXPECT_EQ(account.registration.state(), State::Disabled);
}

TEST(TransportRegistrationInterface, AChangedAddressEndsTheWaitForARegisterThatIsNotWantedAnyMore) {
  Account account;
  account.registration.start(account.now);
  (void)account.uplink<lwm2m::Register>();
  account.registration.deregister(account.now);
  account.registration.address_changed(account.now);
  EXPECT_FALSE(account.action());
  EXPECT_EQ(account.abandoned, 1);
  EXPECT_EQ(account.registration.state(), State::Off);
}

TEST(CoreAppendixE2, DisableDeregistersAndComesBack) {
  Account account;
  account.be_registered();
  account.registration.disable(account.now, hours(24));
  (void)account.uplink<lwm2m::Deregister>();
  account.answer(Status::Deleted);
  EXPECT_FALSE(account.action());
  EXPECT_EQ(account.registration.state(), State::Disabled);
  account.registration.update(account.now);
  account.registration.address_changed(account.now);
  EXPECT_FALSE(account.action()) << "MUST NOT send any message for the period";
  account.wait(hours(24), Reason::Disable);
  (void)account.uplink<lwm2m::Register>();
}

TEST(Registration, LateAnswersAreIgnored) {
  Account account;
  account.answer(Status::Created, "rd/1");
  account.silence();
  EXPECT_EQ(account.registration.state(), State::Off);
  account.be_registered();
  account.answer(Status::NotFound);
  EXPECT_EQ(account.registration.state(), State::Registered);
  EXPECT_FALSE(account.action());
}

TEST(Registration, ACreatedWithoutALocationIsAFailure) {
  Account account;
  account.registration.start(account.now);
  (void)account.uplink<lwm2m::Register>();
  account.answer(Status::Created);
  EXPECT_EQ(account.registration.state(), State::Waiting);
}

// ---- restarts -------------------------------------------------------------------------------------------------------

/// What an account that has registered leaves to the next run.
StandingRegistration left_behind() {
  Account before;
  before.be_registered();
  return before.registration.standing().value();
}

TEST(RegistrationAfterARestart, ARegistrationGoesOnWithAnUpdateAndNoRegister) {
  const StandingRegistration standing = left_behind();
  EXPECT_EQ(standing.ends, Instant{} + seconds(600));
  Account account;
  account.now += seconds(100);
  ASSERT_TRUE(account.registration.restore(account.now, standing));
  EXPECT_TRUE(account.registration.is_registered()) << "its server's operations are served at once";
  EXPECT_EQ(account.registration.peer()->to_string(), "192.0.2.1:5683");
  account.registration.start(account.now);
  const auto update = account.uplink<lwm2m::Update>();
  EXPECT_EQ(update.location, "5a3f");
  EXPECT_FALSE(update.lifetime || update.binding || update.sms || update.announcement);
  EXPECT_EQ(account.dropped, 0) << "its observations stand, too";
  account.answer(Status::Changed);
  EXPECT_EQ(account.registration.state(), State::Registered);
  EXPECT_EQ(account.registration.standing()->ends, account.now + seconds(600));
  account.wait(seconds(507), Reason::Lifetime);
}

TEST(RegistrationAfterARestart, TheUpdateTellsWhatHasChangedSince) {
  Account account;
  account.parameters.lifetime = 900;
  account.registration.set_parameters(account.now, account.parameters);
  ASSERT_TRUE(account.registration.restore(account.now, left_behind()));
  const auto update = account.uplink<lwm2m::Update>();
  EXPECT_EQ(update.lifetime, 900U);
  EXPECT_FALSE(update.announcement);
}

TEST(RegistrationAfterARestart, AfterAnUpdateWithoutAnAnswerEverythingIsToldAgain) {
  Account before;
  before.be_registered();
  before.parameters.lifetime = 900;
  before.registration.set_parameters(before.now, before.parameters);
  before.wait(milliseconds(200), Reason::Lifetime);
  (void)before.uplink<lwm2m::Update>();
  const auto standing = before.registration.standing();
  ASSERT_TRUE(standing && standing->unsure);
  EXPECT_EQ(standing->told.lifetime, 600U) << "what the server has acknowledged";
  Account account;  // with the 600 s of before: whether the server has 900 s isn't known
  ASSERT_TRUE(account.registration.restore(account.now, *standing));
  const auto update = account.uplink<lwm2m::Update>();
  EXPECT_EQ(update.lifetime, 600U);
  EXPECT_TRUE(update.binding && update.announcement);
}

TEST(RegistrationAfterARestart, AServerThatHasForgottenTheRegistrationGetsARegister) {
  Account account;
  ASSERT_TRUE(account.registration.restore(account.now, left_behind()));
  (void)account.uplink<lwm2m::Update>();
  account.answer(Status::NotFound);
  EXPECT_EQ(account.uplink<lwm2m::Register>().endpoint, "x");
  EXPECT_EQ(account.dropped, 1) << "Core §5.5.1: its observations are over";
}

TEST(RegistrationAfterARestart, WhatCantBeTakenUpIsLeft) {
  StandingRegistration over = left_behind();
  over.ends = Instant{};
  StandingRegistration nameless = left_behind();
  nameless.location.clear();
  StandingRegistration other_name = left_behind();
  other_name.told.endpoint = "y";
  StandingRegistration other_version = left_behind();
  other_version.told.version = "1.1";
  for (const auto& standing : {over, nameless, other_name, other_version}) {
    Account account;
    EXPECT_FALSE(account.registration.restore(account.now, standing));
    account.registration.start(account.now);
    (void)account.uplink<lwm2m::Register>();
  }
}

TEST(RegistrationAfterARestart, AClockThatWasSetBackMakesNoLongerLifetime) {
  StandingRegistration standing = left_behind();
  standing.ends += hours(24);
  Account account;
  ASSERT_TRUE(account.registration.restore(account.now, standing));
  EXPECT_EQ(account.registration.standing()->ends, account.now + seconds(600));
}

TEST(RegistrationAfterARestart, ADisabledServerStaysDisabledUntilItsTime) {
  Account before;
  before.be_registered();
  before.registration.disable(before.now, minutes(10));
  (void)before.uplink<lwm2m::Deregister>();
  EXPECT_FALSE(before.registration.standing()) << "it is being ended";
  before.answer(Status::Deleted);
  ASSERT_EQ(before.registration.disabled_until(), before.now + minutes(10));
  Account account;
  account.registration.restore_disabled(account.now + minutes(4));
  account.registration.start(account.now);
  EXPECT_FALSE(account.action());
  account.wait(minutes(4), Reason::Disable);
  (void)account.uplink<lwm2m::Register>();
}

TEST(RegistrationAfterARestart, TheRevisionTellsWhenWhatIsToBeKeptChanges) {
  Account account;
  std::uint64_t last = account.registration.revision();
  const auto differs = [&] { return std::exchange(last, account.registration.revision()) != last; };
  account.be_registered();
  EXPECT_TRUE(differs());
  account.registration.update(account.now);
  (void)account.uplink<lwm2m::Update>();
  EXPECT_FALSE(differs()) << "nothing but a sign of life is under way";
  account.answer(Status::Changed);
  EXPECT_TRUE(differs()) << "the lifetime began anew";
  account.registration.deregister(account.now);
  (void)account.uplink<lwm2m::Deregister>();
  EXPECT_TRUE(differs());
}

}  // namespace
}  // namespace drover::client
