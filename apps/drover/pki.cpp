// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/pki.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>

#include "base/bytes.hpp"
#include "security/identity.hpp"
#include "store/certificates.hpp"
#include "store/key_files.hpp"
#include "store/openssl.hpp"

namespace drover::cli {

namespace {

namespace openssl = store::openssl;
using openssl::Certificate;
using Role = store::CertificateRole;
using store::AlternativeNames;
using store::kCommonNameMax;
using openssl::Key;

constexpr const char* kAuthority = "ca";
constexpr const char* kServer = "server";
constexpr const char* kDevices = "devices";

tl::unexpected<Error> failure(std::string reason) {
  return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)});
}
tl::unexpected<Error> misuse(std::string reason) {
  return tl::unexpected(Error{Fault::Us, 0, std::move(reason)});
}

struct OutputFile {
  std::string name;
  Bytes content;
  bool is_private = false;
};

// ---- names ----------------------------------------------------------------------------------------------------------

/// The bytes of an IPv4 or IPv6 literal, brackets allowed.
std::optional<Bytes> address_of(std::string text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return Bytes(bytes.begin(), bytes.begin() + 4);
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return Bytes(bytes.begin(), bytes.end());
  return std::nullopt;
}

std::string bare(const std::string& name) {
  const bool bracketed = name.starts_with('[') && name.ends_with(']');
  return bracketed ? name.substr(1, name.size() - 2) : name;
}

bool is_host_name(const std::string& name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '*';
  };
  return !name.empty() && name.size() <= security::Identity::kNameMax && std::all_of(name.begin(), name.end(), fits);
}

/// Transport "X.509 Certificates": an IP literal is the common name or a URI entry; an iPAddress entry is for everybody
/// else (RFC 6125 §1.7.2).
AlternativeNames server_names(const std::vector<std::string>& servers) {
  AlternativeNames names;
  for (const std::string& server : servers) {
    if (const auto address = address_of(server)) {
      const std::string host = address->size() == 16 ? "[" + bare(server) + "]" : server;
      names.add(GEN_IPADD, *address);
      names.add(GEN_URI, "coaps://" + host);
    } else {
      names.add(GEN_DNS, server);
    }
  }
  return names;
}

// ---- files ----------------------------------------------------------------------------------------------------------

Bytes pem_of(const char* label, const Bytes& der) {
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio(bio.get(), label, "", der.data(), static_cast<long>(der.size()));
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  Bytes pem(data, data + size);
  OPENSSL_cleanse(data, static_cast<std::size_t>(size));
  return pem;
}

void add_both(std::vector<OutputFile>& files, const std::string& base, const char* label, Bytes der, bool is_private) {
  files.push_back({base + ".pem", pem_of(label, der), is_private});
  files.push_back({base + ".der", std::move(der), is_private});
}

/// Certificate, key (OneAsymmetricKey) and public key (SubjectPublicKeyInfo), each as PEM and DER.
void add_party(std::vector<OutputFile>& files, const std::string& base, X509* certificate, EVP_PKEY* key) {
  add_both(files, base, "CERTIFICATE", openssl::to_der<const X509*>(i2d_X509, certificate), false);
  const openssl::PrivateKeyInfo info(EVP_PKEY2PKCS8(key));
  add_both(files, base + ".key", "PRIVATE KEY", openssl::to_der<const PKCS8_PRIV_KEY_INFO*>(i2d_PKCS8_PRIV_KEY_INFO, info.get()),
           true);
  add_both(files, base + ".pub", "PUBLIC KEY", openssl::to_der<const EVP_PKEY*>(i2d_PUBKEY, key), false);
}

Result<void> write_file(const OutputFile& file) {
  const int fd = ::open(file.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file.is_private ? 0600 : 0644);
  if (fd < 0) return failure(file.name + ": " + std::generic_category().message(errno));
  errno = 0;
  const bool written =
      ::write(fd, file.content.data(), file.content.size()) == static_cast<ssize_t>(file.content.size());
  const int why = errno;
  if (::close(fd) == 0 && written) return {};
  ::unlink(file.name.c_str());
  return failure(file.name + ": " + (why == 0 ? "no space left" : std::generic_category().message(why)));
}

Result<std::vector<std::string>> write_all(const std::vector<OutputFile>& files) {
  std::error_code error;
  for (const OutputFile& file : files) {
    if (std::filesystem::exists(file.name, error)) return misuse(file.name + " exists already; nothing was written");
  }
  std::vector<std::string> names;
  for (const OutputFile& file : files) {
    std::filesystem::create_directories(std::filesystem::path(file.name).parent_path(), error);
    if (auto written = write_file(file); !written) return tl::unexpected(written.error());
    names.push_back(file.name);
  }
  return names;
}

Result<Bytes> read_file(const std::string& name) {
  std::ifstream stream(name, std::ios::binary);
  Bytes content;
  if (stream) content.assign(std::istreambuf_iterator<char>(stream), {});
  if (!stream) return failure(name + ": can't be read; drover pki init makes it");
  return content;
}

struct Authority {
  Key key;
  Certificate certificate;
};

Result<Authority> read_authority(const std::string& base) {
  const auto certificate = read_file(base + ".der");
  if (!certificate) return tl::unexpected(certificate.error());
  const auto content = read_file(base + ".key.der");
  if (!content) return tl::unexpected(content.error());
  const auto key = store::parse_private_key(*content, base + ".key.der");
  if (!key) return tl::unexpected(key.error());
  Authority authority;
  const unsigned char* at = key->reveal().data();
  authority.key.reset(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(key->reveal().size())));
  at = certificate->data();
  authority.certificate.reset(d2i_X509(nullptr, &at, static_cast<long>(certificate->size())));
  const bool fits = authority.key != nullptr && authority.certificate != nullptr &&
                    X509_check_private_key(authority.certificate.get(), authority.key.get()) == 1;
  if (!fits) return failure(base + ".key.der: is not the private key of " + base + ".der");
  return authority;
}

Result<void> check_endpoint(const std::string& endpoint) {
  const bool control = std::any_of(endpoint.begin(), endpoint.end(),
                                   [](char c) { return static_cast<std::uint8_t>(c) < 0x20 || c == 0x7F; });
  if (endpoint.empty() || !is_utf8(endpoint) || control) return misuse("an endpoint name must be text");
  const bool fits = endpoint.size() <= kCommonNameMax || endpoint.starts_with("urn:");
  if (fits && endpoint.size() <= security::Identity::kNameMax) return {};
  return misuse("endpoint name \"" + endpoint + "\" is too long for a certificate: " + std::to_string(kCommonNameMax) +
                " bytes, or " + std::to_string(security::Identity::kNameMax) + " for one that begins with urn:");
}

Result<void> add_devices(std::vector<OutputFile>& files, const PkiArguments& arguments, const Authority& authority) {
  for (const std::string& endpoint : arguments.endpoints) {
    if (auto fine = check_endpoint(endpoint); !fine) return fine;
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate = store::make_device_certificate(endpoint, key.get(), authority.certificate.get(),
                                                                   authority.key.get(), arguments.days);
    if (certificate == nullptr) return failure("no certificate for " + endpoint + ": " + openssl::error_text());
    add_party(files, arguments.folder + "/" + kDevices + "/" + file_name_of(endpoint), certificate.get(), key.get());
  }
  return {};
}

}  // namespace

std::string file_name_of(const std::string& endpoint) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string name;
  for (const char c : endpoint) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || c == '-' || c == '_' || c == ':' || c == '+' || (c == '.' && !name.empty())) {
      name += c;
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    name += {'%', kDigits[byte >> 4], kDigits[byte & 0x0F]};
  }
  return name;
}

Result<std::vector<std::string>> make_pki(const PkiArguments& arguments) {
  if (arguments.servers.empty()) return misuse("the server needs a name");
  for (const std::string& server : arguments.servers) {
    if (!address_of(server) && !is_host_name(server)) return misuse("\"" + server + "\" is no host name or IP address");
  }
  Authority authority;
  authority.key.reset(EVP_EC_gen("P-256"));
  authority.certificate =
      store::make_certificate({Role::Authority, "Drover test CA", nullptr, authority.key.get()}, nullptr, nullptr, arguments.days);
  const Key key(EVP_EC_gen("P-256"));
  const AlternativeNames names = server_names(arguments.servers);
  const std::string first = bare(arguments.servers.front());
  Certificate certificate;
  if (authority.certificate != nullptr) {
    certificate = store::make_certificate({Role::Server, first.size() <= kCommonNameMax ? first : "", &names, key.get()},
                                   authority.certificate.get(), authority.key.get(), arguments.days);
  }
  if (certificate == nullptr) return failure("no certificates: " + openssl::error_text());
  std::vector<OutputFile> files;
  add_party(files, arguments.folder + "/" + kAuthority, authority.certificate.get(), authority.key.get());
  add_party(files, arguments.folder + "/" + kServer, certificate.get(), key.get());
  if (auto added = add_devices(files, arguments, authority); !added) return tl::unexpected(added.error());
  return write_all(files);
}

Result<std::vector<std::string>> add_pki_devices(const PkiArguments& arguments) {
  const auto authority = read_authority(arguments.folder + "/" + kAuthority);
  if (!authority) return tl::unexpected(authority.error());
  std::vector<OutputFile> files;
  if (auto added = add_devices(files, arguments, *authority); !added) return tl::unexpected(added.error());
  return write_all(files);
}

}  // namespace drover::cli
