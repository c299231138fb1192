// SPDX-License-Identifier: Apache-2.0
#include "apps/device/security.hpp"

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "lwm2m/content/base64.hpp"
#include "security/identity.hpp"

namespace drover::device {
namespace {

constexpr std::size_t kFileMax = 64 << 10;  // bytes; a chain has a few kilobytes
constexpr std::string_view kBase64 = "base64:";

tl::unexpected<Error> wrong(std::string reason) {
  return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)});
}

Result<std::string> content_of(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text;
  if (stream) text.assign(std::istreambuf_iterator<char>(stream), {});
  if (!stream.good() && !stream.eof()) return wrong(file + ": can't be read");
  if (text.empty()) return wrong(file + ": is empty");
  if (text.size() > kFileMax) return wrong(file + ": is longer than " + std::to_string(kFileMax) + " bytes");
  return text;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string path_in(Section& section, std::string_view key, const std::string& folder) {
  const auto name = section.filled_text(key);
  if (!name) section.refuse({}, std::string(key) + " is missing");
  return (std::filesystem::path(folder) / *name).string();
}

template <class T>
T value_or_refuse(const Section& section, std::string_view key, Result<T> value) {
  if (!value) section.refuse(key, std::string(key) + ": " + value.error().reason);
  return std::move(*value);
}

Bytes der_of(Section& section, std::string_view key, const std::string& folder, std::string_view label) {
  const std::string file = path_in(section, key, folder);
  return value_or_refuse(section, key, read_der(file, label));
}

Secret<Bytes> private_key_of(Section& section, const std::string& folder, std::vector<std::string>& key_files) {
  key_files.push_back(path_in(section, "private_key_file", folder));
  return Secret<Bytes>(value_or_refuse(section, "private_key_file", read_der(key_files.back(), "PRIVATE KEY")));
}

void read_psk(Section& section, const std::string& folder, client::SecurityValues& values,
              std::vector<std::string>& key_files) {
  values.mode = client::SecurityObject::kPreSharedKey;
  const auto identity = section.filled_text("identity");
  const auto key = section.text("key");
  const bool has_file = section.has("key_file");
  if (!identity) section.refuse({}, "identity is missing");
  if (identity->size() > drover::security::kPskIdentityMax) {
    section.refuse("identity", "identity has at most " + std::to_string(drover::security::kPskIdentityMax) + " bytes");
  }
  values.identity = to_bytes(*identity);
  if (key.has_value() == has_file) section.refuse({}, "psk needs one of key and key_file");
  if (key) {
    values.key = value_or_refuse(section, "key", parse_key(*key));
    return;
  }
  key_files.push_back(path_in(section, "key_file", folder));
  values.key = value_or_refuse(section, "key_file", read_key(key_files.back()));
}

}  // namespace

Result<Secret<Bytes>> parse_key(std::string_view text) {
  text = trimmed(text);
  const bool base64 = text.starts_with(kBase64);
  auto decoded = base64 ? lwm2m::content::from_base64(text.substr(kBase64.size())) : from_hex(text);
  if (!decoded) {
    return wrong(base64 ? "what follows \"base64:\" isn't base64"
                        : "a key consists of hex digits, two a byte, or begins with \"base64:\"");
  }
  Secret<Bytes> key(std::move(*decoded));
  const std::size_t size = key.reveal().size();
  if (size == 0 || size > drover::security::kPskMax) {
    return wrong("a key has 1 to " + std::to_string(drover::security::kPskMax) + " bytes, this one " + std::to_string(size));
  }
  return key;
}

Result<Secret<Bytes>> read_key(const std::string& file) {
  const auto text = content_of(file);
  if (!text) return tl::unexpected(text.error());
  auto key = parse_key(*text);
  if (!key) return wrong(file + ": " + key.error().reason);
  return key;
}

Result<Bytes> read_der(const std::string& file, std::string_view label) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kDashes = "-----";
  constexpr char kSequence = 0x30;
  const auto text = content_of(file);
  if (!text) return tl::unexpected(text.error());
  if (text->front() == kSequence) return to_bytes(*text);
  Bytes all;
  std::string_view rest = *text;
  for (std::size_t at = rest.find(kBegin); at != std::string_view::npos; at = rest.find(kBegin)) {
    rest.remove_prefix(at + kBegin.size());
    const std::size_t dashes = rest.find(kDashes);
    if (dashes == std::string_view::npos) break;
    const std::string_view found = rest.substr(0, dashes);
    rest.remove_prefix(dashes + kDashes.size());
    const std::size_t end = rest.find(kDashes);
    if (end == std::string_view::npos) break;
    if (!found.ends_with(label)) continue;
    if (found.starts_with("ENCRYPTED")) return wrong(file + ": is encrypted; give it without a password");
    std::string base64;
    for (const char c : rest.substr(0, end)) {
      if (std::isspace(static_cast<unsigned char>(c)) == 0) base64 += c;
    }
    const auto der = lwm2m::content::from_base64(base64);
    if (!der) return wrong(file + ": its " + std::string(label) + " isn't base64");
    all.insert(all.end(), der->begin(), der->end());
  }
  if (all.empty()) return wrong(file + ": holds neither DER nor a PEM block \"" + std::string(label) + "\"");
  return all;
}

client::SecurityValues read_security(Section section, const std::string& folder, std::vector<std::string>& key_files) {
  client::SecurityValues values;
  const auto mode = section.text("mode");
  if (mode == "psk") {
    read_psk(section, folder, values, key_files);
  } else if (mode == "rpk") {
    values.mode = client::SecurityObject::kRawPublicKey;
    values.identity = der_of(section, "public_key_file", folder, "PUBLIC KEY");
    values.key = private_key_of(section, folder, key_files);
    values.server_key = der_of(section, "server_public_key_file", folder, "PUBLIC KEY");
  } else if (mode == "x509") {
    values.mode = client::SecurityObject::kCertificate;
    values.identity = der_of(section, "certificate_file", folder, "CERTIFICATE");
    values.key = private_key_of(section, folder, key_files);
    values.server_key = der_of(section, "trust_anchor_file", folder, "CERTIFICATE");
  } else {
    section.refuse("mode", "mode takes \"psk\", \"rpk\" or \"x509\"");
  }
  section.finish();
  return values;
}

client::SmsValues read_server_sms(Section section, const std::string& folder, std::vector<std::string>& key_files) {
  client::SmsValues values;
  values.number = section.filled_text("number").value_or("");
  if (!values.number.empty() && !client::msisdn_digits(values.number)) {
    section.refuse("number", "a number is digits with the country code");
  }
  const std::string mode = section.text("mode").value_or("");
  if (mode == "device") values.mode = client::SecurityObject::kSmsOnDevice;
  if (mode == "smartcard") values.mode = client::SecurityObject::kSmsOnSmartcard;
  if (mode == "nosec") values.mode = client::SecurityObject::kSmsNoSec;
  if (!values.mode) section.refuse("mode", "mode takes \"device\", \"smartcard\" or \"nosec\"");
  const auto identity = section.filled_text("identity");
  const auto parameters = section.filled_text("parameters");
  if (identity && parameters) section.refuse("parameters", "identity is for DTLS, parameters are for secured packets");
  if (identity) values.key_parameters = to_bytes(*identity);
  if (parameters) {
    auto octets = from_hex(*parameters);
    if (!octets) section.refuse("parameters", "parameters are 14 hex digits: KIc, KID, SPI, TAR");
    values.key_parameters = std::move(*octets);
  }
  const auto take = [&](const char* key, Result<Secret<Bytes>> read) {
    if (!read) section.refuse(key, std::string(key) + ": " + read.error().reason);
    values.keys = std::move(*read);
  };
  if (const auto key = section.filled_text("key")) take("key", parse_key(*key));
  if (const auto file = section.filled_text("key_file")) {
    key_files.push_back((std::filesystem::path(folder) / *file).string());
    take("key_file", read_key(key_files.back()));
  }
  section.finish();
  return values;
}

Secret<std::string> read_pin(const Section& section, const std::string& file) {
  constexpr std::size_t kPinMin = 4;  // 3GPP TS 31.101 §9.5.1
  constexpr std::size_t kPinMax = 8;
  std::ifstream stream(file);
  std::string pin;
  if (!(stream >> pin)) section.refuse("pin_file", file + ": can't be read, or is empty");
  const bool digits = pin.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || pin.size() < kPinMin || pin.size() > kPinMax) {
    section.refuse("pin_file", file + ": a PIN has 4 to 8 digits");
  }
  return Secret<std::string>(std::move(pin));
}

}  // namespace drover::device
