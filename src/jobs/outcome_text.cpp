// SPDX-License-Identifier: Apache-2.0
#include "jobs/outcome_text.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace drover::jobs {

namespace {

using server::NoAnswer;

const char* text_of(NoAnswer why) {
  switch (why) {
    case NoAnswer::NotRegistered: return "it isn't registered";
    case NoAnswer::Timeout: return "it didn't answer; it may have been carried out";
    case NoAnswer::Reset: return "it answered with a Reset";
    case NoAnswer::Malformed: return "its answer was malformed";
    case NoAnswer::TooLarge: return "its answer was too large";
    case NoAnswer::Refused: return "the server couldn't send it";
    case NoAnswer::Gone: return "its registration ended";
    case NoAnswer::QueueFull: return "too much waits for it already";
    case NoAnswer::Expired: return "it wasn't done in time";
    case NoAnswer::Cancelled: return "it was taken back";
    case NoAnswer::Unreachable: return "there is no such way to it";
  }
  return "";
}

/// RFC 7252 §12.1.2: three bits of class, five of detail.
std::string code_text(std::uint8_t code) {
  if (code == 0) return "";
  const unsigned detail = code & 0x1F;
  return std::to_string(code >> 5) + "." + (detail < 10 ? "0" : "") + std::to_string(detail);
}

}  // namespace

std::string short_text(std::string_view text, std::size_t most) {
  if (!is_utf8(text)) return "";
  if (text.size() > most) {
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end);
  }
  std::string made(text);
  std::ranges::replace_if(
      made, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  return made;
}

ResultText result_text(const server::OperationResult& result, const std::string& value, std::size_t most) {
  if (const auto* const why = std::get_if<NoAnswer>(&result)) return {false, "", short_text(text_of(*why), most)};
  const auto& outcome = std::get<lwm2m::Outcome>(result);
  ResultText text{lwm2m::is_success(outcome.status), code_text(outcome.code), ""};
  text.detail = short_text(text.success ? std::string_view(value) : as_text(outcome.payload), most);
  if (!text.success && text.detail.empty()) text.detail = lwm2m::to_string(outcome.status);
  return text;
}

}  // namespace drover::jobs
