// SPDX-License-Identifier: Apache-2.0
// Request bodies of Write, Create and Execute, made what is sent to the device. For api/ alone.
#pragma once

#include <optional>
#include <string>

#include "api/call.hpp"
#include "base/bytes.hpp"

namespace drover::api {

struct OutgoingBody {
  std::optional<lwm2m::FormatNumber> format;
  Bytes payload;
};

/// A body of application/octet-stream as it is, {"payload", "format"} or {"value"}: see `WriteBody` in
/// docs/openapi.json.
tl::expected<OutgoingBody, Problem> write_body(const Call& call, const lwm2m::Path& path,
                                               const server::DeviceView& device);
/// As above with `instance`: see `CreateBody`.
tl::expected<OutgoingBody, Problem> create_body(const Call& call, const lwm2m::Path& path,
                                                const server::DeviceView& device);
/// {"arguments": "..."}, or "" for no body.
tl::expected<std::string, Problem> execute_arguments(const Call& call);

// The same of JSON that came otherwise: an object with these members alone.
tl::expected<OutgoingBody, Problem> write_payload(const Json& body, const std::optional<lwm2m::FormatNumber>& format,
                                                  const lwm2m::Path& path, const server::DeviceView& device,
                                                  const lwm2m::model::Registry& registry);
tl::expected<OutgoingBody, Problem> create_payload(const Json& body, const std::optional<lwm2m::FormatNumber>& format,
                                                   const lwm2m::Path& path, const server::DeviceView& device,
                                                   const lwm2m::model::Registry& registry);
/// The value of `arguments`.
tl::expected<std::string, Problem> check_arguments(const Json& arguments);

}  // namespace drover::api
