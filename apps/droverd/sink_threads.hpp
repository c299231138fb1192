// SPDX-License-Identifier: Apache-2.0
// The sinks of the configuration, each on a thread of its own.
#pragma once

#include <functional>
#include <memory>
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
  /// Ends all of them at once, see Runner::stop().
  void stop();

  [[nodiscard]] std::vector<sinks::SinkView> all() override;
  [[nodiscard]] std::optional<sinks::SinkView> find(const std::string& name) override;
  bool test(const std::string& name, std::function<void(std::string)> done) override;

 private:
  [[nodiscard]] sinks::Runner* runner(const std::string& name) const;

  // Shared with what the feed calls, which may be later than this.
  std::shared_ptr<std::vector<std::unique_ptr<sinks::Runner>>> runners_ =
      std::make_shared<std::vector<std::unique_ptr<sinks::Runner>>>();
};

/// The files that a sink's configuration names; for --check, too.
Result<void> check_sink_files(const std::vector<SinkConfig>& configs);

}  // namespace drover::droverd
