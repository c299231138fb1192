// SPDX-License-Identifier: Apache-2.0
// What a card says to a client (Core §5.2.3.2): several contents one behind the other. A configuration is the card's as a
// whole, or there is none of it; and it goes as a whole.
#include <cstdlib>

#include "client/client.hpp"
#include "fuzz/shipped_objects.hpp"

namespace {

using namespace drover;

/// Contents of the form of EF LwM2M_Bootstrap, each behind two octets with its length.
std::vector<Bytes> contents_of(ByteView input) {
  std::vector<Bytes> contents;
  while (input.size() >= 2 && contents.size() < 4) {
    const std::size_t size = std::min<std::size_t>(std::size_t{input[0]} << 8 | input[1], input.size() - 2);
    contents.emplace_back(input.begin() + 2, input.begin() + 2 + static_cast<std::ptrdiff_t>(size));
    input = input.subspan(2 + size);
  }
  return contents;
}

void expect(bool holds) {
  if (!holds) std::abort();
}

std::optional<client::CardReport> found(client::Client& client, Instant now, client::CardFinding finding) {
  client.card_found(now, std::move(finding));
  std::optional<client::CardReport> report;
  while (const auto event = client.poll_event()) {
    if (const auto* changed = std::get_if<client::CardChanged>(&*event)) report = changed->report;
  }
  while (client.poll_transmit()) {
  }
  return report;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Kind = client::CardReport::Kind;
  SplitMix rng(1);
  client::ClientSettings settings;
  settings.endpoint = "fuzz";
  settings.smartcard = true;
  client::Client client(settings, rng);
  for (const lwm2m::ObjectId object : {lwm2m::ObjectId{0}, lwm2m::ObjectId{1}, lwm2m::ObjectId{3}, lwm2m::ObjectId{3303}}) {
    client.define(*shipped_objects().find(object));
  }
  Instant now{std::chrono::seconds(1000)};
  static_cast<void>(client.tree().add({now, std::nullopt}, 3, 0));
  static_cast<void>(client.add_account(now, 1, "coap://192.0.2.1", 300));
  client.start(now);
  std::uint8_t number = 0;
  for (const Bytes& content : contents_of({data, size})) {
    client::CardData card;
    card.digest.fill(++number);
    card.file = Secret<Bytes>(content);
    const bool had = client.loaded_card().has_value();
    const auto before = client.tree().instances(0).size();
    const auto report = found(client, now, std::move(card));
    expect(report && (report->kind == Kind::Loaded || report->kind == Kind::Refused));
    const bool loaded = report->kind == Kind::Loaded;
    expect(client.loaded_card().has_value() == loaded);
    if (loaded) expect(client.loaded_card()->instances.size() >= client.tree().instances(0).size());
    if (!loaded && had) expect(client.tree().instances(0).empty());
    if (!loaded && !had) expect(client.tree().instances(0).size() == before);
    now += std::chrono::seconds(100);
    client.handle_timeout(now);
  }
  const bool had = client.loaded_card().has_value();
  const auto report = found(client, now, client::NoCard{"gone"});
  expect(report && report->kind == (had ? Kind::Removed : Kind::Nothing));
  if (had) expect(client.tree().instances(0).empty() && client.tree().instances(1).empty());
  expect(client.tree().has(lwm2m::Path(3, 0)));
  return 0;
}
