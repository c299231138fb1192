// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/credentials.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "apps/drover/exit_status.hpp"
#include "apps/drover/input.hpp"
#include "apps/drover/session.hpp"
#include "apps/drover/table_pieces.hpp"
#include "io/secret_file.hpp"
#include "lwm2m/content/base64.hpp"
#include "store/credential.hpp"
#include "store/import.hpp"
#include "store/key_files.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;

constexpr const char* kCredentials = "/api/v1/credentials";
constexpr std::size_t kPageMax = 1000;
constexpr std::size_t kTableMax = 64 << 20;  // bytes of a table of credentials
constexpr std::size_t kPieceMax = 1 << 20;   // bytes that go to the server at once
constexpr std::size_t kLinesMax = 100;       // of wrong rows that are shown, as the server does
constexpr int kDone = 200, kBadRequest = 400;  // HTTP status

std::string url_of(std::uint64_t id, const char* rest = "") {
  return std::string(kCredentials) + "/" + std::to_string(id) + rest;
}

std::string state_of(const Json& credential) {
  if (!credential.value("enabled", true)) return "disabled";
  const auto expires = credential.find("expires_at");
  if (expires == credential.end() || !expires->is_number_integer()) return "enabled";
  return "until " + time_text(expires->get<std::int64_t>());
}

std::string credentials_text(const Json& list) {
  Table table({"ID", "PURPOSE", "KIND", "IDENTITY", "ENDPOINT", "STATE", "LABEL"});
  for (const Json& credential : list) {
    table.add({std::to_string(credential.value("id", std::uint64_t{0})), text_or(credential, "purpose", ""),
               text_or(credential, "kind", ""), text_or(credential, "identity", ""),
               text_or(credential, "endpoint", "(equal)"), state_of(credential), text_or(credential, "label", "")});
  }
  return table.to_string();
}

std::string credential_text(const Json& credential) {
  std::string text = "credential " + std::to_string(credential.value("id", std::uint64_t{0})) + ": " +
                     text_or(credential, "kind", "") + " " + text_or(credential, "identity", "") + "\n  purpose   " +
                     text_or(credential, "purpose", "") + "\n  endpoint  " +
                     text_or(credential, "endpoint", "the one that equals the identity or a name of the certificate") +
                     "\n  state     " + state_of(credential) + "\n  created   " +
                     time_text(credential.value("created_at", std::int64_t{0})) + " UTC\n";
  const std::string issuer = text_or(credential, "issuer", "");
  if (!issuer.empty()) text += "  made by   " + issuer + "\n";
  const std::string label = text_or(credential, "label", "");
  if (!label.empty()) text += "  label     " + label + "\n";
  const std::string key = text_or(credential, "public_key", "");
  if (!key.empty()) text += "  public key  " + key + "\n";
  return text;
}

/// What proves the device, as members of a body. The error is for people.
tl::expected<Json, std::string> proof_of(const CredentialArguments& arguments) {
  Json body = Json::object();
  if (!arguments.identity.empty()) body["identity"] = arguments.identity;
  if (arguments.generate) body["generate"] = true;
  if (arguments.key_bytes) body["key_bytes"] = *arguments.key_bytes;
  if (!arguments.key_file.empty()) {
    const auto key = read_line(arguments.key_file);
    if (!key) return tl::unexpected(key.error());
    body["key"] = *key;
  }
  if (!arguments.public_key_file.empty()) {
    const auto content = read_input(arguments.public_key_file);
    if (!content) return tl::unexpected(content.error());
    const auto key = store::parse_public_key(as_bytes(*content), arguments.public_key_file);
    if (!key) return tl::unexpected(key.error().reason);
    body["public_key"] = lwm2m::content::to_base64(*key);
  }
  if (!arguments.certificate_file.empty()) {
    const auto content = read_input(arguments.certificate_file);
    if (!content) return tl::unexpected(content.error());
    const auto chain = store::parse_certificates(as_bytes(*content), arguments.certificate_file);
    if (!chain) return tl::unexpected(chain.error().reason);
    body["identity"] = store::fingerprint(chain->front());
  }
  return body;
}

/// The new credential, and its key when the server made it.
int finish_new(const Session& session, const Reply& reply) {
  const int status = finish(session, reply, [](const Json& answer) {
    const std::string key = text_or(answer, "key", "");
    return credential_text(answer) + (key.empty() ? "" : "  key       " + key + "\n");
  });
  const bool made = reply.is_success() && Json::parse(reply.body, nullptr, false).contains("key");
  if (status == kOk && made && !session.json) std::fputs("drover: keep the key well: it is shown this once\n", stderr);
  return status;
}

}  // namespace

int list_credentials(Session& session, const CredentialArguments& arguments) {
  Json all = Json::array();
  Json page;
  std::string after;
  do {
    Query query{{"limit", std::to_string(std::min(arguments.limit - all.size(), kPageMax))}};
    if (!arguments.purpose.empty()) query.emplace_back("purpose", arguments.purpose);
    if (!arguments.kind.empty()) query.emplace_back("kind", arguments.kind);
    if (arguments.endpoint) query.emplace_back("endpoint", *arguments.endpoint);
    if (!after.empty()) query.emplace_back("after", after);
    const Reply reply = session.api.call("GET", kCredentials, query);
    if (!reply.is_success()) return fail(session, reply);
    page = Json::parse(reply.body, nullptr, false);
    if (!page.is_object() || !page["credentials"].is_array()) return fail(session, {reply.status, ""});
    for (Json& credential : page["credentials"]) all.push_back(std::move(credential));
    after = page["next"].is_number_integer() ? page["next"].dump() : "";
  } while (!after.empty() && all.size() < arguments.limit);
  if (session.json) {
    page["credentials"] = std::move(all);
    print_line(page.dump());
    return kOk;
  }
  print(credentials_text(all));
  const auto total = page.value("total", std::size_t{0});
  if (total > all.size()) print(std::to_string(total - all.size()) + " more: --limit, --endpoint, --purpose, --kind\n");
  return kOk;
}

int show_credential(Session& session, std::uint64_t id) {
  return finish(session, session.api.call("GET", url_of(id)), credential_text);
}

int add_credential(Session& session, const CredentialArguments& arguments) {
  auto body = proof_of(arguments);
  if (!body) return usage_error(body.error());
  if (!arguments.purpose.empty()) (*body)["purpose"] = arguments.purpose;
  (*body)["kind"] = arguments.kind;
  if (arguments.endpoint) (*body)["endpoint"] = *arguments.endpoint;
  if (arguments.label) (*body)["label"] = *arguments.label;
  return finish_new(session, session.api.call("POST", kCredentials, {}, dump(*body)));
}

int rotate_credential(Session& session, const CredentialArguments& arguments) {
  auto body = proof_of(arguments);
  if (!body) return usage_error(body.error());
  if (arguments.label) (*body)["label"] = *arguments.label;
  if (arguments.retire_after) (*body)["retire_after"] = *arguments.retire_after;
  return finish_new(session, session.api.call("POST", url_of(arguments.id, "/rotate"), {}, dump(*body)));
}

int change_credential(Session& session, const CredentialArguments& arguments) {
  Json body = Json::object();
  if (arguments.endpoint) body["endpoint"] = *arguments.endpoint;
  if (arguments.label) body["label"] = *arguments.label;
  if (arguments.enabled) body["enabled"] = *arguments.enabled;
  if (body.empty()) return usage_error("a change needs --enable, --disable, --endpoint or --label");
  return finish(session, session.api.call("PATCH", url_of(arguments.id), {}, dump(body)), credential_text);
}

int remove_credential(Session& session, std::uint64_t id) {
  return finish(session, session.api.call("DELETE", url_of(id)),
                [](const Json& answer) { return "removed " + credential_text(answer); });
}

namespace {

std::string lines_text(const Json& answer) {
  std::string text;
  for (const Json& line : answer.value("lines", Json::array())) {
    text += "line " + std::to_string(line.value("line", 0)) + ": " + text_or(line, "detail", "") + "\n";
  }
  return text;
}

Reply import_table(Session& session, bool partial, const std::string& table) {
  Query query;
  if (partial) query.emplace_back("partial", "true");
  return session.api.call("POST", std::string(kCredentials) + "/import", query, table, "text/csv");
}

/// What the server says to a table that has such rows.
Reply refusal_of(const store::Import& import) {
  Json lines = Json::array();
  for (const store::ImportProblem& problem : import.problems) {
    if (lines.size() < kLinesMax) lines.push_back({{"line", problem.line}, {"detail", problem.reason}});
  }
  const store::ImportProblem& first = import.problems.front();
  const std::size_t rows = import.problems.size() + import.credentials.size();
  std::string detail = std::to_string(import.problems.size()) + " of " + std::to_string(rows) +
                       " rows can't be added, so none was; line " + std::to_string(first.line) + ": " + first.reason;
  if (import.credentials.empty() && rows == 1) detail = first.reason;  // about the table
  const Json problem{{"type", "urn:drover:problem:bad-body"},
                     {"title", "The request body can't be read"},
                     {"status", kBadRequest},
                     {"detail", std::move(detail)},
                     {"lines", std::move(lines)}};
  return {kBadRequest, problem.dump()};
}

/// A table that is larger than the server takes at once. Rows that can't be read are found before anything is sent;
/// those that the server has something against stop it, or not with `partial`.
Reply import_pieces(Session& session, bool partial, const std::string& table) {
  const store::Import import = store::read_import(table);
  if (import.credentials.empty() && import.problems.empty()) return import_table(session, partial, "kind\n");
  if (import.credentials.empty() || (!partial && !import.problems.empty())) return refusal_of(import);
  Json sum{{"added", 0}, {"refused", 0}, {"lines", Json::array()}};
  for (const TablePiece& piece : split_table(table, import, kPieceMax)) {
    const Reply reply = import_table(session, partial, piece.text);
    Json answer = Json::parse(reply.body, nullptr, false);
    if (!answer.is_object()) return reply;
    for (Json& line : answer["lines"]) line["line"] = piece.line_in_table(line.value("line", std::size_t{0}));
    if (!reply.is_success()) {
      const auto before = sum.value("added", std::size_t{0});
      if (before > 0) {
        answer["detail"] = "the " + std::to_string(before) + " rows before line " + std::to_string(piece.first_line) +
                           " were added; behind them, counted from there: " + text_or(answer, "detail", "");
      }
      return {reply.status, answer.dump()};
    }
    sum["added"] = sum.value("added", std::size_t{0}) + answer.value("added", std::size_t{0});
    sum["refused"] = sum.value("refused", std::size_t{0}) + answer.value("refused", std::size_t{0});
    for (const Json& line : answer["lines"]) {
      if (sum["lines"].size() < kLinesMax) sum["lines"].push_back(line);
    }
  }
  return {kDone, sum.dump()};
}

}  // namespace

int import_credentials(Session& session, const CredentialArguments& arguments) {
  const auto table = read_input(arguments.table, kTableMax);
  if (!table) return usage_error(table.error());
  if (io::is_readable_by_everybody(arguments.table)) {
    std::fprintf(stderr, "drover: everybody on this machine may read these keys; do: chmod 600 %s\n", arguments.table.c_str());
  }
  const Reply reply = table->size() <= kPieceMax ? import_table(session, arguments.partial, *table)
                                                 : import_pieces(session, arguments.partial, *table);
  const int status = finish(session, reply, [&](const Json& answer) {
    return lines_text(answer) + std::to_string(answer.value("added", 0)) + " added, " +
           std::to_string(answer.value("refused", 0)) + " refused\n";
  });
  const Json problem = reply.is_success() ? Json() : Json::parse(reply.body, nullptr, false);
  if (problem.is_object() && !session.json) std::fputs(lines_text(problem).c_str(), stderr);
  return status;
}

}  // namespace drover::cli
