// SPDX-License-Identifier: Apache-2.0
// RFC 7250 as third_party/mbedtls/0001-raw-public-keys.patch does it, mostly with peers that don't keep to it.
#include <gtest/gtest.h>

#include <algorithm>

#include "endpoint.hpp"

namespace drover::tests {
namespace {

constexpr int kSuite = MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8;
constexpr std::uint8_t kClientHello = 1, kServerHello = 2, kCertificate = 11;
// Extensions of §4.1: type, length, and the list or the one type.
const Bytes kOffer = {0, 19, 0, 2, 1, 2, 0, 20, 0, 2, 1, 2};
const Bytes kAnswer = {0, 19, 0, 1, 2, 0, 20, 0, 1, 2};

struct Pair {
  Options client = usual(Role::Client, Kind::RawPublicKey, kSuite);
  Options server = usual(Role::Server, Kind::RawPublicKey, kSuite);
  int client_result = 0, server_result = 0;
  int client_judged = 0, server_judged = 0;

  bool shake(const Meddle& meddle = {}) {
    Endpoint c(Role::Client, client), s(Role::Server, server);
    const bool ok = tests::shake(c, s, meddle) && echo(c, s);
    client_result = c.result();
    server_result = s.result();
    client_judged = c.judged();
    server_judged = s.judged();
    return ok;
  }
  /// With the body of the sender's Certificate message changed on its way.
  bool shake_with_certificate(Role sender, const std::function<void(Bytes&)>& edit) {
    return shake([&](Role from, Bytes& datagram) {
      if (from == sender) edit_message(datagram, kCertificate, edit);
    });
  }
};

Bytes certificate_message(ByteView public_key) {
  Bytes body(3 + public_key.size());
  body[1] = static_cast<std::uint8_t>(public_key.size() >> 8);
  body[2] = static_cast<std::uint8_t>(public_key.size());
  std::copy(public_key.begin(), public_key.end(), body.begin() + 3);
  return body;
}

TEST(RawPublicKey, TheExtensionsAndTheMessageAreThoseOfTheRfc) {
  Pair pair;
  bool offered = false, answered = false;
  Bytes server_body, client_body;
  EXPECT_TRUE(pair.shake([&](Role from, Bytes& datagram) {
    edit_message(datagram, kClientHello, [&](Bytes& body) { offered = replace(body, kOffer, kOffer); });
    edit_message(datagram, kServerHello, [&](Bytes& body) { answered = replace(body, kAnswer, kAnswer); });
    edit_message(datagram, kCertificate, [&](Bytes& body) { (from == Role::Server ? server_body : client_body) = body; });
  }));
  EXPECT_TRUE(offered);
  EXPECT_TRUE(answered);
  EXPECT_EQ(server_body, certificate_message(material().server.public_key));
  EXPECT_EQ(client_body, certificate_message(material().client.public_key));
}

TEST(RawPublicKey, ASuiteWithoutCertificatesHasNoAnswer) {
  Pair pair;
  pair.client.suites = pair.server.suites = {MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, kSuite};
  bool answered = false;
  EXPECT_TRUE(pair.shake([&](Role, Bytes& datagram) {
    edit_message(datagram, kServerHello, [&](Bytes& body) { answered = replace(body, {kAnswer.data() + 5, 5}, {kAnswer.data() + 5, 5}); });
  }));
  EXPECT_FALSE(answered);
  EXPECT_EQ(pair.server_judged, 0);
}

TEST(RawPublicKey, AServerThatDoesNotAskForTheClientsKeyAnswersForItself) {
  Pair pair;
  pair.server.authentication = MBEDTLS_SSL_VERIFY_NONE;
  bool both = false, own = false;
  EXPECT_TRUE(pair.shake([&](Role, Bytes& datagram) {
    edit_message(datagram, kServerHello, [&](Bytes& body) {
      both = replace(body, kAnswer, kAnswer);
      own = replace(body, {kAnswer.data() + 5, 5}, {kAnswer.data() + 5, 5});
    });
  }));
  EXPECT_FALSE(both);
  EXPECT_TRUE(own);
}

// ---- trust

TEST(RawPublicKey, AnUnknownKeyIsRefused) {
  Pair foreign_client;
  foreign_client.client.own = material().stranger;
  EXPECT_FALSE(foreign_client.shake());
  EXPECT_EQ(foreign_client.server_result, MBEDTLS_ERR_X509_CERT_VERIFY_FAILED);

  Pair foreign_server;
  foreign_server.server.own = material().stranger;
  EXPECT_FALSE(foreign_server.shake());
  EXPECT_EQ(foreign_server.client_result, MBEDTLS_ERR_X509_CERT_VERIFY_FAILED);
}

TEST(RawPublicKey, WithoutACallbackNobodyIsTrusted) {
  for (const int authentication : {MBEDTLS_SSL_VERIFY_REQUIRED, MBEDTLS_SSL_VERIFY_OPTIONAL, MBEDTLS_SSL_VERIFY_NONE}) {
    Pair client_without;
    client_without.client.verify.reset();
    client_without.client.authentication = authentication;
    EXPECT_FALSE(client_without.shake());
    EXPECT_EQ(client_without.client_result, MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) << authentication;
    if (authentication == MBEDTLS_SSL_VERIFY_NONE) continue;  // such a server asks for no key
    Pair server_without;
    server_without.server.verify.reset();
    server_without.server.authentication = authentication;
    EXPECT_FALSE(server_without.shake());
    EXPECT_EQ(server_without.server_result, MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) << authentication;
  }
}

TEST(RawPublicKey, TheCallbacksErrorEndsTheHandshake) {
  Pair pair;
  pair.server.verify = [](mbedtls_x509_crt&, int, std::uint32_t& flags) {
    flags = 0;
    return int{MBEDTLS_ERR_X509_FATAL_ERROR};
  };
  EXPECT_FALSE(pair.shake());
  EXPECT_EQ(pair.server_result, MBEDTLS_ERR_X509_FATAL_ERROR);
}

TEST(RawPublicKey, AKnownKeyWithoutItsPrivateHalfIsRefused) {
  Pair pair;
  EXPECT_FALSE(pair.shake_with_certificate(Role::Client, [](Bytes& body) {
    ASSERT_EQ(body, certificate_message(material().client.public_key));
    body = certificate_message(material().stranger.public_key);
  }));
  Pair thief;
  thief.client.own.private_key = material().stranger.private_key;
  EXPECT_FALSE(thief.shake());
  EXPECT_NE(thief.server_result, MBEDTLS_ERR_SSL_WANT_READ);
  EXPECT_EQ(thief.server_judged, 1);
}

TEST(RawPublicKey, AServerWithoutItsPrivateHalfIsRefused) {
  Pair pair;
  pair.server.own.private_key = material().stranger.private_key;
  EXPECT_FALSE(pair.shake());
  EXPECT_NE(pair.client_result, MBEDTLS_ERR_SSL_WANT_READ);
}

// ---- malformed Certificate messages, from either side

struct Malformed {
  const char* what;
  std::function<void(Bytes& body)> edit;
  int error;
};

std::vector<Malformed> malformed() {
  const auto spki = [](const Bytes& body) { return Bytes(body.begin() + 3, body.end()); };
  return {
      {"length missing", [](Bytes& body) { body.resize(2); }, MBEDTLS_ERR_SSL_DECODE_ERROR},
      {"message empty", [](Bytes& body) { body.clear(); }, MBEDTLS_ERR_SSL_DECODE_ERROR},
      {"key cut short", [](Bytes& body) { body.pop_back(); }, MBEDTLS_ERR_SSL_DECODE_ERROR},
      {"a byte after the key", [](Bytes& body) { body.push_back(0); }, MBEDTLS_ERR_SSL_DECODE_ERROR},
      {"length of 2^24-1", [](Bytes& body) { body[0] = body[1] = body[2] = 0xff; }, MBEDTLS_ERR_SSL_DECODE_ERROR},
      {"length 0 before a key", [](Bytes& body) { body[0] = body[1] = body[2] = 0; }, MBEDTLS_ERR_SSL_DECODE_ERROR},
      {"a byte after the DER, counted",
       [spki](Bytes& body) {
         Bytes key = spki(body);
         key.push_back(0);
         body = certificate_message(key);
       },
       MBEDTLS_ERR_SSL_BAD_CERTIFICATE},
      {"one byte", [](Bytes& body) { body = certificate_message(Bytes{0x30}); }, MBEDTLS_ERR_SSL_BAD_CERTIFICATE},
      {"an X.509 list around it",
       [](Bytes& body) { body = certificate_message(body); }, MBEDTLS_ERR_SSL_BAD_CERTIFICATE},
      {"an X.509 certificate", [](Bytes& body) { body = certificate_message(material().client_chain[0]); },
       MBEDTLS_ERR_SSL_BAD_CERTIFICATE},
      {"a point off the curve", [](Bytes& body) { body.back() ^= 1; }, MBEDTLS_ERR_SSL_BAD_CERTIFICATE},
      {"an RSA key", [](Bytes& body) { body = certificate_message(make_rsa_key().public_key); },
       MBEDTLS_ERR_X509_CERT_VERIFY_FAILED},
  };
}

TEST(RawPublicKey, MalformedKeysOfClientsAreRefused) {
  for (const Malformed& each : malformed()) {
    Pair pair;
    EXPECT_FALSE(pair.shake_with_certificate(Role::Client, each.edit)) << each.what;
    EXPECT_EQ(pair.server_result, each.error) << each.what;
    EXPECT_EQ(pair.server_judged, 0) << each.what;
  }
}

TEST(RawPublicKey, MalformedKeysOfServersAreRefused) {
  for (const Malformed& each : malformed()) {
    Pair pair;
    EXPECT_FALSE(pair.shake_with_certificate(Role::Server, each.edit)) << each.what;
    EXPECT_EQ(pair.client_result, each.error) << each.what;
    EXPECT_EQ(pair.client_judged, 0) << each.what;
  }
}

TEST(RawPublicKey, AnEmptyKeyIsRefused) {
  const auto empty = [](Bytes& body) { body.assign(3, 0); };
  for (const int authentication : {MBEDTLS_SSL_VERIFY_REQUIRED, MBEDTLS_SSL_VERIFY_OPTIONAL}) {
    Pair pair;
    pair.server.authentication = authentication;
    EXPECT_FALSE(pair.shake_with_certificate(Role::Client, empty));
    EXPECT_EQ(pair.server_result, MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE);
  }
  Pair pair;
  EXPECT_FALSE(pair.shake_with_certificate(Role::Server, empty));
  EXPECT_EQ(pair.client_result, MBEDTLS_ERR_SSL_DECODE_ERROR);
}

TEST(RawPublicKey, WhoHasNoKeySendsNothing) {
  Pair client_without;
  client_without.client.own.public_key.clear();
  EXPECT_FALSE(client_without.shake());
  EXPECT_EQ(client_without.client_result, MBEDTLS_ERR_SSL_BAD_CONFIG);
}

// ---- peers of the other kind, and extensions that aren't as they should be

TEST(RawPublicKey, AClientWithCertificatesIsRefused) {
  Pair pair;
  pair.client = usual(Role::Client, Kind::Certificate, kSuite);
  EXPECT_FALSE(pair.shake());
  EXPECT_EQ(pair.server_result, MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION);
  EXPECT_EQ(pair.client_result, MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
}

TEST(RawPublicKey, AServerWithCertificatesRefuses) {
  Pair pair;
  pair.server = usual(Role::Server, Kind::Certificate, kSuite);
  EXPECT_FALSE(pair.shake());
  EXPECT_EQ(pair.server_result, MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION);
  EXPECT_EQ(pair.client_result, MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
}

/// What the client's hello has instead of kOffer.
int server_result_for_offer(const Bytes& offer) {
  Pair pair;
  EXPECT_FALSE(pair.shake([&](Role, Bytes& datagram) {
    edit_message(datagram, kClientHello, [&](Bytes& body) { EXPECT_TRUE(replace(body, kOffer, offer)); });
  }));
  return pair.server_result;
}

TEST(RawPublicKey, OffersAreChecked) {
  const int none = MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION, bad = MBEDTLS_ERR_SSL_DECODE_ERROR;
  EXPECT_EQ(server_result_for_offer({0, 19, 0, 2, 1, 0, 0, 20, 0, 2, 1, 2}), none) << "X.509 for the client";
  EXPECT_EQ(server_result_for_offer({0, 19, 0, 2, 1, 2, 0, 20, 0, 2, 1, 0}), none) << "X.509 for the server";
  EXPECT_EQ(server_result_for_offer({0, 19, 0, 2, 1, 2, 0, 99, 0, 2, 1, 2}), none) << "nothing for the server";
  EXPECT_EQ(server_result_for_offer({0, 99, 0, 2, 1, 2, 0, 20, 0, 2, 1, 2}), none) << "nothing for the client";
  EXPECT_EQ(server_result_for_offer({0, 99, 0, 2, 1, 2, 0, 98, 0, 2, 1, 2}), none) << "nothing";
  EXPECT_EQ(server_result_for_offer({0, 19, 0, 2, 0, 2, 0, 20, 0, 2, 1, 2}), bad) << "an empty list with a byte after it";
  EXPECT_EQ(server_result_for_offer({0, 19, 0, 2, 2, 2, 0, 20, 0, 2, 1, 2}), bad) << "a list longer than its extension";
  EXPECT_EQ(server_result_for_offer({0, 19, 0, 1, 0, 0, 99, 0, 3, 0, 0, 0}), bad) << "an empty list";
  EXPECT_EQ(server_result_for_offer({0, 20, 0, 0, 0, 99, 0, 4, 0, 0, 0, 0}), bad) << "an empty extension";
}

TEST(RawPublicKey, OneOfSeveralOfferedTypesWillDo) {
  // The message is changed on its way, so the Finished messages differ; all before them must have gone well.
  Pair pair;
  EXPECT_FALSE(pair.shake([&](Role, Bytes& datagram) {
    edit_message(datagram, kClientHello, [&](Bytes& body) {
      const auto at = std::search(body.begin(), body.end(), kOffer.begin(), kOffer.end());
      ASSERT_NE(at, body.end());
      const Bytes longer = {0, 19, 0, 4, 3, 0, 2, 7, 0, 20, 0, 3, 2, 0, 2};
      const auto extensions_length = body.begin() + 34 + 1 + 1 + 2 + body[37] + 2;
      ASSERT_LT(extensions_length + 2, at + 1);
      extensions_length[1] = static_cast<std::uint8_t>(extensions_length[1] + 3);
      body.insert(body.erase(at, at + 12), longer.begin(), longer.end());
    });
  }));
  EXPECT_EQ(pair.server_judged, 1);
  EXPECT_EQ(pair.client_judged, 1);
}

/// What the server's hello has instead of kAnswer.
int client_result_for_answer(const Bytes& answer) {
  Pair pair;
  EXPECT_FALSE(pair.shake([&](Role, Bytes& datagram) {
    edit_message(datagram, kServerHello, [&](Bytes& body) { EXPECT_TRUE(replace(body, kAnswer, answer)); });
  }));
  return pair.client_result;
}

TEST(RawPublicKey, AnswersAreChecked) {
  const int none = MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION, bad = MBEDTLS_ERR_SSL_DECODE_ERROR,
            foreign = MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER;
  EXPECT_EQ(client_result_for_answer({0, 19, 0, 1, 2, 0, 20, 0, 1, 0}), foreign) << "X.509, which wasn't offered";
  EXPECT_EQ(client_result_for_answer({0, 19, 0, 1, 1, 0, 20, 0, 1, 2}), foreign) << "OpenPGP, which wasn't offered";
  EXPECT_EQ(client_result_for_answer({0, 19, 0, 6, 2, 0, 20, 0, 1, 2}), bad) << "more than one type";
  EXPECT_EQ(client_result_for_answer({0, 20, 0, 0, 0, 99, 0, 2, 0, 0}), bad) << "no type";
  EXPECT_EQ(client_result_for_answer({0, 19, 0, 1, 2, 0, 99, 0, 1, 2}), none) << "nothing for the server";
  EXPECT_EQ(client_result_for_answer({0, 99, 0, 1, 2, 0, 98, 0, 1, 2}), none) << "nothing";
  EXPECT_EQ(client_result_for_answer({0, 99, 0, 1, 2, 0, 20, 0, 1, 2}), none) << "X.509 for the client";
}

TEST(RawPublicKey, AnAnswerThatNobodyAskedForIsRefused) {
  Pair pair;
  pair.client = usual(Role::Client, Kind::Certificate, kSuite);
  pair.server = usual(Role::Server, Kind::Certificate, kSuite);
  EXPECT_FALSE(pair.shake([&](Role, Bytes& datagram) {
    // The renegotiation_info of this server has the same length.
    edit_message(datagram, kServerHello, [&](Bytes& body) {
      EXPECT_TRUE(replace(body, Bytes{0xff, 0x01, 0, 1, 0}, Bytes{0, 20, 0, 1, 2}));
    });
  }));
  EXPECT_EQ(pair.client_result, MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION);
}

TEST(RawPublicKey, CertificatesStillWorkWithClientsThatOfferBoth) {
  // An X.509 server finds X.509 in the lists, answers nothing, and goes on.
  Pair pair;
  pair.client = usual(Role::Client, Kind::Certificate, kSuite);
  pair.server = usual(Role::Server, Kind::Certificate, kSuite);
  int judged = 0;
  pair.server.verify = [&judged](mbedtls_x509_crt&, int, std::uint32_t&) { return ++judged, 0; };
  bool found = false;
  EXPECT_FALSE(pair.shake([&](Role, Bytes& datagram) {
    edit_message(datagram, kClientHello, [&](Bytes& body) {
      // In the place of extended_master_secret and encrypt_then_mac, four bytes each.
      found = replace(body, Bytes{0, 22, 0, 0, 0, 23, 0, 0}, Bytes{0, 20, 0, 4, 3, 2, 1, 0});
    });
  }));
  EXPECT_TRUE(found);
  EXPECT_GT(judged, 0);
}

}  // namespace
}  // namespace drover::tests
