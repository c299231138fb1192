// SPDX-License-Identifier: Apache-2.0
// The keys of associations in a file, so that a capture of them can be read: for debugging only.
#pragma once

#include <string>

#include "security/dtls/parameters.hpp"

namespace drover::device {

/// Appends lines of the NSS key log format, which Wireshark and tshark read (tls.keylog_file), to a file for its owner
/// only. Whoever has it reads all that was sent.
class KeyLog final : public security::dtls::Watcher {
 public:
  /// Warns in the log that it is there, or why it can't be written.
  explicit KeyLog(const std::string& file);
  ~KeyLog() override;
  KeyLog(const KeyLog&) = delete;
  KeyLog& operator=(const KeyLog&) = delete;

  void key_log(const Secret<std::string>& line) override;
  void sealed(std::uint64_t, std::uint64_t, ByteView) override {}

 private:
  int fd_ = -1;
};

}  // namespace drover::device
