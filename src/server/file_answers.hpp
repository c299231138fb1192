// SPDX-License-Identifier: Apache-2.0
// Files for devices, block by block (RFC 7959 §2.4).
#pragma once

#include <memory>
#include <unordered_map>

#include "coap/exchange/types.hpp"
#include "server/files.hpp"
#include "stack/endpoint.hpp"

namespace drover::server {

/// Whoever knows a path gets its file: a Package URI has no place for anything else that would prove a right. A block
/// goes out of the file itself; a client may begin at any block, as one that was interrupted does.
class FileAnswers {
 public:
  /// `files` outlives it, or is nullptr: nothing is answered. `patience`: how long a client may be silent between two
  /// blocks until its file is let go of; coap::Parameters::body_lifetime.
  FileAnswers(const Files* files, Duration patience) : files_(files), patience_(patience) {}

  /// False, and nothing is answered, when it asks for no file.
  bool answer(Instant now, const coap::RequestArrived& arrived, stack::Endpoint& endpoint);
  void supply(Instant now, const coap::BodyWanted& wanted, stack::Endpoint& endpoint);

 private:
  struct Reader {
    std::shared_ptr<const File> file;
    Instant used{};
  };
  void forget_old(Instant now);

  const Files* files_;
  Duration patience_;
  std::unordered_map<coap::ResponderId, Reader> readers_;
  std::size_t look_at_ = 64;  ///< readers, before the old ones are looked for
};

}  // namespace drover::server
