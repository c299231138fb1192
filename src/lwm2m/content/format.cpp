// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/content/format.hpp"

#include <charconv>

namespace drover::lwm2m {
namespace {

struct Row {
  FormatNumber number;
  Format format;
};

/// The first row of a format is its registered number (Core §6.4); the drafts' provisional ones follow.
constexpr Row kRows[] = {
    {format::kText, Format::Text},    {format::kLink, Format::Link},      {format::kOpaque, Format::Opaque},
    {format::kTlv, Format::Tlv},      {format::kJson, Format::Json},      {format::kDraftText, Format::Text},
    {format::kDraftTlv, Format::Tlv}, {format::kDraftJson, Format::Json}, {format::kDraftOpaque, Format::Opaque},
};

}  // namespace

std::optional<Format> format_of(FormatNumber number) {
  for (const Row& row : kRows) {
    if (row.number == number) return row.format;
  }
  return std::nullopt;
}

const char* to_string(Format format) {
  switch (format) {
    case Format::Text: return "text";
    case Format::Link: return "link";
    case Format::Opaque: return "opaque";
    case Format::Tlv: return "tlv";
    case Format::Json: return "json";
  }
  return "";
}

std::optional<FormatNumber> parse_format(std::string_view text) {
  for (const Row& row : kRows) {
    if (text == to_string(row.format)) return row.number;
  }
  FormatNumber number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

}  // namespace drover::lwm2m
