// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/print.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/drover/bootstrap_text.hpp"
#include "apps/drover/operation_text.hpp"
#include "apps/drover/values.hpp"
#include "base/bytes.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;
using lwm2m::Path;

constexpr std::size_t kBytesShown = 64;

std::string text_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return "";
  return found->is_string() ? printable(found->get<std::string>()) : found->dump();
}

std::int64_t integer_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

std::string scalar_text(const Json& value) {
  return value.is_string() ? printable(value.get<std::string>()) : value.dump();
}

std::optional<std::uint16_t> id_of(const std::string& key) {
  std::uint16_t id = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
  if (error != std::errc() || end != key.data() + key.size()) return std::nullopt;
  return id;
}

void flatten(const Path& path, const Json& value, const NameOf& name_of, Table& table) {
  if (!value.is_object() || path.depth() == 4) {
    table.add({path.to_string(), name_of(path.prefix(3)), scalar_text(value)});
    return;
  }
  std::vector<std::pair<std::uint16_t, const Json*>> children;
  for (const auto& [key, child] : value.items()) {
    if (const auto id = id_of(key)) children.emplace_back(*id, &child);
  }
  std::sort(children.begin(), children.end());
  for (const auto& [id, child] : children) flatten(path.child(id), *child, name_of, table);
}

std::string links_text(const Json& links) {
  Table table({"PATH", "ATTRIBUTES"});
  for (const Json& link : links) {
    std::string attributes;
    for (const auto& [name, value] : link.at("attributes").items()) {
      attributes += (attributes.empty() ? "" : " ") + printable(name);
      if (!value.is_null()) attributes += "=" + scalar_text(value);
    }
    const std::string path = text_of(link, "path");
    table.add({path.empty() ? text_of(link, "target") : path, attributes});
  }
  return table.to_string();
}

std::string payload_text(const std::string& base64) {
  const std::string bytes = from_base64(base64).value_or("");
  if (bytes.empty()) return "";
  if (is_utf8(bytes) && printable(bytes) == bytes) return bytes;
  const std::string_view shown = std::string_view(bytes).substr(0, kBytesShown);
  return fmt::format("{} bytes: {}{}", bytes.size(), to_hex(as_bytes(shown)), shown.size() < bytes.size() ? "..." : "");
}

std::string instances_text(const Json& object) {
  std::string text;
  for (const Json& instance : object.at("instances")) text += (text.empty() ? "" : " ") + instance.dump();
  return text;
}

}  // namespace

std::string Table::to_string() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string printable(std::string_view text) {
  const bool utf8 = is_utf8(text);
  std::string safe;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    const bool control = byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !utf8);
    if (control) {
      safe += fmt::format("\\x{:02x}", byte);
    } else {
      safe += character;
    }
  }
  // U+0080 to U+009F are control characters too; in UTF-8 they begin with C2.
  for (std::size_t at = safe.find('\xC2'); at != std::string::npos; at = safe.find('\xC2', at + 1)) {
    if (at + 1 < safe.size() && static_cast<unsigned char>(safe[at + 1]) < 0xA0) safe.replace(at, 2, "?");
  }
  return safe;
}

std::string time_text(std::int64_t unix_seconds) {
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm broken_down{};
  if (gmtime_r(&seconds, &broken_down) == nullptr) return std::to_string(unix_seconds);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &broken_down)};
}

std::string span_text(std::int64_t seconds) {
  constexpr std::int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
  if (seconds >= 2 * kDay) return fmt::format("{} d", seconds / kDay);
  if (seconds >= 2 * kHour) return fmt::format("{} h", seconds / kHour);
  if (seconds >= 2 * kMinute) return fmt::format("{} min", seconds / kMinute);
  return fmt::format("{} s", std::max<std::int64_t>(seconds, 0));
}

std::string answer_text(const Json& answer, const NameOf& name_of) {
  const std::string note = text_of(answer, "note");
  std::string text = note.empty() ? "" : "(" + note + ")\n";
  if (const auto links = answer.find("links"); links != answer.end()) return links_text(*links) + text;
  const auto path = Path::parse(text_of(answer, "path"));
  if (const auto value = answer.find("value"); value != answer.end() && path) {
    Table table({"PATH", "NAME", "VALUE"});
    flatten(*path, *value, name_of, table);
    text = table.to_string() + text;
    if (const auto linked = answer.find("linked"); linked != answer.end()) {
      Table others({"LINKED", "NAME", "VALUE"});
      flatten(Path(), *linked, name_of, others);
      text += others.to_string();
    }
    return text;
  }
  const std::string payload = payload_text(text_of(answer, "payload"));
  return (payload.empty() ? "" : payload + "\n") + text;
}

std::string devices_text(const Json& devices, std::int64_t now) {
  Table table({"ENDPOINT", "LWM2M", "BINDING", "LIFETIME", "ADDRESS", "SEEN", "EXPIRES IN", "STATE", "QUEUED"});
  for (const Json& device : devices) {
    table.add({text_of(device, "endpoint"), text_of(device, "version"), text_of(device, "binding"),
               span_text(integer_of(device, "lifetime")), text_of(device, "address"),
               span_text(now - integer_of(device, "updated_at")) + " ago",
               span_text(integer_of(device, "expires_at") - now), device.value("awake", true) ? "awake" : "asleep",
               text_of(device, "queued")});
  }
  return table.to_string();
}

std::string device_text(const Json& device, std::int64_t now) {
  std::string text;
  const auto line = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += fmt::format("{:<14}{}\n", name, value);
  };
  line("endpoint", text_of(device, "endpoint") + " (" + text_of(device, "scheme") + ")");
  line("registration", text_of(device, "registration"));
  if (const auto tags = device.find("tags"); tags != device.end()) {
    std::string all;
    for (const Json& tag : *tags) all += (all.empty() ? "" : ", ") + scalar_text(tag);
    line("tags", all);
  }
  line("address", text_of(device, "address"));
  line("identity", text_of(device, "identity"));
  line("lwm2m", text_of(device, "version"));
  line("binding", text_of(device, "binding") + (device.value("queue_mode", false) ? ", queue mode" : ""));
  line("sms", text_of(device, "sms"));
  if (device.value("queue_mode", false)) {
    const std::int64_t until = integer_of(device, "awake_until");
    const std::string time = time_text(until) + " UTC";
    line("state", device.value("awake", true) ? "awake until " + time + ", " + span_text(until - now)
                                              : "asleep since " + time);
    line("queued", text_of(device, "queued"));
  }
  line("lifetime", text_of(device, "lifetime") + " s");
  line("registered", time_text(integer_of(device, "registered_at")) + " UTC");
  line("updated", time_text(integer_of(device, "updated_at")) + " UTC");
  line("expires",
       time_text(integer_of(device, "expires_at")) + " UTC, in " + span_text(integer_of(device, "expires_at") - now));
  line("root", text_of(device, "root"));
  const auto formats = device.find("formats");
  if (formats != device.end() && !formats->empty()) line("formats", formats->dump());
  Table table({"OBJECT", "VERSION", "NAME", "INSTANCES"});
  for (const Json& object : device.at("objects")) {
    const std::string version = text_of(object, "version");
    table.add({"/" + text_of(object, "id"), version.empty() ? "1.0" : version, text_of(object, "name"),
               instances_text(object)});
  }
  return text + "\n" + table.to_string();
}

std::string observations_text(const Json& observations, std::int64_t now) {
  Table table({"PATH", "ACCEPT", "SINCE", "NOTIFICATIONS"});
  for (const Json& one : observations) {
    table.add({text_of(one, "path"), text_of(one, "accept"), span_text(now - integer_of(one, "since")) + " ago",
               text_of(one, "notifications")});
  }
  return table.to_string();
}

std::string objects_text(const Json& objects) {
  Table table({"ID", "VERSION", "LWM2M", "NAME", "INSTANCES", "URN"});
  for (const Json& object : objects) {
    table.add({text_of(object, "id"), text_of(object, "version"), text_of(object, "lwm2m_version"),
               text_of(object, "name"), object.value("multiple", false) ? "multiple" : "single",
               text_of(object, "urn")});
  }
  return table.to_string();
}

std::string object_text(const Json& object) {
  std::string text = fmt::format("/{} {} version {} ({})\n{}\n\n", text_of(object, "id"), text_of(object, "name"),
                                 text_of(object, "version"), text_of(object, "urn"), text_of(object, "description"));
  Table table({"ID", "OPERATIONS", "TYPE", "INSTANCES", "MANDATORY", "UNITS", "RANGE", "NAME"});
  for (const Json& resource : object.at("resources")) {
    table.add({text_of(resource, "id"), text_of(resource, "operations"), text_of(resource, "type"),
               resource.value("multiple", false) ? "multiple" : "single",
               resource.value("mandatory", false) ? "mandatory" : "optional", text_of(resource, "units"),
               text_of(resource, "range"), text_of(resource, "name")});
  }
  return text + table.to_string();
}

std::string status_text(const Json& status) {
  std::string text;
  for (const auto& [name, value] : status.items()) {
    if (name == "started_at") {
      text += fmt::format("{:<28}{} UTC\n", name, time_text(value.get<std::int64_t>()));
    } else if (value.is_object()) {
      for (const auto& [inner, number] : value.items()) {
        text += fmt::format("{:<28}{}\n", name + "." + inner, number.is_null() ? "" : scalar_text(number));
      }
    } else {
      text += fmt::format("{:<28}{}\n", name, scalar_text(value));
    }
  }
  return text;
}

std::string event_text(const std::string& kind, const Json& event) {
  if (kind == "gap") {
    const std::string lost = text_of(event, "lost");
    return fmt::format("-- events were lost: {}{}\n", text_of(event, "reason"), lost.empty() ? "" : ", " + lost);
  }
  std::string text = fmt::format("{}  {:<18} {}", time_text(integer_of(event, "at")), kind, text_of(event, "endpoint"));
  if (kind.rfind("bootstrap-", 0) == 0) return text + bootstrap_event_text(event) + "\n";
  if (kind == "operation") return text + operation_event_text(event) + "\n";
  if (const auto device = event.find("device"); device != event.end()) {
    text += fmt::format("  {}  lifetime {} s", text_of(*device, "address"), text_of(*device, "lifetime"));
  }
  if (event.contains("path")) text += "  " + text_of(event, "path");
  if (event.contains("reason")) text += "  " + text_of(event, "address") + "  " + text_of(event, "reason");
  if (const std::string code = text_of(event, "code"); !code.empty() && code != "2.05") {
    text += "  " + code + " " + text_of(event, "status");
  }
  if (const auto value = event.find("value"); value != event.end()) {
    text += "  " + (value->is_object() ? value->dump(-1, ' ', true) : scalar_text(*value));
  } else if (event.contains("payload")) {
    text += "  " + payload_text(text_of(event, "payload"));
  }
  return text + "\n";
}

std::string problem_text(const Json& problem) {
  std::string text = text_of(problem, "detail");
  if (text.empty()) text = text_of(problem, "title");
  const std::string code = text_of(problem, "coap_code");
  if (!code.empty() && text.find(code) == std::string::npos) text += " (" + code + ")";
  return text;
}

}  // namespace drover::cli
