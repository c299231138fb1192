// SPDX-License-Identifier: Apache-2.0
// The exchange layer's state machine: datagrams of two peers, commands of the user and time, in any order.
//
// The input is a sequence of steps. A step is one byte for what is done and its arguments:
//   0  datagram: peer (1), length (1), bytes. Two marks in it are replaced, so that a mutation can hit what is open:
//      message id FFFF by the id that we sent last to the peer, token of 8 x FF by the token.
//   1  time: seconds (1)          2  request: method and settings (1), body size / 16 (1), block option (1)
//   3  answer the oldest request that waits: code and kind (1), body size / 16 (1)
//   4  notify the newest observation: kind (1), body size / 16 (1)
//   5  supply or accept what is asked for   6  forget the newest exchange   7  cancel its observation
//   8  end the newest observation           9  ping                        10  forget a peer
#include <cstdlib>
#include <map>
#include <set>
#include <vector>

#include "base/reader.hpp"
#include "stack/endpoint.hpp"

namespace {

using namespace drover;
using namespace drover::coap;

struct Harness {
  SplitMix rng{1};
  Parameters parameters;
  unsigned over_sms = 0;  ///< a bit for each peer
  std::optional<stack::Endpoint> endpoint;
  Instant now{std::chrono::seconds(1000)};
  std::map<transport::PeerAddress, Bytes> last_sent;
  std::vector<RequestArrived> requests;
  std::vector<RequestBlockArrived> blocks;
  std::vector<BodyWanted> wanted;
  std::vector<ExchangeId> exchanges;
  std::vector<ResponderId> observations;
  std::set<ExchangeId> open;
  std::set<ExchangeId> ended;

  explicit Harness(std::uint8_t setup) {
    parameters.block_szx = setup & 3;
    parameters.stream_requests = (setup & 4) != 0;
    parameters.body_max = 200;
    parameters.bodies_max = 3;
    parameters.bodies_max_per_peer = 2;
    parameters.requests_max_per_peer = 3;
    parameters.observations_max_per_peer = 2;
    over_sms = (setup >> 3) & 3;
    parameters.sms.response_wait = std::chrono::seconds(60);
    parameters.sms.lifetime = std::chrono::minutes(10);
    if ((setup & 32) != 0) parameters.sms.piggyback_wait = std::chrono::seconds(20);
    parameters.sms.message_plain = 48;
    parameters.sms.message_plain_max = 120;
    parameters.sms.message_dtls = parameters.sms.message_dtls_max = 64;
    endpoint.emplace(parameters, rng);
  }

  [[nodiscard]] transport::PeerAddress peer(std::uint8_t number) const {
    if ((over_sms & 1) != 0 && (number & 1) == 0) return *transport::PeerAddress::sms("4917012345");
    if ((over_sms & 2) != 0 && (number & 1) != 0) return transport::PeerAddress::association(1, true);
    return transport::PeerAddress::v4(0xC0000200U + (number & 1), 5683);
  }
  static void check(bool holds) {
    if (!holds) std::abort();
  }

  void end(ExchangeId id) {
    check(open.erase(id) == 1);  // it was open: each exchange ends once
    ended.insert(id);
  }

  void take(Event event) {
    if (auto* arrived = std::get_if<RequestArrived>(&event)) {
      check(arrived->request.payload.size() <= std::max<std::size_t>(parameters.body_max, 0xFFFF));
      requests.push_back(std::move(*arrived));
    } else if (auto* block = std::get_if<RequestBlockArrived>(&event)) {
      blocks.push_back(std::move(*block));
    } else if (auto* want = std::get_if<BodyWanted>(&event)) {
      check(want->size > 0);
      wanted.push_back(*want);
    } else if (auto* response = std::get_if<ResponseArrived>(&event)) {
      if (response->observing) {
        check(open.contains(response->exchange));
      } else {
        end(response->exchange);
      }
    } else if (auto* part = std::get_if<ResponseBlockArrived>(&event)) {
      check(open.contains(part->exchange));
      if (part->last) end(part->exchange);
    } else if (auto* failed = std::get_if<RequestFailed>(&event)) {
      end(failed->exchange);
    } else if (auto* notification = std::get_if<NotificationArrived>(&event)) {
      check(open.contains(notification->exchange));
      if (notification->last) end(notification->exchange);
    }
  }

  void drain() {
    int turns = 0;
    for (bool busy = true; busy;) {
      busy = false;
      check(++turns < 1000);
      while (auto transmit = endpoint->poll_transmit()) {
        check(decode(transmit->bytes).has_value());
        check(transmit->bytes.size() <= parameters.message_budget(transmit->to).most);
        last_sent[transmit->to] = std::move(transmit->bytes);
        busy = true;
      }
      while (auto event = endpoint->poll_event()) {
        take(std::move(*event));
        busy = true;
      }
    }
  }

  void opened(ExchangeId id) {
    check(!open.contains(id) && !ended.contains(id));
    open.insert(id);
    exchanges.push_back(id);
  }

  void datagram(std::uint8_t from, Bytes bytes) {
    const Bytes& last = last_sent[peer(from)];
    if (bytes.size() >= 4 && last.size() >= 4 && bytes[2] == 0xFF && bytes[3] == 0xFF) {
      bytes[2] = last[2];
      bytes[3] = last[3];
    }
    if (bytes.size() >= 12 && last.size() >= 12 && (bytes[0] & 15) == 8 && bytes[4] == 0xFF && bytes[11] == 0xFF) {
      std::copy(last.begin() + 4, last.begin() + 12, bytes.begin() + 4);
    }
    endpoint->handle_datagram(now, {peer(from), bytes});
  }

  void pass(std::uint8_t seconds) {
    const Instant until = now + std::chrono::seconds(seconds);
    for (int step = 0;; ++step) {
      check(step < 10000);
      const auto deadline = endpoint->deadline();
      if (!deadline || deadline->at > until) break;
      now = std::max(now, deadline->at);
      endpoint->handle_timeout(now);
      drain();
    }
    now = until;
  }

  void request(std::uint8_t settings, std::uint8_t size, std::uint8_t block) {
    Request request;
    request.method = Code(static_cast<std::uint8_t>(1 + (settings & 3)));
    request.options.add_uri_path("/a");
    if ((settings & 4) != 0) request.options.set_observe(0);
    if (block != 0) request.options.set_block2({static_cast<std::uint32_t>(block >> 6), false, 0});
    RequestSettings how;
    how.confirmable = (settings & 8) == 0;
    how.stream_response = (settings & 16) != 0;
    if ((settings & 32) != 0) {
      how.streamed_body_size = std::size_t{size} * 16;
    } else {
      request.payload.assign(std::size_t{size & 15U} * 16, 'x');
    }
    opened(endpoint->request(now, peer(settings >> 7), std::move(request), how));
  }

  void answer(std::uint8_t kind, std::uint8_t size) {
    static constexpr Code kCodes[] = {code::kContent, code::kChanged, code::kNotFound, code::kContent};
    Response response{kCodes[kind & 3], {}, Bytes(std::size_t{size & 15U} * 16, 'y')};
    if ((kind & 4) != 0) response.options.set_observe(0);
    if (!requests.empty()) {
      const ResponderId id = requests.front().responder;
      requests.erase(requests.begin());
      if (response.options.has(OptionNumber::Observe)) observations.push_back(id);
      if ((kind & 8) != 0) {
        endpoint->respond_streamed(now, id, std::move(response), std::size_t{size} * 16);
      } else {
        endpoint->respond(now, id, std::move(response));
      }
    } else if (!blocks.empty()) {
      const ResponderId id = blocks.front().responder;
      blocks.erase(blocks.begin());
      endpoint->respond(now, id, std::move(response));
    }
  }

  void supply(std::uint8_t kind) {
    if (!blocks.empty() && (kind & 1) == 0) {
      endpoint->accept_block(now, blocks.front().responder);
      blocks.erase(blocks.begin());
    } else if (!wanted.empty()) {
      const BodyWanted want = wanted.front();
      wanted.erase(wanted.begin());
      const Bytes bytes((kind & 2) != 0 ? want.size / 2 : want.size, 'z');
      if (const auto* exchange = std::get_if<ExchangeId>(&want.of)) {
        endpoint->supply(now, *exchange, bytes);
      } else {
        endpoint->supply(now, std::get<ResponderId>(want.of), bytes);
      }
    }
  }

  void step(ByteReader& reader) {
    const auto byte = [&reader] { return reader.u8().value_or(0); };
    switch (byte() % 11) {
      case 0: {
        const std::uint8_t from = byte();
        const ByteView view = reader.bytes(std::min<std::size_t>(byte(), reader.remaining())).value_or(ByteView{});
        datagram(from, {view.begin(), view.end()});
        break;
      }
      case 1: pass(byte()); break;
      case 2: {
        const std::uint8_t settings = byte(), size = byte();
        request(settings, size, byte());
        break;
      }
      case 3: {
        const std::uint8_t kind = byte();
        answer(kind, byte());
        break;
      }
      case 4: {
        const std::uint8_t kind = byte(), size = byte();
        if (observations.empty()) break;
        const Code code = (kind & 2) != 0 ? code::kNotFound : code::kContent;
        endpoint->notify(now, observations.back(), {code, {}, Bytes(std::size_t{size & 7U} * 16, 'n')},
                         (kind & 1) != 0);
        break;
      }
      case 5: supply(byte()); break;
      case 6:
        if (exchanges.empty()) break;
        endpoint->forget(exchanges.back());
        open.erase(exchanges.back());
        exchanges.pop_back();
        break;
      case 7:
        if (!exchanges.empty()) opened(endpoint->cancel_observation(now, exchanges.back()));
        break;
      case 8:
        if (observations.empty()) break;
        endpoint->end_observation(observations.back());
        observations.pop_back();
        break;
      case 9: opened(endpoint->ping(now, peer(byte()))); break;
      case 10:
        // Whose exchanges end is known to the endpoint only: the harness starts over with the books.
        endpoint->forget_peer(peer(0));
        endpoint->forget_peer(peer(1));
        open.clear();
        exchanges.clear();
        break;
      default: break;
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader(ByteView(data, size));
  const auto setup = reader.u8();
  if (!setup) return 0;
  Harness harness(*setup);
  for (int steps = 0; !reader.empty() && steps < 200; ++steps) {
    harness.step(reader);
    harness.drain();
  }
  // Left alone, everything ends but observations.
  for (const ExchangeId id : harness.open) harness.endpoint->forget(id);
  harness.open.clear();
  for (int hour = 0; hour < 20; ++hour) harness.pass(255);
  Harness::check(!harness.endpoint->deadline());
  return 0;
}
