// SPDX-License-Identifier: Apache-2.0
// The protocol as a device and this server speak it, for whoever looks for what is wrong between them.
#include <utility>

#include "lwm2m/mapping/mapping.hpp"
#include "server/shard.hpp"

namespace drover::server {

bool Shard::trace(Instant now, const std::string& endpoint, Duration time) {
  traces_.forget_old(now);
  return traces_.start(endpoint, now + time);
}

bool Shard::stop_trace(std::string_view endpoint) {
  return traces_.stop(endpoint);
}

std::optional<TraceView> Shard::traced(std::string_view endpoint, std::uint64_t after, std::size_t limit) const {
  auto view = traces_.view(endpoint, after, limit);
  if (view) view->until = wall(*traces_.until(endpoint));
  return view;
}

void Shard::note_traced(Instant now, bool uplink, const transport::PeerAddress& peer, ByteView bytes) {
  traces_.for_each(now, [&](const std::string& endpoint) {
    const auto slot = registry_.find(endpoint);
    if (slot && registry_[*slot].address() == peer) note_traced(now, endpoint, uplink, peer, bytes);
  });
  // Whose a Register is shows when it has been read.
  if (uplink) heard_last_ = Bytes(bytes.begin(), bytes.end());
}

void Shard::note_register(Instant now, std::string_view endpoint, const transport::PeerAddress& peer) {
  const auto until = traces_.until(endpoint);
  if (!until || *until <= now) return;
  const auto slot = registry_.find(endpoint);
  // One from where it is registered already has been noted.
  if (!slot || registry_[*slot].address() != peer) note_traced(now, endpoint, true, peer, heard_last_);
}

void Shard::note_traced(Instant now, std::string_view endpoint, bool uplink, const transport::PeerAddress& peer,
                        ByteView bytes) {
  TracedMessage message;
  message.at = wall_exactly(now);
  message.uplink = uplink;
  const auto known = listener_ ? listener_->address(peer) : std::nullopt;
  message.address = known.value_or(peer);
  message.secure = known.has_value();
  message.bytes.assign(bytes.begin(), bytes.end());
  traces_.note(endpoint, std::move(message));
}

}  // namespace drover::server
