// SPDX-License-Identifier: Apache-2.0
#include "transport/datagram.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <system_error>

namespace drover::transport {

namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr std::string_view kSmsScheme = "sms:";
constexpr std::string_view kAssociationPrefix = "association-";
constexpr std::string_view kSmsAssociationPrefix = "sms-association-";
constexpr std::uint32_t kOverSms = 1;  ///< in the scope of an association

/// Decimal without sign, blanks or leading zeros.
template <class Unsigned>
std::optional<Unsigned> parse_decimal(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  Unsigned value{};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return value;
}

using Groups = std::array<std::uint16_t, 8>;

/// "192.0.2.1"
std::optional<std::uint32_t> parse_v4_host(std::string_view text) {
  std::uint32_t address = 0;
  for (int octets = 1; octets <= 4; ++octets) {
    const std::size_t dot = octets < 4 ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return std::nullopt;
    const auto octet = parse_decimal<std::uint8_t>(text.substr(0, dot));
    if (!octet) return std::nullopt;
    address = address << 8 | *octet;
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return address;
}

std::optional<std::uint16_t> parse_group(std::string_view text) {
  constexpr std::size_t kDigitsMax = 4;
  std::uint16_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, 16);
  if (text.size() > kDigitsMax || error != std::errc{} || rest != end) return std::nullopt;
  return value;
}

/// The forms of RFC 4291 §2.2: groups, one "::" for at least one group of zeros, the last 32 bits as IPv4.
std::optional<Groups> parse_v6_host(std::string_view text) {
  Groups groups{};
  std::size_t count = 0;
  std::optional<std::size_t> gap;
  if (text.substr(0, 2) == "::") {
    gap = 0;
    text.remove_prefix(2);
  } else if (text.empty()) {
    return std::nullopt;
  }
  while (!text.empty()) {
    if (count == groups.size()) return std::nullopt;
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos && text.find('.') != std::string_view::npos) {
      const auto address = parse_v4_host(text);
      if (!address || count + 2 > groups.size()) return std::nullopt;
      groups[count++] = static_cast<std::uint16_t>(*address >> 16);
      groups[count++] = static_cast<std::uint16_t>(*address);
      break;
    }
    const auto group = parse_group(text.substr(0, colon));
    if (!group) return std::nullopt;
    groups[count++] = *group;
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
    if (text.empty()) return std::nullopt;
    if (text.front() == ':') {
      if (gap) return std::nullopt;
      gap = count;
      text.remove_prefix(1);
    }
  }
  if (gap ? count == groups.size() : count != groups.size()) return std::nullopt;
  if (!gap) return groups;
  Groups spread{};
  const auto behind_gap = groups.begin() + static_cast<std::ptrdiff_t>(*gap);
  std::copy(groups.begin(), behind_gap, spread.begin());
  std::copy_backward(behind_gap, groups.begin() + static_cast<std::ptrdiff_t>(count), spread.end());
  return spread;
}

/// RFC 5952: lower case, no leading zeros, "::" for the first longest run of two or more zero groups.
std::string format_v6_host(const Groups& groups) {
  std::size_t best = 0;
  std::size_t best_length = 1;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    std::size_t length = 0;
    while (i + length < groups.size() && groups[i + length] == 0) ++length;
    if (length > best_length) {
      best = i;
      best_length = length;
    }
  }
  std::string text;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (best_length > 1 && i == best) {
      text += "::";
      i += best_length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    char digits[4];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, groups[i], 16);
    text.append(digits, end);
  }
  return text;
}

/// "4917012345" or "4917012345:5683"
std::optional<PeerAddress> parse_sms(std::string_view text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  auto address = PeerAddress::sms(text.substr(0, colon));
  if (!address || colon == text.size()) return address;
  const auto port = parse_decimal<std::uint16_t>(text.substr(colon + 1));
  if (!port || *port == 0) return std::nullopt;
  address->port = *port;
  return address;
}

std::optional<PeerAddress> parse_association(std::string_view number, bool over_sms) {
  const auto handle = parse_decimal<std::uint64_t>(number);
  if (!handle) return std::nullopt;
  return PeerAddress::association(*handle, over_sms);
}

/// "2001:db8::1" or "fe80::1%2"
std::optional<PeerAddress> parse_v6(std::string_view text) {
  PeerAddress address;
  const std::size_t percent = text.find('%');
  if (percent != std::string_view::npos) {
    const auto scope = parse_decimal<std::uint32_t>(text.substr(percent + 1));
    if (!scope || *scope == 0) return std::nullopt;
    address.scope = *scope;
    text = text.substr(0, percent);
  }
  const auto groups = parse_v6_host(text);
  if (!groups) return std::nullopt;
  for (std::size_t i = 0; i < groups->size(); ++i) {
    address.host[2 * i] = static_cast<std::uint8_t>((*groups)[i] >> 8);
    address.host[2 * i + 1] = static_cast<std::uint8_t>((*groups)[i]);
  }
  if (address.is_v4() && address.scope != 0) return std::nullopt;
  return address;
}

std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 32)) * 0xD6E8FEB86659FD93ULL;
  value = (value ^ (value >> 32)) * 0xD6E8FEB86659FD93ULL;
  return value ^ (value >> 32);
}

}  // namespace

PeerAddress PeerAddress::v4(std::uint32_t address, std::uint16_t port) {
  PeerAddress peer;
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), peer.host.begin());
  for (std::size_t i = 0; i < 4; ++i) peer.host[12 + i] = static_cast<std::uint8_t>(address >> (24 - 8 * i));
  peer.port = port;
  return peer;
}

PeerAddress PeerAddress::association(std::uint64_t handle, bool over_sms) {
  PeerAddress peer;
  peer.kind = Kind::Association;
  if (over_sms) peer.scope = kOverSms;
  for (std::size_t i = 0; i < 8; ++i) peer.host[i] = static_cast<std::uint8_t>(handle >> (56 - 8 * i));
  return peer;
}

std::optional<PeerAddress> PeerAddress::sms(std::string_view msisdn) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (msisdn.empty() || msisdn.size() > kMsisdnDigitsMax) return std::nullopt;
  if (!std::all_of(msisdn.begin(), msisdn.end(), is_digit)) return std::nullopt;
  PeerAddress peer;
  peer.kind = Kind::Sms;
  std::copy(msisdn.begin(), msisdn.end(), peer.host.begin());
  return peer;
}

bool PeerAddress::is_sms() const {
  switch (kind) {
    case Kind::Udp:
    case Kind::Dtls: return false;
    case Kind::Sms:
    case Kind::SmsDtls:
    case Kind::SmsPacket: return true;
    case Kind::Association: return scope == kOverSms;
  }
  return false;
}

std::string PeerAddress::msisdn() const {
  if (!is_sms() || kind == Kind::Association) return {};
  return {host.begin(), std::find(host.begin(), host.end(), std::uint8_t{0})};
}

bool PeerAddress::is_v4() const {
  return (kind == Kind::Udp || kind == Kind::Dtls) &&
         std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), host.begin());
}

PeerAddress PeerAddress::as(Kind other) const {
  PeerAddress same = *this;
  same.kind = other;
  return same;
}

std::uint64_t PeerAddress::handle() const {
  if (kind != Kind::Association) return 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | host[i];
  return value;
}

std::string PeerAddress::to_string() const {
  if (kind == Kind::Association) {
    return std::string(is_sms() ? kSmsAssociationPrefix : kAssociationPrefix) + std::to_string(handle());
  }
  if (is_sms()) return std::string(kSmsScheme) + msisdn() + (port == 0 ? std::string() : ':' + std::to_string(port));
  if (is_v4()) {
    std::string text;
    for (std::size_t i = kMappedPrefix.size(); i < host.size(); ++i) {
      text += std::to_string(host[i]) + (i + 1 < host.size() ? '.' : ':');
    }
    return text + std::to_string(port);
  }
  Groups groups{};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i] = static_cast<std::uint16_t>(host[2 * i] << 8 | host[2 * i + 1]);
  }
  const std::string zone = scope == 0 ? std::string() : '%' + std::to_string(scope);
  return '[' + format_v6_host(groups) + zone + "]:" + std::to_string(port);
}

std::optional<PeerAddress> PeerAddress::parse(std::string_view text) {
  if (text.substr(0, kSmsScheme.size()) == kSmsScheme) return parse_sms(text.substr(kSmsScheme.size()));
  if (text.substr(0, kSmsAssociationPrefix.size()) == kSmsAssociationPrefix) {
    return parse_association(text.substr(kSmsAssociationPrefix.size()), true);
  }
  if (text.substr(0, kAssociationPrefix.size()) == kAssociationPrefix) {
    return parse_association(text.substr(kAssociationPrefix.size()), false);
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_decimal<std::uint16_t>(text.substr(colon + 1));
  if (!port) return std::nullopt;
  std::string_view host_text = text.substr(0, colon);

  if (host_text.size() >= 2 && host_text.front() == '[' && host_text.back() == ']') {
    auto address = parse_v6(host_text.substr(1, host_text.size() - 2));
    if (address) address->port = *port;
    return address;
  }
  const auto address = parse_v4_host(host_text);
  if (!address) return std::nullopt;
  return v4(*address, *port);
}

std::size_t PeerAddress::hash() const {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, host.data(), sizeof high);
  std::memcpy(&low, host.data() + sizeof high, sizeof low);
  const std::uint64_t rest = std::uint64_t{scope} << 32 | std::uint64_t{port} << 8 | static_cast<std::uint64_t>(kind);
  return mix(mix(mix(high) ^ low) ^ rest);
}

}  // namespace drover::transport
