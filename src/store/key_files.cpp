// SPDX-License-Identifier: Apache-2.0
#include "store/key_files.hpp"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>

#include "store/openssl.hpp"

namespace drover::store {

namespace {

tl::unexpected<Error> wrong(const std::string& where, const std::string& reason) {
  ERR_clear_error();
  return tl::unexpected(Error{Fault::Us, 0, where + ": " + reason});
}

bool is_pem(ByteView content) {
  return as_text(content).find("-----BEGIN ") != std::string_view::npos;
}

/// Nobody is there to be asked for a passphrase.
int no_passphrase(char*, int, int, void*) {
  return 0;
}

/// One element at the front of `rest`: its identifier byte and all its bytes. Nothing for what isn't DER of a definite
/// length; lengths up to 64 KiB.
struct Element {
  std::uint8_t tag = 0;
  ByteView whole;
  ByteView content;
};
std::optional<Element> take_element(ByteView& rest) {
  if (rest.size() < 2) return std::nullopt;
  std::size_t header = 2;
  std::size_t length = rest[1];
  if (length >= 0x80) {
    const std::size_t octets = length & 0x7FU;
    if (octets < 1 || octets > 2 || rest.size() < 2 + octets) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < octets; ++i) length = length << 8 | rest[2 + i];
    header += octets;
  }
  if (rest.size() - header < length) return std::nullopt;
  const Element element{rest[0], rest.first(header + length), rest.subspan(header, length)};
  rest = rest.subspan(header + length);
  return element;
}

constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kOctets = 0x04;

/// OneAsymmetricKey ::= SEQUENCE { version INTEGER, algorithm SEQUENCE, privateKey OCTET STRING, attributes [0] OPTIONAL,
/// publicKey [1] OPTIONAL } (RFC 5958 §2). libcrypto 3.0 knows PKCS #8, which has no [1]: of the second version, what
/// the first one says. Empty for everything else.
Bytes first_version(ByteView der) {
  const auto outer = take_element(der);
  if (!outer || outer->tag != kSequence || !der.empty()) return {};
  ByteView rest = outer->content;
  const auto version = take_element(rest);
  const bool second = version && version->tag == kInteger && version->content.size() == 1 && version->content[0] == 1;
  const auto algorithm = take_element(rest);
  const auto key = take_element(rest);
  if (!second || !algorithm || algorithm->tag != kSequence || !key || key->tag != kOctets) return {};
  Bytes body = {kInteger, 1, 0};
  for (const ByteView part : {algorithm->whole, key->whole}) body.insert(body.end(), part.begin(), part.end());
  Bytes first = {kSequence, 0x82, static_cast<std::uint8_t>(body.size() >> 8), static_cast<std::uint8_t>(body.size())};
  if (body.size() < 0x80) first = {kSequence, static_cast<std::uint8_t>(body.size())};
  if (body.size() >= 0x80 && body.size() < 0x100) first = {kSequence, 0x81, static_cast<std::uint8_t>(body.size())};
  first.insert(first.end(), body.begin(), body.end());
  OPENSSL_cleanse(body.data(), body.size());
  return first;
}

openssl::Key private_key_of_der(ByteView der) {
  const unsigned char* at = der.data();
  openssl::Key key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
  if (key == nullptr) {
    Bytes first = first_version(der);
    at = first.data();
    if (!first.empty()) key.reset(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(first.size())));
    if (!first.empty()) OPENSSL_cleanse(first.data(), first.size());
    return key;
  }
  if (at != der.data() + der.size()) key.reset();
  return key;
}

openssl::Key private_key_of_pem(ByteView content) {
  unsigned char* data = nullptr;
  char* name = nullptr;
  long size = 0;
  const openssl::Bio bio = openssl::borrow(content);
  // Not PEM_read_bio_PrivateKey: it wouldn't know the second version.
  openssl::Key key;
  const auto wanted = [&](int (*read)(unsigned char**, long*, char**, const char*, BIO*, pem_password_cb*, void*),
                          const char* kind) {
    return read(&data, &size, &name, kind, bio.get(), no_passphrase, nullptr) == 1;
  };
  if (wanted(PEM_bytes_read_bio, PEM_STRING_EVP_PKEY)) {
    key = private_key_of_der({data, static_cast<std::size_t>(size)});
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
    OPENSSL_free(name);
  }
  return key;
}

Result<Bytes> read_file(const std::string& file) {
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  Bytes content;
  if (stream) content.assign(std::istreambuf_iterator<char>(stream), {});
  if (!stream || stream.bad()) {
    const std::string why = errno == 0 ? "can't be read" : std::generic_category().message(errno);
    return tl::unexpected(Error{Fault::Environment, 0, file + ": " + why});
  }
  if (content.size() > kKeyFileMax) return wrong(file, "is larger than any key or certificate");
  return content;
}

Result<security::CertificateCredential> read_certificate(const ServerCredentialFiles& files) {
  if (files.certificate.empty() || files.private_key.empty()) {
    return tl::unexpected(Error{Fault::Us, 0, "certificate and private_key must be given together"});
  }
  const auto content = read_file(files.certificate);
  if (!content) return tl::unexpected(content.error());
  auto chain = parse_certificates(*content, files.certificate);
  if (!chain) return tl::unexpected(chain.error());
  const auto private_content = read_file(files.private_key);
  if (!private_content) return tl::unexpected(private_content.error());
  auto key = parse_private_key(*private_content, files.private_key);
  if (!key) return tl::unexpected(key.error());
  const auto certified = public_key_of_certificate(chain->front(), files.certificate);
  if (!certified) return tl::unexpected(certified.error());
  if (*certified != public_key_of(*key, files.private_key)) {
    return wrong(files.private_key, "is not the private key of the first certificate in " + files.certificate);
  }
  return security::CertificateCredential{std::move(*chain), std::move(*key)};
}

Result<security::RawKeyCredential> read_raw_key(const ServerCredentialFiles& files) {
  if (files.raw_private_key.empty()) {
    return tl::unexpected(Error{Fault::Us, 0, "raw_public_key needs raw_private_key"});
  }
  const auto content = read_file(files.raw_private_key);
  if (!content) return tl::unexpected(content.error());
  auto key = parse_private_key(*content, files.raw_private_key);
  if (!key) return tl::unexpected(key.error());
  auto own = public_key_of(*key, files.raw_private_key);
  if (!own) return tl::unexpected(own.error());
  if (!files.raw_public_key.empty()) {
    const auto public_content = read_file(files.raw_public_key);
    if (!public_content) return tl::unexpected(public_content.error());
    const auto given = parse_public_key(*public_content, files.raw_public_key);
    if (!given) return tl::unexpected(given.error());
    if (*given != *own) return wrong(files.raw_private_key, "is not the private key of " + files.raw_public_key);
  }
  return security::RawKeyCredential{std::move(*own), std::move(*key)};
}

}  // namespace

Result<Bytes> parse_public_key(ByteView content, const std::string& where) {
  openssl::Key key;
  bool whole = true;
  if (is_pem(content)) {
    key.reset(PEM_read_bio_PUBKEY(openssl::borrow(content).get(), nullptr, no_passphrase, nullptr));
  } else {
    const unsigned char* at = content.data();
    key.reset(d2i_PUBKEY(nullptr, &at, static_cast<long>(content.size())));
    whole = at == content.data() + content.size();
  }
  if (key == nullptr || !whole) return wrong(where, "is no SubjectPublicKeyInfo in PEM or DER");
  return openssl::to_der<const EVP_PKEY*>(i2d_PUBKEY, key.get());
}

Result<Secret<Bytes>> parse_private_key(ByteView content, const std::string& where) {
  const openssl::Key key = is_pem(content) ? private_key_of_pem(content) : private_key_of_der(content);
  if (key == nullptr) {
    return wrong(where, "is no private key without passphrase in PEM or DER (OneAsymmetricKey, PKCS #8 or SEC 1)");
  }
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC) return wrong(where, "is not the key of an elliptic curve");
  const openssl::PrivateKeyInfo info(EVP_PKEY2PKCS8(key.get()));
  if (info == nullptr) return wrong(where, "can't be written as PKCS #8");
  return Secret<Bytes>(openssl::to_der<const PKCS8_PRIV_KEY_INFO*>(i2d_PKCS8_PRIV_KEY_INFO, info.get()));
}

Result<std::vector<Bytes>> parse_certificates(ByteView content, const std::string& where) {
  std::vector<Bytes> list;
  if (is_pem(content)) {
    const openssl::Bio bio = openssl::borrow(content);
    while (const openssl::Certificate certificate{PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)}) {
      list.push_back(openssl::to_der<const X509*>(i2d_X509, certificate.get()));
    }
    // "No more" is how a list ends; a certificate that can't be read isn't.
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) list.clear();
    ERR_clear_error();
  } else {
    const unsigned char* at = content.data();
    const openssl::Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(content.size())));
    const bool whole = at == content.data() + content.size();
    if (certificate != nullptr && whole) list.emplace_back(content.begin(), content.end());
  }
  if (list.empty()) return wrong(where, "is no certificate in PEM or DER");
  return list;
}

Result<Bytes> public_key_of(const Secret<Bytes>& private_key, const std::string& where) {
  const openssl::Key key = private_key_of_der(private_key.reveal());
  Bytes der;
  if (key != nullptr) der = openssl::to_der<const EVP_PKEY*>(i2d_PUBKEY, key.get());
  if (der.empty()) return wrong(where, "has no public key");
  return der;
}

Result<Bytes> public_key_of_certificate(ByteView certificate, const std::string& where) {
  const unsigned char* at = certificate.data();
  const openssl::Certificate parsed(d2i_X509(nullptr, &at, static_cast<long>(certificate.size())));
  EVP_PKEY* const key = parsed == nullptr ? nullptr : X509_get0_pubkey(parsed.get());
  if (key == nullptr) return wrong(where, "has no public key that is known here");
  return openssl::to_der<const EVP_PKEY*>(i2d_PUBKEY, key);
}

Result<security::ServerCredentials> read_server_credentials(const ServerCredentialFiles& files) {
  security::ServerCredentials credentials;
  if (!files.certificate.empty() || !files.private_key.empty()) {
    auto certificate = read_certificate(files);
    if (!certificate) return tl::unexpected(certificate.error());
    credentials.certificate = std::move(*certificate);
  }
  if (!files.raw_public_key.empty() || !files.raw_private_key.empty()) {
    auto key = read_raw_key(files);
    if (!key) return tl::unexpected(key.error());
    credentials.raw_key = std::move(*key);
  }
  for (const std::string& file : files.trust_anchors) {
    const auto content = read_file(file);
    if (!content) return tl::unexpected(content.error());
    auto anchors = parse_certificates(*content, file);
    if (!anchors) return tl::unexpected(anchors.error());
    for (Bytes& anchor : *anchors) credentials.trust_anchors.push_back(std::move(anchor));
  }
  return credentials;
}

}  // namespace drover::store
