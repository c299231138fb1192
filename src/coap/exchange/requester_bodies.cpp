// SPDX-License-Identifier: Apache-2.0
// Block-wise transfer seen from the requester (RFC 7959): Block1 out, Block2 in.
#include <algorithm>
#include <utility>

#include "coap/exchange/requester.hpp"

namespace drover::coap {

namespace {

/// The user asked for one block of its own choice: the answer is delivered as it comes.
bool asks_for_one_block(const Request& request) {
  const auto block = request.options.block2();
  return block && block->num != 0;
}

/// What the numbers of blocks reach (RFC 7959 §2.2).
std::size_t body_max(std::uint8_t szx) {
  return (std::size_t{Block::kNumMax} + 1) * Block{0, false, szx}.size();
}

/// The block belongs to another representation than the bytes before it (RFC 7959 §2.4). What was fetched in an earlier
/// exchange is only continued by the same ETag; within one, a block may leave it out.
bool is_of_another(const ResponseDownload& download, const RequestSettings& settings, std::optional<ByteView> tag) {
  const auto differs = [&](const Bytes& known) {
    return !std::equal(tag->begin(), tag->end(), known.begin(), known.end());
  };
  if (download.begun) return tag && download.etag && differs(*download.etag);
  return download.received != 0 && (!tag || differs(settings.resume->etag));
}

}  // namespace

void Requester::start_upload(Instant now, ExchangeId id, Exchange& exchange, std::uint8_t szx, bool blockwise) {
  Upload& upload = exchange.upload;
  upload.offset = 0;
  upload.szx = szx;
  upload.blockwise = blockwise;
  if (upload.total > body_max(szx)) {
    fail(id, exchange, FailureCause::TooLarge);
    return;
  }
  next_upload_block(now, id, exchange);
}

Message Requester::upload_message(const Exchange& exchange) {
  const Upload& upload = exchange.upload;
  const bool more = upload.offset + upload.length < upload.total;
  Message message;
  message.code = exchange.request.method;
  message.options = exchange.request.options;
  if (upload.blockwise) {
    const Block size{0, false, upload.szx};
    message.options.set_block1({static_cast<std::uint32_t>(upload.offset / size.size()), more, upload.szx});
    // RFC 7959 §3.3: a wish for the response's block size goes with the last block.
    if (more) message.options.remove(OptionNumber::Block2);
  }
  if (upload.offset == 0 && (upload.blockwise || upload.streamed)) {
    message.options.set_uint(OptionNumber::Size1, upload.total);
  }
  return message;
}

bool Requester::fit_upload(Exchange& exchange) const {
  Upload& upload = exchange.upload;
  const MessageBudget budget = context_.parameters.message_budget(exchange.peer);
  const auto set_length = [&upload] {
    const std::size_t left = upload.total - upload.offset;
    upload.length = upload.blockwise ? std::min(left, Block{0, false, upload.szx}.size()) : left;
  };
  set_length();
  if (!budget.is_limited()) return true;
  const auto fits = [&](std::size_t most) {
    set_length();
    Message message = upload_message(exchange);
    message.token.size = Token::kSizeMax;
    return encoded_size(message) + (upload.length == 0 ? 0 : 1 + upload.length) <= most;
  };
  if (fits(budget.preferred)) return true;
  const bool begun = upload.blockwise;
  const std::uint8_t largest = upload.szx;
  const auto fits_in_blocks = [&](std::size_t most) {
    upload.blockwise = true;
    for (int szx = largest; szx >= 0; --szx) {
      upload.szx = static_cast<std::uint8_t>(szx);
      if (upload.total <= body_max(upload.szx) && fits(most)) return true;
    }
    return false;
  };
  if (upload.total != 0 && fits_in_blocks(budget.preferred)) return true;
  upload.blockwise = begun;
  upload.szx = largest;
  if (!begun && fits(budget.most)) return true;
  return upload.total != 0 && fits_in_blocks(budget.most);
}

void Requester::next_upload_block(Instant now, ExchangeId id, Exchange& exchange) {
  Upload& upload = exchange.upload;
  if (!fit_upload(exchange)) {
    fail(id, exchange, FailureCause::TooLarge);
    return;
  }
  if (upload.streamed && upload.total != 0) {
    upload.wanted = true;
    context_.events.push(BodyWanted{id, upload.offset, upload.length});
    return;
  }
  send_upload_block(now, id, exchange, ByteView(exchange.request.payload).subspan(upload.offset, upload.length));
}

void Requester::supply(Instant now, ExchangeId id, ByteView bytes) {
  Exchange* exchange = find(id);
  if (exchange == nullptr || !exchange->upload.wanted) return;
  Upload& upload = exchange->upload;
  upload.wanted = false;
  if (bytes.size() < upload.length) upload.total = upload.offset + bytes.size();  // the body ends here
  upload.length = std::min(bytes.size(), upload.length);
  send_upload_block(now, id, *exchange, bytes.first(upload.length));
}

void Requester::send_upload_block(Instant now, ExchangeId id, Exchange& exchange, ByteView bytes) {
  Message message = upload_message(exchange);
  message.payload.assign(bytes.begin(), bytes.end());
  send(now, id, exchange, std::move(message));
}

bool Requester::continue_upload(Instant now, ExchangeId id, Exchange& exchange, const Message& message) {
  Upload& upload = exchange.upload;
  const auto answered = message.options.block1();
  const bool more = upload.blockwise && upload.offset + upload.length < upload.total;
  if (more && message.code.is_success() && (answered || message.code == code::kContinue)) {
    const std::size_t num = upload.offset / Block{0, false, upload.szx}.size();
    if (!answered || (answered->num != num && answered->offset() != upload.offset)) {
      fail(id, exchange, FailureCause::Malformed);
      return true;
    }
    upload.offset += upload.length;
    // RFC 7959 §2.5: the peer may ask for smaller blocks, never for larger ones.
    if (answered->szx < upload.szx) {
      upload.szx = answered->szx;
      if (upload.total > body_max(upload.szx)) {
        fail(id, exchange, FailureCause::TooLarge);
        return true;
      }
    }
    next_upload_block(now, id, exchange);
    return true;
  }
  if (message.code == code::kContinue) {
    fail(id, exchange, FailureCause::Malformed);
    return true;
  }
  // RFC 7959 §2.9.3: 4.13 with a smaller block size is a hint to begin again with it.
  if (message.code == code::kRequestEntityTooLarge && answered && answered->szx < upload.szx &&
      upload.total > answered->size()) {
    start_upload(now, id, exchange, answered->szx, true);
    return true;
  }
  return false;
}

// The response that isn't about the request's blocks any more; maybe the first block of its own.
void Requester::take_answer(Instant now, ExchangeId id, Exchange& exchange, Message message) {
  exchange.request.payload = Bytes();
  message.options.remove(OptionNumber::Block1);
  if (!exchange.download) exchange.download.emplace();
  if (exchange.phase == Phase::Asking && !exchange.observation && !exchange.download->last) {
    begin_observation(now, id, exchange, message);
  }
  const auto block = message.options.block2();
  if (!block && message.options.has(OptionNumber::Block2)) {
    fail(id, exchange, FailureCause::Malformed);
    return;
  }
  if (!block || (asks_for_one_block(exchange.request) && !exchange.settings.resume)) {
    const bool over_limit = message.payload.size() > context_.parameters.body_max && !exchange.settings.stream_response;
    if (over_limit) {
      fail(id, exchange, FailureCause::TooLarge);
      return;
    }
    deliver(id, exchange, {message.code, std::move(message.options), std::move(message.payload)});
    return;
  }
  exchange.phase = Phase::Collecting;
  if (exchange.settings.resume) {
    // A peer that doesn't go on where it was asked to begins at the start; the bytes before are of no use then.
    exchange.download->received = block->offset() == 0 ? 0 : exchange.settings.resume->offset;
    exchange.download->szx = block->szx;
  }
  take_block(now, id, exchange, std::move(message));
}

void Requester::take_block(Instant now, ExchangeId id, Exchange& exchange, Message message) {
  Download& download = *exchange.download;
  const bool streaming = exchange.settings.stream_response && !download.of_notification;
  const bool first = !download.begun;
  if (!first && !message.code.is_success()) {
    if (download.of_notification) {
      fail(id, exchange, FailureCause::Malformed);  // only the fetch is given up
      return;
    }
    deliver(id, exchange, {message.code, std::move(message.options), std::move(message.payload)});
    return;
  }
  const auto tag = message.options.first(OptionNumber::ETag);
  if (is_of_another(download, exchange.settings, tag)) {
    restart_download(now, id, exchange);
    return;
  }
  const auto block = message.options.block2();
  const std::size_t size = message.payload.size();
  if (!block || block->offset() != download.received || size > block->size() ||
      (block->more && size != block->size()) || message.code == code::kContinue) {
    fail(id, exchange, FailureCause::Malformed);
    return;
  }
  const std::size_t announced = message.options.uint(OptionNumber::Size2).value_or(0);
  if (!streaming && std::max(download.received + size, announced) > context_.parameters.body_max) {
    fail(id, exchange, FailureCause::TooLarge);
    return;
  }
  message.options.remove(OptionNumber::Block2);
  if (first) {
    if (tag) download.etag.emplace(tag->begin(), tag->end());
    download.head = {message.code, std::move(message.options), {}};
    download.szx = block->szx;
    download.begun = true;
  }
  if (!block->more && first) {
    download.head.payload = std::move(message.payload);
    deliver(id, exchange, std::move(download.head));
    return;
  }
  if (streaming && !block->more) {
    download.head.payload = std::move(message.payload);
    deliver(id, exchange, std::move(download.head));
    return;
  }
  download.received += size;
  if (streaming) {
    Response part{download.head.code, download.head.options, std::move(message.payload)};
    context_.events.push(ResponseBlockArrived{id, exchange.peer, std::move(part), download.received - size, false});
  } else {
    Bytes& body = download.head.payload;
    body.insert(body.end(), message.payload.begin(), message.payload.end());
  }
  if (!block->more) {
    deliver(id, exchange, std::move(download.head));
    return;
  }
  download.szx = block->szx;
  const std::size_t num = download.received / block->size();
  if (num > Block::kNumMax) {
    fail(id, exchange, FailureCause::TooLarge);
    return;
  }
  ask_block(now, id, exchange, static_cast<std::uint32_t>(num));
}

// RFC 7959 §2.4: another ETag is another representation. Only what may be asked twice is asked again, and only once.
void Requester::restart_download(Instant now, ExchangeId id, Exchange& exchange) {
  Download& download = *exchange.download;
  if (download.restarted || exchange.request.method != code::kGet) {
    fail(id, exchange, FailureCause::Malformed);
    return;
  }
  download.restarted = true;
  download.begun = false;
  download.received = 0;
  download.etag.reset();
  download.head = {};
  ask_block(now, id, exchange, 0);
}

void Requester::ask_block(Instant now, ExchangeId id, Exchange& exchange, std::uint32_t num) {
  Message message;
  message.code = exchange.request.method;
  message.options = exchange.request.options;
  for (const OptionNumber number :
       {OptionNumber::Observe, OptionNumber::Block1, OptionNumber::Size1, OptionNumber::Size2,
        OptionNumber::ContentFormat, OptionNumber::IfMatch, OptionNumber::IfNoneMatch, OptionNumber::ETag}) {
    message.options.remove(number);
  }
  message.options.set_block2({num, false, exchange.download->szx});
  send(now, id, exchange, std::move(message));
}

void Requester::deliver(ExchangeId id, Exchange& exchange, Response response) {
  const Download download = std::move(*exchange.download);
  exchange.download.reset();
  if (exchange.phase == Phase::Collecting) release_token(id, exchange);
  const bool observing = exchange.observation.has_value();
  if (download.of_notification) {
    context_.events.push(NotificationArrived{id, exchange.peer, std::move(response), download.last});
  } else if (exchange.settings.stream_response && response.code.is_success()) {
    context_.events.push(ResponseBlockArrived{id, exchange.peer, std::move(response), download.received, true});
  } else {
    context_.events.push(ResponseArrived{id, exchange.peer, std::move(response), observing});
  }
  if (!observing) {
    close(id);
    return;
  }
  stop_waiting(exchange);
  exchange.phase = Phase::Observing;
}

}  // namespace drover::coap
