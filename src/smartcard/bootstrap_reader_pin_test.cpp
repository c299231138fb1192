// SPDX-License-Identifier: Apache-2.0
#include "smartcard/bootstrap_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "smartcard/test_reader.hpp"

namespace drover::smartcard {
namespace {

/// A card whose EF LwM2M_Bootstrap wants PIN 4711; its DODF says so, or not.
CardImage pin_card(bool is_private = true) {
  CardImage image = nordic_card();
  image.pin = Secret<std::string>("4711");
  image.keys = session_keys();
  pkcs15::DataObject object;
  object.label = object.application = "LwM2M Bootstrap";
  object.is_bootstrap = true;
  object.is_private = is_private;
  object.path.file = of_hex("6432");
  file_of(image, 0x6430).content = *pkcs15::encode_dodf({object});
  file_of(image, 0x6432).needs_pin = true;
  return image;
}

class PinReader : public Reader {
 protected:
  /// In the clear: with a session each VERIFY has data.
  std::size_t tried() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        meddler_.commands, [](const std::string& command) { return command.starts_with("0120000108"); }));
  }
};

TEST_F(PinReader, IsVerifiedWhereAFileIsPrivate) {
  insert(pin_card());
  const auto reading = reader(with_pin("4711")).read();
  EXPECT_EQ(outcome(reading), kNordicFile);
  EXPECT_TRUE(reading->chain.pin_verified);
  EXPECT_EQ(reading->chain.pin_tries, 3u);
  const auto asked_at = std::ranges::find(meddler_.commands, "01200001");
  ASSERT_NE(asked_at, meddler_.commands.end());
  EXPECT_EQ(*(asked_at + 1), "012000010834373131ffffffff");
  EXPECT_EQ(meddler_.count("b0"), 4u) << "not read before";
  EXPECT_EQ(card_->pin_tries(), 3u);
}

TEST_F(PinReader, IsVerifiedWhereReadingIsRefused) {
  insert(pin_card(false));
  EXPECT_EQ(outcome(reader(with_pin("4711")).read()), kNordicFile);
  EXPECT_EQ(tried(), 1u);
}

TEST_F(PinReader, GoesThroughTheSecureChannel) {
  for (const bool is_private : {true, false}) {
    insert(pin_card(is_private));
    ReaderSettings settings = with_pin("4711");
    settings.keys = session_keys();
    meddler_.commands.clear();
    meddler_.connections = 0;
    const auto reading = reader(settings).read();
    EXPECT_EQ(outcome(reading), kNordicFile);
    EXPECT_TRUE(reading->chain.pin_verified);
    EXPECT_EQ(meddler_.connections, is_private ? 1u : 2u) << "6982 may mean that the session is over";
    for (const std::string& command : meddler_.commands) EXPECT_EQ(command.find("34373131"), std::string::npos);
  }
}

TEST_F(PinReader, AWrongOneIsTriedOnce) {
  insert(pin_card());
  BootstrapReader& reading = reader(with_pin("9999"));
  EXPECT_EQ(outcome(reading.read()), "PIN: the card refused the PIN that is configured: 63C2 (wrong, tries are left)");
  EXPECT_EQ(reading.chain()->pin_tries, 2u);
  EXPECT_FALSE(reading.chain()->pin_verified);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(outcome(reading.read()), "PIN: the card refused the PIN that is configured before (2 tries left)");
  }
  EXPECT_EQ(tried(), 1u);
  EXPECT_EQ(card_->pin_tries(), 2u);
  // Another card may have another PIN.
  CardImage other = pin_card();
  other.pin = Secret<std::string>("9999");
  other.files.back().content = octets("98106254810000000010");
  insert(std::move(other));
  EXPECT_EQ(outcome(reading.read()), kNordicFile);
}

TEST_F(PinReader, TheLastTryStaysForPeople) {
  for (const unsigned tries : {0u, 1u}) {
    CardImage image = pin_card();
    image.pin_tries = tries;
    insert(std::move(image));
    const auto reading = reader(with_pin("4711")).read();
    ASSERT_FALSE(reading);
    EXPECT_EQ(reading.error().kind, Kind::Pin);
    EXPECT_EQ(reading.error().status, tries == 0 ? 0x6983 : 0x63C1);
    EXPECT_EQ(reader_->chain()->pin_tries, tries);
    EXPECT_EQ(card_->pin_tries(), tries);
  }
  EXPECT_EQ(tried(), 0u);
}

TEST_F(PinReader, AnAnswerThatIsLostCountsAsRefusedWhenTheCardCountedIt) {
  insert(pin_card());
  meddler_.instead = [&](std::size_t, ByteView command) -> std::optional<CardResult<Bytes>> {
    if (!to_hex(command).starts_with("0120000108")) return std::nullopt;
    card_->transmit(command);
    terminal_.insert(&*card_);
    return card_error(Kind::Removed, "gone");
  };
  BootstrapReader& reading = reader(with_pin("9999"));
  EXPECT_EQ(reading.read().error().kind, Kind::Removed);
  EXPECT_EQ(outcome(reading.read()), "PIN: the card refused the PIN that is configured before (2 tries left)");
  EXPECT_EQ(tried(), 1u);
  // The right one isn't counted, and may be said again.
  insert(pin_card());
  BootstrapReader& right = reader(with_pin("4711"));
  EXPECT_EQ(right.read().error().kind, Kind::Removed);
  meddler_.instead = {};
  EXPECT_EQ(outcome(right.read()), kNordicFile);
}

TEST_F(PinReader, WithoutOneTheCardIsAskedForItsTriesAlone) {
  for (const bool is_private : {true, false}) {
    insert(pin_card(is_private));
    EXPECT_EQ(outcome(reader().read()), "PIN: the card wants a PIN, and none is configured (3 tries left)");
    EXPECT_EQ(outcome(reader(with_keys()).read()), "PIN: the card wants a PIN, and none is configured (3 tries left)");
  }
  EXPECT_EQ(tried(), 0u);
  for (const char* pin : {"123", "123456789", "12a4"}) {
    EXPECT_EQ(outcome(reader(with_pin(pin)).read()),
              "PIN: the PIN that is configured isn't 4 to 8 digits (3 tries left)");
  }
  EXPECT_EQ(tried(), 0u);
}

TEST_F(PinReader, ACardThatWantsNoneIsRead) {
  // Private says the directory, and the card has its PIN disabled.
  CardImage image = pin_card();
  image.pin = {};
  insert(std::move(image));
  const auto reading = reader(with_pin("4711")).read();
  EXPECT_EQ(outcome(reading), kNordicFile);
  EXPECT_FALSE(reading->chain.pin_verified);
  EXPECT_EQ(tried(), 0u);
}

TEST_F(PinReader, ACardThatDoesNotTellTheTriesKeepsThem) {
  insert(pin_card());
  meddler_.instead = [](std::size_t, ByteView command) -> std::optional<CardResult<Bytes>> {
    if (to_hex(command) == "01200001") return of_hex("6700");
    return std::nullopt;
  };
  EXPECT_EQ(outcome(reader(with_pin("4711")).read()),
            "PIN: the card doesn't tell how many tries are left: 6700 (wrong length)");
  EXPECT_EQ(tried(), 0u);
}

}  // namespace
}  // namespace drover::smartcard
