// SPDX-License-Identifier: Apache-2.0
// A short message as a value, whichever carrier moves it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "base/id.hpp"
#include "base/time.hpp"

namespace drover::sms {

/// TP-UD in octets, header included, with 8-bit data (3GPP TS 23.040 §9.2.3.16).
inline constexpr std::size_t kUserDataMax = 140;

/// TP-PID (3GPP TS 23.040 §9.2.3.9).
inline constexpr std::uint8_t kPidDefault = 0x00;
inline constexpr std::uint8_t kPidUsimDataDownload = 0x7F;
/// TP-DCS (3GPP TS 23.038 §4).
inline constexpr std::uint8_t kDcs8Bit = 0x04;        ///< no class: handed to the terminal
inline constexpr std::uint8_t kDcs8BitClass2 = 0xF6;  ///< for the UICC

/// What a SUBMIT and a DELIVER have in common.
struct ShortMessage {
  std::string msisdn;  ///< digits of the other side (3GPP TS 23.003: no "+"): TP-DA of what is sent, TP-OA of what came
  std::uint8_t pid = kPidDefault;
  std::uint8_t dcs = kDcs8Bit;
  bool has_header = false;  ///< TP-UDHI: `user_data` begins with a header
  Bytes user_data = {};     ///< TP-UD, at most kUserDataMax octets

  friend bool operator==(const ShortMessage&, const ShortMessage&) = default;
};

/// Names a short message towards its carrier; chosen by who sends it.
using SubmissionId = Id<struct SubmissionTag, std::uint64_t>;

struct Submission {
  SubmissionId id;
  ShortMessage message;
  Duration validity = std::chrono::minutes(5);  ///< TP-VP: the network may throw it away afterwards
};

/// What became of a submission. A carrier says Taken or Failed exactly once, and where the network tells, one more:
/// Delivered or Lost.
struct Report {
  enum class What : std::uint8_t {
    Taken,      ///< by the network
    Failed,     ///< not sent: refused for good, or tried in vain for as long as it was valid
    Delivered,  ///< to its receiver (SMS-STATUS-REPORT, or a receipt of the SMSC)
    Lost,       ///< given up by the network
  };
  SubmissionId id;
  What what{};
  std::string reason{};  ///< of Failed and Lost: "+CMS ERROR 38", "ESME_RINVDSTADR"
};

}  // namespace drover::sms
