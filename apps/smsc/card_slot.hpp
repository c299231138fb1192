// SPDX-License-Identifier: Apache-2.0
// A modem and the card in it: what the modem does for the card's applications (ETSI TS 102 223; 3GPP TS 31.111 §7.1.1),
// and what its host may do with the card (3GPP TS 27.007 §8.17, §8.43, §8.45, §8.46). Sans-IO.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "smartcard/toolkit.hpp"
#include "smartcard/uicc/uicc.hpp"
#include "sms/tpdu.hpp"

namespace drover::smsc {

class CardSlot {
 public:
  /// nullptr: taken out. What the card before wanted sent is forgotten.
  void insert(std::unique_ptr<smartcard::uicc::Uicc> card);
  [[nodiscard]] bool has_card() const { return card_ != nullptr; }
  /// Power on: the card is reset, its sessions are gone.
  void reset();

  /// What became of a SMS-DELIVER for an application of the card.
  enum class Taken : std::uint8_t {
    Yes,
    Busy,     ///< it can't at the moment
    Refused,  ///< for good
    NotForIt,  ///< nothing on it takes short messages: they are stored as any other of class 2
  };
  Taken deliver(ByteView tpdu, const std::string& service_centre);

  /// What the card wants sent; answer it with submitted().
  std::optional<sms::tpdu::Submit> poll_submit();
  enum class Sent : std::uint8_t { Yes, NotNow, Never };
  void submitted(Sent sent);
  /// The card is asked whether it wants something, as a modem does from time to time (TS 102 221 §11.1.2, STATUS).
  void ask();

  /// Arguments of AT+CSIM, AT+CCHO, AT+CGLA, AT+CCHC, behind "=". The line of the answer ("" for OK alone), or the code
  /// of +CME ERROR (§9.2).
  using Answer = tl::expected<std::string, unsigned>;
  Answer pass(const std::string& arguments);
  Answer open(const std::string& arguments);
  Answer pass_on_channel(const std::string& arguments);
  Answer close(const std::string& arguments);

 private:
  static constexpr std::size_t kChannelsEnd = 4;

  tl::expected<Bytes, unsigned> exchange(const std::string& length, const std::string& quoted,
                                         std::optional<std::uint8_t> channel);
  Bytes command(std::uint8_t cla, std::uint8_t ins, std::uint8_t p1, std::uint8_t p2, ByteView data, bool answered);
  void fetch();
  void answer(std::uint8_t result);

  std::unique_ptr<smartcard::uicc::Uicc> card_;
  smartcard::uicc::MemoryTerminal terminal_;
  std::array<bool, kChannelsEnd> opened_{};  ///< by AT+CCHO; the number is the channel's
  std::optional<smartcard::toolkit::ProactiveCommand> proactive_;  ///< fetched and not answered
  std::deque<sms::tpdu::Submit> submits_;
};

}  // namespace drover::smsc
