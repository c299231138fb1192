// SPDX-License-Identifier: Apache-2.0
// Routes for stored values: the last one of each resource, and those before. No device is asked, and it needn't be
// registered.
#include <nlohmann/json.hpp>

#include "api/history_body.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

/// nullptr, and the answer is given, when the server keeps none.
history::Archive* archive_of(const Call& call) {
  history::Archive* const archive = call.state->history;
  if (archive == nullptr) {
    call.refuse({.status = 501, .kind = "no-history", .detail = "this server keeps no values: history.enabled is false"});
  } else {
    call.responder.answer_within(kServerWait, slow_server());
  }
  return archive;
}

/// Below "/values" or "/history"; the root without a path. Nothing, and the answer is given, for what is no path.
std::optional<lwm2m::Path> path_of(const Call& call, std::string_view text) {
  const auto path = lwm2m::Path::parse(text);
  if (!path) call.refuse({.kind = "bad-path", .detail = "\"" + std::string(text) + "\" is no path such as 3/0/7"});
  return path;
}

Problem trouble(const Call& call, const Error& error) {
  io::log::error("stored values", {{"target", call.request.target}, {"why", error.reason}});
  return {.status = 503, .kind = "unavailable", .detail = "the stored values can't be used now; the server's log says why"};
}

void answer_history(const std::shared_ptr<Call>& call, HistoryAsked asked) {
  auto* const archive = archive_of(*call);
  if (archive == nullptr) return;
  const auto done = [call, asked](const auto& page) {
    if (!page) return call->refuse(trouble(*call, page.error()));
    // Rendered on the archive's thread: that of HTTP has its streams to serve meanwhile.
    call->responder.answer(to_response(asked, *page, call->target, call->state->registry));
  };
  if (asked.every) {
    archive->buckets(std::move(asked.query), *asked.every, done);
  } else {
    archive->history(std::move(asked.query), done);
  }
}

void answer_last(const std::shared_ptr<Call>& call, const lwm2m::Path& path) {
  auto query = last_asked(call->target);
  if (!query) return call->refuse(query.error());
  query->endpoint = call->endpoint;
  query->path = path;
  const bool anew = !query->after;
  auto* const archive = archive_of(*call);
  if (archive == nullptr) return;
  archive->last(std::move(*query), [call, path, anew](const Result<history::LastPage>& page) {
    if (!page) return call->refuse(trouble(*call, page.error()));
    if (page->values.empty() && anew && !path.is_root()) {
      return call->refuse({.status = 404,
                           .kind = "not-found",
                           .detail = "no value of " + path.to_string() + " of \"" + call->endpoint + "\" is known"});
    }
    http::Response response;
    response.body = to_json(call->endpoint, *page, call->state->registry);
    call->responder.answer(std::move(response));
  });
}

}  // namespace

void list_values(const std::shared_ptr<Call>& call) {
  answer_last(call, lwm2m::Path());
}

void get_values(const std::shared_ptr<Call>& call) {
  const auto path = path_of(*call, call->rest);
  if (path) answer_last(call, *path);
}

void forget_values(const std::shared_ptr<Call>& call) {
  auto* const archive = archive_of(*call);
  if (archive == nullptr) return;
  archive->forget(call->endpoint, [call](const Result<std::uint64_t>& series) {
    if (!series) return call->refuse(trouble(*call, series.error()));
    if (*series == 0) {
      return call->refuse(
          {.status = 404, .kind = "not-found", .detail = "no value of \"" + call->endpoint + "\" is known"});
    }
    io::log::info("values forgotten",
                  {{"endpoint", call->endpoint}, {"series", *series}, {"by", call->request.caller.token}});
    call->answer({{"endpoint", call->endpoint}, {"forgotten", *series}});
  });
}

void get_history(const std::shared_ptr<Call>& call) {
  const auto path = path_of(*call, call->rest);
  if (!path) return;
  auto asked = history_asked(call->target);
  if (!asked) return call->refuse(asked.error());
  asked->query.endpoint = call->endpoint;
  asked->query.path = *path;
  answer_history(call, std::move(*asked));
}

void get_all_history(const std::shared_ptr<Call>& call) {
  const auto path = lwm2m::Path::parse(call->target.parameter("path").value_or(""));
  if (!path) {
    return call->refuse({.kind = "bad-parameter", .detail = "path must be a path such as /3303/0/5700", .parameter = "path"});
  }
  auto asked = history_asked(call->target);
  if (!asked) return call->refuse(asked.error());
  asked->query.pattern = call->target.parameter("endpoint").value_or("");
  asked->query.path = *path;
  answer_history(call, std::move(*asked));
}

}  // namespace drover::api
