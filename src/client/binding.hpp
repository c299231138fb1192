// SPDX-License-Identifier: Apache-2.0
// The ways to a device and whether it may be offline there: "Current Transport Binding and Mode" (Core §5.3.1.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace drover::client {

/// What a client has to offer a binding.
struct Transports {
  bool sms = false;        ///< short messages go out and come in
  bool sms_alone = false;  ///< and they are protected enough to be the only way (S, SQ)
  bool trigger = false;  ///< enabler 1.1 or later: UQT
};

/// One of Table 8.
struct Binding {
  bool udp = true;
  bool sms = false;           ///< requests may come by SMS at any time, or with S and SQ come that way only
  bool queue = false;         ///< of the transport that is named first: UDP, or in SQ short messages
  bool trigger_only = false;  ///< UQT: by SMS comes the Registration Update Trigger alone, and it isn't answered

  /// Registration, notifications and whatever else begins here go by SMS.
  [[nodiscard]] bool is_sms_alone() const { return !udp; }
  friend bool operator==(const Binding&, const Binding&) = default;
};

/// U, UQ, S, SQ, US, UQS or UQT; nothing for any other text (UQSQ and USQ aren't supported, says Core §5.3.1.1).
std::optional<Binding> parse_binding(std::string_view text);
/// A binding of Table 8 that these transports carry.
bool is_possible(const Binding& binding, const Transports& transports);
/// "U, UQ, S, SQ, US, UQS"
std::string possible_bindings(const Transports& transports);
/// What becomes of a binding where the server asks for more than there is ("decided by the Binding Resource and whether
/// SMS and Queue Mode are supported"): without SMS it is U or UQ.
std::string current_binding(std::string_view wanted, const Transports& transports);
/// "Supported Binding and Modes" (/3/0/16), a combination of "UQ" and "SQ" (Core E.4).
std::string supported_binding(const Transports& transports);
/// Of an enabler version as Register says it: 1.1 and later have UQT.
bool has_trigger(std::string_view version);

}  // namespace drover::client
