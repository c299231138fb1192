// SPDX-License-Identifier: Apache-2.0
// What a Bootstrap-Server does to a device (Core §5.2), compiled: shared by all sessions that follow it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "bootstrap/text_template.hpp"
#include "lwm2m/content/format.hpp"
#include "lwm2m/data/node.hpp"
#include "lwm2m/data/path.hpp"
#include "security/credentials.hpp"

namespace drover::bootstrap {

/// Limits of a plan; past one of them it is refused.
inline constexpr std::size_t kPlanBytesMax = std::size_t{1} << 20;  ///< of its text
inline constexpr std::size_t kServersMax = 32;
inline constexpr std::size_t kStepsMax = 256;
inline constexpr std::size_t kEndpointsMax = 4096;
inline constexpr std::size_t kEndpointBytesMax = 255;  ///< what `ep=` may hold, and some more

/// /0/x/0 and /0/x/3 (Core E.1; RFC 4279 §5.3).
inline constexpr std::size_t kUriBytesMax = 255;

/// /0/x/2 (Core E.1).
enum class SecurityMode : std::uint8_t { Psk = 0, RawPublicKey = 1, Certificate = 2, NoSec = 3 };
const char* to_string(SecurityMode mode);  ///< "psk", "rpk", "x509", "nosec"

/// An LwM2M Server Account, or the Bootstrap-Server's own that replaces the one in use.
struct Account {
  std::optional<std::uint16_t> short_server_id;  ///< nothing: of the Bootstrap-Server
  TextTemplate uri;
  SecurityMode mode = SecurityMode::NoSec;
  TextTemplate identity;                             ///< Psk
  std::optional<security::ClientCredential> given{};  ///< from the plan; of Psk the key alone. Nothing: it is asked for
  Bytes server_public_key;                           ///< of modes 1 and 2, where the rest is asked for; may be empty
  std::size_t key_bytes = 0;                         ///< of a pre-shared key that is asked for
  std::optional<lwm2m::InstanceId> security_instance{}, server_instance{};  ///< nothing: chosen for the device
  std::optional<std::uint32_t> hold_off{}, account_timeout{};               ///< seconds; of the Bootstrap-Server
  lwm2m::InstanceNode server;  ///< /1/x without its id
  Bytes server_tlv;            ///< the same, encoded

  [[nodiscard]] bool is_bootstrap() const { return !short_server_id.has_value(); }
  [[nodiscard]] bool wants_keys() const { return mode != SecurityMode::NoSec && !given; }
};

/// A Bootstrap-Write of any object.
struct PlannedWrite {
  lwm2m::Path path;
  lwm2m::Tree tree;
  std::vector<TextTemplate> texts;  ///< of all String values in order, where any of them depends on the device
  Bytes tlv, json;                  ///< encoded, where none does
};

// ---- steps ----------------------------------------------------------------------------------------------------------

struct DiscoverStep {
  lwm2m::Path path;
};
struct DeleteStep {
  lwm2m::Path path;
};
/// Two Writes for a server, one for the Bootstrap-Server.
struct AccountStep {
  std::size_t account = 0;  ///< of Plan::accounts
};
struct WriteStep {
  std::size_t write = 0;  ///< of Plan::writes
};
struct FinishStep {};
struct Step {
  std::variant<DiscoverStep, DeleteStep, AccountStep, WriteStep, FinishStep> what;
  /// A refusal (4.xx, 5.xx) doesn't end the session.
  bool optional = false;
};

/// Immutable once compiled. See parse_plan().
struct Plan {
  std::string name;
  std::vector<std::string> endpoints;  ///< names, and patterns with '*'; empty: the default plan
  std::vector<Account> accounts;
  std::vector<PlannedWrite> writes;
  std::vector<Step> steps;
  std::vector<lwm2m::Path> expect;  ///< objects and instances that the device must show
  bool rotate = false;              ///< keys that a device has from an earlier session are replaced
  lwm2m::FormatNumber format = lwm2m::format::kTlv;
  std::string description;  ///< JSON for people: without keys
  std::vector<std::string> warnings;
};
using SharedPlan = std::shared_ptr<const Plan>;

}  // namespace drover::bootstrap
