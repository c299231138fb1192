// SPDX-License-Identifier: Apache-2.0
// Plans and sessions of a Bootstrap-Server, for tests of what is shown of them.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "bootstrap/test_plans.hpp"
#include "fake_desk.hpp"
#include "lwm2m/content/base64.hpp"

namespace drover::api::test {

/// Objects 0 to 2, beside those that an ApiTest has.
inline void add_bootstrap_definitions(lwm2m::model::Registry& registry) {
  for (const lwm2m::ObjectId id : {lwm2m::ObjectId{0}, lwm2m::ObjectId{1}, lwm2m::ObjectId{2}}) {
    EXPECT_TRUE(registry.add(*bootstrap::testing::definitions().find(id)));
  }
}

/// In a plan; never in an answer.
inline constexpr const char* kSecret = "5ec7e75ec7e75ec7e75ec7e75ec7e75e";

inline std::string plan_json(const std::string& name, const std::string& endpoint) {
  return R"({"name":")" + name + R"(","endpoints":[")" + endpoint + R"("],"servers":[{"id":101,"uri":"coaps://lwm2m.example",
    "security":{"mode":"psk","identity":"{endpoint}","key":")" + kSecret + R"("}}]})";
}

/// RFC 8410 §10.1.
inline Bytes public_key() {
  return *lwm2m::content::from_base64("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=");
}
/// As far as DER goes: two SEQUENCEs, as certificates are.
inline const Bytes kCertificates{0x30, 0x03, 0x02, 0x01, 0x07, 0x30, 0x00};

inline std::vector<bootstrap::Provisioned> provisioned() {
  using bootstrap::SecurityMode;
  return {{101, SecurityMode::Psk, "coaps://a", to_bytes("pump.1"), true},
          {102, SecurityMode::RawPublicKey, "coaps://b", public_key(), true},
          {103, SecurityMode::Certificate, "coaps://c", kCertificates, false},
          {104, SecurityMode::NoSec, "coap://d", {}, false},
          {std::nullopt, SecurityMode::Psk, "coaps://e", {0xFF}, true}};
}

inline bootstrap::TimelineEntry wrote(const char* text = "") {
  bootstrap::TimelineEntry entry;
  entry.at = 1'700'000'000'020;
  entry.operation = "Bootstrap-Write";
  entry.path = lwm2m::Path(0, 1);
  entry.format = lwm2m::format::kTlv;
  entry.payload_bytes = 87;
  entry.text = text;
  return entry;
}

/// Under way, with a Write and its answer.
inline bootstrap::SessionView session_view(std::uint64_t id, const std::string& endpoint) {
  bootstrap::SessionView view;
  view.id = {id};
  view.endpoint = endpoint;
  view.plan = "factory";
  view.state = bootstrap::SessionState::Running;
  view.address = transport::PeerAddress::v4(0xC0000201, 40000);
  view.identity = {security::IdentityKind::Psk, "boot", {}};
  view.began = 1'700'000'000'000;
  view.step = 2;
  view.steps = 5;
  view.provisioned = provisioned();
  view.timeline.push_back(wrote());
  auto answer = wrote("fine");
  answer.from_device = true;
  answer.format.reset();
  answer.payload_bytes = 0;
  answer.code = coap::code::kChanged;
  view.timeline.push_back(answer);
  view.omitted = 3;
  return view;
}

}  // namespace drover::api::test
