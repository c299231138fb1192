// SPDX-License-Identifier: Apache-2.0
#include "storage/value_codec.hpp"

#include <array>
#include <charconv>
#include <string>

namespace drover::storage {

using lwm2m::DataType;
using lwm2m::Value;

namespace {

struct Encoder {
  Bytes operator()(const std::string& text) const { return to_bytes(text); }
  Bytes operator()(std::int64_t number) const { return to_bytes(std::to_string(number)); }
  Bytes operator()(double number) const {
    std::array<char, 32> buffer{};  // the shortest form has at most 24 characters
    const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
    return to_bytes({buffer.data(), static_cast<std::size_t>(end - buffer.data())});
  }
  Bytes operator()(bool truth) const { return to_bytes(truth ? "1" : "0"); }
  Bytes operator()(const lwm2m::Opaque& opaque) const { return opaque.bytes; }
  Bytes operator()(const lwm2m::Time& time) const { return to_bytes(std::to_string(time.seconds)); }
  Bytes operator()(const lwm2m::ObjectLink& link) const {
    return to_bytes(std::to_string(link.object) + ":" + std::to_string(link.instance));
  }
};

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Value> link(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto object = number<std::uint16_t>(text.substr(0, colon));
  const auto instance = number<std::uint16_t>(text.substr(colon + 1));
  if (!object || !instance) return std::nullopt;
  return lwm2m::ObjectLink{*object, *instance};
}

}  // namespace

Bytes encode_value(const Value& value) {
  return std::visit(Encoder{}, value);
}

std::optional<Value> decode_value(std::int64_t type, ByteView bytes) {
  const std::string_view text = as_text(bytes);
  if (type == static_cast<int>(DataType::String)) return std::string(text);
  if (type == static_cast<int>(DataType::Integer)) return number<std::int64_t>(text);
  if (type == static_cast<int>(DataType::Float)) return number<double>(text);
  if (type == static_cast<int>(DataType::Opaque)) return lwm2m::Opaque{Bytes(bytes.begin(), bytes.end())};
  if (type == static_cast<int>(DataType::ObjectLink)) return link(text);
  if (type == static_cast<int>(DataType::Boolean) && (text == "0" || text == "1")) return text == "1";
  if (type == static_cast<int>(DataType::Time)) {
    if (const auto seconds = number<std::int64_t>(text)) return lwm2m::Time{*seconds};
  }
  return std::nullopt;
}

}  // namespace drover::storage
