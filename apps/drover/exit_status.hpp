// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace drover::cli {

/// What scripts can tell apart. Written down in --help and the manual page.
enum ExitStatus : int {
  kOk = 0,
  kDeviceError = 1,    ///< the device answered with an error code
  kUsage = 2,          ///< wrong command line, or a request that the server finds wrong
  kNotRegistered = 3,  ///< no such device, or its registration ended meanwhile
  kNoAnswer = 4,       ///< the device didn't answer in time, or not in a way that can be used
  kServer = 5,         ///< the server can't be reached or is in trouble itself
  kOutput = 6,         ///< what was to be printed is lost: a full disk, a reader that left
  kDenied = 7,         ///< the server wants a token, or one of a higher role
  kQueued = 8,         ///< the operation waits for the device, or for its answer
};

}  // namespace drover::cli
