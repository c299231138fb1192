// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/model/range.hpp"

#include <algorithm>
#include <charconv>

namespace drover::lwm2m::model {
namespace {

/// Longer texts are prose; no shipped or registered range comes near.
constexpr std::size_t kTextMax = 200;

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
}

bool take(std::string_view& text, std::string_view word) {
  std::string_view rest = text;
  skip_blanks(rest);
  if (!rest.starts_with(word)) return false;
  text = rest.substr(word.size());
  return true;
}

/// "-12", "0.5"; a point with no digit behind it belongs to a "..".
std::optional<double> take_number(std::string_view& text) {
  std::string_view rest = text;
  skip_blanks(rest);
  std::size_t size = rest.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t begin = size;
    while (size < rest.size() && rest[size] >= '0' && rest[size] <= '9') ++size;
    return size > begin;
  };
  if (!digits()) return std::nullopt;
  if (size + 1 < rest.size() && rest[size] == '.' && rest[size + 1] >= '0' && rest[size + 1] <= '9') {
    ++size;
    digits();
  }
  double number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + size, number);
  if (error != std::errc{}) return std::nullopt;
  text = rest.substr(size);
  return number;
}

bool take_dash(std::string_view& text) {
  return take(text, "..") || take(text, "to") || take(text, "-");
}

/// The numbers of "1,2,3" or, with dashes, "16-32-48"; empty when there is something else among them.
std::vector<double> take_list(std::string_view& text, bool (*separator)(std::string_view&)) {
  std::vector<double> numbers;
  do {
    const auto number = take_number(text);
    if (!number) return {};
    numbers.push_back(*number);
  } while (separator(text));
  return numbers;
}

bool is_number(DataType type) {
  return type == DataType::Integer || type == DataType::Float || type == DataType::Time;
}

std::optional<Range> bounds(const std::vector<double>& numbers, bool of_the_length) {
  if (numbers.size() != 2 || numbers[1] < numbers[0]) return std::nullopt;
  return Range{numbers[0], numbers[1], {}, of_the_length};
}

/// The value, or the length of it, that a range is about.
std::optional<double> measure(const Value& value, bool of_the_length) {
  if (of_the_length) {
    if (const auto* text = std::get_if<std::string>(&value)) return static_cast<double>(text->size());
    if (const auto* opaque = std::get_if<Opaque>(&value)) return static_cast<double>(opaque->bytes.size());
    return std::nullopt;
  }
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* time = std::get_if<Time>(&value)) return static_cast<double>(time->seconds);
  return std::nullopt;
}

}  // namespace

std::optional<Range> parse_range(std::string_view text, DataType type) {
  if (text.size() > kTextMax) return std::nullopt;
  const bool bracket = take(text, "[");
  std::string_view listed = text;
  auto numbers = take_list(text, take_dash);
  const bool of_the_length = take(text, "bytes") || take(text, "byte");
  const auto ends = [&](std::string_view& rest) {
    if (bracket && !take(rest, "]")) return false;
    skip_blanks(rest);
    return rest.empty();
  };
  if (!numbers.empty() && ends(text)) {
    if (of_the_length && type == DataType::Opaque && numbers.size() != 2) return Range{0, 0, numbers, true};
    if (of_the_length && (type == DataType::Opaque || type == DataType::String)) return bounds(numbers, true);
    if (!of_the_length && is_number(type)) return bounds(numbers, false);
    return std::nullopt;
  }
  numbers = take_list(listed, [](std::string_view& rest) { return take(rest, ","); });
  if (numbers.size() < 2 || !is_number(type) || !ends(listed)) return std::nullopt;
  return Range{0, 0, numbers, false};
}

Result<void> check_range(const ResourceDefinition& resource, const Value& value) {
  const auto range = parse_range(resource.range, resource.type);
  if (!range) return {};
  const auto size = measure(value, range->of_the_length);
  if (!size) return {};
  const bool within = range->list.empty()
                          ? *size >= range->least && *size <= range->most
                          : std::find(range->list.begin(), range->list.end(), *size) != range->list.end();
  if (within) return {};
  return tl::unexpected(Error{Fault::Peer, 0, resource.name + " is " + resource.range});
}

}  // namespace drover::lwm2m::model
