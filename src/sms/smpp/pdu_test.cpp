// SPDX-License-Identifier: Apache-2.0
#include "sms/smpp/pdu.hpp"

#include <gtest/gtest.h>

#include "sms/smpp/pdu_stream.hpp"
#include "sms/smpp/receipt.hpp"

namespace drover::sms::smpp {
namespace {

Bytes hex(const std::string& digits) { return from_hex(digits).value(); }

// A secured packet with a CoAP message, as a server submits it; libsmpp34 writes the same octets.
const std::string kSubmitHex =
    "0000005F"                              // command_length
    "00000004"                              // submit_sm
    "00000000" "00000002"                   // status, sequence
    "00"                                    // service_type
    "01" "01" "313233343500"                // source: international, ISDN, 12345
    "01" "01" "34393137303131313030303100"  // destination 491701110001
    "40"                                    // esm_class: UDHI
    "7F" "00"                               // protocol_id, priority
    "00" "00"                               // schedule, validity
    "00" "00"                               // registered_delivery, replace
    "F6" "00"                               // data_coding: class 2, 8 bit; default message
    "2D"                                    // sm_length
    "02700000281516001212B20203C2248C65436B8660D192B728AB2D967E5F05CCD32F6CD295F71AD1D2E0A06908";

// SMPP v3.4 §3.2, the sample PDU: a bind_transmitter.
const std::string kBindHex =
    "0000002F" "00000002" "00000000" "00000001"
    "534D50503354455354" "00"  // system_id "SMPP3TEST"
    "7365637265743038" "00"    // password "secret08"
    "5355424D495431" "00"      // system_type "SUBMIT1"
    "00" "01" "01" "00";       // interface_version, TON, NPI, address_range

TEST(Pdu, SubmitSmIsReadAndWrittenAsOthersDo) {
  const auto pdu = decode(hex(kSubmitHex));
  ASSERT_TRUE(pdu.has_value()) << pdu.error().reason;
  EXPECT_EQ(pdu->command, Command::SubmitSm);
  EXPECT_EQ(pdu->sequence, 2U);
  const auto& message = std::get<Message>(pdu->body);
  EXPECT_EQ(message.source, (Address{1, 1, "12345"}));
  EXPECT_EQ(message.destination, (Address{1, 1, "491701110001"}));
  EXPECT_EQ(message.esm_class, kEsmHeader);
  EXPECT_EQ(message.protocol_id, 0x7F);
  EXPECT_EQ(message.data_coding, 0xF6);
  EXPECT_EQ(message.short_message.size(), 45U);
  EXPECT_EQ(encode(*pdu), hex(kSubmitHex));
}

TEST(Pdu, BindSample) {
  const auto pdu = decode(hex(kBindHex));
  ASSERT_TRUE(pdu.has_value()) << pdu.error().reason;
  const auto& bind = std::get<Bind>(pdu->body);
  EXPECT_EQ(bind.system_id, "SMPP3TEST");
  EXPECT_EQ(bind.password.reveal(), "secret08");
  EXPECT_EQ(bind.system_type, "SUBMIT1");
  EXPECT_EQ(bind.interface_version, 0);
  EXPECT_EQ(bind.range, (Address{1, 1, ""}));
  EXPECT_EQ(encode(*pdu), hex(kBindHex));
}

/// Every shorter form of a PDU, with a length that says so, is refused, unless a field less is legal.
void expect_prefixes_refused(const std::string& digits) {
  Bytes whole = hex(digits);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Bytes prefix(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    if (size >= 4) prefix[3] = static_cast<std::uint8_t>(size);
    EXPECT_FALSE(decode(prefix).has_value()) << size;
  }
}

TEST(Pdu, TruncatedOnesAreRefused) {
  expect_prefixes_refused(kSubmitHex);
  expect_prefixes_refused(kBindHex);
  // Half an optional parameter behind a response's message_id.
  EXPECT_TRUE(decode(hex("00000012" "80000004" "00000000" "00000002" "3100")).has_value());
  EXPECT_FALSE(decode(hex("00000015" "80000004" "00000000" "00000002" "3100001E00")).has_value());
}

TEST(Pdu, LengthThatIsntThePdusIsRefused) {
  Bytes bytes = hex(kSubmitHex);
  bytes.push_back(0);
  EXPECT_FALSE(decode(bytes).has_value());
}

TEST(Pdu, TextsWithoutTheirEndAreRefused) {
  // system_id of sixteen characters: one more than may be.
  std::string bind = "00000038" "00000009" "00000000" "00000001";
  for (int i = 0; i < 16; ++i) bind += "41";
  bind += "00" "00" "00" "34" "00" "00" "00";
  Bytes bytes = hex(bind);
  bytes[3] = static_cast<std::uint8_t>(bytes.size());
  const auto pdu = decode(bytes);
  ASSERT_FALSE(pdu.has_value());
  EXPECT_NE(pdu.error().reason.find("system_id"), std::string::npos);
  EXPECT_EQ(pdu.error().reason.find("AAAA"), std::string::npos);
}

TEST(Pdu, ShortMessageOf255OctetsIsRefused) {
  Bytes bytes = hex(kSubmitHex.substr(0, kSubmitHex.size() - 2 * 45 - 2) + "FF");
  bytes.resize(bytes.size() + 255);
  bytes[2] = static_cast<std::uint8_t>(bytes.size() >> 8);
  bytes[3] = static_cast<std::uint8_t>(bytes.size());
  EXPECT_FALSE(decode(bytes).has_value());
}

TEST(Pdu, OptionalParametersAreKeptKnownOrNot) {
  // deliver_sm with message_payload 0424 and one that nobody knows, 1401.
  const std::string digits =
      "0000002E" "00000005" "00000000" "00000009"
      "00" "0000" "3100" "0000" "3200" "00" "00" "00" "00" "00" "00" "00" "04" "00"
      "00"             // sm_length
      "1401" "0000"    // empty
      "0424" "0003" "616263";
  const auto pdu = decode(hex(digits));
  ASSERT_TRUE(pdu.has_value()) << pdu.error().reason;
  const auto& message = std::get<Message>(pdu->body);
  EXPECT_EQ(as_text(message.user_data()), "abc");
  ASSERT_EQ(message.tlvs.size(), 2U);
  EXPECT_EQ(message.tlvs[0], (Tlv{0x1401, {}}));
  EXPECT_EQ(encode(*pdu), hex(digits));
}

TEST(Pdu, RefusalsMayHaveNoBody) {
  const auto submit = decode(hex("00000010" "80000004" "00000058" "00000003"));
  ASSERT_TRUE(submit.has_value());
  EXPECT_EQ(submit->status, status::kThrottled);
  const auto bind = decode(hex("00000010" "80000009" "0000000E" "00000001"));
  ASSERT_TRUE(bind.has_value());
  EXPECT_FALSE(decode(hex("00000010" "80000004" "00000000" "00000003")).has_value());
}

TEST(Pdu, CommandsWithoutBody) {
  for (const auto* digits : {"00000010" "00000015" "00000000" "00000001", "00000010" "80000015" "00000000" "00000001",
                             "00000010" "00000006" "00000000" "00000001", "00000010" "80000006" "00000000" "00000001",
                             "00000010" "80000000" "00000003" "00000001"}) {
    const auto pdu = decode(hex(digits));
    ASSERT_TRUE(pdu.has_value());
    EXPECT_TRUE(std::holds_alternative<std::monostate>(pdu->body));
    EXPECT_EQ(encode(*pdu), hex(digits));
  }
  const auto data_sm = decode(hex("00000011" "00000103" "00000000" "00000001" "FF"));
  ASSERT_TRUE(data_sm.has_value());
  EXPECT_TRUE(std::holds_alternative<Unknown>(data_sm->body));
}

TEST(Pdu, StatusHasItsNameOrItsNumber) {
  EXPECT_EQ(status_name(0x58), "ESME_RTHROTTLED");
  EXPECT_EQ(status_name(0x0B), "ESME_RINVDSTADR");
  EXPECT_EQ(status_name(0x442), "status 0x00000442");
}

TEST(PduStream, CutsPdusHoweverTheyCome) {
  const Bytes enquire = hex("00000010000000150000000000000007");
  Bytes both = hex(kSubmitHex);
  both.insert(both.end(), enquire.begin(), enquire.end());
  for (std::size_t piece = 1; piece <= both.size(); ++piece) {
    PduStream stream;
    std::vector<Bytes> found;
    for (std::size_t at = 0; at < both.size(); at += piece) {
      stream.append(ByteView(both).subspan(at, std::min(piece, both.size() - at)));
      while (auto pdu = stream.poll()) found.push_back(*pdu);
    }
    EXPECT_EQ(found, (std::vector<Bytes>{hex(kSubmitHex), enquire})) << piece;
    EXPECT_FALSE(stream.is_broken());
  }
}

TEST(PduStream, LengthsThatNoPduHasEndIt) {
  for (const auto* digits : {"0000000F" "00000015" "00000000" "00000001", "00002001" "00000004" "00000000" "00000001",
                             "47455420" "2F204854" "54502F31" "2E310D0A"}) {
    PduStream stream;
    stream.append(hex(digits));
    EXPECT_FALSE(stream.poll().has_value());
    EXPECT_TRUE(stream.is_broken()) << digits;
  }
}

// ---- receipts and times

Message receipt_with(const std::string& text, std::vector<Tlv> tlvs = {}) {
  Message message;
  message.esm_class = kEsmReceipt;
  message.short_message = to_bytes(text);
  message.tlvs = std::move(tlvs);
  return message;
}

TEST(Receipt, TextOfAppendixB) {
  const auto receipt = read_receipt(receipt_with(
      "id:0123456789 sub:001 dlvrd:001 submit date:0809011130 done date:0809011131 stat:DELIVRD err:000 text:hello"));
  EXPECT_EQ(receipt, (Receipt{"0123456789", MessageState::Delivered}));
  EXPECT_EQ(read_receipt(receipt_with("id:7 stat:UNDELIV err:011")), (Receipt{"7", MessageState::Undeliverable}));
  EXPECT_EQ(read_receipt(receipt_with("id:7 stat:HAPPY err:011")), std::nullopt);
  EXPECT_EQ(read_receipt(receipt_with("stat:DELIVRD")), std::nullopt);
  EXPECT_EQ(read_receipt(receipt_with("")), std::nullopt);
}

TEST(Receipt, OptionalParametersGoFirst) {
  const Tlv id{tag::kReceiptedMessageId, {'a', 'b', 'c', 0}};
  const auto receipt = read_receipt(receipt_with("id:1 stat:DELIVRD", {id, {tag::kMessageState, {3}}}));
  EXPECT_EQ(receipt, (Receipt{"abc", MessageState::Expired}));
  EXPECT_EQ(read_receipt(receipt_with("", {{tag::kReceiptedMessageId, to_bytes("9")}, {tag::kMessageState, {77}}})),
            std::nullopt);
}

TEST(Receipt, TextIsReadAgain) {
  const Receipt receipt{"4711", MessageState::Expired};
  const std::string text = receipt_text(receipt, 1220268600, 1220268660);
  EXPECT_EQ(text, "id:4711 sub:001 dlvrd:000 submit date:0809011130 done date:0809011131 stat:EXPIRED err:000 text:");
  EXPECT_EQ(read_receipt(receipt_with(text)), receipt);
}

TEST(Time, Relative) {
  using namespace std::chrono_literals;
  EXPECT_EQ(relative_time(5min), "000000000500000R");
  EXPECT_EQ(relative_time(1500ms), "000000000002000R");
  EXPECT_EQ(relative_time(std::chrono::days(2) + 3h + 4min + 5s), "000002030405000R");
  EXPECT_EQ(relative_time(std::chrono::days(400)), "000031000000000R");
  EXPECT_EQ(read_time("000002030405000R", 0), std::chrono::days(2) + 3h + 4min + 5s);
}

TEST(Time, Absolute) {
  using namespace std::chrono_literals;
  constexpr UnixSeconds kNow = 1220268600;  // 2008-09-01 11:30:00 UTC
  EXPECT_EQ(read_time("080901114000000+", kNow), 10min);
  EXPECT_EQ(read_time("080901134000008+", kNow), 10min);  // two hours ahead of UTC
  EXPECT_EQ(read_time("080901094000008-", kNow), 10min);
  EXPECT_EQ(read_time("080901112000000+", kNow), 0min);
  EXPECT_EQ(read_time("081301112000000+", kNow), std::nullopt);
  EXPECT_EQ(read_time("080901250000000+", kNow), std::nullopt);
  EXPECT_EQ(read_time("08090111200000+", kNow), std::nullopt);
  EXPECT_EQ(read_time("08x901112000000+", kNow), std::nullopt);
  EXPECT_EQ(read_time("080901112000000Z", kNow), std::nullopt);
}

}  // namespace
}  // namespace drover::sms::smpp
