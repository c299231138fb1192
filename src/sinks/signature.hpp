// SPDX-License-Identifier: Apache-2.0
// What tells a webhook's receiver that a request is from this server, and not an old one again.
#pragma once

#include <string>
#include <string_view>

#include "base/time.hpp"

namespace drover::sinks {

/// "t=1700000000,v1=HEX": HMAC-SHA256 (RFC 2104) with `secret` of "1700000000" + "." + body, in lower case. The receiver
/// computes the same of what it got, compares in constant time, and refuses a `t` that is more than some minutes off.
std::string signature_of(std::string_view secret, UnixSeconds at, std::string_view body);

}  // namespace drover::sinks
