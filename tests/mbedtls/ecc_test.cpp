// SPDX-License-Identifier: Apache-2.0
// The elliptic curves that DTLS uses, whoever computes them (DROVER_ECC_LIBCRYPTO), against published answers.
#include <gtest/gtest.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/pk.h>
#include <openssl/evp.h>

#include <algorithm>
#include <random>
#include <string_view>

#include "keys.hpp"

namespace drover::tests {
namespace {

class Number {
 public:
  Number() { mbedtls_mpi_init(&mpi_); }
  explicit Number(std::string_view hex) : Number() {
    std::string digits(hex);
    std::erase(digits, ' ');
    EXPECT_EQ(mbedtls_mpi_read_string(&mpi_, 16, digits.c_str()), 0);
  }
  ~Number() { mbedtls_mpi_free(&mpi_); }
  Number(const Number&) = delete;
  Number& operator=(const Number&) = delete;
  mbedtls_mpi* get() { return &mpi_; }
  friend bool operator==(const Number& a, const Number& b) { return mbedtls_mpi_cmp_mpi(&a.mpi_, &b.mpi_) == 0; }

 private:
  mbedtls_mpi mpi_{};
};

struct Curve {
  explicit Curve(mbedtls_ecp_group_id id) {
    mbedtls_ecp_group_init(&group);
    EXPECT_EQ(mbedtls_ecp_group_load(&group, id), 0);
  }
  ~Curve() { mbedtls_ecp_group_free(&group); }
  Curve(const Curve&) = delete;
  Curve& operator=(const Curve&) = delete;
  mbedtls_ecp_group group{};
};

struct Point {
  Point() { mbedtls_ecp_point_init(&point); }
  Point(std::string_view x, std::string_view y) : Point() {
    std::string xs(x), ys(y);
    std::erase(xs, ' ');
    std::erase(ys, ' ');
    EXPECT_EQ(mbedtls_ecp_point_read_string(&point, 16, xs.c_str(), ys.c_str()), 0);
  }
  ~Point() { mbedtls_ecp_point_free(&point); }
  Point(const Point&) = delete;
  Point& operator=(const Point&) = delete;
  mbedtls_ecp_point point{};
};

int random_bytes(void*, unsigned char* out, std::size_t size) {
  static std::mt19937_64 random(7);
  std::generate(out, out + size, [] { return static_cast<unsigned char>(random()); });
  return 0;
}

Bytes digest(const EVP_MD* hash, std::string_view text) {
  Bytes out(64);
  unsigned size = 0;
  EXPECT_EQ(EVP_Digest(text.data(), text.size(), out.data(), &size, hash, nullptr), 1);
  out.resize(size);
  return out;
}

// ---- RFC 6979 A.2.5 and A.2.6: keys and signatures

struct Signature {
  std::string_view text;
  const EVP_MD* (*hash)();
  std::string_view r, s;
};

constexpr std::string_view kP256Ux = "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
                           kP256Uy = "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";
const Signature kP256Signatures[] = {
    {"sample", EVP_sha256, "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
     "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"},
    {"sample", EVP_sha512, "8496A60B5E9B47C825488827E0495B0E3FA109EC4568FD3F8D1097678EB97F00",
     "2362AB1ADBE2B8ADF9CB9EDAB740EA6049C028114F2460F96554F61FAE3302FE"},
    {"test", EVP_sha256, "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
     "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"},
};

TEST(Ecc, SignaturesOfRfc6979AreVerified) {
  Curve curve(MBEDTLS_ECP_DP_SECP256R1);
  const Point key(kP256Ux, kP256Uy);
  for (const Signature& each : kP256Signatures) {
    Number r(each.r), s(each.s);
    const Bytes hash = digest(each.hash(), each.text);
    EXPECT_EQ(mbedtls_ecdsa_verify(&curve.group, hash.data(), hash.size(), &key.point, r.get(), s.get()), 0);
    Bytes other = hash;
    other[0] ^= 1;
    EXPECT_EQ(mbedtls_ecdsa_verify(&curve.group, other.data(), other.size(), &key.point, r.get(), s.get()), MBEDTLS_ERR_ECP_VERIFY_FAILED);
    EXPECT_EQ(mbedtls_ecdsa_verify(&curve.group, hash.data(), hash.size(), &key.point, s.get(), r.get()), MBEDTLS_ERR_ECP_VERIFY_FAILED);
  }
  Curve larger(MBEDTLS_ECP_DP_SECP384R1);
  const Point larger_key("EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13",
                         "8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720");
  Number r("21B13D1E013C7FA1392D03C5F99AF8B30C570C6F98D4EA8E354B63A21D3DAA33BDE1E888E63355D92FA2B3C36D8FB2CD"),
      s("F3AA443FB107745BF4BD77CB3891674632068A10CA67E3D45DB2266FA7D1FEEBEFDC63ECCD1AC42EC0CB8668A4FA0AB0");
  const Bytes hash = digest(EVP_sha256(), "sample");
  EXPECT_EQ(mbedtls_ecdsa_verify(&larger.group, hash.data(), hash.size(), &larger_key.point, r.get(), s.get()), 0);
}

TEST(Ecc, SignaturesOutOfRangeAreRefused) {
  Curve curve(MBEDTLS_ECP_DP_SECP256R1);
  const Point key(kP256Ux, kP256Uy);
  const Bytes hash = digest(EVP_sha256(), "sample");
  const auto verify = [&](mbedtls_mpi* r, mbedtls_mpi* s) {
    return mbedtls_ecdsa_verify(&curve.group, hash.data(), hash.size(), &key.point, r, s);
  };
  Number r(kP256Signatures[0].r), s(kP256Signatures[0].s), zero("0"), one("1"), past, long_number(std::string(200, 'F')), negative;
  ASSERT_EQ(verify(r.get(), s.get()), 0);
  ASSERT_EQ(mbedtls_mpi_add_mpi(past.get(), s.get(), &curve.group.N), 0);
  ASSERT_EQ(mbedtls_mpi_sub_mpi(negative.get(), zero.get(), s.get()), 0);
  for (mbedtls_mpi* bad : {zero.get(), &curve.group.N, past.get(), long_number.get(), negative.get()}) {
    EXPECT_NE(verify(bad, s.get()), 0);
    EXPECT_NE(verify(r.get(), bad), 0);
  }
  EXPECT_EQ(verify(one.get(), one.get()), MBEDTLS_ERR_ECP_VERIFY_FAILED);
}

TEST(Ecc, PointsThatAreNoneAreRefused) {
  Curve curve(MBEDTLS_ECP_DP_SECP256R1);
  const Point off(kP256Ux, kP256Ux), on(kP256Ux, kP256Uy);
  Point infinity;
  ASSERT_EQ(mbedtls_ecp_set_zero(&infinity.point), 0);
  const Bytes hash = digest(EVP_sha256(), "sample");
  Number r(kP256Signatures[0].r), s(kP256Signatures[0].s), one("1"), zero("0"), z;
  for (const Point* bad : {&off, static_cast<const Point*>(&infinity)}) {
    EXPECT_NE(mbedtls_ecdsa_verify(&curve.group, hash.data(), hash.size(), &bad->point, r.get(), s.get()), 0);
    EXPECT_NE(mbedtls_ecdh_compute_shared(&curve.group, z.get(), &bad->point, one.get(), random_bytes, nullptr), 0);
  }
  for (mbedtls_mpi* bad : {zero.get(), &curve.group.N}) {
    EXPECT_NE(mbedtls_ecdh_compute_shared(&curve.group, z.get(), &on.point, bad, random_bytes, nullptr), 0);
    EXPECT_NE(mbedtls_ecdsa_sign(&curve.group, r.get(), s.get(), bad, hash.data(), hash.size(), random_bytes, nullptr), 0);
  }
}

// ---- RFC 5903 §8: Diffie-Hellman

struct Agreement {
  mbedtls_ecp_group_id curve;
  std::string_view i, gix, giy, r, grx, gry, girx;
};

const Agreement kAgreements[] = {
    {MBEDTLS_ECP_DP_SECP256R1, "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433",
     "DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180",
     "5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3",
     "C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53",
     "D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63",
     "56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB",
     "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE"},
    {MBEDTLS_ECP_DP_SECP384R1, "099F3C7034D4A2C699884D73A375A67F7624EF7C6B3C0F160647B67414DCE655E35B538041E649EE3FAEF896783AB194",
     "667842D7D180AC2CDE6F74F37551F55755C7645C20EF73E31634FE72B4C55EE6DE3AC808ACB4BDB4C88732AEE95F41AA",
     "9482ED1FC0EEB9CAFC4984625CCFC23F65032149E0E144ADA024181535A0F38EEB9FCFF3C2C947DAE69B4C634573A81C",
     "41CB0779B4BDB85D47846725FBEC3C9430FAB46CC8DC5060855CC9BDA0AA2942E0308312916B8ED2960E4BD55A7448FC",
     "E558DBEF53EECDE3D3FCCFC1AEA08A89A987475D12FD950D83CFA41732BC509D0D1AC43A0336DEF96FDA41D0774A3571",
     "DCFBEC7AACF3196472169E838430367F66EEBE3C6E70C416DD5F0C68759DD1FFF83FA40142209DFF5EAAD96DB9E6386C",
     "11187331C279962D93D604243FD592CB9D0A926F422E47187521287E7156C5C4D603135569B9E9D09CF5D4A270F59746"},
    {MBEDTLS_ECP_DP_SECP521R1,
     "0037ADE9319A89F4DABDB3EF411AACCCA5123C61ACAB57B5393DCE47608172A095AA85A30FE1C2952C6771D937BA9777F5957B2639BAB072462F68C27A57382D4A52",
     "0015417E84DBF28C0AD3C278713349DC7DF153C897A1891BD98BAB4357C9ECBEE1E3BF42E00B8E380AEAE57C2D107564941885942AF5A7F4601723C4195D176CED3E",
     "017CAE20B6641D2EEB695786D8C946146239D099E18E1D5A514C739D7CB4A10AD8A788015AC405D7799DC75E7B7D5B6CF2261A6A7F1507438BF01BEB6CA3926F9582",
     "0145BA99A847AF43793FDD0E872E7CDFA16BE30FDC780F97BCCC3F078380201E9C677D600B343757A3BDBF2A3163E4C2F869CCA7458AA4A4EFFC311F5CB151685EB9",
     "00D0B3975AC4B799F5BEA16D5E13E9AF971D5E9B984C9F39728B5E5739735A219B97C356436ADC6E95BB0352F6BE64A6C2912D4EF2D0433CED2B6171640012D9460F",
     "015C68226383956E3BD066E797B623C27CE0EAC2F551A10C2C724D9852077B87220B6536C5C408A1D2AEBB8E86D678AE49CB57091F4732296579AB44FCD17F0FC56A",
     "01144C7D79AE6956BC8EDB8E7C787C4521CB086FA64407F97894E5E6B2D79B04D1427E73CA4BAA240A34786859810C06B3C715A3A8CC3151F2BEE417996D19F3DDEA"},
};

TEST(Ecc, AgreementsOfRfc5903) {
  for (const Agreement& each : kAgreements) {
    Curve curve(each.curve);
    Number i(each.i), r(each.r), expected(each.girx), here, there;
    const Point gi(each.gix, each.giy), gr(each.grx, each.gry);
    ASSERT_EQ(mbedtls_ecdh_compute_shared(&curve.group, here.get(), &gr.point, i.get(), random_bytes, nullptr), 0);
    ASSERT_EQ(mbedtls_ecdh_compute_shared(&curve.group, there.get(), &gi.point, r.get(), random_bytes, nullptr), 0);
    EXPECT_EQ(here, expected);
    EXPECT_EQ(there, expected);
  }
}

TEST(Ecc, MadeKeysAreKeys) {
  for (const mbedtls_ecp_group_id id : {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1}) {
    Curve curve(id);
    Number last;
    for (int round = 0; round < 5; ++round) {
      Number d;
      Point q, again;
      ASSERT_EQ(mbedtls_ecdh_gen_public(&curve.group, d.get(), &q.point, random_bytes, nullptr), 0);
      EXPECT_EQ(mbedtls_ecp_check_privkey(&curve.group, d.get()), 0);
      // Mbed TLS's own multiplication as the second opinion.
      ASSERT_EQ(mbedtls_ecp_mul(&curve.group, &again.point, d.get(), &curve.group.G, random_bytes, nullptr), 0);
      EXPECT_EQ(mbedtls_ecp_point_cmp(&q.point, &again.point), 0);
      EXPECT_FALSE(d == last);
      ASSERT_EQ(mbedtls_mpi_copy(last.get(), d.get()), 0);
    }
  }
  Curve curve(MBEDTLS_ECP_DP_SECP256R1);
  Number d;
  Point q;
  const auto broken = [](void*, unsigned char*, std::size_t) { return -1; };
  EXPECT_NE(mbedtls_ecdh_gen_public(&curve.group, d.get(), &q.point, broken, nullptr), 0);
}

TEST(Ecc, SignaturesAreGoodForLibcryptoAndTheOtherWayRound) {
  for (const char* name : {"P-256", "P-384", "P-521"}) {
    const KeyPair pair = make_ec_key(name);
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    ASSERT_EQ(mbedtls_pk_parse_key(&key, pair.private_key.data(), pair.private_key.size(), nullptr, 0, random_bytes, nullptr), 0);
    const std::string_view text = "one that came from here";
    const Bytes hash = digest(EVP_sha256(), text);
    Bytes signature(MBEDTLS_PK_SIGNATURE_MAX_SIZE);
    std::size_t size = 0;
    ASSERT_EQ(mbedtls_pk_sign(&key, MBEDTLS_MD_SHA256, hash.data(), hash.size(), signature.data(), signature.size(), &size, random_bytes, nullptr), 0);
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    ASSERT_EQ(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, pair.key.get()), 1);
    EXPECT_EQ(EVP_DigestVerify(context.get(), signature.data(), size, reinterpret_cast<const unsigned char*>(text.data()), text.size()), 1);

    EVP_MD_CTX_reset(context.get());
    ASSERT_EQ(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, pair.key.get()), 1);
    size = signature.size();
    ASSERT_EQ(EVP_DigestSign(context.get(), signature.data(), &size, reinterpret_cast<const unsigned char*>(text.data()), text.size()), 1);
    EXPECT_EQ(mbedtls_pk_verify(&key, MBEDTLS_MD_SHA256, hash.data(), hash.size(), signature.data(), size), 0);
    signature[size - 1] ^= 1;
    EXPECT_NE(mbedtls_pk_verify(&key, MBEDTLS_MD_SHA256, hash.data(), hash.size(), signature.data(), size), 0);
    mbedtls_pk_free(&key);
  }
}

}  // namespace
}  // namespace drover::tests
