// SPDX-License-Identifier: Apache-2.0
#include "io/standard_output.hpp"

#include <cerrno>
#include <cstdio>
#include <iostream>

#include "io/socket_address.hpp"

namespace drover::io {

Result<void> finish_output() {
  errno = 0;
  std::cout.flush();
  const bool flushed = std::fflush(stdout) == 0;
  const int number = errno;
  if (flushed && std::ferror(stdout) == 0 && std::cout.good()) return {};
  // Who wrote may have noticed before: then the system's reason is gone.
  const std::string why = number != 0 ? error_text(number) : "it is full, or its reader left";
  return tl::unexpected(Error{Fault::Environment, 0, "cannot write to standard output: " + why});
}

}  // namespace drover::io
