// SPDX-License-Identifier: Apache-2.0
#include "api/sms_body.hpp"

#include <nlohmann/json.hpp>

#include "io/log.hpp"
#include "store/key_text.hpp"

namespace drover::api {

namespace {

/// Octets of /0/x/7; empty, and noted, for what is none.
Bytes read_parameters(Members& members) {
  const auto text = members.text("parameters");
  if (!text) return {};
  auto octets = from_hex(*text);
  if (octets && !octets->empty()) return std::move(*octets);
  members.note("parameters", "must be 14 hexadecimal digits: KIc, KID, SPI and TAR");
  return {};
}

/// `keys` or `generate`.
Secret<Bytes> read_keys(Members& members, const store::NewSmsAccount& account, bool& is_generated) {
  const auto text = members.text("keys");
  is_generated = members.truth("generate").value_or(false);
  if (text && is_generated) members.note("generate", "doesn't go with keys");
  if (is_generated && !store::has_packets(account.protection)) {
    members.note("generate", "goes with the protections packets and smartcard");
  }
  if (!text && !is_generated && store::has_packets(account.protection)) {
    members.note("keys", "or generate is needed: secured packets have keys");
  }
  if (text) {
    auto bytes = store::parse_key(*text);
    if (bytes && !bytes->empty()) return Secret<Bytes>(std::move(*bytes));
    members.note("keys", "must be hexadecimal digits, or base64: and Base64");
  }
  if (!is_generated || members.problem()) return {};
  auto made = store::random_sms_keys(account.parameters);
  if (made) return std::move(*made);
  members.note("generate", "can't be done: the system gives no random bytes");
  return {};
}

}  // namespace

tl::expected<Asked<store::NewSmsAccount>, Problem> new_number_body(const http::Request& request) {
  auto members = Members::parse(
      request, {"number", "endpoint", "protection", "parameters", "keys", "generate", "label", "enabled"});
  if (!members) return tl::unexpected(members.error());
  Asked<store::NewSmsAccount> asked;
  store::NewSmsAccount& account = asked.value;
  account.msisdn = members->text("number").value_or("");
  account.endpoint = members->text("endpoint").value_or("");
  const auto protection = store::parse_sms_protection(members->text("protection").value_or("packets"));
  if (!protection) members->note("protection", "must be packets, smartcard, dtls or none");
  account.protection = protection.value_or(store::SmsProtection::Packets);
  account.parameters = read_parameters(*members);
  bool is_generated = false;
  account.keys = read_keys(*members, account, is_generated);
  account.label = members->text("label").value_or("");
  account.enabled = members->truth("enabled").value_or(true);
  if (members->problem()) return tl::unexpected(*members->problem());
  if (is_generated) asked.generated = account.keys;
  return asked;
}

tl::expected<store::SmsAccountChange, Problem> number_change_body(const http::Request& request) {
  auto members = Members::parse(request, {"label", "enabled"});
  if (!members) return tl::unexpected(members.error());
  store::SmsAccountChange change;
  change.label = members->text("label");
  change.enabled = members->truth("enabled");
  if (members->problem()) return tl::unexpected(*members->problem());
  return change;
}

Json to_json(const SmsView& view) {
  const sms::CarrierCounters& carried = view.carried;
  const sms::GatewayCounters& gateway = view.gateway;
  return {{"carrier", view.carrier},
          {"number", view.msisdn},
          {"ready", view.ready},
          {"state", view.state},
          {"carried",
           {{"sent", carried.sent},
            {"received", carried.received},
            {"failed", carried.failed},
            {"retried", carried.retried},
            {"malformed", carried.malformed},
            {"foreign", carried.foreign},
            {"restarts", carried.restarts}}},
          {"gateway",
           {{"messages_in", gateway.messages_in},
            {"messages_out", gateway.messages_out},
            {"segments_in", gateway.segments_in},
            {"segments_out", gateway.segments_out},
            {"strangers", gateway.strangers},
            {"unprotected", gateway.unprotected},
            {"replayed", gateway.replayed},
            {"reflected", gateway.reflected},
            {"malformed", gateway.malformed},
            {"reassembly_timeouts", gateway.reassembly_timeouts},
            {"too_large", gateway.too_large},
            {"unsent", gateway.unsent},
            {"unsaved", gateway.unsaved},
            {"receipts", gateway.receipts}}}};
}

Json to_json(const store::SmsAccount& account, const store::SmsCounters& counters) {
  const bool packets = store::has_packets(account.protection);
  return {{"id", account.id.value},
          {"number", account.msisdn},
          {"endpoint", account.endpoint},
          {"protection", store::to_string(account.protection)},
          {"parameters", packets ? Json(to_hex(account.parameters.octets())) : Json(nullptr)},
          {"label", account.label},
          {"enabled", account.enabled},
          {"created_at", account.created_at},
          {"counters", packets ? Json{{"reserved", counters.reserved}, {"received", counters.received}} : Json(nullptr)}};
}

Problem number_problem(const store::Refusal& refusal) {
  using Why = store::Refusal::Why;
  switch (refusal.why) {
    case Why::Invalid: return bad_value(refusal.field == "msisdn" ? "number" : refusal.field, refusal.reason);
    case Why::Conflict:
    case Why::Full: return {.status = 409, .kind = "conflict", .detail = refusal.reason};
    case Why::NotFound: return {.status = 404, .kind = "not-found", .detail = refusal.reason};
    case Why::Disk: break;
  }
  io::log::error("SMS numbers can't be stored", {{"why", refusal.reason}});
  return {.status = 503, .kind = "unavailable", .detail = "the server can't store its SMS numbers; its log says why"};
}

}  // namespace drover::api
