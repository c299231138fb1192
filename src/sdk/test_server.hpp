// SPDX-License-Identifier: Apache-2.0
// A scripted server in the same process, over loopback.
#pragma once

#include <poll.h>

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "coap/message/code.hpp"
#include "io/clock.hpp"
#include "io/udp_socket.hpp"
#include "lwm2m/content/format.hpp"
#include "stack/endpoint.hpp"

namespace drover {

/// A LwM2M Server of a few lines, which a test steps.
class Server {
 public:
  Server() : endpoint_({}, rng_) {
    auto opened = io::UdpSocket::open(*transport::PeerAddress::parse("127.0.0.1:0"), {});
    if (!opened) throw std::runtime_error(opened.error().reason);
    socket_.emplace(std::move(*opened));
  }
  [[nodiscard]] std::string uri() const { return "coap://127.0.0.1:" + std::to_string(socket_->local().port); }

  /// Steps until `done` or for five seconds; what it waits for comes within milliseconds.
  bool until(const std::function<bool()>& done) {
    const Instant end = io::now() + std::chrono::seconds(5);
    while (!done()) {
      if (io::now() > end) return false;
      pollfd wait{socket_->fd(), POLLIN, 0};
      ::poll(&wait, 1, 10);
      socket_->receive([&](const transport::Datagram& datagram) {
        endpoint_.handle_datagram(io::now(), datagram);
        drain();
      });
      endpoint_.handle_timeout(io::now());
      drain();
    }
    return true;
  }
  /// The code and text of the answer to a request of ours.
  std::pair<std::string, std::string> ask(coap::Code method, const std::string& path, const std::string& text = {},
                                          bool observe = false, bool as_json = false) {
    coap::Request request{method, {}, to_bytes(text)};
    request.options.add_uri_path(path);
    if (as_json) request.options.set_accept(lwm2m::format::kJson);
    if (!text.empty()) request.options.set_content_format(text.front() == '{' ? lwm2m::format::kJson : 0);
    if (observe) request.options.set_observe(0);
    answer_.reset();
    endpoint_.request(io::now(), *device, std::move(request));
    drain();
    if (!until([&] { return answer_.has_value(); })) return {"nothing", ""};
    return {answer_->code.to_string(), std::string(as_text(answer_->payload))};
  }

  std::optional<transport::PeerAddress> device;
  std::string registered;  ///< the links of the last Register
  int updates = 0;
  int asked = 0;  ///< for a bootstrap
  bool left = false;
  std::vector<std::string> notifications;

 private:
  void drain() {
    while (auto event = endpoint_.poll_event()) {
      if (auto* request = std::get_if<coap::RequestArrived>(&*event)) serve(*request);
      if (auto* response = std::get_if<coap::ResponseArrived>(&*event)) answer_ = response->response;
      if (auto* notified = std::get_if<coap::NotificationArrived>(&*event)) {
        notifications.emplace_back(as_text(notified->response.payload));
      }
    }
    std::vector<transport::Transmit> batch;
    while (auto transmit = endpoint_.poll_transmit()) batch.push_back(std::move(*transmit));
    if (!batch.empty()) socket_->send(batch);
  }
  void serve(const coap::RequestArrived& arrived) {
    coap::Response response{coap::code::kChanged, {}, {}};
    const std::string path = arrived.request.options.uri_path();
    if (path == "/rd") {
      device = arrived.peer;
      registered = as_text(arrived.request.payload);
      response.code = coap::code::kCreated;
      response.options.add_location_path("rd/1");
    } else if (path == "/bs") {
      device = arrived.peer;
      ++asked;
    } else if (arrived.request.method == coap::code::kDelete) {
      response.code = coap::code::kDeleted;
      left = true;
    } else {
      ++updates;
    }
    endpoint_.respond(io::now(), arrived.responder, std::move(response));
  }

  io::SystemRng rng_;
  stack::Endpoint endpoint_;
  std::optional<io::UdpSocket> socket_;
  std::optional<coap::Response> answer_;
};

}  // namespace drover
