// SPDX-License-Identifier: Apache-2.0
#include "smartcard/bootstrap_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>

#include "smartcard/bootstrap_file.hpp"
#include "smartcard/test_reader.hpp"

namespace drover::smartcard {
namespace {

TEST_F(Reader, TellsTheChain) {
  CardImage image = nordic_card();
  file_of(image, 0x6432).size = 5000;
  insert(std::move(image));
  const auto reading = reader().read();
  ASSERT_TRUE(reading) << reading.error().reason;
  EXPECT_EQ(outcome(reading), kNordicFile);
  const CardChain& chain = reading->chain;
  EXPECT_EQ(uicc::upper_hex(chain.atr), "3B9F968131FE458031E073FE211B633A104C83009000F2");
  EXPECT_EQ(chain.iccid, "89012645180000000000");
  ASSERT_EQ(chain.applications.size(), 2u);
  EXPECT_EQ(chain.applications[1].label, "PKCS15");
  EXPECT_EQ(uicc::upper_hex(chain.aid), uicc::kPkcs15Aid);
  EXPECT_EQ(chain.channel, 1);
  EXPECT_FALSE(chain.secured);
  ASSERT_EQ(chain.dodfs.size(), 1u);
  EXPECT_EQ(to_hex(chain.dodfs[0].file), "6430");
  ASSERT_TRUE(chain.object);
  EXPECT_EQ(chain.object->form, pkcs15::DodfForm::OidWrappedTwice);
  EXPECT_EQ(chain.file_size, 5000u);
  EXPECT_EQ(chain.data_size, 58u);
  EXPECT_FALSE(chain.pin_tries);
  // Of the large file no more was read than its header says, but for the piece with the header.
  EXPECT_EQ(std::ranges::count(meddler_.commands, "01b0000000"), 1);
  EXPECT_EQ(meddler_.count("b00100"), 0u);
  EXPECT_EQ(meddler_.disconnections, 1u);
  EXPECT_TRUE(is_channel_free());
}

TEST_F(Reader, EveryProtocolFormAndSizePlainAndSecured) {
  // As long as READ BINARY's offsets reach.
  Bytes longest(0x7FFF - kBootstrapHeader - 5);
  for (std::size_t i = 0; i < longest.size(); ++i) longest[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  const std::array files = {octets(kNordicFile), *encode_bootstrap_file({{1, {}, Bytes(300, 0xAB)}}),
                            *encode_bootstrap_file({{0x2328, {}, longest}})};
  for (const bool t0 : {false, true}) {
    for (const auto form : {pkcs15::DodfForm::Opaque, pkcs15::DodfForm::Oid, pkcs15::DodfForm::OidWrappedTwice}) {
      for (const Bytes& file : files) {
        for (const bool secured : {false, true}) {
          SCOPED_TRACE(std::string(t0 ? "T=0, " : "T=1, ") + pkcs15::to_string(form) + ", " +
                       std::to_string(file.size()) + (secured ? ", secured" : ""));
          CardImage image = nordic_card();
          image.t0 = t0;
          image.keys = session_keys();
          pkcs15::DataObject object;
          object.form = form;
          object.label = object.application = "LwM2M Bootstrap";
          object.is_bootstrap = true;
          object.path.file = of_hex("6432");
          file_of(image, 0x6430).content = *pkcs15::encode_dodf({object});
          file_of(image, 0x6432) = {.id = 0x6432,
                                    .content = file,
                                    .size = std::min<std::size_t>(file.size() + 9, 0x7FFF),
                                    .needs_secure_channel = secured};
          insert(std::move(image));
          const auto reading = reader(secured ? with_keys() : ReaderSettings{}).read();
          ASSERT_TRUE(reading) << reading.error().reason;
          EXPECT_EQ(reading->file.reveal(), file);
          EXPECT_EQ(reading->chain.secured, secured);
          EXPECT_TRUE(is_channel_free());
        }
      }
    }
  }
}

// nRF Connect SDK, tests of uicc_lwm2m: what its modem and cards said, but for Le and how the channel is closed. It
// knows the application without EF(DIR).
TEST_F(Reader, NordicsTranscript) {
  const Exchanges recorded = {
      {"00a40804022fe200", "6a82"},
      {"00a40804022f0000", "6a82"},
      {"0070000001", "019000"},
      {"01a404040ca000000063504b43532d313500",
       "622582027821840ca000000063504b43532d31358a01058b032f060cc60990014083010183010a9000"},
      {"01a40804047fff503100", "621682024121830250318a01058b036f06028002002088009000"},
      {"01b0000020", "a7063004040264309000"},
      {"01b0000808", "6b00"},
      {"01a40804047fff643000", "621682024121830264308a01058b036f06028002007888009000"},
      {"01b0000078",
       "a127300030110c0f4c774d324d20426f6f747374726170a110300e06060604672b09013004040264329000"},
      {"01b0002929", "6b00"},
      {"01a40804047fff643200", "621682024121830264308a01058b036f06028002007888009000"},
      {"01b0000078",
       "00010036000000003108002ec80025636f61703a2f2f6c657368616e2e65636c6970736570726f6a656374732e696f3a35373833"
       "c10101c10203ffff9000"},
      {"00708001", "9000"}};
  Recording card(recorded);
  ReaderSettings settings;
  settings.fallback_aid = of_hex("a000000063504b43532d3135");
  BootstrapReader reader(card, settings, rng_);
  const auto reading = reader.read();
  ASSERT_TRUE(reading) << reading.error().reason;
  EXPECT_EQ(outcome(reading), kNordicFile);
  EXPECT_TRUE(card.is_at_end());
  EXPECT_EQ(card.disconnections, 1u);
}

TEST_F(Reader, NordicsTranscriptOfACardWithoutBootstrapData) {
  Recording card(Exchanges{
      {"00a40804022fe200", "6a82"},
      {"00a40804022f0000", "6a82"},
      {"0070000001", "019000"},
      {"01a404040ca000000063504b43532d313500", "621b8202412183025031a5038001718a01058b036f06028002003888009000"},
      {"01a40804047fff503100", "621b8202412183025031a5038001718a01058b036f06028002003888009000"},
      {"01b0000038", "a706300404024407a506300404024404ffffff9000"},
      {"01b0001313", "6b00"},
      {"01a40804047fff440700", "621b8202412183024407a5038001718a01058b036f0602800200c888009000"},
      {"01b00000c8", "ffffffffffffffffffffffffffffffffffffff9000"},
      {"01b0001313", "6b00"},
      {"00708001", "9000"}});
  ReaderSettings settings;
  settings.fallback_aid = of_hex("a000000063504b43532d3135");
  BootstrapReader reader(card, settings, rng_);
  EXPECT_EQ(outcome(reader.read()),
            "not on the card: the card has no LwM2M bootstrap object (1 directory)");
  EXPECT_TRUE(card.is_at_end());
}

TEST_F(Reader, NordicsTranscriptOfACardWithoutTheApplication) {
  const Exchanges recorded = {{"00a40804022fe200", "6a82"},
                              {"00a40804022f0000", "6a82"},
                              {"0070000001", "019000"},
                              {"01a404040ca000000063504b43532d313500", "6a82"},
                              {"00708001", "9000"}};
  Recording card(recorded);
  ReaderSettings settings;
  settings.fallback_aid = of_hex("a000000063504b43532d3135");
  BootstrapReader reader(card, settings, rng_);
  EXPECT_EQ(outcome(reader.read()),
            "not on the card: application a000000063504b43532d3135: 6A82 (file not found)");
  EXPECT_TRUE(card.is_at_end());
  Recording without_fallback(Exchanges(recorded.begin(), recorded.begin() + 2));
  EXPECT_EQ(outcome(BootstrapReader(without_fallback, {}, rng_).read()),
            "not on the card: EF 2f00: 6A82 (file not found)");
}

TEST_F(Reader, ARemovedCardInMidReadGivesNothing) {
  for (const bool secured : {false, true}) {
    CardImage image = nordic_card();
    image.keys = session_keys();
    insert(image);
    ASSERT_TRUE(reader(secured ? with_keys() : ReaderSettings{}).read());
    const std::size_t commands = meddler_.commands.size();
    for (std::size_t last = 0; last + 1 < commands; ++last) {
      meddler_.commands.clear();
      meddler_.disconnections = meddler_.connections = 0;
      insert(image);
      meddler_.instead = [&](std::size_t number, ByteView) -> std::optional<CardResult<Bytes>> {
        if (number == last) terminal_.insert(nullptr);
        return std::nullopt;
      };
      BootstrapReader& again = reader(secured ? with_keys() : ReaderSettings{});
      const auto reading = again.read();
      ASSERT_FALSE(reading) << last;
      EXPECT_EQ(reading.error().kind, Kind::Removed);
      EXPECT_EQ(meddler_.commands.size(), last + 1) << "nothing is said to a card that is gone";
      EXPECT_EQ(meddler_.disconnections, 1u);
      // Put in again, it is read.
      meddler_.instead = {};
      terminal_.insert(&*card_);
      EXPECT_EQ(outcome(again.read()), kNordicFile);
    }
    meddler_.commands.clear();
  }
}

TEST_F(Reader, ACardThatWasResetIsReadAnewOnce) {
  insert(nordic_card());
  ASSERT_TRUE(reader().read());
  const std::size_t commands = meddler_.commands.size() - 1;
  for (std::size_t at = 0; at < commands; ++at) {
    for (const bool once : {true, false}) {
      meddler_.commands.clear();
      meddler_.connections = 0;
      insert(nordic_card());
      meddler_.instead = [&](std::size_t number, ByteView) -> std::optional<CardResult<Bytes>> {
        if (number != at && (once || number <= at)) return std::nullopt;
        card_->reset();
        return card_error(Kind::Reset, "somebody reset the card");
      };
      const auto reading = reader().read();
      EXPECT_EQ(outcome(reading), once ? kNordicFile : "card reset: somebody reset the card");
      EXPECT_EQ(meddler_.connections, 2u);
    }
  }
}

/// Octets of answers under the session's protection are altered; those before are another matter.
class SecuredReader : public Reader {
 protected:
  void SetUp() override {
    CardImage image = nordic_card();
    image.keys = session_keys();
    file_of(image, 0x6432).needs_secure_channel = true;
    insert(std::move(image));
    meddler_.altered = [this](std::size_t number, Bytes& answer) { look(number, answer); };
  }
  /// Number of the answer within the session, from 0; nothing outside.
  void look(std::size_t number, Bytes& answer) {
    const std::string& command = meddler_.commands[number];
    if (command.starts_with("8582") && answer.size() == 2) {
      in_session_ = 0;
      ++sessions_;
      return;
    }
    if (!in_session_ || command.starts_with("0070")) {
      in_session_.reset();
      return;
    }
    seen_.push_back(answer);
    if (alter_) alter_((*in_session_)++, answer);
  }
  CardResult<CardReading> read() {
    seen_.clear();
    sessions_ = 0;
    meddler_.commands.clear();
    card_->reset();
    return reader(with_keys()).read();
  }

  std::function<void(std::size_t, Bytes&)> alter_ = {};
  std::optional<std::size_t> in_session_;
  unsigned sessions_ = 0;
  std::vector<Bytes> seen_;
};

TEST_F(SecuredReader, NoOctetOfAnAnswerMayDiffer) {
  ASSERT_EQ(outcome(read()), kNordicFile);
  const std::vector<Bytes> right = seen_;
  ASSERT_EQ(right.size(), 6u);
  for (std::size_t at = 0; at < right.size(); ++at) {
    for (std::size_t octet = 0; octet + 1 < right[at].size(); ++octet) {
      // 9000 to 9100 is the card's to say, see scp03_test.cpp.
      const auto flip = static_cast<std::uint8_t>(octet + 2 == right[at].size() ? 2 : 1 << octet % 8);
      for (const bool once : {true, false}) {
        alter_ = [&](std::size_t number, Bytes& answer) {
          if (number == at && (!once || sessions_ == 1)) answer[octet] ^= flip;
        };
        const auto reading = read();
        EXPECT_EQ(sessions_, 2u);
        if (once) {
          EXPECT_EQ(outcome(reading), kNordicFile);
        } else {
          ASSERT_FALSE(reading) << at << ", " << octet;
          EXPECT_EQ(reading.error().kind, Kind::Channel);
        }
        EXPECT_TRUE(is_channel_free());
      }
    }
  }
}

TEST_F(SecuredReader, ReplayedTruncatedAndMissingAnswersAreRefused) {
  ASSERT_TRUE(read());
  const std::vector<Bytes> right = seen_;
  for (std::size_t at = 1; at < right.size(); ++at) {
    alter_ = [&](std::size_t number, Bytes& answer) {
      if (number == at) answer = seen_[seen_.size() - 2];
    };
    EXPECT_EQ(outcome(read()), "secure channel failed: secure channel: an answer with a wrong code");
    // Of an earlier session.
    alter_ = [&](std::size_t number, Bytes& answer) {
      if (number == at) answer = right[at];
    };
    EXPECT_EQ(read().error().kind, Kind::Channel);
    alter_ = [&](std::size_t number, Bytes& answer) {
      if (number == at) answer.erase(answer.begin());
    };
    EXPECT_EQ(read().error().kind, Kind::Channel);
    alter_ = [&](std::size_t number, Bytes& answer) {
      if (number == at) answer = of_hex("9000");
    };
    EXPECT_EQ(outcome(read()), "secure channel failed: secure channel: an answer without its code");
    alter_ = [&](std::size_t number, Bytes& answer) {
      if (number == at) answer = of_hex("6982");
    };
    const auto ended = read();
    EXPECT_EQ(sessions_, 2u);
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().status, 0x6982);
  }
}

TEST_F(SecuredReader, OtherKeysEndBeforeTheHostShowsItsCryptogram) {
  ReaderSettings settings = with_keys();
  settings.keys->mac = Secret<Bytes>(Bytes(16, 0x77));
  const auto reading = reader(settings).read();
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().kind, Kind::Channel);
  EXPECT_EQ(meddler_.count("50"), 1u);
  EXPECT_EQ(meddler_.count("82"), 0u);
  EXPECT_TRUE(is_channel_free());
}

TEST_F(Reader, ACardWithoutASecureChannelIsNotReadWithoutIt) {
  insert(nordic_card());
  const auto reading = reader(with_keys()).read();
  EXPECT_EQ(outcome(reading),
            "refused by the card: the card refused INITIALIZE UPDATE: 6A88 (referenced data not found)");
  EXPECT_EQ(meddler_.count("b00000"), 1u) << "EF(ICCID) alone";
  EXPECT_TRUE(is_channel_free());
}

}  // namespace
}  // namespace drover::smartcard
