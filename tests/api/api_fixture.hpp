// SPDX-License-Identifier: Apache-2.0
// An Api on a free loopback port, in front of a FakeFleet with one device.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "api/api.hpp"
#include "fake_fleet.hpp"
#include "lwm2m/model/registry.hpp"
#include "raw_client.hpp"

namespace drover::api::test {

using Json = nlohmann::json;

inline constexpr const char* kEndpoint = "urn:dev:os:test-1";

/// An HTTP answer, taken apart.
struct Reply {
  int status = 0;
  std::string head;
  std::string body;
  [[nodiscard]] Json json() const;
  /// A field's value, "" when absent; names as the server writes them.
  [[nodiscard]] std::string field(const std::string& name) const;
};

class ApiTest : public ::testing::Test {
 protected:
  ApiTest();
  /// Starts with other settings than the default; call it first in the test's body or in a fixture's constructor.
  void start(Api::Settings settings = {});
  void TearDown() override;

  Reply request(const std::string& method, const std::string& target, const std::string& body = {},
                const std::string& content_type = "application/json");
  Reply get(const std::string& target) { return request("GET", target); }
  /// "/api/v1/devices/" with the test device and what follows.
  static std::string device(const std::string& rest);

  FakeFleet fleet_;
  lwm2m::model::Registry registry_;
  std::optional<Api> api_;
  int port_ = 0;
  std::string token_;  ///< sent with each request unless ""
};

/// A registered device with two objects, one of them in version 1.1.
server::DeviceView device_view(const std::string& endpoint);
/// Object 3 with one resource of every type; version 1.1 has a Float where 1.0 has an Integer.
lwm2m::model::ObjectDefinition object_definition(lwm2m::ObjectId id, lwm2m::Version version);

inline lwm2m::Outcome content(lwm2m::FormatNumber format, Bytes payload) {
  return {lwm2m::Status::Content, format, std::move(payload), "", 0x45};
}
inline lwm2m::Outcome changed() {
  return {lwm2m::Status::Changed, std::nullopt, {}, "", 0x44};
}

}  // namespace drover::api::test
