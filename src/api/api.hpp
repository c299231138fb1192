// SPDX-License-Identifier: Apache-2.0
// The REST API and event stream of docs/openapi.json, on a thread of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/event_hub.hpp"
#include "api/http.hpp"
#include "base/result.hpp"
#include "lwm2m/model/registry.hpp"
#include "server/fleet.hpp"

namespace drover::api {

/// One row of the routing table.
struct RouteView {
  std::string method;
  std::string path;                     ///< as in docs/openapi.json
  std::vector<std::string> parameters;  ///< of the query
};

class Api {
 public:
  struct Settings {
    std::vector<std::string> listen{"127.0.0.1:8080"};  ///< loopback only, see http::Server::open()
    http::Limits http;
    EventHub::Limits events;
    std::string version;         ///< of the program, for /api/v1/status
    UnixSeconds started_at = 0;  ///< also what tells this run's event ids from another's
  };

  /// Binds and listens, and takes the fleet's event sink. Fault::Us in an error means a wrong setting,
  /// Fault::Environment a port that isn't free. Fleet and registry outlive the Api; the fleet's threads may still call
  /// back while it ends.
  static Result<Api> open(const Settings& settings, server::Fleet& fleet, const lwm2m::model::Registry& registry);
  Api(Api&&) noexcept;
  ~Api();

  /// "127.0.0.1:8080", with the port that was chosen.
  [[nodiscard]] std::vector<std::string> addresses() const;
  void start();
  /// Answers what is pending with 503, ends the streams and joins the thread.
  void stop();

  static std::vector<RouteView> routes();

 private:
  struct Parts;
  explicit Api(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace drover::api
