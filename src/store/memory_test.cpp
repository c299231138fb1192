// SPDX-License-Identifier: Apache-2.0
// What a credential costs in memory.
#include <gtest/gtest.h>
#include <malloc.h>

#include <iostream>

#include "store/test_backing.hpp"

namespace drover::store {
namespace {

constexpr std::size_t kCount = 100'000;
constexpr double kBytesMax = 220;

/// With the allocator's own overhead.
std::size_t allocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST(CredentialMemory, APreSharedKeyCostsLessThan220Bytes) {
  const std::size_t nothing = allocated();
  const auto probe = std::make_unique<Bytes>(std::size_t{1} << 20);
  if (allocated() < nothing + probe->size()) GTEST_SKIP() << "another allocator, such as a sanitizer's";

  CredentialIndex index(KeyedHash(1, 2));
  const std::size_t before = allocated();
  for (std::size_t i = 1; i <= kCount; ++i) {
    const std::string number = std::to_string(1'000'000 + i);
    const Credential credential{.id = {i},
                                .kind = IdentityKind::Psk,
                                .identity = "urn:imei:35150401" + number,
                                .endpoint = "urn:imei:35150401" + number,
                                .label = "row " + number,
                                .created_at = 0,
                                .expires_at = {},
                                .enabled = true};
    index.put(credential, Secret<Bytes>(Bytes(32, 1)));
  }
  const double each = static_cast<double>(allocated() - before) / static_cast<double>(kCount);
  RecordProperty("bytes", std::to_string(each));
  std::cout << each << " bytes a credential\n";
  EXPECT_LT(each, kBytesMax);
  EXPECT_EQ(index.size(), kCount);
}

}  // namespace
}  // namespace drover::store
