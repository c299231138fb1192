// SPDX-License-Identifier: Apache-2.0
#include "sms/gateway.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <deque>
#include <utility>
#include <vector>

#include "base/keyed_hash.hpp"
#include "base/reader.hpp"
#include "base/take_front.hpp"
#include "sms/gateway_notes.hpp"
#include "sms/gateway_packets.hpp"
#include "sms/reassembly.hpp"
#include "sms/user_data.hpp"

namespace drover::sms {
namespace {

using transport::Kind;
using transport::PeerAddress;

/// DTLS 1.2 records with AES-128-CCM-8: header, explicit nonce, tag (RFC 6347 §4.1, RFC 6655 §3).
constexpr std::size_t kRecordHeader = 13;
constexpr std::size_t kRecordOverhead = kRecordHeader + 8 + 8;
/// Where the length of a record's fragment stands, and the types whose header is of that form (RFC 6347 §4.1). Records
/// with a Connection ID aren't: only who made them knows how long it is.
constexpr std::size_t kRecordLengthAt = 11;
constexpr std::uint8_t kRecordTypeFirst = 20;
constexpr std::uint8_t kRecordTypeLast = 23;

/// What a short message's first octet tells: CoAP's version 1 (RFC 7252 §3), or a type of DTLS's records.
std::optional<Kind> kind_of(ByteView text) {
  if (text.empty()) return std::nullopt;
  if (text.front() >= 64 && text.front() <= 127) return Kind::Sms;
  if (text.front() >= 20 && text.front() <= 63) return Kind::SmsDtls;
  return std::nullopt;
}

bool is_allowed(const Peer& peer, Kind kind) {
  switch (kind) {
    case Kind::Sms: return peer.plain;
    case Kind::SmsDtls: return peer.dtls;
    case Kind::SmsPacket: return peer.packets.has_value();
    default: return false;
  }
}

/// The record at the front; all there is when it can't be told where it ends.
std::size_t record_size(ByteView records) {
  if (records.size() < kRecordHeader || records.front() < kRecordTypeFirst || records.front() > kRecordTypeLast)
    return records.size();
  const std::size_t fragment = *ByteReader(records.subspan(kRecordLengthAt)).u16();
  return std::min(records.size(), kRecordHeader + fragment);
}

/// Octets of plaintext in the secured packet that fits into so many short messages.
std::size_t packet_capacity(std::size_t segments, security::sps::Algorithm algorithm) {
  using namespace security;
  const std::size_t block = algorithm == sps::Algorithm::Aes ? cipher::kAesBlock : cipher::kTripleDesBlock;
  const std::size_t octets = room(segments, false, PacketType::Command);
  if (octets < sps::kCommandHeader + block) return 0;
  const std::size_t ciphered = (octets - sps::kCommandHeader) / block * block;
  std::size_t message = ciphered - sps::kCommandOverhead;
  while (message > 0 && message + sps::wrap_overhead(message) > ciphered - sps::kCommandOverhead) --message;
  return message;
}

}  // namespace

std::size_t capacity(Kind kind, std::size_t segments, bool ports, security::sps::Algorithm algorithm) {
  switch (kind) {
    case Kind::Sms: return room(segments, ports, PacketType::None);
    case Kind::SmsDtls: return segments == 0 ? 0 : room(1, ports, PacketType::None) - kRecordOverhead;
    case Kind::SmsPacket: return packet_capacity(segments, algorithm);
    default: return 0;
  }
}

struct Gateway::State {
  State(GatewaySettings given, const Peers& known, Rng& rng)
      : settings(std::move(given)),
        peers(known),
        hash(rng),
        reassembly({settings.reassembly_wait, settings.reassemblies_max, settings.reassemblies_max_per_peer,
                    std::clamp(settings.segments_max, kPartsTakenMax, kPartsMax)},
                   rng),
        packets(settings, known, counters, notes) {
    for (std::uint8_t& reference : references) reference = static_cast<std::uint8_t>(rng.next());
  }

  // ---- out
  void send(Instant now, const transport::Transmit& transmit);
  void send_records(Instant now, const std::string& msisdn, const std::optional<Ports>& ports, ByteView records);
  void submit(const std::string& msisdn, const std::optional<Ports>& ports, PacketType type, bool on_smartcard,
              ByteView message);
  void too_large(Instant now, const std::string& msisdn, std::size_t size);
  [[nodiscard]] std::optional<Ports> ports_to(const PeerAddress& to) const;
  void drain_packets();

  // ---- in
  void receive(Instant now, const ShortMessage& message);
  void receive_whole(Instant now, const std::string& msisdn, const Peer& peer, const UserDataHeader& header,
                     std::uint8_t dcs, ByteView text);
  void stranger(Instant now, const std::string& msisdn, const char* reason);
  void malformed(Instant now, const std::string& msisdn, const std::string& reason);
  void deliver(const std::string& msisdn, Kind kind, std::uint16_t port, Bytes bytes);

  void report(Instant now, const Report& report);

  /// Submissions whose peer is still known when a report about them comes.
  static constexpr std::size_t kSubmissionsRemembered = 1024;
  /// Peers share the counters of references, which are only 256 each.
  static constexpr std::size_t kReferences = 256;

  GatewaySettings settings;
  const Peers& peers;
  GatewayCounters counters;
  GatewayNotes notes;
  KeyedHash hash;
  std::array<std::uint8_t, kReferences> references{};
  Reassembly reassembly;
  GatewayPackets packets;
  std::deque<Submission> submissions;
  std::deque<transport::Transmit> datagrams;
  std::uint64_t next_submission = 1;
  std::deque<std::string> submitted;  ///< msisdn of the last submissions, the newest last
};

// ---- out

void Gateway::State::send(Instant now, const transport::Transmit& transmit) {
  const std::string msisdn = transmit.to.msisdn();
  const auto peer = msisdn.empty() ? std::nullopt : peers.find(msisdn);
  if (!peer || !is_allowed(*peer, transmit.to.kind) || transmit.bytes.empty()) {
    ++counters.unsent;
    notes.add(now, msisdn, "not sent: nobody known, or not in that way");
    return;
  }
  const auto ports = ports_to(transmit.to);
  if (transmit.to.kind == Kind::SmsDtls) {
    send_records(now, msisdn, ports, transmit.bytes);
    return;
  }
  const bool is_packet = transmit.to.kind == Kind::SmsPacket;
  const std::size_t most = capacity(transmit.to.kind, settings.segments_max, ports.has_value(),
                                    is_packet ? peer->packets->parameters.algorithm() : security::sps::Algorithm::Aes);
  if (transmit.bytes.size() > most) {
    too_large(now, msisdn, transmit.bytes.size());
  } else if (is_packet) {
    packets.send(now, msisdn, *peer->packets, transmit.bytes);
    drain_packets();
  } else {
    ++counters.messages_out;
    submit(msisdn, ports, PacketType::None, false, transmit.bytes);
  }
}

/// As many records in a short message as it takes: a flight comes in one Transmit (RFC 7925 appendix A).
void Gateway::State::send_records(Instant now, const std::string& msisdn, const std::optional<Ports>& ports,
                                  ByteView records) {
  const std::size_t most = room(1, ports.has_value(), PacketType::None);
  while (!records.empty()) {
    std::size_t size = record_size(records);
    if (size > most) {
      too_large(now, msisdn, size);
      records = records.subspan(size);
      continue;
    }
    ++counters.messages_out;
    while (size < records.size() && size + record_size(records.subspan(size)) <= most) {
      size += record_size(records.subspan(size));
      ++counters.messages_out;
    }
    submit(msisdn, ports, PacketType::None, false, records.first(size));
    records = records.subspan(size);
  }
}

void Gateway::State::submit(const std::string& msisdn, const std::optional<Ports>& ports, PacketType type,
                            bool on_smartcard, ByteView message) {
  std::uint8_t& reference = references[hash(msisdn) % kReferences];
  auto parts = split(message, ports, type, reference);
  if (parts.size() > 1) ++reference;
  const bool has_header = ports || type != PacketType::None || parts.size() > 1;
  for (Bytes& part : parts) {
    ShortMessage text{msisdn, on_smartcard ? kPidUsimDataDownload : kPidDefault,
                      on_smartcard ? kDcs8BitClass2 : kDcs8Bit, has_header, std::move(part)};
    submissions.push_back({SubmissionId{next_submission++}, std::move(text), settings.validity});
    ++counters.segments_out;
    submitted.push_back(msisdn);
    if (submitted.size() > kSubmissionsRemembered) submitted.pop_front();
  }
}

void Gateway::State::too_large(Instant now, const std::string& msisdn, std::size_t size) {
  ++counters.too_large;
  notes.add(now, msisdn, "not sent: " + std::to_string(size) + " octets are more than short messages may carry");
}

std::optional<Ports> Gateway::State::ports_to(const PeerAddress& to) const {
  if (settings.port == 0) return std::nullopt;
  return Ports{to.port != 0 ? to.port : settings.port, settings.port};
}

void Gateway::State::drain_packets() {
  while (const auto outgoing = packets.poll_outgoing()) {
    submit(outgoing->msisdn, std::nullopt, outgoing->type, outgoing->on_smartcard, outgoing->packet);
  }
  while (auto incoming = packets.poll_incoming()) {
    // Whoever lost this key while its counter was being saved isn't heard any more.
    const auto peer = peers.find(incoming->msisdn);
    if (peer && peer->packets && peer->packets->key == incoming->key) {
      deliver(incoming->msisdn, Kind::SmsPacket, 0, std::move(incoming->coap));
    } else {
      ++counters.strangers;
    }
  }
}

// ---- in

void Gateway::State::receive(Instant now, const ShortMessage& message) {
  ++counters.segments_in;
  const std::string& msisdn = message.msisdn;
  const auto peer = PeerAddress::sms(msisdn) ? peers.find(msisdn) : std::nullopt;
  if (!peer) return stranger(now, msisdn, "nobody known");
  if (message.user_data.size() > kUserDataMax) return malformed(now, msisdn, "longer than a short message can be");
  const auto data = parse_user_data(message.user_data, message.has_header);
  if (!data) return malformed(now, msisdn, data.error().reason);
  if (!data->header.concatenation) return receive_whole(now, msisdn, *peer, data->header, message.dcs, data->text);
  if (data->header.concatenation->count > std::clamp(settings.segments_max, kPartsTakenMax, kPartsMax)) {
    return malformed(now, msisdn, "a message of too many parts");
  }
  const auto whole = reassembly.add(now, msisdn, *data);
  if (whole) receive_whole(now, msisdn, *peer, whole->header, message.dcs, whole->text);
}

void Gateway::State::receive_whole(Instant now, const std::string& msisdn, const Peer& peer,
                                   const UserDataHeader& header, std::uint8_t dcs, ByteView text) {
  if (header.packet != PacketType::None) {
    if (!peer.packets) return stranger(now, msisdn, "a secured packet of somebody without keys");
    packets.receive(now, msisdn, *peer.packets, header.packet, text);
    return drain_packets();
  }
  const bool is_for_us =
      settings.port == 0 ? !header.ports : header.ports && header.ports->destination == settings.port;
  if (!is_for_us) return stranger(now, msisdn, "for another port");
  if (!is_8bit(dcs)) return malformed(now, msisdn, "a text, not octets");
  const auto kind = kind_of(text);
  if (!kind) return malformed(now, msisdn, "neither CoAP nor DTLS");
  if (!is_allowed(peer, *kind)) return stranger(now, msisdn, "not protected as agreed with this number");
  const bool is_same_port = !header.ports || header.ports->source == settings.port;
  deliver(msisdn, *kind, is_same_port ? std::uint16_t{0} : header.ports->source, Bytes(text.begin(), text.end()));
}

void Gateway::State::stranger(Instant now, const std::string& msisdn, const char* reason) {
  ++counters.strangers;
  notes.add(now, msisdn, std::string("ignored: ") + reason);
}

void Gateway::State::malformed(Instant now, const std::string& msisdn, const std::string& reason) {
  ++counters.malformed;
  notes.add(now, msisdn, "dropped: " + reason);
}

void Gateway::State::deliver(const std::string& msisdn, Kind kind, std::uint16_t port, Bytes bytes) {
  auto from = PeerAddress::sms(msisdn);
  assert(from);
  from->port = port;
  ++counters.messages_in;
  datagrams.push_back({from->as(kind), std::move(bytes)});
}

void Gateway::State::report(Instant now, const Report& report) {
  if (report.what != Report::What::Failed && report.what != Report::What::Lost) return;
  const std::uint64_t first = next_submission - submitted.size();
  const std::uint64_t number = report.id.value;
  const bool is_known = number >= first && number < next_submission;
  notes.add(now, is_known ? submitted[number - first] : std::string(),
            std::string(report.what == Report::What::Failed ? "a short message wasn't sent: "
                                                            : "a short message was lost: ") +
                report.reason);
}

// ---- Gateway

Gateway::Gateway(GatewaySettings settings, const Peers& peers, Rng& rng)
    : state_(std::make_unique<State>(std::move(settings), peers, rng)) {}
Gateway::~Gateway() = default;

void Gateway::send(Instant now, const transport::Transmit& transmit) {
  state_->send(now, transmit);
}

void Gateway::handle_delivery(Instant now, const ShortMessage& message) {
  state_->receive(now, message);
}

void Gateway::handle_report(Instant now, const Report& report) {
  state_->report(now, report);
}

void Gateway::saved(Instant /*now*/, std::uint64_t key) {
  state_->packets.saved(key);
  state_->drain_packets();
}

std::optional<Submission> Gateway::poll_submission() {
  return take_front(state_->submissions);
}

std::optional<transport::Transmit> Gateway::poll_datagram() {
  return take_front(state_->datagrams);
}

std::optional<SaveCounters> Gateway::poll_save() {
  return state_->packets.poll_save();
}

std::optional<GatewayNote> Gateway::poll_note() {
  return state_->notes.poll();
}

void Gateway::handle_timeout(Instant now) {
  state_->reassembly.handle_timeout(now);
}

std::optional<Deadline> Gateway::deadline() const {
  const auto at = state_->reassembly.deadline();
  if (!at) return std::nullopt;
  return Deadline{*at, Reason::Forget};
}

const GatewayCounters& Gateway::counters() const {
  state_->counters.reassembly_timeouts = state_->reassembly.given_up();
  return state_->counters;
}

}  // namespace drover::sms
