// SPDX-License-Identifier: Apache-2.0
// Routes for what devices prove themselves with. Secret keys come in and never go out again, except for one that was
// made here: it is in the answer to the one that asked for it.
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "api/call.hpp"
#include "api/credential_body.hpp"
#include "api/parameters.hpp"
#include "io/log.hpp"
#include "store/credential_list.hpp"
#include "store/import.hpp"

namespace drover::api {

namespace {

using store::Credential;
using store::CredentialId;
template <class T>
using Answer = store::Answer<T>;

constexpr std::size_t kLinesMax = 100;  ///< wrong rows of an import that are named

/// nullptr, and the answer is given, when the server has none.
store::CredentialList* list_of(const Call& call) {
  store::CredentialList* const list = call.state->credentials;
  if (list == nullptr) {
    call.refuse({.status = 501,
                 .kind = "no-store",
                 .detail = "this server keeps no credentials: give it a store file (--store)"});
  } else {
    call.responder.answer_within(
        kServerWait, to_response(Problem{.status = 503, .kind = "unavailable", .detail = "the server is too busy to answer"}));
  }
  return list;
}

/// 0 for what is no id, and then the answer is given.
CredentialId id_of(const Call& call) {
  const auto id = whole_number(call.rest, 1, std::numeric_limits<std::int64_t>::max() - 1);
  if (!id) call.refuse({.status = 404, .kind = "not-found", .detail = "there is no credential of that id"});
  return {id.value_or(0)};
}

std::string name_of(const Credential& credential) {
  return credential.kind == store::IdentityKind::PublicKey ? store::fingerprint(as_bytes(credential.identity))
                                                           : credential.identity;
}

void log(const char* what, const Call& call, const Credential& credential) {
  io::log::info(what, {{"credential", credential.id.value},
                       {"purpose", store::to_string(credential.purpose)},
                       {"kind", security::to_string(credential.kind)},
                       {"identity", name_of(credential)},
                       {"endpoint", credential.endpoint},
                       {"by", call.request.caller.token}});
}

/// For a new credential; the one place where a key is shown.
void answer_new(const Call& call, const Credential& credential, const Secret<Bytes>& generated) {
  Json body = to_json(credential);
  if (!generated.empty()) body["key"] = to_hex(generated.reveal());
  http::Response response;
  response.status = 201;
  response.headers.emplace_back("Location", "/api/v1/credentials/" + std::to_string(credential.id.value));
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  call.responder.answer(std::move(response));
}

tl::expected<store::CredentialQuery, Problem> query_of(const Target& target) {
  Parameters given(target);
  store::CredentialQuery query;
  query.kind = given.parsed("kind", store::parse_kind, "psk, public-key or certificate");
  query.purpose = given.parsed("purpose", store::parse_purpose, "server or bootstrap");
  query.endpoint = given.text("endpoint");
  query.after.value = given.after_id();
  query.limit = given.limit();
  if (given.problem()) return tl::unexpected(*given.problem());
  return query;
}

/// The first kLinesMax of them.
std::vector<ProblemLine> lines_of(const std::vector<store::ImportProblem>& problems) {
  std::vector<ProblemLine> lines;
  for (std::size_t i = 0; i < std::min(problems.size(), kLinesMax); ++i) {
    lines.push_back({problems[i].line, problems[i].reason});
  }
  return lines;
}

void answer_import(const Call& call, const std::vector<store::ImportProblem>& problems, std::size_t rows,
                   std::size_t added, bool partial) {
  if (!problems.empty() && !partial) {
    std::string detail = std::to_string(problems.size()) + " of " + std::to_string(rows) +
                         " rows can't be added, so none was; line " + std::to_string(problems.front().line) + ": " +
                         problems.front().reason;
    if (rows == 0) detail = problems.front().reason;
    return call.refuse({.kind = "bad-body", .detail = std::move(detail), .lines = lines_of(problems)});
  }
  Json lines = Json::array();
  for (const ProblemLine& line : lines_of(problems)) lines.push_back({{"line", line.line}, {"detail", line.detail}});
  call.answer({{"added", added}, {"refused", problems.size()}, {"lines", std::move(lines)}});
}

}  // namespace

void list_credentials(const std::shared_ptr<Call>& call) {
  auto query = query_of(call->target);
  if (!query) return call->refuse(query.error());
  auto* const list = list_of(*call);
  if (list == nullptr) return;
  list->page(std::move(*query), [call](store::CredentialPage page) {
    call->responder.then([call, page = std::move(page)] {
      Json credentials = Json::array();
      for (const Credential& credential : page.credentials) credentials.push_back(to_json(credential));
      call->answer({{"credentials", std::move(credentials)},
                    {"total", page.total},
                    {"next", page.next == CredentialId{} ? Json(nullptr) : Json(page.next.value)}});
    });
  });
}

void get_credential(const std::shared_ptr<Call>& call) {
  auto* const list = list_of(*call);
  if (list == nullptr) return;
  const CredentialId id = id_of(*call);
  if (id == CredentialId{}) return;
  const auto credential = list->find(id);
  if (!credential) return call->refuse({.status = 404, .kind = "not-found", .detail = "there is no credential of that id"});
  call->answer(to_json(*credential));
}

void add_credential(const std::shared_ptr<Call>& call) {
  auto* const list = list_of(*call);
  if (list == nullptr) return;
  auto asked = new_credential_body(call->request);
  if (!asked) return call->refuse(asked.error());
  list->add(std::move(asked->value), [call, generated = std::move(asked->generated)](const Answer<Credential>& added) {
    if (!added) return call->refuse(to_problem(added.error()));
    log("credential added", *call, *added);
    answer_new(*call, *added, generated);
  });
}

void rotate_credential(const std::shared_ptr<Call>& call) {
  auto* const list = list_of(*call);
  if (list == nullptr) return;
  const CredentialId id = id_of(*call);
  if (id == CredentialId{}) return;
  const auto other = list->find(id);
  if (!other) return call->refuse({.status = 404, .kind = "not-found", .detail = "there is no credential of that id"});
  auto asked = rotation_body(call->request, other->kind);
  if (!asked) return call->refuse(asked.error());
  list->rotate(id, std::move(asked->value),
               [call, generated = std::move(asked->generated)](const Answer<Credential>& added) {
                 if (!added) return call->refuse(to_problem(added.error()));
                 log("credential rotated", *call, *added);
                 answer_new(*call, *added, generated);
               });
}

void change_credential(const std::shared_ptr<Call>& call) {
  auto* const list = list_of(*call);
  if (list == nullptr) return;
  const CredentialId id = id_of(*call);
  if (id == CredentialId{}) return;
  auto change = change_body(call->request);
  if (!change) return call->refuse(change.error());
  list->change(id, std::move(*change), [call](const Answer<Credential>& changed) {
    if (!changed) return call->refuse(to_problem(changed.error()));
    log("credential changed", *call, *changed);
    call->answer(to_json(*changed));
  });
}

void remove_credential(const std::shared_ptr<Call>& call) {
  auto* const list = list_of(*call);
  if (list == nullptr) return;
  const CredentialId id = id_of(*call);
  if (id == CredentialId{}) return;
  list->remove(id, [call](const Answer<Credential>& removed) {
    if (!removed) return call->refuse(to_problem(removed.error()));
    log("credential removed", *call, *removed);
    call->answer(to_json(*removed));
  });
}

void import_credentials(const std::shared_ptr<Call>& call) {
  auto* const list = list_of(*call);
  if (list == nullptr) return;
  Parameters given(call->target);
  const bool partial = given.truth("partial", false);
  if (given.problem()) return call->refuse(*given.problem());
  if (call->request.content_type != "text/csv") {
    return call->refuse({.status = 415, .kind = "unsupported-media-type", .detail = "the body must be text/csv"});
  }
  store::Import import = store::read_import(call->request.body);
  const std::size_t rows = import.credentials.size() + import.problems.size();
  // A table that isn't understood has its problem at the header, or at no row.
  const bool table = !import.problems.empty() && import.credentials.empty() && import.problems.front().line <= 1;
  if (table) return answer_import(*call, import.problems, 0, 0, false);
  if (!import.problems.empty() && !partial) return answer_import(*call, import.problems, rows, 0, false);
  list->add_all(std::move(import.credentials), partial,
                [call, rows, partial, lines = std::move(import.lines),
                 problems = std::move(import.problems)](const Answer<store::CredentialBatch>& batch) mutable {
                  if (!batch) return call->refuse(to_problem(batch.error()));
                  for (std::size_t i = 0; i < lines.size(); ++i) {
                    const auto& refusal = batch->refusals[i];
                    if (refusal) problems.push_back({lines[i], refusal->reason});
                  }
                  std::sort(problems.begin(), problems.end(),
                            [](const auto& a, const auto& b) { return a.line < b.line; });
                  io::log::info("credentials imported", {{"added", batch->added.size()},
                                                         {"refused", problems.size()},
                                                         {"by", call->request.caller.token}});
                  answer_import(*call, problems, rows, batch->added.size(), partial);
                });
}

}  // namespace drover::api
