// SPDX-License-Identifier: Apache-2.0
// drover token: add, list, remove.
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "apps/drover/commands.hpp"
#include "apps/drover/exit_status.hpp"
#include "apps/drover/session.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;

constexpr const char* kTokens = "/api/v1/tokens";

std::string time_or(const Json& token, const char* name, const char* otherwise) {
  const auto found = token.find(name);
  return found != token.end() && found->is_number_integer() ? time_text(found->get<std::int64_t>()) + " UTC" : otherwise;
}

std::string tokens_text(const Json& list) {
  Table table({"ID", "NAME", "ROLE", "CREATED", "EXPIRES", "LAST USED"});
  for (const Json& token : list.value("tokens", Json::array())) {
    table.add({std::to_string(token.value("id", std::uint64_t{0})), printable(token.value("name", "")),
               printable(token.value("role", "")), time_or(token, "created_at", ""),
               time_or(token, "expires_at", "never"), time_or(token, "last_used_at", "not yet")});
  }
  return table.to_string();
}

/// The id behind a name; what is only digits is an id unless a token is called so.
tl::expected<std::string, Reply> id_of(Session& session, const std::string& text) {
  const Reply reply = session.api.call("GET", kTokens);
  if (!reply.is_success()) return tl::unexpected(reply);
  const Json list = Json::parse(reply.body, nullptr, false);
  if (!list.is_object()) return tl::unexpected(Reply{reply.status, ""});
  for (const Json& token : list.value("tokens", Json::array())) {
    if (token.value("name", "") == text) return std::to_string(token.value("id", std::uint64_t{0}));
  }
  return text;
}

}  // namespace

int add_token(Session& session, const std::string& name, const std::string& role, const std::string& expires) {
  Json body = {{"name", name}, {"role", role}};
  if (!expires.empty()) {
    const auto span = span_of(expires);
    if (!span) return usage_error("--expires takes a number with s, m, h or d behind it, such as 30d");
    body["expires_at"] = std::int64_t{std::time(nullptr)} + *span;
  }
  const Reply reply = session.api.call("POST", kTokens, {}, body.dump(-1, ' ', false, Json::error_handler_t::replace));
  const int status = finish(session, reply, [](const Json& answer) { return answer.value("token", "") + "\n"; });
  if (status == kOk && !session.json) std::fputs("drover: keep it well: it is shown this once\n", stderr);
  return status;
}

int list_tokens(Session& session) {
  return finish(session, session.api.call("GET", kTokens), tokens_text);
}

int remove_token(Session& session, const std::string& name_or_id) {
  const auto id = id_of(session, name_or_id);
  if (!id) return fail(session, id.error());
  const Reply reply = session.api.call("DELETE", std::string(kTokens) + "/" + percent_encode(*id));
  return finish(session, reply, [](const Json& token) {
    return "removed " + printable(token.value("name", "")) + " (" + printable(token.value("role", "")) + ")\n";
  });
}

}  // namespace drover::cli
