// SPDX-License-Identifier: Apache-2.0
// A TCP connection's bytes, cut into PDUs.
#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "sms/smpp/pdu.hpp"

namespace drover::sms::smpp {

/// Holds less than kPduMax octets between calls, once what is whole was polled.
class PduStream {
 public:
  void append(ByteView bytes);
  /// The next whole PDU, as it came. Nothing: more bytes are needed, or is_broken().
  std::optional<Bytes> poll();
  /// A command_length that no PDU has: nobody knows where the next one begins, the connection is of no use any more.
  [[nodiscard]] bool is_broken() const { return broken_; }
  void clear();

 private:
  Bytes bytes_;
  std::size_t read_ = 0;
  bool broken_ = false;
};

}  // namespace drover::sms::smpp
