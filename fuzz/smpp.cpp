// SPDX-License-Identifier: Apache-2.0
// SMPP: the first byte chooses. PDUs that are read are written as they came; an ESME that is bound, or binds, lives
// through whatever an SMSC says, ends each submission once, and keeps its queues within their limits.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "sms/smpp/esme.hpp"

using namespace drover;
using namespace drover::sms;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// Commands whose PDU has nothing that is skipped.
bool is_kept_whole(const smpp::Pdu& pdu) {
  return std::holds_alternative<smpp::BindResp>(pdu.body) || std::holds_alternative<smpp::Message>(pdu.body) ||
         std::holds_alternative<smpp::MessageResp>(pdu.body);
}

void check_codec(ByteView bytes) {
  smpp::PduStream stream;
  stream.append(bytes);
  while (const auto whole = stream.poll()) {
    const auto pdu = smpp::decode(*whole);
    if (!pdu) continue;
    const Bytes again = smpp::encode(*pdu);
    if (is_kept_whole(*pdu) && whole->size() > smpp::kHeaderSize) require(again == *whole);
    require(smpp::decode(again).has_value() || pdu->status != smpp::status::kOk);
    if (const auto* message = std::get_if<smpp::Message>(&pdu->body)) {
      static_cast<void>(smpp::read_receipt(*message));
      static_cast<void>(smpp::read_time(message->validity, 1'700'000'000));
    }
  }
}

class Session {
 public:
  Session() : esme_(settings(), rng_) {
    for (std::uint64_t id = 1; id <= 4; ++id) {
      esme_.submit(now_, {SubmissionId{id}, {"491701110001", 0, 4, false, {1, 2, 3}}, std::chrono::minutes(5)});
    }
  }
  void run(ByteView bytes) {
    while (!bytes.empty()) {
      if (esme_.wants_line()) esme_.line_opened(now_);
      const std::size_t length = std::min<std::size_t>(bytes[0] & 0x7FU, bytes.size() - 1);
      if ((bytes[0] & 0x80U) != 0) wait();
      esme_.line_received(now_, bytes.subspan(1, length));
      bytes = bytes.subspan(1 + length);
      drain();
    }
    for (int i = 0; i < 1000 && taken_.size() < 4; ++i) {
      if (esme_.wants_line()) esme_.line_closed(now_, "no line");
      wait();
      drain();
    }
    require(taken_.size() == 4);
  }

 private:
  static smpp::EsmeSettings settings() {
    smpp::EsmeSettings settings;
    settings.system_id = "fuzz";
    settings.receipts = true;
    settings.window = 2;
    return settings;
  }
  void wait() {
    const auto deadline = esme_.deadline();
    if (!deadline) return;
    now_ = std::max(now_, deadline->at);
    esme_.handle_timeout(now_);
  }
  void drain() {
    while (const auto bytes = esme_.poll_line_output()) require(smpp::decode(*bytes).has_value());
    while (const auto report = esme_.poll_report()) {
      if (report->what == Report::What::Taken || report->what == Report::What::Failed) {
        require(++taken_[report->id] == 1);
      } else {
        require(taken_[report->id] == 1);
      }
    }
    while (const auto delivery = esme_.poll_delivery()) require(delivery->user_data.size() <= kUserDataMax);
    if (esme_.wants_line_closed()) esme_.line_closed(now_, "closed");
  }

  Instant now_{};
  SplitMix rng_{7};
  smpp::Esme esme_;
  std::map<SubmissionId, int> taken_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    check_codec(rest);
  } else {
    Session().run(rest);
  }
  return 0;
}
