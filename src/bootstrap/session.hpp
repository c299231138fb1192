// SPDX-License-Identifier: Apache-2.0
// What is shown of a device's bootstrap: plain values, without a key and without any payload of object 0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/id.hpp"
#include "bootstrap/plan.hpp"
#include "bootstrap/sequence.hpp"
#include "coap/message/code.hpp"
#include "lwm2m/data/path.hpp"
#include "security/credentials.hpp"
#include "transport/datagram.hpp"

namespace drover::bootstrap {

/// Ascending in the order in which sessions began; never given twice by one BootstrapServer.
using SessionId = Id<struct SessionTag, std::uint64_t>;
using UnixMilliseconds = std::int64_t;  ///< since 1970 (UTC)

enum class SessionState : std::uint8_t {
  Waiting,   ///< for keys, or for the handshake that we began
  Running,   ///< an operation is under way
  Finished,  ///< everything is done, and Finish answered 2.04
  Failed,
};
const char* to_string(SessionState state);  ///< "waiting", "running", "finished", "failed"

/// What became of the accounts that a session wrote.
enum class Applied : std::uint8_t {
  No,       ///< the device goes on with what it had (Core §5.2.3.3, step #3)
  Yes,      ///< it said so
  Unknown,  ///< Finish was sent and not answered: old and new credentials may be in use
};
const char* to_string(Applied applied);  ///< "no", "yes", "unknown"

/// A message of a session. Requests have no code, answers no path of their own: they have that of their request.
struct TimelineEntry {
  UnixMilliseconds at = 0;
  bool from_device = false;
  const char* operation = "";  ///< "Bootstrap-Write", ...
  lwm2m::Path path;            ///< the root for Bootstrap-Request and -Finish
  std::optional<lwm2m::FormatNumber> format{};
  std::size_t payload_bytes = 0;
  coap::Code code{};  ///< of an answer
  /// What the device says about a refusal, or lists; why there was no answer. At most kTextMax bytes of UTF-8.
  std::string text;

  static constexpr std::size_t kTextMax = 256;
};

struct SessionView {
  SessionId id;
  std::string endpoint, plan;
  SessionState state = SessionState::Waiting;
  std::string reason;  ///< of Failed
  Applied applied = Applied::No;
  transport::PeerAddress address;
  security::Identity identity;   ///< None without security, and where we began
  bool server_initiated = false;
  UnixMilliseconds began = 0;
  std::optional<UnixMilliseconds> ended{};
  std::size_t step = 0, steps = 0;  ///< done, in all
  std::vector<Provisioned> provisioned;
  std::vector<TimelineEntry> timeline;
  std::size_t omitted = 0;  ///< messages past Settings::timeline_max
};

// ---- events, to be polled -------------------------------------------------------------------------------------------

/// Answer with BootstrapServer::provide(). The device has its 2.04 and waits.
struct KeysWanted {
  SessionId session;
  std::string endpoint;
  security::Identity identity;  ///< what the device proved to the Bootstrap-Server
  security::CredentialId credential;
  bool rotate = false;  ///< false: keys that this endpoint has for a server are kept
  std::vector<KeyRequest> requests;
};
struct SessionStarted {
  SessionId session;
  std::string endpoint, plan;
  transport::PeerAddress address;
};
struct SessionProgress {
  SessionId session;
  std::string endpoint;
  std::size_t step = 0, steps = 0;
  TimelineEntry entry;
};
struct SessionEnded {
  SessionId session;
  std::string endpoint;
  SessionState state = SessionState::Finished;
  std::string reason;
  Applied applied = Applied::No;
  std::vector<Provisioned> provisioned;
};
/// A handshake or a Bootstrap-Request that came to nothing.
struct Refused {
  std::string endpoint;  ///< "" when nobody said one
  transport::PeerAddress address;
  std::string reason;
};
using Event = std::variant<KeysWanted, SessionStarted, SessionProgress, SessionEnded, Refused>;

}  // namespace drover::bootstrap
