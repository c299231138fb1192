// SPDX-License-Identifier: Apache-2.0
// The sinks of the configuration, each on a thread of its own.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config.hpp"
#include "events/feed.hpp"
#include "sinks/runner.hpp"
#include "sinks/sink_list.hpp"
#include "store/store_file.hpp"

namespace drover::droverd {

class SinkThreads final : public sinks::SinkList {
 public:
  SinkThreads() = default;
  ~SinkThreads() override;

  /// Reads secrets and certificates, finds where each sink begins, and follows the feed, which outlives this. Once, and
  /// before anybody asks; nothing is sent before start(). `file` may be null: sinks begin with what comes then.
  Result<void> open(const std::vector<SinkConfig>& configs, events::Feed& feed,
                    const std::shared_ptr<store::StoreFile>& file);
  void start();
  /// Behind start() and check_sink_files(): sinks that are new or changed begin, a changed one where it was; those that are
  /// gone end; the others go on. One whose cursor can't be read is logged, and begins with the next reload or start.
  void reload(const std::vector<SinkConfig>& configs);
  /// Ends all of them at once, see Runner::stop().
  void stop();

  [[nodiscard]] std::vector<sinks::SinkView> all() override;
  [[nodiscard]] std::optional<sinks::SinkView> find(const std::string& name) override;
  bool test(const std::string& name, std::function<void(std::string)> done) override;

 private:
  struct Sink {
    SinkConfig config;
    std::shared_ptr<sinks::Runner> runner;
  };
  /// What the feed's threads wake: it may be called later than this is there.
  struct List {
    std::mutex mutex;
    std::vector<Sink> sinks;
  };
  [[nodiscard]] std::vector<Sink> list() const;
  [[nodiscard]] std::shared_ptr<sinks::Runner> runner(const std::string& name) const;
  [[nodiscard]] Result<std::shared_ptr<sinks::Runner>> make(const SinkConfig& config,
                                                           std::optional<sinks::Cursor> start) const;
  static void stop(const std::vector<Sink>& sinks);

  events::Feed* feed_ = nullptr;
  std::shared_ptr<sinks::CursorTable> table_;
  std::shared_ptr<List> list_ = std::make_shared<List>();
};

/// The files that a sink's configuration names; for --check, too.
Result<void> check_sink_files(const std::vector<SinkConfig>& configs);

}  // namespace drover::droverd
