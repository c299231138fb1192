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

const Path kErrors(DeviceObject::kObject, 0, DeviceObject::kErrorCode);

UnixSeconds whole_seconds(Instant at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

/// A number of one or two digits, at most `most`.
bool is_small_number(std::string_view text, int most) {
  if (text.empty() || text.size() > 2) return false;
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  return value <= most;
}

/// "Z", "+2", "+02", "+0200", "+02:00", each with an optional "UTC" before it: Core E.4 says "UTC+X [ISO 8601]".
bool is_utc_offset(std::string_view text) {
  constexpr int kHoursMax = 14;  // Kiribati's +14:00 is the farthest one in use
  constexpr int kMinutesMax = 59;
  if (text == "UTC") return true;
  if (text.starts_with("UTC")) text.remove_prefix(3);
  if (text == "Z") return true;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return false;
  text.remove_prefix(1);
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    return text.size() == colon + 3 && is_small_number(text.substr(0, colon), kHoursMax) &&
           is_small_number(text.substr(colon + 1), kMinutesMax);
  }
  if (text.size() == 4) {
    return is_small_number(text.substr(0, 2), kHoursMax) && is_small_number(text.substr(2), kMinutesMax);
  }
  return is_small_number(text, kHoursMax);
}

/// The form of the tz database's file names: parts of letters, digits, '-', '+', '_' and '.' between slashes, the first
/// of which begins with a letter. Whether there is such a place only the database knows, which the core hasn't.
bool is_timezone(std::string_view text) {
  constexpr std::size_t kNameMax = 64;  // "America/Argentina/ComodRivadavia" is the longest, with 32
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (text.empty() || text.size() > kNameMax || !letter(text.front()) || text.back() == '/') return false;
  if (text.find("//") != std::string_view::npos || text.find("..") != std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || std::string_view("/-+_.").find(c) != std::string_view::npos;
  });
}

tl::unexpected<Error> bad(std::string reason) {
  return peer_error(coap::code::kBadRequest.value, std::move(reason));
}

}  // namespace

void DeviceObject::set_clock(Instant at, UnixSeconds unix) {
  clock_ = unix - whole_seconds(at);
}

std::optional<UnixSeconds> DeviceObject::unix_time(Instant at) const {
  if (!clock_) return std::nullopt;
  return *clock_ + whole_seconds(at);
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
  if (node.instances.empty()) return {};
  const lwm2m::Value& value = node.instances.front().value;
  const auto* text = std::get_if<std::string>(&value);
  switch (node.id) {
    case kCurrentTime: {
      const auto* time = std::get_if<lwm2m::Time>(&value);
      if (time != nullptr && time->seconds >= 0 && time->seconds <= kTimeMax) return {};
      return bad("the time is seconds since 1970, up to the year 9999");
    }
    case kUtcOffset:
      if (text != nullptr && is_utc_offset(*text)) return {};
      return bad("a UTC offset looks like +01:00");
    case kTimezone:
      if (text != nullptr && is_timezone(*text)) return {};
      return bad("a timezone is a name of the IANA database such as Europe/Berlin");
    default: return {};
  }
}

void DeviceObject::written(const Context& context, const Path& path) {
  if (path.resource() != kCurrentTime) return;
  // The stored value and not the computed one: what the server has just set.
  clock_.reset();
  const auto value = tree_.get(context, path);
  const auto* time = value ? std::get_if<lwm2m::Time>(&*value) : nullptr;
  if (time != nullptr) set_clock(context.now, time->seconds);
}

Result<void> DeviceObject::execute(const Context& context, const Path& path, const Arguments&) {
  switch (path.resource()) {
    case kReboot: wish_.reboot = true; return {};
    case kFactoryReset: wish_.factory_reset = true; return {};
    case kResetErrorCode: reset_errors(context); return {};
    default: return peer_error(coap::code::kMethodNotAllowed.value, "not executable");
  }
}

void DeviceObject::created(const Context& context, lwm2m::InstanceId instance) {
  // The mandatory "Supported Binding and Modes" has no use when empty. It names what ServerObject::kBinding may be.
  (void)tree_.set(context, Path(kObject, instance, kSupportedBinding), supported_binding_);
}

void DeviceObject::refresh_supported_binding(const Context& context) {
  const Path path(kObject, 0, kSupportedBinding);
  const auto value = tree_.get(context, path);
  const auto* text = value ? std::get_if<std::string>(&*value) : nullptr;
  if (text != nullptr && (*text == "UQ" || *text == "UQSQ")) (void)tree_.set(context, path, supported_binding_);
}

// ---- error codes ----------------------------------------------------------------------------------------------------

std::vector<lwm2m::ResourceInstanceNode> DeviceObject::errors(const Context& context) const {
  for (const auto& node : tree_.values(context, kObject, 0)) {
    if (node.id == kErrorCode) return node.instances;
  }
  return {};
}

void DeviceObject::report(const Context& context, Trouble trouble, bool present) {
  const auto before = reported_.find(trouble);
  if (before != reported_.end() && before->second == present) return;
  reported_[trouble] = present;
  if (tree_.instances(kObject).empty()) return;
  if (present) {
    raise(context, trouble);
  } else {
    clear(context, trouble);
  }
}

void DeviceObject::raise(const Context& context, Trouble trouble) {
  const std::int64_t code = static_cast<std::int64_t>(trouble);
  lwm2m::ResourceInstanceId place = 0;
  for (const auto& entry : errors(context)) {
    if (entry.value == lwm2m::Value(code)) return;
    if (entry.value != lwm2m::Value(std::int64_t{0}) && entry.id == place) ++place;  // the first that is free
  }
  (void)tree_.set(context, kErrors.child(place), code);
}

void DeviceObject::clear(const Context& context, Trouble trouble) {
  const lwm2m::Value code = static_cast<std::int64_t>(trouble);
  auto held = errors(context);
  for (const auto& entry : held) {
    if (entry.value == code) (void)tree_.unset(context, kErrors.child(entry.id));
  }
  std::erase_if(held, [&](const auto& entry) { return entry.value == code; });
  if (held.empty()) (void)tree_.set(context, kErrors.child(0), std::int64_t{0});
}

void DeviceObject::reset_errors(const Context& context) {
  for (const auto& entry : errors(context)) (void)tree_.unset(context, kErrors.child(entry.id));
  (void)tree_.set(context, kErrors.child(0), std::int64_t{0});
  look_again(context.now);
  for (const auto& [trouble, present] : reported_) {
    if (present) raise(context, trouble);
  }
}

}  // namespace drover::client
