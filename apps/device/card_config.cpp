// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "apps/device/card.hpp"
#include "apps/device/card_keys.hpp"
#include "apps/device/security.hpp"

namespace drover::device {
namespace {

std::string in_folder(const std::string& folder, const std::string& name) {
  return (std::filesystem::path(folder) / name).string();
}

void read_secure_channel(Section section, const std::string& folder, std::vector<std::string>& key_files,
                         smartcard::ReaderSettings& reading) {
  reading.keys = read_channel_keys(section, folder, key_files);
  if (const auto quirk = section.truth("counts_data_only")) reading.secure_channel.counts_data_only = *quirk;
  section.finish();
}

Bytes read_octets(Section& section, std::string_view key, std::size_t least, std::size_t most, Bytes otherwise) {
  const auto text = section.filled_text(key);
  if (!text) return otherwise;
  auto octets = from_hex(*text);
  if (octets && octets->size() >= least && octets->size() <= most) return std::move(*octets);
  const std::string size = least == most ? std::to_string(least * 2) : std::to_string(least * 2) + " to " + std::to_string(most * 2);
  section.refuse(key, std::string(key) + " takes " + size + " hex digits");
}

constexpr std::size_t kAidMin = 5;  // ISO/IEC 7816-4 §8.2.1.2
constexpr std::size_t kAidMax = 16;

/// `messages = { ... }`; the secure channel is that of the card unless secure = false.
void read_messages(Section section, CardConfig& config) {
  smartcard::MessageSettings messages;
  messages.aid = read_octets(section, "aid", kAidMin, kAidMax, messages.aid);
  const Bytes get = read_octets(section, "get_data", 2, 2, {messages.get_data_p1, messages.get_data_p2});
  messages.get_data_p1 = get[0];
  messages.get_data_p2 = get[1];
  const Bytes store = read_octets(section, "store_data", 2, 2, {messages.store_data_p1, messages.store_data_p2});
  messages.store_data_p1 = store[0];
  messages.store_data_p2 = store[1];
  if (const auto tag = section.number("tag", 1, 254)) messages.coap_tag = static_cast<std::uint8_t>(*tag);
  if (section.truth("secure").value_or(true)) {
    messages.keys = config.reading.keys;
    messages.secure_channel = config.reading.secure_channel;
  }
  if (const auto poll = section.duration("poll")) config.poll = *poll;
  config.messages = std::move(messages);
  section.finish();
}

}  // namespace

void read_card(Section section, const std::string& folder, std::vector<std::string>& key_files, CardConfig& config) {
  config.line = section.line();
  const auto reader = section.text("reader");
  const auto modem = section.filled_text("modem");
  if (reader && modem) section.refuse("modem", "a card is in a reader or in a modem");
  if (!reader && !modem) section.refuse({}, "[card] needs reader = \"any\", the name of one, or modem = \"/dev/ttyUSB2\"");
  if (reader && *reader != "any") config.reader = *reader;
  if (modem) config.modem = *modem;
  constexpr std::int64_t kBaudMin = 300;
  constexpr std::int64_t kBaudMax = 4'000'000;
  if (const auto baud = section.number("baud", kBaudMin, kBaudMax)) config.serial.baud = static_cast<unsigned>(*baud);
  if (const auto flow = section.truth("flow_control")) config.serial.flow_control = *flow;
  const auto pin = [&](const char* key) -> Secret<std::string> {
    const auto file = section.filled_text(key);
    if (!file) return {};
    key_files.push_back(in_folder(folder, *file));
    return read_pin(section, key_files.back());
  };
  config.reading.pin = pin("pin_file");
  config.sim_pin = pin("sim_pin_file");
  config.reading.fallback_aid = read_octets(section, "aid", kAidMin, kAidMax, {});
  if (auto channel = section.table("secure_channel")) read_secure_channel(std::move(*channel), folder, key_files, config.reading);
  if (auto messages = section.table("messages")) read_messages(std::move(*messages), config);
  section.finish();
}

}  // namespace drover::device
