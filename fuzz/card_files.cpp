// SPDX-License-Identifier: Apache-2.0
// The files of a card: whatever is read makes a file from which the same is read.
#include <algorithm>
#include <cstdlib>

#include "smartcard/bootstrap_file.hpp"
#include "smartcard/pkcs15.hpp"

namespace {

using namespace drover;
using namespace drover::smartcard;

void expect(bool holds) {
  if (!holds) std::abort();
}

template <class Parsed, class Encode, class Parse>
void round_trip(const Parsed& parsed, Encode encode, Parse parse) {
  if (!parsed) {
    expect(!parsed.error().reason.empty());
    return;
  }
  const auto file = encode(*parsed);
  // What is written may be refused: an oidDO of another object has an OID that nobody keeps.
  if (!file) return;
  const auto again = parse(*file);
  expect(again.has_value() && *again == *parsed);
}

void bootstrap(ByteView bytes) {
  const auto size = bootstrap_file_size(bytes);
  const auto objects = parse_bootstrap_file(bytes);
  if (!objects) {
    expect(!objects.error().reason.empty());
    return;
  }
  expect(size.has_value() && *size <= bytes.size() && *size <= kBootstrapFileMax);
  const auto file = encode_bootstrap_file(*objects);
  const ByteView whole = bytes.first(*size);
  expect(file.has_value() && std::equal(file->begin(), file->end(), whole.begin(), whole.end()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(data + 1, size - 1);
  switch (data[0] % 4) {
    case 0: bootstrap(bytes); break;
    case 1: {
      const auto record = pkcs15::parse_dir_record(bytes);
      if (!record || !*record) break;
      round_trip(record, [](const auto& application) { return pkcs15::encode_dir_record(*application); },
                 pkcs15::parse_dir_record);
      break;
    }
    case 2: round_trip(pkcs15::parse_odf(bytes), pkcs15::encode_odf, pkcs15::parse_odf); break;
    default: round_trip(pkcs15::parse_dodf(bytes), pkcs15::encode_dodf, pkcs15::parse_dodf); break;
  }
  return 0;
}
