// SPDX-License-Identifier: Apache-2.0
// What the routes of images and campaigns share. For api/ alone.
#pragma once

#include "api/call.hpp"
#include "campaign/desk.hpp"

namespace drover::api {

/// nullptr, and the answer is given, when the server keeps no images.
campaign::Desk* campaigns_of(const Call& call);
Problem to_problem(const campaign::Refusal& refusal);
/// "token 3", or "nobody in particular".
std::string caller_text(const Caller& caller);

/// From the gate: has the body of an upload go into a file. An answer refuses it.
std::optional<http::Response> open_upload(const State& state, http::Request& request);

Json to_json(const campaign::Image& image);
Json to_json(const campaign::CampaignView& view);
Json to_json(const campaign::Device& device);
tl::expected<campaign::NewCampaign, Problem> campaign_body(const http::Request& request);

}  // namespace drover::api
