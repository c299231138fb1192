// SPDX-License-Identifier: Apache-2.0
// Device management and information reporting (Transport, Tables 3 and 4).
#include "lwm2m/mapping/mapping.hpp"
#include "lwm2m/mapping/paths.hpp"

namespace drover::lwm2m::mapping {

namespace {

using coap::OptionNumber;

// Values of the Observe option in a request (RFC 7641 §2).
constexpr std::uint32_t kObserveRegister = 0;
constexpr std::uint32_t kObserveDeregister = 1;

tl::unexpected<Error> refuse_method(const char* reason) {
  return peer_error(coap::code::kMethodNotAllowed.value, reason);
}

tl::unexpected<Error> refuse_query() {
  return peer_error(coap::code::kBadRequest.value, "only Write-Attributes takes a query");
}

bool is_plain_text(FormatNumber number) {
  return number == format::kText || number == format::kDraftText;
}

/// GET: Read, Discover by its Accept, Observe and its cancellation by their option. Discover can't be observed; the
/// option is then ignored as RFC 7641 §4.1 has it.
Result<Downlink> read_get(const coap::Request& request, const Path& path) {
  if (request.options.has(OptionNumber::UriQuery)) return refuse_query();
  const auto accept = request.options.accept();
  if (accept == format::kLink) return Discover{path};
  const auto observe = request.options.observe();
  if (observe == kObserveRegister) return Observe{path, accept};
  if (observe == kObserveDeregister) return CancelObservation{path, accept};
  return Read{path, accept};
}

/// PUT: Write (replace) with a body, Write-Attributes with a query.
Result<Downlink> read_put(const coap::Request& request, const Path& path) {
  const auto queries = request.options.texts(OptionNumber::UriQuery);
  if (!queries.empty()) {
    if (!request.payload.empty()) {
      return peer_error(coap::code::kBadRequest.value,
                        "a query (Write-Attributes) and a body (Write) exclude each other");
    }
    return WriteAttributes{path, {queries.begin(), queries.end()}};
  }
  return Write{path, Write::Mode::Replace, request.options.content_format(), request.payload};
}

/// POST: Create on an object, Write (partial update) on an instance, Execute on a resource. With a content format other
/// than plain text a resource's body can't be Execute's arguments: it then updates instances of a multiple resource. On
/// an instance without format and body it is an Execute in its form, which an instance doesn't have (Core §7.1.2.3).
Result<Downlink> read_post(const coap::Request& request, const Path& path) {
  if (request.options.has(OptionNumber::UriQuery)) return refuse_query();
  const auto number = request.options.content_format();
  if (path.is_object()) return Create{path, number, request.payload};
  if (path.is_instance() && !number && request.payload.empty()) return Execute{path, {}};
  if (path.is_instance() || (number && !is_plain_text(*number))) {
    return Write{path, Write::Mode::Update, number, request.payload};
  }
  return Execute{path, std::string(as_text(request.payload))};
}

Result<Downlink> read_delete(const coap::Request& request, const Path& path) {
  if (request.options.has(OptionNumber::UriQuery)) return refuse_query();
  return Delete{path};
}

coap::Request make_request(coap::Code method, const Path& path, std::string_view root) {
  coap::Request request;
  request.method = method;
  add_path(request.options, root, path);
  return request;
}

void set_body(std::optional<FormatNumber> number, const Bytes& payload, coap::Request& request) {
  if (number) request.options.set_content_format(*number);
  request.payload = payload;
}

struct RequestOf {
  std::string_view root;

  [[nodiscard]] coap::Request get(const Path& path, std::optional<FormatNumber> accept) const {
    coap::Request request = make_request(coap::code::kGet, path, root);
    if (accept) request.options.set_accept(*accept);
    return request;
  }

  coap::Request operator()(const Read& operation) const { return get(operation.path, operation.accept); }
  coap::Request operator()(const Discover& operation) const { return get(operation.path, format::kLink); }
  coap::Request operator()(const Write& operation) const {
    const bool replace = operation.mode == Write::Mode::Replace;
    coap::Request request = make_request(replace ? coap::code::kPut : coap::code::kPost, operation.path, root);
    set_body(operation.format, operation.payload, request);
    return request;
  }
  coap::Request operator()(const WriteAttributes& operation) const {
    coap::Request request = make_request(coap::code::kPut, operation.path, root);
    for (const std::string& attribute : operation.attributes) request.options.add(OptionNumber::UriQuery, attribute);
    return request;
  }
  coap::Request operator()(const Execute& operation) const {
    coap::Request request = make_request(coap::code::kPost, operation.path, root);
    if (!operation.arguments.empty()) set_body(format::kText, to_bytes(operation.arguments), request);
    return request;
  }
  coap::Request operator()(const Create& operation) const {
    coap::Request request = make_request(coap::code::kPost, operation.path, root);
    set_body(operation.format, operation.payload, request);
    return request;
  }
  coap::Request operator()(const Delete& operation) const {
    return make_request(coap::code::kDelete, operation.path, root);
  }
  coap::Request operator()(const Observe& operation) const {
    coap::Request request = get(operation.path, operation.accept);
    request.options.set_observe(kObserveRegister);
    return request;
  }
  coap::Request operator()(const CancelObservation& operation) const {
    coap::Request request = get(operation.path, operation.accept);
    request.options.set_observe(kObserveDeregister);
    return request;
  }
};

}  // namespace

std::optional<Path> target_of(const coap::Request& request, std::string_view root) {
  return read_path(request.options, root);
}

Result<Downlink> to_downlink(const coap::Request& request, std::string_view root) {
  const auto path = target_of(request, root);
  if (!path || path->is_resource_instance()) {  // 1.0 has no operation below the resource
    return peer_error(coap::code::kNotFound.value, "no object, object instance or resource");
  }
  if (path->is_root()) return refuse_method("no operation on the root");
  if (request.method == coap::code::kGet) return read_get(request, *path);
  if (request.method == coap::code::kPut) return read_put(request, *path);
  if (request.method == coap::code::kPost) return read_post(request, *path);
  if (request.method == coap::code::kDelete) return read_delete(request, *path);
  return refuse_method("LwM2M 1.0 has no operation for this method");
}

coap::Request to_request(const Downlink& operation, std::string_view root) {
  return std::visit(RequestOf{root}, operation);
}

}  // namespace drover::lwm2m::mapping
