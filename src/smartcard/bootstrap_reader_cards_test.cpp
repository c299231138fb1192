// SPDX-License-Identifier: Apache-2.0
#include "smartcard/bootstrap_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "smartcard/bootstrap_file.hpp"
#include "smartcard/test_reader.hpp"

namespace drover::smartcard {
namespace {

// Cards that aren't as they should be, or otherwise than most.

TEST_F(Reader, PathsAreHonoured) {
  const Bytes file = octets(kNordicFile);
  Bytes content(20, 0xEE);
  content.insert(content.end(), file.begin(), file.end());
  content.insert(content.end(), 30, 0xDD);
  struct Case {
    pkcs15::Path path;
    std::string wanted;
  };
  const Case cases[] = {
      {{.file = of_hex("6432"), .index = 20, .length = 58}, kNordicFile},
      {{.file = of_hex("3f007f506432"), .index = 20}, kNordicFile},
      {{.file = of_hex("7fff6432"), .index = 20, .length = 1000}, kNordicFile},
      {{.file = of_hex("6432"), .index = 20, .length = 57},
       "malformed: EF 7fff6432: its header says 58 octets, the file has 57"},
      {{.file = of_hex("6432"), .index = 20, .length = 3}, "malformed: EF 7fff6432: it ends before its header does"},
      {{.file = of_hex("6432"), .index = 108}, "malformed: EF 7fff6432: its path begins at octet 108 of 108"},
      {{.file = of_hex("6433")}, "not on the card: EF 7fff6433: 6A82 (file not found)"},
      {{.file = of_hex("3f00")}, "malformed: path 3f00: it names no file"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(to_hex(each.path.file));
    CardImage image = nordic_card();
    pkcs15::DataObject object;
    object.is_bootstrap = true;
    object.path = each.path;
    auto dodf = pkcs15::encode_dodf({object});
    ASSERT_TRUE(dodf) << dodf.error().reason;
    file_of(image, 0x6430).content = *dodf;
    file_of(image, 0x6432).content = content;
    insert(std::move(image));
    EXPECT_EQ(outcome(reader().read()), each.wanted);
    EXPECT_TRUE(is_channel_free());
  }
}

TEST_F(Reader, TheFirstDirectoryWithTheObjectCounts) {
  CardImage image = nordic_card();
  const Bytes dodf = file_of(image, 0x6430).content;
  // Missing, empty, and then two that have one.
  std::vector<pkcs15::Path> dodfs;
  for (const char* id : {"6499", "6431", "6430", "6434"}) dodfs.push_back({.file = of_hex(id)});
  file_of(image, 0x5031).content = *pkcs15::encode_odf(dodfs);
  file_of(image, 0x5031).size = 0;
  image.folders[0].files.push_back({.id = 0x6431, .size = 40});
  image.folders[0].files.push_back({.id = 0x6434, .content = dodf});
  insert(std::move(image));
  const auto reading = reader().read();
  EXPECT_EQ(outcome(reading), kNordicFile);
  EXPECT_EQ(reading->chain.dodfs.size(), 4u);
  EXPECT_EQ(meddler_.count("a40804047fff6434"), 0u);
}

TEST_F(Reader, DirectoriesInOtherFormsAndWithout) {
  CardImage transparent = nordic_card();
  transparent.files[0] = {.id = 0x2F00,
                          .content = octets("610E4F0CA000000063504B43532D3135FFFFFF"),
                          .size = 300};
  insert(transparent);
  EXPECT_EQ(outcome(reader().read()), kNordicFile);
  // Another application's broken record does no harm; the only one's does.
  CardImage broken = nordic_card();
  broken.files[0].content[1] = 0x7F;
  insert(broken);
  EXPECT_EQ(outcome(reader().read()), kNordicFile);
  broken.files[0].content.resize(0x26);
  insert(broken);
  EXPECT_EQ(reader().read().error().kind, Kind::Malformed);
  CardImage other = nordic_card();
  other.files[0].content.resize(0x26);
  insert(other);
  BootstrapReader& reading = reader();
  EXPECT_EQ(outcome(reading.read()), "not on the card: EF(DIR) has no PKCS #15 application");
  ASSERT_TRUE(reading.chain());
  EXPECT_EQ(reading.chain()->iccid, "89012645180000000000");
  EXPECT_EQ(reading.chain()->applications.size(), 1u);
  ReaderSettings settings;
  settings.fallback_aid = octets(uicc::kPkcs15Aid);
  EXPECT_EQ(outcome(reader(settings).read()), kNordicFile);
}

TEST_F(Reader, HeadersThatPromiseTooMuchAreRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"000100", "malformed: EF 7fff6432: it ends before its header does"},
      {"00010005AABB", "malformed: EF 7fff6432: its header says 9 octets, the file has 6"},
      {"0001FFFFAABB",
       "malformed: EF 7fff6432: EF LwM2M_Bootstrap, octet 2: the objects have 65535 octets, more than a file can have "
       "(32768)"},
  };
  for (const auto& each : cases) {
    CardImage image = nordic_card();
    file_of(image, 0x6432).content = octets(each.first);
    insert(std::move(image));
    EXPECT_EQ(outcome(reader().read()), each.second);
    EXPECT_TRUE(is_channel_free());
  }
}

TEST_F(Reader, ACardThatGivesLessThanItIsAskedForIsReadInItsPieces) {
  const Bytes file = *encode_bootstrap_file({{1, {}, Bytes(700, 0x5C)}});
  for (const std::size_t most : {1u, 7u, 100u, 128u}) {
    CardImage image = nordic_card();
    file_of(image, 0x6432).content = file;
    insert(std::move(image));
    meddler_.commands.clear();
    meddler_.altered = [&](std::size_t number, Bytes& answer) {
      if (meddler_.commands[number].compare(2, 2, "b0") != 0 || answer.size() <= most + 2) return;
      answer.erase(answer.begin() + static_cast<std::ptrdiff_t>(most), answer.end() - 2);
    };
    EXPECT_EQ(outcome(reader().read()), uicc::upper_hex(file));
    // Some refuse the length instead.
    meddler_.altered = {};
    meddler_.instead = [&](std::size_t, ByteView command) -> std::optional<CardResult<Bytes>> {
      const std::size_t expected = command.back() == 0 ? 256 : command.back();
      if (command[1] != ins::kReadBinary || expected <= std::max<std::size_t>(most, 32)) return std::nullopt;
      return of_hex("6700");
    };
    EXPECT_EQ(outcome(reader().read()), uicc::upper_hex(file));
    meddler_.instead = {};
  }
}

TEST_F(Reader, ACardThatGivesMoreThanItIsAskedForIsRefused) {
  insert(nordic_card());
  meddler_.altered = [&](std::size_t number, Bytes& answer) {
    if (meddler_.commands[number] == "01b000003a") answer.insert(answer.end() - 2, 0xFF);
  };
  EXPECT_EQ(outcome(reader().read()), "malformed: EF 7fff6432: more than was asked for");
}

TEST_F(Reader, ACardThatNeverEndsIsLeft) {
  const std::pair<const char*, const char*> cases[] = {
      {"6110", "malformed: an answer of the card doesn't end"},
      {"9000", "malformed: EF(DIR): nothing at octet 0"},
      {"aa9000", "malformed: EF 2f00: its control parameters, octet 0: a length is missing"},
  };
  for (const auto& each : cases) {
    meddler_.instead = [&](std::size_t number, ByteView) -> std::optional<CardResult<Bytes>> {
      if (number == 0) return of_hex("6a82");
      if (number == 1 && std::string(each.first) == "9000") return of_hex("6204820241219000");
      return of_hex(each.first);
    };
    insert(nordic_card());
    meddler_.commands.clear();
    EXPECT_EQ(outcome(reader().read()), each.second);
  }
  // One octet at a time of a large file.
  CardImage image = nordic_card();
  file_of(image, 0x6432).content = *encode_bootstrap_file({{1, {}, Bytes(5000, 0x5C)}});
  insert(std::move(image));
  meddler_.instead = {};
  meddler_.altered = [&](std::size_t number, Bytes& answer) {
    const bool is_read = meddler_.commands[number].compare(2, 2, "b0") == 0;
    if (is_read && answer.size() > 3) answer.erase(answer.begin() + 1, answer.end() - 2);
  };
  EXPECT_EQ(outcome(reader().read()), "malformed: EF 7fff6432: reading it doesn't end");
}

TEST_F(Reader, FilesThatAreNotToBeReadAreNamed) {
  const auto with_parameters = [this](const char* parameters) {
    insert(nordic_card());
    meddler_.altered = [this, parameters](std::size_t number, Bytes& answer) {
      if (meddler_.commands[number] == "01a40804047fff643200") answer = of_hex(parameters);
    };
    return outcome(reader().read());
  };
  EXPECT_EQ(with_parameters("620b820241218002003a8a01049000"), "refused by the card: EF 7fff6432 is deactivated");
  EXPECT_EQ(with_parameters("6204820242219000"), "malformed: EF 7fff6432: it isn't a binary file");
  EXPECT_EQ(with_parameters("6204820278219000"), "malformed: EF 7fff6432: it isn't a binary file");
  // Without a size it is read until its header's end.
  EXPECT_EQ(with_parameters("6204820241219000"), kNordicFile);
  EXPECT_EQ(with_parameters("9000"), kNordicFile);
}

TEST_F(Reader, NoCardAndAnotherErrorOfTheTerminal) {
  EXPECT_EQ(reader().read().error().kind, Kind::NoCard);
  EXPECT_FALSE(reader_->chain());
  EXPECT_EQ(meddler_.disconnections, 0u);
}

TEST(CardIdentity, TellsCardsApart) {
  CardChain chain;
  chain.atr = of_hex("3b9f96");
  chain.iccid = "8901";
  const Digest identity = card_identity(chain);
  EXPECT_EQ(to_hex(digest_of(as_bytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(identity, digest_of(of_hex("033b9f9638393031")));
  chain.iccid = "8902";
  EXPECT_NE(card_identity(chain), identity);
  chain.atr.push_back('8');
  chain.iccid = "901";
  EXPECT_NE(card_identity(chain), identity);
}

}  // namespace
}  // namespace drover::smartcard
