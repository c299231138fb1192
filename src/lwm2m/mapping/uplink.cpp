// SPDX-License-Identifier: Apache-2.0
// The Registration interface (Transport, Table 2).
#include <charconv>
#include <system_error>

#include "lwm2m/mapping/mapping.hpp"

namespace drover::lwm2m::mapping {

namespace {

using coap::OptionNumber;

constexpr std::string_view kRegistrationPath = "rd";

bool has_queue_flag(const std::optional<std::string>& binding) {
  return binding && binding->find('Q') != std::string::npos;
}

/// Query parameters of Table 2; the same for Register and Update but for `ep` and `lwm2m`.
struct Parameters {
  std::optional<std::string> endpoint;
  std::optional<std::uint32_t> lifetime;
  std::optional<std::string> version;
  std::optional<std::string> binding;
  std::optional<std::string> sms;
  bool queue_flag = false;
  std::vector<std::string> unknown;
};

/// Seconds, 1 to 2^32-1: a registration that never lives isn't one.
std::optional<std::uint32_t> parse_lifetime(std::string_view text) {
  std::uint32_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || rest != text.data() + text.size() || value == 0) return std::nullopt;
  return value;
}

Result<void> read_parameter(std::string_view query, bool registering, Parameters& parameters) {
  const auto doubled = [&] {
    return peer_error(coap::code::kBadRequest.value,
                      "parameter '" + std::string(query.substr(0, query.find('='))) + "' is doubled");
  };
  if (query == "Q") {
    if (parameters.queue_flag) return doubled();
    parameters.queue_flag = true;
    return {};
  }
  const std::size_t equals = query.find('=');
  const std::string_view name = query.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? std::string_view() : query.substr(equals + 1);
  if (name == "lt") {
    if (parameters.lifetime) return doubled();
    parameters.lifetime = parse_lifetime(value);
    if (!parameters.lifetime)
      return peer_error(coap::code::kBadRequest.value, "lt isn't a number from 1 to 4294967295");
    return {};
  }
  std::optional<std::string>* target = nullptr;
  if (name == "b") target = &parameters.binding;
  if (name == "sms") target = &parameters.sms;
  if (registering && name == "ep") target = &parameters.endpoint;
  if (registering && name == "lwm2m") target = &parameters.version;
  if (target == nullptr) {
    parameters.unknown.emplace_back(query);
    return {};
  }
  if (*target) return doubled();
  target->emplace(value);
  return {};
}

Result<Parameters> read_parameters(const coap::Options& options, bool registering) {
  Parameters parameters;
  for (const coap::Options::View option : options) {
    if (option.number != static_cast<std::uint16_t>(OptionNumber::UriQuery)) continue;
    if (auto done = read_parameter(as_text(option.value), registering, parameters); !done) {
      return tl::unexpected(std::move(done.error()));
    }
  }
  return parameters;
}

/// The links of a request. Some clients leave the content format out; another one than link format is refused.
Result<Announcement> read_announcement(const coap::Request& request) {
  if (request.payload.empty()) return Announcement{};
  const auto number = request.options.content_format();
  if (number && *number != format::kLink) {
    return peer_error(coap::code::kUnsupportedContentFormat.value, "the body must be application/link-format (40)");
  }
  return parse_announcement(as_text(request.payload));
}

Result<Uplink> read_register(const coap::Request& request) {
  auto parameters = read_parameters(request.options, true);
  if (!parameters) return tl::unexpected(std::move(parameters.error()));
  auto announcement = read_announcement(request);
  if (!announcement) return tl::unexpected(std::move(announcement.error()));
  Register operation;
  operation.endpoint = std::move(parameters->endpoint).value_or(std::string());
  operation.lifetime = parameters->lifetime;
  operation.version = std::move(parameters->version);
  operation.queue = parameters->queue_flag || has_queue_flag(parameters->binding);
  operation.binding = std::move(parameters->binding);
  operation.sms = std::move(parameters->sms);
  operation.announcement = std::move(*announcement);
  operation.unknown = std::move(parameters->unknown);
  return operation;
}

Result<Uplink> read_update(const coap::Request& request, std::string_view location) {
  auto parameters = read_parameters(request.options, false);
  if (!parameters) return tl::unexpected(std::move(parameters.error()));
  Update operation;
  if (!request.payload.empty()) {
    auto announcement = read_announcement(request);
    if (!announcement) return tl::unexpected(std::move(announcement.error()));
    operation.announcement = std::move(*announcement);
  }
  operation.location = location;
  operation.lifetime = parameters->lifetime;
  if (parameters->queue_flag) {
    operation.queue = true;
  } else if (parameters->binding) {
    operation.queue = has_queue_flag(parameters->binding);
  }
  operation.binding = std::move(parameters->binding);
  operation.sms = std::move(parameters->sms);
  operation.unknown = std::move(parameters->unknown);
  return operation;
}

void add_parameter(coap::Options& options, std::string_view name, const std::string& value) {
  std::string query(name);
  query += value;
  options.add(OptionNumber::UriQuery, query);
}

/// What Register and Update share, in the order of Table 2.
template <class Operation>
void add_parameters(const Operation& operation, const std::string* version, bool queue, coap::Options& options) {
  if (operation.lifetime) add_parameter(options, "lt=", std::to_string(*operation.lifetime));
  if (operation.sms) add_parameter(options, "sms=", *operation.sms);
  if (version != nullptr) add_parameter(options, "lwm2m=", *version);
  if (operation.binding) add_parameter(options, "b=", *operation.binding);
  if (queue && !has_queue_flag(operation.binding)) options.add(OptionNumber::UriQuery, std::string_view("Q"));
  for (const std::string& query : operation.unknown) options.add(OptionNumber::UriQuery, query);
}

void set_body(const Announcement& announcement, coap::Request& request) {
  request.payload = to_bytes(format_announcement(announcement));
  request.options.set_content_format(format::kLink);
}

coap::Request make_request(coap::Code method) {
  coap::Request request;
  request.method = method;
  request.options.add(OptionNumber::UriPath, kRegistrationPath);
  return request;
}

struct RequestOf {
  coap::Request operator()(const Register& operation) const {
    coap::Request request = make_request(coap::code::kPost);
    if (!operation.endpoint.empty()) add_parameter(request.options, "ep=", operation.endpoint);
    const std::string* version = operation.version ? &*operation.version : nullptr;
    add_parameters(operation, version, operation.queue, request.options);
    set_body(operation.announcement, request);
    return request;
  }
  coap::Request operator()(const Update& operation) const {
    coap::Request request = make_request(coap::code::kPost);
    request.options.add_uri_path(operation.location);
    add_parameters(operation, nullptr, operation.queue.value_or(false), request.options);
    if (operation.announcement) set_body(*operation.announcement, request);
    return request;
  }
  coap::Request operator()(const Deregister& operation) const {
    coap::Request request = make_request(coap::code::kDelete);
    request.options.add_uri_path(operation.location);
    return request;
  }
};

}  // namespace

Result<Uplink> to_uplink(const coap::Request& request) {
  std::string_view location;
  std::size_t segments = 0;
  bool known = true;
  for (const coap::Options::View option : request.options) {
    if (option.number != static_cast<std::uint16_t>(OptionNumber::UriPath)) continue;
    if (segments == 0) known = as_text(option.value) == kRegistrationPath;
    if (segments == 1) location = as_text(option.value);
    ++segments;
  }
  const bool registration = segments == 2 && !location.empty();
  if (!known || (segments != 1 && !registration)) {
    return peer_error(coap::code::kNotFound.value, "only /rd is served here");
  }
  if (request.method == coap::code::kPost) {
    return registration ? read_update(request, location) : read_register(request);
  }
  if (registration && request.method == coap::code::kDelete) return Deregister{std::string(location)};
  return peer_error(coap::code::kMethodNotAllowed.value,
                    registration ? "a registration takes POST and DELETE" : "/rd takes POST");
}

coap::Request to_request(const Uplink& operation) {
  return std::visit(RequestOf{}, operation);
}

}  // namespace drover::lwm2m::mapping
