// SPDX-License-Identifier: Apache-2.0
#include "store/sealer.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "storage/test_folder.hpp"
#include "store/key_text.hpp"
#include "store/master_key.hpp"

namespace drover::store {
namespace {

using storage::testing::Folder;

Sealer fixed(std::uint8_t byte) {
  return Sealer(Secret<Bytes>(Bytes(Sealer::kKeySize, byte)));
}

TEST(Sealer, OpensWhatItSealed) {
  for (const std::size_t size : {0U, 1U, 64U, 5000U}) {
    const Bytes text(size, 0x5A);
    const auto sealed = fixed(1).seal(text, to_bytes("about"));
    ASSERT_TRUE(sealed);
    EXPECT_EQ(sealed->size(), size + Sealer::kOverhead);
    const auto opened = fixed(1).open(*sealed, to_bytes("about"));
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->reveal(), text);
  }
  EXPECT_TRUE(fixed(1).open(*fixed(1).seal({}, {}), {}));
}

TEST(Sealer, RefusesAnotherKeyAnotherPlaceAndEveryChangedBit) {
  const Bytes text = to_bytes("secret");
  const Bytes sealed = *fixed(1).seal(text, to_bytes("here"));
  EXPECT_FALSE(fixed(2).open(sealed, to_bytes("here")));
  EXPECT_FALSE(fixed(1).open(sealed, to_bytes("there")));
  EXPECT_FALSE(fixed(1).open(sealed, {}));
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes changed = sealed;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_FALSE(fixed(1).open(changed, to_bytes("here"))) << bit;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(fixed(1).open(ByteView(sealed).first(size), to_bytes("here"))) << size;
  }
}

// McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test case 16.
TEST(Sealer, IsAes256GcmWithTheNonceInFront) {
  const Sealer sealer(Secret<Bytes>(*from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")));
  const Bytes sealed = *from_hex(
      "01"
      "cafebabefacedbaddecaf888"
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
      "76fc6ece0f4e1768cddf8853bb2d551b");
  const auto opened = sealer.open(sealed, *from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"));
  ASSERT_TRUE(opened);
  EXPECT_EQ(to_hex(opened->reveal()),
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
}

TEST(Sealer, NoNonceTwice) {
  const Sealer sealer = fixed(1);
  std::set<Bytes> nonces;
  for (int i = 0; i < 1000; ++i) {
    const Bytes sealed = *sealer.seal({}, {});
    nonces.insert(Bytes(sealed.begin() + 1, sealed.begin() + 1 + Sealer::kNonceSize));
  }
  EXPECT_EQ(nonces.size(), 1000U);
}

TEST(MasterKey, IsMadeOnceForItsOwner) {
  const Folder folder;
  const std::string store = folder.file("store.db");
  const auto made = find_master_key(store, "", "", false);
  ASSERT_TRUE(made) << made.error().reason;
  EXPECT_TRUE(made->is_new);
  EXPECT_EQ(made->where, store + ".key");
  struct stat status {};
  ASSERT_EQ(::stat((store + ".key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const auto again = find_master_key(store, "", "", false);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(again->sealer.key().reveal(), made->sealer.key().reveal());
  EXPECT_FALSE(make_master_key(store + ".key")) << "never overwritten";
}

TEST(MasterKey, AStoreWithoutItsKeyGetsNoOther) {
  const Folder folder;
  const auto key = find_master_key(folder.file("store.db"), "", "", true);
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().reason.find("is missing: neither"), std::string::npos) << key.error().reason;
}

TEST(MasterKey, AFileThatOthersCanReadIsRefused) {
  const Folder folder;
  const std::string file = folder.file("key");
  { std::ofstream(file) << std::string(64, 'a') << "\n"; }
  for (const unsigned mode : {0640U, 0604U, 0620U}) {
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    const auto key = read_master_key(file);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().reason, "key file " + file + " can be used by others than its owner: chmod 600 " + file);
  }
  for (const unsigned mode : {0600U, 0400U}) {
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    EXPECT_TRUE(read_master_key(file));
  }
}

TEST(MasterKey, WhatIsNoKeyIsntShown) {
  for (const std::string& text : {std::string(), std::string(63, 'a'), std::string(64, 'g'), std::string(66, 'a')}) {
    const auto key = parse_master_key(text, "variable");
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().reason,
              "variable must hold a key of 64 hexadecimal digits (openssl rand -hex 32 makes one)");
  }
  EXPECT_TRUE(parse_master_key(std::string(64, 'A') + "\r\n", "variable"));
}

TEST(MasterKey, ComesFromOnePlaceAlone) {
  const std::string digits(64, 'a');
  EXPECT_TRUE(find_master_key("store", "", digits, true));
  const auto two = find_master_key("store", "file", digits, false);
  ASSERT_FALSE(two);
  EXPECT_NE(two.error().reason.find("two keys"), std::string::npos);
}

TEST(KeyText, HexadecimalOrBase64) {
  EXPECT_EQ(parse_key("00ffA5"), (Bytes{0, 255, 0xA5}));
  EXPECT_EQ(parse_key("base64:AP+l"), (Bytes{0, 255, 0xA5}));
  EXPECT_EQ(parse_key(""), Bytes{});
  for (const char* wrong : {"0", "0x00", "zz", "00 11", "base64:AP+", "base64:*", "AP+l"}) {
    EXPECT_FALSE(parse_key(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace drover::store
