// SPDX-License-Identifier: Apache-2.0
// Routes for object definitions.
#include <nlohmann/json.hpp>
#include <utility>

#include "api/call.hpp"
#include "api/model_shelf.hpp"
#include "api/parameters.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

using lwm2m::model::ObjectDefinition;

Json view_of(const State& state, const ObjectDefinition& object, bool with_resources) {
  Json json = to_json(object, with_resources);
  json["uploaded"] = state.registry.was_brought(object);
  return json;
}

/// Of the query, or 1.0.
std::optional<lwm2m::Version> version_of(const Call& call) {
  Parameters given(call.target);
  const auto version =
      given.parsed("version", lwm2m::Version::parse, "MAJOR.MINOR such as 1.0").value_or(lwm2m::Version{1, 0});
  if (!given.problem()) return version;
  call.refuse(*given.problem());
  return std::nullopt;
}

std::optional<lwm2m::ObjectId> object_of(const Call& call) {
  const auto path = lwm2m::Path::parse(call.rest);
  if (path && path->is_object()) return path->object();
  call.refuse({.kind = "bad-path", .detail = "\"" + call.rest + "\" is no object id (0 to 65535)"});
  return std::nullopt;
}

ModelShelf* shelf_of(const Call& call) {
  ModelShelf* const shelf = call.state->models;
  if (shelf == nullptr) {
    call.refuse({.status = 501, .kind = "no-store", .detail = "this server takes no object definitions"});
  }
  return shelf;
}

Problem to_problem(const Error& error) {
  if (error.fault == Fault::Peer) return {.kind = "bad-body", .detail = error.reason};
  io::log::error("object definitions can't be kept", {{"why", error.reason}});
  return {.status = 503, .kind = "unavailable", .detail = "the server can't keep it; its log says why"};
}

}  // namespace

void list_objects(const std::shared_ptr<Call>& call) {
  Json list = Json::array();
  for (const auto* object : call->state->registry.all()) list.push_back(view_of(*call->state, *object, false));
  call->answer({{"objects", std::move(list)}});
}

void get_object(const std::shared_ptr<Call>& call) {
  const auto version = version_of(*call);
  if (!version) return;
  const auto id = object_of(*call);
  if (!id) return;
  const auto* object = call->state->registry.find(*id, *version);
  if (object == nullptr) {
    return call->refuse(
        {.status = 404,
         .kind = "not-found",
         .detail = "there is no definition of object " + call->rest + " in version " + version->to_string()});
  }
  call->answer(view_of(*call->state, *object, true));
}

void add_objects(const std::shared_ptr<Call>& call) {
  ModelShelf* const shelf = shelf_of(*call);
  if (shelf == nullptr) return;
  if (const std::string& type = call->request.content_type; type != "application/xml" && type != "text/xml") {
    return call->refuse({.status = 415,
                         .kind = "unsupported-media-type",
                         .detail = "send the definition file (DDF) as Content-Type: application/xml"});
  }
  call->responder.answer_within(kServerWait, slow_server());
  shelf->bring(std::move(call->request.body), [call](Result<ModelShelf::Brought> brought) {
    if (!brought) return call->refuse(to_problem(brought.error()));
    Json list = Json::array();
    for (const auto* object : brought->definitions) {
      io::log::info("object definition added", {{"object", object->id},
                                                {"version", object->version.to_string()},
                                                {"by", call->request.caller.token}});
      list.push_back(view_of(*call->state, *object, false));
    }
    call->answer({{"objects", std::move(list)}}, brought->is_new ? 201 : 200);
  });
}

void remove_object(const std::shared_ptr<Call>& call) {
  ModelShelf* const shelf = shelf_of(*call);
  if (shelf == nullptr) return;
  const auto version = version_of(*call);
  if (!version) return;
  const auto id = object_of(*call);
  if (!id) return;
  call->responder.answer_within(kServerWait, slow_server());
  shelf->take_out(*id, *version, [call, id = *id, version = *version](Result<bool> gone) {
    if (!gone) return call->refuse(to_problem(gone.error()));
    if (!*gone) {
      return call->refuse({.status = 404,
                           .kind = "not-found",
                           .detail = "no definition of object " + call->rest + " in version " + version.to_string() +
                                     " was uploaded"});
    }
    io::log::info("object definition removed",
                  {{"object", id}, {"version", version.to_string()}, {"by", call->request.caller.token}});
    call->answer({{"id", id}, {"version", version.to_string()}});
  });
}

}  // namespace drover::api
