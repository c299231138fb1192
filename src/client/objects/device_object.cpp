// SPDX-License-Identifier: Apache-2.0
#include "client/objects/device_object.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "client/object_tree.hpp"
#include "coap/message/code.hpp"

namespace drover::client {

using lwm2m::Path;

namespace {

UnixSeconds whole_seconds(Instant at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

/// "Z", "+2", "+02", "+0200", "+02:00", each with an optional "UTC" before it: Core E.4 says "UTC+X [ISO 8601]".
bool is_utc_offset(std::string_view text) {
  if (text.starts_with("UTC")) text.remove_prefix(3);
  if (text.empty() || text == "Z") return true;
  if (text.front() != '+' && text.front() != '-') return false;
  text.remove_prefix(1);
  const auto digits = [](std::string_view part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return digits(text) && text.size() != 3 && text.size() <= 4;
  return digits(text.substr(0, colon)) && colon <= 2 && digits(text.substr(colon + 1)) && text.size() == colon + 3;
}

}  // namespace

void DeviceObject::set_clock(Instant at, UnixSeconds unix) {
  clock_ = unix - whole_seconds(at);
}

DeviceObject::Wish DeviceObject::poll() {
  return std::exchange(wish_, {});
}

std::optional<lwm2m::Value> DeviceObject::compute(const Context& context, lwm2m::InstanceId,
                                                  lwm2m::ResourceId resource) {
  if (resource != kCurrentTime || !clock_) return std::nullopt;
  return lwm2m::Time{*clock_ + whole_seconds(context.now)};
}

Result<void> DeviceObject::check_write(const Context&, lwm2m::InstanceId, const lwm2m::ResourceNode& node) {
  if (node.id != kUtcOffset) return {};
  const auto* text = std::get_if<std::string>(&node.instances.front().value);
  if (text != nullptr && is_utc_offset(*text)) return {};
  return peer_error(coap::code::kBadRequest.value, "a UTC offset looks like +01:00");
}

void DeviceObject::written(const Context& context, const Path& path) {
  // The stored value and not the computed one: what the server has just set.
  if (path.resource() != kCurrentTime || !clock_) return;
  clock_.reset();
  const auto value = tree_.get(context, path);
  const auto* time = value ? std::get_if<lwm2m::Time>(&*value) : nullptr;
  if (time != nullptr) set_clock(context.now, time->seconds);
}

Result<void> DeviceObject::execute(const Context& context, const Path& path, const Arguments&) {
  switch (path.resource()) {
    case kReboot: wish_.reboot = true; return {};
    case kFactoryReset: wish_.factory_reset = true; return {};
    case kResetErrorCode: reset_errors(context, path.instance()); return {};
    default: return peer_error(coap::code::kMethodNotAllowed.value, "not executable");
  }
}

void DeviceObject::created(const Context& context, lwm2m::InstanceId instance) {
  // The mandatory "Supported Binding and Modes" has no use when empty.
  (void)tree_.set(context, Path(kObject, instance, kSupportedBinding), std::string("U"));
}

void DeviceObject::reset_errors(const Context& context, lwm2m::InstanceId instance) {
  const Path errors(kObject, instance, kErrorCode);
  for (const auto& node : tree_.values(context, kObject, instance)) {
    if (node.id != kErrorCode) continue;
    for (const auto& entry : node.instances) (void)tree_.unset(context, errors.child(entry.id));
  }
  (void)tree_.set(context, errors.child(0), std::int64_t{0});
}

}  // namespace drover::client
