// SPDX-License-Identifier: Apache-2.0
#include "io/secret_file.hpp"

#include <sys/stat.h>

namespace drover::io {

bool is_readable_by_everybody(const std::string& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

}  // namespace drover::io
