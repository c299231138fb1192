// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/data/path.hpp"

#include <array>
#include <cassert>
#include <charconv>

namespace drover::lwm2m {
namespace {

constexpr int kDepthMax = 4;
constexpr std::size_t kDigitsMax = 5;  // 65535

/// Takes one decimal id off the front of `text`; nothing when there is none or it has a leading zero or is too large.
std::optional<std::uint16_t> take_id(std::string_view& text) {
  std::uint32_t value = 0;
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    if (digits == kDigitsMax) return std::nullopt;
    value = value * 10 + static_cast<std::uint32_t>(text[digits] - '0');
    ++digits;
  }
  if (digits == 0 || value > 0xFFFF || (digits > 1 && text.front() == '0')) return std::nullopt;
  text.remove_prefix(digits);
  return static_cast<std::uint16_t>(value);
}

}  // namespace

Path Path::child(std::uint16_t id) const {
  assert(depth_ < kDepthMax);
  Path path = *this;
  path.ids_[path.depth_++] = id;
  return path;
}

Path Path::parent() const {
  return prefix(depth_ > 0 ? depth_ - 1 : 0);
}

Path Path::prefix(int depth) const {
  assert(depth >= 0 && depth <= depth_);
  Path path;
  path.depth_ = static_cast<std::uint8_t>(depth);
  for (int i = 0; i < depth; ++i) path.ids_[i] = ids_[i];
  return path;
}

bool Path::contains(const Path& other) const {
  if (depth_ > other.depth_) return false;
  for (int i = 0; i < depth_; ++i) {
    if (ids_[i] != other.ids_[i]) return false;
  }
  return true;
}

std::optional<Path> Path::parse(std::string_view text) {
  Path path;
  if (text.empty() || text == "/") return path;
  if (text.front() == '/') text.remove_prefix(1);
  for (;;) {
    if (path.depth_ == kDepthMax) return std::nullopt;
    const auto id = take_id(text);
    if (!id) return std::nullopt;
    path.ids_[path.depth_++] = *id;
    if (text.empty()) return path;
    if (text.front() != '/') return std::nullopt;
    text.remove_prefix(1);
  }
}

std::string Path::to_string() const {
  if (depth_ == 0) return "/";
  std::array<char, kDepthMax*(kDigitsMax + 1)> out;
  char* end = out.data();
  for (int i = 0; i < depth_; ++i) {
    *end++ = '/';
    end = std::to_chars(end, out.data() + out.size(), ids_[i]).ptr;
  }
  return {out.data(), end};
}

std::optional<Version> Version::parse(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 3 || !digit(text[0]) || text[1] != '.' || !digit(text[2])) return std::nullopt;
  return Version{static_cast<std::uint8_t>(text[0] - '0'), static_cast<std::uint8_t>(text[2] - '0')};
}

std::string Version::to_string() const {
  return std::to_string(major) + '.' + std::to_string(minor);
}

}  // namespace drover::lwm2m
