// SPDX-License-Identifier: Apache-2.0
#include "client/binding.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace drover::client {
namespace {

struct Row {
  std::string_view name;
  Binding binding;
};
constexpr Row kTable8[] = {
    {"U", {true, false, false, false}},  {"UQ", {true, false, true, false}}, {"S", {false, true, false, false}},
    {"SQ", {false, true, true, false}},  {"US", {true, true, false, false}}, {"UQS", {true, true, true, false}},
    {"UQT", {true, true, true, true}},
};

}  // namespace

std::optional<Binding> parse_binding(std::string_view text) {
  const auto* row = std::find_if(std::begin(kTable8), std::end(kTable8), [&](const Row& each) { return each.name == text; });
  if (row == std::end(kTable8)) return std::nullopt;
  return row->binding;
}

bool is_possible(const Binding& binding, const Transports& transports) {
  if (binding.is_sms_alone() && !transports.sms_alone) return false;
  return (!binding.sms || transports.sms) && (!binding.trigger_only || transports.trigger);
}

std::string possible_bindings(const Transports& transports) {
  std::string names;
  for (const auto& [name, binding] : kTable8) {
    if (!is_possible(binding, transports)) continue;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return names;
}

std::string current_binding(std::string_view wanted, const Transports& transports) {
  const auto binding = parse_binding(wanted);
  if (!binding) return "U";
  if (is_possible(*binding, transports)) return std::string(wanted);
  if (binding->trigger_only && transports.sms) return "UQS";
  return binding->queue ? "UQ" : "U";
}

std::string supported_binding(const Transports& transports) {
  return transports.sms ? "UQSQ" : "UQ";
}

bool has_trigger(std::string_view version) {
  unsigned major = 0;
  unsigned minor = 0;
  const std::size_t dot = version.find('.');
  if (dot == std::string_view::npos) return false;
  const auto number = [](std::string_view digits, unsigned& to) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), to);
    return error == std::errc{} && end == digits.data() + digits.size();
  };
  if (!number(version.substr(0, dot), major) || !number(version.substr(dot + 1), minor)) return false;
  return std::pair(major, minor) >= std::pair(1U, 1U);
}

}  // namespace drover::client
