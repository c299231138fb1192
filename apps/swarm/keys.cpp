// SPDX-License-Identifier: Apache-2.0
#include "apps/swarm/keys.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "apps/device/security.hpp"
#include "io/file_descriptor.hpp"
#include "io/socket_address.hpp"
#include "security/cipher/digest.hpp"

namespace drover::swarm {
namespace {

constexpr std::string_view kHeader = "kind,identity,key\n";
constexpr std::size_t kPiece = 64 << 10;  // bytes written at once

tl::unexpected<Error> wrong(Fault fault, std::string reason) {
  return tl::unexpected(Error{fault, 0, std::move(reason)});
}

/// RFC 4180 §2: a prefix may be anything.
std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string text = "\"";
  for (const char c : field) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

}  // namespace

Result<Keys> Keys::read(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return wrong(Fault::Us, file + ": " + io::error_text(errno));
  if (S_ISREG(status.st_mode) && (status.st_mode & 077) != 0) {
    return wrong(Fault::Us, file + " can be read by others; do: chmod 600 " + file);
  }
  auto secret = device::read_key(file);
  if (!secret) return wrong(Fault::Us, secret.error().reason);
  if (secret->reveal().size() < kSecretMin) {
    return wrong(Fault::Us, file + ": the secret has less than " + std::to_string(kSecretMin) + " bytes");
  }
  return Keys(std::move(*secret));
}

security::PskCredential Keys::credential(std::string endpoint) const {
  const auto key = security::cipher::hmac_sha256(secret_.reveal(), as_bytes(endpoint));
  return {std::move(endpoint), Secret<Bytes>(Bytes(key.begin(), key.end()))};
}

Result<void> write_credentials(const Options& options, const Keys& keys, const std::string& file) {
  const bool standard = file == "-";
  const int fd = standard ? STDOUT_FILENO : ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return wrong(Fault::Us, file + ": " + io::error_text(errno));
  std::string text(kHeader);
  bool fine = true;
  for (std::uint32_t device = 0; device < options.count && fine; ++device) {
    const security::PskCredential credential = keys.credential(options.endpoint(device));
    text += "psk," + quoted(credential.identity) + "," + to_hex(credential.key.reveal()) + "\n";
    if (text.size() < kPiece && device + 1 < options.count) continue;
    fine = io::write_all(fd, as_bytes(text));
    text.clear();
  }
  int code = errno;
  if (!standard && ::close(fd) != 0 && std::exchange(fine, false)) code = errno;
  if (fine) return {};
  return wrong(Fault::Environment, (standard ? std::string("standard output") : file) + ": " + io::error_text(code));
}

}  // namespace drover::swarm
