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

// RFC 4231 §4.2, §4.3 and §4.7: a key, a short one, and one that is longer than a block.
TEST(Digest, Rfc4231Section4AuthenticatesByHmac) {
  EXPECT_EQ(to_hex(hmac_sha256(Bytes(20, 0x0B), as_bytes("Hi There"))),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac_sha256(Bytes(131, 0xAA), as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace drover::security::cipher
