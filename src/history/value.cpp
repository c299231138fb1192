// SPDX-License-Identifier: Apache-2.0
#include "history/value.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace drover::history {

namespace {

constexpr std::pair<How, const char*> kHows[] = {
    {How::Notify, "notify"}, {How::Read, "read"}, {How::Write, "write"}, {How::Create, "create"}};

/// Takes a number and what stands behind it off the front.
bool take(std::string_view& text, char behind, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto used = static_cast<std::size_t>(end - text.data());
  if (error != std::errc{} || used == text.size() || text[used] != behind) return false;
  text.remove_prefix(used + 1);
  return true;
}

}  // namespace

std::string to_text(const Scalar& value) {
  struct Visitor {
    std::string operator()(const std::string& text) const { return text; }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const {
      std::array<char, 32> digits{};  // the shortest that gives the number again has 24 at most
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
      return {digits.data(), end};
    }
    std::string operator()(bool truth) const { return truth ? "true" : "false"; }
  };
  return std::visit(Visitor{}, value);
}

std::optional<double> number_of(const Scalar& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return std::nullopt;
}

const char* to_string(How how) {
  for (const auto& [known, text] : kHows) {
    if (known == how) return text;
  }
  return "";
}

std::optional<How> parse_how(const std::string& text) {
  for (const auto& [how, known] : kHows) {
    if (text == known) return how;
  }
  return std::nullopt;
}

std::string Position::to_string() const {
  return std::to_string(at) + "." + std::to_string(n) + "~" + path.to_string().substr(1) + "~" + endpoint;
}

std::optional<Position> Position::parse(std::string_view text) {
  Position position;
  if (!take(text, '.', position.at) || !take(text, '~', position.n)) return std::nullopt;
  const std::size_t end = text.find('~');
  if (end == std::string_view::npos) return std::nullopt;
  const auto path = lwm2m::Path::parse(text.substr(0, end));
  if (!path || path->depth() < 3) return std::nullopt;
  position.path = *path;
  position.endpoint = text.substr(end + 1);
  return position;
}

}  // namespace drover::history
