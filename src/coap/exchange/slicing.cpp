// SPDX-License-Identifier: Apache-2.0
#include "coap/exchange/slicing.hpp"

#include <algorithm>
#include <utility>

#include "base/reader.hpp"

namespace drover::coap {

std::optional<Block> block_to_answer(const Block& asked, std::uint8_t szx_preferred) {
  const std::uint8_t szx = std::min(asked.szx, szx_preferred);
  const std::size_t num = asked.offset() / Block{0, false, szx}.size();
  if (num > Block::kNumMax) return std::nullopt;
  return Block{static_cast<std::uint32_t>(num), false, szx};
}

Message cut(const Response& head, const Ask& ask, std::size_t total, ByteView bytes) {
  Message message;
  message.code = head.code;
  message.token = ask.token;
  message.options = head.options;
  if (ask.block1) message.options.set_block1(*ask.block1);
  const bool more = ask.block.offset() + bytes.size() < total;
  message.options.set_block2({ask.block.num, more, ask.block.szx});
  if (ask.block.num == 0) {
    message.options.set_uint(OptionNumber::Size2, total);
  } else {
    message.options.remove(OptionNumber::Observe);
  }
  message.payload.assign(bytes.begin(), bytes.end());
  return message;
}

void tag_body(Response& response, std::uint64_t tag) {
  if (response.options.has(OptionNumber::ETag)) return;
  ByteWriter value;
  value.uint(tag, sizeof tag);
  response.options.set(OptionNumber::ETag, value.view());
}

std::uint64_t body_hash(ByteView body) {
  return hash_bytes(0, body);
}

Message shape(Instant now, Bodies& bodies, const BodyKey& key, const Ask& ask, bool asked, Response response) {
  const std::size_t total = response.payload.size();
  const std::size_t size = ask.block.size();
  const bool whole = total <= size && (ask.block.num == 0 || !response.code.is_success());
  if (whole) {
    Message message;
    message.code = response.code;
    message.token = ask.token;
    message.options = std::move(response.options);
    if (ask.block1) message.options.set_block1(*ask.block1);
    if (asked && response.code.is_success() && total != 0) message.options.set_block2(ask.block);
    message.payload = std::move(response.payload);
    return message;
  }
  const std::size_t offset = ask.block.offset();
  if (offset >= total) {
    Message message;
    message.code = code::kBadRequest;
    message.token = ask.token;
    message.payload = to_bytes("block past the end of the body");
    return message;
  }
  tag_body(response, body_hash(response.payload));
  const std::size_t length = std::min(size, total - offset);
  Message message = cut(response, ask, total, ByteView(response.payload).subspan(offset, length));
  if (offset + length < total) {
    response.options.remove(OptionNumber::Observe);
    bodies.put(now, key.peer, key.digest, Outgoing{std::move(response), total, std::nullopt, std::nullopt});
  }
  return message;
}

}  // namespace drover::coap
