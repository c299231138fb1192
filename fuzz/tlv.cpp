// SPDX-License-Identifier: Apache-2.0
// TLV: the first byte chooses the path, the rest is the payload.
#include "fuzz_definitions.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace drover;
  using namespace drover::lwm2m::content;
  if (size == 0) return 0;
  static const FuzzDefinitions definitions;
  const lwm2m::Path path = fuzz_path(data[0]);
  const auto tree = decode(lwm2m::Format::Tlv, path, ByteView(data + 1, size - 1), definitions);
  if (tree) check_round_trip(lwm2m::Format::Tlv, path, *tree, definitions);
  return 0;
}
