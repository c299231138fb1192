// SPDX-License-Identifier: Apache-2.0
// Cards and dialogues for tests: hexadecimal in, hexadecimal out.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>

#include "security/sps/packet.hpp"
#include "smartcard/uicc/uicc.hpp"
#include "sms/tpdu.hpp"
#include "sms/user_data.hpp"

namespace drover::smartcard::uicc {

inline Bytes octets(const std::string& hex) {
  std::string digits = hex;
  std::erase_if(digits, [](char c) { return c == ' '; });
  const auto bytes = from_hex(digits);
  EXPECT_TRUE(bytes.has_value()) << hex;
  return bytes.value_or(Bytes());
}

inline std::string upper_hex(ByteView bytes) {
  std::string hex = to_hex(bytes);
  std::ranges::transform(hex, hex.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return hex;
}

/// Draws the card challenge of recorded sessions, 0102030405060708.
class FixedChallenge final : public Rng {
 public:
  std::uint64_t next() override { return 0x0102030405060708; }
};

inline const std::string kPkcs15Aid = "A000000063504B43532D3135";
inline const std::string kSmsAid = "A0000000090002FFFFFFFF89B2020300";
/// nRF Connect SDK, test uicc_lwm2m.
inline const std::string kNordicDodf =
    "A127300030110C0F4C774D324D20426F6F747374726170A110300E06060604672B0901300404026432";
inline const std::string kNordicFile =
    "00010036000000003108002EC80025636F61703A2F2F6C657368616E2E65636C6970736570726F6A656374732E696F3A35373833C10101"
    "C10203";

inline scp03::Keys session_keys() {
  return {Secret<Bytes>(octets("404142434445464748494A4B4C4D4E4F")),
          Secret<Bytes>(octets("505152535455565758595A5B5C5D5E5F"))};
}

inline SmsApplication sms_application() {
  SmsApplication application;
  application.aid = octets(kSmsAid);
  application.keys = {Secret<Bytes>(octets("101112131415161718191A1B1C1D1E1F")),
                      Secret<Bytes>(octets("303132333435363738393A3B3C3D3E3F"))};
  application.needs_secure_channel = false;
  return application;
}

/// The card of Nordic's recorded transcript.
inline CardImage nordic_card() {
  CardImage image;
  const std::string directory =
      "61184F10A0000000871002FFFFFFFF890709000050045553494D" + std::string(24, 'F') +
      "611C4F0C" + kPkcs15Aid + "5006504B4353313551043F007F50" + std::string(16, 'F') + std::string(76, 'F');
  image.files.push_back({0x2F00, octets(directory), 0, 0x26});
  image.files.push_back({0x2FE2, octets("98106254810000000000")});
  Folder folder{0x7F50, octets(kPkcs15Aid), "PKCS15", {}};
  folder.files.push_back({0x5031, octets("A706300404026430"), 0x20});
  folder.files.push_back({0x6430, octets(kNordicDodf), 0x78});
  folder.files.push_back({0x6432, octets(kNordicFile)});
  image.folders.push_back(std::move(folder));
  return image;
}

/// A card and whoever talks to it.
class UiccTest : public testing::Test {
 protected:
  void make(CardImage image) { card_.emplace(std::move(image), challenge_); }
  /// What the card answers.
  std::string say(const std::string& command) { return upper_hex(card_->transmit(octets(command))); }
  /// The status alone.
  std::string status_of(const std::string& command) {
    const std::string answer = say(command);
    return answer.substr(answer.size() - 4);
  }

  FixedChallenge challenge_;
  std::optional<Uicc> card_;
};

/// An SMS-DELIVER from 12345 for the card; TP-SCTS doesn't matter.
inline Bytes deliver_from_service(ByteView user_data, const std::string& originator = "05912143F5") {
  Bytes tpdu = octets("44" + originator + "7FF6" + "62211122221929");
  tpdu.push_back(static_cast<std::uint8_t>(user_data.size()));
  tpdu.insert(tpdu.end(), user_data.begin(), user_data.end());
  return tpdu;
}

/// The other side of the application's keys.
class Server {
 public:
  explicit Server(security::sps::Parameters parameters = {})
      : codec_(std::move(*security::sps::Codec::make(parameters, sms_application().keys))) {}

  /// TP-UD of the short messages that bring a message.
  std::vector<Bytes> packets(std::uint64_t counter, ByteView coap, std::uint8_t reference = 1) {
    const auto packet = codec_.encode_command(counter, security::sps::wrap(security::sps::kCoapTag, coap));
    return sms::split(packet->bytes, std::nullopt, sms::PacketType::Command, reference);
  }
  /// What SMS-SUBMITs of the card bring, in order; its counter in `counter`.
  std::optional<Bytes> read(const std::vector<sms::tpdu::Submit>& submits, std::uint64_t& counter) {
    Bytes packet;
    for (const auto& submit : submits) {
      const auto data = sms::parse_user_data(submit.data.octets, submit.data.has_header);
      if (!data) return std::nullopt;
      packet.insert(packet.end(), data->text.begin(), data->text.end());
    }
    const auto command = codec_.decode_command(packet);
    if (!command) return std::nullopt;
    counter = command->counter;
    const auto coap = security::sps::unwrap(security::sps::kCoapTag, command->data);
    if (!coap) return std::nullopt;
    return Bytes(coap->begin(), coap->end());
  }
  security::sps::Codec& codec() { return codec_; }

 private:
  security::sps::Codec codec_;
};

inline Bytes numbered(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i);
  return bytes;
}

}  // namespace drover::smartcard::uicc
