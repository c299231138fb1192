// SPDX-License-Identifier: Apache-2.0
// What the API reads beside HTTP itself: request target and what is noted of it, Host and Origin, and the body of a Write.
// Input: a line with the target, one with Host, one with Origin, one with a path; the rest is the body.
#include <cstdlib>

#include "../tests/api/fake_fleet.hpp"
#include "api/audit_recorder.hpp"
#include "api/call.hpp"
#include "api/host_guard.hpp"
#include "api/operation_body.hpp"
#include "api/target.hpp"
#include "api/tokens.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace {

using namespace drover;

std::string_view line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view taken = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  return taken;
}

/// Object 3 has for each data type t a single resource t and a multiple one 10 + t.
lwm2m::model::Registry definitions() {
  lwm2m::model::ObjectDefinition object;
  object.id = 3;
  for (std::uint16_t id = 0; id < 18; ++id) {
    lwm2m::model::ResourceDefinition resource;
    resource.id = id;
    resource.multiple = id >= 10;
    resource.type = static_cast<lwm2m::DataType>(id % 10 % 8);
    object.resources.push_back(resource);
  }
  lwm2m::model::Registry registry;
  if (!registry.add(object)) std::abort();
  return registry;
}

void check(bool fits) {
  if (!fits) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const lwm2m::model::Registry registry = definitions();
  static api::test::FakeFleet fleet;
  static const auto authority = *api::Authority::open({}, std::make_shared<store::MemoryTokenTable>());
  static const auto state = std::make_shared<api::State>(
      api::State{fleet, registry, authority, std::make_shared<events::Hub>(events::Hub::Limits{}, 0), "", 0,
                 nullptr, nullptr});

  std::string_view text = as_text(ByteView(data, size));
  api::http::Request asked;
  asked.method = "DELETE";
  asked.target = line(text);
  const std::string kept = api::auditable_target(asked);
  check(kept.size() <= api::AuditRecorder::kTargetMax);
  for (std::size_t at = kept.find(api::kTokenPrefix); at != std::string::npos; at = kept.find(api::kTokenPrefix, at + 1)) {
    check(!api::is_token(std::string_view(kept).substr(at, api::kTokenSize)));
  }
  auto target = api::parse_target(asked.target);
  if (target) {
    check(target->parameters.size() <= api::kParametersMax);
    for (const auto& segment : target->segments) {
      const auto again = api::parse_target("/" + api::percent_encode(segment));
      check(again && again->segments.size() == 1 && again->segments.front() == segment);
    }
  }
  const std::string_view host = line(text);
  const bool loopback = api::http::is_loopback_host(host);
  if (api::http::is_same_origin(line(text), host, false) && loopback) check(!host.empty());
  // There is no token: no text is one.
  check(!authority->authenticate({std::string(host)}));

  const auto path = lwm2m::Path::parse(line(text));
  if (!path || path->depth() < 1) return 0;
  api::Call call{state, {}, {{}, 0, 0}, target.value_or(api::Target{}), {}, {}};
  call.request.content_type = "application/json";
  call.request.body = text;
  const server::DeviceView device;
  const auto body = path->depth() == 1 ? api::create_body(call, *path, device) : api::write_body(call, *path, device);
  check(body || !body.error().kind.empty());
  const auto arguments = api::execute_arguments(call);
  check(arguments ? arguments->size() <= lwm2m::mapping::kTextBytesMax : !arguments.error().kind.empty());
  return 0;
}
