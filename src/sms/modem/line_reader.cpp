// SPDX-License-Identifier: Apache-2.0
#include "sms/modem/line_reader.hpp"

#include <utility>

namespace drover::sms::modem {

LineReader::Found LineReader::take(std::uint8_t octet, bool prompt) {
  if (octet == '\r' || octet == '\n') {
    if (bad_) {
      ++dropped_;
      restart();
    }
    return text_.empty() ? Found::Nothing : Found::Line;
  }
  if (bad_ || octet < ' ') return Found::Nothing;
  if (octet > '~' || text_.size() == kLineMax) {
    bad_ = true;
    text_.clear();
    return Found::Nothing;
  }
  if (text_.empty() && octet == ' ') return Found::Nothing;
  if (text_.empty() && octet == '>' && prompt) return Found::Prompt;
  text_.push_back(static_cast<char>(octet));
  return Found::Nothing;
}

std::string LineReader::line() {
  while (!text_.empty() && text_.back() == ' ') text_.pop_back();
  return std::exchange(text_, {});
}

void LineReader::restart() {
  text_.clear();
  bad_ = false;
}

}  // namespace drover::sms::modem
