// SPDX-License-Identifier: Apache-2.0
// What people see: tables and trees as text. Peers' text is escaped, so that a device can't play with a terminal.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lwm2m/data/path.hpp"

namespace drover::cli {

/// Rows under a heading, columns as wide as they need to be, two blanks between them.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) : rows_{std::move(heading)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::string to_string() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// Control characters and what isn't UTF-8 as \xNN.
std::string printable(std::string_view text);
/// "2026-01-31 12:00:00" in UTC.
std::string time_text(std::int64_t unix_seconds);
/// "35 s", "12 min", "5 h", "3 d"; 0 and less as "0 s".
std::string span_text(std::int64_t seconds);

/// The name of a resource, "" when nobody knows.
using NameOf = std::function<std::string(const lwm2m::Path&)>;

/// An answer's or a notification's `value`, `links` or raw payload, one line a value: path, name, value.
std::string answer_text(const nlohmann::json& answer, const NameOf& name_of);
std::string devices_text(const nlohmann::json& devices, std::int64_t now);
std::string device_text(const nlohmann::json& device, std::int64_t now);
std::string observations_text(const nlohmann::json& observations, std::int64_t now);
std::string objects_text(const nlohmann::json& objects);
std::string object_text(const nlohmann::json& object);
std::string status_text(const nlohmann::json& status);
/// One line: time, kind, endpoint, and what belongs to the kind.
std::string event_text(const std::string& kind, const nlohmann::json& event);
/// "drover: ..." for a problem detail; the server's words.
std::string problem_text(const nlohmann::json& problem);

}  // namespace drover::cli
