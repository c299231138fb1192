// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/firmware_host.hpp"

#include <utility>

namespace drover::conformance {

using client::FirmwareAction;
using client::FirmwareObject;
using client::FirmwareResult;

Configuration FirmwareHost::configuration() {
  return with(c3(), [this](Site& site) {
    site.define(FirmwareObject::kObject, FirmwareObject::supported(), &object_);
    object_.attach(site.client().tree());
    site.add(FirmwareObject::kObject, 0);
    site.host = [this](Site& where) { return work(where); };
  });
}

bool FirmwareHost::work(Site& site) {
  if (held_) return false;
  const auto action = object_.poll();
  if (!action) return false;
  if (action->kind == FirmwareAction::Kind::Check) {
    object_.checked(site.now(), action->attempt, {fate_.finding, "drover", kNewVersion});
  } else if (action->kind == FirmwareAction::Kind::Install) {
    ++installs_;
    object_.installed(site.now(), action->attempt, fate_.installs, kNewVersion);
  } else {
    EXPECT_EQ(action->kind, FirmwareAction::Kind::Stop) << "a device with push alone has nothing else to do";
  }
  site.client().settle(site.now());
  return true;
}

client::FirmwareSink::Stored FirmwareHost::begin() {
  image_.clear();
  return {};
}

client::FirmwareSink::Stored FirmwareHost::append(ByteView bytes) {
  image_.insert(image_.end(), bytes.begin(), bytes.end());
  if (image_.size() > fate_.memory) return tl::unexpected(FirmwareResult::OutOfMemory);
  if (image_.size() > fate_.capacity) return tl::unexpected(FirmwareResult::NoSpace);
  return {};
}

}  // namespace drover::conformance
