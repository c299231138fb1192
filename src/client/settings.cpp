// SPDX-License-Identifier: Apache-2.0
#include "client/settings.hpp"

#include <algorithm>

#include "transport/datagram.hpp"

namespace drover::client {
namespace {

constexpr std::size_t kShownMax = 40;  // of a name in a message

tl::unexpected<Error> bad(std::string reason) {
  return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)});
}

Result<void> check_text(std::string_view what, std::string_view text, std::size_t most) {
  if (text.size() > most) {
    return bad("the " + std::string(what) + " has " + std::to_string(text.size()) + " bytes; use at most " +
               std::to_string(most));
  }
  if (!is_utf8(text)) return bad("the " + std::string(what) + " isn't UTF-8");
  return {};
}

}  // namespace

Result<void> check_endpoint(std::string_view endpoint) {
  return check_text("endpoint", endpoint, kEndpointMax);
}

Result<void> check_sms(std::string_view msisdn) {
  if (msisdn.empty() || transport::PeerAddress::sms(msisdn)) return {};
  return bad("the sms number is 1 to " + std::to_string(transport::kMsisdnDigitsMax) +
             " digits with the country code, without +");
}

Result<void> check_version(std::string_view version) {
  return check_text("version", version, kVersionMax);
}

Result<void> check_alternate_path(std::string_view path) {
  if (path.empty()) return {};
  if (auto fits = check_text("path", path, kAlternatePathMax); !fits) return fits;
  const std::string shown = "path \"" + std::string(path.substr(0, kShownMax)) + "\"";
  if (path.front() != '/' || path.back() == '/') return bad(shown + ": write it as /lwm2m");
  for (std::string_view rest = path; !rest.empty();) {
    rest.remove_prefix(1);
    const std::string_view segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(segment.size());
    if (segment.empty()) return bad(shown + " has an empty segment; write it as /lwm2m");
    if (std::all_of(segment.begin(), segment.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      return bad(shown + ": a segment must not be a number, which names an object; write it as /lwm2m");
    }
  }
  return {};
}

Result<void> check_settings(const ClientSettings& settings) {
  if (auto fits = check_endpoint(settings.endpoint); !fits) return fits;
  if (auto fits = check_sms(settings.sms.msisdn); !fits) return fits;
  if (auto fits = check_version(settings.version); !fits) return fits;
  return check_alternate_path(settings.root);
}

}  // namespace drover::client
