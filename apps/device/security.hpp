// SPDX-License-Identifier: Apache-2.0
// The keys of a server account, as the configuration file gives them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/device/section.hpp"
#include "base/result.hpp"
#include "client/security_values.hpp"
#include "client/sms_values.hpp"

namespace drover::device {

/// Reads `[security]`, or `security = { ... }` of a [[server]]:
///   mode = "psk":   identity, and key (hex digits, or "base64:...") or key_file with such a text
///   mode = "rpk":   public_key_file, private_key_file, server_public_key_file
///   mode = "x509":  certificate_file (with those above it), private_key_file, trust_anchor_file (or the server's own)
/// Files are PEM or DER, relative to `folder`; those with secrets are added to `key_files`. What can't be read is a
/// Mistake with its line, which never quotes a key.
client::SecurityValues read_security(Section section, const std::string& folder, std::vector<std::string>& key_files);

/// `sms = { ... }` of a [[server]]:
///   number:      the server's, with or without '+'
///   mode:        "device" (1), "smartcard" (2) or "nosec" (3)
///   identity:    of the pre-shared key, or `parameters` of secured packets as 12 or 14 hex digits (KIc, KID, SPI, TAR)
///   key:         hex digits or "base64:...", or key_file with such a text: the pre-shared key, or the packets' keys
client::SmsValues read_server_sms(Section section, const std::string& folder, std::vector<std::string>& key_files);

/// The PIN in `file`, 4 to 8 digits; a Mistake of `pin_file` otherwise.
Secret<std::string> read_pin(const Section& section, const std::string& file);

/// A key as hex digits or "base64:...", blanks around it ignored.
Result<Secret<Bytes>> parse_key(std::string_view text);
/// What a file with such a text holds.
Result<Secret<Bytes>> read_key(const std::string& file);
/// The DER of every block of a PEM file whose label ends with `label` ("CERTIFICATE", "PRIVATE KEY"), one behind the
/// other, or the file itself when it is DER.
Result<Bytes> read_der(const std::string& file, std::string_view label);

}  // namespace drover::device
