// SPDX-License-Identifier: Apache-2.0
#include "smartcard/uicc/uicc.hpp"

#include <gtest/gtest.h>

#include "smartcard/uicc/test_uicc.hpp"

namespace drover::smartcard::uicc {
namespace {

using Card = UiccTest;

TEST_F(Card, AnswersToResetWithItsProtocol) {
  make({});
  EXPECT_EQ(upper_hex(card_->atr()), "3B9F968131FE458031E073FE211B633A104C83009000F2");
  CardImage image;
  image.t0 = true;
  make(image);
  EXPECT_EQ(upper_hex(card_->atr()), "3B9F96801FC78031E073FE211B633A104C83009000A1");
}

TEST_F(Card, AnswersAsInNordicsTranscript) {
  make(nordic_card());
  EXPECT_EQ(say("0070000001"), "019000");
  EXPECT_EQ(say("01A404040C" + kPkcs15Aid + "00"),
            "622582027821840CA000000063504B43532D31358A01058B032F060CC60990014083010183010A9000");
  EXPECT_EQ(say("01A40804047FFF503100"), "621682024121830250318A01058B036F06028002002088009000");
  // The transcript's card answers without the padding that its FCP announces.
  EXPECT_EQ(say("01B0000080"), "A706300404026430" + std::string(48, 'F') + "9000");
  EXPECT_EQ(say("01A40804047FFF643000"), "621682024121830264308A01058B036F06028002007888009000");
  EXPECT_EQ(say("01B0000080").substr(0, kNordicDodf.size() + 2), kNordicDodf + "FF");
  EXPECT_EQ(say("01A40804047FFF643200"), "621682024121830264328A01058B036F06028002003A88009000");
  EXPECT_EQ(say("01B0000080"), kNordicFile + "9000");
  EXPECT_EQ(say("01708001"), "9000");
  EXPECT_EQ(say("01B0000080"), "6881");
}

TEST_F(Card, ReadsRecordsOfTheDirectory) {
  make(nordic_card());
  EXPECT_EQ(say("00A40804022F0000"), "62198205422100260383022F008A01058B036F06028002007288009000");
  EXPECT_EQ(say("00B2010400").substr(0, 8), "61184F10");
  EXPECT_EQ(say("00B2020400").substr(0, 32), "611C4F0C" + kPkcs15Aid);
  EXPECT_EQ(say("00B2030426"), std::string(76, 'F') + "9000");
  EXPECT_EQ(say("00B2040400"), "6A83");
  EXPECT_EQ(say("00B2000400"), "6A83");
  EXPECT_EQ(say("00B2010200"), "6A86");
  EXPECT_EQ(say("00B0000000"), "6981");
  EXPECT_EQ(say("00A4000C022FE2"), "9000");
  EXPECT_EQ(say("00B0000000"), "981062548100000000009000");
  EXPECT_EQ(say("00B2010400"), "6981");
}

TEST_F(Card, SpeaksT0) {
  CardImage image = nordic_card();
  image.t0 = true;
  make(image);
  EXPECT_EQ(say("00700000"), "6C01");
  EXPECT_EQ(say("0070000000"), "6C01");
  EXPECT_EQ(say("0070000001"), "019000");  // nothing was opened before
  EXPECT_EQ(say("01A404040C" + kPkcs15Aid + "00"), "6127");
  EXPECT_EQ(say("01C0000000"), "6C27");
  EXPECT_EQ(say("01C0000004"), "622582026123");
  EXPECT_EQ(say("01C0000023").substr(0, 8), "7821840C");
  EXPECT_EQ(say("01C0000001"), "6985");
  EXPECT_EQ(say("01A40804047FFF6432"), "6118");
  EXPECT_EQ(say("01B0000000"), "6C3A");  // GET RESPONSE isn't possible any more
  EXPECT_EQ(say("01C0000018"), "6985");
  EXPECT_EQ(say("01B000003A"), kNordicFile + "9000");
  EXPECT_EQ(say("01B0000004"), "000100369000");
  EXPECT_EQ(say("01B0003800"), "6C02");
}

TEST_F(Card, KeepsWhatIsntExpected) {
  make(nordic_card());
  EXPECT_EQ(say("00A40004023F00"), "611D");
  EXPECT_EQ(say("00C0000000").size(), 2 * (0x1Du + 2));
  EXPECT_EQ(say("00A40004023F0002"), "621B611B");
  EXPECT_EQ(say("00C000001B").substr(0, 8), "82027821");
}

TEST_F(Card, SelectsByNamePathAndIdentifier) {
  CardImage image = nordic_card();
  image.sms = sms_application();
  image.folders.push_back({0x7F51, octets("A000000063FF"), "", {{0x5031, {1}}}});
  make(image);
  EXPECT_EQ(status_of("00A4040005A000000063"), "6127");       // the beginning of a name
  EXPECT_EQ(status_of("00A4040205A00000006300"), "9000");     // the next one with it
  EXPECT_EQ(say("00A40004025031").size(), 4u);
  EXPECT_EQ(say("00B0000001"), "019000");
  EXPECT_EQ(say("00A4040205A00000006300"), "6A82");
  EXPECT_EQ(say("00A4040C04A0000000"), "6A82");               // too short for a name
  EXPECT_EQ(say("00A4040C0D" + kPkcs15Aid + "00"), "6A82");   // longer than the card's
  EXPECT_EQ(say("00A4040C10" + kSmsAid), "9000");
  EXPECT_EQ(say("00A4080C047FFF5031"), "6A82");               // the application has no files
  EXPECT_EQ(say("00A4080C047F505031"), "9000");
  EXPECT_EQ(say("00A4090C025031"), "9000");                   // from the folder of that file
  EXPECT_EQ(say("00A4090C027F50"), "6A82");
  EXPECT_EQ(say("00A4080C063F007F505031"), "6A82");           // the MF is no part of the path
  EXPECT_EQ(say("00A4080C0450315032"), "6A82");
  EXPECT_EQ(say("00A4080C037F5050"), "6700");
  EXPECT_EQ(say("00A4080C"), "6700");
  EXPECT_EQ(say("00A4000C022F00"), "6A82");                   // of another folder
  EXPECT_EQ(say("00A4000C"), "9000");
  EXPECT_EQ(say("00A4000C022F00"), "9000");
  EXPECT_EQ(say("00A4000C027FFF"), "9000");
  EXPECT_EQ(say("00A4030C"), "9000");
  EXPECT_EQ(say("00A40708"), "6A86");
  EXPECT_EQ(say("00A4000802" "3F00"), "6A86");
}

TEST_F(Card, SevenFFFNeedsAnApplication) {
  make(nordic_card());
  EXPECT_EQ(say("00A4080C047FFF5031"), "6A82");
  EXPECT_EQ(say("00A4000C027FFF"), "6A82");
  EXPECT_EQ(say("00A4040C0C" + kPkcs15Aid), "9000");
  EXPECT_EQ(say("00A4000C023F00"), "9000");
  EXPECT_EQ(say("00A4080C047FFF5031"), "9000");
}

TEST_F(Card, OffsetsAndLengths) {
  make(nordic_card());
  EXPECT_EQ(say("00B0000000"), "6986");
  EXPECT_EQ(say("00A4080C047F506432"), "9000");
  EXPECT_EQ(say("00B0003802"), "02039000");
  EXPECT_EQ(say("00B00038FF"), "02039000");
  EXPECT_EQ(say("00B0003A01"), "6B00");
  EXPECT_EQ(say("00B07FFF01"), "6B00");
  EXPECT_EQ(say("00B0800001"), "6A82");  // by short identifiers, which no file has
  EXPECT_EQ(say("00B000000101"), "6700");
  EXPECT_EQ(say("00A4080C057F506432"), "6700");
  EXPECT_EQ(say("00"), "6700");
  EXPECT_EQ(say(""), "6700");
  EXPECT_EQ(say("00FF0000"), "6D00");
  EXPECT_EQ(say("80FF0000"), "6D00");
  EXPECT_EQ(say("40B00000"), "6881");
  EXPECT_EQ(say("A0A40000"), "6E00");
  EXPECT_EQ(say("10B00000"), "6884");
  EXPECT_EQ(say("08B00000"), "6882");
  EXPECT_EQ(say("04B00000"), "6882");  // without keys
}

TEST_F(Card, FilesAsLongAsOffsetsReach) {
  CardImage image;
  image.files.push_back({0x6F01, numbered(70'000)});
  image.files.push_back({0x6F02, {}, 100'000, 300});
  make(image);
  EXPECT_EQ(say("00A40004026F0100"), "62168202412183026F018A01058B036F060280027FFF88009000");
  EXPECT_EQ(say("00B07FFE00"), "FE9000");
  EXPECT_EQ(say("00B07FFF00"), "6B00");
  EXPECT_EQ(say("00A4000C026F02"), "9000");
  EXPECT_EQ(say("00B2810400").size(), 2 * (255u + 2));
}

TEST_F(Card, ChannelsRunOut) {
  make(nordic_card());
  EXPECT_EQ(say("0070000001"), "019000");
  EXPECT_EQ(say("0070000001"), "029000");
  EXPECT_EQ(say("00700000"), "6700");
  EXPECT_EQ(say("0070000000"), "039000");
  EXPECT_EQ(say("0070000001"), "6A81");
  EXPECT_EQ(say("00708002"), "9000");
  EXPECT_EQ(say("00708002"), "6A86");
  EXPECT_EQ(say("00708000"), "6A86");
  EXPECT_EQ(say("007080FF"), "6A86");
  EXPECT_EQ(say("00704000"), "6A86");
  EXPECT_EQ(say("0070000001"), "029000");
  card_->reset();
  EXPECT_EQ(say("01A4000C"), "6881");
  EXPECT_EQ(say("0070000001"), "019000");
}

TEST_F(Card, EachChannelHasItsOwnSelection) {
  make(nordic_card());
  say("0070000001");
  EXPECT_EQ(say("01A4040C0C" + kPkcs15Aid), "9000");
  EXPECT_EQ(say("01A4000C025031"), "9000");
  EXPECT_EQ(say("00B0000001"), "6986");
  EXPECT_EQ(say("0170000001"), "029000");       // begins where the channel is that opens it
  EXPECT_EQ(say("02A4000C025031"), "9000");
  EXPECT_EQ(say("0070000001"), "039000");       // and at the MF
  EXPECT_EQ(say("03A4000C025031"), "6A82");
}

TEST_F(Card, ThePinHasTries) {
  CardImage image = nordic_card();
  image.pin = Secret<std::string>("1234");
  image.folders[0].files[2].needs_pin = true;
  make(image);
  EXPECT_EQ(say("00A404040C" + kPkcs15Aid + "00").substr(56), "C6069001808301019000");
  EXPECT_EQ(say("00A4000C026432"), "9000");
  EXPECT_EQ(say("00B0000001"), "6982");
  EXPECT_EQ(say("00200001"), "63C3");
  EXPECT_EQ(say("0020000100"), "63C3");
  EXPECT_EQ(say("00200002"), "6A88");
  EXPECT_EQ(say("002000010831323335FFFFFFFF"), "63C2");
  EXPECT_EQ(say("002000010431323334"), "6700");
  EXPECT_EQ(card_->pin_tries(), 2u);
  card_->reset();
  EXPECT_EQ(say("00200001"), "63C2");
  EXPECT_EQ(say("002000010831323334FFFFFFFF"), "9000");
  EXPECT_EQ(say("00200001"), "63C3");
  EXPECT_EQ(say("0070000001"), "019000");
  EXPECT_EQ(say("01A4080C047F506432"), "9000");
  EXPECT_EQ(say("01B0000001"), "009000");  // a PIN is verified for all channels
  for (const char* left : {"63C2", "63C1", "63C0"}) EXPECT_EQ(say("002000010831323335FFFFFFFF"), left);
  EXPECT_EQ(say("002000010831323334FFFFFFFF"), "6983");
  EXPECT_EQ(say("01B0000001"), "6982");
}

TEST_F(Card, RepeatsTheRecordedSecureSession) {
  CardImage image = nordic_card();
  image.keys = session_keys();
  image.folders[0].files[2].needs_secure_channel = true;
  make(image);
  say("0070000001");
  say("01A4040C0C" + kPkcs15Aid);
  EXPECT_EQ(say("8150300008111213141516171800"),
            "0000000000000000000030036001020304050607083561F521188205D69000");
  EXPECT_EQ(say("858233001062E377D1702CD1CF5BD43799DF926C79"), "9000");
  EXPECT_EQ(say("05A40804183B21BE464D9A743FBB03B57804E596D4920752694984878400"),
            "846D0238006CA8A81B708A44B1F31DA53FDCAADB97FBCC087CDB75242BE42EFB907B43E732588FAE9000");
  EXPECT_EQ(say("05B0000008609F3E86ADCAC68100"),
            "011A61864BD34E8FDC60458080614427649D4FF5DF987638847684CAF96135E0959025DBFDFEE844A04EB49085C5D18214292DB1F8E6B8"
            "8E9000");
  EXPECT_EQ(say("05A4080418D0FA2E1338DA42C35E6C6471207EA4CAE11223043212405900"),
            "DEFBE46D45497088127A1B4D9CEA356C9068A6A2AB55D4E1B35892F083CB7331A263F83DE4D3DE249000");
  EXPECT_EQ(say("05B0000008BF6A5EF28EC07B6700"),
            "A1200058D0C4642A7BD14054A3B1A3FA3A27939056757A7978CAF431BB2A9BD1B7A3E6A5B2E7AEB776B12FE9984CC0ACCE3DABA591F27FD"
            "2C692CF67D1C9B430A4E6A5A63B8E87EB9000");
  // Once more: the code was used.
  EXPECT_EQ(say("05B0000008BF6A5EF28EC07B6700"), "6982");
  EXPECT_EQ(say("05B0000008BF6A5EF28EC07B6700"), "6982");
  EXPECT_EQ(say("01B0000001"), "6982");  // the file isn't readable without
}

class Session : public UiccTest {
 protected:
  void SetUp() override {
    CardImage image = nordic_card();
    image.keys = session_keys();
    make(image);
    say("0070000001");
    say("01A4040C0C" + kPkcs15Aid);
    begin();
  }
  void begin() {
    host_.emplace(*scp03::Host::make(session_keys(), {1, 2, 3, 4, 5, 6, 7, 8}, 1));
    const auto answer = send(host_->initialize_update());
    const auto command = host_->authenticate(answer);
    ASSERT_TRUE(command.has_value()) << command.error().reason;
    ASSERT_TRUE(host_->authenticated(send(*command)).has_value());
  }
  Response send(const Command& command) { return *decode_response(card_->transmit(*encode(command))); }
  std::string secured(const Command& command) {
    Command expecting = command;
    expecting.expected = kExpectedMax;  // the code, at least
    const auto wrapped = host_->wrap(expecting);
    if (!wrapped) return wrapped.error().reason;
    const auto answer = host_->unwrap(send(*wrapped));
    return answer ? upper_hex(encode(*answer)) : answer.error().reason;
  }

  std::optional<scp03::Host> host_;
};

TEST_F(Session, AnUnprotectedCommandEndsIt) {
  EXPECT_EQ(secured({1, ins::kSelect, 8, 12, octets("7FFF6432"), {}}), "9000");
  EXPECT_EQ(secured({1, ins::kReadBinary, 0, 0x38, {}, 256}), "02039000");
  EXPECT_EQ(secured({1, ins::kReadBinary, 0, 0x3A, {}, 256}), "6B00");  // an error ends nothing
  EXPECT_EQ(secured({1, ins::kReadBinary, 0, 0x38, {}, 256}), "02039000");
  EXPECT_EQ(say("01B0000001"), "6982");
  EXPECT_NE(secured({1, ins::kReadBinary, 0, 0x38, {}, 256}), "02039000");
}

TEST_F(Session, IsntClosedFromItsChannelWithoutProtection) {
  EXPECT_EQ(say("01708001"), "6982");
  begin();
  EXPECT_EQ(secured({1, ins::kManageChannel, 0x80, 1, {}, {}}), "9000");
  EXPECT_EQ(say("01A4000C"), "6881");
}

TEST_F(Session, IsClosedFromTheBasicChannel) {
  EXPECT_EQ(say("00708001"), "9000");
  EXPECT_EQ(say("0070000001"), "019000");
  EXPECT_EQ(say("05B0000008609F3E86ADCAC68100"), "6982");
}

TEST_F(Session, EndsWithAnotherApplication) {
  EXPECT_EQ(say("01A4040C05FFFFFFFFFF"), "6A82");
  EXPECT_EQ(secured({1, ins::kSelect, 8, 12, octets("7FFF6432"), {}}), "9000");
  EXPECT_EQ(say("01A4040C0C" + kPkcs15Aid), "9000");
  EXPECT_EQ(say("01A4080C047FFF6432"), "9000");
  EXPECT_EQ(say("01B0003802"), "02039000");
}

TEST_F(Session, StartsWithTheRightKeysOnly) {
  EXPECT_EQ(say("8150310008111213141516171800"), "6A88");
  EXPECT_EQ(say("815030000711121314151617"), "6700");
  EXPECT_EQ(say("858233001062E377D1702CD1CF5BD43799DF926C79"), "6985");
  say("8150300008111213141516171800");
  EXPECT_EQ(say("858233001062E377D1702CD1CF5BD43799DF926C78"), "6300");
  EXPECT_EQ(say("858233001062E377D1702CD1CF5BD43799DF926C79"), "6985");
  say("8150000008111213141516171800");  // 0: whichever the card has
  EXPECT_EQ(say("858233001062E377D1702CD1CF5BD43799DF926C79"), "9000");
}

TEST_F(Session, LongFilesComeInParts) {
  CardImage image = nordic_card();
  image.keys = session_keys();
  image.folders[0].files[2].content = numbered(300);
  card_->replace(image);
  EXPECT_EQ(secured({1, ins::kSelect, 8, 12, octets("7FFF6432"), {}}), "9000");
  EXPECT_EQ(secured({1, ins::kReadBinary, 0, 0, {}, 256}), upper_hex(ByteView(numbered(300)).first(239)) + "9000");
  EXPECT_EQ(secured({1, ins::kReadBinary, 0, 239, {}, 239}), upper_hex(ByteView(numbered(300)).subspan(239)) + "9000");
}

TEST_F(Card, FilesAreReplacedUnderWhoeverReadsThem) {
  CardImage image = nordic_card();
  image.pin = Secret<std::string>("1234");
  make(image);
  say("0070000001");
  EXPECT_EQ(say("01A4040C0C" + kPkcs15Aid), "9000");
  EXPECT_EQ(say("01A4000C026432"), "9000");
  say("002000010831323335FFFFFFFF");
  CardImage other = image;
  other.folders.insert(other.folders.begin(), Folder{0x7F10, {}, "", {}});
  other.folders[1].files[2].content = {0xAA};
  card_->replace(other);
  EXPECT_EQ(say("01B0000000"), "AA9000");
  EXPECT_EQ(card_->pin_tries(), 2u);
  other.folders.clear();
  card_->replace(other);
  EXPECT_EQ(say("01B0000000"), "6986");
  EXPECT_EQ(say("01A4000C022FE2"), "9000");  // at the MF
}

TEST(MemoryReader, SaysWhenTheCardIsAnother) {
  SplitMix rng(1);
  Uicc card(nordic_card(), rng);
  MemoryTerminal terminal;
  EXPECT_EQ(terminal.connect().error().kind, CardError::Kind::NoCard);
  terminal.insert(&card);
  EXPECT_EQ(terminal.transmit(octets("00A4000C")).error().kind, CardError::Kind::Reset);
  EXPECT_EQ(*terminal.connect(), card.atr());
  EXPECT_EQ(*terminal.transmit(octets("00A4000C")), octets("9000"));
  terminal.insert(nullptr);
  EXPECT_EQ(terminal.transmit(octets("00A4000C")).error().kind, CardError::Kind::Removed);
}

}  // namespace
}  // namespace drover::smartcard::uicc
