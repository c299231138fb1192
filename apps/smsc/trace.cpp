// SPDX-License-Identifier: Apache-2.0
#include "trace.hpp"

#include <nlohmann/json.hpp>

#include "base/reader.hpp"

namespace drover::smsc {

using Json = nlohmann::ordered_json;

namespace {

constexpr std::uint8_t kConcatenated8 = 0x00, kConcatenated16 = 0x08;  // 3GPP TS 23.040 §9.2.3.24

/// Reference, number and count of a concatenated message's segment; null for any other.
Json segment_of(const sms::tpdu::UserData& data) {
  if (!data.has_header || data.octets.empty()) return nullptr;
  const ByteView behind = ByteView(data.octets).subspan(1);
  ByteReader header(behind.first(std::min<std::size_t>(data.octets[0], behind.size())));
  while (const auto element = header.u8()) {
    const auto length = header.u8();
    const auto value = length ? header.bytes(*length) : std::nullopt;
    if (!value) break;
    const bool wide = *element == kConcatenated16;
    if (!wide && *element != kConcatenated8) continue;
    if (value->size() != (wide ? 4 : 3)) continue;
    ByteReader fields(*value);
    const auto reference = fields.uint(wide ? 2 : 1);
    const auto count = fields.u8(), number = fields.u8();
    return Json::array({*reference, *number, *count});
  }
  return nullptr;
}

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string ready_line(const Config& config, std::uint16_t port) {
  Json json{{"event", "ready"}, {"smpp", config.host + ":" + std::to_string(port)}, {"esmes", Json::array()},
            {"modems", Json::array()}};
  for (const Account& account : config.accounts) {
    json["esmes"].push_back({{"system_id", account.system_id}, {"number", account.number}});
  }
  for (const ModemConfig& modem : config.modems) {
    json["modems"].push_back({{"number", modem.settings.number}, {"device", modem.device}});
  }
  return text_of(json);
}

std::string event_line(const Event& event, Duration since, bool with_data) {
  const sms::tpdu::UserData& data = event.message.data;
  Json json{{"event", to_string(event.what)},
            {"time", static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count()) / 1000},
            {"id", event.id.value},
            {"from", event.message.from},
            {"to", event.message.to},
            {"pid", data.pid},
            {"dcs", data.dcs},
            {"header", data.has_header},
            {"octets", data.octets.size()}};
  if (Json segment = segment_of(data); !segment.is_null()) json["segment"] = std::move(segment);
  if (with_data) json["data"] = to_hex(data.octets);
  return text_of(json);
}

}  // namespace drover::smsc
