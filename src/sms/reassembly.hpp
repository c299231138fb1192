// SPDX-License-Identifier: Apache-2.0
// Messages put together from their short messages, whatever order these come in (3GPP TS 23.040 §9.2.3.24.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/bytes.hpp"
#include "base/keyed_hash.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "sms/user_data.hpp"

namespace drover::sms {

struct ReassemblyLimits {
  Duration wait{};           ///< for the missing parts, from the first that came
  std::size_t messages = 1;  ///< unfinished ones of all peers, and finished ones whose repeated parts are still known
  std::size_t messages_per_peer = 1;
  std::size_t parts = kPartsMax;  ///< of one message
};

/// A message is known by its peer, the reference with its width, and the number of parts. Where there is no room for a
/// new one, finished ones go first and then the oldest. A part that came before is ignored, for a while also when its
/// message is finished; one of the same number with another content begins a new message, since references come again.
/// One thread at a time.
class Reassembly {
 public:
  struct Whole {
    UserDataHeader header;  ///< of the first part
    Bytes text = {};
  };

  /// `rng` is used here only.
  Reassembly(const ReassemblyLimits& limits, Rng& rng) : limits_(limits), hash_(rng) {}

  /// `part` has a concatenation with at most ReassemblyLimits::parts. Returns the message that it completes.
  std::optional<Whole> add(Instant now, const std::string& peer, const UserData& part);

  void handle_timeout(Instant now);
  /// When handle_timeout() is to be called.
  [[nodiscard]] std::optional<Instant> deadline() const;
  /// Unfinished messages whose time was over, or whose place others took.
  [[nodiscard]] std::uint64_t given_up() const { return given_up_; }
  /// Messages that take a place.
  [[nodiscard]] std::size_t size() const { return by_name_.size(); }

 private:
  using Name = std::tuple<std::string, bool, std::uint16_t, std::uint8_t>;
  struct Part {
    bool came = false;
    std::uint64_t hash = 0;
    Bytes text = {};
  };
  struct Message {
    Name name;
    Instant ends;
    UserDataHeader header;
    std::vector<Part> parts;
    std::size_t missing = 0;
  };
  using Messages = std::list<Message>;

  Messages::iterator begin(Instant now, const Name& name, const std::string& peer);
  void make_room(const std::string& peer);
  void forget(Messages::iterator message);
  Whole finish(Instant now, Messages::iterator message);

  ReassemblyLimits limits_;
  KeyedHash hash_;
  Messages open_, finished_;  ///< each from the one that ends first
  std::map<Name, Messages::iterator> by_name_;
  std::uint64_t given_up_ = 0;
};

}  // namespace drover::sms
