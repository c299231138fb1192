// SPDX-License-Identifier: Apache-2.0
// CoAP messages as lines that read like the figures of the RFCs, to bytes and back. It has its own codec on purpose:
// a mistake in ours can't hide behind itself.
//
//   CON 7d34 GET t=4a obs=0 /temperature ?q=1 2:0/0/64 1:0/1/128 size1=.. size2=.. etag=hex ct=.. accept=.. maxage=..
//   opt9=hex 'payload' [128@256]
//
// [128@256] is 128 bytes of test_body() from offset 256.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"

namespace drover::testing {

inline Bytes test_body(std::size_t size, std::size_t offset = 0) {
  Bytes body(size);
  for (std::size_t i = 0; i < size; ++i)
    body[i] = static_cast<std::uint8_t>((i + offset) * 31 + ((i + offset) >> 8) * 7);
  return body;
}

inline Bytes from_hex(const std::string& text) {
  return drover::from_hex(text).value();
}

namespace wire {

using Option = std::pair<unsigned, Bytes>;

inline const std::map<std::string, unsigned>& numbers() {
  static const std::map<std::string, unsigned> names = {{"obs", 6},     {"ct", 12},    {"maxage", 14}, {"accept", 17},
                                                        {"size2", 28},  {"size1", 60}, {"etag", 4},    {"loc", 8},
                                                        {"ifmatch", 1}, {"host", 3},   {"port", 7}};
  return names;
}
inline const std::vector<std::string>& methods() {
  static const std::vector<std::string> names = {"EMPTY", "GET", "POST", "PUT", "DELETE", "FETCH"};
  return names;
}

inline Bytes shortest(unsigned long value) {
  Bytes bytes;
  while (value != 0) {
    bytes.insert(bytes.begin(), static_cast<std::uint8_t>(value & 0xFF));
    value >>= 8;
  }
  return bytes;
}

inline unsigned exponent(unsigned long size) {
  unsigned szx = 0;
  while (size > 16) {
    size /= 2;
    ++szx;
  }
  return szx;
}

inline Bytes block_value(const std::string& text) {
  unsigned long num = 0, more = 0, size = 0;
  char slash = 0;
  std::istringstream in(text);
  in >> num >> slash >> more >> slash >> size;
  return shortest(num << 4 | more << 3 | (size == 2048 ? 7 : exponent(size)));
}

inline void add_options(const std::string& word, std::vector<Option>& options) {
  if (word[0] == '/') {
    std::istringstream path(word.substr(1));
    for (std::string segment; std::getline(path, segment, '/');) options.emplace_back(11, to_bytes(segment));
  } else if (word[0] == '?') {
    options.emplace_back(15, to_bytes(word.substr(1)));
  } else if (word.starts_with("1:") || word.starts_with("2:")) {
    options.emplace_back(word[0] == '1' ? 27 : 23, block_value(word.substr(2)));
  } else {
    const std::size_t equals = word.find('=');
    assert(equals != std::string::npos);
    const std::string name = word.substr(0, equals), value = word.substr(equals + 1);
    if (name.starts_with("opt")) {
      options.emplace_back(std::stoul(name.substr(3)), from_hex(value));
    } else if (name == "etag" || name == "ifmatch") {
      options.emplace_back(numbers().at(name), from_hex(value));
    } else if (name == "loc" || name == "host") {
      options.emplace_back(numbers().at(name), to_bytes(value));
    } else {
      options.emplace_back(numbers().at(name), shortest(std::stoul(value)));
    }
  }
}

inline void put_nibble(unsigned value, std::uint8_t& nibble, Bytes& extended) {
  if (value < 13) {
    nibble = static_cast<std::uint8_t>(value);
  } else if (value < 269) {
    nibble = 13;
    extended.push_back(static_cast<std::uint8_t>(value - 13));
  } else {
    nibble = 14;
    extended.push_back(static_cast<std::uint8_t>((value - 269) >> 8));
    extended.push_back(static_cast<std::uint8_t>(value - 269));
  }
}

inline std::uint8_t code_of(const std::string& word) {
  for (std::size_t i = 0; i < methods().size(); ++i) {
    if (methods()[i] == word) return static_cast<std::uint8_t>(i);
  }
  return static_cast<std::uint8_t>(std::stoul(word.substr(0, 1)) << 5 | std::stoul(word.substr(2)));
}

inline Bytes write(const std::string& line) {
  std::istringstream words(line);
  std::string type, id, code, word;
  words >> type >> id >> code;
  Bytes token, payload;
  std::vector<Option> options;
  while (words >> word) {
    if (word.starts_with("t=")) {
      token = from_hex(word.substr(2));
    } else if (word[0] == '\'') {
      std::string rest;
      std::getline(words, rest);
      word += rest;
      payload = to_bytes(word.substr(1, word.size() - 2));
    } else if (word[0] == '[') {
      payload = test_body(std::stoul(word.substr(1)), std::stoul(word.substr(word.find('@') + 1)));
    } else {
      add_options(word, options);
    }
  }
  std::stable_sort(options.begin(), options.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const unsigned t = type == "CON" ? 0 : type == "NON" ? 1 : type == "ACK" ? 2 : 3;
  Bytes out = {static_cast<std::uint8_t>(0x40 | t << 4 | token.size()), code_of(code)};
  const Bytes mid = from_hex(id);
  out.insert(out.end(), mid.begin(), mid.end());
  out.insert(out.end(), token.begin(), token.end());
  unsigned last = 0;
  for (const auto& [number, value] : options) {
    std::uint8_t delta = 0, length = 0;
    Bytes extended;
    put_nibble(number - last, delta, extended);
    put_nibble(static_cast<unsigned>(value.size()), length, extended);
    out.push_back(static_cast<std::uint8_t>(delta << 4 | length));
    out.insert(out.end(), extended.begin(), extended.end());
    out.insert(out.end(), value.begin(), value.end());
    last = number;
  }
  if (!payload.empty()) out.push_back(0xFF);
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

inline unsigned take_nibble(unsigned nibble, const Bytes& in, std::size_t& at) {
  if (nibble == 13) return 13 + in.at(at++);
  if (nibble == 14) {
    const unsigned value = 269 + (static_cast<unsigned>(in.at(at)) << 8 | in.at(at + 1));
    at += 2;
    return value;
  }
  return nibble;
}

inline std::string option_text(unsigned number, const Bytes& value) {
  unsigned long plain = 0;
  for (const std::uint8_t byte : value) plain = plain << 8 | byte;
  if (number == 11) return "/" + std::string(as_text(value));
  if (number == 15) return "?" + std::string(as_text(value));
  if (number == 23 || number == 27) {
    return (number == 23 ? "2:" : "1:") + std::to_string(plain >> 4) + "/" + std::to_string(plain >> 3 & 1) + "/" +
           std::to_string(16UL << (plain & 7));
  }
  for (const auto& [name, known] : numbers()) {
    if (known != number) continue;
    if (name == "etag" || name == "ifmatch") return name + "=" + to_hex(value);
    if (name == "loc" || name == "host") return name + "=" + std::string(as_text(value));
    return name + "=" + std::to_string(plain);
  }
  return "opt" + std::to_string(number) + "=" + to_hex(value);
}

/// A payload longer than this is shown as [length].
inline constexpr std::size_t kTextMax = 48;

/// The words of a message; throws std::out_of_range when it isn't well-formed.
inline std::vector<std::string> read(const Bytes& in) {
  static const char* const kTypes[] = {"CON", "NON", "ACK", "RST"};
  const Bytes mid = {in.at(2), in.at(3)};
  const unsigned code = in.at(1);
  std::vector<std::string> words = {kTypes[in.at(0) >> 4 & 3], to_hex(mid)};
  words.push_back(code < methods().size()
                      ? methods()[code]
                      : std::to_string(code >> 5) + "." + (code % 32 < 10 ? "0" : "") + std::to_string(code % 32));
  std::size_t at = 4;
  const auto take = [&](std::size_t count) {
    Bytes taken;
    for (std::size_t i = 0; i < count; ++i) taken.push_back(in.at(at++));
    return taken;
  };
  if (const unsigned length = in.at(0) & 15; length != 0) words.push_back("t=" + to_hex(take(length)));
  unsigned number = 0;
  while (at < in.size() && in[at] != 0xFF) {
    const unsigned head = in[at++];
    number += take_nibble(head >> 4, in, at);
    const unsigned length = take_nibble(head & 15, in, at);
    const bool continues_path = number == 11 && !words.empty() && words.back()[0] == '/';
    const std::string text = option_text(number, take(length));
    if (continues_path) {
      words.back() += text;
    } else {
      words.push_back(text);
    }
  }
  if (at < in.size()) {
    const Bytes payload(in.begin() + static_cast<std::ptrdiff_t>(at) + 1, in.end());
    words.push_back(payload.size() > kTextMax ? "[" + std::to_string(payload.size()) + "]"
                                              : "'" + std::string(as_text(payload)) + "'");
  }
  return words;
}

}  // namespace wire
}  // namespace drover::testing
