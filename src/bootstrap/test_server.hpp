// SPDX-License-Identifier: Apache-2.0
// A Bootstrap-Server and a device that answers as its test wants, in virtual time.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "bootstrap/server.hpp"
#include "bootstrap/test_plans.hpp"
#include "lwm2m/mapping/bootstrap.hpp"
#include "stack/endpoint.hpp"

namespace drover::bootstrap::testing {

using transport::PeerAddress;

/// The device's CoAP side: what it was asked, as "PUT /0/1", and what it answers to that.
class Device {
 public:
  explicit Device(Rng& rng) : endpoint_(coap::Parameters{}, rng) {}

  /// "2.04" to everything but what is here. "" is silence, "RST" a Reset.
  std::map<std::string, std::pair<std::string, std::string>> answers;
  std::string listing = "lwm2m=\"1.0\",</0/0>,</3/0>,</5>";
  std::vector<std::string> asked;
  std::map<std::string, coap::Request> requests;
  std::vector<std::string> answered;  ///< to what the device asked: "2.04" or "4.00 why"

  stack::Endpoint& endpoint() { return endpoint_; }

  void ask(Instant now, const PeerAddress& server, const std::string& endpoint, const std::string& more = "") {
    coap::Request request;
    request.method = coap::code::kPost;
    request.options.add_uri_path("bs");
    if (!endpoint.empty()) request.options.add(coap::OptionNumber::UriQuery, "ep=" + endpoint);
    if (!more.empty()) request.options.add(coap::OptionNumber::UriQuery, more);
    endpoint_.request(now, server, std::move(request));
  }

  void settle(Instant now) {
    while (auto event = endpoint_.poll_event()) {
      if (const auto* request = std::get_if<coap::RequestArrived>(&*event)) {
        answer(now, *request);
      } else if (const auto* response = std::get_if<coap::ResponseArrived>(&*event)) {
        const std::string text(as_text(response->response.payload));
        answered.push_back(response->response.code.to_string() + (text.empty() ? "" : " " + text));
      }
    }
  }

 private:
  void answer(Instant now, const coap::RequestArrived& arrived) {
    static const std::map<std::uint8_t, std::string> kMethods = {{1, "GET"}, {2, "POST"}, {3, "PUT"}, {4, "DELETE"}};
    const std::string what = kMethods.at(arrived.request.method.value) + ' ' + arrived.request.options.uri_path();
    asked.push_back(what);
    requests[what] = arrived.request;
    std::pair<std::string, std::string> said{"2.04", ""};
    if (what.starts_with("GET")) said = {"2.05", listing};
    if (what.starts_with("DELETE")) said.first = "2.02";
    if (const auto known = answers.find(what); known != answers.end()) said = known->second;
    if (said.first.empty()) return;
    coap::Response response;
    response.code = coap::Code::of(said.first[0] - '0', std::stoi(said.first.substr(2)));
    response.payload = to_bytes(said.second);
    endpoint_.respond(now, arrived.responder, std::move(response));
  }

  stack::Endpoint endpoint_;
};

inline const PeerAddress kDevice = PeerAddress::v4(0xC0000202, 5683);

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() { start_server({}); }

  void start_server(Config config) {
    config.settings.allow_nosec = config.settings.allow_nosec || config.acceptor == nullptr;
    server_ = std::make_unique<BootstrapServer>(std::move(config), rng_);
    server_->set_wall_clock(std::chrono::seconds(1'700'000'000));
  }
  void put(const std::string& plan_text) {
    const auto done = server_->plans().put(plan(plan_text));
    ASSERT_TRUE(done) << done.error().reason;
  }
  Device& device(const PeerAddress& at = kDevice) {
    auto& made = devices_[at];
    if (!made) made = std::make_unique<Device>(rng_);
    return *made;
  }
  void ask(const std::string& endpoint = "d", const std::string& more = "", const PeerAddress& at = kDevice) {
    device(at).ask(now_, at, endpoint, more);
    settle();
  }
  /// Until nothing moves. A device that isn't there hears nothing.
  void settle() {
    for (bool busy = true; busy;) {
      busy = false;
      for (auto& [address, each] : devices_) {
        each->settle(now_);
        while (auto transmit = each->endpoint().poll_transmit()) {
          if (!lost(*transmit)) server_->handle_datagram(now_, {address, transmit->bytes});
          busy = true;
        }
      }
      while (auto transmit = server_->poll_transmit()) {
        busy = true;
        const auto to = devices_.find(transmit->to);
        if (to != devices_.end() && !lost(*transmit)) to->second->endpoint().handle_datagram(now_, {transmit->to, transmit->bytes});
      }
      while (auto event = server_->poll_event()) events_.push_back(std::move(*event));
    }
  }
  void pass(Duration time) {
    const Instant end = now_ + time;
    for (int steps = 0; steps < 1000; ++steps) {
      std::optional<Instant> next;
      const auto sooner = [&](const std::optional<Deadline>& deadline) {
        if (deadline && (!next || deadline->at < *next)) next = deadline->at;
      };
      sooner(server_->deadline());
      for (auto& [address, each] : devices_) sooner(each->endpoint().deadline());
      if (!next || *next > end) break;
      now_ = std::max(now_, *next);
      server_->handle_timeout(now_);
      for (auto& [address, each] : devices_) each->endpoint().handle_timeout(now_);
      settle();
    }
    now_ = end;
  }

  template <class T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const Event& event : events_) {
      if (const auto* one = std::get_if<T>(&event)) found.push_back(*one);
    }
    return found;
  }
  [[nodiscard]] SessionView last() const { return server_->session(server_->sessions({}).sessions.at(0).id).value(); }
  void expect_failed(const std::string& reason) {
    const SessionView view = last();
    EXPECT_STREQ(to_string(view.state), "failed");
    EXPECT_EQ(view.reason, reason);
    const auto ended = all<SessionEnded>();
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].reason, reason);
    EXPECT_EQ(server_->counters().sessions, 0U);
  }
  void provide_psk(const std::string& key, std::size_t which = 0) {
    const KeysWanted wanted = all<KeysWanted>().at(which);
    std::vector<security::ClientCredential> keys;
    for (std::size_t i = 0; i < wanted.requests.size(); ++i) {
      keys.push_back({security::PskCredential{wanted.requests[i].identity, Secret<Bytes>(to_bytes(key + std::to_string(i)))}, {}});
    }
    server_->provide(now_, wanted.session, std::move(keys));
    settle();
  }

  /// True for a datagram that doesn't arrive.
  std::function<bool(const transport::Transmit&)> lost = [](const transport::Transmit&) { return false; };

  SplitMix rng_{7};
  Instant now_{};
  std::unique_ptr<BootstrapServer> server_;
  std::map<PeerAddress, std::unique_ptr<Device>> devices_;
  std::vector<Event> events_;
};

}  // namespace drover::bootstrap::testing
