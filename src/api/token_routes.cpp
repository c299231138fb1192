// SPDX-License-Identifier: Apache-2.0
// Routes for the API's tokens. Their texts are nowhere but in the answer to the one that makes them.
#include <limits>
#include <nlohmann/json.hpp>

#include "api/authority.hpp"
#include "api/call.hpp"
#include "api/parameters.hpp"
#include "api/tokens.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

Json to_json(const store::Token& token) {
  const auto time = [](const std::optional<UnixSeconds>& at) { return at ? Json(*at) : Json(nullptr); };
  return {{"id", token.id},
          {"name", token.name},
          {"role", to_string(token.role)},
          {"created_at", token.created_at},
          {"expires_at", time(token.expires_at)},
          {"last_used_at", time(token.last_used_at)}};
}

Problem not_kept(const Error& error) {
  if (error.fault == Fault::Peer) return {.status = 409, .kind = "conflict", .detail = error.reason};
  io::log::error("tokens can't be stored", {{"why", error.reason}});
  return {.status = 503, .kind = "unavailable", .detail = "the server can't store its tokens; its log says why"};
}

Problem bad_value(const char* pointer, const char* detail) {
  return {.kind = "bad-value", .detail = detail, .pointer = pointer};
}

struct Wanted {
  std::string name;
  Role role = Role::Read;
  std::optional<UnixSeconds> expires_at{};
};

tl::expected<Wanted, Problem> wanted_of(const http::Request& request) {
  if (request.content_type != "application/json") {
    return tl::unexpected(
        Problem{.status = 415, .kind = "unsupported-media-type", .detail = "the body must be application/json"});
  }
  const Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object()) return tl::unexpected(Problem{.kind = "bad-body", .detail = "the body must be a JSON object"});
  Wanted wanted;
  std::optional<Role> role;
  for (const auto& [name, value] : body.items()) {
    if (name == "name" && value.is_string()) {
      wanted.name = value.get<std::string>();
    } else if (name == "role") {
      role = value.is_string() ? parse_role(value.get<std::string>()) : std::nullopt;
      if (!role) return tl::unexpected(bad_value("/role", "role must be read, operate or admin"));
    } else if (name == "expires_at" && (value.is_null() || value.is_number_integer())) {
      if (!value.is_null()) wanted.expires_at = value.get<UnixSeconds>();
    } else if (name == "name" || name == "expires_at") {
      return tl::unexpected(name == "name" ? bad_value("/name", "name must be a string")
                                           : bad_value("/expires_at", "expires_at must be whole Unix seconds or null"));
    } else {
      // Not named: it may be something that its sender took for secret.
      return tl::unexpected(bad_value("", "only name, role and expires_at are known here"));
    }
  }
  if (wanted.name.empty()) return tl::unexpected(bad_value("/name", "a name is needed"));
  if (!role) return tl::unexpected(bad_value("/role", "role must be read, operate or admin"));
  wanted.role = *role;
  return wanted;
}

}  // namespace

void get_caller(const std::shared_ptr<Call>& call) {
  const Authority& authority = *call->state->authority;
  const Caller& caller = call->request.caller;
  Json name = nullptr;
  Json expires_at = nullptr;
  for (const store::Token& token : authority.tokens()) {
    if (token.id != caller.token) continue;
    name = token.name;
    if (token.expires_at) expires_at = *token.expires_at;
  }
  call->answer({{"name", name},
                {"role", to_string(caller.role)},
                {"expires_at", expires_at},
                {"token_required", !authority.is_open()}});
}

void list_tokens(const std::shared_ptr<Call>& call) {
  Json list = Json::array();
  for (const auto& token : call->state->authority->tokens()) list.push_back(to_json(token));
  call->answer({{"tokens", std::move(list)}});
}

void add_token(const std::shared_ptr<Call>& call) {
  const auto wanted = wanted_of(call->request);
  if (!wanted) return call->refuse(wanted.error());
  const auto made = call->state->authority->add(wanted->name, wanted->role, wanted->expires_at);
  if (!made) return call->refuse(not_kept(made.error()));
  const auto& token = made->token;
  io::log::info("token added", {{"token", token.id},
                                {"name", token.name},
                                {"role", to_string(token.role)},
                                {"by", call->request.caller.token}});
  // The first token closes the API, and with it the streams that came without one.
  call->state->wake_streams();
  Json body = to_json(token);
  body["token"] = made->text.reveal();
  http::Response response;
  response.status = 201;
  response.headers.emplace_back("Location", "/api/v1/tokens/" + std::to_string(token.id));
  response.body = body.dump();
  call->responder.answer(std::move(response));
}

void remove_token(const std::shared_ptr<Call>& call) {
  // 0 is no token's id.
  const auto id = whole_number(call->rest, 1, kIdMax).value_or(0);
  const auto removed = call->state->authority->remove(id);
  if (!removed) return call->refuse(not_kept(removed.error()));
  if (!*removed) return call->refuse({.status = 404, .kind = "not-found", .detail = "there is no token of that id"});
  io::log::info("token removed", {{"token", id}, {"name", (*removed)->name}, {"by", call->request.caller.token}});
  call->state->wake_streams();
  call->answer(to_json(**removed));
}

}  // namespace drover::api
