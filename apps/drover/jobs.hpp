// SPDX-License-Identifier: Apache-2.0
// drover tag, bulk, rules: work on many devices.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/drover/commands.hpp"

namespace CLI {
class App;
}

namespace drover::cli {

/// Which devices; see `Selection` of the API.
struct SelectionOptions {
  bool all = false;
  std::vector<std::string> endpoints;
  std::string name;
  std::vector<std::string> tags;
  std::string manufacturer;
  std::string model;
  std::string firmware;
  std::optional<std::uint16_t> object;
  std::string seen_within;  ///< as span_of() takes it
  std::string silent_for;
};

struct BulkArguments {
  SelectionOptions selection;
  std::string operation;  ///< as the API calls it
  std::string path_text;
  WriteArguments write;
  std::string accept;
  std::string arguments;
  std::vector<std::string> attributes;
  std::string mode;
  std::optional<std::size_t> parallel;
  std::string lifetime;  ///< as span_of() takes it
  std::string priority;
  std::optional<unsigned> stop_at_failures;

  std::uint64_t id = 0;
  std::string state;
  std::size_t limit = 1000;
};

int add_bulk(Session& session, const BulkArguments& arguments);
int list_bulks(Session& session);
int show_bulk(Session& session, std::uint64_t id);
int bulk_devices(Session& session, const BulkArguments& arguments);
/// `command`: pause, resume, cancel or retry.
int change_bulk(Session& session, std::uint64_t id, const char* command);
int remove_bulk(Session& session, std::uint64_t id);

int add_tags(Session& session, const std::string& endpoint, const std::vector<std::string>& tags);
int remove_tags(Session& session, const std::string& endpoint, const std::vector<std::string>& tags);
/// Of a device, or all with the number of devices when `endpoint` is "".
int list_tags(Session& session, const std::string& endpoint);

int list_rules(Session& session);
int show_rule(Session& session, const std::string& name);
/// `file` holds a `RuleBody` as JSON; "-": standard input.
int put_rule(Session& session, const std::string& name, const std::string& file);
int remove_rule(Session& session, const std::string& name);
int rule_devices(Session& session, const std::string& name, const std::string& state, std::size_t limit);

/// As query parameters of GET /api/v1/devices.
Query selection_query(const SelectionOptions& options, std::int64_t now);

/// Adds the commands `tag`, `bulk` and `rules`; the one that is given is in `chosen` after parsing.
void add_job_commands(CLI::App& app, std::function<int(Session&)>& chosen);

}  // namespace drover::cli
