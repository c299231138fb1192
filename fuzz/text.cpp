// SPDX-License-Identifier: Apache-2.0
// Text: the first byte chooses the data type, the rest is the value; also paths and format names.
#include "lwm2m/content/content.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace drover;
  using namespace drover::lwm2m;
  if (size == 0) return 0;
  const std::string_view text = as_text(ByteView(data + 1, size - 1));
  const auto type = static_cast<DataType>(data[0] % 8);
  const auto value = content::from_text(type, text);
  if (value) {
    const auto again = content::from_text(type, content::to_text(*value));
    if (!again || *again != *value) __builtin_trap();
    for (int other = 0; other < 8; ++other) (void)content::convert(*value, static_cast<DataType>(other));
  }
  const auto path = Path::parse(text);
  if (path && Path::parse(path->to_string()) != path) __builtin_trap();
  (void)Version::parse(text);
  (void)parse_format(text);
  return 0;
}
