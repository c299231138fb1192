// SPDX-License-Identifier: Apache-2.0
// The device's half of the card's LwM2M application, with cards made of software.
#include "smartcard/messages.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "smartcard/toolkit.hpp"
#include "smartcard/uicc/test_uicc.hpp"

namespace drover::smartcard::uicc {
namespace {

struct Kind {
  bool t0 = false;
  bool secured = false;
};
std::ostream& operator<<(std::ostream& out, const Kind& kind) {
  return out << (kind.t0 ? "T=0" : "T=1") << (kind.secured ? ", secured" : ", plain");
}

/// A reader in memory that sees what goes over the line, and can be told to tell no answer to reset, as modems.
class Line final : public Terminal {
 public:
  explicit Line(Uicc& card) : reader_(&card) {}
  CardResult<Bytes> connect() override {
    ++connects;
    is_connected = true;
    auto atr = reader_.connect();
    return is_modem && atr ? Bytes() : atr;
  }
  CardResult<Bytes> transmit(ByteView command) override {
    if (!is_connected) return card_error(CardError::Kind::Reset, "not connected");
    commands.push_back(upper_hex(command));
    auto answer = reader_.transmit(command);
    if (answer && answer->size() == spoil) {
      (*answer)[answer->size() - 3] ^= 1;
      spoil = 0;
    }
    return answer;
  }
  void disconnect() override { is_connected = false; }
  MemoryTerminal reader_;
  std::vector<std::string> commands;
  unsigned connects = 0;
  bool is_connected = false, is_modem = false;
  std::size_t spoil = 0;  ///< the next answer of so many octets is altered
};

class Messages : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override { start(); }
  void start() {
    CardImage image = nordic_card();
    image.t0 = GetParam().t0;
    image.sms = sms_application();
    image.sms->needs_secure_channel = GetParam().secured;
    if (GetParam().secured) image.keys = session_keys();
    start(image);
  }
  void start(const CardImage& image) {
    card_.emplace(image, rng_);
    line_.emplace(*card_);
    MessageSettings settings;
    if (GetParam().secured) settings.keys = session_keys();
    application_.emplace(*line_, settings, rng_);
  }
  void deliver(ByteView coap, const std::string& originator = "05912143F5") {
    ++counter_;
    for (const Bytes& part : server_.packets(counter_, coap, static_cast<std::uint8_t>(counter_))) {
      const auto command = toolkit::sms_download(deliver_from_service(part, originator), "");
      card_->transmit(*encode(*command));
    }
  }
  std::optional<CardMessage> fetch() {
    auto message = application_->fetch();
    EXPECT_TRUE(message.has_value()) << message.error().reason;
    return message ? *message : std::nullopt;
  }
  /// What the card has to send, by the basic channel of a terminal of its own.
  std::vector<sms::tpdu::Submit> drain() {
    MemoryTerminal terminal(&*card_);
    static_cast<void>(terminal.connect());
    std::vector<sms::tpdu::Submit> submits;
    while (const auto command = toolkit::fetch(terminal, 0)) {
      submits.push_back(*sms::tpdu::decode_submit(command->submit));
      raw_ = upper_hex(command->submit);
      static_cast<void>(toolkit::answer(terminal, *command, toolkit::kPerformed));
    }
    return submits;
  }

  SplitMix rng_{7};
  std::optional<Uicc> card_;
  std::optional<Line> line_;
  std::optional<MessageApplication> application_;
  Server server_;
  std::uint64_t counter_ = 0;
  std::string raw_;  ///< the last SMS-SUBMIT
};

TEST_P(Messages, GoBothWays) {
  EXPECT_FALSE(fetch().has_value());
  deliver(octets("4402B60B2161FB63B13101300138"));
  const auto message = fetch();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->msisdn, "12345");
  EXPECT_EQ(upper_hex(message->coap), "4402B60B2161FB63B13101300138");
  EXPECT_FALSE(fetch().has_value());

  EXPECT_FALSE(application_->take_proactive());
  ASSERT_TRUE(application_->send({"12345", octets("6444B60B2161FB63")}).has_value());
  EXPECT_TRUE(application_->take_proactive());
  EXPECT_FALSE(application_->take_proactive());
  std::uint64_t counter = 0;
  const auto coap = server_.read(drain(), counter);
  ASSERT_TRUE(coap.has_value());
  EXPECT_EQ(upper_hex(*coap), "6444B60B2161FB63");
  EXPECT_EQ(counter, 1u);
}

TEST_P(Messages, OfEverySize) {
  for (const std::size_t size : {0u, 1u, 200u, 230u, 231u, 232u, 247u, 248u, 249u, 600u, 1500u, 2040u}) {
    deliver(numbered(size));
    const auto message = fetch();
    ASSERT_TRUE(message.has_value()) << size;
    EXPECT_EQ(message->coap, numbered(size));
    ASSERT_TRUE(application_->send({"12345", numbered(size)}).has_value()) << size;
    std::uint64_t counter = 0;
    EXPECT_EQ(server_.read(drain(), counter), numbered(size)) << size;
  }
  const auto too_long = application_->send({"12345", numbered(kCardMessageMax - 7)});
  ASSERT_FALSE(too_long.has_value());
  EXPECT_EQ(too_long.error().kind, CardError::Kind::Malformed);
}

TEST_P(Messages, KeepTheirOrder) {
  for (std::size_t size : {300u, 10u, 700u}) deliver(numbered(size));
  for (std::size_t size : {300u, 10u, 700u}) EXPECT_EQ(fetch()->coap, numbered(size));
}

TEST_P(Messages, UseTheAddressThatCame) {
  deliver(octets("44"), "0681214365");  // a national number of six digits
  EXPECT_EQ(fetch()->msisdn, "123456");
  ASSERT_TRUE(application_->send({"123456", octets("64")}).has_value());
  drain();
  EXPECT_EQ(raw_.substr(4, 10), "0681214365");
  // Another type of number for the same digits.
  deliver(octets("45"), "0691214365");
  fetch();
  ASSERT_TRUE(application_->send({"123456", octets("65")}).has_value());
  drain();
  EXPECT_EQ(raw_.substr(4, 10), "0691214365");
  // Numbers that nothing came from: a short code, and an international one.
  ASSERT_TRUE(application_->send({"54321", octets("66")}).has_value());
  drain();
  EXPECT_EQ(raw_.substr(4, 10), "05814523F1");
  ASSERT_TRUE(application_->send({"491701110001", octets("67")}).has_value());
  drain();
  EXPECT_EQ(raw_.substr(4, 16), "0C91947110110010");
  for (const char* wrong : {"", "+49", "123456789012345678901"}) {
    EXPECT_EQ(application_->send({wrong, octets("67")}).error().kind, CardError::Kind::Malformed);
  }
}

TEST_P(Messages, FromWhatIsntANumberAreLeftOut) {
  deliver(octets("44"), "06D0C2E231");  // letters
  deliver(octets("45"), "0591B143F5");  // "*"
  deliver(octets("46"));
  EXPECT_EQ(fetch()->coap, octets("46"));
  EXPECT_FALSE(fetch().has_value());
}

TEST_P(Messages, SurviveAResetOfTheCard) {
  deliver(octets("44"));
  fetch();
  for (int i = 0; i < 5; ++i) {
    card_->reset();
    deliver(octets("45"));
    EXPECT_EQ(fetch()->coap, octets("45"));
    card_->reset();
    EXPECT_TRUE(application_->send({"12345", octets("64")}).has_value());
  }
  EXPECT_EQ(drain().size(), 5u);
}

TEST_P(Messages, GoOnWhenSomebodyElseUsedTheTerminal) {
  for (const bool is_modem : {false, true}) {
    line_->is_modem = is_modem;
    for (int i = 0; i < 5; ++i) {
      deliver(octets("45"));
      ASSERT_TRUE(fetch().has_value()) << i;
      line_->disconnect();
      if (!is_modem) card_->reset();  // as a reader does
    }
  }
}

TEST_P(Messages, SayWhenThereIsNoCard) {
  EXPECT_FALSE(fetch().has_value());
  line_->reader_.insert(nullptr);
  EXPECT_EQ(application_->fetch().error().kind, CardError::Kind::Removed);
  EXPECT_EQ(application_->send({"12345", {}}).error().kind, CardError::Kind::NoCard);
  line_->reader_.insert(&*card_);
  deliver(octets("45"));
  EXPECT_TRUE(fetch().has_value());
}

TEST_P(Messages, SayWhenTheApplicationIsntThere) {
  CardImage image = nordic_card();
  start(image);
  EXPECT_EQ(application_->fetch().error().kind, CardError::Kind::NotFound);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(application_->send({"1", {}}).error().kind, CardError::Kind::NotFound);
}

TEST_P(Messages, LeaveNoChannelOpen) {
  fetch();
  EXPECT_EQ(upper_hex(card_->transmit(octets("0070000001"))), "029000");
  application_->close();
  EXPECT_FALSE(line_->is_connected);
  EXPECT_EQ(line_->commands.back(), "00708001");
  deliver(octets("45"));
  EXPECT_TRUE(fetch().has_value());
  application_.reset();
  EXPECT_EQ(line_->commands.back(), "00708001");
}

INSTANTIATE_TEST_SUITE_P(Cards, Messages,
                         testing::Values(Kind{false, false}, Kind{true, false}, Kind{false, true}, Kind{true, true}));

class SecuredMessages : public Messages {};

TEST_P(SecuredMessages, AnAlteredAnswerEndsTheSessionAndNoMore) {
  deliver(octets("4402B60B2161FB63B13101300138"));
  deliver(octets("45"));
  line_->spoil = 31;  // the answer to INITIALIZE UPDATE
  EXPECT_EQ(application_->fetch().error().kind, CardError::Kind::Channel);
  EXPECT_EQ(fetch()->coap.size(), 14u);
  line_->spoil = 26;  // the second message is gone, and the session begun anew
  EXPECT_FALSE(fetch().has_value());
  deliver(octets("46"));
  EXPECT_EQ(fetch()->coap, octets("46"));
}

TEST_P(SecuredMessages, TakeNothingThatIsntProtected) {
  CardImage image = nordic_card();
  image.t0 = GetParam().t0;
  image.sms = sms_application();
  start(image);
  EXPECT_EQ(application_->fetch().error().kind, CardError::Kind::Refused);  // the card has no keys
  image.keys = session_keys();
  image.keys->mac = Secret<Bytes>(Bytes(16, 1));
  start(image);
  EXPECT_EQ(application_->fetch().error().kind, CardError::Kind::Channel);
  EXPECT_EQ(application_->send({"12345", octets("64")}).error().kind, CardError::Kind::Channel);
  for (const std::string& command : line_->commands) EXPECT_NE(command.substr(2, 2), "82");  // no EXTERNAL AUTHENTICATE
}

TEST_P(SecuredMessages, ShowNothingOnTheLine) {
  const Bytes coap = to_bytes("plaintext that nobody sees");
  deliver(coap);
  EXPECT_EQ(fetch()->coap, coap);
  ASSERT_TRUE(application_->send({"12345", coap}).has_value());
  for (const std::string& command : line_->commands) EXPECT_EQ(command.find(upper_hex(coap)), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Cards, SecuredMessages, testing::Values(Kind{false, true}, Kind{true, true}));

/// Says what a test wants to GET DATA and STORE DATA, and does as asked otherwise.
class Scripted final : public Terminal {
 public:
  CardResult<Bytes> connect() override { return octets("3B00"); }
  CardResult<Bytes> transmit(ByteView command) override {
    if (command[1] == ins::kManageChannel) return octets(command[2] == 0 ? "019000" : "9000");
    if (command[1] == ins::kSelect) return octets("9000");
    seen.push_back(upper_hex(command));
    if (answers.empty()) return octets("6A88");
    const Bytes answer = octets(answers.front());
    answers.pop_front();
    return answer;
  }
  void disconnect() override {}
  std::deque<std::string> answers;
  std::vector<std::string> seen;
};

TEST(MessagesOfOtherCards, AreReadOrRefused) {
  SplitMix rng(1);
  Scripted terminal;
  MessageSettings settings;
  settings.get_data_p1 = 0x01;
  settings.get_data_p2 = 0x42;
  settings.coap_tag = 0x0C;
  MessageApplication application(terminal, settings, rng);
  for (const char* nothing : {"6A88", "6A82", "6A83", "6985", "9000"}) {
    terminal.answers = {nothing};
    const auto message = application.fetch();
    EXPECT_TRUE(message.has_value() && !*message) << nothing;
  }
  EXPECT_EQ(terminal.seen[0], "81CA014200");
  // In parts, without a secure channel.
  terminal.answers = {"05912143F5" "0C0004AA" "9000", "BBCCDD" "9000"};
  const auto message = application.fetch();
  ASSERT_TRUE(message.has_value() && *message);
  EXPECT_EQ((*message)->coap, octets("AABBCCDD"));
  EXPECT_EQ(terminal.seen.back(), "81CA814200");
  for (const std::string wrong :
       {"05", "0591", "05912143F5", "05912143F50C", "05912143F50C00", "05912143F50C0001AABB", "05912143F50C0801AA",
        "FF912143F50C0001AA", "05912143F5050001AA"}) {
    terminal.answers = {wrong + "9000"};
    const auto refused = application.fetch();
    ASSERT_FALSE(refused.has_value()) << wrong;
    EXPECT_EQ(refused.error().kind, CardError::Kind::Malformed) << wrong;
  }
  terminal.answers = {"05912143F5" "0C0004AA" "9000", "6A88"};
  EXPECT_EQ(application.fetch().error().kind, CardError::Kind::Refused);
  terminal.answers = {"05912143F5" "0C0004AA" "9000", "9000"};
  EXPECT_EQ(application.fetch().error().kind, CardError::Kind::Malformed);
  terminal.answers = {"6581"};
  EXPECT_EQ(application.fetch().error().status, 0x6581);
}

TEST(MessagesOfOtherCards, BlocksAreNumberedAsTheSettingsSay) {
  SplitMix rng(1);
  Scripted terminal;
  MessageSettings settings;
  settings.store_data_p1 = 0x90;
  settings.store_data_p2 = 0x05;
  MessageApplication application(terminal, settings, rng);
  terminal.answers = {"9000", "9000", "9112"};
  ASSERT_TRUE(application.send({"12345", numbered(600)}).has_value());
  ASSERT_EQ(terminal.seen.size(), 3u);
  EXPECT_EQ(terminal.seen[0].substr(0, 26), "81E21005FF" "05812143F5" "050258");
  EXPECT_EQ(terminal.seen[1].substr(0, 10), "81E21006FF");
  EXPECT_EQ(terminal.seen[2].substr(0, 10), "81E2900762");
  EXPECT_TRUE(application.take_proactive());
  terminal.answers = {"9000", "6A84"};
  EXPECT_EQ(application.send({"12345", numbered(600)}).error().status, 0x6A84);
}

}  // namespace
}  // namespace drover::smartcard::uicc
