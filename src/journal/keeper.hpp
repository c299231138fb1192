// SPDX-License-Identifier: Apache-2.0
// The thread that writes: whatever waits goes to disk in one commit, and is told of afterwards.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/secret.hpp"
#include "base/time.hpp"
#include "events/hub.hpp"
#include "journal/journal.hpp"

namespace drover::journal {

struct Batch {
  struct Value {
    std::uint64_t key = 0;
    Secret<Bytes> value;  ///< empty: the key has none any more
  };
  std::vector<Value> values;
  std::vector<events::Draft> events;
  std::vector<audit::Record> audits = {};
  /// Called once all that is on disk and the events are shown, in the order of submit(); on the keeper's thread, and
  /// must not block. May be empty.
  std::function<void()> kept;
};

/// What becomes of values before they are written: secret ones are sealed. Thread-safe.
using Seal = std::function<Result<Bytes>(std::uint64_t key, ByteView value)>;

/// Thread-safe. Without a journal nothing is kept: what is submitted is told at once, on the caller's thread.
class Keeper {
 public:
  /// Bytes that may wait for the disk until is_behind().
  static constexpr std::size_t kWaitingMax = std::size_t{64} << 20;
  /// Between two tries when the disk refuses.
  static constexpr std::chrono::milliseconds kRetry{500};

  /// `journal` may be null; it and `hub` outlive it.
  Keeper(Journal* journal, events::Hub& hub, Seal seal);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  void submit(Batch batch);
  /// So much waits that nothing more should be taken from devices until it doesn't.
  [[nodiscard]] bool is_behind() const { return waiting_bytes_.load(std::memory_order_relaxed) > kWaitingMax; }
  /// The disk refuses; what waits is tried again. "" when it takes.
  [[nodiscard]] std::string failing() const;
  /// `changed` is called on the keeper's thread when failing() becomes something else. Before start().
  void on_failing(std::function<void(const std::string& why)> changed) { on_failing_ = std::move(changed); }
  void start();
  /// Writes what waits, as far as the disk takes it, and ends the thread. False when something is lost.
  bool stop();

  struct Figures {
    std::uint64_t commits = 0;    ///< transactions
    std::uint64_t batches = 0;    ///< in them
    std::uint64_t failures = 0;   ///< transactions that the disk refused
    std::size_t waiting_bytes = 0;
    std::size_t last_batches = 0;  ///< in the last transaction
    Duration last_commit{};        ///< what that took
    Duration all_commits{};        ///< what all of them took
    Duration longest_commit{};
  };
  [[nodiscard]] Figures figures() const;

 private:
  void run();
  void publish(std::vector<Batch>& batches);
  bool write(std::vector<Batch>& batches);
  void set_failing(std::string why);
  void note_commit(std::size_t batches, Duration took);

  Journal* const journal_;
  events::Hub& hub_;
  const Seal seal_;
  std::function<void(const std::string&)> on_failing_;
  std::thread thread_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Batch> waiting_;
  bool stopping_ = false;
  std::string failing_;
  std::atomic<std::size_t> waiting_bytes_ = 0;
  Figures figures_;  ///< but for waiting_bytes
};

}  // namespace drover::journal
