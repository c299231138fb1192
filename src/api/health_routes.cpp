// SPDX-License-Identifier: Apache-2.0
// Is the server alive, and can it do its work?
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

#include "api/call.hpp"
#include "api/health.hpp"
#include "sinks/sink_list.hpp"

namespace drover::api {

namespace {

/// Who is slower than this isn't well; and whoever asks waits seldom longer than some seconds.
constexpr std::chrono::seconds kReadyWait{2};

/// The checks of one request, each once it has ended.
class Round {
 public:
  explicit Round(std::vector<std::string> names) : names_(std::move(names)), results_(names_.size()) {}

  /// True for the last of them.
  bool note(std::size_t index, HealthResult result) {
    const std::lock_guard lock(mutex_);
    if (results_[index]) return false;
    results_[index] = std::move(result);
    return ++ended_ == names_.size();
  }
  /// With what is known by now.
  http::Response answer(State& state) {
    const std::lock_guard lock(mutex_);
    bool ready = true;
    Json checks = Json::array();
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const HealthResult result = results_[i].value_or(
          HealthResult{false, "no answer within " + std::to_string(kReadyWait.count()) + " seconds"});
      ready = ready && result.ok;
      checks.push_back({{"name", names_[i]}, {"ok", result.ok}, {"required", true}, {"detail", result.detail}});
    }
    // A receiver that is away is no reason to send devices elsewhere; why it is away is for those who may read.
    if (state.sinks != nullptr) {
      for (const auto& sink : state.sinks->all()) {
        const bool ok = sink.connected.value_or(true);
        checks.push_back({{"name", "sink " + sink.name},
                          {"ok", ok},
                          {"required", false},
                          {"detail", ok ? "" : std::to_string(sink.lag_events) + " events behind"}});
      }
    }
    http::Response response;
    response.status = ready ? 200 : 503;
    const Json body{{"ready", ready}, {"checks", std::move(checks)}};
    response.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    return response;
  }

 private:
  const std::vector<std::string> names_;
  std::mutex mutex_;
  std::vector<std::optional<HealthResult>> results_;
  std::size_t ended_ = 0;
};

}  // namespace

void get_health(const std::shared_ptr<Call>& call) {
  call->answer({{"status", "ok"}});
}

void get_ready(const std::shared_ptr<Call>& call) {
  const auto& sources = call->state->health;
  std::vector<std::string> names{"shards"};
  for (const HealthSource* source : sources) names.push_back(source->name());
  const auto round = std::make_shared<Round>(std::move(names));
  const auto note = [call, round](std::size_t index, HealthResult result) {
    if (!round->note(index, std::move(result))) return;
    call->responder.then([call, round] { call->responder.answer(round->answer(*call->state)); });
  };
  call->responder.answer_within(kReadyWait, [call, round] { return round->answer(*call->state); });
  // The answer needs a word of each shard.
  call->state->fleet.counters([note](const server::ServerCounters&) { note(0, {}); });
  for (std::size_t i = 0; i < sources.size(); ++i) {
    sources[i]->check([note, i](HealthResult result) { note(i + 1, std::move(result)); });
  }
}

}  // namespace drover::api
