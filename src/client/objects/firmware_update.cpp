// SPDX-License-Identifier: Apache-2.0
#include "client/objects/firmware_update.hpp"

#include <array>
#include <utility>

#include "base/bytes.hpp"
#include "base/take_front.hpp"
#include "coap/message/code.hpp"

namespace drover::client {

using Kind = FirmwareAction::Kind;
using Phase = FirmwarePhase;

namespace {

constexpr std::array<std::pair<Phase, const char*>, 6> kPhases{{{Phase::Idle, "idle"},
                                                                {Phase::Pushing, "pushing"},
                                                                {Phase::Fetching, "fetching"},
                                                                {Phase::Checking, "checking"},
                                                                {Phase::Downloaded, "downloaded"},
                                                                {Phase::Installing, "installing"}}};

tl::unexpected<Error> not_now(std::string reason) {
  return peer_error(coap::code::kMethodNotAllowed.value, std::move(reason));
}

/// At most kNameMax bytes, whole characters; nothing of what isn't UTF-8, since a String must be.
std::string bounded(const std::string& text) {
  std::string result = text.substr(0, FirmwareUpdate::kNameMax);
  constexpr int kContinuationsMax = 3;
  for (int i = 0; i < kContinuationsMax && !result.empty() && !is_utf8(result); ++i) result.pop_back();
  return is_utf8(result) ? result : std::string();
}

}  // namespace

const char* to_string(FirmwarePhase phase) {
  for (const auto& [known, text] : kPhases) {
    if (known == phase) return text;
  }
  return "";
}

std::optional<FirmwarePhase> parse_firmware_phase(std::string_view text) {
  for (const auto& [phase, known] : kPhases) {
    if (known == text) return phase;
  }
  return std::nullopt;
}

FirmwareState FirmwareUpdate::state() const {
  switch (record_.phase) {
    case Phase::Idle: return FirmwareState::Idle;
    case Phase::Pushing:
    case Phase::Fetching:
    case Phase::Checking: return FirmwareState::Downloading;
    case Phase::Downloaded: return FirmwareState::Downloaded;
    case Phase::Installing: return FirmwareState::Updating;
  }
  return FirmwareState::Idle;
}

Result<void> FirmwareUpdate::may_begin() const {
  if (record_.phase == Phase::Idle) return {};
  return not_now("an update is under way; write an empty Package URI first");
}

Result<void> FirmwareUpdate::may_reset() const {
  if (record_.phase != Phase::Installing) return {};
  return not_now("the firmware is being installed");
}

void FirmwareUpdate::ask(Kind kind, bool resume) {
  actions_.push_back({kind, ++attempt_, record_.uri, resume});
}

void FirmwareUpdate::end(FirmwareResult result) {
  const Phase before = std::exchange(record_.phase, Phase::Idle);
  record_.result = result;
  if (before == Phase::Fetching || before == Phase::Checking) ask(Kind::Stop);
  if (before != Phase::Idle) ask(Kind::Discard);
}

Result<void> FirmwareUpdate::reset() {
  if (auto may = may_reset(); !may) return may;
  end(FirmwareResult::Initial);
  record_ = FirmwareRecord{};
  return {};
}

Result<void> FirmwareUpdate::begin_push() {
  if (auto may = may_begin(); !may) return may;
  record_ = FirmwareRecord{};
  record_.phase = Phase::Pushing;
  return {};
}

Result<void> FirmwareUpdate::begin_fetch(const std::string& uri) {
  if (auto may = may_begin(); !may) return may;
  record_ = FirmwareRecord{};
  record_.phase = Phase::Fetching;
  record_.uri = uri;
  ask(Kind::Fetch);
  return {};
}

Result<void> FirmwareUpdate::refuse_uri(const std::string& uri, FirmwareResult result) {
  if (auto may = may_begin(); !may) return may;
  record_ = FirmwareRecord{};
  record_.uri = uri;
  record_.result = result;
  return {};
}

Result<void> FirmwareUpdate::update() {
  if (record_.phase != Phase::Downloaded) return not_now("Update needs the state Downloaded");
  record_.phase = Phase::Installing;
  record_.result = FirmwareResult::Initial;
  ask(Kind::Install);
  return {};
}

void FirmwareUpdate::pushed() {
  if (record_.phase != Phase::Pushing) return;
  record_.phase = Phase::Checking;
  ask(Kind::Check);
}

void FirmwareUpdate::push_failed(FirmwareResult why) {
  if (record_.phase == Phase::Pushing) end(why);
}

void FirmwareUpdate::fetched(std::uint64_t attempt, FirmwareResult result) {
  if (attempt != attempt_ || record_.phase != Phase::Fetching) return;
  if (result != FirmwareResult::Initial) return end(result);
  record_.phase = Phase::Checking;
  ask(Kind::Check);
}

void FirmwareUpdate::checked(std::uint64_t attempt, const FirmwareFinding& finding) {
  if (attempt != attempt_ || record_.phase != Phase::Checking) return;
  record_.name = bounded(finding.name);
  record_.version = bounded(finding.version);
  if (finding.result != FirmwareResult::Initial) return end(finding.result);
  record_.phase = Phase::Downloaded;
}

bool FirmwareUpdate::installed(std::uint64_t attempt, bool success) {
  if (attempt != attempt_ || record_.phase != Phase::Installing) return false;
  if (success) {
    end(FirmwareResult::Updated);
  } else {
    record_.phase = Phase::Downloaded;
    record_.result = FirmwareResult::UpdateFailed;
  }
  return true;
}

void FirmwareUpdate::restore(const FirmwareRecord& record) {
  record_ = record;
  switch (record.phase) {
    case Phase::Idle:
    case Phase::Downloaded: return;
    case Phase::Pushing: return end(FirmwareResult::ConnectionLost);
    case Phase::Fetching: return ask(Kind::Fetch, true);
    case Phase::Checking: return ask(Kind::Check);
    case Phase::Installing: return ask(Kind::Confirm);
  }
}

std::optional<FirmwareAction> FirmwareUpdate::poll() {
  return take_front(actions_);
}

}  // namespace drover::client
