// SPDX-License-Identifier: Apache-2.0
// Routes for firmware images.
#include <nlohmann/json.hpp>
#include <utility>

#include "api/campaign_calls.hpp"
#include "api/file_response.hpp"
#include "api/routes.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

using campaign::Answer;
using campaign::Image;
using campaign::Refusal;

constexpr std::string_view kRoute = "/api/v1/images/{id}";
/// Of the disk, behind the last byte.
constexpr std::chrono::seconds kDiskWait{120};

Problem no_image() {
  return {.status = 404, .kind = "not-found", .detail = "there is no image of that name"};
}

class UploadSink final : public http::BodySink {
 public:
  explicit UploadSink(std::shared_ptr<campaign::Upload> upload) : upload_(std::move(upload)) {}
  std::optional<http::Response> take(std::string_view piece) override {
    if (const auto taken = upload_->append(as_bytes(piece)); !taken) return to_response(to_problem(taken.error()));
    return std::nullopt;
  }
  [[nodiscard]] const std::shared_ptr<campaign::Upload>& upload() const { return upload_; }

 private:
  std::shared_ptr<campaign::Upload> upload_;
};

Problem bad_name() {
  return {.kind = "bad-parameter",
          .detail = "an image's name has 1 to 100 letters, digits and any of . _ - +, and doesn't begin with a dot",
          .parameter = "id"};
}

}  // namespace

campaign::Desk* campaigns_of(const Call& call) {
  campaign::Desk* const desk = call.state->campaigns;
  if (desk == nullptr) {
    call.refuse({.status = 501,
                 .kind = "no-store",
                 .detail = "this server keeps no images and campaigns: give it a store file (--store)"});
  } else {
    call.responder.answer_within(kServerWait, slow_server());
  }
  return desk;
}

Problem to_problem(const campaign::Refusal& refusal) {
  using Why = Refusal::Why;
  switch (refusal.why) {
    case Why::Invalid: return {.kind = "bad-value", .detail = refusal.reason};
    case Why::NotFound: return {.status = 404, .kind = "not-found", .detail = refusal.reason};
    case Why::Conflict: return {.status = 409, .kind = "conflict", .detail = refusal.reason};
    case Why::Full: return {.status = 413, .kind = "too-large", .detail = refusal.reason};
    case Why::Busy:
    case Why::Unavailable: break;
  }
  return {.status = 503, .kind = "unavailable", .detail = refusal.reason};
}

std::string caller_text(const Caller& caller) {
  return caller.token == 0 ? "nobody in particular" : "token " + std::to_string(caller.token);
}

std::optional<http::Response> open_upload(const State& state, http::Request& request) {
  if (request.method != "PUT" || state.campaigns == nullptr) return std::nullopt;
  const auto target = parse_target(request.target);
  if (!target) return std::nullopt;
  const auto found = find_route(request.method, *target);
  if (found.route == nullptr || found.route->path != kRoute) return std::nullopt;
  const auto refuse = [](const Problem& problem) { return to_response(problem); };
  if (!campaign::is_image_name(found.parts.rest)) return refuse(bad_name());
  campaign::Images& images = state.campaigns->images();
  if (request.content_length.value_or(0) > images.limits().image_max) {
    return refuse({.status = 413,
                   .kind = "too-large",
                   .detail = "an image has at most " + std::to_string(images.limits().image_max) + " bytes"});
  }
  auto upload = images.begin();
  if (!upload) return refuse(to_problem(upload.error()));
  request.sink = std::make_shared<UploadSink>(std::move(*upload));
  return std::nullopt;
}

Json to_json(const Image& image) {
  return {{"name", image.name},
          {"version", image.version},
          {"size", image.size},
          {"sha256", to_hex(image.sha256)},
          {"uploaded_at", image.uploaded_at},
          {"uploaded_by", image.uploaded_by}};
}

void list_images(const std::shared_ptr<Call>& call) {
  campaign::Desk* const desk = campaigns_of(*call);
  if (desk == nullptr) return;
  Json images = Json::array();
  for (const Image& image : desk->images().all()) images.push_back(to_json(image));
  call->answer({{"images", std::move(images)}});
}

void get_image(const std::shared_ptr<Call>& call) {
  campaign::Desk* const desk = campaigns_of(*call);
  if (desk == nullptr) return;
  const auto image = desk->images().find(call->rest);
  if (!image) return call->refuse(no_image());
  call->answer(to_json(*image));
}

void get_image_content(const std::shared_ptr<Call>& call) {
  campaign::Desk* const desk = campaigns_of(*call);
  if (desk == nullptr) return;
  const auto file = desk->images().content(call->rest);
  if (!file) return call->refuse(no_image());
  call->responder.answer(file_response(call->request, file));
}

void put_image(const std::shared_ptr<Call>& call) {
  campaign::Desk* const desk = campaigns_of(*call);
  if (desk == nullptr) return;
  call->responder.answer_within(kDiskWait, slow_server());
  const auto* const sink = dynamic_cast<UploadSink*>(call->request.sink.get());
  if (sink == nullptr) return call->refuse({.kind = "bad-body", .detail = "the body must be the image"});
  Image image;
  image.name = call->rest;
  image.version = call->target.parameter("version").value_or("");
  image.uploaded_by = caller_text(call->request.caller);
  if (image.version.size() > campaign::kVersionMax) {
    return call->refuse({.kind = "bad-parameter", .detail = "a version has at most 255 bytes", .parameter = "version"});
  }
  desk->finish(sink->upload(), std::move(image), [call](const Answer<Image>& kept) {
    if (!kept) return call->refuse(to_problem(kept.error()));
    io::log::info("image kept", {{"image", kept->name}, {"size", kept->size}, {"by", call->request.caller.token}});
    call->answer(to_json(*kept));
  });
}

void remove_image(const std::shared_ptr<Call>& call) {
  campaign::Desk* const desk = campaigns_of(*call);
  if (desk == nullptr) return;
  desk->remove_image(call->rest, [call](const Answer<Image>& gone) {
    if (!gone) return call->refuse(to_problem(gone.error()));
    io::log::info("image removed", {{"image", gone->name}, {"by", call->request.caller.token}});
    call->answer(to_json(*gone));
  });
}

}  // namespace drover::api
