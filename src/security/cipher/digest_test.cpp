// SPDX-License-Identifier: Apache-2.0
#include "security/cipher/digest.hpp"

#include <gtest/gtest.h>

namespace drover::security::cipher {
namespace {

// FIPS 180-4's examples (NIST, "SHA256").
TEST(Digest, PublishedVectors) {
  EXPECT_EQ(to_hex(sha256({as_bytes("abc")})), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256({as_bytes("abcdbcdecdefdefgefghfghighij"), {}, as_bytes("hijkijkljklmklmnlmnomnopnopq")})),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace drover::security::cipher
