// SPDX-License-Identifier: Apache-2.0
#include "sms/gateway_packets.hpp"

#include <algorithm>
#include <utility>

namespace drover::sms {

namespace sps = security::sps;

GatewayPackets::Channel& GatewayPackets::channel(std::uint64_t key) {
  const auto [found, is_new] = channels_.try_emplace(key);
  Channel& channel = found->second;
  if (is_new) {
    channel.saved = peers_.counters(key);
    channel.received = channel.saved.received;
    channel.next = std::min(channel.saved.reserved, sps::kCounterBlocked - 1) + 1;
    channel.place = codecs_.end();
  }
  return channel;
}

sps::Codec* GatewayPackets::codec(Channel& channel, const Peer::Packets& with) {
  if (channel.codec != nullptr && channel.parameters == with.parameters) {
    codecs_.splice(codecs_.end(), codecs_, channel.place);
    return channel.codec.get();
  }
  auto made = sps::Codec::make(with.parameters, with.keys);
  if (!made) return nullptr;
  if (channel.codec == nullptr) {
    if (codecs_.size() >= kCodecsMax) {
      Channel& idle = channels_.at(codecs_.front());
      idle.codec.reset();
      idle.place = codecs_.end();
      codecs_.pop_front();
    }
    codecs_.push_back(with.key);
    channel.place = std::prev(codecs_.end());
  }
  channel.codec = std::make_unique<sps::Codec>(std::move(*made));
  channel.parameters = with.parameters;
  return channel.codec.get();
}

// ---- out

void GatewayPackets::send(Instant now, const std::string& msisdn, const Peer::Packets& with, ByteView coap) {
  Channel& channel = this->channel(with.key);
  if (waiting_ >= settings_.unsaved_max && channel.next > channel.saved.reserved) {
    ++counters_.unsaved;
    return;
  }
  sps::Codec* codec = this->codec(channel, with);
  auto packet = codec == nullptr ? Result<sps::Packet>(peer_error(0, "the keys don't suit their parameters"))
                                 : codec->encode_command(channel.next, sps::wrap(settings_.coap_tag, coap));
  if (!packet) {
    ++counters_.unsent;
    notes_.add(now, msisdn, "not sent: " + packet.error().reason);
    return;
  }
  const std::uint64_t counter = channel.next++;
  ++counters_.messages_out;
  remember_own(channel, {counter, packet->checksum, sps::asks_receipt(with.parameters)});
  Outgoing outgoing{msisdn, PacketType::Command, with.on_smartcard, std::move(packet->bytes)};
  if (counter <= channel.saved.reserved) {
    outgoing_.push_back(std::move(outgoing));
    return;
  }
  channel.outgoing.push_back({counter, std::move(outgoing)});
  ++waiting_;
  want_save(with.key, channel);
}

void GatewayPackets::remember_own(Channel& channel, Own own) {
  std::vector<Own>& all = channel.own;
  const auto is_needed = [&](const Own& old) { return old.counter > channel.received || old.awaits_receipt; };
  while (all.size() >= kOwnMax || (all.size() >= kOwnKept && !is_needed(all.front()))) all.erase(all.begin());
  all.push_back(own);
}

// ---- in

void GatewayPackets::receive(Instant now, const std::string& msisdn, const Peer::Packets& with, PacketType type,
                             ByteView packet) {
  Channel& channel = this->channel(with.key);
  sps::Codec* codec = this->codec(channel, with);
  const auto refuse = [&](const std::string& reason) {
    ++counters_.unprotected;
    notes_.add(now, msisdn, "dropped: " + reason);
  };
  if (codec == nullptr) {
    refuse("the keys don't suit their parameters");
  } else if (type == PacketType::Response) {
    const auto response = codec->decode_response(packet);
    response ? take_response(now, msisdn, channel, *response) : refuse(response.error().reason);
  } else {
    auto command = codec->decode_command(packet);
    command ? take_command(now, msisdn, with, channel, std::move(*command)) : refuse(command.error().reason);
  }
}

void GatewayPackets::take_command(Instant now, const std::string& msisdn, const Peer::Packets& with, Channel& channel,
                                  sps::Command command) {
  const auto is_own = [&](const Own& own) {
    return own.counter == command.counter && own.checksum == command.checksum;
  };
  if (std::ranges::any_of(channel.own, is_own)) {
    ++counters_.reflected;
    notes_.add(now, msisdn, "dropped: a secured packet of our own");
    return;
  }
  if (command.counter <= channel.received) {
    ++counters_.replayed;
    notes_.add(now, msisdn,
               "dropped: a secured packet with counter " + std::to_string(command.counter) + ", which isn't above " +
                   std::to_string(channel.received));
    return;
  }
  if (waiting_ >= settings_.unsaved_max) {
    ++counters_.unsaved;
    return;
  }
  channel.received = command.counter;
  want_save(with.key, channel);
  const auto coap = sps::unwrap(settings_.coap_tag, command.data);
  if (!coap) {
    ++counters_.malformed;
    notes_.add(now, msisdn, "dropped: " + coap.error().reason);
    return;
  }
  channel.incoming.push_back({command.counter, {msisdn, with.key, Bytes(coap->begin(), coap->end())}, {}});
  channel.incoming.back().receipt = receipt(msisdn, with, channel, command.counter);
  ++waiting_;
}

std::optional<GatewayPackets::Outgoing> GatewayPackets::receipt(const std::string& msisdn, const Peer::Packets& with,
                                                                Channel& channel, std::uint64_t counter) {
  if (!sps::asks_receipt(with.parameters)) return std::nullopt;
  auto packet = channel.codec->encode_response(counter, sps::Status::Done, {});
  if (!packet) return std::nullopt;
  if (channel.own_receipts.size() >= kOwnReceiptsMax) channel.own_receipts.erase(channel.own_receipts.begin());
  channel.own_receipts.push_back(packet->checksum);
  return Outgoing{msisdn, PacketType::Response, with.on_smartcard, std::move(packet->bytes)};
}

void GatewayPackets::take_response(Instant now, const std::string& msisdn, Channel& channel,
                                   const sps::Response& response) {
  if (std::ranges::find(channel.own_receipts, response.checksum) != channel.own_receipts.end()) {
    ++counters_.reflected;
    notes_.add(now, msisdn, "dropped: a proof of receipt of our own");
    return;
  }
  const auto own = std::ranges::find_if(channel.own, [&](const Own& candidate) {
    return candidate.counter == response.counter && candidate.awaits_receipt;
  });
  if (own == channel.own.end()) {
    ++counters_.replayed;
    return;
  }
  own->awaits_receipt = false;
  ++counters_.receipts;
  notes_.add(now, msisdn,
             "proof of receipt of packet " + std::to_string(response.counter) + ": " + to_string(response.status));
}

// ---- counters

void GatewayPackets::want_save(std::uint64_t key, Channel& channel) {
  if (channel.is_to_save || channel.saving) return;
  channel.is_to_save = true;
  to_save_.push_back(key);
}

/// What is to be reserved: for all that waits, and along with anything else that is saved before it gets scarce.
std::uint64_t GatewayPackets::reservation(const Channel& channel) const {
  const std::uint64_t used = channel.next - 1;
  const std::uint64_t last = sps::kCounterBlocked - 1;
  const std::uint64_t reserve = std::clamp<std::uint64_t>(settings_.reserve, 1, last);
  const std::uint64_t left = channel.saved.reserved > used ? channel.saved.reserved - used : 0;
  if (left >= (reserve + 1) / 2) return channel.saved.reserved;
  return std::max(channel.saved.reserved, std::min(last, used + reserve));
}

std::optional<SaveCounters> GatewayPackets::poll_save() {
  const auto key = take_front(to_save_);
  if (!key) return std::nullopt;
  Channel& channel = channels_.at(*key);
  channel.is_to_save = false;
  channel.saving = Counters{reservation(channel), channel.received};
  return SaveCounters{*key, *channel.saving};
}

void GatewayPackets::saved(std::uint64_t key) {
  const auto found = channels_.find(key);
  if (found == channels_.end() || !found->second.saving) return;
  Channel& channel = found->second;
  channel.saved = *std::exchange(channel.saving, std::nullopt);
  release(channel);
  if (!channel.outgoing.empty() || channel.received > channel.saved.received) want_save(key, channel);
}

void GatewayPackets::release(Channel& channel) {
  while (!channel.outgoing.empty() && channel.outgoing.front().counter <= channel.saved.reserved) {
    outgoing_.push_back(std::move(channel.outgoing.front().packet));
    channel.outgoing.pop_front();
    --waiting_;
  }
  while (!channel.incoming.empty() && channel.incoming.front().counter <= channel.saved.received) {
    WaitingIncoming& first = channel.incoming.front();
    if (first.receipt) outgoing_.push_back(std::move(*first.receipt));
    incoming_.push_back(std::move(first.message));
    channel.incoming.pop_front();
    --waiting_;
  }
}

}  // namespace drover::sms
