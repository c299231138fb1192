// SPDX-License-Identifier: Apache-2.0
#include "io/log.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <ctime>

#include "base/bytes.hpp"

namespace drover::io::log {

namespace {

// A line is a few hundred bytes made by hand: the escaping is ours in any case, and what a logging library would add
// (sinks, rotation) is the supervisor's work.
std::atomic<Level> least_level{Level::Info};
std::atomic<Form> line_form{Form::Text};
std::atomic<int> descriptor{2};

std::string timestamp() {
  timespec at{};
  clock_gettime(CLOCK_REALTIME, &at);
  std::tm utc{};
  gmtime_r(&at.tv_sec, &utc);
  std::array<char, 64> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 24> milliseconds{};
  std::snprintf(milliseconds.data(), milliseconds.size(), ".%03ldZ", at.tv_nsec / 1'000'000);
  return std::string(text.data(), length) + milliseconds.data();
}

/// As the inside of a JSON string; bytes that aren't UTF-8 become U+FFFD as a whole value, since no part can be
/// trusted.
void append_escaped(std::string& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  if (!is_utf8(text)) {
    out += "\\ufffd";
    out += to_hex(as_bytes(text));
    return;
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00";
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 0x0F]);
    } else {
      out.push_back(c);
    }
  }
}

bool is_plain(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7F || c == '"' || c == '\\' || c == '=') return false;
  }
  return true;
}

std::string text_line(Level level, std::string_view message, std::initializer_list<Field> fields) {
  std::string line = timestamp();
  line.push_back(' ');
  line += to_string(level);
  line.push_back(' ');
  append_escaped(line, message);
  for (const Field& field : fields) {
    line.push_back(' ');
    line += field.key();
    line.push_back('=');
    if (!field.quoted() || is_plain(field.value())) {
      line += field.value();
    } else {
      line.push_back('"');
      append_escaped(line, field.value());
      line.push_back('"');
    }
  }
  line.push_back('\n');
  return line;
}

std::string json_line(Level level, std::string_view message, std::initializer_list<Field> fields) {
  std::string line = "{\"time\":\"" + timestamp() + "\",\"level\":\"" + to_string(level) + "\",\"message\":\"";
  append_escaped(line, message);
  line.push_back('"');
  for (const Field& field : fields) {
    line += ",\"";
    append_escaped(line, field.key());
    line += "\":";
    if (field.quoted()) {
      line.push_back('"');
      append_escaped(line, field.value());
      line.push_back('"');
    } else {
      line += field.value();
    }
  }
  line += "}\n";
  return line;
}

}  // namespace

const char* to_string(Level level) {
  switch (level) {
    case Level::Debug: return "debug";
    case Level::Info: return "info";
    case Level::Warn: return "warn";
    case Level::Error: return "error";
    case Level::Off: return "off";
  }
  return "?";
}

std::optional<Level> parse_level(std::string_view text) {
  for (const Level level : {Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Off}) {
    if (text == to_string(level)) return level;
  }
  return std::nullopt;
}

void configure(Level least, Form form, int fd) {
  least_level = least;
  line_form = form;
  descriptor = fd;
}

bool enabled(Level level) {
  return level != Level::Off && level >= least_level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (!enabled(level)) return;
  const std::string line =
      line_form == Form::Json ? json_line(level, message, fields) : text_line(level, message, fields);
  [[maybe_unused]] const ssize_t ignored = ::write(descriptor, line.data(), line.size());
}

}  // namespace drover::io::log
