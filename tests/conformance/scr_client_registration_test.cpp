// SPDX-License-Identifier: Apache-2.0
// Core Appendix B.1.1 and B.1.2: the client's bootstrap and registration.
#include "tests/conformance/configurations.hpp"

namespace drover::conformance {
namespace {

using client::RegistrationState;
using server::EventKind;

/// The Register of a device with C.1, as it goes over the wire.
constexpr const char* kRegister =
    "CON POST /rd ct=40 ?ep=urn:imei:490154203237518 ?lt=86400 ?lwm2m=1.0 "
    "'</>;rt=\"oma.lwm2m\";ct=11543,</1/0>,</3/0>'";

/// The links of the first Register or Update with a body.
std::string announced(const Site& site) {
  for (const Message& message : site.messages()) {
    if (message.from_client && message.code() == "POST" && !message.payload.empty()) {
      return std::string(as_text(message.payload));
    }
  }
  return {};
}

TEST(Scr, BOOT_001_C_AConfiguredDeviceNeedsNoMoreThanToBeSwitchedOn) {
  Site site(c1());
  EXPECT_TRUE(site.messages().empty());
  site.start();
  EXPECT_EQ(site.sent_by_client(), std::vector<std::string>{kRegister});
  EXPECT_EQ(site.account_view().state, RegistrationState::Registered);
}

TEST(Scr, BOOT_002_C_TheFactorysObjectsAreInUse) {
  Site site(c5());
  site.start();
  EXPECT_EQ(announced(site), "</>;rt=\"oma.lwm2m\";ct=11543,</1/0>,</3/0>,</4/0>");
  EXPECT_EQ(site.server().read("/1/0/3").value(), Value(std::int64_t{10}));
  EXPECT_EQ(site.server().read("/4/0/8").value(), Value(std::int64_t{1}));
  // A restart finds the same again.
  site.restart();
  EXPECT_EQ(site.server().read("/4/0/8").value(), Value(std::int64_t{1}));
}

TEST(Scr, BOOT_006_C_AnAccountIsASecurityAndAServerInstanceOfOneShortServerId) {
  Configuration configuration = with(c1(), [](Site& site) {
    // Account 2 is whole; 3 has no Server instance.
    site.account(2, 300);
    site.add(0, 2);
    site.set("/0/2/0", site.server(3).uri());
    site.set("/0/2/2", std::int64_t{3});
    site.set("/0/2/10", std::int64_t{3});
  });
  configuration.servers = {1, 2, 3};
  Site site(configuration);
  site.start();
  EXPECT_NE(site.first_sent_by_client(1).find("?lt=86400"), std::string::npos);
  EXPECT_NE(site.first_sent_by_client(2).find("?lt=300"), std::string::npos);
  EXPECT_EQ(site.first_sent_by_client(3), "nothing");
  // It comes to be one with its Server instance.
  site.add(1, 2);
  site.set("/1/2/1", std::int64_t{400});
  site.set("/1/2/7", std::string("U"));
  site.set("/1/2/0", std::int64_t{3});
  EXPECT_NE(site.first_sent_by_client(3).find("?lt=400"), std::string::npos);
}

TEST(Scr, CR_001_C_Register) {
  Site site(c1());
  site.start();
  ASSERT_EQ(site.messages().size(), 2U);
  EXPECT_EQ(site.messages()[0].line, kRegister);
  EXPECT_EQ(site.messages()[1].line.substr(0, 16), "ACK 2.01 loc=rd ");
  EXPECT_EQ("loc=" + site.account_view().location, site.messages()[1].line.substr(16));
  const auto event = site.client_event<client::RegistrationChanged>();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->report.kind, client::RegistrationReport::Kind::Registered);
  // What was registered is served.
  EXPECT_TRUE(site.server().read("/3/0/0").is(Status::Content));
}

TEST(Scr, CR_002_C_EndpointName) {
  Configuration configuration = c1();
  configuration.settings.endpoint = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
  Site site(configuration);
  site.start();
  EXPECT_NE(site.first_sent_by_client().find(" ?ep=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6 "), std::string::npos);
  EXPECT_TRUE(site.server().has("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"));
}

TEST(Scr, CR_003_C_LifetimeIsThatOfTheServerInstance) {
  Site site(with(c1(), [](Site& device) { device.set("/1/0/1", std::int64_t{5000}); }));
  site.start();
  EXPECT_NE(site.first_sent_by_client().find(" ?lt=5000 "), std::string::npos);
  EXPECT_EQ(site.server().device(kEndpoint).lifetime, 5000U);
  site.forget_messages();
  EXPECT_EQ(site.server().write("/1/0/1", "7000").response, "ACK 2.04");
  site.pass(seconds(1));
  EXPECT_EQ(site.sent_by_client(), std::vector<std::string>{"CON POST " + site.location() + " ?lt=7000"});
}

TEST(Scr, CR_004_C_VersionOfTheEnabler) {
  Configuration configuration = c1();
  configuration.policy.strict = true;  // takes 1.0 alone, and nothing that 1.0 doesn't have
  Site site(configuration);
  site.start();
  EXPECT_NE(site.first_sent_by_client().find(" ?lwm2m=1.0 "), std::string::npos);
  EXPECT_EQ(site.account_view().state, RegistrationState::Registered);
}

TEST(Scr, CR_005_C_BindingModeIsThatOfTheServerInstance) {
  Site site(c1());
  site.start();
  // U is the default of Table 7 and isn't sent.
  EXPECT_EQ(site.first_sent_by_client().find(" ?b="), std::string::npos);
  EXPECT_EQ(site.server().device(kEndpoint).binding, "U");
  site.forget_messages();
  EXPECT_EQ(site.server().write("/1/0/7", "UQ").response, "ACK 2.04");
  site.pass(seconds(1));
  EXPECT_NE(site.first_sent_by_client().find(" ?b=UQ"), std::string::npos);
  EXPECT_EQ(site.server().device(kEndpoint).binding, "UQ");
  // A binding that the device doesn't have is refused.
  EXPECT_EQ(site.server().write("/1/0/7", "S").response.substr(0, 8), "ACK 4.00");
}

TEST(Scr, CR_006_C_SmsNumber) {
  Configuration configuration = c1();
  configuration.settings.sms.msisdn = "491701234567";
  Site site(configuration);
  site.start();
  EXPECT_NE(site.first_sent_by_client().find(" ?sms=491701234567 "), std::string::npos);
  EXPECT_EQ(site.server().device(kEndpoint).sms, "491701234567");
}

TEST(Scr, CR_007_C_ObjectsAndInstances) {
  Site site(with(c1(), [](Site& device) {
    device.define(3303);
    device.define(16);  // an object without instances is announced, too
    device.add(3303, 2);
    device.add(3303, 7);
  }));
  site.start();
  EXPECT_EQ(announced(site), "</>;rt=\"oma.lwm2m\";ct=11543,</1/0>,</3/0>,</16>,</3303/2>,</3303/7>");
}

TEST(Scr, CR_008_C_UpdateTellsWhatChangedAndKeepsTheRegistration) {
  Site site(with(c1(), [](Site& device) { device.set("/1/0/1", std::int64_t{600}); }));
  site.start();
  const std::string location = site.location();
  site.forget_messages();
  site.pass(seconds(600));
  ASSERT_EQ(site.sent_by_client(), std::vector<std::string>{"CON POST " + location}) << "before the lifetime is over";
  EXPECT_EQ(site.last_line(), "ACK 2.04");
  site.pass(seconds(2000));
  EXPECT_TRUE(site.server().has(kEndpoint));
  site.forget_messages();
  site.define(3303);
  site.add(3303, 0);
  site.pass(seconds(1));
  EXPECT_EQ(site.first_sent_by_client(),
            "CON POST " + location + " ct=40 '</>;rt=\"oma.lwm2m\";ct=11543,</1/0>,</3/0>,</3303/0>'");
}

TEST(Scr, CR_009_C_Deregister) {
  Site site(c1());
  site.start();
  const std::string location = site.location();
  site.forget_messages();
  site.stop();
  ASSERT_EQ(site.messages().size(), 2U);
  EXPECT_EQ(site.messages()[0].line, "CON DELETE " + location);
  EXPECT_EQ(site.messages()[1].line, "ACK 2.02");
  EXPECT_TRUE(site.client().is_off());
  EXPECT_FALSE(site.server().has(kEndpoint));
}

TEST(Scr, CR_0011_C_TheSecurityObjectIsNotListed) {
  Site site(c14());
  site.start();
  EXPECT_EQ(site.client().tree().instances(0).size(), 3U);
  EXPECT_EQ(announced(site).find("</0"), std::string::npos) << announced(site);
  site.forget_messages();
  // Nor in an Update, when it changes.
  site.add(0, 5);
  site.add(2, 9);
  site.pass(seconds(1));
  EXPECT_NE(announced(site).find("</2/9>"), std::string::npos);
  EXPECT_EQ(announced(site).find("</0"), std::string::npos) << announced(site);
}

TEST(Scr, CR_0012_C_VersionsOfObjectsOtherThan1_0) {
  Site site(with(c1(), [](Site& device) {
    device.define(2, {}, nullptr, {1, 1});
    device.add(2, 0);
  }));
  site.start();
  EXPECT_NE(announced(site).find(",</1/0>,</2>;ver=\"1.1\",</2/0>,</3/0>"), std::string::npos) << announced(site);
  EXPECT_EQ(site.server().discover("/2").response.substr(0, 32), "ACK 2.05 ct=40 '</2>;ver=\"1.1\",<");
}

}  // namespace
}  // namespace drover::conformance
