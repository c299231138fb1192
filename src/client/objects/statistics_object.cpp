// SPDX-License-Identifier: Apache-2.0
#include "client/objects/statistics_object.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "client/object_tree.hpp"
#include "coap/message/code.hpp"

namespace drover::client {

using lwm2m::Path;
using lwm2m::ResourceId;

namespace {

constexpr std::uint64_t kKilobyte = 1024;
constexpr std::uint64_t kUdpHeader = 8;    // RFC 768
constexpr std::uint64_t kIpv4Header = 20;  // RFC 791 §3.1, without options
constexpr std::uint64_t kIpv6Header = 40;  // RFC 8200 §3

const Path kInstance(StatisticsObject::kObject, 0);

}  // namespace

void StatisticsObject::count(const transport::PeerAddress& peer, std::size_t size, std::uint64_t& into) {
  if (peer.kind != transport::Kind::Udp) return;  // E.8: without SMS messages
  const std::uint64_t length = size + kUdpHeader + (peer.is_v4() ? kIpv4Header : kIpv6Header);
  into += length;
  ++counters_.messages;
  counters_.longest = std::max(counters_.longest, length);
}

std::int64_t StatisticsObject::shown(const Counters& counters, ResourceId resource) const {
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  switch (resource) {
    case kSmsSent: return number(counters.sms_sent);
    case kSmsReceived: return number(counters.sms_received);
    case kSent: return number(counters.sent / kKilobyte);
    case kReceived: return number(counters.received / kKilobyte);
    case kMessageMax: return number(counters.longest);
    case kMessageAverage: {
      if (counters.messages == 0) return 0;
      return number((counters.sent + counters.received + counters.messages / 2) / counters.messages);
    }
    default: return 0;
  }
}

std::optional<lwm2m::Value> StatisticsObject::compute(const Context&, lwm2m::InstanceId, ResourceId resource) {
  if (resource > kMessageAverage) return std::nullopt;
  return shown(counters_, resource);
}

Result<void> StatisticsObject::check_write(const Context&, lwm2m::InstanceId, const lwm2m::ResourceNode& node) {
  if (node.id != kPeriod || node.instances.empty()) return {};
  const auto* seconds = std::get_if<std::int64_t>(&node.instances.front().value);
  if (seconds != nullptr && *seconds >= 0 && *seconds <= std::numeric_limits<std::uint32_t>::max()) return {};
  return peer_error(coap::code::kBadRequest.value, "a collection period is 0 to 4294967295 seconds");
}

Result<void> StatisticsObject::execute(const Context& context, const Path& path, const Arguments&) {
  if (path.resource() == kStart) {
    start(context);
    return {};
  }
  if (path.resource() == kStop) {
    stop();
    return {};
  }
  return peer_error(coap::code::kMethodNotAllowed.value, "not executable");
}

void StatisticsObject::created(const Context& context, lwm2m::InstanceId instance) {
  for (const ResourceId id : {kSmsSent, kSmsReceived, kSent, kReceived, kMessageMax, kMessageAverage, kPeriod}) {
    // Fails where the owner of the tree has left the optional resource out.
    (void)tree_.set(context, Path(kObject, instance, id), std::int64_t{0});
  }
}

void StatisticsObject::deleted(const Context&, lwm2m::InstanceId) {
  stop();
  counters_ = told_ = {};
  stopped_ = false;
}

void StatisticsObject::start(const Context& context) {
  counters_ = {};
  collecting_ = true;
  stopped_ = false;
  ends_.reset();
  const auto period = tree_.get(context, kInstance.child(kPeriod));
  const auto* seconds = period ? std::get_if<std::int64_t>(&*period) : nullptr;
  if (seconds != nullptr && *seconds > 0) ends_ = context.now + std::chrono::seconds(*seconds);
}

void StatisticsObject::stop() {
  stopped_ = std::exchange(collecting_, false);
  ends_.reset();
}

bool StatisticsObject::settle(Instant now) {
  if (ends_ && now >= *ends_) stop();
  const Context own{now, std::nullopt};
  bool told = false;
  for (const ResourceId id : {kSmsSent, kSmsReceived, kSent, kReceived, kMessageMax}) {
    if (shown(counters_, id) == shown(told_, id)) continue;
    told = true;
    if (tree_.has(kInstance.child(id))) tree_.touch(own, kInstance.child(id));
  }
  const bool average = (told || stopped_) && shown(counters_, kMessageAverage) != shown(told_, kMessageAverage);
  if (average && tree_.has(kInstance.child(kMessageAverage))) tree_.touch(own, kInstance.child(kMessageAverage));
  stopped_ = false;
  if (told || average) told_ = counters_;
  return told || average;
}

std::optional<Deadline> StatisticsObject::deadline() const {
  if (!ends_) return std::nullopt;
  return Deadline{*ends_, Reason::Collection};
}

}  // namespace drover::client
