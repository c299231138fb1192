// SPDX-License-Identifier: Apache-2.0
#include "smartcard/toolkit.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace drover::smartcard::toolkit {
namespace {

Bytes octets(const std::string& hex) { return from_hex(hex).value_or(Bytes()); }

// As a modem was seen to write it: the whole of an SMS-DELIVER with the secured packet V1 of the LwM2M examples.
const std::string kDeliver =
    "4405912143f57ff6622111222219292d02700000281516001212b20203c2248c65436b8660d192b728ab2d967e5f05ccd32f6cd295f71ad1d2"
    "e0a06908";
const std::string kDownload = "d14c8202838186079194710167000" "08b3d" + kDeliver;

/// Answers from a list; an empty one: the card is gone.
class Scripted final : public Terminal {
 public:
  CardResult<Bytes> connect() override { return Bytes(); }
  CardResult<Bytes> transmit(ByteView command) override {
    commands.push_back(to_hex(command));
    if (answers.empty()) return card_error(CardError::Kind::Removed, "gone");
    const Bytes answer = octets(answers.front());
    answers.pop_front();
    return answer;
  }
  void disconnect() override {}
  std::deque<std::string> answers;
  std::vector<std::string> commands;
};

TEST(Toolkit, HandsAShortMessageOver) {
  const auto command = sms_download(octets(kDeliver), "491710760000");
  ASSERT_TRUE(command.has_value());
  EXPECT_EQ(to_hex(*encode(*command)), "80c200004e" + kDownload);
  EXPECT_EQ(to_hex(*read_sms_download(*command)), kDeliver);
  const auto short_one = sms_download(octets(kDeliver), "");
  EXPECT_EQ(to_hex(short_one->data), "d14382028381" "8b3d" + kDeliver);
  EXPECT_EQ(to_hex(*read_sms_download(*short_one)), kDeliver);
}

TEST(Toolkit, TheLongestShortMessageFits) {
  const Bytes longest(164, 0x42);
  const auto command = sms_download(longest, "12345678901234567890");
  ASSERT_TRUE(command.has_value());
  EXPECT_EQ(to_hex(command->data).substr(0, 6), "d181b8");
  EXPECT_EQ(*read_sms_download(*command), longest);
  EXPECT_FALSE(sms_download(Bytes(250), "").has_value());
  EXPECT_FALSE(sms_download(longest, "+49").has_value());
  EXPECT_FALSE(sms_download(longest, "123456789012345678901").has_value());
}

TEST(Toolkit, ReadsObjectsInAnyOrderWithAndWithoutTheirFlag) {
  Command envelope{0x80, ins::kEnvelope, 0, 0, octets("d10a" "0b02aabb" "02028381" "3300"), {}};
  EXPECT_EQ(to_hex(*read_sms_download(envelope)), "aabb");
  envelope.data = octets("d106" "02028381" "3300");
  EXPECT_FALSE(read_sms_download(envelope).has_value());
  envelope.data = octets("d206" "0b02aabb" "3300");
  EXPECT_FALSE(read_sms_download(envelope).has_value());
}

TEST(Toolkit, RefusesWhateverIsCutOff) {
  const Bytes whole = octets(kDownload);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Command envelope{0x80, ins::kEnvelope, 0, 0, Bytes(whole.begin(), whole.begin() + static_cast<long>(size)), {}};
    EXPECT_FALSE(read_sms_download(envelope).has_value()) << size;
  }
  Command envelope{0x80, ins::kEnvelope, 0, 0, whole, {}};
  envelope.data.push_back(0);
  EXPECT_FALSE(read_sms_download(envelope).has_value());
  envelope.data = octets("d1820004" "0b02aabb");
  EXPECT_FALSE(read_sms_download(envelope).has_value());
}

TEST(Toolkit, ReadsSendShortMessage) {
  // As a card was seen to write it, with the service centre's address.
  const std::string recorded = "8103011300" "82028183" "8606916194171067" "8b03410001";
  const auto command = parse_proactive(octets("d016" + recorded));
  EXPECT_FALSE(parse_proactive(octets("d015" + recorded)).has_value());
  EXPECT_FALSE(parse_proactive(octets("d017" + recorded)).has_value());
  ASSERT_TRUE(command.has_value()) << command.error().reason;
  EXPECT_EQ(command->number, 1);
  EXPECT_EQ(command->type, kSendShortMessage);
  EXPECT_EQ(to_hex(command->submit), "410001");
  const ProactiveCommand own{Bytes(170, 0x41), 5, kSendShortMessage, 0};
  const Bytes written = encode_proactive(own);
  EXPECT_EQ(to_hex(written).substr(0, 30), "d081b6810305130082028183" "8b81aa");
  EXPECT_EQ(parse_proactive(written)->submit, own.submit);
  EXPECT_EQ(to_hex(encode_proactive({{}, 2, kMoreTime, 0})), "d009" "8103020200" "82028182");
  for (std::size_t size = 0; size < written.size(); ++size) {
    EXPECT_FALSE(parse_proactive(ByteView(written).first(size)).has_value()) << size;
  }
}

TEST(Toolkit, OtherCommandsNeedNoShortMessage) {
  const auto more_time = parse_proactive(octets("d009" "0103020200" "02028182"));
  ASSERT_TRUE(more_time.has_value());
  EXPECT_EQ(more_time->type, kMoreTime);
  EXPECT_FALSE(parse_proactive(octets("d009" "0103021300" "02028183")).has_value());
  EXPECT_FALSE(parse_proactive(octets("d008" "01020202" "02028182")).has_value());
}

TEST(Toolkit, AnswersACommand) {
  const ProactiveCommand command{{}, 1, kSendShortMessage, 0};
  EXPECT_EQ(to_hex(*encode(terminal_response(command, kPerformed))), "801400000c" "8103011300" "82028281" "830100");
  const Command busy = terminal_response(command, kNetworkBusy);
  EXPECT_EQ(to_hex(busy.data), "8103011300" "82028281" "83022100");
  const auto read = read_terminal_response(busy);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->number, 1);
  EXPECT_EQ(read->type, kSendShortMessage);
  EXPECT_EQ(read->result, kNetworkBusy);
  for (std::size_t size = 0; size < busy.data.size(); ++size) {
    Command cut = busy;
    cut.data.resize(size);
    EXPECT_FALSE(read_terminal_response(cut).has_value()) << size;
  }
}

TEST(Toolkit, DeliversAndFetchesWithT0) {
  Scripted terminal;
  terminal.answers = {"9113", "6c14", "d012" "8103011300" "82028183" "8b03410001" "0000" "9000"};
  const auto delivered = deliver(terminal, octets(kDeliver), "491710760000");
  ASSERT_TRUE(delivered.has_value());
  EXPECT_TRUE(*delivered);
  EXPECT_FALSE(fetch(terminal, 0x13).has_value());  // two octets behind the command: not what was announced
  EXPECT_EQ(terminal.commands[1], "8012000013");
  EXPECT_EQ(terminal.commands[2], "8012000014");

  terminal.answers = {"610e", "d00e" "8103011300" "82028183" "8b03410001" "9000", "9125", "9000"};
  const auto command = fetch(terminal, 0);
  ASSERT_TRUE(command.has_value()) << command.error().reason;
  EXPECT_EQ(terminal.commands.back(), "00c000000e");
  const auto next = answer(terminal, *command, kPerformed);
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(**next, 0x25);
  EXPECT_FALSE(answer(terminal, *command, kPerformed)->has_value());
}

TEST(Toolkit, TellsWhatTheCardSays) {
  Scripted terminal;
  terminal.answers = {"9300"};
  const auto busy = deliver(terminal, octets(kDeliver), "");
  ASSERT_FALSE(busy.has_value());
  EXPECT_EQ(busy.error().kind, CardError::Kind::Refused);
  EXPECT_EQ(busy.error().status, 0x9300);
  EXPECT_EQ(deliver(terminal, octets(kDeliver), "").error().kind, CardError::Kind::Removed);
  terminal.answers = {"90"};
  EXPECT_EQ(deliver(terminal, octets(kDeliver), "").error().kind, CardError::Kind::Malformed);
  terminal.answers.assign(100, "6110");
  EXPECT_EQ(fetch(terminal, 1).error().kind, CardError::Kind::Malformed);
  EXPECT_GT(terminal.answers.size(), 50u);
}

TEST(Toolkit, TheProfileSaysWhatATerminalDoesHere) {
  const Command profile = terminal_profile();
  EXPECT_EQ(profile.ins, ins::kTerminalProfile);
  ASSERT_GE(profile.data.size(), 4u);
  EXPECT_NE(profile.data[0] & 0x02, 0);  // SMS-PP data download
  EXPECT_NE(profile.data[3] & 0x02, 0);  // SEND SHORT MESSAGE
}

}  // namespace
}  // namespace drover::smartcard::toolkit
