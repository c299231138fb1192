// SPDX-License-Identifier: Apache-2.0
#include "coap/message/options.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <functional>

#include "base/reader.hpp"

namespace drover::coap {

namespace {

constexpr std::size_t kEntryHeader = 4;  // number and length in the buffer

enum class ValueKind : std::uint8_t { Empty, Opaque, Uint, String };

struct Definition {
  OptionNumber number;
  bool repeatable;
  ValueKind kind;
  std::uint16_t length_min;
  std::uint16_t length_max;
};

// RFC 7252 §5.10 Table 4, RFC 7641 §2, RFC 7959 §2.1 and §4; ascending.
constexpr std::array kDefinitions = {
    Definition{OptionNumber::IfMatch, true, ValueKind::Opaque, 0, 8},
    Definition{OptionNumber::UriHost, false, ValueKind::String, 1, 255},
    Definition{OptionNumber::ETag, true, ValueKind::Opaque, 1, 8},
    Definition{OptionNumber::IfNoneMatch, false, ValueKind::Empty, 0, 0},
    Definition{OptionNumber::Observe, false, ValueKind::Uint, 0, 3},
    Definition{OptionNumber::UriPort, false, ValueKind::Uint, 0, 2},
    Definition{OptionNumber::LocationPath, true, ValueKind::String, 0, 255},
    Definition{OptionNumber::UriPath, true, ValueKind::String, 0, 255},
    Definition{OptionNumber::ContentFormat, false, ValueKind::Uint, 0, 2},
    Definition{OptionNumber::MaxAge, false, ValueKind::Uint, 0, 4},
    Definition{OptionNumber::UriQuery, true, ValueKind::String, 0, 255},
    Definition{OptionNumber::Accept, false, ValueKind::Uint, 0, 2},
    Definition{OptionNumber::LocationQuery, true, ValueKind::String, 0, 255},
    Definition{OptionNumber::Block2, false, ValueKind::Uint, 0, 3},
    Definition{OptionNumber::Block1, false, ValueKind::Uint, 0, 3},
    Definition{OptionNumber::Size2, false, ValueKind::Uint, 0, 4},
    Definition{OptionNumber::ProxyUri, false, ValueKind::String, 1, 1034},
    Definition{OptionNumber::ProxyScheme, false, ValueKind::String, 1, 255},
    Definition{OptionNumber::Size1, false, ValueKind::Uint, 0, 4},
};
constexpr std::size_t kDefinedMax = static_cast<std::size_t>(OptionNumber::Size1);

/// Index into kDefinitions by option number, kDefinitions.size() for a number nobody defined.
constexpr auto kIndex = [] {
  std::array<std::uint8_t, kDefinedMax + 1> index{};
  index.fill(static_cast<std::uint8_t>(kDefinitions.size()));
  for (std::size_t i = 0; i < kDefinitions.size(); ++i) {
    index[static_cast<std::size_t>(kDefinitions[i].number)] = static_cast<std::uint8_t>(i);
  }
  return index;
}();

const Definition* definition_of(std::uint16_t number) {
  if (number > kDefinedMax || kIndex[number] == kDefinitions.size()) return nullptr;
  return &kDefinitions[kIndex[number]];
}

bool is_ascii(ByteView value) {
  return std::all_of(value.begin(), value.end(), [](std::uint8_t byte) { return byte < 0x80; });
}

/// Known, within its lengths, text where text belongs, and not repeated unless that is allowed.
bool is_good(const Options::View& option, bool repeated) {
  const Definition* definition = definition_of(option.number);
  if (definition == nullptr) return false;
  if (repeated && !definition->repeatable) return false;
  if (option.value.size() < definition->length_min || option.value.size() > definition->length_max) return false;
  if (definition->kind != ValueKind::String || is_ascii(option.value)) return true;
  return is_utf8(as_text(option.value));
}

std::uint16_t load(const std::uint8_t* at) {
  std::uint16_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// Writes an entry at `at`, where kEntryHeader + value.size() bytes are free.
void store(std::uint8_t* at, std::uint16_t number, ByteView value) {
  const auto length = static_cast<std::uint16_t>(value.size());
  std::memcpy(at, &number, sizeof number);
  std::memcpy(at + sizeof number, &length, sizeof length);
  if (!value.empty()) std::memcpy(at + kEntryHeader, value.data(), value.size());
}

/// True when `value` points into `buffer`, whose bytes are about to move.
bool is_within(ByteView value, const Bytes& buffer) {
  const std::less<const std::uint8_t*> before;
  return !value.empty() && !before(value.data(), buffer.data()) && before(value.data(), buffer.data() + buffer.size());
}

/// Calls `add` for each segment of "/a/b" or "a/b"; none for "" and "/" (RFC 7252 §6.4, steps 8 and 9).
template <class Add>
void split_path(std::string_view path, Add add) {
  if (!path.empty() && path.front() == '/') path.remove_prefix(1);
  if (path.empty()) return;
  for (;;) {
    const std::size_t slash = path.find('/');
    add(path.substr(0, slash));
    if (slash == std::string_view::npos) return;
    path.remove_prefix(slash + 1);
  }
}

std::string join_path(const Options& options, OptionNumber number) {
  std::string path;
  for (const Options::View option : options) {
    if (option.number != static_cast<std::uint16_t>(number)) continue;
    path += '/';
    path += as_text(option.value);
  }
  return path.empty() ? "/" : path;
}

/// Holds an unsigned integer in its shortest form (RFC 7252 §3.2): zero is no byte at all.
struct ShortUint {
  std::array<std::uint8_t, 8> bytes{};
  std::size_t size = 0;
  explicit ShortUint(std::uint64_t value) {
    for (std::uint64_t rest = value; rest != 0; rest >>= 8) ++size;
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (8 * (size - 1 - i)));
  }
  [[nodiscard]] ByteView view() const { return {bytes.data(), size}; }
};

}  // namespace

Options::View Options::Iterator::operator*() const {
  return {load(at_), ByteView(at_ + kEntryHeader, load(at_ + sizeof(std::uint16_t)))};
}

Options::Iterator& Options::Iterator::operator++() {
  at_ += kEntryHeader + load(at_ + sizeof(std::uint16_t));
  assert(at_ <= end_);
  return *this;
}

void Options::append(std::uint16_t number, ByteView value) {
  assert(value.size() <= kOptionValueMax);
  const std::size_t at = buffer_.size();
  buffer_.resize(at + kEntryHeader + value.size());
  store(buffer_.data() + at, number, value);
}

void Options::reserve(std::size_t count, std::size_t value_bytes) {
  buffer_.reserve(count * kEntryHeader + value_bytes);
}

void Options::add(std::uint16_t number, ByteView value) {
  assert(value.size() <= kOptionValueMax);
  if (is_within(value, buffer_)) {
    const Bytes copy(value.begin(), value.end());
    return add(number, copy);
  }
  std::size_t at = 0;
  while (at < buffer_.size() && load(buffer_.data() + at) <= number) {
    at += kEntryHeader + load(buffer_.data() + at + sizeof(std::uint16_t));
  }
  buffer_.insert(buffer_.begin() + static_cast<std::ptrdiff_t>(at), kEntryHeader + value.size(), 0);
  store(buffer_.data() + at, number, value);
}

void Options::add_uint(OptionNumber number, std::uint64_t value) {
  add(number, ShortUint(value).view());
}

void Options::remove(OptionNumber number) {
  const auto wanted = static_cast<std::uint16_t>(number);
  std::size_t from = 0;
  while (from < buffer_.size() && load(buffer_.data() + from) < wanted) {
    from += kEntryHeader + load(buffer_.data() + from + sizeof(std::uint16_t));
  }
  std::size_t to = from;
  while (to < buffer_.size() && load(buffer_.data() + to) == wanted) {
    to += kEntryHeader + load(buffer_.data() + to + sizeof(std::uint16_t));
  }
  buffer_.erase(buffer_.begin() + static_cast<std::ptrdiff_t>(from), buffer_.begin() + static_cast<std::ptrdiff_t>(to));
}

void Options::set(OptionNumber number, ByteView value) {
  const Bytes copy(value.begin(), value.end());  // may be a view into what remove() takes out
  remove(number);
  add(number, copy);
}

void Options::set_uint(OptionNumber number, std::uint64_t value) {
  remove(number);
  add_uint(number, value);
}

std::optional<ByteView> Options::first(OptionNumber number) const {
  const auto wanted = static_cast<std::uint16_t>(number);
  for (const View option : *this) {
    if (option.number == wanted) return option.value;
    if (option.number > wanted) break;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Options::uint(OptionNumber number) const {
  const auto value = first(number);
  if (!value) return std::nullopt;
  return ByteReader(*value).uint(value->size());
}

std::vector<std::string_view> Options::texts(OptionNumber number) const {
  std::vector<std::string_view> found;
  for (const View option : *this) {
    if (option.number == static_cast<std::uint16_t>(number)) found.push_back(as_text(option.value));
  }
  return found;
}

namespace {

template <class Unsigned>
std::optional<Unsigned> narrow(std::optional<std::uint64_t> value, std::uint64_t max) {
  if (!value || *value > max) return std::nullopt;
  return static_cast<Unsigned>(*value);
}

}  // namespace

std::optional<ContentFormat> Options::content_format() const {
  return narrow<ContentFormat>(uint(OptionNumber::ContentFormat), 0xFFFF);
}

std::optional<ContentFormat> Options::accept() const {
  return narrow<ContentFormat>(uint(OptionNumber::Accept), 0xFFFF);
}

std::optional<std::uint32_t> Options::observe() const {
  return narrow<std::uint32_t>(uint(OptionNumber::Observe), 0xFFFFFF);
}

std::optional<Block> Options::block1() const {
  const auto value = first(OptionNumber::Block1);
  return value ? Block::decode(*value) : std::nullopt;
}

std::optional<Block> Options::block2() const {
  const auto value = first(OptionNumber::Block2);
  return value ? Block::decode(*value) : std::nullopt;
}

void Options::set_block1(Block block) {
  set_uint(OptionNumber::Block1, block.encode());
}
void Options::set_block2(Block block) {
  set_uint(OptionNumber::Block2, block.encode());
}

void Options::add_uri_path(std::string_view path) {
  split_path(path, [this](std::string_view segment) { add(OptionNumber::UriPath, segment); });
}

void Options::add_location_path(std::string_view path) {
  split_path(path, [this](std::string_view segment) { add(OptionNumber::LocationPath, segment); });
}

std::string Options::uri_path() const {
  return join_path(*this, OptionNumber::UriPath);
}
std::string Options::location_path() const {
  return join_path(*this, OptionNumber::LocationPath);
}

std::optional<std::uint16_t> Options::bad_critical() const {
  std::optional<std::uint16_t> previous;
  for (const View option : *this) {
    if (is_critical(option.number) && !is_good(option, option.number == previous)) return option.number;
    previous = option.number;
  }
  return std::nullopt;
}

void Options::drop_bad_elective() {
  std::optional<std::uint16_t> kept;
  std::size_t out = 0;
  for (std::size_t in = 0; in < buffer_.size();) {
    const View option = *Iterator(buffer_.data() + in, buffer_.data() + buffer_.size());
    const std::size_t size = kEntryHeader + option.value.size();
    if (is_critical(option.number) || is_good(option, option.number == kept)) {
      kept = option.number;
      if (out != in) std::memmove(buffer_.data() + out, buffer_.data() + in, size);
      out += size;
    }
    in += size;
  }
  buffer_.resize(out);
}

}  // namespace drover::coap
