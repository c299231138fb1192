// SPDX-License-Identifier: Apache-2.0
// One line a fact, with named values, as text for people or as JSON for machines.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace drover::io::log {

enum class Level : std::uint8_t { Debug, Info, Warn, Error, Off };
const char* to_string(Level level);  ///< "debug", "info", "warn", "error", "off"
std::optional<Level> parse_level(std::string_view text);

enum class Form : std::uint8_t {
  Text,  ///< 2026-01-31T12:00:00.123Z info registered endpoint=urn:dev:os:1 lifetime=300
  Json,  ///< {"time":"2026-01-31T12:00:00.123Z","level":"info","message":"registered","endpoint":"...","lifetime":300}
};

/// Set once at start, before other threads. `fd` is borrowed; standard error unless told. Until then: Info, Text.
void configure(Level least, Form form, int fd = 2);
/// Thread-safe and cheap: guards the making of fields.
bool enabled(Level level);

/// A named value. Text from a peer is escaped, so that it can't forge a line; a Secret has no conversion to this.
class Field {
 public:
  Field(std::string_view key, std::string_view text) : key_(key), value_(text), quoted_(true) {}
  Field(std::string_view key, const char* text) : Field(key, std::string_view(text)) {}
  Field(std::string_view key, const std::string& text) : Field(key, std::string_view(text)) {}
  Field(std::string_view key, bool value) : key_(key), value_(value ? "true" : "false") {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Field(std::string_view key, T value) : key_(key), value_(std::to_string(value)) {}

  [[nodiscard]] std::string_view key() const { return key_; }
  [[nodiscard]] const std::string& value() const { return value_; }
  [[nodiscard]] bool quoted() const { return quoted_; }

 private:
  std::string_view key_;
  std::string value_;
  bool quoted_ = false;
};

/// Writes one line with one write(2) when the level is enabled; thread-safe. What the descriptor doesn't take is lost.
void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});
inline void debug(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::Debug, message, fields);
}
inline void info(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::Info, message, fields);
}
inline void warn(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::Warn, message, fields);
}
inline void error(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::Error, message, fields);
}

}  // namespace drover::io::log
