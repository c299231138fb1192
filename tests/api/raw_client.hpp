// SPDX-License-Identifier: Apache-2.0
// A TCP connection to a loopback port that sends what a test wants, well-formed or not. Every wait ends after ten
// seconds.
#pragma once

#include <string>
#include <string_view>

namespace drover::api::test {

class RawClient {
 public:
  /// `receive_buffer`: SO_RCVBUF, for slow readers; 0 leaves it.
  explicit RawClient(int port, int receive_buffer = 0);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  [[nodiscard]] bool connected() const { return fd_ >= 0; }
  /// False when the peer has closed.
  bool send(std::string_view text);
  /// Reads until `text` has come; what came up to its end. "" when it never came.
  std::string read_through(std::string_view text);
  /// Reads until the peer closes.
  std::string read_all();
  /// The last wait ended without a byte and without the peer's end.
  [[nodiscard]] bool timed_out() const { return timed_out_; }
  /// All that came so far and wasn't taken.
  [[nodiscard]] const std::string& rest() const { return buffer_; }

 private:
  bool fill();
  int fd_ = -1;
  bool timed_out_ = false;
  std::string buffer_;
};

/// Status code of a response's first line, 0 when it is none.
int status_of(std::string_view response);

}  // namespace drover::api::test
