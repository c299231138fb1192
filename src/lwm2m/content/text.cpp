// SPDX-License-Identifier: Apache-2.0
// The text form of a value (Core §6.4.1, Appendix C) and conversions between types.
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "lwm2m/content/base64.hpp"
#include "lwm2m/content/codecs.hpp"

namespace drover::lwm2m::content {
namespace {

/// Integers up to this are exact as binary64.
constexpr double kExactMax = 9007199254740992.0;  // 2^53
constexpr std::int64_t kExactMaxInteger = std::int64_t{1} << std::numeric_limits<double>::digits;

/// The smallest denormal needs 1074 decimals at most, shortest round trip far fewer; DBL_MAX has 309 digits.
constexpr std::size_t kFixedFloatMax = 1100;

std::string float_text(double value) {
  std::array<char, kFixedFloatMax> out;
  const auto [end, error] = std::to_chars(out.data(), out.data() + out.size(), value, std::chars_format::fixed);
  return {out.data(), error == std::errc{} ? end : out.data()};
}

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

Result<Value> float_from(std::string_view text) {
  // from_chars also knows "inf" and "nan", which Appendix C doesn't.
  if (text.find_first_not_of("+-.0123456789eE") == std::string_view::npos) {
    if (const auto value = whole_number<double>(text)) return *value;
  }
  return malformed("'" + std::string(text.substr(0, 40)) + "' is no floating point number");
}

Result<Value> link_from(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    const auto object = whole_number<std::uint16_t>(text.substr(0, colon));
    const auto instance = whole_number<std::uint16_t>(text.substr(colon + 1));
    if (object && instance) return ObjectLink{*object, *instance};
  }
  return malformed("'" + std::string(text.substr(0, 40)) + "' is no object link such as 3:0");
}

/// The value as an integer when it is one, exactly.
std::optional<std::int64_t> exact_integer(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* time = std::get_if<Time>(&value)) return time->seconds;
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? 1 : 0;
  if (const auto* number = std::get_if<double>(&value)) {
    if (std::abs(*number) <= kExactMax && std::trunc(*number) == *number) return static_cast<std::int64_t>(*number);
  }
  return std::nullopt;
}

}  // namespace

std::string to_text(const Value& value) {
  struct Visitor {
    std::string operator()(const std::string& text) const { return text; }
    std::string operator()(std::int64_t integer) const { return std::to_string(integer); }
    std::string operator()(double number) const { return float_text(number); }
    std::string operator()(bool boolean) const { return boolean ? "1" : "0"; }
    std::string operator()(const Opaque& opaque) const { return to_base64(opaque.bytes); }
    std::string operator()(const Time& time) const { return std::to_string(time.seconds); }
    std::string operator()(const ObjectLink& link) const {
      return std::to_string(link.object) + ':' + std::to_string(link.instance);
    }
  };
  return std::visit(Visitor{}, value);
}

Result<Value> from_text(DataType type, std::string_view text) {
  switch (type) {
    case DataType::None: return malformed("an executable resource has no value");
    case DataType::String:
      if (!is_utf8(text)) return malformed("the string isn't UTF-8");
      return std::string(text);
    case DataType::Integer:
    case DataType::Time: {
      const auto integer = whole_number<std::int64_t>(text);
      if (!integer) return malformed("'" + std::string(text.substr(0, 40)) + "' is no integer of 64 bits");
      if (type == DataType::Time) return Time{*integer};
      return *integer;
    }
    case DataType::Float: return float_from(text);
    case DataType::Boolean:
      if (text == "0" || text == "1") return text == "1";
      return malformed("a boolean is 0 or 1");
    case DataType::Opaque: {
      auto bytes = from_base64(text);
      if (!bytes) return malformed("the opaque value isn't Base64");
      return Opaque{std::move(*bytes)};
    }
    case DataType::ObjectLink: return link_from(text);
  }
  return malformed("no such data type");
}

Result<Value> convert(const Value& value, DataType type) {
  if (type_of(value) == type) return value;
  const auto integer = exact_integer(value);
  if (integer) {
    if (type == DataType::Integer) return *integer;
    if (type == DataType::Time) return Time{*integer};
    if (type == DataType::Boolean && (*integer == 0 || *integer == 1)) return *integer == 1;
    if (type == DataType::Float && *integer >= -kExactMaxInteger && *integer <= kExactMaxInteger) {
      return static_cast<double>(*integer);
    }
  }
  return malformed(std::string("a value of type ") + to_string(type_of(value)) + " doesn't fit type " +
                   (type == DataType::None ? "none" : to_string(type)));
}

}  // namespace drover::lwm2m::content
