// SPDX-License-Identifier: Apache-2.0
// One error value from the place that noticed it to the answer, the log line and the counter.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace drover {

enum class Fault : std::uint8_t {
  Peer,         ///< the peer sent something it may not send
  Us,           ///< our own bug or a limit of ours
  Environment,  ///< disk, network, name service
};

/// What went wrong. `code` is the CoAP response code that the peer hears (RFC 7252 §12.1.2 as class << 5 | detail), 0
/// where no peer is to be answered; `reason` is one plain sentence without secrets.
struct Error {
  Fault fault = Fault::Peer;
  std::uint8_t code = 0;
  std::string reason;
};

template <class T>
using Result = tl::expected<T, Error>;

/// Shorthand for a failure caused by the peer: `return peer_error(0x80, "...")`.
inline tl::unexpected<Error> peer_error(std::uint8_t code, std::string reason) {
  return tl::unexpected<Error>(Error{Fault::Peer, code, std::move(reason)});
}

}  // namespace drover
