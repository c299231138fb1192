// SPDX-License-Identifier: Apache-2.0
// Routes for the backup.
#include <nlohmann/json.hpp>
#include <utility>

#include "api/backup_desk.hpp"
#include "api/call.hpp"
#include "api/file_response.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

constexpr std::chrono::seconds kCopyWait{300};

BackupDesk* desk_of(const Call& call) {
  BackupDesk* const desk = call.state->backups;
  if (desk == nullptr) {
    call.refuse({.status = 501, .kind = "no-store", .detail = "this server keeps nothing: give it a store file (--store)"});
  }
  return desk;
}

Problem no_backup() {
  return {.status = 404, .kind = "not-found", .detail = "there is no backup; POST makes one"};
}

Problem to_problem(const Error& error) {
  if (error.fault == Fault::Us) return {.status = 409, .kind = "conflict", .detail = error.reason};
  io::log::error("backup", {{"why", error.reason}});
  return {.status = 503, .kind = "unavailable", .detail = "the server can't do that with its backup; its log says why"};
}

Json view_of(const backup::Manifest& manifest) {
  Json files = Json::array();
  for (const backup::File& file : manifest.files) {
    files.push_back({{"name", file.name}, {"size", file.size}, {"sha256", file.sha256}});
  }
  return {{"id", manifest.id}, {"made_at", manifest.made_at}, {"version", manifest.version}, {"files", std::move(files)}};
}

}  // namespace

void get_backup(const std::shared_ptr<Call>& call) {
  const BackupDesk* const desk = desk_of(*call);
  if (desk == nullptr) return;
  const auto newest = desk->newest();
  if (!newest) return call->refuse(no_backup());
  call->answer(view_of(*newest));
}

void make_backup(const std::shared_ptr<Call>& call) {
  BackupDesk* const desk = desk_of(*call);
  if (desk == nullptr) return;
  call->responder.answer_within(
      kCopyWait, to_response(Problem{.status = 503, .kind = "unavailable", .detail = "the copy takes long; GET shows it when it is there"}));
  desk->make([call](Result<backup::Manifest> made) {
    if (!made) return call->refuse(to_problem(made.error()));
    io::log::info("backup made", {{"backup", made->id}, {"by", call->request.caller.token}});
    http::Response response;
    response.status = 201;
    response.headers.emplace_back("Location", "/api/v1/backup");
    response.body = view_of(*made).dump();
    call->responder.answer(std::move(response));
  });
}

void get_backup_file(const std::shared_ptr<Call>& call) {
  const BackupDesk* const desk = desk_of(*call);
  if (desk == nullptr) return;
  const auto file = desk->open(call->rest);
  if (!file) return call->refuse({.status = 404, .kind = "not-found", .detail = "the backup has no file of that name"});
  call->responder.answer(file_response(call->request, file));
}

void remove_backup(const std::shared_ptr<Call>& call) {
  BackupDesk* const desk = desk_of(*call);
  if (desk == nullptr) return;
  call->responder.answer_within(kServerWait, slow_server());
  desk->remove([call](Result<std::optional<backup::Manifest>> gone) {
    if (!gone) return call->refuse(to_problem(gone.error()));
    if (!*gone) return call->refuse(no_backup());
    io::log::info("backup removed", {{"backup", (*gone)->id}, {"by", call->request.caller.token}});
    call->answer(view_of(**gone));
  });
}

}  // namespace drover::api
