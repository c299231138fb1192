// SPDX-License-Identifier: Apache-2.0
#include "server/policy.hpp"

#include <gtest/gtest.h>

namespace drover::server {
namespace {

constexpr std::uint8_t kBadRequest = 0x80;
constexpr std::uint8_t kForbidden = 0x83;
constexpr std::uint8_t kPreconditionFailed = 0x8C;

lwm2m::Register node1() {
  lwm2m::Register request;
  request.endpoint = "node1";
  request.lifetime = 300;
  request.version = "1.0";
  request.binding = "U";
  request.announcement.objects = {{1, {}, {0}}, {3, {}, {0}}};
  return request;
}

/// The code of the refusal, 0 when admitted.
std::uint8_t code_of(const Policy& policy, const lwm2m::Register& request) {
  const auto admission = admit(policy, request);
  return admission ? std::uint8_t{0} : admission.error().code;
}

Policy strict() {
  Policy policy;
  policy.strict = true;
  return policy;
}

TEST(CoreSection5_3_1, AFullRegisterIsAdmittedByBothModes) {
  EXPECT_EQ(code_of({}, node1()), 0);
  EXPECT_EQ(code_of(strict(), node1()), 0);
}

TEST(CoreSection5_3_1, VersionsOfOurMajorAreServedAndStrictlyOnly10) {
  auto request = node1();
  for (const char* version : {"1.0", "1.1", "1.2", "1.9"}) {
    request.version = version;
    EXPECT_EQ(code_of({}, request), 0) << version;
    EXPECT_EQ(code_of(strict(), request), std::string_view(version) == "1.0" ? 0 : kPreconditionFailed) << version;
  }
  for (const char* version : {"2.0", "0.9"}) {
    request.version = version;
    EXPECT_EQ(code_of({}, request), kPreconditionFailed) << version;
    EXPECT_EQ(code_of(strict(), request), kPreconditionFailed) << version;
  }
  for (const char* version : {"", "1", "1.", "1.0.3", "one"}) {
    request.version = version;
    EXPECT_EQ(code_of({}, request), kBadRequest) << version;
  }
}

TEST(TransportTable6, MissingParametersHaveDefaultsUnlessStrict) {
  auto request = node1();
  request.lifetime.reset();
  request.version.reset();
  request.binding.reset();
  const auto admission = admit({}, request);
  ASSERT_TRUE(admission);
  EXPECT_EQ(admission->lifetime, 86400U);
  EXPECT_EQ(admission->version_text, "1.0");
  EXPECT_EQ(admission->binding, "U");

  request = node1();
  request.lifetime.reset();
  EXPECT_EQ(code_of(strict(), request), kBadRequest);
  request = node1();
  request.version.reset();
  EXPECT_EQ(code_of(strict(), request), kBadRequest);
  request = node1();
  request.binding.reset();
  EXPECT_EQ(code_of(strict(), request), 0);
}

TEST(TransportTable6, UnknownParametersAreIgnoredUnlessStrict) {
  auto request = node1();
  request.unknown = {"et=x"};
  EXPECT_EQ(code_of({}, request), 0);
  EXPECT_EQ(code_of(strict(), request), kBadRequest);
  lwm2m::Update update;
  update.unknown = {"et=x"};
  EXPECT_TRUE(admit({}, update, {1, 0}));
  EXPECT_EQ(admit(strict(), update, {1, 0}).error().code, kBadRequest);
}

TEST(TransportTable6, EndpointNameIsMandatoryBoundedAndPrintable) {
  auto request = node1();
  request.endpoint.clear();
  EXPECT_EQ(code_of({}, request), kBadRequest);
  request.endpoint = std::string(kEndpointMax, 'x');
  EXPECT_EQ(code_of({}, request), 0);
  request.endpoint += 'x';
  EXPECT_EQ(code_of({}, request), kBadRequest);
  request.endpoint = "a\x01";
  EXPECT_EQ(code_of({}, request), kBadRequest);
}

TEST(TransportTable6, NamesThatConfigurationRefusesAreForbidden) {
  Policy policy;
  policy.refused_endpoints = {"thief", "test-*"};
  auto request = node1();
  EXPECT_EQ(code_of(policy, request), 0);
  request.endpoint = "thief";
  EXPECT_EQ(code_of(policy, request), kForbidden);
  request.endpoint = "test-7";
  EXPECT_EQ(code_of(policy, request), kForbidden);
  request.endpoint = "thief2";
  EXPECT_EQ(code_of(policy, request), 0);
}

TEST(CoreTable8, BindingsOf10) {
  for (const char* binding : {"U", "UQ", "S", "SQ", "US", "UQS", "UQT"})
    EXPECT_TRUE(is_binding_1_0(binding)) << binding;
  for (const char* binding : {"", "Q", "UQSQ", "USQ", "T", "u", "UU"}) EXPECT_FALSE(is_binding_1_0(binding)) << binding;
  for (const char* binding : {"U", "T", "UT", "USN"}) EXPECT_TRUE(is_binding_1_1(binding)) << binding;
  for (const char* binding : {"", "UQ", "UU", "X"}) EXPECT_FALSE(is_binding_1_1(binding)) << binding;
}

TEST(CoreTable8, UnsupportedBindingsAreRefusedInStrictModeOnly) {
  auto request = node1();
  request.binding = "UQSQ";
  EXPECT_EQ(admit({}, request)->binding, "UQSQ");
  EXPECT_EQ(code_of(strict(), request), kBadRequest);
  request.binding = std::string(kBindingMax + 1, 'U');
  EXPECT_EQ(code_of({}, request), kBadRequest);
  request.binding = "";
  EXPECT_EQ(code_of({}, request), kBadRequest);
  lwm2m::Update update;
  update.binding = "USQ";
  EXPECT_TRUE(admit({}, update, {1, 0}));
  EXPECT_EQ(admit(strict(), update, {1, 0}).error().code, kBadRequest);
}

TEST(TransportTable2, NoPlusPrecedesTheCountryCode) {
  auto request = node1();
  request.sms = "447700900123";
  EXPECT_EQ(code_of(strict(), request), 0);
  request.sms = "+447700900123";
  EXPECT_EQ(code_of({}, request), 0);
  EXPECT_EQ(code_of(strict(), request), kBadRequest);
  request.sms = std::string(kSmsMax + 1, '4');
  EXPECT_EQ(code_of({}, request), kBadRequest);
  lwm2m::Update update;
  update.sms = "+447700900123";
  EXPECT_EQ(admit(strict(), update, {1, 0}).error().code, kBadRequest);
}

TEST(CoreSection5_3_1, MandatoryObjectsAreDemandedInStrictModeOnly) {
  for (const lwm2m::ObjectId missing : {lwm2m::ObjectId{1}, lwm2m::ObjectId{3}}) {
    auto request = node1();
    std::erase_if(request.announcement.objects, [missing](const auto& object) { return object.id == missing; });
    EXPECT_EQ(code_of({}, request), 0);
    EXPECT_EQ(code_of(strict(), request), kBadRequest);
    lwm2m::Update update;
    update.announcement = request.announcement;
    EXPECT_TRUE(admit({}, update, {1, 0}));
    EXPECT_EQ(admit(strict(), update, {1, 0}).error().code, kBadRequest);
  }
}

TEST(Policy, LifetimeBounds) {
  Policy policy;
  policy.lifetime_min = 60;
  policy.lifetime_max = 3600;
  auto request = node1();
  for (const auto& [lifetime, code] :
       {std::pair{59U, kBadRequest}, {60U, std::uint8_t{0}}, {3600U, std::uint8_t{0}}, {3601U, kBadRequest}}) {
    request.lifetime = lifetime;
    EXPECT_EQ(code_of(policy, request), code) << lifetime;
    lwm2m::Update update;
    update.lifetime = lifetime;
    EXPECT_EQ(admit(policy, update, {1, 0}).has_value(), code == 0) << lifetime;
  }
  request.lifetime.reset();
  EXPECT_EQ(admit(policy, request)->lifetime, 3600U) << "the default is brought into the bounds";
  request.lifetime = 0xFFFFFFFF;
  EXPECT_EQ(code_of({}, request), 0);
  request.lifetime = 0;
  EXPECT_EQ(code_of({}, request), kBadRequest);
}

TEST(Policy, AnAlternatePathThatNoOptionHoldsIsRefused) {
  auto request = node1();
  request.announcement.root = "/" + std::string(kRootMax - 1, 'x');
  EXPECT_EQ(code_of({}, request), 0);
  request.announcement.root += 'x';
  EXPECT_EQ(code_of({}, request), kBadRequest);
}

}  // namespace
}  // namespace drover::server
