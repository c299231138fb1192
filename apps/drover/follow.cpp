// SPDX-License-Identifier: Apache-2.0
// The commands that go on until Ctrl-C.
#include "apps/drover/follow.hpp"

#include <poll.h>

#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/drover/exit_status.hpp"
#include "apps/drover/operation_text.hpp"
#include "apps/drover/session.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;
using lwm2m::Path;

constexpr int kReconnectMilliseconds = 1000;

volatile std::sig_atomic_t interrupted = 0;

}  // namespace

void catch_interrupt() {
  // No SA_RESTART: reads end. SA_RESETHAND: the second Ctrl-C has its usual effect.
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int follow(Session& session, Following following) {
  bool connected = false;
  for (;;) {
    bool wanted = true;
    const Reply reply =
        session.api.stream("/api/v1/events", following.query, following.last_event_id, [&](const StreamEvent& event) {
          following.last_event_id = event.id;
          wanted = following.found(event);
          // Nobody reads any more, or the disk is full: main() says so.
          wanted = wanted && std::ferror(stdout) == 0;
          return wanted && interrupted == 0;
        });
    if (interrupted != 0 || !wanted) return kOk;
    connected = connected || reply.status == 200;
    const bool refused = reply.status != 0 && reply.status != 200;
    if (!connected || refused) return fail(session, reply);
    std::fprintf(stderr, "drover: the event stream ended; connecting again\n");
    poll(nullptr, 0, kReconnectMilliseconds);
    if (interrupted != 0) return kOk;
  }
}

void print_event(const Session& session, const StreamEvent& event) {
  if (session.json) return print_line(event.data);
  const Json data = Json::parse(event.data, nullptr, false);
  if (data.is_object()) print(event_text(event.name, data));
}

std::string newest_event(Session& session) {
  const Reply reply = session.api.call("GET", "/api/v1/status");
  const Json status = reply.is_success() ? Json::parse(reply.body, nullptr, false) : Json();
  if (!status.is_object() || !status.contains("events") || !status["events"]["newest"].is_string()) return "";
  return status["events"]["newest"];
}

int events(Session& session, const FollowArguments& arguments) {
  catch_interrupt();
  Following following;
  following.last_event_id = arguments.last_event_id;
  if (!arguments.endpoint.empty()) following.query.emplace_back("endpoint", arguments.endpoint);
  if (!arguments.kinds.empty()) following.query.emplace_back("kind", arguments.kinds);
  std::uint64_t seen = 0;
  following.found = [&](const StreamEvent& event) {
    print_event(session, event);
    return arguments.count == 0 || ++seen < arguments.count;
  };
  return follow(session, std::move(following));
}

int observe(Session& session, const std::string& endpoint, const Path& path, const std::string& accept, bool follow_it,
            bool keep, std::uint64_t count) {
  Following following;
  if (follow_it) {
    catch_interrupt();
    // Asked for before the observation begins, so that no notification falls between the two requests.
    following.last_event_id = newest_event(session);
  }
  Query query = operation_query(session);
  if (!accept.empty()) query.emplace_back("accept", accept);
  const Reply reply = session.api.call("PUT", device_url(endpoint, "observations", path), query);
  Definitions definitions(session.api);
  const int begun = finish_operation(session, reply, [&](const Json& answer) {
    return answer_text(answer, [&](const Path& at) { return definitions.name(at); });
  });
  if (begun != kOk || !follow_it) return begun;

  following.query = {{"endpoint", endpoint}, {"kind", "notification,observation-ended,deregistered,expired"}};
  std::uint64_t seen = 0;
  bool ended = false;
  following.found = [&](const StreamEvent& event) {
    const Json data = Json::parse(event.data, nullptr, false);
    if (!data.is_object()) return true;
    const bool ours = !data.contains("path") || data["path"] == path.to_string();
    if (!ours) return true;
    print_event(session, event);
    ended = event.name != "notification" && event.name != "gap";
    return !ended && (count == 0 || event.name != "notification" || ++seen < count);
  };
  const int followed = follow(session, std::move(following));
  if (followed != kOk) return followed;
  if (ended) return kNotRegistered;
  if (keep) return kOk;
  const Reply cancelled =
      session.api.call("DELETE", device_url(endpoint, "observations", path), operation_query(session));
  if (cancelled.status == kAccepted) return finish_operation(session, cancelled, queued_text);
  return cancelled.is_success() ? kOk : fail(session, cancelled);
}

}  // namespace drover::cli
