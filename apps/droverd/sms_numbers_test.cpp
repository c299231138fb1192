// SPDX-License-Identifier: Apache-2.0
// Whom the server speaks to by SMS, and how, under each of [sms] nosec.
#include "sms_numbers.hpp"

#include <gtest/gtest.h>

#include "store/test_backing.hpp"

namespace drover::droverd {
namespace {

using store::SmsProtection;
using transport::Kind;
using NoSec = SmsConfig::NoSec;

constexpr const char* kNone = "1";
constexpr const char* kPackets = "2";
constexpr const char* kDtls = "3";
constexpr const char* kSmartcard = "4";
constexpr const char* kDisabled = "5";
constexpr const char* kStranger = "6";

class SmsNumbersTest : public ::testing::Test {
 protected:
  SmsNumbersTest() {
    add(kNone, SmsProtection::None);
    add(kPackets, SmsProtection::Packets);
    add(kDtls, SmsProtection::Dtls);
    add(kSmartcard, SmsProtection::Smartcard);
    add(kDisabled, SmsProtection::Packets, false);
  }
  void add(const char* number, SmsProtection protection, bool enabled = true) {
    store::NewSmsAccount account{.msisdn = number, .endpoint = "pump", .protection = protection};
    if (store::has_packets(protection)) account.keys = Secret<Bytes>(Bytes(16, 7));
    account.enabled = enabled;
    EXPECT_TRUE(accounts_->add(std::move(account)));
  }
  /// How that number may be heard: "plain", "dtls", "packets", "card"; "" for a stranger.
  [[nodiscard]] std::string heard(NoSec nosec, const char* number) const {
    const auto peer = SmsNumbers(nosec, accounts_.get()).find(number);
    if (!peer) return "stranger";
    std::string ways = peer->plain ? "plain " : "";
    if (peer->dtls) ways += "dtls ";
    if (peer->packets) ways += peer->packets->on_smartcard ? "card " : "packets ";
    return ways;
  }
  [[nodiscard]] std::optional<Kind> spoken_to(NoSec nosec, const char* number) const {
    return SmsNumbers(nosec, accounts_.get()).kind_for(number);
  }

  storage::testing::Folder folder_;
  std::unique_ptr<store::SmsAccounts> accounts_ =
      store::testing::sms_accounts(store::testing::opened(folder_.file("store.db")));
};

TEST_F(SmsNumbersTest, AnAccountSaysHowUnderEverySetting) {
  for (const NoSec nosec : {NoSec::Off, NoSec::Trigger, NoSec::Any}) {
    SCOPED_TRACE(static_cast<int>(nosec));
    EXPECT_EQ(heard(nosec, kPackets), "packets ");
    EXPECT_EQ(heard(nosec, kSmartcard), "card ");
    EXPECT_EQ(heard(nosec, kDtls), "dtls ");
    EXPECT_EQ(heard(nosec, kDisabled), "stranger");
    EXPECT_EQ(spoken_to(nosec, kPackets), Kind::SmsPacket);
    EXPECT_EQ(spoken_to(nosec, kSmartcard), Kind::SmsPacket);
    EXPECT_EQ(spoken_to(nosec, kDtls), std::nullopt);
    EXPECT_EQ(spoken_to(nosec, kDisabled), std::nullopt);
  }
}

TEST_F(SmsNumbersTest, WithoutSecurityIsWhatTheSettingAllows) {
  EXPECT_EQ(heard(NoSec::Off, kNone), "");
  EXPECT_EQ(heard(NoSec::Trigger, kNone), "plain ");
  EXPECT_EQ(heard(NoSec::Any, kNone), "plain ");
  EXPECT_EQ(spoken_to(NoSec::Off, kNone), std::nullopt);
  EXPECT_EQ(spoken_to(NoSec::Trigger, kNone), Kind::Sms);
  EXPECT_EQ(heard(NoSec::Trigger, kStranger), "stranger");
  EXPECT_EQ(spoken_to(NoSec::Trigger, kStranger), std::nullopt);
  EXPECT_EQ(heard(NoSec::Any, kStranger), "plain dtls ");
  EXPECT_EQ(spoken_to(NoSec::Any, kStranger), Kind::Sms);
}

TEST_F(SmsNumbersTest, OperationsGoWithoutSecurityWhereEverythingMay) {
  EXPECT_FALSE(SmsNumbers(NoSec::Off, accounts_.get()).operates_without_security());
  EXPECT_FALSE(SmsNumbers(NoSec::Trigger, accounts_.get()).operates_without_security());
  EXPECT_TRUE(SmsNumbers(NoSec::Any, accounts_.get()).operates_without_security());
}

TEST_F(SmsNumbersTest, AChangeCountsAtOnce) {
  const SmsNumbers numbers(NoSec::Any, accounts_.get());
  ASSERT_TRUE(accounts_->change({2}, {.label = {}, .enabled = false}));
  EXPECT_FALSE(numbers.find(kPackets));
  EXPECT_FALSE(numbers.may_be(kPackets, "pump"));
  ASSERT_TRUE(accounts_->change({2}, {.label = {}, .enabled = true}));
  EXPECT_EQ(numbers.find(kPackets)->packets->key, 2U);
  EXPECT_TRUE(numbers.may_be(kPackets, "pump"));
  ASSERT_TRUE(accounts_->remove({2}));
  EXPECT_TRUE(numbers.find(kPackets)->plain) << "nobody's any more";
}

TEST_F(SmsNumbersTest, WithoutAStoreThereIsNobodyOrEverybody) {
  EXPECT_FALSE(SmsNumbers(NoSec::Trigger, nullptr).find(kNone));
  EXPECT_TRUE(SmsNumbers(NoSec::Any, nullptr).find(kNone)->plain);
  EXPECT_FALSE(SmsNumbers(NoSec::Any, nullptr).may_be(kNone, "pump"));
}

}  // namespace
}  // namespace drover::droverd
