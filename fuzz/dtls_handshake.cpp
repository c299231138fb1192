// SPDX-License-Identifier: Apache-2.0
// Bytes of a stranger, and changed bytes of the peer, at each point of a handshake and after it, at both ends, with each kind of credential.
//
// The input's first byte is the credential (modulo 3) and the victim (bit 7: the client). The rest are steps:
//   0  one datagram is passed on to each side          1  the next datagram to the victim is changed: at (2), xor (1)
//   2  it is cut: length (2)                           3  it comes twice
//   4  one of the fuzzer's: length (1), bytes          5  the handshake message in it becomes one of ours: type (1), length (2), bytes of
//      the input as long as there are some             6  time: seconds (1)
//   7  both say something
#include <algorithm>
#include <deque>

#include "base/reader.hpp"
#include "fuzz/dtls_peers.hpp"
#include "security/client_hello.hpp"

namespace {

using namespace drover;
using fuzz::check;
using security::Association;
using security::AssociationState;

class Harness {
 public:
  explicit Harness(std::uint8_t setup) : victim_is_client_((setup & 0x80) != 0) {
    auto& peers = fuzz::peers();
    client_ = peers.connector(static_cast<fuzz::Credential>(setup % 3)).connect(now_, {});
    const auto first = client_->poll_datagram();
    check(first.has_value());
    const auto hello = security::parse_client_hello(*first);
    check(hello.has_value());
    server_ = peers.acceptor->accept(now_, *hello, as_bytes("12345678"));
    to_server_.push_back(*first);
  }

  void step(ByteReader& reader) {
    const auto byte = [&reader] { return reader.u8().value_or(0); };
    const auto word = [&reader] { return reader.u16().value_or(0); };
    switch (byte() % 8) {
      case 0: pass_on(); break;
      case 1: {
        const std::size_t at = word();
        const std::uint8_t change = byte();
        if (Bytes* next = next_to_victim()) (*next)[at % next->size()] ^= change;
        break;
      }
      case 2: {
        const std::size_t length = word();
        if (Bytes* next = next_to_victim()) next->resize(std::min(next->size(), length % next->size()));
        break;
      }
      case 3:
        if (const Bytes* next = next_to_victim()) to_victim().push_back(Bytes(*next));
        break;
      case 4: {
        const auto bytes = reader.bytes(std::min<std::size_t>(byte(), reader.remaining())).value_or(ByteView{});
        victim().handle_datagram(now_, bytes);
        break;
      }
      case 5: {
        const std::uint8_t type = byte();
        const auto bytes = reader.bytes(std::min<std::size_t>(word() % 1500, reader.remaining())).value_or(ByteView{});
        replace_message(type, bytes);
        break;
      }
      case 6: {
        now_ += std::chrono::seconds(byte());
        client_->handle_timeout(now_);
        server_->handle_timeout(now_);
        break;
      }
      default: {
        static_cast<void>(client_->send(now_, as_bytes("ping")));
        static_cast<void>(server_->send(now_, as_bytes("pong")));
        break;
      }
    }
    collect();
  }

  void end() {
    for (int turn = 0; turn < 40; ++turn) {
      pass_on();
      collect();
    }
    // In the end there is an association of equals, or none: what was changed isn't accepted.
    if (client_->state() == AssociationState::Established && server_->state() == AssociationState::Established) {
      check(client_->suite() == server_->suite());
      check(server_->peer().kind != security::IdentityKind::None);
    }
    if (server_->is_releasable()) check(server_->release().has_value());
    client_->close(now_);
    server_->close(now_);
    check(client_->state() == AssociationState::Closed && !client_->deadline());
    check(server_->state() == AssociationState::Closed && !server_->deadline());
  }

 private:
  Association& victim() { return victim_is_client_ ? *client_ : *server_; }
  std::deque<Bytes>& to_victim() { return victim_is_client_ ? to_client_ : to_server_; }
  Bytes* next_to_victim() { return to_victim().empty() || to_victim().front().empty() ? nullptr : &to_victim().front(); }

  void pass_on() {
    if (!to_server_.empty()) {
      const Bytes datagram = std::move(to_server_.front());
      to_server_.pop_front();
      server_->handle_datagram(now_, datagram);
    }
    if (!to_client_.empty()) {
      const Bytes datagram = std::move(to_client_.front());
      to_client_.pop_front();
      client_->handle_datagram(now_, datagram);
    }
  }
  void collect() {
    while (auto datagram = client_->poll_datagram()) {
      if (to_server_.size() < 64) to_server_.push_back(std::move(*datagram));
    }
    while (auto datagram = server_->poll_datagram()) {
      if (to_client_.size() < 64) to_client_.push_back(std::move(*datagram));
    }
    while (const auto text = client_->poll_plaintext()) check(as_text(*text) == "pong");
    while (const auto text = server_->poll_plaintext()) check(as_text(*text) == "ping");
  }

  /// The body of the first record's handshake message becomes `body`, its lengths what they must be; the message
  /// sequence stays, so that it is the one that is waited for.
  void replace_message(std::uint8_t type, ByteView body) {
    Bytes* next = next_to_victim();
    if (next == nullptr) return;
    constexpr std::size_t kHeaders = 13 + 12;
    if (next->size() < kHeaders || (*next)[0] != 22) return;
    ByteWriter writer;
    writer.bytes(ByteView(*next).first(11));
    writer.u16(static_cast<std::uint16_t>(12 + body.size()));
    writer.u8(type % 32 == 0 ? (*next)[13] : type % 32);
    writer.uint(body.size(), 3);
    writer.bytes(ByteView(*next).subspan(17, 2));
    writer.uint(0, 3);
    writer.uint(body.size(), 3);
    writer.bytes(body);
    *next = writer.take();
  }

  bool victim_is_client_;
  Instant now_{std::chrono::seconds(1000)};
  std::unique_ptr<Association> client_, server_;
  std::deque<Bytes> to_server_, to_client_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader(ByteView(data, size));
  const auto setup = reader.u8();
  if (!setup) return 0;
  Harness harness(*setup);
  for (int steps = 0; !reader.empty() && steps < 100; ++steps) harness.step(reader);
  harness.end();
  return 0;
}
