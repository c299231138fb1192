// SPDX-License-Identifier: Apache-2.0
#include "sinks/delivery.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/glob.hpp"

namespace drover::sinks {

namespace {

/// Batches without a match that are looked at before others of the thread get their turn.
constexpr int kLooksMax = 16;
constexpr unsigned kDoublingsMax = 30;

events::ItemPtr gap_item(std::uint64_t through, UnixSeconds at, const char* reason, std::optional<std::uint64_t> lost) {
  return std::make_shared<events::Item>(through, at, std::string(kGap), "", [at, reason, lost](std::uint64_t number) {
    return R"({"kind":"gap","number":)" + std::to_string(number) + R"(,"at":)" + std::to_string(at) +
           R"(,"endpoint":"","reason":")" + reason + R"(","lost":)" + (lost ? std::to_string(*lost) : "null") + "}";
  });
}

events::ItemPtr test_item(UnixSeconds at) {
  return std::make_shared<events::Item>(0, at, std::string(kTest), "", [at](std::uint64_t) {
    return R"({"kind":"test","number":0,"at":)" + std::to_string(at) + R"(,"endpoint":""})";
  });
}

}  // namespace

bool Filter::passes(const events::Item& item) const {
  const bool kind = kinds.empty() ? item.kind != events::kLearned
                                  : std::find(kinds.begin(), kinds.end(), item.kind) != kinds.end();
  return kind && (endpoints.empty() || std::any_of(endpoints.begin(), endpoints.end(), [&](const std::string& pattern) {
                    return matches_glob(pattern, item.endpoint);
                  }));
}

Delivery::Delivery(DeliverySettings settings, events::Feed& feed, Rng& rng, std::uint64_t cursor)
    : settings_(std::move(settings)), feed_(feed), rng_(rng), seen_(cursor), fetched_(cursor) {
  assert(settings_.batch > 0 && settings_.in_flight > 0 && settings_.retry_min <= settings_.retry_max);
  restarted_ = cursor > feed_.newest();
  if (restarted_) seen_ = fetched_ = 0;
}

void Delivery::note_loss(std::uint64_t through, UnixSeconds unix_now) {
  // Nobody can say how many of a feed that is gone were never delivered.
  const auto lost = restarted_ ? std::nullopt : std::optional(through - fetched_);
  counts_.lost += lost.value_or(0);
  ahead_.push_back(gap_item(through, unix_now, restarted_ ? "restarted" : "not-retained", lost));
  fetched_ = through;
  restarted_ = false;
}

/// False when there was nothing.
bool Delivery::fetch(Instant now, UnixSeconds unix_now) {
  auto batch = feed_.after(fetched_, kAheadMax);
  if (!batch) {
    note_error(unix_now, batch.error().reason);
    wait_for_retry(now, std::nullopt);
    return false;
  }
  more_ = batch->items.size() >= kAheadMax;
  if (restarted_ || batch->lost_through > fetched_) note_loss(batch->lost_through, unix_now);
  for (auto& item : batch->items) {
    fetched_ = item->number;
    ahead_.push_back(std::move(item));
  }
  return !ahead_.empty();
}

/// Makes the next message, of at least one event. False when there is none now.
bool Delivery::form(Instant now, UnixSeconds unix_now) {
  Message message;
  std::size_t bytes = 0;
  for (int looks = 0; message.items.size() < settings_.batch;) {
    if (ahead_.empty()) {
      // A message that has begun isn't held back for more.
      if (!message.items.empty() && !more_) break;
      if (looks++ == kLooksMax) {
        more_ = true;
        break;
      }
      if (!fetch(now, unix_now)) break;
    }
    const events::ItemPtr& item = ahead_.front();
    if (item->kind == kGap || settings_.filter.passes(*item)) {
      bytes += item->text().size();
      if (!message.items.empty() && bytes > settings_.batch_bytes) break;
      if (message.items.empty()) message.before = seen_;
      message.items.push_back(item);
    }
    seen_ = item->number;
    ahead_.pop_front();
  }
  if (message.items.empty()) return false;
  message.key = next_key_++;
  window_.push_back(std::move(message));
  return true;
}

const Message* Delivery::poll_message(Instant now, UnixSeconds unix_now) {
  if (test_ && test_->attempts == 0) {
    ++test_->attempts;
    return &*test_;
  }
  if (!may_try(now) || sent_ >= settings_.in_flight) return nullptr;
  if (sent_ == window_.size() && !form(now, unix_now)) return nullptr;
  Message& message = window_[sent_++];
  if (++message.attempts > 1) ++counts_.retries;
  return &message;
}

void Delivery::handle_delivered(std::uint64_t key, UnixSeconds unix_now) {
  failures_ = 0;
  retry_at_ = {};
  last_delivered_at_ = unix_now;
  if (test_ && test_->key == key) {
    return end_test("");
  }
  const auto found =
      std::find_if(window_.begin(), window_.end(), [key](const Message& message) { return message.key == key; });
  if (found == window_.end()) return;
  counts_.delivered += found->items.size();
  if (static_cast<std::size_t>(found - window_.begin()) < sent_) --sent_;
  window_.erase(found);
}

void Delivery::note_error(UnixSeconds unix_now, std::string reason) {
  last_error_ = std::move(reason);
  last_error_at_ = unix_now;
}

void Delivery::end_test(std::string result) {
  if (!test_) return;
  test_.reset();
  test_result_ = std::move(result);
}

void Delivery::wait_for_retry(Instant now, std::optional<Duration> retry_after) {
  // A connection that is lost once a day, with nothing to deliver, is no series of failures.
  if (now - failed_at_ > 2 * settings_.retry_max + kRetryAfterMax) failures_ = 0;
  failed_at_ = now;
  Duration wait = settings_.retry_min;
  for (unsigned i = 0; i < std::min(failures_, kDoublingsMax) && wait < settings_.retry_max; ++i) wait *= 2;
  wait = std::min(wait, settings_.retry_max);
  ++failures_;
  // Between half of it and all of it: sinks that failed together don't come back together.
  constexpr std::uint32_t kSteps = 1 << 16;
  wait = wait / 2 + wait / 2 * static_cast<std::int64_t>(rng_.below(kSteps)) / kSteps;
  if (retry_after) wait = std::max(wait, std::min(*retry_after, kRetryAfterMax));
  retry_at_ = now + wait;
  more_ = true;  // what comes until then wakes nobody
}

void Delivery::handle_failed(Instant now, UnixSeconds unix_now, std::string reason,
                             std::optional<Duration> retry_after) {
  sent_ = 0;
  end_test(reason);
  note_error(unix_now, std::move(reason));
  wait_for_retry(now, retry_after);
}

events::ItemPtr Delivery::handle_refused(Instant now, UnixSeconds unix_now, std::uint64_t key, std::string reason) {
  ++counts_.refused;
  const bool test = test_ && test_->key == key;
  const auto found =
      std::find_if(window_.begin(), window_.end(), [key](const Message& message) { return message.key == key; });
  if (test) end_test(reason);
  if (test || found == window_.end()) {
    note_error(unix_now, std::move(reason));
    return nullptr;
  }
  if (settings_.on_refused == OnRefused::Retry) {
    handle_failed(now, unix_now, std::move(reason));
    return nullptr;
  }
  // What went out behind it follows it again.
  sent_ = std::min(sent_, static_cast<std::size_t>(found - window_.begin()));
  note_error(unix_now, std::move(reason));
  failures_ = 0;
  if (found->items.size() == 1) {
    const events::ItemPtr skipped = found->items.front();
    ++counts_.failed;
    window_.erase(found);
    return skipped;
  }
  Message second;
  const auto middle = found->items.begin() + static_cast<std::ptrdiff_t>(found->items.size() / 2);
  second.items.assign(middle, found->items.end());
  found->items.erase(middle, found->items.end());
  found->attempts = 0;
  found->key = next_key_++;
  second.key = next_key_++;
  second.before = found->last();
  window_.insert(found + 1, std::move(second));
  return nullptr;
}

bool Delivery::request_test(UnixSeconds unix_now) {
  if (test_) return false;
  test_.emplace();
  test_->key = next_key_++;
  test_->items.push_back(test_item(unix_now));
  return true;
}

std::optional<std::string> Delivery::poll_test() {
  return std::exchange(test_result_, std::nullopt);
}

std::optional<Instant> Delivery::deadline() const {
  if (test_ && test_->attempts == 0) return Instant{};
  if (sent_ >= settings_.in_flight) return std::nullopt;
  if (sent_ < window_.size() || !ahead_.empty() || more_) return retry_at_;
  return std::nullopt;
}

std::optional<UnixSeconds> Delivery::oldest_at() const {
  if (!window_.empty()) return window_.front().items.front()->at;
  if (!ahead_.empty()) return ahead_.front()->at;
  return std::nullopt;
}

}  // namespace drover::sinks
