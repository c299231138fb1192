// SPDX-License-Identifier: Apache-2.0
// How a response becomes one message: whole, or one block of it (RFC 7959 §2.4).
#pragma once

#include "coap/exchange/bodies.hpp"

namespace drover::coap {

/// The block that is answered when `asked` was asked for: at the same offset, not larger than we prefer. Nothing when
/// its number can't be expressed.
std::optional<Block> block_to_answer(const Block& asked, std::uint8_t szx_preferred);

/// A response as message that answers `ask` with `bytes` at the block's offset. Size2 and Observe go with block 0 only.
Message cut(const Response& head, const Ask& ask, std::size_t total, ByteView bytes);

/// The block at the offset of `ask.block`, not larger than that, whose message fits `budget`: one short message, or where
/// even 16 bytes don't fit into one, several. Nothing when they don't fit at all, or the number can't be expressed.
std::optional<Block> fit_block(const MessageBudget& budget, const Response& head, const Ask& ask, std::size_t total);

/// 5.00 without a word: for an answer that its peer's messages can't hold.
Message unsendable(const Ask& ask);

/// Sees that a body of several blocks has an ETag: the user's own or a hash of the body.
void tag_body(Response& response, std::uint64_t tag);
std::uint64_t body_hash(ByteView body);

/// `asked` tells whether the request had a Block2 option. What doesn't fit into one block is kept in `bodies`, so that
/// the other blocks can be asked for. Where the peer's messages are limited a block's size is what fits into one; an
/// error's diagnostic is shortened to that, and what doesn't fit at all becomes unsendable().
Message shape(Instant now, Bodies& bodies, const BodyKey& key, const Ask& ask, bool asked, Response response);

}  // namespace drover::coap
