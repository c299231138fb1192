// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/plan.hpp"

namespace drover::bootstrap {

const char* to_string(SecurityMode mode) {
  switch (mode) {
    case SecurityMode::Psk: return "psk";
    case SecurityMode::RawPublicKey: return "rpk";
    case SecurityMode::Certificate: return "x509";
    case SecurityMode::NoSec: return "nosec";
  }
  return "?";
}

}  // namespace drover::bootstrap
