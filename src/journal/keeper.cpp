// SPDX-License-Identifier: Apache-2.0
#include "journal/keeper.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace drover::journal {

namespace {

std::size_t size_of(const Batch& batch) {
  std::size_t size = sizeof(Batch);
  for (const Batch::Value& value : batch.values) size += sizeof(value) + value.value.reveal().size();
  for (const events::Draft& event : batch.events) size += event.size + event.packed.size();
  for (const audit::Record& record : batch.audits) size += sizeof(record) + record.target.size();
  return size;
}

}  // namespace

Keeper::Keeper(Journal* journal, events::Hub& hub, Seal seal)
    : journal_(journal), hub_(hub), seal_(std::move(seal)) {}

Keeper::~Keeper() {
  stop();
}

void Keeper::start() {
  if (journal_ != nullptr) thread_ = std::thread([this] { run(); });
}

bool Keeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  return waiting_.empty();
}

void Keeper::submit(Batch batch) {
  if (journal_ == nullptr) {
    {
      // Numbers and what is told of them in the same order.
      const std::lock_guard lock(mutex_);
      hub_.publish(std::move(batch.events));
    }
    if (batch.kept) batch.kept();
    return;
  }
  waiting_bytes_ += size_of(batch);
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(batch));
    if (waiting_.size() > 1) return;  // it knows already
  }
  wake_.notify_one();
}

std::string Keeper::failing() const {
  const std::lock_guard lock(mutex_);
  return failing_;
}

Keeper::Figures Keeper::figures() const {
  const std::lock_guard lock(mutex_);
  Figures figures = figures_;
  figures.waiting_bytes = waiting_bytes_;
  return figures;
}

void Keeper::set_failing(std::string why) {
  {
    const std::lock_guard lock(mutex_);
    if (failing_.empty() == why.empty()) return;
    failing_ = why;
  }
  if (on_failing_) on_failing_(why);
}

void Keeper::run() {
  std::vector<Batch> batches;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      batches.swap(waiting_);
    }
    std::size_t size = 0;
    for (const Batch& batch : batches) size += size_of(batch);
    auto begun = std::chrono::steady_clock::now();
    for (; !write(batches); begun = std::chrono::steady_clock::now()) {
      std::unique_lock lock(mutex_);
      ++figures_.failures;
      if (!stopping_) wake_.wait_for(lock, kRetry, [this] { return stopping_; });
      if (!stopping_) continue;
      // It has been tried, and nobody was told of it.
      std::move(waiting_.begin(), waiting_.end(), std::back_inserter(batches));
      waiting_ = std::move(batches);
      return;
    }
    set_failing("");
    note_commit(batches.size(), std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begun));
    // First: who stopped taking because so much waited asks again when it is told.
    waiting_bytes_ -= size;
    publish(batches);
    batches.clear();
  }
}

void Keeper::note_commit(std::size_t batches, Duration took) {
  const std::lock_guard lock(mutex_);
  ++figures_.commits;
  figures_.batches += batches;
  figures_.last_batches = batches;
  figures_.last_commit = took;
  figures_.all_commits += took;
  figures_.longest_commit = std::max(figures_.longest_commit, took);
}

bool Keeper::write(std::vector<Batch>& batches) {
  std::vector<Entry> entries;
  std::vector<EventRow> rows;
  std::vector<audit::Record> audits;
  std::uint64_t number = hub_.next_number();
  for (Batch& batch : batches) {
    for (const Batch::Value& value : batch.values) {
      if (value.value.empty()) {
        entries.push_back({value.key, {}});
        continue;
      }
      auto sealed = seal_(value.key, value.value.reveal());
      if (!sealed) {
        set_failing(sealed.error().reason);
        return false;
      }
      entries.push_back({value.key, std::move(*sealed)});
    }
    for (const events::Draft& event : batch.events) {
      rows.push_back({number++, event.at, event.kind, event.endpoint, event.packed});
    }
    audits.insert(audits.end(), batch.audits.begin(), batch.audits.end());
  }
  if (entries.empty() && rows.empty() && audits.empty()) return true;
  const auto done = journal_->commit(entries, rows, audits);
  if (!done) set_failing(done.error().reason);
  return done.has_value();
}

void Keeper::publish(std::vector<Batch>& batches) {
  std::vector<events::Draft> all;
  for (Batch& batch : batches) std::move(batch.events.begin(), batch.events.end(), std::back_inserter(all));
  if (!all.empty()) hub_.publish(std::move(all));
  for (const Batch& batch : batches) {
    if (batch.kept) batch.kept();
  }
}

}  // namespace drover::journal
