// SPDX-License-Identifier: Apache-2.0
#include "server/policy.hpp"

#include <algorithm>
#include <array>

#include "base/glob.hpp"
#include "coap/message/code.hpp"
#include "server/endpoint_name.hpp"

namespace drover::server {
namespace {

tl::unexpected<Error> bad_request(std::string reason) {
  return peer_error(coap::code::kBadRequest.value, std::move(reason));
}

bool is_visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool announces(const lwm2m::Announcement& announcement, lwm2m::ObjectId object) {
  return std::any_of(announcement.objects.begin(), announcement.objects.end(),
                     [object](const lwm2m::AnnouncedObject& announced) { return announced.id == object; });
}

Result<void> check_lifetime(const Policy& policy, std::uint32_t lifetime) {
  if (lifetime < policy.lifetime_min) return bad_request("lifetime below " + std::to_string(policy.lifetime_min));
  if (lifetime > policy.lifetime_max) return bad_request("lifetime above " + std::to_string(policy.lifetime_max));
  return {};
}

Result<void> check_binding(const Policy& policy, std::string_view binding, lwm2m::Version version) {
  if (binding.empty() || binding.size() > kBindingMax || !is_visible_ascii(binding)) return bad_request("bad binding");
  if (!policy.strict) return {};
  const bool known = version.minor == 0 ? is_binding_1_0(binding) : is_binding_1_1(binding);
  if (!known) return bad_request("binding is none of Table 8");
  return {};
}

Result<void> check_sms(const Policy& policy, std::string_view sms) {
  if (sms.size() > kSmsMax || !is_visible_ascii(sms)) return bad_request("bad SMS number");
  // "+" doesn't precede the country code (Transport, note below Table 2).
  if (policy.strict && !is_digits(sms)) return bad_request("SMS number isn't digits");
  return {};
}

Result<void> check_announcement(const Policy& policy, const lwm2m::Announcement& announcement) {
  // It becomes Uri-Path options of ours and is shown to people.
  if (announcement.root.size() > kRootMax || !is_visible_ascii(announcement.root)) {
    return bad_request("the alternate path is unusable");
  }
  if (!policy.strict) return {};
  if (!announces(announcement, 1)) return bad_request("the Server object is not announced");
  if (!announces(announcement, 3)) return bad_request("the Device object is not announced");
  return {};
}

Result<void> check_unknown(const Policy& policy, const std::vector<std::string>& unknown) {
  if (policy.strict && !unknown.empty()) return bad_request("unknown parameter");
  return {};
}

Result<void> check_endpoint(const Policy& policy, std::string_view endpoint) {
  if (endpoint.empty()) return bad_request("no endpoint name");
  if (endpoint.size() > kEndpointMax) return bad_request("endpoint name is too long");
  if (!is_endpoint_text(endpoint)) return bad_request("endpoint name isn't printable UTF-8");
  for (const std::string& pattern : policy.refused_endpoints) {
    if (matches_glob(pattern, endpoint)) {
      return peer_error(coap::code::kForbidden.value, "endpoint name is not allowed");
    }
  }
  return {};
}

Result<lwm2m::Version> check_version(const Policy& policy, const std::optional<std::string>& text) {
  if (!text) {
    if (policy.strict) return bad_request("no lwm2m version");
    return lwm2m::Version{1, 0};
  }
  const auto version = lwm2m::Version::parse(*text);
  if (!version) return bad_request("lwm2m version isn't of the form 1.0");
  if (version->major != 1 || (policy.strict && version->minor > 0)) {
    return peer_error(coap::code::kPreconditionFailed.value,
                      policy.strict ? "only version 1.0 is served" : "only versions 1.x are served");
  }
  return *version;
}

}  // namespace

std::optional<Duration> awake_time(const std::vector<AwakeTime>& times, std::string_view endpoint) {
  for (const AwakeTime& time : times) {
    if (matches_glob(time.endpoints, endpoint)) return time.awake;
  }
  return std::nullopt;
}

bool is_binding_1_0(std::string_view binding) {
  static constexpr std::array<std::string_view, 7> kTable8{"U", "UQ", "S", "SQ", "US", "UQS", "UQT"};
  return std::find(kTable8.begin(), kTable8.end(), binding) != kTable8.end();
}

bool is_binding_1_1(std::string_view binding) {
  static constexpr std::string_view kLetters = "UTSN";
  for (std::size_t i = 0; i < binding.size(); ++i) {
    if (kLetters.find(binding[i]) == std::string_view::npos) return false;
    if (binding.find(binding[i], i + 1) != std::string_view::npos) return false;
  }
  return !binding.empty();
}

Result<Admission> admit(const Policy& policy, const lwm2m::Register& request) {
  Admission admission;
  if (auto ok = check_endpoint(policy, request.endpoint); !ok) return tl::unexpected(ok.error());
  const auto version = check_version(policy, request.version);
  if (!version) return tl::unexpected(version.error());
  admission.version = *version;
  admission.version_text = version->to_string();
  if (auto ok = check_unknown(policy, request.unknown); !ok) return tl::unexpected(ok.error());
  if (!request.lifetime && policy.strict) return bad_request("no lifetime");
  admission.lifetime =
      request.lifetime.value_or(std::clamp(kDefaultLifetime, policy.lifetime_min, policy.lifetime_max));
  if (auto ok = check_lifetime(policy, admission.lifetime); !ok) return tl::unexpected(ok.error());
  admission.binding = request.binding.value_or("U");
  if (auto ok = check_binding(policy, admission.binding, admission.version); !ok) return tl::unexpected(ok.error());
  if (request.sms) {
    if (auto ok = check_sms(policy, *request.sms); !ok) return tl::unexpected(ok.error());
  }
  if (auto ok = check_announcement(policy, request.announcement); !ok) return tl::unexpected(ok.error());
  return admission;
}

Result<void> admit(const Policy& policy, const lwm2m::Update& request, lwm2m::Version version) {
  if (auto ok = check_unknown(policy, request.unknown); !ok) return ok;
  if (request.lifetime) {
    if (auto ok = check_lifetime(policy, *request.lifetime); !ok) return ok;
  }
  if (request.binding) {
    if (auto ok = check_binding(policy, *request.binding, version); !ok) return ok;
  }
  if (request.sms) {
    if (auto ok = check_sms(policy, *request.sms); !ok) return ok;
  }
  if (request.announcement) return check_announcement(policy, *request.announcement);
  return {};
}

}  // namespace drover::server
