// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "io/byte_stream.hpp"

namespace drover::io {

struct SerialSettings {
  unsigned baud = 115'200;   ///< one of those that Linux has a name for, 300 to 4,000,000; a USB modem ignores it
  bool flow_control = false;  ///< RTS/CTS
};

/// Opens a terminal device (a UART, a USB modem, a pseudo-terminal) raw, with 8 bits, no parity and one stop bit, and
/// takes an advisory lock on it (flock(2)). What waits to be read is thrown away. Devices without modem lines (DTR,
/// RTS) are fine. Errors: no such device, no permission, not a terminal, in use by a program that locks it, an unknown
/// rate.
Result<ByteStream> open_serial_device(const std::string& path, const SerialSettings& settings);

}  // namespace drover::io
