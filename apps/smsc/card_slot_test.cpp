// SPDX-License-Identifier: Apache-2.0
// Modems with cards: from an ESME's secured packet to the CoAP message that a host gets from the card, and back.
#include "card_slot.hpp"

#include <gtest/gtest.h>

#include "network.hpp"
#include "smartcard/messages.hpp"
#include "smartcard/uicc/test_uicc.hpp"
#include "test_network.hpp"

namespace drover::smsc {
namespace {

namespace uicc = smartcard::uicc;

class ModemWithCard : public NetworkTest {
 protected:
  void SetUp() override {
    card_ = uicc::nordic_card();
    card_->sms = uicc::sms_application();
    begin();
  }
  void begin() {
    start();
    start_esme();
    prepare();
  }
  /// The response to a command of the host's.
  std::string csim(const std::string& command) {
    const std::string said = at("AT+CSIM=" + std::to_string(command.size()) + ",\"" + command + "\"");
    const auto begin = said.find('"'), end = said.rfind('"');
    EXPECT_TRUE(said.starts_with("\r\n+CSIM: ") && said.ends_with("\r\n\r\nOK\r\n")) << said;
    if (begin == std::string::npos) return said;
    const std::string response = said.substr(begin + 1, end - begin - 1);
    EXPECT_EQ(said.substr(9, begin - 10), std::to_string(response.size()));
    return response;
  }
  void select() {
    EXPECT_EQ(csim("0070000001"), "019000");
    EXPECT_EQ(csim("01A4040C10" + uicc::kSmsAid), "9000");
  }
  void submit_packet(std::uint64_t counter, ByteView coap) {
    for (const Bytes& part : server_.packets(counter, coap, static_cast<std::uint8_t>(counter))) {
      esme_->submit(now_, {sms::SubmissionId{++last_},
                           {kDevice, sms::kPidUsimDataDownload, sms::kDcs8BitClass2, true, part}, 1h});
      settle();
    }
  }
  /// The CoAP message in what came to the ESME; nothing: nothing came, or no packet of ours.
  std::optional<Bytes> received() {
    std::vector<sms::tpdu::Submit> parts;
    while (const auto delivery = esme_->poll_delivery()) {
      EXPECT_EQ(delivery->msisdn, kDevice);
      EXPECT_EQ(delivery->pid, sms::kPidUsimDataDownload);
      sms::tpdu::Submit part;
      part.data.octets = delivery->user_data;
      part.data.has_header = delivery->has_header;
      parts.push_back(std::move(part));
    }
    if (parts.empty()) return std::nullopt;
    return server_.read(parts, counter_);
  }
  void swap(std::optional<uicc::CardImage> card) {
    ASSERT_TRUE(network_->insert_card(now_, kDevice, std::move(card)).has_value());
    settle();
  }

  uicc::Server server_;
  std::uint64_t counter_ = 0;  ///< of the last packet that was received
};

TEST_F(ModemWithCard, ThereAndBack) {
  select();
  EXPECT_EQ(csim("81CA000500"), "6A88");
  submit_packet(1, uicc::octets("4402B60B2161FB63B13101300138"));
  EXPECT_EQ(count(Event::What::Deliver), 1U);  // the card took it
  EXPECT_EQ(said(), "");                       // and the host hears nothing
  EXPECT_EQ(csim("81CA000500"), "05812143F505000E4402B60B2161FB63B131013001389000");
  EXPECT_EQ(csim("81CA000500"), "6A88");
  EXPECT_EQ(at("AT+CPMS?").substr(0, 20), "\r\n+CPMS: \"SM\",0,2,\"S");

  EXPECT_EQ(csim("81E2800010" "05812143F5" "050008" "6444B60B2161FB63"), "9144");
  settle();
  EXPECT_EQ(received(), uicc::octets("6444B60B2161FB63"));
  EXPECT_EQ(csim("00A4000C"), "9000");  // the modem has said that it was sent
}

TEST_F(ModemWithCard, LongMessagesInSeveral) {
  select();
  submit_packet(1, uicc::numbered(500));
  const std::string first = csim("81CA000500");
  EXPECT_EQ(first.substr(0, 16), "05812143F50501F4");
  EXPECT_EQ(first.substr(first.size() - 4), "61FC");
  EXPECT_EQ(csim("01C00000FC").substr(252 * 2), "9000");

  const std::string message = "05812143F5" "0500C8" + uicc::upper_hex(uicc::numbered(200));
  EXPECT_EQ(csim("81E28000D0" + message).substr(0, 2), "91");
  settle();
  EXPECT_EQ(received(), uicc::numbered(200));
}

TEST_F(ModemWithCard, WrongPacketsAndReplaysVanish) {
  select();
  submit_packet(5, Bytes{0x44});
  submit_packet(5, Bytes{0x44});
  Bytes altered = server_.packets(6, Bytes{0x45})[0];
  altered.back() ^= 1;
  submit(altered, sms::kPidUsimDataDownload, sms::kDcs8BitClass2);
  EXPECT_EQ(csim("81CA000500"), "05812143F5050001449000");
  EXPECT_EQ(csim("81CA000500"), "6A88");
  EXPECT_EQ(received(), std::nullopt);
  EXPECT_EQ(count(Event::What::Refused), 0U);
}

TEST_F(ModemWithCard, AFullCardIsTriedAgain) {
  select();
  for (std::uint64_t i = 1; i <= 9; ++i) submit_packet(i, Bytes{static_cast<std::uint8_t>(i)});
  EXPECT_EQ(count(Event::What::Retried), 1U);
  for (int i = 0; i < 8; ++i) csim("81CA000500");
  EXPECT_EQ(csim("81CA000500"), "6A88");
  wait(10s);
  EXPECT_EQ(csim("81CA000500"), "05812143F5050001099000");
}

TEST_F(ModemWithCard, SendsWhenThereIsANetworkAgain) {
  select();
  ASSERT_TRUE(network_->command(now_, std::string("off ") + kDevice).has_value());
  EXPECT_EQ(csim("81E2800009" "05812143F5" "05000164"), "9144");
  settle();
  EXPECT_EQ(received(), std::nullopt);
  ASSERT_TRUE(network_->command(now_, std::string("on ") + kDevice).has_value());
  settle();
  EXPECT_EQ(received(), Bytes{0x64});
}

TEST_F(ModemWithCard, WhatNobodyHasTheNumberForIsntTriedAgain) {
  select();
  EXPECT_EQ(csim("81E2800009" "05814365F7" "05000164"), "9144");
  EXPECT_EQ(csim("00A4000C"), "9000");
  // And the host's own short messages are answered as ever.
  EXPECT_EQ(send(), "\r\n+CMGS: 1\r\n\r\nOK\r\n");
}

TEST_F(ModemWithCard, AsksForReceiptsOfTheCard) {
  card_->sms->parameters.spi2 = security::sps::kSpi2Receipt;
  begin();
  server_ = uicc::Server(card_->sms->parameters);
  submit_packet(1, Bytes{0x44});
  const auto receipt = esme_->poll_delivery();
  ASSERT_TRUE(receipt.has_value());
  const auto data = sms::parse_user_data(receipt->user_data, receipt->has_header);
  ASSERT_TRUE(data.has_value());
  EXPECT_EQ(data->header.packet, sms::PacketType::Response);
  EXPECT_TRUE(server_.codec().decode_response(data->text).has_value());
}

TEST_F(ModemWithCard, StoredWhereTheCardHasNothingForIt) {
  card_->sms.reset();
  begin();
  submit_packet(1, Bytes{0x44});
  EXPECT_EQ(said(), "\r\n+CMTI: \"SM\",1\r\n");
  swap(std::nullopt);
  submit_packet(2, Bytes{0x44});
  EXPECT_EQ(said(), "\r\n+CMTI: \"SM\",2\r\n");
}

TEST_F(ModemWithCard, AnotherClassIsTheHosts) {
  submit({0x44}, sms::kPidUsimDataDownload, sms::kDcs8Bit);
  EXPECT_NE(said().find("+CMT:"), std::string::npos);
}

TEST_F(ModemWithCard, CardsComeAndGo) {
  select();
  swap(std::nullopt);
  EXPECT_EQ(at("AT+CSIM=8,\"00A4000C\""), "\r\n+CME ERROR: 10\r\n");
  EXPECT_EQ(at("AT+CCHO=\"" + uicc::kSmsAid + "\""), "\r\n+CME ERROR: 10\r\n");
  auto other = *card_;
  other.files[1].content = uicc::octets("98440010000000000010");
  swap(other);
  EXPECT_EQ(csim("01A4000C"), "6881");
  EXPECT_EQ(csim("00A4000C022FE2"), "9000");
  EXPECT_EQ(csim("00B000000A"), "984400100000000000109000");
  EXPECT_FALSE(network_->insert_card(now_, "999", std::nullopt).has_value());
}

TEST_F(ModemWithCard, CountersGoUpFromCardToCard) {
  std::uint64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    select();
    EXPECT_EQ(csim("81E2800009" "05812143F5" "05000164").substr(0, 2), "91");
    settle();
    ASSERT_TRUE(received().has_value());
    EXPECT_GT(counter_, last);
    last = counter_;
    wait(1s);
    swap(*card_);
  }
}

TEST_F(ModemWithCard, ResetsTheCardWithItself) {
  select();
  ASSERT_TRUE(network_->command(now_, std::string("reset ") + kDevice).has_value());
  said();
  at("ATE0");
  EXPECT_EQ(csim("01A4000C"), "6881");
  select();
}

TEST_F(ModemWithCard, ChannelsOfTheHost) {
  EXPECT_EQ(at("AT+CCHO=\"FFFFFFFFFF\""), "\r\n+CME ERROR: 22\r\n");
  EXPECT_EQ(at("AT+CCHO=\"" + uicc::kPkcs15Aid + "\""), "\r\n+CCHO: 1\r\n\r\nOK\r\n");
  EXPECT_EQ(at("AT+CGLA=1,18,\"00A4080C047FFF6432\""), "\r\n+CGLA: 4,\"9000\"\r\n\r\nOK\r\n");
  EXPECT_EQ(at("AT+CGLA=1,10,\"00B0000004\""), "\r\n+CGLA: 12,\"000100369000\"\r\n\r\nOK\r\n");
  EXPECT_EQ(at("AT+CGLA=2,10,\"00B0000004\""), "\r\n+CME ERROR: 50\r\n");
  EXPECT_EQ(at("AT+CCHO=\"" + uicc::kSmsAid + "\""), "\r\n+CCHO: 2\r\n\r\nOK\r\n");
  EXPECT_EQ(at("AT+CCHO=\"" + uicc::kSmsAid + "\""), "\r\n+CCHO: 3\r\n\r\nOK\r\n");
  EXPECT_EQ(at("AT+CCHO=\"" + uicc::kSmsAid + "\""), "\r\n+CME ERROR: 20\r\n");
  EXPECT_EQ(at("AT+CCHC=1"), "\r\nOK\r\n");
  EXPECT_EQ(at("AT+CCHC=1"), "\r\n+CME ERROR: 50\r\n");
  EXPECT_EQ(at("AT+CGLA=1,10,\"00B0000004\""), "\r\n+CME ERROR: 50\r\n");
}

TEST_F(ModemWithCard, WrongArgumentsOfTheHost) {
  EXPECT_EQ(at("AT+CSIM=?"), "\r\nOK\r\n");
  for (const char* wrong : {"AT+CSIM=", "AT+CSIM=8", "AT+CSIM=8,\"00A4000\"", "AT+CSIM=7,\"00A4000C\"",
                            "AT+CSIM=8,\"00A4000G\"", "AT+CSIM=8,\"00A4000C\",1", "AT+CSIM=x,\"00A4000C\"", "AT+CGLA=1",
                            "AT+CGLA=9,2,\"00\"", "AT+CCHO=", "AT+CCHO=\"0\"", "AT+CCHC=0", "AT+CCHC=x"}) {
    EXPECT_EQ(at(wrong), "\r\n+CME ERROR: 50\r\n") << wrong;
  }
  EXPECT_EQ(at("AT+CSIM=2,\"00\""), "\r\n+CSIM: 4,\"6700\"\r\n\r\nOK\r\n");
  EXPECT_EQ(at("AT+CSIM=8,00A4000C"), "\r\n+CSIM: 4,\"9000\"\r\n\r\nOK\r\n");  // some hosts leave the quotes out
}

}  // namespace
}  // namespace drover::smsc
