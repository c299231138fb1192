// SPDX-License-Identifier: Apache-2.0
#include "sms/reassembly.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace drover::sms {

std::optional<Reassembly::Whole> Reassembly::add(Instant now, const std::string& peer, const UserData& part) {
  assert(part.header.concatenation && part.header.concatenation->count <= limits_.parts);
  handle_timeout(now);
  const Concatenation& place = *part.header.concatenation;
  const Name name{peer, place.is_wide, place.reference, place.count};
  const std::uint64_t hash = hash_(part.text);
  const std::size_t index = place.number - 1u;

  auto found = by_name_.find(name);
  if (found != by_name_.end() && found->second->parts[index].came) {
    if (found->second->parts[index].hash == hash) return std::nullopt;
    forget(found->second);
    found = by_name_.end();
  }
  const auto message = found != by_name_.end() ? found->second : begin(now, name, peer);
  Part& empty = message->parts[index];
  empty.came = true;
  empty.hash = hash;
  empty.text.assign(part.text.begin(), part.text.end());
  if (place.number == 1) message->header = part.header;
  if (--message->missing > 0) return std::nullopt;
  return finish(now, message);
}

Reassembly::Messages::iterator Reassembly::begin(Instant now, const Name& name, const std::string& peer) {
  make_room(peer);
  const std::size_t count = std::get<std::uint8_t>(name);
  open_.push_back({name, now + limits_.wait, {}, std::vector<Part>(count), count});
  const auto message = std::prev(open_.end());
  by_name_.emplace(name, message);
  return message;
}

void Reassembly::make_room(const std::string& peer) {
  // Names of one peer are neighbours; there are at most messages_per_peer of them.
  const auto first = by_name_.lower_bound(Name{peer, false, 0, 0});
  std::size_t count = 0;
  auto oldest = first;
  const auto goes_before = [](const Message& left, const Message& right) {
    const bool is_finished = left.missing == 0;
    return is_finished != (right.missing == 0) ? is_finished : left.ends < right.ends;
  };
  for (auto it = first; it != by_name_.end() && std::get<std::string>(it->first) == peer; ++it, ++count) {
    if (goes_before(*it->second, *oldest->second)) oldest = it;
  }
  if (count > 0 && count >= limits_.messages_per_peer) forget(oldest->second);
  if (!by_name_.empty() && by_name_.size() >= limits_.messages)
    forget(!finished_.empty() ? finished_.begin() : open_.begin());
}

void Reassembly::forget(Messages::iterator message) {
  by_name_.erase(message->name);
  if (message->missing == 0) {
    finished_.erase(message);
  } else {
    ++given_up_;
    open_.erase(message);
  }
}

Reassembly::Whole Reassembly::finish(Instant now, Messages::iterator message) {
  Whole whole{message->header, {}};
  for (Part& part : message->parts) {
    const Bytes text = std::exchange(part.text, {});
    whole.text.insert(whole.text.end(), text.begin(), text.end());
  }
  message->ends = now + limits_.wait;
  finished_.splice(finished_.end(), open_, message);
  return whole;
}

void Reassembly::handle_timeout(Instant now) {
  for (Messages* messages : {&open_, &finished_}) {
    while (!messages->empty() && messages->front().ends <= now) forget(messages->begin());
  }
}

std::optional<Instant> Reassembly::deadline() const {
  std::optional<Instant> next;
  for (const Messages* messages : {&open_, &finished_}) {
    if (!messages->empty() && (!next || messages->front().ends < *next)) next = messages->front().ends;
  }
  return next;
}

}  // namespace drover::sms
