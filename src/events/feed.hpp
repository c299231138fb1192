// SPDX-License-Identifier: Apache-2.0
// Everything that happened, in one order, for those who follow it: event streams, sinks, stored values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace drover::events {

/// What was learnt of a resource by an operation of ours rather than by a notification. It is kept for the stored values
/// and shown only to those who name this kind.
inline constexpr std::string_view kLearned = "learned";

/// An event as everybody sees it. Thread-safe.
class Item {
 public:
  Item(std::uint64_t item_number, UnixSeconds item_at, std::string item_kind, std::string item_endpoint,
       std::function<std::string(std::uint64_t number)> render)
      : number(item_number),
        at(item_at),
        kind(std::move(item_kind)),
        endpoint(std::move(item_endpoint)),
        render_(std::move(render)) {}
  Item(const Item&) = delete;
  Item& operator=(const Item&) = delete;

  const std::uint64_t number;  ///< ascending by one from 1, over restarts where there is a store
  const UnixSeconds at;
  const std::string kind;      ///< "registered", "notification", "bootstrap-ended", ...
  const std::string endpoint;  ///< or ""
  /// JSON object on one line: `Event` of docs/openapi.json. Made when first asked for, and once for all readers.
  [[nodiscard]] const std::string& text() const {
    std::call_once(rendered_, [this] {
      text_ = render_(number);
      render_ = {};
    });
    return text_;
  }

 private:
  mutable std::once_flag rendered_;
  mutable std::function<std::string(std::uint64_t)> render_;
  mutable std::string text_;
};
using ItemPtr = std::shared_ptr<const Item>;

/// The newest events from memory, older ones from the store as far as they are kept. Thread-safe.
class Feed {
 public:
  virtual ~Feed() = default;
  struct Batch {
    std::uint64_t lost_through = 0;  ///< number of the newest event that is no longer kept; 0: none was lost
    std::vector<ItemPtr> items;      ///< ascending
  };
  /// Up to `count` events behind `number`. What is given is on disk where there is a store. An error: the store can't be
  /// read now, and nothing says what is behind `number`; ask again later.
  [[nodiscard]] virtual Result<Batch> after(std::uint64_t number, std::size_t count) = 0;
  /// Number of the newest event; 0 before the first.
  [[nodiscard]] virtual std::uint64_t newest() const = 0;
  /// `wake` is called behind new events, by whichever thread brought them; it must not block. For good; before traffic.
  virtual void subscribe(std::function<void()> wake) = 0;
};

}  // namespace drover::events
