// SPDX-License-Identifier: Apache-2.0
// Block-wise bodies that the responder holds for its peers, with limits per peer and in all.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

#include "coap/exchange/context.hpp"
#include "coap/exchange/due_set.hpp"

namespace drover::coap {

/// Where the answer to one message goes.
struct Ask {
  MessageId id;
  Token token;
  Block block;                  ///< of Block2 that was asked for
  std::optional<Block> block1;  ///< to be repeated in the answer
};

/// A request body that arrives in blocks (RFC 7959 §2.5).
struct Incoming {
  Bytes bytes;  ///< empty when streamed
  std::size_t received = 0;
  std::optional<ContentFormat> format;
  /// Set when the blocks are handed to the user one by one (Parameters::stream_requests).
  std::optional<ResponderId> streamed_to;
};

/// A response body that is read in blocks (RFC 7959 §2.4).
struct Outgoing {
  Response head;  ///< with ETag; `payload` is the whole body unless streamed
  std::size_t total = 0;
  /// Set when the user is asked for each block, and for which message it was asked last.
  std::optional<ResponderId> streamed_from;
  std::optional<Ask> ask;
};

/// A resource of ours as one peer names it. Uploads and representations of it are different bodies.
struct BodyKey {
  transport::PeerAddress peer;
  std::uint64_t digest = 0;  ///< resource_digest()
  bool incoming = false;
  friend bool operator==(const BodyKey&, const BodyKey&) = default;
};

/// One body for each key. When a limit is reached the oldest kept representation of the peer (or of all) makes room: it
/// can be asked of the user again. An upload never does: past the limit the peer gets 5.03.
class Bodies {
 public:
  explicit Bodies(Context& context);

  Incoming* find_incoming(const transport::PeerAddress& peer, std::uint64_t digest);
  Outgoing* find_outgoing(const transport::PeerAddress& peer, std::uint64_t digest);
  Outgoing* find_streamed(ResponderId responder, BodyKey& key);
  Incoming* find_streamed_incoming(ResponderId responder, BodyKey& key);

  /// Replaces what the key had. Nothing when the limits leave no room.
  Incoming* put(Instant now, const transport::PeerAddress& peer, std::uint64_t digest, Incoming body);
  Outgoing* put(Instant now, const transport::PeerAddress& peer, std::uint64_t digest, Outgoing body);
  /// Adds bytes to an upload that is here. False when the limit of all bodies leaves no room for them.
  bool append(Instant now, const BodyKey& key, ByteView bytes);
  /// Takes the bytes of an upload that is here; it is dropped.
  Bytes take(const BodyKey& key);
  /// It was used: Parameters::body_lifetime begins again.
  void touch(Instant now, const BodyKey& key);
  void drop(const BodyKey& key);
  void drop_peer(const transport::PeerAddress& peer);

  /// Of messages to a peer.
  [[nodiscard]] MessageBudget budget(const transport::PeerAddress& peer) const {
    return context_.parameters.message_budget(peer);
  }

  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Deadline> deadline() const;
  [[nodiscard]] std::size_t size() const { return bodies_.size(); }

 private:
  using BodyNumber = std::uint64_t;
  struct KeyHash {
    std::uint64_t seed = 0;
    std::size_t operator()(const BodyKey& key) const noexcept {
      return static_cast<std::size_t>(mix(PeerHash{seed}(key.peer) ^ key.digest ^ (key.incoming ? 1U : 0U)));
    }
  };
  struct Body {
    BodyKey key;
    std::variant<Incoming, Outgoing> content;
    std::optional<Instant> due;
  };

  Body* find(const BodyKey& key);
  Body* put(Instant now, const BodyKey& key, std::variant<Incoming, Outgoing> content);
  /// For another body of `peer`.
  bool make_room(const transport::PeerAddress& peer);
  /// For so many bytes more. `number` is the body that asks for them; it doesn't make room itself.
  bool make_room(std::size_t bytes, BodyNumber number);
  [[nodiscard]] bool is_kept(BodyNumber number) const;
  bool refuse(const transport::PeerAddress& peer);
  void erase(BodyNumber number);

  Context& context_;
  std::map<BodyNumber, Body> bodies_;  ///< in the order of their age
  std::unordered_map<BodyKey, BodyNumber, KeyHash> by_key_;
  std::unordered_map<transport::PeerAddress, std::vector<BodyNumber>, PeerHash> by_peer_;
  std::unordered_map<ResponderId, BodyNumber> by_responder_;
  DueSet due_;
  BodyNumber next_ = 1;
  std::size_t bytes_ = 0;  ///< that all of them hold
};

}  // namespace drover::coap
