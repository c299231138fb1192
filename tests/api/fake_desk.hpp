// SPDX-License-Identifier: Apache-2.0
// A Bootstrap-Server's desk without devices: keeps plans, shows the sessions that a test gives it.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "bootstrap/desk.hpp"
#include "bootstrap/plan_book.hpp"
#include "bootstrap/plan_json.hpp"

namespace drover::api::test {

class FakeDesk final : public bootstrap::Desk {
 public:
  explicit FakeDesk(const lwm2m::model::Registry& definitions) : definitions_(definitions) {}

  void add(bootstrap::SessionView session) {
    const std::lock_guard lock(mutex_);
    sessions_[session.id] = std::move(session);
  }
  /// What the next start() gets.
  void answer_start(bootstrap::DeskAnswer<bootstrap::SessionId> answer) {
    const std::lock_guard lock(mutex_);
    start_ = std::move(answer);
  }
  /// What the next put_plan() and remove_plan() get instead of being carried out.
  void refuse_plans(std::optional<bootstrap::DeskRefusal> refusal) {
    const std::lock_guard lock(mutex_);
    refusal_ = std::move(refusal);
  }
  std::pair<std::string, std::string> started() {
    const std::lock_guard lock(mutex_);
    return started_;
  }
  void emit(bootstrap::Event event) { sink_({1'700'000'001, std::move(event)}); }

  // Desk
  void plans(Done<std::vector<bootstrap::PlanView>> done) override {
    std::vector<bootstrap::PlanView> views;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& plan : book_.all()) views.push_back({plan, kChangedAt});
    }
    done(std::move(views));
  }
  void plan(std::string name, Done<std::optional<bootstrap::PlanView>> done) override { done(find(name)); }
  void put_plan(std::string name, Secret<std::string> json, Done<bootstrap::DeskAnswer<bootstrap::PlanView>> done) override {
    done(put(name, json.reveal()));
  }
  void remove_plan(std::string name, Done<bootstrap::DeskAnswer<bootstrap::PlanView>> done) override {
    const auto known = find(name);
    {
      const std::lock_guard lock(mutex_);
      book_.remove(name);
    }
    if (!known) return done(refusal(bootstrap::DeskRefusal::Why::NotFound, "there is no plan of that name"));
    done(*known);
  }
  void choose(std::string endpoint, Done<std::optional<bootstrap::PlanView>> done) override {
    bootstrap::SharedPlan plan;
    {
      const std::lock_guard lock(mutex_);
      plan = book_.choose(endpoint);
    }
    done(plan ? std::optional(bootstrap::PlanView{plan, kChangedAt}) : std::nullopt);
  }
  void sessions(bootstrap::SessionQuery query, Done<bootstrap::SessionPage> done) override {
    bootstrap::SessionPage page;
    {
      const std::lock_guard lock(mutex_);
      for (auto at = sessions_.rbegin(); at != sessions_.rend(); ++at) {
        if (!query.endpoint.empty() && at->second.endpoint != query.endpoint) continue;
        if (query.before && at->first >= *query.before) continue;
        if (page.sessions.size() == query.limit) {
          page.next = page.sessions.back().id;
          break;
        }
        page.sessions.push_back(at->second);
        page.sessions.back().timeline.clear();
      }
    }
    done(std::move(page));
  }
  void session(bootstrap::SessionId id, Done<std::optional<bootstrap::SessionView>> done) override {
    std::optional<bootstrap::SessionView> view;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = sessions_.find(id); found != sessions_.end()) view = found->second;
    }
    done(std::move(view));
  }
  void end(bootstrap::SessionId id, Done<bool> done) override {
    bool ended = false;
    {
      const std::lock_guard lock(mutex_);
      const auto found = sessions_.find(id);
      ended = found != sessions_.end() && !found->second.ended;
      if (ended) {
        found->second.state = bootstrap::SessionState::Failed;
        found->second.reason = "ended by an administrator";
        found->second.ended = found->second.began + 1;
      }
    }
    done(ended);
  }
  void start(std::string endpoint, std::string uri, Done<bootstrap::DeskAnswer<bootstrap::SessionId>> done) override {
    bootstrap::DeskAnswer<bootstrap::SessionId> answer;
    {
      const std::lock_guard lock(mutex_);
      started_ = {std::move(endpoint), std::move(uri)};
      answer = start_;
    }
    done(std::move(answer));
  }
  void counters(Done<bootstrap::ServerCounters> done) override {
    bootstrap::ServerCounters counters;
    counters.requests = 13;
    done(counters);
  }
  void on_event(std::function<void(const bootstrap::DeskEvent&)> sink) override { sink_ = std::move(sink); }

  static constexpr UnixSeconds kChangedAt = 1'700'000'000;

 private:
  static tl::unexpected<bootstrap::DeskRefusal> refusal(bootstrap::DeskRefusal::Why why, std::string reason) {
    return tl::unexpected(bootstrap::DeskRefusal{why, std::move(reason)});
  }
  std::optional<bootstrap::PlanView> find(const std::string& name) {
    const std::lock_guard lock(mutex_);
    auto plan = book_.find(name);
    return plan ? std::optional(bootstrap::PlanView{std::move(plan), kChangedAt}) : std::nullopt;
  }
  bootstrap::DeskAnswer<bootstrap::PlanView> put(const std::string& name, const std::string& json) {
    using Why = bootstrap::DeskRefusal::Why;
    const std::lock_guard lock(mutex_);
    if (refusal_) return tl::unexpected(*refusal_);
    auto plan = bootstrap::parse_plan(json, definitions_);
    if (!plan) return refusal(Why::Invalid, plan.error().reason);
    if ((*plan)->name != name) return refusal(Why::Invalid, "name: isn't the plan's");
    if (const auto kept = book_.put(*plan); !kept) return refusal(Why::Conflict, kept.error().reason);
    return bootstrap::PlanView{*plan, kChangedAt};
  }

  const lwm2m::model::Registry& definitions_;
  std::mutex mutex_;
  bootstrap::PlanBook book_;
  std::map<bootstrap::SessionId, bootstrap::SessionView> sessions_;
  bootstrap::DeskAnswer<bootstrap::SessionId> start_ = bootstrap::SessionId{1};
  std::optional<bootstrap::DeskRefusal> refusal_;
  std::pair<std::string, std::string> started_;
  std::function<void(const bootstrap::DeskEvent&)> sink_;
};

}  // namespace drover::api::test
