// SPDX-License-Identifier: Apache-2.0
// Routes for what a device and the server say to each other, message by message.
#include <map>
#include <nlohmann/json.hpp>

#include "api/call.hpp"
#include "api/members.hpp"
#include "api/parameters.hpp"
#include "api/values.hpp"
#include "coap/message/message.hpp"
#include "io/log.hpp"
#include "lwm2m/content/base64.hpp"

namespace drover::api {

namespace {

constexpr std::int64_t kTraceSecondsMax = 24 * 3600;
constexpr std::int64_t kTraceSecondsDefault = 600;

const char* name_of_option(std::uint16_t number) {
  using coap::OptionNumber;
  switch (static_cast<OptionNumber>(number)) {
    case OptionNumber::IfMatch: return "If-Match";
    case OptionNumber::UriHost: return "Uri-Host";
    case OptionNumber::ETag: return "ETag";
    case OptionNumber::IfNoneMatch: return "If-None-Match";
    case OptionNumber::Observe: return "Observe";
    case OptionNumber::UriPort: return "Uri-Port";
    case OptionNumber::LocationPath: return "Location-Path";
    case OptionNumber::UriPath: return "Uri-Path";
    case OptionNumber::ContentFormat: return "Content-Format";
    case OptionNumber::MaxAge: return "Max-Age";
    case OptionNumber::UriQuery: return "Uri-Query";
    case OptionNumber::Accept: return "Accept";
    case OptionNumber::LocationQuery: return "Location-Query";
    case OptionNumber::Block2: return "Block2";
    case OptionNumber::Block1: return "Block1";
    case OptionNumber::Size2: return "Size2";
    case OptionNumber::ProxyUri: return "Proxy-Uri";
    case OptionNumber::ProxyScheme: return "Proxy-Scheme";
    case OptionNumber::Size1: return "Size1";
  }
  return nullptr;
}

std::string to_hex(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

/// RFC 7252 §5.10, RFC 7959 §2.1: what a value is by its option; hexadecimal digits for one of another option.
Json option_value(const coap::Options& options, const coap::Options::View& option) {
  using coap::OptionNumber;
  switch (const auto number = static_cast<OptionNumber>(option.number)) {
    case OptionNumber::Observe:
    case OptionNumber::UriPort:
    case OptionNumber::ContentFormat:
    case OptionNumber::MaxAge:
    case OptionNumber::Accept:
    case OptionNumber::Size1:
    case OptionNumber::Size2: {
      const auto value = options.uint(number);
      return value ? Json(*value) : Json(to_hex(option.value));
    }
    case OptionNumber::Block1:
    case OptionNumber::Block2: {
      const auto block = number == OptionNumber::Block1 ? options.block1() : options.block2();
      if (!block) return to_hex(option.value);
      return std::to_string(block->num) + "/" + (block->more ? "1" : "0") + "/" + std::to_string(block->size());
    }
    case OptionNumber::UriHost:
    case OptionNumber::LocationPath:
    case OptionNumber::UriPath:
    case OptionNumber::UriQuery:
    case OptionNumber::LocationQuery:
    case OptionNumber::ProxyUri:
    case OptionNumber::ProxyScheme: return std::string(as_text(option.value));
    default: return to_hex(option.value);
  }
}

/// Decodes messages of one device in their order: an answer says nothing of its path, its request did.
class Decoder {
 public:
  Decoder(const lwm2m::model::Registry& registry, const lwm2m::Announcement& announcement)
      : definitions_(registry, announcement), root_(announcement.root) {}

  Json to_json(const server::TracedMessage& traced) {
    Json json = {{"number", traced.number},
                 {"at", static_cast<double>(traced.at) / 1e6},
                 {"direction", traced.uplink ? "uplink" : "downlink"},
                 {"address", traced.address.to_string()},
                 {"secure", traced.secure},
                 {"size", traced.bytes.size()}};
    const auto message = coap::decode(traced.bytes);
    if (!message) {
      json["summary"] = "not a CoAP message";
      json["payload"] = to_hex(traced.bytes);
      return json;
    }
    json["summary"] = coap::describe(*message);
    Json options = Json::array();
    for (const coap::Options::View option : message->options) {
      const char* const name = name_of_option(option.number);
      options.push_back({{"number", option.number},
                         {"name", name == nullptr ? Json(nullptr) : Json(name)},
                         {"value", option_value(message->options, option)}});
    }
    json["token"] = to_hex(message->token.view());
    json["options"] = std::move(options);
    add_payload_of(json, *message);
    return json;
  }

 private:
  void add_payload_of(Json& json, const coap::Message& message) {
    const bool request = message.code.is_request();
    if (request) {
      if (auto path = path_below(root_, message.options.uri_path())) paths_[message.token] = *path;
    }
    json["payload"] = nullptr;
    if (message.payload.empty()) return;
    json["payload"] = lwm2m::content::to_base64(message.payload);
    const auto path = paths_.find(message.token);
    if (path == paths_.end() || message.options.has(coap::OptionNumber::Block1) ||
        message.options.has(coap::OptionNumber::Block2)) {
      return;
    }
    lwm2m::Outcome outcome;
    outcome.status = lwm2m::Status::Content;
    outcome.format = message.options.content_format();
    outcome.payload = message.payload;
    Json decoded = Json::object();
    add_payload(decoded, path->second, outcome, definitions_, root_);
    decoded.erase("payload");
    json["path"] = path->second.to_string();
    json["content"] = std::move(decoded);
  }

  DeviceDefinitions definitions_;
  std::string root_;
  std::map<coap::Token, lwm2m::Path> paths_;
};

void answer_trace(const std::shared_ptr<Call>& call, const std::optional<server::TraceView>& view,
                  const std::optional<server::DeviceView>& device) {
  if (!view) {
    return call->refuse({.status = 404, .kind = "not-found", .detail = "the device isn't traced; PUT begins it"});
  }
  Decoder decoder(call->state->registry, device ? device->announcement : lwm2m::Announcement{});
  Json messages = Json::array();
  for (const server::TracedMessage& message : view->messages) messages.push_back(decoder.to_json(message));
  call->answer({{"endpoint", call->endpoint},
                {"until", view->until},
                {"lost_through", view->lost_through},
                {"messages", std::move(messages)}});
}

}  // namespace

void start_trace(const std::shared_ptr<Call>& call) {
  std::int64_t seconds = kTraceSecondsDefault;
  if (!call->request.body.empty()) {
    auto members = Members::parse(call->request, {"seconds"});
    if (!members) return call->refuse(members.error());
    seconds = members->number("seconds", 1, kTraceSecondsMax).value_or(kTraceSecondsDefault);
    if (members->problem()) return call->refuse(*members->problem());
  }
  io::log::info("trace started", {{"endpoint", call->endpoint}, {"seconds", seconds}, {"by", call->request.caller.token}});
  call->responder.answer_within(kServerWait, slow_server());
  call->state->fleet.trace(call->endpoint, std::chrono::seconds(seconds), [call, seconds](bool fine) {
    call->responder.then([call, seconds, fine] {
      if (fine) return call->answer({{"endpoint", call->endpoint}, {"seconds", seconds}});
      call->refuse({.status = 409, .kind = "conflict", .detail = "too many devices are traced; end another trace"});
    });
  });
}

void stop_trace(const std::shared_ptr<Call>& call) {
  call->responder.answer_within(kServerWait, slow_server());
  call->state->fleet.trace(call->endpoint, Duration::zero(), [call](bool was) {
    call->responder.then([call, was] {
      if (was) return call->answer({{"endpoint", call->endpoint}, {"seconds", 0}});
      call->refuse({.status = 404, .kind = "not-found", .detail = "the device isn't traced"});
    });
  });
}

void get_trace(const std::shared_ptr<Call>& call) {
  Parameters query(call->target);
  const auto after = query.number("after", 0, UINT64_MAX).value_or(0);
  const auto limit = query.number("limit", 1, server::kTracedMax).value_or(kPageDefault);
  if (query.problem()) return call->refuse(*query.problem());
  call->responder.answer_within(kServerWait, slow_server());
  call->state->fleet.traced(call->endpoint, after, limit, [call](std::optional<server::TraceView> view) {
    call->state->fleet.device(call->endpoint, [call, view = std::move(view)](std::optional<server::DeviceView> device) {
      call->responder.then([call, view, device = std::move(device)] { answer_trace(call, view, device); });
    });
  });
}

}  // namespace drover::api
