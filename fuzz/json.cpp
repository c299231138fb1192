// SPDX-License-Identifier: Apache-2.0
// JSON: the first byte chooses the path, the rest is the payload; as one tree and as a history.
#include "fuzz_definitions.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace drover;
  using namespace drover::lwm2m::content;
  if (size == 0) return 0;
  static const FuzzDefinitions definitions;
  const lwm2m::Path path = fuzz_path(data[0]);
  const ByteView payload(data + 1, size - 1);
  const auto tree = decode(lwm2m::Format::Json, path, payload, definitions);
  if (tree) check_round_trip(lwm2m::Format::Json, path, *tree, definitions);

  const auto history = decode_timed_json(path, payload, definitions);
  if (!history) return 0;
  const auto bytes = encode_timed_json(path, *history);
  if (!bytes || !decode_timed_json(path, *bytes, definitions)) __builtin_trap();
  return 0;
}
