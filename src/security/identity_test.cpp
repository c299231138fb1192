// SPDX-License-Identifier: Apache-2.0
#include "security/identity.hpp"

#include <gtest/gtest.h>

namespace drover::security {
namespace {

TEST(Identity, IsShownInOnePrintableLine) {
  EXPECT_EQ(Identity{}.to_string(), "none");
  EXPECT_EQ((Identity{IdentityKind::Psk, "sensor-1", {}}.to_string()), "psk \"sensor-1\"");
  EXPECT_EQ((Identity{IdentityKind::Psk, "a\n\"b\\", {}}.to_string()), "psk \"a\\x0a\\x22b\\x5c\"");
  EXPECT_EQ((Identity{IdentityKind::Psk, "\xFF\x01", {}}.to_string()), "psk \"\\xff\\x01\"");
  EXPECT_EQ((Identity{IdentityKind::Certificate, "ab", {"K\xC3\xB6ln", "urn:x"}}.to_string()),
            "certificate \"ab\" \"K\xC3\xB6ln\" \"urn:x\"");
}

TEST(Identity, IsPackedAndUnpacked) {
  const Identity identities[] = {{},
                                 {IdentityKind::Psk, std::string("a\0b", 3), {}},
                                 {IdentityKind::Psk, std::string(kPskIdentityMax, 'x'), {}},
                                 {IdentityKind::Certificate, "0123", {"one", "", std::string(255, 'n')}}};
  for (const Identity& identity : identities) {
    const std::string packed = identity.pack();
    EXPECT_EQ(Identity::unpack(packed), identity);
    for (std::size_t size = 0; size < packed.size(); ++size) {
      const auto cut = Identity::unpack(std::string_view(packed).substr(0, size));
      EXPECT_FALSE(cut == identity) << size;
    }
  }
  EXPECT_FALSE(Identity::unpack("\x04\x01x"));
}

TEST(Identity, HasLimits) {
  Identity identity{IdentityKind::Certificate, "f", {}};
  identity.names.assign(Identity::kNamesMax + 5, std::string(300, 'n'));
  const auto unpacked = Identity::unpack(identity.pack());
  ASSERT_TRUE(unpacked);
  EXPECT_EQ(unpacked->names.size(), Identity::kNamesMax);
  EXPECT_EQ(unpacked->names.front().size(), Identity::kNameMax);
}

}  // namespace
}  // namespace drover::security
