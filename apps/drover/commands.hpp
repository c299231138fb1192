// SPDX-License-Identifier: Apache-2.0
// One function a command; each gives an ExitStatus.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/drover/api_client.hpp"
#include "lwm2m/data/path.hpp"

namespace drover::cli {

/// How operations are to be carried out: see the API's query parameters.
struct OperationOptions {
  bool wait = false;
  bool no_trigger = false;
  std::string via;        ///< "" for the server's default, like the next two
  std::string expires;    ///< as span_of() takes it
  std::string redeliver;
  std::string priority;
};

struct Session {
  ApiClient& api;
  bool json = false;  ///< the API's own JSON on standard output, problems included
  OperationOptions operation;
};

struct WriteArguments {
  std::vector<std::string> values;
  std::string file;  ///< sent raw instead of values
  std::string format;
  bool update = false;                    ///< partial update instead of replace
  std::optional<std::uint16_t> instance;  ///< Create only
};

struct FollowArguments {
  std::string endpoint;
  std::string kinds;
  std::string last_event_id;
  std::uint64_t count = 0;  ///< ends after so many events; 0: never
};

struct SelectionOptions;
/// `search` goes with no selection.
int devices(Session& session, const std::string& search, const SelectionOptions& selection, std::size_t limit);
int show(Session& session, const std::string& endpoint);
int read(Session& session, const std::string& endpoint, const lwm2m::Path& path, const std::string& accept);
int write(Session& session, const std::string& endpoint, const lwm2m::Path& path, const WriteArguments& arguments);
int execute(Session& session, const std::string& endpoint, const lwm2m::Path& path, const std::string& arguments);
int create(Session& session, const std::string& endpoint, const lwm2m::Path& path, const WriteArguments& arguments);
int remove(Session& session, const std::string& endpoint, const lwm2m::Path& path);
int discover(Session& session, const std::string& endpoint, const lwm2m::Path& path);
/// `assignments` as NAME=VALUE, NAME= to unset; none of them shows what is set, by Discover.
int attributes(Session& session, const std::string& endpoint, const lwm2m::Path& path,
               const std::vector<std::string>& assignments);
/// Begins an observation and follows it for `count` notifications (0: until interrupted), then cancels it unless
/// `keep`.
int observe(Session& session, const std::string& endpoint, const lwm2m::Path& path, const std::string& accept,
            bool follow, bool keep, std::uint64_t count);
int observations(Session& session, const std::string& endpoint);
struct OperationListArguments {
  std::string endpoint;  ///< "": of all devices
  std::string states;    ///< comma-separated, "" for all
  std::string asked_by;  ///< of all devices
  std::size_t limit = 100;
};
/// Operations that wait, are under way or over.
int operations(Session& session, const OperationListArguments& arguments);
/// How one stands, and what came of it. The exit status is what the operation's own command would have given.
int operation(Session& session, const std::string& endpoint, std::uint64_t id);
int cancel_operation(Session& session, const std::string& endpoint, std::uint64_t id);
int cancel(Session& session, const std::string& endpoint, const lwm2m::Path& path, const std::string& mode);
/// Follows events; a lost connection is taken up again behind the last event.
int events(Session& session, const FollowArguments& arguments);
int objects(Session& session, std::optional<std::uint16_t> id, const std::string& version);
int status(Session& session);
/// Prints the token's text, which is never to be had again. `expires` as "30d", "" for never.
int add_token(Session& session, const std::string& name, const std::string& role, const std::string& expires);
int list_tokens(Session& session);
int remove_token(Session& session, const std::string& name_or_id);

}  // namespace drover::cli
