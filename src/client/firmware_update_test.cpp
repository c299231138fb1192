// SPDX-License-Identifier: Apache-2.0
// Every phase against every input (Core E.6.1, Figure 20).
#include "client/objects/firmware_update.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "coap/message/code.hpp"

namespace drover::client {
namespace {

using Phase = FirmwarePhase;
using enum FirmwareResult;

constexpr Phase kPhases[] = {Phase::Idle,     Phase::Pushing,    Phase::Fetching,
                             Phase::Checking, Phase::Downloaded, Phase::Installing};
const std::string kUri = "coap://192.0.2.1/fw";

/// A machine and the attempt that its last action has.
struct Machine {
  FirmwareUpdate update;
  std::uint64_t attempt = 0;
  std::string actions;
  bool accepted = true;

  std::string drain() {
    static const std::map<FirmwareAction::Kind, const char*> kNames{
        {FirmwareAction::Kind::Fetch, "Fetch"},     {FirmwareAction::Kind::Check, "Check"},
        {FirmwareAction::Kind::Install, "Install"}, {FirmwareAction::Kind::Confirm, "Confirm"},
        {FirmwareAction::Kind::Stop, "Stop"},       {FirmwareAction::Kind::Discard, "Discard"}};
    std::string text;
    while (const auto action = update.poll()) {
      text += (text.empty() ? "" : " ") + std::string(kNames.at(action->kind));
      if (action->kind == FirmwareAction::Kind::Fetch) text += action->resume ? "+resume" : "";
      attempt = action->attempt;
    }
    return text;
  }
};

Machine in(Phase phase) {
  Machine machine;
  FirmwareUpdate& update = machine.update;
  const bool fetches =
      phase == Phase::Fetching || phase == Phase::Checking || phase == Phase::Downloaded || phase == Phase::Installing;
  if (phase == Phase::Pushing) {
    EXPECT_TRUE(update.begin_push());
  }
  if (fetches) {
    EXPECT_TRUE(update.begin_fetch(kUri));
  }
  machine.drain();
  if (fetches && phase != Phase::Fetching) update.fetched(machine.attempt, Initial);
  machine.drain();
  if (phase == Phase::Downloaded || phase == Phase::Installing) update.checked(machine.attempt, {Initial, "app", "2"});
  if (phase == Phase::Installing) {
    EXPECT_TRUE(update.update());
  }
  machine.drain();
  EXPECT_EQ(update.phase(), phase);
  return machine;
}

struct Input {
  const char* name;
  std::function<bool(Machine&)> give;  ///< false: refused with 4.05
};
bool took(const Result<void>& result) {
  if (!result) {
    EXPECT_EQ(result.error().code, coap::code::kMethodNotAllowed.value);
  }
  return result.has_value();
}
template <class Report>
Input report(const char* name, Report call) {
  return {name, [call](Machine& machine) { return call(machine), true; }};
}

const Input kReset{"reset", [](Machine& m) { return took(m.update.reset()); }};
const Input kPush{"push", [](Machine& m) { return took(m.update.begin_push()); }};
const Input kFetch{"fetch", [](Machine& m) { return took(m.update.begin_fetch("http://host/2")); }};
const Input kBadUri{"bad URI", [](Machine& m) { return took(m.update.refuse_uri("x", InvalidUri)); }};
const Input kBadScheme{"scheme", [](Machine& m) { return took(m.update.refuse_uri("ftp://h/", UnsupportedProtocol)); }};
const Input kUpdate{"update", [](Machine& m) { return took(m.update.update()); }};
const Input kPushed = report("pushed", [](Machine& m) { m.update.pushed(); });
const Input kPushFull = report("push full", [](Machine& m) { m.update.push_failed(NoSpace); });
const Input kPushLost = report("push lost", [](Machine& m) { m.update.push_failed(ConnectionLost); });
const Input kFetched = report("fetched", [](Machine& m) { m.update.fetched(m.attempt, Initial); });
const Input kFetchFull = report("fetch full", [](Machine& m) { m.update.fetched(m.attempt, NoSpace); });
const Input kFetchMemory = report("fetch memory", [](Machine& m) { m.update.fetched(m.attempt, OutOfMemory); });
const Input kFetchLost = report("fetch lost", [](Machine& m) { m.update.fetched(m.attempt, ConnectionLost); });
const Input kFetchNowhere = report("fetch nowhere", [](Machine& m) { m.update.fetched(m.attempt, InvalidUri); });
const Input kGood = report("good", [](Machine& m) { m.update.checked(m.attempt, {Initial, "app", "2"}); });
const Input kDamaged = report("damaged", [](Machine& m) { m.update.checked(m.attempt, {IntegrityFailure, "", ""}); });
const Input kForeign = report("foreign", [](Machine& m) { m.update.checked(m.attempt, {UnsupportedPackage, "", ""}); });
const Input kInstalled = report("installed", [](Machine& m) { m.update.installed(m.attempt, true); });
const Input kFailed = report("failed", [](Machine& m) { m.update.installed(m.attempt, false); });

const Input kInputs[] = {kReset,    kPush,     kFetch,   kBadUri,    kBadScheme,   kUpdate,    kPushed,
                         kPushFull, kPushLost, kFetched, kFetchFull, kFetchMemory, kFetchLost, kFetchNowhere,
                         kGood,     kDamaged,  kForeign, kInstalled, kFailed};

struct Row {
  Phase from;
  const char* input;
  Phase to;
  FirmwareResult result;
  const char* actions;
};
/// The arrows. What isn't here leaves everything as it is.
const Row kArrows[] = {
    {Phase::Idle, "reset", Phase::Idle, Initial, ""},
    {Phase::Idle, "push", Phase::Pushing, Initial, ""},
    {Phase::Idle, "fetch", Phase::Fetching, Initial, "Fetch"},
    {Phase::Idle, "bad URI", Phase::Idle, InvalidUri, ""},
    {Phase::Idle, "scheme", Phase::Idle, UnsupportedProtocol, ""},
    {Phase::Pushing, "reset", Phase::Idle, Initial, "Discard"},
    {Phase::Pushing, "pushed", Phase::Checking, Initial, "Check"},
    {Phase::Pushing, "push full", Phase::Idle, NoSpace, "Discard"},
    {Phase::Pushing, "push lost", Phase::Idle, ConnectionLost, "Discard"},
    {Phase::Fetching, "reset", Phase::Idle, Initial, "Stop Discard"},
    {Phase::Fetching, "fetched", Phase::Checking, Initial, "Check"},
    {Phase::Fetching, "fetch full", Phase::Idle, NoSpace, "Stop Discard"},
    {Phase::Fetching, "fetch memory", Phase::Idle, OutOfMemory, "Stop Discard"},
    {Phase::Fetching, "fetch lost", Phase::Idle, ConnectionLost, "Stop Discard"},
    {Phase::Fetching, "fetch nowhere", Phase::Idle, InvalidUri, "Stop Discard"},
    {Phase::Checking, "reset", Phase::Idle, Initial, "Stop Discard"},
    {Phase::Checking, "good", Phase::Downloaded, Initial, ""},
    {Phase::Checking, "damaged", Phase::Idle, IntegrityFailure, "Stop Discard"},
    {Phase::Checking, "foreign", Phase::Idle, UnsupportedPackage, "Stop Discard"},
    {Phase::Downloaded, "reset", Phase::Idle, Initial, "Discard"},
    {Phase::Downloaded, "update", Phase::Installing, Initial, "Install"},
    {Phase::Installing, "installed", Phase::Idle, Updated, "Discard"},
    {Phase::Installing, "failed", Phase::Downloaded, UpdateFailed, ""},
};

/// What a server asks for is refused where there is no arrow; a report is ignored.
bool is_request(const Input& input) {
  for (const Input* one : {&kReset, &kPush, &kFetch, &kBadUri, &kBadScheme, &kUpdate}) {
    if (input.name == one->name) return true;
  }
  return false;
}

TEST(CoreAppendixE_6_1, EveryPhaseAgainstEveryInput) {
  for (const Phase phase : kPhases) {
    for (const Input& input : kInputs) {
      SCOPED_TRACE(std::string(to_string(phase)) + " + " + input.name);
      Machine machine = in(phase);
      const FirmwareRecord before = machine.update.record();
      const auto arrow = std::find_if(std::begin(kArrows), std::end(kArrows), [&](const Row& row) {
        return row.from == phase && row.input == std::string_view(input.name);
      });
      const bool accepted = input.give(machine);
      if (arrow == std::end(kArrows)) {
        EXPECT_EQ(accepted, !is_request(input));
        EXPECT_EQ(machine.update.record(), before);
        EXPECT_EQ(machine.drain(), "");
      } else {
        EXPECT_TRUE(accepted);
        EXPECT_EQ(machine.update.phase(), arrow->to);
        EXPECT_EQ(machine.update.result(), arrow->result);
        EXPECT_EQ(machine.drain(), arrow->actions);
      }
    }
  }
}

TEST(CoreAppendixE_6, StateIsWhatThePhaseBelongsTo) {
  const std::map<Phase, FirmwareState> states{{Phase::Idle, FirmwareState::Idle},
                                              {Phase::Pushing, FirmwareState::Downloading},
                                              {Phase::Fetching, FirmwareState::Downloading},
                                              {Phase::Checking, FirmwareState::Downloading},
                                              {Phase::Downloaded, FirmwareState::Downloaded},
                                              {Phase::Installing, FirmwareState::Updating}};
  for (const auto& [phase, state] : states) EXPECT_EQ(in(phase).update.state(), state) << to_string(phase);
}

TEST(CoreAppendixE_6, ANewProcessResetsTheResult) {
  Machine machine = in(Phase::Idle);
  ASSERT_TRUE(machine.update.refuse_uri("x", InvalidUri));
  ASSERT_TRUE(machine.update.begin_fetch(kUri));
  EXPECT_EQ(machine.update.result(), Initial);
  machine = in(Phase::Installing);
  machine.update.installed(machine.attempt, false);
  ASSERT_EQ(machine.update.result(), UpdateFailed);
  ASSERT_TRUE(machine.update.update());
  EXPECT_EQ(machine.update.result(), Initial);
}

TEST(FirmwareUpdate, AReportOfAnEarlierAttemptIsIgnored) {
  Machine machine = in(Phase::Fetching);
  const std::uint64_t old = machine.attempt;
  ASSERT_TRUE(machine.update.reset());
  ASSERT_TRUE(machine.update.begin_fetch(kUri));
  machine.drain();
  machine.update.fetched(old, NoSpace);
  EXPECT_EQ(machine.update.phase(), Phase::Fetching);
  machine.update.fetched(machine.attempt, Initial);
  machine.drain();
  machine.update.checked(old, {});
  EXPECT_EQ(machine.update.phase(), Phase::Checking);
  EXPECT_FALSE(machine.update.installed(machine.attempt, true));
}

TEST(FirmwareUpdate, ARestartGoesOnWhereItWas) {
  const std::map<Phase, std::pair<Phase, std::string>> after{{Phase::Idle, {Phase::Idle, ""}},
                                                             {Phase::Pushing, {Phase::Idle, "Discard"}},
                                                             {Phase::Fetching, {Phase::Fetching, "Fetch+resume"}},
                                                             {Phase::Checking, {Phase::Checking, "Check"}},
                                                             {Phase::Downloaded, {Phase::Downloaded, ""}},
                                                             {Phase::Installing, {Phase::Installing, "Confirm"}}};
  for (const auto& [phase, expected] : after) {
    SCOPED_TRACE(to_string(phase));
    Machine fresh;
    fresh.update.restore(in(phase).update.record());
    EXPECT_EQ(fresh.update.phase(), expected.first);
    EXPECT_EQ(fresh.drain(), expected.second);
    if (phase == Phase::Pushing) {
      EXPECT_EQ(fresh.update.result(), ConnectionLost);
    }
    if (phase == Phase::Fetching) {
      EXPECT_EQ(fresh.update.record().uri, kUri);
    }
  }
}

TEST(CoreAppendixE_6, NamesHaveAtMost255BytesOfWholeCharacters) {
  Machine machine = in(Phase::Checking);
  machine.update.checked(machine.attempt, {Initial, std::string(254, 'a') + "\xC3\xA9", "\xFF"});
  EXPECT_EQ(machine.update.record().name, std::string(254, 'a'));
  EXPECT_EQ(machine.update.record().version, "");
}

TEST(FirmwareUpdate, PhasesHaveNames) {
  for (const Phase phase : kPhases) EXPECT_EQ(parse_firmware_phase(to_string(phase)), phase);
  EXPECT_FALSE(parse_firmware_phase("asleep"));
}

}  // namespace
}  // namespace drover::client
