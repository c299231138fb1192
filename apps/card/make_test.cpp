// SPDX-License-Identifier: Apache-2.0
#include "apps/card/make.hpp"

#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/card/test_description.hpp"
#include "apps/card/vpcd.hpp"

namespace drover::card {
namespace {

class MakeTest : public DescriptionTest {
 protected:
  std::map<std::string, Bytes> make(std::string_view text) {
    const auto image = read(text);
    EXPECT_TRUE(image) << image.error().reason;
    if (!image) return {};
    const auto files = make_files(*image, rng_);
    EXPECT_TRUE(files) << files.error().reason;
    return files.value_or(std::map<std::string, Bytes>());
  }

  std::string content(const std::string& name) {
    std::ifstream stream(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  SplitMix rng_{7};
};

constexpr const char* kKeyed = R"(
[bootstrap]
uri = "coaps://127.0.0.1"
security = { mode = "psk", identity = "device", key_file = "psk.key" }
[files]
private = true
odf_size = 32
data_size = 300
[pin]
pin_file = "pin"
[secure_channel]
key_file = "scp.keys"
required = true
[sms_application]
key_file = "sms.key"
)";

class KeyedTest : public MakeTest {
 protected:
  KeyedTest() {
    write("psk.key", "7365637265747365637265747365637265742121");
    write("pin", "4711");
    write("scp.keys", "ENC = 404142434445464748494a4b4c4d4e4f\nMAC = 505152535455565758595a5b5c5d5e5f\n");
    write("sms.key", "101112131415161718191a1b1c1d1e1f303132333435363738393a3b3c3d3e3f");
  }
};

TEST_F(KeyedTest, FilesByIdentifier) {
  const auto files = make(kKeyed);
  std::vector<std::string> names;
  for (const auto& [name, content] : files) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"3F00/2F00.bin", "3F00/2FE2.bin", "3F00/7F50/5031.bin",
                                             "3F00/7F50/5032.bin", "3F00/7F50/6430.bin", "3F00/7F50/6432.bin",
                                             "card.json", "csim.txt"}));
  Bytes odf = octets("A706300404026430");
  odf.resize(32, 0xFF);
  EXPECT_EQ(files.at("3F00/7F50/5031.bin"), odf);
  EXPECT_EQ(files.at("3F00/7F50/6432.bin").size(), 300U);
}

TEST_F(KeyedTest, TheIndexHasNoSecrets) {
  const auto files = make(kKeyed);
  const std::string index(as_text(files.at("card.json")));
  for (const char* secret : {"4711", "secret", "73656372", "40414243", "50515253", "10111213", "30313233"}) {
    EXPECT_EQ(index.find(secret), std::string::npos) << secret;
  }
  const auto json = nlohmann::json::parse(index);
  EXPECT_EQ(json["protocol"], "T=1");
  EXPECT_EQ(json["applications"][0]["aid"], "A000000063504B43532D3135");
  EXPECT_EQ(json["applications"][0]["path"], "3F00/7F50");
  EXPECT_EQ(json["pin"]["tries"], 3);
  EXPECT_EQ(json["secure_channel"]["key_bits"], 128);
  EXPECT_EQ(json["sms_application"]["parameters"], "12121600B20203");
  const auto& dir = json["files"][0];
  EXPECT_EQ(dir["file"], "3F00/2F00.bin");
  EXPECT_EQ(dir["structure"], "linear fixed");
  EXPECT_EQ(dir["record_size"], 38);
  EXPECT_EQ(dir["records"], 3);
  const auto& data = json["files"][5];
  EXPECT_EQ(data["file"], "3F00/7F50/6432.bin");
  EXPECT_EQ(data["size"], 300);
  EXPECT_EQ(data["read"], "PIN");
  EXPECT_EQ(data["secure_channel_required"], true);
  for (const auto& file : json["files"]) EXPECT_TRUE(file["fcp"].get<std::string>().starts_with("62")) << file;
}

/// The octets that READ BINARY gives make the file that was written, without a secure channel to hide them.
TEST_F(MakeTest, TheTranscriptIsAReading) {
  for (const char* protocol : {"T=0", "T=1"}) {
    const auto files = make("protocol = \"" + std::string(protocol) + "\"\n[[server]]\nuri = \"coap://127.0.0.1\"\n" +
                            "[[object]]\nid = 9000\n[object.values]\n\"0/0\" = \"" + std::string(700, 'x') + "\"\n");
    const auto& data = files.at("3F00/7F50/6432.bin");
    std::istringstream lines{std::string(as_text(files.at("csim.txt")))};
    std::string line, command, text;
    unsigned commands = 0;
    while (std::getline(lines, line)) {
      const bool is_command = line.starts_with("AT+CSIM=");
      if (!is_command && !line.starts_with("+CSIM: ")) {
        EXPECT_EQ(line, "OK");
        continue;
      }
      const auto quote = line.find('"');
      const std::string digits = line.substr(quote + 1, line.size() - quote - 2);
      const std::size_t prefix = is_command ? 8 : 7;
      EXPECT_EQ(std::stoul(line.substr(prefix)), digits.size());
      if (is_command) {
        command = digits;
        ++commands;
      } else if (command.substr(2, 2) == "B0" || command.substr(2, 2) == "C0") {
        text += digits.substr(0, digits.size() - 4);
      }
    }
    EXPECT_GT(commands, 10U);
    std::string expected = to_hex(data);
    std::transform(expected.begin(), expected.end(), expected.begin(), [](unsigned char c) { return std::toupper(c); });
    // The header is read by itself first.
    EXPECT_NE(text.find(expected.substr(8)), std::string::npos) << protocol;
  }
}

TEST_F(KeyedTest, TheTranscriptHidesWhatTheSecureChannelHides) {
  for (const char* protocol : {"T=0", "T=1"}) {
    const auto files = make("protocol = \"" + std::string(protocol) + "\"\n" + kKeyed);
    const std::string text(as_text(files.at("csim.txt")));
    EXPECT_NE(text.find("AT+CSIM=28,\"8150300008"), std::string::npos) << "INITIALIZE UPDATE";
    EXPECT_EQ(text.find("73656372657473"), std::string::npos);
    EXPECT_EQ(text.find("34373131"), std::string::npos) << "the PIN";
  }
}

TEST_F(KeyedTest, NothingIsOverwrittenWithoutForce) {
  const auto files = make(kKeyed);
  const std::string out = (folder_ / "out").string();
  ASSERT_TRUE(write_files(files, out, false));
  for (const auto& [name, octets] : files) {
    EXPECT_EQ(content("out/" + name), as_text(octets)) << name;
    struct stat status {};
    ASSERT_EQ(stat((out + "/" + name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U) << name;
  }
  std::filesystem::remove(folder_ / "out/3F00/2F00.bin");
  const auto again = write_files(files, out, false);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, out + "/3F00/2FE2.bin is there already; --force overwrites");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out/3F00/2F00.bin")) << "nothing is written by halves";

  std::filesystem::permissions(folder_ / "out/card.json", std::filesystem::perms::all);
  write("elsewhere", "untouched");
  std::filesystem::remove(folder_ / "out/csim.txt");
  std::filesystem::create_symlink(folder_ / "elsewhere", folder_ / "out/csim.txt");
  ASSERT_TRUE(write_files(files, out, true));
  struct stat status {};
  ASSERT_EQ(stat((out + "/card.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  EXPECT_EQ(content("elsewhere"), "untouched") << "a link isn't followed";
  EXPECT_EQ(content("out/csim.txt"), as_text(files.at("csim.txt")));
}

TEST_F(MakeTest, AFolderThatCantBeMade) {
  write("file", "");
  const auto written = write_files({{"card.json", {}}}, (folder_ / "file/out").string(), false);
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().reason.find("file/out: "), std::string::npos);
}

/// A card whose file ends in the middle of its data isn't one that a device can read.
TEST_F(MakeTest, ACardThatCantBeReadIsRefused) {
  write("card.bin", as_text(octets("0001 0100 0001 00 00FB")));
  const auto image = read("[files]\ncontent_file = \"card.bin\"\n");
  ASSERT_TRUE(image);
  const auto files = make_files(*image, rng_);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().reason.find("the card that was made can't be read: "), 0U) << files.error().reason;
}

// ---- vsmartcard's protocol

class VpcdTest : public MakeTest {
 protected:
  VpcdTest() : card_(*read("[[server]]\nuri = \"coap://127.0.0.1\"\n"), rng_), session_(card_) {}
  std::string say(std::string_view digits) {
    session_.receive(octets(digits));
    return to_hex(session_.poll_output().value_or(Bytes()));
  }

  smartcard::uicc::Uicc card_;
  VpcdSession session_;
};

/// As recorded from vpcd 3.3: power on, ATR, APDU; lengths of two octets in front.
TEST_F(VpcdTest, ControlsAndCommands) {
  EXPECT_EQ(say("000101"), "");
  EXPECT_EQ(say("000104"), "00173b9f968131fe458031e073fe211b633a104c83009000f2");
  EXPECT_EQ(say("0005 0070000001"), "0003019000");
  EXPECT_EQ(say("0005 0070000001"), "0003029000");
  EXPECT_EQ(say("000102"), "") << "a reset closes the channels";
  EXPECT_EQ(say("0005 0070000001"), "0003019000");
  EXPECT_EQ(say("000100"), "");
  EXPECT_EQ(say("00017f"), "") << "an unknown control";
  EXPECT_EQ(say("0000"), "");
}

TEST_F(VpcdTest, MessagesInPiecesAndTogether) {
  const Bytes all = octets("000101 000104 0005 0070000001");
  std::string said;
  for (const std::uint8_t octet : all) {
    session_.receive({&octet, 1});
    said += to_hex(session_.poll_output().value_or(Bytes()));
  }
  EXPECT_EQ(said, "00173b9f968131fe458031e073fe211b633a104c83009000f20003019000");
  EXPECT_EQ(say("000101 000104 0005 0070000001"), said);
}

}  // namespace
}  // namespace drover::card
