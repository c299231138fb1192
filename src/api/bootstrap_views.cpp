// SPDX-License-Identifier: Apache-2.0
#include "api/bootstrap_views.hpp"

#include <nlohmann/json.hpp>

#include "store/credential.hpp"

namespace drover::api {

namespace {

using bootstrap::SecurityMode;

Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

template <class T>
Json or_null(const std::optional<T>& number) {
  return number ? Json(*number) : Json(nullptr);
}

/// The first of certificates in a row: the device's own. All bytes when that can't be told.
ByteView first_certificate(ByteView der) {
  constexpr std::uint8_t kSequence = 0x30, kLongForm = 0x80;
  if (der.size() < 2 || der[0] != kSequence) return der;
  std::size_t size = der[1];
  std::size_t header = 2;
  if (size >= kLongForm) {
    const std::size_t digits = size - kLongForm;
    if (digits == 0 || digits > 4 || der.size() < header + digits) return der;
    size = 0;
    for (std::size_t i = 0; i < digits; ++i) size = size << 8 | der[header + i];
    header += digits;
  }
  return size > der.size() - header ? der : der.first(header + size);
}

/// As a credential of the store shows it.
Json identity_of(const bootstrap::Provisioned& account) {
  const ByteView bytes = account.public_identity;
  if (bytes.empty()) return nullptr;
  switch (account.mode) {
    case SecurityMode::Psk: return is_utf8(as_text(bytes)) ? std::string(as_text(bytes)) : "hex:" + to_hex(bytes);
    case SecurityMode::RawPublicKey: return store::fingerprint(bytes);
    case SecurityMode::Certificate: return store::fingerprint(first_certificate(bytes));
    case SecurityMode::NoSec: break;
  }
  return nullptr;
}

Json to_json(const std::vector<bootstrap::Provisioned>& accounts) {
  Json list = Json::array();
  for (const auto& account : accounts) {
    list.push_back({{"short_server_id", or_null(account.short_server_id)},
                    {"mode", to_string(account.mode)},
                    {"uri", account.uri},
                    {"identity", identity_of(account)},
                    {"generated", account.generated}});
  }
  return list;
}

/// A message of a session, into an object of its own or an event.
void add_message(Json& to, const bootstrap::TimelineEntry& entry) {
  to["at_ms"] = entry.at;
  to["from_device"] = entry.from_device;
  to["operation"] = entry.operation;
  to["path"] = entry.path.to_string();
  to["format"] = or_null(entry.format);
  to["payload_bytes"] = entry.payload_bytes;
  const bool answers = entry.code != coap::Code{};
  to["code"] = answers ? Json(entry.code.to_string()) : Json(nullptr);
  to["status"] = answers ? Json(entry.code.name()) : Json(nullptr);
  to["text"] = entry.text;
}

}  // namespace

Json to_json(const bootstrap::PlanView& view, bool whole) {
  const bootstrap::Plan& plan = *view.plan;
  Json servers = Json::array();
  bool replaces_bootstrap = false;
  for (const auto& account : plan.accounts) {
    if (account.short_server_id) servers.push_back(*account.short_server_id);
    replaces_bootstrap |= account.is_bootstrap();
  }
  Json json = {{"name", plan.name},
               {"endpoints", plan.endpoints},
               {"servers", std::move(servers)},
               {"bootstrap", replaces_bootstrap},
               {"steps", plan.steps.size()},
               {"keys", plan.rotate ? "rotate" : "keep"},
               {"changed_at", view.changed_at},
               {"warnings", plan.warnings}};
  if (whole) json["plan"] = Json::parse(plan.description, nullptr, false);
  return json;
}

Json to_json(const bootstrap::SessionView& view, bool whole) {
  Json json = {{"id", view.id.value},
               {"endpoint", view.endpoint},
               {"plan", view.plan},
               {"state", to_string(view.state)},
               {"reason", or_null(view.reason)},
               {"applied", to_string(view.applied)},
               {"address", view.address.to_string()},
               {"identity", view.identity.to_string()},
               {"server_initiated", view.server_initiated},
               {"began_at_ms", view.began},
               {"ended_at_ms", or_null(view.ended)},
               {"step", view.step},
               {"steps", view.steps},
               {"provisioned", to_json(view.provisioned)}};
  if (!whole) return json;
  Json timeline = Json::array();
  for (const auto& entry : view.timeline) {
    Json message = Json::object();
    add_message(message, entry);
    timeline.push_back(std::move(message));
  }
  json["timeline"] = std::move(timeline);
  json["omitted"] = view.omitted;
  return json;
}

Json to_json(const bootstrap::PlannedMessage& message) {
  return {{"operation", message.operation}, {"method", message.method},
          {"path", message.path},           {"format", or_null(message.format)},
          {"accept", or_null(message.accept)}, {"payload_hex", message.payload_hex},
          {"text", message.text},           {"optional", message.optional}};
}

void add_event(Json& to, const bootstrap::DeskEvent& event) {
  struct Adder {
    Json& to;
    void operator()(const bootstrap::KeysWanted&) const {}
    void operator()(const bootstrap::SessionStarted& started) const {
      to["session"] = started.session.value;
      to["plan"] = started.plan;
      to["address"] = started.address.to_string();
    }
    void operator()(const bootstrap::SessionProgress& progress) const {
      to["session"] = progress.session.value;
      to["step"] = progress.step;
      to["steps"] = progress.steps;
      add_message(to, progress.entry);
    }
    void operator()(const bootstrap::SessionEnded& ended) const {
      to["session"] = ended.session.value;
      to["state"] = to_string(ended.state);
      to["applied"] = to_string(ended.applied);
      if (!ended.reason.empty()) to["reason"] = ended.reason;
      to["provisioned"] = to_json(ended.provisioned);
    }
    void operator()(const bootstrap::Refused& refused) const {
      to["address"] = refused.address.to_string();
      to["reason"] = refused.reason;
    }
  };
  std::visit(Adder{to}, event.event);
}

}  // namespace drover::api
