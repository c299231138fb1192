// SPDX-License-Identifier: Apache-2.0
#include "io/carrier_line.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "io/clock.hpp"

namespace drover::io {

CarrierLine::CarrierLine(EventLoop& loop, sms::Carrier& carrier, Opener opener, std::function<void(Instant)> after)
    : loop_(loop), carrier_(carrier), opener_(std::move(opener)), after_(std::move(after)) {
  waker_ = loop_.add_waker([this] { return next(); }, [this](Instant at) { wake(at); });
}

CarrierLine::~CarrierLine() {
  loop_.remove_waker(waker_);
  let_go();
}

void CarrierLine::flush(Instant at) {
  after_(at);
  if (!stream_ && carrier_.wants_line()) open(at);
  if (!is_open() || !send(at)) return;
  if (!carrier_.wants_line_closed()) {
    close_at_.reset();
    return;
  }
  if (!close_at_) close_at_ = at + kLastWordsMax;
  if (output_.empty() || at >= *close_at_) close(at, carrier_.state());
}

void CarrierLine::open(Instant at) {
  auto stream = opener_();
  if (!stream) {
    carrier_.line_closed(at, stream.error().reason);
    return after_(at);
  }
  stream_ = std::move(*stream);
  const bool connecting = stream_->is_connecting();
  interest_ = connecting ? EventLoop::Interest::Write : EventLoop::Interest::Read;
  loop_.watch(stream_->fd(), interest_, [this] { ready(); });
  if (connecting) {
    give_up_at_ = at + kConnectMax;
  } else {
    opened(at);
  }
}

void CarrierLine::opened(Instant at) {
  give_up_at_.reset();
  carrier_.line_opened(at);
  after_(at);
}

void CarrierLine::ready() {
  const Instant at = now();
  if (stream_->is_connecting()) {
    if (const auto connected = stream_->finish_connecting(); !connected) return close(at, connected.error().reason);
    interest_ = EventLoop::Interest::Read;
    loop_.change(stream_->fd(), interest_);
    opened(at);
  } else if (!receive(at)) {
    return;
  }
  flush(at);
}

/// False when the line is closed now.
bool CarrierLine::receive(Instant at) {
  std::array<std::uint8_t, kReadSize> buffer;
  const auto size = stream_->read(buffer);
  if (!size) {
    close(at, size.error().reason);
    return false;
  }
  if (*size > 0) carrier_.line_received(at, ByteView(buffer).first(*size));
  return true;
}

/// False when the line is closed now.
bool CarrierLine::send(Instant at) {
  for (;;) {
    while (output_.size() - written_ < kOutputMax) {
      const auto more = carrier_.poll_line_output();
      if (!more) break;
      output_.insert(output_.end(), more->begin(), more->end());
    }
    if (written_ == output_.size()) break;
    const auto taken = stream_->write(ByteView(output_).subspan(written_));
    if (!taken) {
      close(at, taken.error().reason);
      return false;
    }
    if (*taken == 0) break;
    written_ += *taken;
    give_up_at_.reset();
  }
  output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(std::exchange(written_, 0)));
  if (output_.empty()) give_up_at_.reset();
  if (!output_.empty() && !give_up_at_) give_up_at_ = at + kStallMax;
  const auto interest = output_.empty() ? EventLoop::Interest::Read : EventLoop::Interest::ReadWrite;
  if (interest != std::exchange(interest_, interest)) loop_.change(stream_->fd(), interest);
  return true;
}

void CarrierLine::close(Instant at, std::string reason) {
  let_go();
  carrier_.line_closed(at, std::move(reason));
  after_(at);
}

void CarrierLine::let_go() {
  if (!stream_) return;
  loop_.unwatch(stream_->fd());
  stream_.reset();
  output_.clear();
  written_ = 0;
  give_up_at_.reset();
  close_at_.reset();
}

void CarrierLine::wake(Instant at) {
  if (stream_ && give_up_at_ && at >= *give_up_at_) {
    const bool connecting = stream_->is_connecting();
    return close(at, stream_->name() + (connecting ? ": no answer to the connection" : ": it takes nothing any more"));
  }
  carrier_.handle_timeout(at);
  flush(at);
}

std::optional<Instant> CarrierLine::next() const {
  std::optional<Instant> first;
  const auto add = [&first](std::optional<Instant> at) {
    if (at && (!first || *at < *first)) first = at;
  };
  if (!stream_ && carrier_.wants_line()) return Instant::min();
  if (const auto deadline = carrier_.deadline()) add(deadline->at);
  add(give_up_at_);
  add(close_at_);
  return first;
}

}  // namespace drover::io
