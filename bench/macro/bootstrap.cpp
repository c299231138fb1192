// SPDX-License-Identifier: Apache-2.0
// What a bootstrapped device costs the Bootstrap-Server: CPU of one thread for delete, three writes and finish, over NoSec and over a pre-shared key with its
// handshake, and whether memory stays flat. Usage: bench_bootstrap [DEVICES]. Prints one line of JSON. The device's share is outside of the measured time.
#include <malloc.h>

#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "bootstrap/plan_json.hpp"
#include "bootstrap/server.hpp"
#include "coap/message/message.hpp"
#include "lwm2m/mapping/bootstrap.hpp"
#include "lwm2m/model/ddf.hpp"
#include "security/dtls/provider.hpp"

namespace {

using namespace drover;
using std::chrono::milliseconds;
using std::chrono::seconds;
using transport::PeerAddress;

const std::string kKey = "0123456789abcdef";
constexpr Duration kEvery = milliseconds(10);  // a hundred devices a second

/// Everybody is known, under the name that it has.
class Everybody final : public security::CredentialSource {
 public:
  [[nodiscard]] std::optional<security::KnownPsk> find_psk(std::string_view) const override {
    return security::KnownPsk{security::CredentialId{1}, Secret<Bytes>(to_bytes(kKey))};
  }
  [[nodiscard]] std::optional<security::CredentialId> find_public_key(ByteView) const override { return std::nullopt; }
  [[nodiscard]] std::optional<security::CredentialId> find_certificate(const security::Identity&) const override {
    return std::nullopt;
  }
  [[nodiscard]] bool holds(security::CredentialId, const security::Identity&) const override { return true; }
  [[nodiscard]] bool may_be(security::CredentialId, const security::Identity& peer, std::string_view endpoint) const override {
    return peer.name == endpoint;
  }
  [[nodiscard]] bool is_protected(std::string_view) const override { return false; }
  [[nodiscard]] std::uint64_t revision() const override { return 0; }
};

bootstrap::SharedPlan plan(bool secure) {
  lwm2m::model::Registry definitions;
  for (const char* file : {"0", "1", "3"}) {
    std::ifstream stream(std::string(DROVER_SOURCE_DIR "/objects/1.0/") + file + ".xml");
    std::ostringstream text;
    text << stream.rdbuf();
    auto loaded = lwm2m::model::parse_ddf(text.str(), file);
    assert(loaded);
    for (auto& definition : *loaded) {
      [[maybe_unused]] const auto added = definitions.add(std::move(definition));
      assert(added);
    }
  }
  const std::string account = secure ? R"("uri":"coaps://server.example","security":{"mode":"psk"})"
                                     : R"("uri":"coap://server.example","security":{"mode":"nosec"})";
  auto parsed = bootstrap::parse_plan(R"({"name":"bench","delete":["/"],"servers":[{"id":101,"security_instance":1,"server_instance":0,)" + account +
                                          R"(}],"write":[{"path":"/3/0/14","value":"+02:00"}]})",
                                      definitions);
  assert(parsed);
  return *parsed;
}

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::size_t allocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

Bytes request_message(const std::string& endpoint, std::uint32_t device) {
  lwm2m::BootstrapRequest request;
  request.endpoint = endpoint;
  coap::Request asked = lwm2m::mapping::to_request(request);
  coap::Message message;
  message.code = asked.method;
  message.id = {static_cast<std::uint16_t>(device)};  // devices begin somewhere (RFC 7252 §4.4)
  message.token = coap::Token::of(std::uint64_t{1});
  message.options = std::move(asked.options);
  return coap::encode(message);
}

/// The device's answer to a message of the server's, empty for none.
Bytes answer_to(const Bytes& bytes) {
  const auto asked = coap::decode(bytes);
  assert(asked);
  if (!asked->code.is_request()) return {};
  coap::Message message;
  message.type = coap::Type::Acknowledgement;
  message.code = asked->code == coap::code::kDelete ? coap::code::kDeleted : coap::code::kChanged;
  message.id = asked->id;
  message.token = asked->token;
  return coap::encode(message);
}

class Bench {
 public:
  explicit Bench(bool secure) : secure_(secure) {
    bootstrap::Config config;
    config.settings.allow_nosec = !secure;
    if (secure) {
      acceptor_ = std::move(*provider_.acceptor({}, known_));
      config.acceptor = acceptor_.get();
      config.credentials = &known_;
    }
    server_ = std::make_unique<bootstrap::BootstrapServer>(std::move(config), rng_);
    [[maybe_unused]] const auto put = server_->plans().put(plan(secure));
    assert(put);
  }

  /// The server's CPU seconds.
  double bootstrap_next() {
    now_ += kEvery;
    const std::uint32_t device = next_++;
    // From far more networks than sessions at once would fit into one.
    const PeerAddress address = PeerAddress::v4(0x0A000000 + device * 7919 % 0xFFFFFF, 5684).as(secure_ ? transport::Kind::Dtls : transport::Kind::Udp);
    const std::string endpoint = "urn:dev:os:bench-" + std::to_string(device);
    spent_ = 0;
    measured([&] {
      if (const auto due = server_->deadline(); due && due->at <= now_) server_->handle_timeout(now_);
    });
    if (secure_) {
      come_securely(address, endpoint);
    } else {
      Bytes message = request_message(endpoint, device);
      while (!message.empty()) message = deliver(address, message);
    }
    assert(server_->counters().finished == next_ && server_->counters().sessions == 0);
    return spent_;
  }

 private:
  template <class Work>
  void measured(Work work) {
    const double begin = thread_seconds();
    work();
    drain();
    spent_ += thread_seconds() - begin;
  }
  void drain() {
    while (auto event = server_->poll_event()) {
      const auto* wanted = std::get_if<bootstrap::KeysWanted>(&*event);
      if (wanted == nullptr) continue;
      std::vector<security::ClientCredential> keys;
      for (const auto& request : wanted->requests) {
        keys.push_back({security::PskCredential{request.identity, Secret<Bytes>(Bytes(request.key_bytes, 9))}, {}});
      }
      server_->provide(now_, wanted->session, std::move(keys));
    }
    while (auto transmit = server_->poll_transmit()) transmits_.push_back(std::move(transmit->bytes));
  }
  /// What the device says next.
  Bytes deliver(const PeerAddress& address, const Bytes& message) {
    measured([&] { server_->handle_datagram(now_, {address, message}); });
    Bytes next;
    for (const Bytes& heard : transmits_) {
      if (Bytes answer = answer_to(heard); !answer.empty()) next = std::move(answer);
    }
    transmits_.clear();
    return next;
  }
  void come_securely(const PeerAddress& address, const std::string& endpoint) {
    auto connector = std::move(*provider_.connector({security::PskCredential{endpoint, Secret<Bytes>(to_bytes(kKey))}, {}}, "server.example"));
    auto association = connector->connect(now_, {});
    bool said = false;
    for (bool busy = true; busy;) {
      busy = false;
      while (auto datagram = association->poll_datagram()) {
        measured([&] { server_->handle_datagram(now_, {address, *datagram}); });
        busy = true;
      }
      std::vector<Bytes> heard;
      heard.swap(transmits_);
      for (const Bytes& bytes : heard) association->handle_datagram(now_, bytes);
      if (!said && association->state() == security::AssociationState::Established) {
        said = busy = true;
        static_cast<void>(association->send(now_, request_message(endpoint, next_)));
      }
      while (const auto plaintext = association->poll_plaintext()) {
        if (const Bytes answer = answer_to(*plaintext); !answer.empty()) static_cast<void>(association->send(now_, answer));
        busy = true;
      }
    }
    association->close(now_);
    while (auto datagram = association->poll_datagram()) measured([&] { server_->handle_datagram(now_, {address, *datagram}); });
    transmits_.clear();
  }

  static security::dtls::Parameters parameters() {
    security::dtls::Parameters parameters;
    parameters.ticket_secret = Secret<Bytes>(Bytes(32, 7));
    return parameters;
  }

  bool secure_;
  SplitMix rng_{1};
  Instant now_{seconds(1000)};
  Everybody known_;
  security::dtls::DtlsProvider provider_{parameters(), rng_};
  std::unique_ptr<security::Acceptor> acceptor_;
  std::unique_ptr<bootstrap::BootstrapServer> server_;
  std::vector<Bytes> transmits_;
  std::uint32_t next_ = 0;
  double spent_ = 0;
};

struct Figures {
  double microseconds = 0;         ///< a device
  std::size_t half = 0, whole = 0;  ///< bytes allocated after half of the devices and after all
};

Figures measure(bool secure, std::uint32_t devices) {
  const std::size_t before = allocated();
  Bench bench(secure);
  Figures figures;
  double spent = 0;
  for (std::uint32_t device = 0; device < devices; ++device) {
    spent += bench.bootstrap_next();
    if (device + 1 == devices / 2) figures.half = allocated() - before;
  }
  figures.whole = allocated() - before;
  figures.microseconds = spent / devices * 1e6;
  return figures;
}

}  // namespace

int main(int count, char** arguments) {
  const auto devices = count > 1 ? static_cast<std::uint32_t>(std::strtoul(arguments[1], nullptr, 10)) : 100'000U;
  if (devices < 2 || count > 2) {
    std::fputs("usage: bench_bootstrap [DEVICES]\n", stderr);
    return 2;
  }
  const Figures nosec = measure(false, devices);
  const Figures psk = measure(true, devices);
  std::printf("{\"devices\":%u,\"nosec_us\":%.1f,\"psk_us\":%.1f,\"nosec_bytes_half\":%zu,\"nosec_bytes\":%zu,\"psk_bytes_half\":%zu,\"psk_bytes\":%zu}\n",
              devices, nosec.microseconds, psk.microseconds, nosec.half, nosec.whole, psk.half, psk.whole);
  return 0;
}
