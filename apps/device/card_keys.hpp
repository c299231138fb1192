// SPDX-License-Identifier: Apache-2.0
// The keys of a card's secure channel, as files of this project's programs give them.
#pragma once

#include <string>
#include <vector>

#include "apps/device/section.hpp"
#include "smartcard/scp03.hpp"

namespace drover::device {

/// Of `secure_channel = { ... }` or `[secure_channel]`, whose other keys are the caller's:
///   key_file:       lines ENC = ..., MAC = ... and DEK = ..., hex digits; what is behind '#' is a remark
///   enc, mac, dek:  the same one by one, or enc_file, mac_file, dek_file; dek may be missing
///   version:        key version number, 0 to 127; 0: the card chooses
/// Files are relative to `folder`; those with secrets are added to `key_files`. What can't be read is a Mistake with its
/// line, which never quotes a key.
smartcard::scp03::Keys read_channel_keys(Section& section, const std::string& folder, std::vector<std::string>& key_files);

}  // namespace drover::device
