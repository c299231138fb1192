// SPDX-License-Identifier: Apache-2.0
#include "io/secret_file.hpp"

#include <sys/stat.h>

#include <fstream>
#include <utility>

#include "io/log.hpp"

namespace drover::io {

bool is_readable_by_everybody(const std::string& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

Result<Secret<std::string>> read_secret_line(const std::string& file) {
  if (file.empty()) return Secret<std::string>{};
  std::ifstream stream(file, std::ios::binary);
  std::string text;
  std::getline(stream, text);
  if (!stream && text.empty()) return tl::unexpected(Error{Fault::Environment, 0, file + ": can't be read"});
  if (text.ends_with('\r')) text.pop_back();
  if (text.size() > kSecretLineMax) return tl::unexpected(Error{Fault::Us, 0, file + ": its first line is too long"});
  if (is_readable_by_everybody(file)) {
    log::warn("everybody on this machine may read a password; chmod 600 mends it", {{"file", file}});
  }
  return Secret<std::string>(std::move(text));
}

}  // namespace drover::io
