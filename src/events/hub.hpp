// SPDX-License-Identifier: Apache-2.0
// The last events in memory, and behind them whatever keeps older ones.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "events/feed.hpp"

namespace drover::events {

/// An event that has no number yet.
struct Draft {
  UnixSeconds at = 0;
  std::string kind;
  std::string endpoint;
  /// As it is written down; render_packed of the store's reader makes the same text of it as `render`.
  Bytes packed;
  std::function<std::string(std::uint64_t number)> render;
  std::size_t size = 0;  ///< roughly what it occupies in memory
  /// Nobody is told of what waits for it: it may be lost with the process.
  bool quiet = false;
};

/// A ring that is bounded in number and bytes. There is no queue a reader: each remembers how far it has read.
/// Thread-safe.
class Hub final : public Feed {
 public:
  struct Limits {
    std::size_t events_max = 16384;    ///< 5 s of a million devices that update each 300 s; a small fleet's day
    std::size_t bytes_max = 32 << 20;  ///< as counted by Draft::size: some 2 kB an event when full
  };
  /// Up to `count` events behind `number` that are still on disk; `lost_through` as in Feed::Batch.
  using Older = std::function<Result<Batch>(std::uint64_t number, std::size_t count)>;

  /// `run` tells event ids of one order from those of another: it stays over restarts where `older` does.
  Hub(const Limits& limits, UnixSeconds run) : limits_(limits), run_(run) {}
  /// Before traffic: numbers go on behind `newest`, and what isn't in memory is asked for there.
  void begin(std::uint64_t newest, Older older);

  /// Numbers them and shows them; the next number of the order, for who writes them down before.
  [[nodiscard]] std::uint64_t next_number() const;
  void publish(std::vector<Draft> drafts);

  [[nodiscard]] Result<Batch> after(std::uint64_t number, std::size_t count) override;
  [[nodiscard]] std::uint64_t newest() const override;
  void subscribe(std::function<void()> wake) override;

  [[nodiscard]] std::size_t retained() const;
  /// "RUN-NUMBER": what people and streams call an event.
  [[nodiscard]] std::string id_of(std::uint64_t number) const;
  /// Nothing for an id of another order, or of no event yet.
  [[nodiscard]] std::optional<std::uint64_t> number_of(std::string_view id) const;

 private:
  struct Kept {
    ItemPtr item;
    std::size_t size = 0;
  };
  const Limits limits_;
  const UnixSeconds run_;
  mutable std::mutex mutex_;
  std::deque<Kept> ring_;
  std::size_t bytes_ = 0;
  std::uint64_t newest_ = 0;
  std::uint64_t lost_through_ = 0;  ///< from memory
  Older older_;
  std::vector<std::function<void()>> wakes_;
};

}  // namespace drover::events
