// SPDX-License-Identifier: Apache-2.0
#include "store/key_text.hpp"

#include "lwm2m/content/base64.hpp"

namespace drover::store {

std::optional<Bytes> parse_key(std::string_view text) {
  constexpr std::string_view kBase64 = "base64:";
  if (!text.starts_with(kBase64)) return from_hex(text);
  return lwm2m::content::from_base64(text.substr(kBase64.size()));
}

}  // namespace drover::store
