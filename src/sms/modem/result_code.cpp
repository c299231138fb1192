// SPDX-License-Identifier: Apache-2.0
#include "sms/modem/result_code.hpp"

#include <utility>

namespace drover::sms::modem {

namespace {

constexpr std::string_view kCme = "+CME ERROR:";
constexpr std::string_view kCms = "+CMS ERROR:";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

ModemError coded(ModemError::Kind kind, std::string_view code) {
  const auto number = number_of(trimmed(code));
  return {kind, number ? static_cast<int>(*number) : -1};
}

Remedy remedy_of_service(int code) {
  switch (code) {
    case 27: return Remedy::LaterOnce;  // destination out of service
    case 38:                            // network out of order
    case 41:                            // temporary failure
    case 42:                            // congestion
    case 47:                            // resources unavailable
    case 192:                           // SC busy
    case 194:                           // SC system failure
    case 300:                           // ME failure
    case 301:                           // SMS service of ME reserved
    case 320:                           // memory failure
    case 330:                           // SMSC address unknown: the SIM may not be read yet
    case 331:                           // no network service
    case 332:                           // network timeout
      return Remedy::Later;
    case 302: return Remedy::LaterOnce;  // operation not allowed
    case 310:                            // SIM not inserted
    case 311:                            // SIM PIN required
    case 312:                            // PH-SIM PIN required
    case 313:                            // SIM failure
    case 314:                            // SIM busy
    case 316:                            // SIM PUK required
      return Remedy::Sim;
    default: break;
  }
  // 500: unknown error; from 512 on they are the manufacturer's. A code in words says no more.
  return code >= 500 || code < 0 ? Remedy::LaterOnce : Remedy::None;
}

Remedy remedy_of_equipment(int code) {
  switch (code) {
    case 4:   // operation not supported
    case 50:  // incorrect parameters
      return Remedy::None;
    case 30:  // no network service
    case 31:  // network timeout
    case 32:  // emergency calls only
      return Remedy::Later;
    default: break;
  }
  if (code >= 10 && code <= 16) return Remedy::Sim;
  return Remedy::LaterOnce;
}

}  // namespace

std::string ModemError::to_string() const {
  const std::string number = code < 0 ? "" : " " + std::to_string(code);
  switch (kind) {
    case Kind::Plain: return "ERROR";
    case Kind::Cme: return "+CME ERROR" + number;
    case Kind::Cms: return "+CMS ERROR" + number;
    case Kind::Silence: return "no answer of the modem";
  }
  return "?";
}

std::optional<FinalResult> parse_final(std::string_view line) {
  if (line == "OK") return FinalResult{std::nullopt};
  if (line == "ERROR" || line == "COMMAND NOT SUPPORT") return FinalResult{ModemError{}};
  if (line.starts_with(kCme)) return FinalResult{coded(ModemError::Kind::Cme, line.substr(kCme.size()))};
  if (line.starts_with(kCms)) return FinalResult{coded(ModemError::Kind::Cms, line.substr(kCms.size()))};
  return std::nullopt;
}

Remedy remedy_of(const ModemError& error) {
  switch (error.kind) {
    case ModemError::Kind::Cms: return remedy_of_service(error.code);
    case ModemError::Kind::Cme: return remedy_of_equipment(error.code);
    case ModemError::Kind::Plain: return Remedy::LaterOnce;
    case ModemError::Kind::Silence: return Remedy::Later;
  }
  return Remedy::None;
}

std::vector<std::string> fields_of(std::string_view line) {
  const std::size_t colon = line.find(':');
  std::vector<std::string> fields;
  std::string field;
  bool quoted = false;
  for (const char c : trimmed(colon == std::string_view::npos ? line : line.substr(colon + 1))) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back(trimmed(field));
      field.clear();
    } else {
      field.push_back(c);
    }
  }
  fields.emplace_back(trimmed(field));
  return fields;
}

std::optional<unsigned> number_of(std::string_view field) {
  if (field.empty() || field.size() > 5) return std::nullopt;
  unsigned value = 0;
  for (const char c : field) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (value > 65535) return std::nullopt;
  return value;
}

}  // namespace drover::sms::modem
