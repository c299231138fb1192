// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/mapping/bootstrap.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "coap/message/link_format.hpp"
#include "lwm2m/mapping/paths.hpp"

namespace drover::lwm2m::mapping {

namespace {

using coap::OptionNumber;

constexpr std::string_view kBootstrapPath = "bs";
constexpr std::string_view kEndpoint = "ep=";
constexpr std::string_view kFormat = "pct=";
constexpr std::string_view kEnabler = "lwm2m";

tl::unexpected<Error> bad(const char* reason) {
  return peer_error(coap::code::kBadRequest.value, reason);
}

bool is_bootstrap_path(const coap::Options& options) {
  const auto segments = options.texts(OptionNumber::UriPath);
  return segments.size() == 1 && segments.front() == kBootstrapPath;
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || rest != text.data() + text.size()) return std::nullopt;
  return value;
}

/// `ssid` and `ver`, as devices write them: with and without quotation marks.
BootstrapEntry entry_of(const coap::Link& link, const Path& path) {
  BootstrapEntry entry{path};
  if (const auto id = link.parameter("ssid")) entry.short_server_id = number_of<std::uint16_t>(*id);
  if (const auto version = link.parameter("ver")) entry.version = Version::parse(*version);
  return entry;
}

/// Takes a leading `lwm2m="1.0",` (with or without the quotation marks) off; what follows is link format.
std::optional<std::string> take_enabler(std::string_view& text) {
  if (!text.starts_with(kEnabler)) return std::nullopt;
  std::string_view rest = text.substr(kEnabler.size());
  if (!rest.starts_with('=')) return std::nullopt;
  rest.remove_prefix(1);
  const std::size_t comma = rest.find(',');
  std::string_view value = rest.substr(0, comma);
  rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  if (value.starts_with('"')) value.remove_prefix(1);
  if (value.ends_with('"')) value.remove_suffix(1);
  text = rest;
  return std::string(value);
}

struct RequestOf {
  static coap::Request make(coap::Code method, const Path& path) {
    coap::Request request;
    request.method = method;
    add_path(request.options, "", path);
    return request;
  }

  coap::Request operator()(const BootstrapDiscover& operation) const {
    coap::Request request = make(coap::code::kGet, operation.path);
    request.options.set_accept(format::kLink);
    return request;
  }
  coap::Request operator()(const BootstrapWrite& operation) const {
    coap::Request request = make(coap::code::kPut, operation.path);
    if (operation.format) request.options.set_content_format(*operation.format);
    request.payload = operation.payload;
    return request;
  }
  coap::Request operator()(const BootstrapDelete& operation) const {
    return make(coap::code::kDelete, operation.path);
  }
  coap::Request operator()(const BootstrapFinish&) const {
    coap::Request request;
    request.method = coap::code::kPost;
    request.options.add(OptionNumber::UriPath, kBootstrapPath);
    return request;
  }
};

}  // namespace

// ---- Bootstrap-Server -----------------------------------------------------------------------------------------------

Result<BootstrapRequest> to_bootstrap_request(const coap::Request& request) {
  if (!is_bootstrap_path(request.options)) {
    return peer_error(coap::code::kNotFound.value, "only /bs is served here");
  }
  if (request.method != coap::code::kPost) return peer_error(coap::code::kMethodNotAllowed.value, "/bs takes POST");
  BootstrapRequest operation;
  bool named = false;
  for (const std::string_view query : request.options.texts(OptionNumber::UriQuery)) {
    if (query.starts_with(kEndpoint)) {
      if (named) return bad("parameter 'ep' is doubled");
      named = true;
      operation.endpoint = query.substr(kEndpoint.size());
    } else if (query.starts_with(kFormat)) {
      if (operation.format) return bad("parameter 'pct' is doubled");
      operation.format = number_of<FormatNumber>(query.substr(kFormat.size()));
      if (!operation.format) return bad("pct isn't a content format's number");
    } else {
      operation.unknown.emplace_back(query);
    }
  }
  return operation;
}

coap::Request to_request(const BootstrapOperation& operation) {
  return std::visit(RequestOf{}, operation);
}

// ---- client ---------------------------------------------------------------------------------------------------------

Result<BootstrapOperation> to_bootstrap_operation(const coap::Request& request) {
  if (is_bootstrap_path(request.options)) {
    if (request.method != coap::code::kPost) return peer_error(coap::code::kMethodNotAllowed.value, "/bs takes POST");
    return BootstrapFinish{};
  }
  const auto path = read_path(request.options, "");
  if (!path) return bad("no object, object instance or resource");
  if (request.method == coap::code::kGet) {
    // A Read isn't part of the interface; a client is told apart from a Discover by what it accepts.
    const auto accept = request.options.accept();
    if (accept && *accept != format::kLink) {
      return peer_error(coap::code::kMethodNotAllowed.value, "the Bootstrap interface has no Read");
    }
    if (path->depth() > 1) return bad("a Bootstrap-Discover is of the root or an object");
    return BootstrapDiscover{*path};
  }
  if (request.method == coap::code::kPut) {
    if (request.options.has(OptionNumber::UriQuery)) return bad("a Bootstrap-Write takes no query");
    if (path->is_root() || path->is_resource_instance()) {
      return bad("a Bootstrap-Write is of an object, an instance or a resource");
    }
    return BootstrapWrite{*path, request.options.content_format(), request.payload};
  }
  if (request.method == coap::code::kDelete) {
    if (path->depth() > 2) return bad("a Bootstrap-Delete is of the root, an object or an instance");
    return BootstrapDelete{*path};
  }
  return peer_error(coap::code::kMethodNotAllowed.value, "the Bootstrap interface has no operation for this method");
}

coap::Request to_request(const BootstrapRequest& operation) {
  coap::Request request;
  request.method = coap::code::kPost;
  request.options.add(OptionNumber::UriPath, kBootstrapPath);
  request.options.add(OptionNumber::UriQuery, std::string(kEndpoint) + operation.endpoint);
  if (operation.format) request.options.add(OptionNumber::UriQuery, std::string(kFormat) + std::to_string(*operation.format));
  for (const std::string& query : operation.unknown) request.options.add(OptionNumber::UriQuery, query);
  return request;
}

// ---- Bootstrap-Discover ---------------------------------------------------------------------------------------------

Result<BootstrapListing> parse_listing(std::string_view text) {
  BootstrapListing listing;
  listing.enabler = take_enabler(text);
  const auto links = coap::parse_link_format(text);
  if (!links) return tl::unexpected(links.error());
  for (const coap::Link& link : *links) {
    std::string_view target = link.target;
    if (target.size() > 1 && target.ends_with('/')) target.remove_suffix(1);  // Core §5.2.7.3 prints "</1/0/>", too
    const auto path = Path::parse(target);
    if (!path) continue;
    if (path->is_root()) {
      if (const auto enabler = link.parameter(kEnabler); enabler && !listing.enabler) listing.enabler = std::string(*enabler);
    } else if (path->depth() <= 2) {
      listing.entries.push_back(entry_of(link, *path));
    }
  }
  return listing;
}

std::string format_listing(const BootstrapListing& listing) {
  std::string text;
  if (listing.enabler) text = std::string(kEnabler) + "=\"" + *listing.enabler + '"';
  for (const BootstrapEntry& entry : listing.entries) {
    if (!text.empty()) text += ',';
    text += '<' + entry.path.to_string() + '>';
    if (entry.version) text += ";ver=" + entry.version->to_string();  // not quoted, as Core §5.2.7.3 prints it
    if (entry.short_server_id) text += ";ssid=" + std::to_string(*entry.short_server_id);
  }
  return text;
}

}  // namespace drover::lwm2m::mapping
