// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/token_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/uri.hpp"
#include "io/file_descriptor.hpp"

namespace drover::cli {
namespace {

constexpr std::size_t kFileMax = 256;  // a token has 50 bytes

tl::unexpected<Error> wrong(std::string reason) {
  return tl::unexpected(Error{Fault::Us, 0, std::move(reason)});
}

/// A header's value must stay one; whether the server knows it is the server's to say.
Result<Secret<std::string>> checked(std::string text, const std::string& where) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  const bool fine = !text.empty() && text.starts_with("drover_") &&
                    std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (!fine) return wrong(where + " holds no token: it begins with drover_");
  return Secret<std::string>(std::move(text));
}

Result<Secret<std::string>> read_token_file(const std::string& name) {
  const io::FileDescriptor file(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return wrong(name + ": " + std::strerror(errno));
  // What is looked at is what is read. A pipe of the shell's is nobody else's anyway.
  if (S_ISREG(status.st_mode) && (status.st_mode & 077) != 0) {
    return wrong(name + " can be read by others; do: chmod 600 " + name);
  }
  std::array<char, kFileMax> bytes{};
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (got < 0) return wrong(name + ": " + std::strerror(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  return checked(std::string(bytes.data(), size), name);
}

}  // namespace

std::string home_token_file() {
  if (const char* const config = std::getenv("XDG_CONFIG_HOME"); config != nullptr && *config != '\0') {
    return std::string(config) + "/drover/token";
  }
  const char* const home = std::getenv("HOME");
  return home != nullptr && *home != '\0' ? std::string(home) + "/.config/drover/token" : std::string();
}

Result<Secret<std::string>> find_token(const TokenPlaces& places) {
  if (!places.file.empty()) return read_token_file(places.file);
  if (!places.environment.empty()) return checked(places.environment, "DROVER_TOKEN");
  if (places.home_file.empty() || ::access(places.home_file.c_str(), F_OK) != 0) return Secret<std::string>();
  return read_token_file(places.home_file);
}

Result<void> check_token_url(const std::string& url) {
  const auto parsed = parse_uri(url);
  if (!parsed) return wrong(url + ": " + parsed.error().reason);
  if (parsed->scheme == "https") return {};
  const std::string& host = parsed->host;
  const bool digits = host.find_first_not_of("0123456789.") == std::string::npos;
  if (host == "localhost" || host == "::1" || (host.starts_with("127.") && digits)) return {};
  return wrong("a token isn't sent over http to " + host + ", where anybody on the way could read it; use https");
}

}  // namespace drover::cli
