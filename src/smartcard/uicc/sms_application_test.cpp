// SPDX-License-Identifier: Apache-2.0
#include "smartcard/uicc/sms_application.hpp"

#include <gtest/gtest.h>

#include "smartcard/messages.hpp"
#include "smartcard/toolkit.hpp"
#include "smartcard/uicc/test_uicc.hpp"

namespace drover::smartcard::uicc {
namespace {

namespace sps = security::sps;

const std::string kTrigger = "4402B60B2161FB63B13101300138";
/// TP-UD of the trigger, as another implementation of TS 102 225 wrote it, with counter 1.
const std::string kTriggerPacket =
    "02700000281516001212B20203C2248C65436B8660D192B728AB2D967E5F05CCD32F6CD295F71AD1D2E0A06908";
/// 97 octets of CoAP with counter 3, in two segments.
const std::string kSegments[] = {
    "0700032A0201700000881516001212B2020312C534093ABB1F807BA3E44A48552C8A5B9BF31C486B58F25D179EDDD2C0058041D94C8C406D1F4"
    "4F4D78BEC377CD5B94D26349E4EFC9F1D62905F0CB5252FF5F07E64887C082CE74860AAA981219B5A1AADF1362A9A2CF1D7960775E82A61DDBA"
    "ED61985C2B0FB5700DE9B73FF59437D7E35DBBDE22EC8879ED",
    "0500032A0202C9F4244A97EA"};

class SmsCard : public UiccTest {
 protected:
  void SetUp() override {
    CardImage image = nordic_card();
    image.sms = sms_application();
    start(image);
  }
  void start(const CardImage& image) {
    make(image);
    terminal_.insert(&*card_);
    ASSERT_TRUE(terminal_.connect().has_value());
    select();
  }
  void select() {
    EXPECT_EQ(say("0070000001"), "019000");
    EXPECT_EQ(status_of("01A4040C10" + kSmsAid), "9000");
  }
  std::string deliver(ByteView user_data, const std::string& originator = "05912143F5") {
    const auto command = toolkit::sms_download(deliver_from_service(user_data, originator), "491710760000");
    return upper_hex(card_->transmit(*encode(*command)));
  }
  std::string get_data() { return say("81CA000500"); }
  /// STORE DATA in blocks; the last status.
  std::string store(ByteView message, std::size_t block = 255) {
    std::string status;
    for (std::uint8_t number = 0;; ++number) {
      const ByteView part = message.first(std::min(block, message.size()));
      message = message.subspan(part.size());
      const Command command{0x81, ins::kStoreData, static_cast<std::uint8_t>(message.empty() ? 0x80 : 0), number,
                            Bytes(part.begin(), part.end()), {}};
      status = upper_hex(card_->transmit(*encode(command)));
      if (message.empty() || !status.starts_with("9")) return status;
    }
  }
  std::string send(ByteView coap, const std::string& destination = "05912143F5") {
    return store(stored(coap, destination));
  }
  static Bytes stored(ByteView coap, const std::string& destination = "05912143F5") {
    Bytes message = octets(destination);
    for (const std::size_t octet : {std::size_t{5}, coap.size() >> 8, coap.size() & 0xFF}) {
      message.push_back(static_cast<std::uint8_t>(octet));
    }
    message.insert(message.end(), coap.begin(), coap.end());
    return message;
  }
  /// Fetches what the card has to send, each with that result.
  std::vector<sms::tpdu::Submit> drain(std::uint8_t result = toolkit::kPerformed) {
    std::vector<sms::tpdu::Submit> submits;
    for (bool more = true; more;) {
      const auto command = toolkit::fetch(terminal_, 0);
      if (!command) break;
      submits.push_back(*sms::tpdu::decode_submit(command->submit));
      more = toolkit::answer(terminal_, *command, result)->has_value();
    }
    return submits;
  }

  MemoryTerminal terminal_;
  Server server_;
};

TEST_F(SmsCard, ReadsAPacketOfOthers) {
  EXPECT_EQ(get_data(), "6A88");
  EXPECT_EQ(deliver(octets(kTriggerPacket)), "9000");
  EXPECT_EQ(get_data(), "05912143F505000E" + kTrigger + "9000");
  EXPECT_EQ(get_data(), "6A88");
  EXPECT_EQ(card_->sms_counters(), (SmsCounters{1, 0}));
}

TEST_F(SmsCard, PutsPartsTogetherInAnyOrder) {
  EXPECT_EQ(deliver(octets(kSegments[1])), "9000");
  EXPECT_EQ(get_data(), "6A88");
  EXPECT_EQ(deliver(octets(kSegments[0])), "9000");
  EXPECT_EQ(get_data().substr(0, 34), "05912143F5" "050061" "4002000AFF00010203");
  EXPECT_EQ(card_->sms_counters().received, 3u);
}

TEST_F(SmsCard, PartsOfTwoNumbersArentMixed) {
  EXPECT_EQ(deliver(octets(kSegments[1]), "05912143F6"), "9000");
  EXPECT_EQ(deliver(octets(kSegments[0])), "9000");
  EXPECT_EQ(get_data(), "6A88");
}

TEST_F(SmsCard, WhateverIsWrongVanishes) {
  const Bytes right = octets(kTriggerPacket);
  for (std::size_t bit = 3 * 8; bit < right.size() * 8; ++bit) {
    Bytes wrong = right;
    wrong[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_EQ(deliver(wrong), "9000") << bit;
  }
  for (std::size_t size = 0; size < right.size(); ++size) EXPECT_EQ(deliver(ByteView(right).first(size)), "9000");
  EXPECT_EQ(get_data(), "6A88");
  EXPECT_EQ(say("8012000000"), "6985");  // nothing is answered, either
  EXPECT_EQ(card_->sms_counters(), SmsCounters{});
  EXPECT_EQ(deliver(right), "9000");
  EXPECT_EQ(get_data().size(), 2 * (5u + 3 + 14 + 2));
  EXPECT_EQ(deliver(right), "9000");  // again
  EXPECT_EQ(get_data(), "6A88");
}

TEST_F(SmsCard, OtherShortMessagesArentItsBusiness) {
  Bytes tpdu = deliver_from_service(octets(kTriggerPacket));
  tpdu[6] = 0x00;  // TP-PID
  const auto command = toolkit::sms_download(tpdu, "");
  EXPECT_EQ(upper_hex(card_->transmit(*encode(*command))), "9000");
  EXPECT_EQ(say("80C20000048B02AABB"), "6A80");
  EXPECT_EQ(say("80C2000006D1048B024444"), "9000");
  EXPECT_EQ(get_data(), "6A88");
  make(nordic_card());
  EXPECT_EQ(say("80C2000006D1048B024444"), "6D00");  // no application for it
}

TEST_F(SmsCard, ItsOwnPacketsArentTakenBack) {
  ASSERT_EQ(send(octets(kTrigger)).substr(0, 2), "91");
  const auto submits = drain();
  ASSERT_EQ(submits.size(), 1u);
  EXPECT_EQ(deliver(submits[0].data.octets), "9000");
  EXPECT_EQ(get_data(), "6A88");
}

TEST_F(SmsCard, SendsAPacketByTheTerminal) {
  card_->set_sms_counters({0, 41});
  EXPECT_EQ(send(octets(kTrigger)), "9144");
  EXPECT_EQ(say("00A4000C"), "9144");  // on every answer
  EXPECT_EQ(say("8012000044").substr(0, 52),
            "D042" "8103011300" "82028183" "8B37" "4100" "05912143F5" "7FF6" "2D" "027000");
  EXPECT_EQ(say("00A4000C"), "9000");
  EXPECT_EQ(say("8012000044").substr(0, 4), "D042");  // once more: its answer was lost
  EXPECT_EQ(say("801400000C" "8103011300" "82028281" "830100"), "9000");
  EXPECT_EQ(say("801400000C" "8103011300" "82028281" "830100"), "6985");
  EXPECT_EQ(card_->sms_counters(), (SmsCounters{0, 42}));
}

TEST_F(SmsCard, ItsAnswersAreRead) {
  for (const std::size_t size : {1u, 96u, 97u, 300u, 1500u, 2000u}) {
    ASSERT_EQ(send(numbered(size)).substr(0, 2), "91") << size;
    const auto submits = drain();
    std::uint64_t counter = 0;
    const auto coap = server_.read(submits, counter);
    ASSERT_TRUE(coap.has_value()) << size;
    EXPECT_EQ(*coap, numbered(size));
    for (const auto& submit : submits) {
      EXPECT_EQ(submit.destination.digits, "12345");
      EXPECT_EQ(submit.data.pid, sms::kPidUsimDataDownload);
      EXPECT_EQ(submit.data.dcs, sms::kDcs8BitClass2);
    }
  }
  EXPECT_EQ(card_->sms_counters().sent, 6u);
}

TEST_F(SmsCard, TheAddressIsTakenAsItIs) {
  EXPECT_EQ(send(octets(kTrigger), "0681214365").substr(0, 2), "91");
  EXPECT_EQ(say("8012000000").substr(22, 18), "8B37" "4100" "0681214365");
}

TEST_F(SmsCard, BlocksHaveAnOrderAndAnEnd) {
  const Bytes message = stored(numbered(300));
  EXPECT_EQ(store(message, 100).substr(0, 2), "91");
  drain();
  EXPECT_EQ(say("81E20001020506"), "6A86");      // not the first
  EXPECT_EQ(say("81E20000020506"), "9000");
  EXPECT_EQ(say("81E20002020506"), "6A86");      // one is missing
  EXPECT_EQ(say("81E28001020506"), "6A86");      // and the rest is forgotten
  EXPECT_EQ(store(Bytes(kCardMessageMax + 1)), "6A84");
  EXPECT_EQ(store({}), "6A80");
  EXPECT_EQ(store(octets("05912143F5")), "6A80");
  EXPECT_EQ(store(octets("05912143F5" "050002AA")), "6A80");
  EXPECT_EQ(store(octets("05912143F5" "050001AABB")), "6A80");
  EXPECT_EQ(store(octets("05912143F5" "060001AA")), "6A80");
  EXPECT_EQ(store(octets("FF912143F5" "050001AA")), "6A80");
  EXPECT_EQ(say("8012000000"), "6985");
  EXPECT_EQ(store(octets("05912143F5" "050001AA")).substr(0, 2), "91");
}

TEST_F(SmsCard, TriesAgainForAWhile) {
  ASSERT_EQ(send(octets(kTrigger)), "9144");
  for (unsigned i = 0; i < MessageStore::kSendTries; ++i) {
    EXPECT_EQ(say("00A4000C"), "9144") << i;
    EXPECT_EQ(drain(i % 2 == 0 ? toolkit::kTerminalBusy : toolkit::kNetworkBusy).size(), 1u) << i;  // not at once
  }
  EXPECT_EQ(say("00A4000C"), "9000");
}

TEST_F(SmsCard, APacketWithoutAPartIsNothing) {
  ASSERT_EQ(send(numbered(300)).substr(0, 2), "91");
  ASSERT_EQ(send(octets(kTrigger)).substr(0, 2), "91");
  const auto first = toolkit::fetch(terminal_, 0);
  ASSERT_TRUE(first.has_value());
  const auto next = toolkit::answer(terminal_, *first, toolkit::kSmsError);
  ASSERT_TRUE(next.has_value() && next->has_value());
  EXPECT_EQ(**next, 0x44);  // the packet behind
  EXPECT_EQ(drain().size(), 1u);
}

TEST_F(SmsCard, WhatWasntAnsweredIsFetchedAgainBehindAReset) {
  card_->set_sms_counters({0, 100});  // with that of the packet below, both would be the same octet by octet
  ASSERT_EQ(send(octets(kTrigger)), "9144");
  EXPECT_EQ(say("8012000044").substr(0, 4), "D042");
  deliver(octets(kTriggerPacket));
  card_->reset();
  EXPECT_EQ(say("00A4000C"), "9144");
  EXPECT_EQ(drain().size(), 1u);
  select();
  EXPECT_EQ(get_data().size(), 2 * (5u + 3 + 14 + 2));  // what came stays, too
  EXPECT_EQ(deliver(octets(kTriggerPacket)), "9000");
  EXPECT_EQ(get_data(), "6A88");                        // and its counter
}

TEST_F(SmsCard, CountersAreKeptUnlessTheKeysAreOthers) {
  deliver(octets(kTriggerPacket));
  CardImage image = nordic_card();
  image.sms = sms_application();
  card_->replace(image);
  EXPECT_EQ(card_->sms_counters().received, 1u);
  EXPECT_EQ(get_data().size(), 2 * (5u + 3 + 14 + 2));
  image.sms->keys.integrity = image.sms->keys.ciphering;
  card_->replace(image);
  EXPECT_EQ(card_->sms_counters(), SmsCounters{});
}

TEST_F(SmsCard, AUsedUpCounterSendsNothing) {
  card_->set_sms_counters({0, sps::kCounterBlocked - 1});
  EXPECT_EQ(send(octets(kTrigger)), "6985");
  EXPECT_EQ(say("8012000000"), "6985");
}

TEST_F(SmsCard, AFullInboxSaysSo) {
  for (std::uint64_t i = 1; i <= MessageStore::kInboxMax; ++i) {
    EXPECT_EQ(deliver(server_.packets(i, numbered(i))[0]), "9000");
  }
  const auto next = server_.packets(50, numbered(50));
  EXPECT_EQ(deliver(next[0]), "9300");
  EXPECT_EQ(get_data().substr(16, 4), "0090");
  EXPECT_EQ(deliver(next[0]), "9000");
}

TEST_F(SmsCard, AFullOutboxSaysSo) {
  std::size_t sent = 0;
  while (send(numbered(1500)).starts_with("91")) ++sent;
  EXPECT_EQ(send(numbered(1500)), "6A84");
  EXPECT_GE(sent, 4u);
  EXPECT_EQ(card_->sms_counters().sent, sent);  // what isn't sent uses up no counter
  EXPECT_LE(drain().size(), MessageStore::kOutboxMax);
}

TEST_F(SmsCard, LongMessagesComeByGetResponse) {
  const Bytes coap = numbered(600);
  for (const Bytes& part : server_.packets(1, coap)) EXPECT_EQ(deliver(part), "9000");
  const std::string whole = upper_hex(stored(coap));
  EXPECT_EQ(get_data(), whole.substr(0, 512) + "6100");
  EXPECT_EQ(say("01C0000000"), whole.substr(512, 512) + "6160");
  EXPECT_EQ(say("01C0000060"), whole.substr(1024) + "9000");
  EXPECT_EQ(get_data(), "6A88");
}

TEST_F(SmsCard, T0LosesNothingWhenItSaysTheLength) {
  CardImage image = nordic_card();
  image.sms = sms_application();
  image.t0 = true;
  start(image);
  deliver(octets(kTriggerPacket));
  EXPECT_EQ(get_data(), "6C16");
  EXPECT_EQ(get_data(), "6C16");
  EXPECT_EQ(say("81CA000516"), "05912143F505000E" + kTrigger + "9000");
  const Bytes coap = numbered(600);
  for (const Bytes& part : server_.packets(2, coap)) deliver(part);
  EXPECT_EQ(get_data(), "6100");
  EXPECT_EQ(say("01C0000000"), upper_hex(stored(coap)).substr(0, 512) + "6100");
  ASSERT_EQ(send(octets(kTrigger)), "9144");
  EXPECT_EQ(say("8012000000"), "6C44");
  EXPECT_EQ(say("8012000044").substr(0, 4), "D042");
}

TEST_F(SmsCard, IsntForWhoeverHasNoSecureChannel) {
  CardImage image = nordic_card();
  image.sms = sms_application();
  image.sms->needs_secure_channel = true;
  image.keys = session_keys();
  start(image);
  deliver(octets(kTriggerPacket));
  EXPECT_EQ(get_data(), "6982");
  EXPECT_EQ(send(octets(kTrigger)), "6982");
  EXPECT_EQ(say("80CA000500"), "6A88");  // another channel, with nothing selected
  EXPECT_EQ(say("80E2800001AA"), "6985");
}

TEST_F(SmsCard, AsksNoReceiptOfWhatFailedAndGivesOneOtherwise) {
  CardImage image = nordic_card();
  image.sms = sms_application();
  image.sms->parameters.spi2 = sps::kSpi2Receipt;
  start(image);
  // As another implementation wrote it: counter 0102030405, and the receipt that belongs to it.
  const Bytes packet =
      octets("02700000281516391212B202030BB143950C6A12BBBA3DFA012C2C58CF09F56F7F816FC20F73529E1258E01F28");
  Bytes wrong = packet;
  wrong.back() ^= 1;
  EXPECT_EQ(deliver(wrong), "9000");
  EXPECT_EQ(deliver(packet).substr(0, 2), "91");
  const auto submits = drain();
  ASSERT_EQ(submits.size(), 1u);
  EXPECT_EQ(upper_hex(submits[0].data.octets), "027100001412B2020392EB4DAD3FB45D13CBC70314E3F6E1D9");
  EXPECT_EQ(submits[0].destination.digits, "12345");
}

}  // namespace
}  // namespace drover::smartcard::uicc
