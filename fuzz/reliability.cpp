// SPDX-License-Identifier: Apache-2.0
// A byte string as a sequence of inputs to the message layer: datagrams from a few peers, sends, answers, time.
#include "coap/reliability/reliability.hpp"

#include <cassert>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <variant>

#include "base/random.hpp"
#include "base/reader.hpp"

namespace {

using namespace drover;
using namespace drover::coap;

using Key = std::pair<transport::PeerAddress, std::uint16_t>;

Parameters small_parameters() {
  Parameters parameters;
  parameters.nstart = 2;
  parameters.requests_max_per_peer = 4;
  parameters.observations_max_per_peer = 2;
  parameters.deduplication_max = 24;
  parameters.deduplication_max_per_peer = 8;
  parameters.sms.response_wait = std::chrono::seconds(60);
  parameters.sms.lifetime = std::chrono::seconds(300);
  parameters.sms.piggyback_wait = std::chrono::seconds(20);
  return parameters;
}

/// Plays the layers above and checks what the message layer promises them.
class Player {
 public:
  explicit Player(ByteView script) : script_(script), layer_(parameters_, rng_) {}

  void play() {
    while (!script_.empty()) {
      step();
      drain();
      check_limits();
    }
    // Left alone, everything ends: no transmission stays open, no entry is kept. Bounded, so a livelock fails.
    for (int i = 0; i < 10000; ++i) {
      const auto deadline = layer_.deadline();
      if (!deadline) break;
      now_ = std::max(now_, deadline->at);
      layer_.handle_timeout(now_);
      drain();
    }
    assert(!layer_.deadline());
    assert(open_.empty());
    assert(layer_.deduplication_entries() == 0);
  }

 private:
  std::uint8_t byte() { return script_.u8().value_or(0); }
  /// The last two are over SMS.
  static transport::PeerAddress peer(std::uint8_t number) {
    if (number % 6 == 4) return *transport::PeerAddress::sms("4917012345");
    if (number % 6 == 5) return transport::PeerAddress::association(1, true);
    return transport::PeerAddress::v4(0xC0000201U + number % 6, 5683);
  }

  void step() {
    const std::uint8_t action = byte();
    const transport::PeerAddress to = peer(action >> 4);
    switch (action & 0x0F) {
      case 0:
      case 1: {
        const auto raw = script_.bytes(std::min<std::size_t>(byte() % 24, script_.remaining()));
        receive(to, *raw);
        break;
      }
      case 2:
      case 3: receive(to, Bytes{static_cast<std::uint8_t>(byte() % 2 == 0 ? 0x40 : 0x50), byte(), 0, byte()}); break;
      case 4: receive(to, answer_to_sent(0x60, 0)); break;
      case 5: receive(to, answer_to_sent(0x60, 0x45)); break;
      case 6: receive(to, answer_to_sent(0x70, 0)); break;
      case 7: send(to, Type::Confirmable); break;
      case 8: send(to, Type::NonConfirmable); break;
      case 9:
      case 10: reply(); break;
      case 11: decide(); break;
      case 12: cancel(); break;
      case 13: forget(to); break;
      case 14: advance(std::chrono::milliseconds(byte() * 20)); break;
      default: advance(std::chrono::seconds(byte())); break;
    }
  }

  void advance(Duration by) {
    now_ += by;
    layer_.handle_timeout(now_);
  }

  void receive(const transport::PeerAddress& from, ByteView datagram) {
    layer_.handle_datagram(now_, {from, datagram});
  }

  /// An ACK or Reset with the id of something we sent lately.
  Bytes answer_to_sent(std::uint8_t type, std::uint8_t code) {
    const std::uint16_t id = sent_ids_.empty() ? 0 : sent_ids_[byte() % sent_ids_.size()];
    return {type, code, static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id & 0xFF)};
  }

  void send(const transport::PeerAddress& to, Type type) {
    Message message;
    message.type = type;
    message.code = code::kPost;
    opened(layer_.send(now_, to, std::move(message)), to, type == Type::Confirmable);
  }

  void opened(TransmissionId id, const transport::PeerAddress& to, bool confirmable) {
    assert(!ever_.contains(id));
    ever_.insert(id);
    if (confirmable) {
      open_.emplace(id, to);
    } else {
      rejectable_.emplace(id, to);
    }
  }

  void reply() {
    if (requests_.empty()) return;
    const auto at = std::next(requests_.begin(), byte() % static_cast<std::ptrdiff_t>(requests_.size()));
    const auto [key, arrived] = *at;
    requests_.erase(at);
    Message response;
    response.code = code::kContent;
    response.payload.assign(byte() * std::size_t{2}, 1);
    const auto separate = layer_.reply(now_, key.first, MessageId{key.second}, std::move(response));
    if (separate) opened(*separate, key.first, Reliability::is_confirmable(*separate));
  }

  void decide() {
    if (responses_.empty()) return;
    const auto [from, message] = responses_.front();
    responses_.pop_front();
    if (byte() % 2 == 0) {
      layer_.accept(now_, from, message);
    } else {
      layer_.reject(now_, from, message);
    }
  }

  void cancel() {
    if (open_.empty()) return;
    const auto at = std::next(open_.begin(), byte() % static_cast<std::ptrdiff_t>(open_.size()));
    layer_.cancel(at->first);
    open_.erase(at);
  }

  void forget(const transport::PeerAddress& whom) {
    layer_.forget_peer(whom);
    std::erase_if(open_, [&](const auto& entry) { return entry.second == whom; });
  }

  /// A transmission ends once, by an event for its own peer or by us.
  void ended(TransmissionId id, const std::optional<transport::PeerAddress>& from = std::nullopt) {
    const auto at = open_.find(id);
    assert(at != open_.end());
    assert(!from || at->second == *from);
    open_.erase(at);
  }

  void handle(const MessageArrived& arrived) {
    assert(arrived.message.type == Type::Confirmable || arrived.message.type == Type::NonConfirmable);
    assert(!arrived.message.code.is_empty());
    if (!arrived.message.code.is_request()) {
      responses_.emplace_back(arrived.peer, arrived.message);
      if (responses_.size() > 16) responses_.pop_front();
      return;
    }
    // A request that waits for its answer doesn't come again while its entry lives.
    const Key key{arrived.peer, arrived.message.id.value};
    const auto known = requests_.find(key);
    assert(known == requests_.end() || now_ >= known->second.at + known->second.lifetime);
    const bool confirmable = arrived.message.type == Type::Confirmable;
    const Duration lifetime = confirmable || arrived.peer.is_sms() ? parameters_.exchange_lifetime(arrived.peer)
                                                                   : parameters_.non_lifetime();
    requests_[key] = {now_, lifetime};
  }
  void handle(const Acknowledged& event) { ended(event.transmission); }
  void handle(const ReplyArrived& event) {
    assert(event.message.code.is_response());
    ended(event.transmission, event.peer);
  }
  void handle(const GaveUp& event) { given_up_.push_back(event.transmission); }
  void handle(const Rejected& event) {
    if (rejectable_.erase(event.transmission) == 0) ended(event.transmission);
  }

  void drain() {
    while (const auto transmit = layer_.poll_transmit()) {
      const auto message = decode(transmit->bytes);
      assert(message.has_value());
      const bool ours = message->type == Type::Confirmable || message->type == Type::NonConfirmable;
      if (ours) sent_ids_.push_back(message->id.value);
      if (message->type == Type::Confirmable && transmit->to.is_sms()) {
        // Nothing is repeated there: an id that is sent again is another message's, which comes after all the others.
        assert(sms_ids_[transmit->to].insert(message->id.value).second || sms_ids_[transmit->to].size() > 0x8000);
      }
      if (sent_ids_.size() > 16) sent_ids_.pop_front();
    }
    while (auto event = layer_.poll_event()) {
      std::visit([this](const auto& what) { handle(what); }, *event);
    }
    for (const TransmissionId id : given_up_) ended(id);
    given_up_.clear();
  }

  void check_limits() {
    assert(layer_.deduplication_entries() <= parameters_.deduplication_max);
    std::map<transport::PeerAddress, std::size_t> per_peer;
    for (const auto& [id, to] : open_) ++per_peer[to];
    for (const auto& [to, count] : per_peer) {
      assert(count <= parameters_.nstart + parameters_.requests_max_per_peer + parameters_.observations_max_per_peer +
                          parameters_.deduplication_max_per_peer);
    }
  }

  struct Pending {
    Instant at;
    Duration lifetime;
  };

  ByteReader script_;
  Parameters parameters_ = small_parameters();
  SplitMix rng_{1};
  Reliability layer_;
  Instant now_{};
  std::map<TransmissionId, transport::PeerAddress> open_;
  std::map<TransmissionId, transport::PeerAddress> rejectable_;
  std::set<TransmissionId> ever_;
  std::map<Key, Pending> requests_;
  std::deque<std::pair<transport::PeerAddress, Message>> responses_;
  std::deque<std::uint16_t> sent_ids_;
  std::map<transport::PeerAddress, std::set<std::uint16_t>> sms_ids_;
  std::deque<TransmissionId> given_up_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Player(ByteView(data, size)).play();
  return 0;
}
