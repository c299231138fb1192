// SPDX-License-Identifier: Apache-2.0
// What LwM2M peers ask of each other, without any CoAP code in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "lwm2m/content/format.hpp"
#include "lwm2m/data/path.hpp"

namespace drover::lwm2m {

// ---- uplink (Core §5.3) ---------------------------------------------------------------------------------------------

/// An object that a client announced: its version when given, and its instances.
struct AnnouncedObject {
  ObjectId id = 0;
  std::optional<Version> version;
  std::vector<InstanceId> instances;  ///< ascending
  friend bool operator==(const AnnouncedObject&, const AnnouncedObject&) = default;
};

/// The body of a Register or Update (Core §5.3.1; Transport "Alternate Path").
struct Announcement {
  std::string root;                      ///< "" or "/lwm2m": the link with rt="oma.lwm2m", without a trailing '/'
  std::vector<FormatNumber> formats;     ///< ct of the root link, as announced
  std::vector<AnnouncedObject> objects;  ///< ascending by id
  friend bool operator==(const Announcement&, const Announcement&) = default;
};

/// Registration parameters as sent. What is missing is filled in by the server's policy, not here.
struct Register {
  std::string endpoint;                   ///< "" when absent
  std::optional<std::uint32_t> lifetime;  ///< seconds
  std::optional<std::string> version;     ///< the `lwm2m` parameter, verbatim
  std::optional<std::string> binding;     ///< verbatim; for 1.1 and later a subset of letters
  std::optional<std::string> sms;
  bool queue = false;  ///< the `Q` flag of 1.1, or a binding with Q
  Announcement announcement;
  std::vector<std::string> unknown;  ///< query parameters nobody defined
};

struct Update {
  std::string location;  ///< the last segment of /rd/{location}
  std::optional<std::uint32_t> lifetime;
  std::optional<std::string> binding;
  std::optional<std::string> sms;
  std::optional<bool> queue;
  std::optional<Announcement> announcement;
  std::vector<std::string> unknown;
};

struct Deregister {
  std::string location;
};

using Uplink = std::variant<Register, Update, Deregister>;

// ---- downlink (Core §5.4, §5.5) -------------------------------------------------------------------------------------

struct Read {
  Path path;
  std::optional<FormatNumber> accept;
  bool no_accept = false;  ///< server: send no Accept even where its policy would add one
};
struct Discover {
  Path path;
};
struct Write {
  enum class Mode : std::uint8_t { Replace, Update };
  Path path;
  Mode mode = Mode::Replace;
  std::optional<FormatNumber> format;  ///< nothing when the peer sent none
  Bytes payload;
};
/// Attributes as they stand in the query: "pmin=10", "gt=4.5", "st" (unset).
struct WriteAttributes {
  Path path;
  std::vector<std::string> attributes;
};
struct Execute {
  Path path;
  std::string arguments;
};
struct Create {
  Path path;  ///< an object
  std::optional<FormatNumber> format;
  Bytes payload;
};
struct Delete {
  Path path;
};
struct Observe {
  Path path;
  std::optional<FormatNumber> accept;
  bool no_accept = false;  ///< as in Read
};
/// Ends the observation of exactly that path by GET with Observe=1.
struct CancelObservation {
  Path path;
  std::optional<FormatNumber> accept;
};

using Downlink =
    std::variant<Read, Discover, Write, WriteAttributes, Execute, Create, Delete, Observe, CancelObservation>;

Path path_of(const Downlink& operation);
const char* name_of(const Downlink& operation);  ///< "Read", "Write-Attributes", ...

// ---- what came of it
// --------------------------------------------------------------------------------------------------

/// The results of Transport "Response Codes". Other: a code that the enabler doesn't list; see Outcome::code.
enum class Status : std::uint8_t {
  Created,
  Deleted,
  Changed,
  Content,
  Valid,
  BadRequest,
  Unauthorized,
  BadOption,
  Forbidden,
  NotFound,
  MethodNotAllowed,
  NotAcceptable,
  EntityIncomplete,
  PreconditionFailed,
  EntityTooLarge,
  UnsupportedFormat,
  InternalError,
  NotImplemented,
  ServiceUnavailable,
  Other,
};
bool is_success(Status status);
const char* to_string(Status status);

/// The answer to an operation, either way.
struct Outcome {
  Status status = Status::InternalError;
  std::optional<FormatNumber> format;
  Bytes payload;          ///< values, links, or a diagnostic text for an error
  std::string location;   ///< Register: "rd/..."; Create: the new instance's path when announced
  std::uint8_t code = 0;  ///< the wire's code, filled in by mapping for display; not read by logic
};

}  // namespace drover::lwm2m
