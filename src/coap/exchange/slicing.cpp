// SPDX-License-Identifier: Apache-2.0
#include "coap/exchange/slicing.hpp"

#include <algorithm>
#include <limits>
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

namespace {

std::size_t payload_size(std::size_t bytes) {
  constexpr std::size_t kMarkerSize = 1;
  return bytes == 0 ? 0 : kMarkerSize + bytes;
}

std::optional<Block> largest_block(std::size_t most, const Response& head, Ask ask, std::size_t total) {
  const std::size_t offset = ask.block.offset();
  for (int szx = ask.block.szx; szx >= 0; --szx) {
    Block block{0, false, static_cast<std::uint8_t>(szx)};
    if (offset / block.size() > Block::kNumMax) return std::nullopt;
    block.num = static_cast<std::uint32_t>(offset / block.size());
    ask.block = block;
    const std::size_t length = std::min(block.size(), total - offset);
    if (encoded_size(cut(head, ask, total, {})) + payload_size(length) <= most) return block;
  }
  return std::nullopt;
}

/// The message that a response makes when it isn't cut, without its payload.
Message whole(const Response& response, Options options, const Ask& ask, bool asked) {
  Message message;
  message.code = response.code;
  message.token = ask.token;
  message.options = std::move(options);
  if (ask.block1) message.options.set_block1(*ask.block1);
  if (asked && response.code.is_success() && !response.payload.empty()) message.options.set_block2(ask.block);
  return message;
}

/// Without a format it is a text for people (RFC 7252 §5.5.2), and not worth a second short message.
void shorten_diagnostic(const MessageBudget& budget, const Ask& ask, Response& response) {
  if (response.code.is_success() || response.options.has(OptionNumber::ContentFormat)) return;
  const std::size_t taken = encoded_size(whole(response, response.options, ask, false)) + payload_size(1) - 1;
  std::size_t most = taken < budget.preferred ? budget.preferred - taken : 0;
  if (response.payload.size() <= most) return;
  const auto continues = [](std::uint8_t byte) { return (byte & 0xC0) == 0x80; };  // a character of UTF-8
  while (most > 0 && continues(response.payload[most])) --most;
  response.payload.resize(most);
}

struct Plan {
  bool is_whole = false;
  std::optional<Block> block;  ///< from where it goes on in blocks; nothing and not whole: it can't be sent
};

Plan plan(const MessageBudget& budget, const Response& response, const Ask& ask, bool asked) {
  const std::size_t total = response.payload.size();
  const bool may_be_whole = total <= ask.block.size() && (ask.block.num == 0 || !response.code.is_success());
  if (!budget.is_limited()) return {may_be_whole, ask.block};
  const std::size_t size =
      may_be_whole ? encoded_size(whole(response, response.options, ask, asked)) + payload_size(total) : 0;
  if (may_be_whole && size <= budget.preferred) return {true, std::nullopt};
  const bool fits_whole = may_be_whole && size <= budget.most;
  if (ask.block.offset() >= total) return {fits_whole, may_be_whole ? std::nullopt : std::optional(ask.block)};
  Response head{response.code, response.options, {}};
  tag_body(head, std::numeric_limits<std::uint64_t>::max());
  if (const auto block = largest_block(budget.preferred, head, ask, total)) return {false, block};
  if (fits_whole) return {true, std::nullopt};
  return {false, largest_block(budget.most, head, ask, total)};
}

}  // namespace

std::optional<Block> fit_block(const MessageBudget& budget, const Response& head, const Ask& ask, std::size_t total) {
  if (!budget.is_limited()) return ask.block;
  if (const auto block = largest_block(budget.preferred, head, ask, total)) return block;
  return largest_block(budget.most, head, ask, total);
}

Message unsendable(const Ask& ask) {
  Message message;
  message.code = code::kInternalServerError;
  message.token = ask.token;
  return message;
}

Message shape(Instant now, Bodies& bodies, const BodyKey& key, const Ask& asks, bool asked, Response response) {
  const MessageBudget budget = bodies.budget(key.peer);
  if (budget.is_limited()) shorten_diagnostic(budget, asks, response);
  const Plan plan_of_it = plan(budget, response, asks, asked);
  if (plan_of_it.is_whole) {
    Message message = whole(response, std::move(response.options), asks, asked);
    message.payload = std::move(response.payload);
    return message;
  }
  if (!plan_of_it.block) return unsendable(asks);
  Ask ask = asks;
  ask.block = *plan_of_it.block;
  const std::size_t total = response.payload.size();
  const std::size_t offset = ask.block.offset();
  if (offset >= total) {
    Message message;
    message.code = code::kBadRequest;
    message.token = ask.token;
    message.payload = to_bytes("block past the end of the body");
    return message;
  }
  tag_body(response, body_hash(response.payload));
  const std::size_t length = std::min(ask.block.size(), total - offset);
  Message message = cut(response, ask, total, ByteView(response.payload).subspan(offset, length));
  if (offset + length < total) {
    response.options.remove(OptionNumber::Observe);
    bodies.put(now, key.peer, key.digest, Outgoing{std::move(response), total, std::nullopt, std::nullopt});
  }
  return message;
}

}  // namespace drover::coap
