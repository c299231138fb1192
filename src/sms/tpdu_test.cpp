// SPDX-License-Identifier: Apache-2.0
// PDUs as Kannel, gammu and widely published examples write them, and the tables of 3GPP TS 23.040 and 23.038.
#include "sms/tpdu.hpp"

#include <gtest/gtest.h>

#include <array>

namespace drover::sms::tpdu {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

Bytes hex(std::string_view digits) {
  return from_hex(digits).value();
}

// 11: SMS-SUBMIT, TP-VPF relative; 00 TP-MR; +12345; PID 00; DCS 04; TP-VP 00: five minutes; eight octets.
constexpr std::string_view kSubmit = "110005912143F5000400086444B60B2161FB63";
// 04: SMS-DELIVER, TP-MMS; +491701110001; PID 00; DCS 04; 2026-11-22 12:29:39 UTC; the trigger of Transport App. L.
constexpr std::string_view kDeliver = "040C919471101100100004621122219293000E4402B60B2161FB63B13101300138";
// 06: SMS-STATUS-REPORT, TP-MMS; TP-MR 2A; +491701110001; TP-SCTS, TP-DT a minute later, TP-ST 00.
constexpr std::string_view kReport = "062A0C91947110110010621122219293006211222103930000";

TEST(SmsTpdu, ReadsAndWritesASubmit) {  // 3GPP TS 23.040 §9.2.2.2
  const auto submit = decode_submit(hex(kSubmit));
  ASSERT_TRUE(submit) << submit.error().reason;
  EXPECT_EQ(submit->destination, (Address{kInternational, "12345"}));
  EXPECT_EQ(submit->validity, Duration(minutes(5)));
  EXPECT_EQ(submit->data.octets, hex("6444B60B2161FB63"));
  EXPECT_FALSE(submit->wants_report || submit->data.has_header || submit->reject_duplicates);
  EXPECT_EQ(encode(*submit).value(), hex(kSubmit));
}

TEST(SmsTpdu, ReadsAndWritesADeliver) {  // §9.2.2.1
  const auto deliver = decode_deliver(hex(kDeliver));
  ASSERT_TRUE(deliver) << deliver.error().reason;
  EXPECT_EQ(deliver->originator.digits, "491701110001");
  EXPECT_EQ(deliver->sent_at, 1795350579) << "date -u -d '2026-11-22 12:29:39' +%s";
  EXPECT_FALSE(deliver->more_to_send);
  const auto message = to_short_message(*deliver);
  ASSERT_TRUE(message) << message.error().reason;
  EXPECT_EQ(*message, (ShortMessage{"491701110001", 0, 4, false, hex("4402B60B2161FB63B13101300138")}));
  EXPECT_EQ(encode(*deliver).value(), hex(kDeliver));
  EXPECT_EQ(encode(to_deliver(*message, 1795350579)).value(), hex(kDeliver));
}

TEST(SmsTpdu, ReadsAndWritesAStatusReport) {  // §9.2.2.3
  const auto report = decode_status_report(hex(kReport));
  ASSERT_TRUE(report) << report.error().reason;
  EXPECT_EQ(report->reference, 0x2A);
  EXPECT_EQ(report->recipient.digits, "491701110001");
  EXPECT_EQ(report->discharged_at.value() - report->sent_at.value(), 60);
  EXPECT_EQ(outcome(report->status), Report::What::Delivered);
  EXPECT_EQ(encode(*report).value(), hex(kReport));
  Bytes with_more = hex(kReport);
  with_more.insert(with_more.end(), {0x01, 0x00});  // TP-PI, TP-PID
  EXPECT_TRUE(decode_status_report(with_more)) << "what follows TP-ST may be there or not";
}

TEST(SmsTpdu, StatusSaysWhatBecameOfIt) {  // §9.2.3.15
  EXPECT_EQ(outcome(0x01), std::nullopt) << "forwarded, unconfirmed";
  EXPECT_EQ(outcome(0x02), Report::What::Lost) << "replaced";
  EXPECT_EQ(outcome(0x20), std::nullopt) << "congestion, still trying";
  EXPECT_EQ(outcome(0x3F), std::nullopt);
  EXPECT_EQ(outcome(0x46), Report::What::Lost) << "validity period expired";
  EXPECT_EQ(outcome(0x60), Report::What::Lost) << "temporary error, gave up";
  EXPECT_EQ(outcome(0x7F), Report::What::Lost);
  EXPECT_EQ(outcome(0x80), std::nullopt) << "reserved";
}

TEST(SmsTpdu, ASecuredPacketIsWrittenWithHeaderAndClass) {
  // Reference vector V1: 02 70 00 in front, PID 7F, DCS F6.
  const Bytes packet =
      hex("02700000281516001212b20203c2248c65436b8660d192b728ab2d967e5f05ccd32f6cd295f71ad1d2e0a06908");
  const ShortMessage message{"491701110001", kPidUsimDataDownload, kDcs8BitClass2, true, packet};
  const Bytes expected = hex("7100" "0C91947110110010" "7FF6" "00" "2D" + to_hex(packet));
  EXPECT_EQ(encode(to_submit(message, minutes(5), true)).value(), expected);
  const auto submit = decode_submit(expected);
  ASSERT_TRUE(submit);
  EXPECT_TRUE(submit->wants_report && submit->data.has_header);
  EXPECT_EQ(to_short_message(*submit).value(), message);
}

TEST(SmsTpdu, TextIsRecognisedAndNotMisread) {
  // Published widely: "hellohello" from 27838890001 by the SMSC +27381000015; ten septets are nine octets.
  const auto tpdu = from_pdu_text("07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37", 28);
  ASSERT_TRUE(tpdu) << tpdu.error().reason;
  const auto deliver = decode_deliver(*tpdu);
  ASSERT_TRUE(deliver) << deliver.error().reason;
  EXPECT_EQ(deliver->originator.digits, "27838890001");
  EXPECT_EQ(deliver->data.alphabet(), Alphabet::Septets);
  EXPECT_EQ(deliver->data.septets, 10);
  EXPECT_EQ(deliver->data.octets.size(), 9u);
  EXPECT_FALSE(to_short_message(*deliver));
  // Published beside it: SMS-SUBMIT to +46708251358, valid for four days.
  const Bytes text = hex("11000B916407281553F80000AA0AE8329BFD4697D9EC37");
  const auto submit = decode_submit(text);
  ASSERT_TRUE(submit) << submit.error().reason;
  EXPECT_EQ(submit->destination.digits, "46708251358");
  EXPECT_EQ(submit->validity, Duration(hours(96)));
  EXPECT_EQ(encode(*submit).value(), text);
}

TEST(SmsTpdu, CodingSchemes) {  // 3GPP TS 23.038 §4
  const std::array<std::pair<int, Alphabet>, 16> cases{{{0x00, Alphabet::Septets},
                                                        {0x04, Alphabet::Octets},
                                                        {0x08, Alphabet::Ucs2},
                                                        {0x0C, Alphabet::Septets},
                                                        {0x14, Alphabet::Octets},
                                                        {0x20, Alphabet::Compressed},
                                                        {0x44, Alphabet::Octets},
                                                        {0x48, Alphabet::Ucs2},
                                                        {0x84, Alphabet::Septets},
                                                        {0xC0, Alphabet::Septets},
                                                        {0xD8, Alphabet::Septets},
                                                        {0xE0, Alphabet::Ucs2},
                                                        {0xF0, Alphabet::Septets},
                                                        {0xF4, Alphabet::Octets},
                                                        {0xF5, Alphabet::Octets},
                                                        {0xF6, Alphabet::Octets}}};
  for (const auto& [dcs, alphabet] : cases) EXPECT_EQ(alphabet_of(static_cast<std::uint8_t>(dcs)), alphabet) << dcs;
}

TEST(SmsTpdu, AnAlphanumericSenderIsNoPeer) {  // §9.1.2.5: "Drover" in septets, eleven semi-octets
  const auto deliver = decode_deliver(hex("040BD044F9DB5E9603" "0004" "62112221929300" "01AA"));
  ASSERT_TRUE(deliver) << deliver.error().reason;
  EXPECT_FALSE(deliver->originator.is_number());
  EXPECT_EQ(to_short_message(*deliver).error().reason, "the other side isn't a number");
  const auto star = decode_deliver(hex("0404811A32" "0004" "62112221929300" "01AA"));
  ASSERT_TRUE(star) << star.error().reason;
  EXPECT_FALSE(star->originator.is_number()) << "*123 isn't an MSISDN (1010 is *)";
  const auto none = decode_deliver(hex("040081" "0004" "62112221929300" "01AA"));
  ASSERT_TRUE(none) << none.error().reason;
  EXPECT_FALSE(none->originator.is_number());
}

TEST(SmsTpdu, ShortCodesAreOfNoCountry) {
  EXPECT_EQ(Address::of("12345"), (Address{kUnknown, "12345"}));
  EXPECT_EQ(Address::of("491701110001"), (Address{kInternational, "491701110001"}));
}

TEST(SmsTpdu, RelativeValidityIsRoundedUp) {  // §9.2.3.12.1
  const std::array<std::pair<Duration, int>, 10> cases{{{seconds(1), 0},
                                                        {minutes(5), 0},
                                                        {minutes(5) + seconds(1), 1},
                                                        {hours(12), 143},
                                                        {hours(12) + minutes(1), 144},
                                                        {hours(24), 167},
                                                        {hours(25), 168},
                                                        {hours(24 * 30), 196},
                                                        {hours(24 * 31), 197},
                                                        {hours(24 * 7 * 70), 255}}};
  for (const auto& [validity, octet] : cases) {
    const auto encoded = encode(to_submit(ShortMessage{"12345"}, validity, false));
    ASSERT_TRUE(encoded);
    EXPECT_EQ((*encoded)[9], octet) << validity.count();
    EXPECT_TRUE(octet == 255 || decode_submit(*encoded)->validity >= validity);
  }
}

TEST(SmsTpdu, OtherFormsOfValidityAreRead) {  // §9.2.3.12.2, §9.2.3.12.3
  const auto with = [](std::string_view first, std::string_view period) {
    return decode_submit(hex(std::string(first) + "0005912143F50004" + std::string(period) + "01AA"));
  };
  EXPECT_EQ(with("19", "62112221929300")->valid_until, 1795350579);
  EXPECT_EQ(with("19", "62112221929380")->valid_until, 1795350579 - 2 * 3600) << "UTC+2: eight quarters";
  EXPECT_EQ(with("19", "62112221929388")->valid_until, 1795350579 + 2 * 3600) << "UTC-2";
  EXPECT_EQ(with("19", "62132221929300").error().reason, "TP-VP isn't a date");
  EXPECT_EQ(with("09", "01AA0000000000")->validity, Duration(hours(96)));
  EXPECT_EQ(with("09", "021E0000000000")->validity, Duration(seconds(30)));
  EXPECT_EQ(with("09", "03103254000000")->validity, Duration(hours(1) + minutes(23) + seconds(45)));
  EXPECT_EQ(with("09", "8200" "1E00000000")->validity, Duration(seconds(30))) << "one more octet of indicator";
  EXPECT_EQ(with("09", "00000000000000")->validity, std::nullopt);
  EXPECT_EQ(with("01", "")->validity, std::nullopt);
}

TEST(SmsTpdu, EveryTruncatedPrefixIsAnErrorAndSoAreOctetsBehind) {
  const auto check = [](std::string_view digits, auto decode) {
    const Bytes whole = hex(digits);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto cut = decode(ByteView(whole).first(size));
      ASSERT_FALSE(cut) << size;
      EXPECT_FALSE(cut.error().reason.empty());
      EXPECT_EQ(cut.error().fault, Fault::Peer);
    }
    EXPECT_TRUE(decode(ByteView(whole)));
  };
  check(kSubmit, [](ByteView tpdu) { return decode_submit(tpdu); });
  check(kDeliver, [](ByteView tpdu) { return decode_deliver(tpdu); });
  check(kReport, [](ByteView tpdu) { return decode_status_report(tpdu); });
  EXPECT_EQ(decode_deliver(hex(std::string(kDeliver) + "00")).error().reason, "there are octets behind TP-UD");
  EXPECT_FALSE(decode_submit(hex(kDeliver)));
  EXPECT_FALSE(decode_deliver(hex(kSubmit)));
  EXPECT_FALSE(decode_status_report(hex(kDeliver)));
}

TEST(SmsTpdu, LimitsOfWhatIsWritten) {
  const auto refused = [](const ShortMessage& message) { return !encode(to_submit(message, minutes(5), false)); };
  EXPECT_FALSE(refused({"1", 0, 4, false, Bytes(140)}));
  EXPECT_TRUE(refused({"1", 0, 4, false, Bytes(141)}));
  EXPECT_TRUE(refused({"", 0, 4, false, {}}));
  EXPECT_TRUE(refused({"+491701110001", 0, 4, false, {}})) << "3GPP TS 23.003: digits alone";
  EXPECT_TRUE(refused({std::string(21, '1'), 0, 4, false, {}}));
  EXPECT_TRUE(refused({"1", 0, 0, false, Bytes(3)})) << "septets need their number";
  EXPECT_FALSE(decode_deliver(hex("0415911111111111111111111100" "0004" "62112221929300" "00"))) << "21 digits";
  EXPECT_FALSE(decode_deliver(hex("04019111" "0004" "62112221929300" "8D" + std::string(282, 'A')))) << "141 octets";
}

TEST(SmsTpdu, ATimeThatIsNoDateDoesNotCostTheMessage) {
  const auto deliver = decode_deliver(hex("0405912143F50004" "00000000000000" "01AA"));
  ASSERT_TRUE(deliver) << deliver.error().reason;
  EXPECT_EQ(deliver->sent_at, std::nullopt);
  EXPECT_TRUE(to_short_message(*deliver));
}

TEST(SmsTpdu, PduModeText) {  // 3GPP TS 27.005 §3.1: the length leaves the SMSC's address out
  EXPECT_EQ(to_pdu_text(hex(kSubmit)), "00" + std::string(kSubmit));
  EXPECT_EQ(from_pdu_text("00" + std::string(kSubmit), 19).value(), hex(kSubmit));
  EXPECT_EQ(from_pdu_text("0791947106000004" + std::string(kDeliver), 33).value(), hex(kDeliver));
  EXPECT_FALSE(from_pdu_text("00" + std::string(kSubmit), 18));
  EXPECT_FALSE(from_pdu_text("00" + std::string(kSubmit), 20));
  EXPECT_FALSE(from_pdu_text("0C91", 0));
  EXPECT_FALSE(from_pdu_text("", 0));
  EXPECT_FALSE(from_pdu_text("0", 0));
  EXPECT_FALSE(from_pdu_text("00 11", 1));
  EXPECT_EQ(from_pdu_text(std::string(10'000, '0'), 4999).error().reason, "the PDU is too long");
}

}  // namespace
}  // namespace drover::sms::tpdu
