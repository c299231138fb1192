// SPDX-License-Identifier: Apache-2.0
// What came of an operation, in few words.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "server/fleet.hpp"

namespace drover::jobs {

struct ResultText {
  bool success = false;
  std::string code;    ///< "2.05"; "" without an answer
  std::string detail;  ///< the value, the device's diagnostic text, or why there is no answer; valid UTF-8
};
/// `detail` has at most `most` bytes.
ResultText result_text(const server::OperationResult& result, const std::string& value, std::size_t most);

/// Cut between characters; "" for what isn't UTF-8. Control characters become blanks.
std::string short_text(std::string_view text, std::size_t most);

}  // namespace drover::jobs
