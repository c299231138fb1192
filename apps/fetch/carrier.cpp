// SPDX-License-Identifier: Apache-2.0
#include "apps/fetch/carrier.hpp"

#include <utility>

#include "io/clock.hpp"

namespace drover::fetch {

using transport::Transmit;

Carrier::Carrier(Rng& rng) : provider_({}, rng), channels_(&provider_), endpoint_(coap::Parameters{}, rng) {
  provider_.set_wall_clock(std::chrono::seconds(io::unix_now()) - io::now().time_since_epoch());
}

void Carrier::protect(const std::string& host, const client::SecurityValues& keys) {
  secure_ = true;
  channels_.configure(io::now(), kServer, host, keys);
}

transport::PeerAddress Carrier::connect(Instant now, const transport::PeerAddress& address) {
  now_ = now;
  if (!secure_) return address;
  channels_.connect(now, kServer, address);
  settle(now);
  return channels_.name(kServer);
}

void Carrier::settle(Instant now) {
  while (const auto event = channels_.poll_event()) {
    if (const auto* down = std::get_if<client::ChannelDown>(&*event)) {
      failure_ = down->reason;
      continue;
    }
    for (const Transmit& message : std::exchange(early_, {})) channels_.send(now, message);
  }
  while (const auto message = channels_.poll_message()) endpoint_.handle_datagram(now, {message->to, message->bytes});
}

void Carrier::handle_datagram(Instant now, const transport::Datagram& datagram) {
  now_ = now;
  if (secure_) {
    channels_.handle_datagram(now, datagram);
  } else {
    endpoint_.handle_datagram(now, datagram);
  }
  settle(now);
}

void Carrier::handle_timeout(Instant now) {
  now_ = now;
  endpoint_.handle_timeout(now);
  channels_.handle_timeout(now);
  settle(now);
}

std::optional<Transmit> Carrier::poll_transmit() {
  while (auto transmit = endpoint_.poll_transmit()) {
    if (transmit->to.kind != transport::Kind::Association) return transmit;
    if (channels_.is_up(kServer)) {
      channels_.send(now_, *transmit);
    } else {
      early_.clear();  // one request at a time: this one repeats it
      early_.push_back(std::move(*transmit));
    }
  }
  return channels_.poll_transmit();
}

std::optional<Deadline> Carrier::deadline() const {
  const auto messages = endpoint_.deadline();
  const auto records = channels_.deadline();
  if (!messages) return records;
  return records && records->at < messages->at ? records : messages;
}

}  // namespace drover::fetch
