// SPDX-License-Identifier: Apache-2.0
// Short messages that come: passed on at once (+CMT), or stored and read, and deleted then.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "sms/modem/at_modem.hpp"
#include "sms/tpdu.hpp"

namespace drover::sms::modem {

namespace {

/// "SM", "ME", "MT", "SR" and the like: they go into a command.
bool is_storage(std::string_view name) {
  return name.size() == 2 && std::all_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

/// <stat> of what this side stored to be sent (3GPP TS 27.005 §3.1): not ours to touch.
bool is_outgoing(std::string_view status) {
  return status == "2" || status == "3";
}

}  // namespace

// ---- what comes by itself

void AtModem::handle_routed(const Line& line) {
  switch (take(line.data, fields_of(line.text).back())) {
    case Kept::Taken:
      if (acknowledges_) ++unacknowledged_;
      break;
    case Kept::Damaged: ++unreadable_; [[fallthrough]];
    case Kept::Full:
      if (acknowledges_) ++declined_;
      break;
  }
}

void AtModem::handle_notice(const Line& line) {
  const auto fields = fields_of(line.text);
  const auto index = fields.size() > 1 ? number_of(fields[1]) : std::nullopt;
  if (!index || !is_storage(fields[0])) {
    ++unreadable_;
  } else if (to_read_.size() < kPlacesMax) {
    to_read_.push_back({fields[0], *index});
  }
}

AtModem::Kept AtModem::take(std::string_view pdu, std::string_view length) {
  const auto octets = number_of(length);
  const auto tpdu = tpdu::from_pdu_text(pdu, octets.value_or(0));
  if (!octets || !tpdu) return Kept::Damaged;
  constexpr std::uint8_t kDeliver = 0, kStatusReport = 2;
  const auto type = tpdu::type_indicator(*tpdu);
  if (type == kDeliver) return take_deliver(*tpdu);
  if (type == kStatusReport) {
    take_report(*tpdu);
  } else {
    ++unreadable_;
  }
  return Kept::Taken;
}

AtModem::Kept AtModem::take_deliver(ByteView bytes) {
  const auto deliver = tpdu::decode_deliver(bytes);
  if (!deliver) {
    ++unreadable_;
    return Kept::Taken;
  }
  auto message = tpdu::to_short_message(*deliver);
  if (!message) {
    ++counters_.foreign;
    return Kept::Taken;
  }
  if (deliveries_.size() == kDeliveriesMax) return Kept::Full;
  ++counters_.received;
  deliveries_.push_back(std::move(*message));
  return Kept::Taken;
}

void AtModem::take_report(ByteView bytes) {
  const auto report = tpdu::decode_status_report(bytes);
  if (!report) {
    ++unreadable_;
    return;
  }
  const auto found = std::find_if(awaited_.begin(), awaited_.end(), [&](const Awaited& awaited) {
    return awaited.reference == report->reference && awaited.msisdn == report->recipient.digits;
  });
  const auto outcome = tpdu::outcome(report->status);
  if (found == awaited_.end() || !outcome) return;
  const bool lost = *outcome == Report::What::Lost;
  reports_.push_back({found->id, *outcome, lost ? "TP-ST " + std::to_string(report->status) : ""});
  awaited_.erase(found);
}

// ---- the storage

void AtModem::begin_sweep(Instant now) {
  sweep_at_ = now + (no_notices_ ? kSweepOften : kSweepEvery);
  sweep_ = {"SM", "ME"};
  sweep_found_storage_ = false;
}

std::optional<std::string> AtModem::wanted_storage() const {
  if (!to_delete_.empty()) return to_delete_.front().storage;
  if (!to_read_.empty()) return to_read_.front().storage;
  if (!sweep_.empty()) return sweep_.front();
  return std::nullopt;
}

std::optional<AtModem::Job> AtModem::storage_job() const {
  const auto wanted = wanted_storage();
  if (!wanted) return std::nullopt;
  if (!wanted->empty() && *wanted != storage_) return Job::SelectStorage;
  if (!to_delete_.empty()) return Job::Delete;
  return to_read_.empty() ? Job::List : Job::Read;
}

void AtModem::handle_storage(Job job, const Answer& answer) {
  switch (job) {
    case Job::SelectStorage: handle_selected(answer); break;
    case Job::List: handle_listed(answer); break;
    case Job::Read: handle_read(answer); break;
    default: handle_deleted(answer); break;
  }
}

void AtModem::handle_selected(const Answer& answer) {
  const std::string wanted = wanted_storage().value_or("");
  const bool sweeps = !sweep_.empty() && sweep_.front() == wanted;
  if (!answer.error) {
    storage_ = wanted;
    if (sweeps) sweep_found_storage_ = true;
    return;
  }
  const auto there = [&](const Place& place) { return place.storage == wanted; };
  std::erase_if(to_delete_, there);
  std::erase_if(to_read_, there);
  if (sweeps) sweep_.pop_front();
  // A modem that can't choose has one storage.
  if (sweeps && sweep_.empty() && !std::exchange(sweep_found_storage_, true)) sweep_.emplace_back();
}

/// +CMGL: <index>,<stat>,[<alpha>],<length>, 3GPP TS 27.005 §4.1.
void AtModem::handle_listed(const Answer& answer) {
  const std::string storage = sweep_.front();
  sweep_.pop_front();
  for (const Line& line : answer.lines) {
    const auto fields = fields_of(line.text);
    const auto index = number_of(fields[0]);
    if (!index || fields.size() < 3) {
      ++unreadable_;
    } else if (!is_outgoing(fields[1])) {
      take_stored({storage, *index}, line, fields.back(), Source::Listed);
    }
  }
}

/// +CMGR: <stat>,[<alpha>],<length>, 3GPP TS 27.005 §4.2. Nothing where the place is empty: somebody else was quicker.
void AtModem::handle_read(const Answer& answer) {
  const Place place = to_read_.front();
  to_read_.pop_front();
  if (answer.error || answer.lines.empty()) return;
  const Line& line = answer.lines.back();
  const auto fields = fields_of(line.text);
  const bool empty = line.data.empty() && fields.back() == "0";
  if (!empty && !is_outgoing(fields[0])) take_stored(place, line, fields.back(), Source::Read);
}

void AtModem::take_stored(const Place& place, const Line& line, std::string_view length, Source source) {
  const auto known = taken_.find(place);
  if (known == taken_.end() || known->second != line.data) {
    const Kept kept = take(line.data, length);
    if (kept == Kept::Full) return;
    if (kept == Kept::Damaged) ++unreadable_;
    if (kept == Kept::Damaged && source == Source::Listed) {
      // It may be whole when it is read alone.
      if (to_read_.size() < kPlacesMax) to_read_.push_back(place);
      return;
    }
    if (taken_.size() >= kPlacesMax) taken_.clear();
    taken_[place] = line.data;
  }
  if (to_delete_.size() < kPlacesMax) to_delete_.push_back(place);
}

void AtModem::handle_deleted(const Answer& answer) {
  if (!answer.error) taken_.erase(to_delete_.front());
  to_delete_.pop_front();
}

}  // namespace drover::sms::modem
