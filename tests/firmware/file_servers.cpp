// SPDX-License-Identifier: Apache-2.0
#include "tests/firmware/file_servers.hpp"

#include <httplib.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "base/random.hpp"
#include "coap/message/code.hpp"
#include "coap/message/message.hpp"
#include "io/clock.hpp"
#include "io/udp_socket.hpp"
#include "stack/endpoint.hpp"

namespace drover::testing {

Bytes test_image(std::size_t size, std::uint64_t seed) {
  SplitMix random(seed);
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
  return bytes;
}

// ---- CoAP -----------------------------------------------------------------------------------------------------------

struct CoapFiles::State {
  explicit State(io::EventLoop& on)
      : loop(on), socket(*io::UdpSocket::open(*transport::PeerAddress::parse("127.0.0.1:0"), {})) {}
  io::EventLoop& loop;
  io::UdpSocket socket;
  io::SystemRng rng;
  stack::Endpoint endpoint{{}, rng};
  int waker = 0;
  std::deque<std::pair<transport::PeerAddress, Bytes>> waiting;
  Instant next_answer{};
};

CoapFiles::CoapFiles(io::EventLoop& loop) : state_(std::make_unique<State>(loop)) {
  loop.watch(state_->socket.fd(), io::EventLoop::Interest::Read, [this] { receive(); });
  const auto next = [this]() -> std::optional<Instant> {
    const auto due = state_->endpoint.deadline();
    std::optional<Instant> at;
    if (due) at = due->at;
    if (!state_->waiting.empty()) at = std::min(at.value_or(state_->next_answer), state_->next_answer);
    return at;
  };
  state_->waker = loop.add_waker(next, [this](Instant now) {
    state_->endpoint.handle_timeout(now);
    drain();
    answer();
  });
}

CoapFiles::~CoapFiles() {
  state_->loop.remove_waker(state_->waker);
  state_->loop.unwatch(state_->socket.fd());
}

std::string CoapFiles::uri(const std::string& path) const {
  return "coap://127.0.0.1:" + std::to_string(state_->socket.local().port) + path;
}

void CoapFiles::receive() {
  state_->socket.receive([this](const transport::Datagram& datagram) {
    const auto message = coap::decode(datagram.bytes);
    if (message && message->code.is_request()) {
      const auto block = message->options.block2();
      asked.push_back(block ? block->num : 0);
    }
    if (answers == 0) return;
    --answers;
    state_->waiting.emplace_back(datagram.from, Bytes(datagram.bytes.begin(), datagram.bytes.end()));
    answer();
  });
}

void CoapFiles::answer() {
  while (!state_->waiting.empty() && io::now() >= state_->next_answer) {
    const auto [from, bytes] = std::move(state_->waiting.front());
    state_->waiting.pop_front();
    state_->next_answer = io::now() + pace;
    state_->endpoint.handle_datagram(io::now(), {from, bytes});
    drain();
  }
}

void CoapFiles::drain() {
  while (auto event = state_->endpoint.poll_event()) {
    const auto* arrived = std::get_if<coap::RequestArrived>(&*event);
    if (arrived == nullptr) continue;
    coap::Response response{coap::code::kContent, {}, image};
    if (arrived->request.options.uri_path() == "/fw") {
      if (!etag.empty()) response.options.set(coap::OptionNumber::ETag, etag);
    } else {
      response = {coap::code::kNotFound, {}, {}};
    }
    state_->endpoint.respond(io::now(), arrived->responder, std::move(response));
  }
  std::vector<transport::Transmit> batch;
  while (auto transmit = state_->endpoint.poll_transmit()) batch.push_back(std::move(*transmit));
  if (!batch.empty()) state_->socket.send(batch);
}

// ---- HTTP -----------------------------------------------------------------------------------------------------------

namespace {

struct Identity {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  ~Identity() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
};

/// Signed by itself, for the address 127.0.0.1 and an hour.
std::unique_ptr<Identity> make_identity() {
  auto identity = std::make_unique<Identity>();
  identity->key = EVP_EC_gen("P-256");
  X509* certificate = identity->certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, identity->key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("files"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
  X509_add_ext(certificate, names, -1);
  X509_EXTENSION_free(names);
  X509_sign(certificate, identity->key, EVP_sha256());
  return identity;
}

}  // namespace

struct HttpFiles::State {
  std::unique_ptr<Identity> identity;
  std::unique_ptr<httplib::Server> server;
  int port = 0;
  std::thread thread;
  std::mutex mutex;
  HttpBehaviour behaviour;
  std::vector<std::string> ranges;
};

HttpFiles::HttpFiles(HttpBehaviour behaviour, const std::string& certificate_file)
    : state_(std::make_unique<State>()) {
  state_->behaviour = std::move(behaviour);
  if (certificate_file.empty()) {
    state_->server = std::make_unique<httplib::Server>();
  } else {
    state_->identity = make_identity();
    std::FILE* file = std::fopen(certificate_file.c_str(), "w");
    PEM_write_X509(file, state_->identity->certificate);
    std::fclose(file);
    state_->server = std::make_unique<httplib::SSLServer>(state_->identity->certificate, state_->identity->key);
  }
  httplib::Server& server = *state_->server;
  server.Get("/fw", [this](const httplib::Request& request, httplib::Response& response) {
    const std::lock_guard lock(state_->mutex);
    HttpBehaviour& told = state_->behaviour;
    state_->ranges.push_back(request.get_header_value("Range"));
    const std::string condition = request.get_header_value("If-Range");
    // What the library takes as the range to answer with; another representation comes whole (RFC 9110 §13.1.5).
    if (!condition.empty() && condition != told.etag) const_cast<httplib::Request&>(request).ranges.clear();
    if (!told.etag.empty()) response.set_header("ETag", told.etag);
    const bool cut = told.cuts > 0;
    const std::size_t limit = cut ? told.cut_after : SIZE_MAX;
    auto sent = std::make_shared<std::size_t>(0);
    const auto body = std::make_shared<const Bytes>(told.image);
    if (cut) {
      --told.cuts;
      if (!told.etag_after_cut.empty()) told.etag = told.etag_after_cut;
      if (!told.image_after_cut.empty()) told.image = told.image_after_cut;
    }
    response.set_content_provider(body->size(), "application/octet-stream",
                                  [body, sent, limit](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
                                    constexpr std::size_t kPiece = 4096;
                                    const std::size_t size = std::min({length, kPiece, limit - *sent});
                                    if (size == 0) return false;
                                    *sent += size;
                                    return sink.write(reinterpret_cast<const char*>(body->data()) + offset, size);
                                  });
  });
  server.Get("/elsewhere", [this](const httplib::Request&, httplib::Response& response) {
    const std::lock_guard lock(state_->mutex);
    response.status = 302;
    response.set_header("Location", state_->behaviour.location);
  });
  server.Get("/broken", [](const httplib::Request&, httplib::Response& response) { response.status = 503; });
  state_->port = server.bind_to_any_port("127.0.0.1");
  state_->thread = std::thread([&server] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::yield();
}

HttpFiles::~HttpFiles() {
  state_->server->stop();
  state_->thread.join();
}

std::string HttpFiles::uri(const std::string& path) const {
  return std::string(state_->identity ? "https" : "http") + "://127.0.0.1:" + std::to_string(state_->port) + path;
}

void HttpFiles::redirect_to(std::string location) {
  const std::lock_guard lock(state_->mutex);
  state_->behaviour.location = std::move(location);
}

Bytes HttpFiles::image() const {
  const std::lock_guard lock(state_->mutex);
  return state_->behaviour.image;
}

std::vector<std::string> HttpFiles::ranges() const {
  const std::lock_guard lock(state_->mutex);
  return state_->ranges;
}

}  // namespace drover::testing
