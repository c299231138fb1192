// SPDX-License-Identifier: Apache-2.0
#include "centre.hpp"

#include <algorithm>
#include <utility>

#include "base/take_front.hpp"

namespace drover::smsc {

const char* to_string(Fate fate) {
  switch (fate) {
    case Fate::Delivered: return "delivered";
    case Fate::Expired: return "expired";
    case Fate::Refused: return "refused";
  }
  return "?";
}

const char* to_string(Event::What what) {
  switch (what) {
    case Event::What::Submit: return "submit";
    case Event::What::Deliver: return "deliver";
    case Event::What::Lost: return "lost";
    case Event::What::Duplicated: return "duplicated";
    case Event::What::Expired: return "expired";
    case Event::What::Refused: return "refused";
    case Event::What::Retried: return "retried";
  }
  return "?";
}

std::optional<PortId> Centre::add_port(const std::string& number) {
  const PortId id{static_cast<std::uint32_t>(ports_.size())};
  if (!by_number_.emplace(number, id).second) return std::nullopt;
  ports_.push_back({number, false, {}, {}});
  return id;
}

void Centre::set_present(Instant now, PortId id, bool present) {
  Port& port = ports_[id.value];
  if (port.present == present) return;
  port.present = present;
  if (present) {
    const std::set<CopyId> waiting = std::exchange(port.waiting, {});
    for (const CopyId copy : waiting) arrive(now, copy);
  } else {
    port.waiting.merge(port.handed);
    port.handed.clear();
    std::erase_if(deliveries_, [id](const Delivery& delivery) { return delivery.to == id; });
  }
}

Centre::Taken Centre::submit(Instant now, PortId from, Message message, std::optional<Duration> validity,
                             ReceiptWish wish) {
  const auto to = by_number_.find(message.to);
  if (to == by_number_.end()) return {std::nullopt, Refusal::NoSuchNumber};
  if (copies_.size() >= settings_.messages_max) return {std::nullopt, Refusal::Full};
  const Instant expires = now + validity.value_or(settings_.validity);
  Copy copy{MessageId{++last_message_}, std::move(message), from, to->second, now, expires, std::nullopt, wish};
  note(Event::What::Submit, copy);
  const MessageId id = copy.id;
  if (happens(settings_.faults.loss)) {
    note(Event::What::Lost, copy);
    return {id, {}};
  }
  if (happens(settings_.faults.duplicate)) {
    note(Event::What::Duplicated, copy);
    Copy again = copy;
    again.wish = ReceiptWish::None;
    send(now, CopyId{++last_copy_}, std::move(copy));
    send(now, CopyId{++last_copy_}, std::move(again));
  } else {
    send(now, CopyId{++last_copy_}, std::move(copy));
  }
  return {id, {}};
}

void Centre::send(Instant now, CopyId id, Copy copy) {
  const Faults& faults = settings_.faults;
  Duration delay = between(faults.delay_min, faults.delay_max);
  if (happens(faults.reorder)) delay += between(Duration::zero(), faults.reorder_by);
  copy.due = now + delay;
  under_way_.insert({*copy.due, id});
  expiries_.insert({copy.expires, id});
  copies_.emplace(id, std::move(copy));
  if (delay == Duration::zero()) handle_timeout(now);
}

/// At its receiver's, if that is there.
void Centre::arrive(Instant, CopyId id) {
  Copy& copy = copies_.at(id);
  if (copy.due) under_way_.erase({*copy.due, id});
  copy.due.reset();
  Port& port = ports_[copy.to.value];
  if (!port.present) {
    port.waiting.insert(id);
    return;
  }
  port.handed.insert(id);
  deliveries_.push_back({copy.to, id, copy.message});
}

void Centre::done(Instant now, CopyId id, Outcome outcome) {
  const auto found = copies_.find(id);
  if (found == copies_.end() || ports_[found->second.to.value].handed.erase(id) == 0) return;
  Copy& copy = found->second;
  switch (outcome) {
    case Outcome::Delivered: return end(now, id, Fate::Delivered);
    case Outcome::Refused: return end(now, id, Fate::Refused);
    case Outcome::TryAgain:
      note(Event::What::Retried, copy);
      copy.due = now + settings_.retry_after;
      under_way_.insert({*copy.due, id});
      return;
  }
}

void Centre::end(Instant now, CopyId id, Fate fate) {
  const auto found = copies_.find(id);
  const Copy& copy = found->second;
  note(fate == Fate::Delivered ? Event::What::Deliver
       : fate == Fate::Expired ? Event::What::Expired
                               : Event::What::Refused,
       copy);
  const bool failed = fate != Fate::Delivered;
  if (copy.wish == ReceiptWish::Always || (copy.wish == ReceiptWish::OnFailure && failed)) {
    receipts_.push_back({copy.from, copy.id, copy.message.from, copy.message.to, fate, copy.submitted, now});
  }
  if (copy.due) under_way_.erase({*copy.due, id});
  expiries_.erase({copy.expires, id});
  ports_[copy.to.value].waiting.erase(id);
  ports_[copy.to.value].handed.erase(id);
  copies_.erase(found);
}

void Centre::note(Event::What what, const Copy& copy) { events_.push_back({what, copy.id, copy.message}); }

Duration Centre::between(Duration least, Duration most) {
  if (most <= least) return least;
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(most - least).count();
  return least + std::chrono::milliseconds(rng_.below(static_cast<std::uint32_t>(milliseconds + 1)));
}

std::optional<Delivery> Centre::poll_delivery() { return take_front(deliveries_); }
std::optional<Receipt> Centre::poll_receipt() { return take_front(receipts_); }
std::optional<Event> Centre::poll_event() { return take_front(events_); }

void Centre::handle_timeout(Instant now) {
  while (!expiries_.empty() && std::get<Instant>(*expiries_.begin()) <= now) {
    const CopyId id = std::get<CopyId>(*expiries_.begin());
    // Its receiver may have it in its hands: what that says of it comes too late.
    std::erase_if(deliveries_, [id](const Delivery& delivery) { return delivery.copy == id; });
    end(now, id, Fate::Expired);
  }
  while (!under_way_.empty() && std::get<Instant>(*under_way_.begin()) <= now) {
    arrive(now, std::get<CopyId>(*under_way_.begin()));
  }
}

std::optional<Instant> Centre::deadline() const {
  std::optional<Instant> next;
  for (const std::set<Order>* all : {&under_way_, &expiries_}) {
    if (!all->empty() && (!next || std::get<Instant>(*all->begin()) < *next)) next = std::get<Instant>(*all->begin());
  }
  return next;
}

}  // namespace drover::smsc
