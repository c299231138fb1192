// SPDX-License-Identifier: Apache-2.0
// An ESME and an SMSC in lockstep, in virtual time.
#include "sms/smpp/esme.hpp"

#include <gtest/gtest.h>

namespace drover::sms::smpp {
namespace {

using namespace std::chrono_literals;

EsmeSettings settings() {
  EsmeSettings settings;
  settings.system_id = "drover";
  settings.password = Secret<std::string>("hunter2x");
  settings.service_number = "12345";
  settings.receipts = true;
  settings.window = 4;
  return settings;
}

Submission submission(std::uint64_t id, Duration validity = 5min) {
  return {SubmissionId{id}, {"491701110001", kPidDefault, kDcs8Bit, false, {0x44, 0x02}}, validity};
}

class EsmeTest : public testing::Test {
 protected:
  void open() {
    ASSERT_TRUE(esme_.wants_line());
    esme_.line_opened(now_);
    EXPECT_FALSE(esme_.wants_line());
  }
  /// What the ESME sent since.
  std::vector<Pdu> heard() {
    std::vector<Pdu> all;
    while (const auto bytes = esme_.poll_line_output()) all.push_back(decode(*bytes).value());
    return all;
  }
  Pdu one(Command command) {
    auto all = heard();
    EXPECT_EQ(all.size(), 1U);
    if (all.size() != 1) return {};
    EXPECT_EQ(all[0].command, command);
    return all[0];
  }
  void say(Pdu pdu) { esme_.line_received(now_, encode(pdu)); }
  void answer(const Pdu& request, std::uint32_t status = status::kOk, const std::string& message_id = "") {
    Pdu pdu{response_to(request.command), status, request.sequence, {}};
    if (request.command == Command::BindTransceiver) pdu.body = BindResp{"smsc"};
    if (request.command == Command::SubmitSm && status == status::kOk) pdu.body = MessageResp{message_id};
    say(pdu);
  }
  void bind() {
    open();
    answer(one(Command::BindTransceiver));
    ASSERT_TRUE(esme_.is_ready());
  }
  /// To the next deadline, which must be one of that kind.
  void step(Reason reason) {
    const auto deadline = esme_.deadline();
    ASSERT_TRUE(deadline.has_value());
    EXPECT_STREQ(to_string(deadline->reason), to_string(reason));
    now_ = std::max(now_, deadline->at);
    esme_.handle_timeout(now_);
  }
  void wait(Duration duration) {
    const Instant end = now_ + duration;
    for (auto next = esme_.deadline(); next && next->at <= end; next = esme_.deadline()) {
      now_ = std::max(now_, next->at);
      esme_.handle_timeout(now_);
    }
    now_ = end;
  }
  Report report() {
    const auto report = esme_.poll_report();
    EXPECT_TRUE(report.has_value());
    return report.value_or(Report{});
  }
  void deliver(Message message, std::uint32_t sequence = 70) {
    Pdu pdu{Command::DeliverSm, 0, sequence, {}};
    pdu.body = std::move(message);
    say(pdu);
  }
  static Message from(const std::string& number, Bytes user_data = {0x64, 0x44}) {
    Message message;
    message.source = {kTonInternational, kNpiIsdn, number};
    message.destination = {kTonUnknown, kNpiIsdn, "12345"};
    message.data_coding = kDcs8Bit;
    message.short_message = std::move(user_data);
    return message;
  }
  Message receipt(const std::string& id, const std::string& stat) {
    const std::string text = "id:" + id + " sub:001 dlvrd:001 submit date:2611272300 done date:2611272301 stat:" + stat;
    Message message = from("491701110001", to_bytes(text + " err:000 text:"));
    message.esm_class = kEsmReceipt;
    return message;
  }

  Instant now_{};
  SplitMix rng_{1};
  Esme esme_{settings(), rng_};
};

TEST_F(EsmeTest, BindsAsTransceiverWithTheServersNumber) {
  open();
  const Pdu pdu = one(Command::BindTransceiver);
  const auto& bind = std::get<Bind>(pdu.body);
  EXPECT_EQ(bind.system_id, "drover");
  EXPECT_EQ(bind.password.reveal(), "hunter2x");
  EXPECT_EQ(bind.interface_version, 0x34);
  EXPECT_FALSE(esme_.is_ready());
  answer(pdu);
  EXPECT_TRUE(esme_.is_ready());
  EXPECT_EQ(esme_.state(), "bound");
}

TEST_F(EsmeTest, SubmitSmHasWhatTheMessageHas) {
  bind();
  Submission packet = submission(7);
  packet.message = {"+491701110001", kPidUsimDataDownload, kDcs8BitClass2, true, {0x02, 0x70, 0x00, 0x01}};
  esme_.submit(now_, packet);
  const Pdu pdu = one(Command::SubmitSm);
  const auto& message = std::get<Message>(pdu.body);
  EXPECT_EQ(message.source, (Address{1, 1, "12345"}));
  EXPECT_EQ(message.destination, (Address{1, 1, "491701110001"}));
  EXPECT_EQ(message.esm_class, 0x40);
  EXPECT_EQ(message.protocol_id, 0x7F);
  EXPECT_EQ(message.data_coding, 0xF6);
  EXPECT_EQ(message.validity, "000000000500000R");
  EXPECT_EQ(message.registered_delivery, 1);
  EXPECT_EQ(message.short_message, packet.message.user_data);
  EXPECT_FALSE(esme_.poll_report().has_value());
  answer(pdu, status::kOk, "m1");
  const Report taken = report();
  EXPECT_EQ(taken.id, SubmissionId{7});
  EXPECT_EQ(taken.what, Report::What::Taken);
  EXPECT_EQ(esme_.counters().sent, 1U);
}

TEST_F(EsmeTest, WaitsForTheLineWithWhatIsSubmitted) {
  esme_.submit(now_, submission(1));
  open();
  const Pdu bind = one(Command::BindTransceiver);
  answer(bind);
  one(Command::SubmitSm);
}

TEST_F(EsmeTest, ReceiptsSayDeliveredOrLost) {
  bind();
  for (const std::uint64_t id : {1U, 2U, 3U}) {
    esme_.submit(now_, submission(id));
    answer(one(Command::SubmitSm), status::kOk, "m" + std::to_string(id));
    EXPECT_EQ(report().what, Report::What::Taken);
  }
  deliver(receipt("m2", "DELIVRD"));
  EXPECT_EQ(one(Command::DeliverSmResp).status, status::kOk);
  const Report delivered = report();
  EXPECT_EQ(delivered.id, SubmissionId{2});
  EXPECT_EQ(delivered.what, Report::What::Delivered);

  Message by_parameters = from("491701110001", {});
  by_parameters.esm_class = kEsmReceipt;
  by_parameters.tlvs = {{tag::kReceiptedMessageId, to_bytes("m1")}, {tag::kMessageState, {3}}};
  deliver(by_parameters);
  const Report lost = report();
  EXPECT_EQ(lost.id, SubmissionId{1});
  EXPECT_EQ(lost.what, Report::What::Lost);
  EXPECT_EQ(lost.reason, "EXPIRED");

  deliver(receipt("m3", "ENROUTE"));
  deliver(receipt("m2", "DELIVRD"));  // again
  deliver(receipt("stranger", "DELIVRD"));
  EXPECT_FALSE(esme_.poll_report().has_value());
  EXPECT_FALSE(esme_.poll_delivery().has_value());
}

TEST_F(EsmeTest, ReceiptMayOvertakeTheResponse) {
  bind();
  esme_.submit(now_, submission(1));
  const Pdu submit = one(Command::SubmitSm);
  deliver(receipt("m1", "DELIVRD"));
  EXPECT_FALSE(esme_.poll_report().has_value());
  answer(submit, status::kOk, "m1");
  EXPECT_EQ(report().what, Report::What::Taken);
  EXPECT_EQ(report().what, Report::What::Delivered);
}

TEST_F(EsmeTest, ReceiptsAreForgottenInTime) {
  bind();
  esme_.submit(now_, submission(1));
  answer(one(Command::SubmitSm), status::kOk, "m1");
  EXPECT_EQ(report().what, Report::What::Taken);
  for (int i = 0; i < 300; ++i) {  // somebody is there all the time
    wait(20s);
    say({Command::EnquireLink, 0, 9, {}});
  }
  deliver(receipt("m1", "DELIVRD"));
  EXPECT_FALSE(esme_.poll_report().has_value());
}

TEST_F(EsmeTest, DeliverSmIsAnsweredAndHandedOver) {
  bind();
  Message message = from("+491701110001", {0x05, 0x00, 0x03, 0x01, 0x02, 0x01, 0x64});
  message.esm_class = 0x40;
  message.protocol_id = 0x7F;
  message.data_coding = 0xF6;
  deliver(message, 42);
  const Pdu response = one(Command::DeliverSmResp);
  EXPECT_EQ(response.status, status::kOk);
  EXPECT_EQ(response.sequence, 42U);
  const auto delivery = esme_.poll_delivery();
  EXPECT_EQ(delivery, (ShortMessage{"491701110001", 0x7F, 0xF6, true, message.short_message}));
}

TEST_F(EsmeTest, MessagePayloadIsUserData) {
  bind();
  Message message = from("491701110001", {});
  message.tlvs = {{0x1500, {1, 2}}, {tag::kMessagePayload, {0x64, 0x45}}};
  deliver(message);
  const auto delivery = esme_.poll_delivery();
  ASSERT_TRUE(delivery.has_value());
  EXPECT_EQ(delivery->user_data, (Bytes{0x64, 0x45}));
}

TEST_F(EsmeTest, WhatIsNoShortMessageOfASubscriberIsDropped) {
  bind();
  deliver(from("Bank"));
  EXPECT_EQ(one(Command::DeliverSmResp).status, status::kOk);
  deliver(from("491701110001", Bytes(141)));
  EXPECT_EQ(one(Command::DeliverSmResp).status, status::kInvalidMessageLength);
  Message sar = from("491701110001");
  sar.tlvs = {{tag::kSarReference, {0, 1}}};
  deliver(sar);
  Message acknowledgement = from("491701110001");
  acknowledgement.esm_class = 0x08;
  deliver(acknowledgement);
  EXPECT_FALSE(esme_.poll_delivery().has_value());
  Message text = from("491701110001", to_bytes("hello"));
  text.data_coding = 0;
  deliver(text);
  EXPECT_FALSE(esme_.poll_delivery().has_value());
  EXPECT_EQ(esme_.counters().malformed, 2U);
  EXPECT_EQ(esme_.counters().foreign, 2U);
}

TEST_F(EsmeTest, AFullQueueIsToldTheSmsc) {
  bind();
  for (std::size_t i = 0; i < kDeliveriesMax; ++i) deliver(from("491701110001"));
  heard();
  deliver(from("491701110001"));
  EXPECT_EQ(one(Command::DeliverSmResp).status, status::kTemporaryReceiverError);
}

TEST_F(EsmeTest, TheWindowIsKept) {
  bind();
  for (std::uint64_t id = 1; id <= 6; ++id) esme_.submit(now_, submission(id));
  const auto first = heard();
  ASSERT_EQ(first.size(), 4U);
  answer(first[1], status::kOk, "b");
  EXPECT_EQ(heard().size(), 1U);
  answer(first[0], status::kOk, "a");
  EXPECT_EQ(heard().size(), 1U);
  EXPECT_EQ(report().id, SubmissionId{2});
  EXPECT_EQ(report().id, SubmissionId{1});
}

TEST_F(EsmeTest, ThrottledIsTriedAgainAfterAWaitThatGrows) {
  bind();
  esme_.submit(now_, submission(1));
  Duration before{};
  for (int i = 0; i < 4; ++i) {
    answer(one(Command::SubmitSm), i % 2 == 0 ? status::kThrottled : status::kMessageQueueFull);
    EXPECT_TRUE(heard().empty());
    EXPECT_FALSE(esme_.poll_report().has_value());
    const Instant from = now_;
    step(Reason::Line);
    EXPECT_GE(now_ - from, before);
    before = now_ - from;
  }
  EXPECT_GE(before, 4s);
  answer(one(Command::SubmitSm), status::kOk, "m");
  EXPECT_EQ(report().what, Report::What::Taken);
  EXPECT_EQ(esme_.counters().retried, 4U);
}

TEST_F(EsmeTest, ThrottledHoldsBackTheOthersToo) {
  bind();
  esme_.submit(now_, submission(1));
  answer(one(Command::SubmitSm), status::kThrottled);
  esme_.submit(now_, submission(2));
  EXPECT_TRUE(heard().empty());
  EXPECT_EQ(esme_.state(), "bound, and held back by the SMSC");
  step(Reason::Line);
  EXPECT_EQ(heard().size(), 2U);
}

TEST_F(EsmeTest, ThrottledForAsLongAsItIsValidFails) {
  bind();
  esme_.submit(now_, submission(1, 10s));
  for (int i = 0; i < 20; ++i) {
    const auto all = heard();
    if (!all.empty()) answer(all[0], status::kThrottled);
    if (const auto failed = esme_.poll_report()) {
      EXPECT_EQ(failed->what, Report::What::Failed);
      EXPECT_EQ(failed->reason, "ESME_RTHROTTLED for as long as it was valid");
      EXPECT_LE(now_, Instant{} + 10s);
      return;
    }
    step(Reason::Line);
  }
  FAIL() << "no report";
}

TEST_F(EsmeTest, OtherRefusalsFailWithTheirName) {
  bind();
  esme_.submit(now_, submission(1));
  answer(one(Command::SubmitSm), status::kInvalidDestination);
  const Report failed = report();
  EXPECT_EQ(failed.what, Report::What::Failed);
  EXPECT_EQ(failed.reason, "ESME_RINVDSTADR");
  esme_.submit(now_, submission(2));
  const Pdu submit = one(Command::SubmitSm);
  say({Command::GenericNack, status::kInvalidCommand, submit.sequence, {}});
  EXPECT_EQ(report().reason, "ESME_RINVCMDID");
}

TEST_F(EsmeTest, WhatCantBeSentFailsAtOnce) {
  Submission large = submission(1);
  large.message.user_data.resize(141);
  esme_.submit(now_, large);
  EXPECT_EQ(report().reason, "too large for a short message");
  Submission nobody = submission(2);
  nobody.message.msisdn = "gateway";
  esme_.submit(now_, nobody);
  EXPECT_EQ(report().reason, "not the number of a subscriber");
  for (std::uint64_t id = 0; id < kSubmissionsMax; ++id) esme_.submit(now_, submission(id));
  EXPECT_FALSE(esme_.poll_report().has_value());
  esme_.submit(now_, submission(9999));
  EXPECT_EQ(report().reason, "queue full");
}

TEST_F(EsmeTest, ValidityEndsWithoutALine) {
  esme_.submit(now_, submission(1, 1min));
  step(Reason::ExchangeEnd);
  EXPECT_EQ(now_, Instant{} + 1min);
  const Report failed = report();
  EXPECT_EQ(failed.what, Report::What::Failed);
  EXPECT_NE(failed.reason.find("not sent for as long as it was valid"), std::string::npos);
}

TEST_F(EsmeTest, ALateAnswerChangesNothing) {
  bind();
  esme_.submit(now_, submission(1, 2s));
  const Pdu submit = one(Command::SubmitSm);
  step(Reason::ExchangeEnd);
  EXPECT_EQ(report().what, Report::What::Failed);
  answer(submit, status::kOk, "m1");
  answer(submit, status::kOk, "m1");
  EXPECT_FALSE(esme_.poll_report().has_value());
}

TEST_F(EsmeTest, SubmissionsOutliveALineThatBreaks) {
  bind();
  for (std::uint64_t id = 1; id <= 3; ++id) esme_.submit(now_, submission(id));
  const auto first = heard();
  answer(first[1], status::kOk, "b");
  EXPECT_EQ(report().id, SubmissionId{2});
  esme_.line_closed(now_, "connection reset");
  EXPECT_FALSE(esme_.wants_line());
  EXPECT_EQ(esme_.state(), "waits to connect to the SMSC again: connection reset");
  step(Reason::Line);
  bind();
  const auto again = heard();
  ASSERT_EQ(again.size(), 2U);
  answer(again[0], status::kOk, "a");
  EXPECT_EQ(report().id, SubmissionId{1});
  answer(again[1], status::kOk, "c");
  EXPECT_EQ(report().id, SubmissionId{3});
  EXPECT_EQ(esme_.counters().restarts, 1U);
  EXPECT_EQ(esme_.counters().retried, 2U);
}

TEST_F(EsmeTest, ConnectsAgainAfterWaitsThatGrowAndAreDrawn) {
  std::vector<Duration> waits;
  for (int i = 0; i < 9; ++i) {
    ASSERT_TRUE(esme_.wants_line());
    esme_.line_closed(now_, "refused");
    const Instant from = now_;
    step(Reason::Line);
    waits.push_back(now_ - from);
  }
  EXPECT_GE(waits[0], 500ms);
  EXPECT_LE(waits[0], 1s);
  EXPECT_GE(waits[5], 16s);
  EXPECT_GE(waits[8], 30s);
  EXPECT_LE(waits[8], 1min);
  SplitMix other(2);
  Esme another(settings(), other);
  another.line_closed(Instant{}, "refused");
  EXPECT_NE(another.deadline()->at, Instant{} + waits[0]);
}

TEST_F(EsmeTest, ARefusedBindWaitsLonger) {
  open();
  answer(one(Command::BindTransceiver), status::kInvalidPassword);
  EXPECT_TRUE(esme_.wants_line_closed());
  EXPECT_FALSE(esme_.is_ready());
  esme_.line_closed(now_, "closed by us");
  EXPECT_EQ(esme_.state(), "waits to connect to the SMSC again: the SMSC refuses us: ESME_RINVPASWD");
  step(Reason::Line);
  EXPECT_GE(now_ - Instant{}, 1min);
  EXPECT_TRUE(esme_.wants_line());
}

TEST_F(EsmeTest, EnquiresAfterSilenceAndClosesTheLineWithoutAnAnswer) {
  bind();
  wait(20s);
  deliver(from("491701110001"));  // a sign of life
  heard();
  step(Reason::Line);
  EXPECT_EQ(now_, Instant{} + 50s);
  answer(one(Command::EnquireLink));
  EXPECT_TRUE(esme_.is_ready());
  step(Reason::Line);
  one(Command::EnquireLink);
  step(Reason::Line);
  EXPECT_TRUE(esme_.wants_line_closed());
  EXPECT_NE(esme_.state().find("the SMSC doesn't answer"), std::string::npos);
}

TEST_F(EsmeTest, AMessageThatIsNeverAnsweredFails) {
  esme_.submit(now_, submission(1, 1h));
  for (unsigned i = 0; i < kUnansweredMax; ++i) {
    EXPECT_FALSE(esme_.poll_report().has_value());
    open();
    answer(heard().at(0));
    for (int minute = 0; minute < 10 && !esme_.wants_line_closed(); ++minute) {
      const auto next = esme_.deadline();
      now_ = next->at;
      esme_.handle_timeout(now_);
      for (const Pdu& pdu : heard()) {
        if (pdu.command == Command::EnquireLink) answer(pdu);
      }
    }
    ASSERT_TRUE(esme_.wants_line_closed());
    esme_.line_closed(now_, "closed");
    step(Reason::Line);
  }
  EXPECT_EQ(report().reason, "the SMSC doesn't answer");
}

TEST_F(EsmeTest, AnswersTheSmsc) {
  bind();
  say({Command::EnquireLink, 0, 5, {}});
  EXPECT_EQ(one(Command::EnquireLinkResp).sequence, 5U);
  Pdu data_sm{static_cast<Command>(0x103), 0, 6, Unknown{}};
  say(data_sm);
  EXPECT_EQ(one(Command::GenericNack).status, status::kInvalidCommand);
  say({Command::Unbind, 0, 7, {}});
  EXPECT_EQ(one(Command::UnbindResp).sequence, 7U);
  EXPECT_TRUE(esme_.wants_line_closed());
}

TEST_F(EsmeTest, MalformedPdusAreNacked) {
  bind();
  esme_.line_received(now_, from_hex("00000011" "00000005" "00000000" "00000008" "41").value());
  const Pdu nack = one(Command::GenericNack);
  EXPECT_EQ(nack.sequence, 8U);
  EXPECT_EQ(nack.status, status::kInvalidCommandLength);
  EXPECT_TRUE(esme_.is_ready());
  esme_.line_received(now_, to_bytes("HTTP/1.1 400 Bad"));
  EXPECT_TRUE(esme_.wants_line_closed());
}

TEST_F(EsmeTest, AnswersToNothingAreIgnored) {
  bind();
  say({Command::SubmitSmResp, 0, 99, MessageResp{"x"}});
  esme_.submit(now_, submission(1));
  const Pdu submit = one(Command::SubmitSm);
  say({Command::EnquireLinkResp, 0, submit.sequence, {}});
  EXPECT_FALSE(esme_.poll_report().has_value());
  answer(submit, status::kOk, "m");
  EXPECT_EQ(report().what, Report::What::Taken);
}

TEST_F(EsmeTest, AnOrderlyEndUnbinds) {
  bind();
  esme_.submit(now_, submission(1));
  const Pdu submit = one(Command::SubmitSm);
  esme_.unbind(now_);
  const Pdu unbind = one(Command::Unbind);
  answer(submit, status::kOk, "m");
  EXPECT_EQ(report().what, Report::What::Taken);
  answer(unbind);
  EXPECT_TRUE(esme_.wants_line_closed());
  esme_.line_closed(now_, "closed");
  EXPECT_FALSE(esme_.wants_line());
  EXPECT_TRUE(esme_.is_over());
  EXPECT_FALSE(esme_.deadline().has_value());
  esme_.submit(now_, submission(2));
  EXPECT_EQ(report().what, Report::What::Failed);
}

TEST_F(EsmeTest, AnEndThatIsntAnsweredEndsToo) {
  bind();
  for (std::uint64_t id = 1; id <= 6; ++id) esme_.submit(now_, submission(id));
  esme_.unbind(now_);
  EXPECT_EQ(report().id, SubmissionId{5});
  EXPECT_EQ(report().id, SubmissionId{6});
  step(Reason::Line);
  EXPECT_TRUE(esme_.wants_line_closed());
  esme_.line_closed(now_, "closed");
  EXPECT_TRUE(esme_.is_over());
  for (std::uint64_t id = 1; id <= 4; ++id) {
    const Report failed = report();
    EXPECT_EQ(failed.id, SubmissionId{id});
    EXPECT_EQ(failed.what, Report::What::Failed);
  }
}

TEST_F(EsmeTest, ThePasswordIsInTheBindAlone) {
  const std::string password = settings().password.reveal();
  const auto shows = [&](const std::string& text) { return text.find(password) != std::string::npos; };
  open();
  const auto bytes = esme_.poll_line_output();
  EXPECT_TRUE(shows(std::string(as_text(*bytes))));
  const Pdu pdu = decode(*bytes).value();
  EXPECT_FALSE(shows(esme_.state()));
  answer(pdu, status::kInvalidPassword);
  EXPECT_FALSE(shows(esme_.state()));
  esme_.submit(now_, submission(1, 1s));
  now_ += 1s;
  esme_.handle_timeout(now_);
  EXPECT_FALSE(shows(report().reason));
}

TEST(EsmeSettings, WhatDoesntFitItsFieldIsNamed) {
  const auto reason = [](auto&& change) {
    EsmeSettings changed = settings();
    change(changed);
    const auto checked = changed.check();
    return checked ? std::string() : checked.error().reason;
  };
  EXPECT_EQ(reason([](EsmeSettings&) {}), "");
  EXPECT_EQ(reason([](EsmeSettings& s) { s.system_id = ""; }), "an SMSC wants a system id");
  EXPECT_NE(reason([](EsmeSettings& s) { s.system_id = "0123456789abcdef"; }).find("system id"), std::string::npos);
  const std::string long_password = reason([](EsmeSettings& s) { s.password = Secret<std::string>("ninechars"); });
  EXPECT_NE(long_password.find("a password has at most 8"), std::string::npos);
  EXPECT_EQ(long_password.find("ninechars"), std::string::npos);
  EXPECT_NE(reason([](EsmeSettings& s) { s.service_number = "+12345"; }), "");
  EXPECT_NE(reason([](EsmeSettings& s) { s.window = 0; }), "");
  EXPECT_NE(reason([](EsmeSettings& s) { s.system_type = "thirteen_char"; }), "");
}

}  // namespace
}  // namespace drover::sms::smpp
