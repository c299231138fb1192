// SPDX-License-Identifier: Apache-2.0
// Bootstrap from smartcard (Core §5.2.3.2, Appendices G and H): a card of software behind a terminal, read by the same
// reader as a device's, and the client and servers around it.
#include "lwm2m/content/content.hpp"
#include "smartcard/bootstrap_file.hpp"
#include "smartcard/bootstrap_reader.hpp"
#include "smartcard/uicc/uicc.hpp"
#include "tests/conformance/configurations.hpp"

namespace drover::conformance {
namespace {

using client::CardReport;
using smartcard::CardError;
using Kind = CardReport::Kind;
namespace pkcs15 = smartcard::pkcs15;
namespace uicc = smartcard::uicc;

Bytes tlv_of(lwm2m::ObjectId object, lwm2m::InstanceNode instance) {
  lwm2m::Tree tree;
  tree.objects.push_back({object, {std::move(instance)}});
  return *lwm2m::content::encode(lwm2m::Format::Tlv, Path(object), tree);
}

lwm2m::ResourceNode value(lwm2m::ResourceId id, Value value) {
  return {id, false, {{0, std::move(value)}}};
}

/// An account with server `id` at 192.0.2.`id`, without security.
Bytes bootstrap_file(client::ServerId id, std::int64_t lifetime) {
  const auto ssid = std::int64_t{id};
  const Bytes security = tlv_of(0, {0, {value(0, "coap://192.0.2." + std::to_string(id)), value(1, false), value(2, std::int64_t{3}), value(10, ssid)}});
  const Bytes server = tlv_of(1, {0, {value(0, ssid), value(1, lifetime), value(6, true), value(7, std::string("U"))}});
  return *smartcard::encode_bootstrap_file({{0, {}, security}, {1, {}, server}});
}

smartcard::scp03::Keys channel_keys(std::uint8_t first = 0x40) {
  Bytes enc(16), mac(16);
  for (std::uint8_t i = 0; i < 16; ++i) {
    enc[i] = static_cast<std::uint8_t>(first + i);
    mac[i] = static_cast<std::uint8_t>(first + 0x10 + i);
  }
  return {Secret<Bytes>(enc), Secret<Bytes>(mac)};
}

/// As Figure 23 draws it.
uicc::CardImage card_with(Bytes file, bool secured, std::uint8_t serial = 1) {
  const Bytes aid(pkcs15::kAid.begin(), pkcs15::kAid.end());
  const Bytes record = *pkcs15::encode_dir_record({aid, "PKCS15", {0x3F, 0x00, 0x7F, 0x50}});
  pkcs15::DataObject object;
  object.label = "LwM2M Bootstrap";
  object.application = "LwM2M";
  object.is_bootstrap = true;
  object.path.file = {0x64, 0x32};
  uicc::File data;
  data.id = 0x6432;
  data.content = std::move(file);
  data.needs_secure_channel = secured;
  uicc::File dir;
  dir.id = 0x2F00;
  dir.content = record;
  dir.record_size = record.size();
  uicc::File iccid;
  iccid.id = 0x2FE2;
  iccid.content = {0x98, 0x94, 0, 0, 0, 0, 0, 0, 0, serial};
  uicc::File odf, dodf;
  odf.id = pkcs15::kOdf;
  odf.content = *pkcs15::encode_odf({{{0x64, 0x30}, {}, {}}});
  odf.size = 32;
  dodf.id = pkcs15::kDodf;
  dodf.content = *pkcs15::encode_dodf({object});
  dodf.size = 120;
  uicc::CardImage image;
  image.files = {dir, iccid};
  image.folders = {{0x7F50, aid, "PKCS15", {odf, dodf, data}}};
  if (secured) image.keys = channel_keys();
  return image;
}

/// A terminal whose card goes, or whose answers over the secure channel are tampered with, from one command on.
struct Tampering final : smartcard::Terminal {
  enum class How { Not, Removed, Flipped, Replayed, CutOff };

  explicit Tampering(smartcard::Terminal& behind) : terminal(behind) {}
  smartcard::CardResult<Bytes> connect() override {
    if (removed) return smartcard::card_error(CardError::Kind::NoCard, "no card is in the reader");
    return terminal.connect();
  }
  smartcard::CardResult<Bytes> transmit(ByteView command) override {
    const bool begins = commands++ >= from;
    if (begins && how == How::Removed) removed = true;
    if (removed) return smartcard::card_error(CardError::Kind::Removed, "the card was taken out");
    auto answer = terminal.transmit(command);
    const bool is_secured = (command[0] & 4U) != 0 && answer && answer->size() > 2;
    const Bytes genuine = answer ? *answer : Bytes();
    if (begins && is_secured && how == How::Flipped) answer->at(answer->size() / 2) ^= 1;
    if (begins && is_secured && how == How::Replayed && !before.empty()) *answer = before;
    if (begins && is_secured && how == How::CutOff) answer->erase(answer->begin());
    if (is_secured) before = genuine;
    return answer;
  }
  void disconnect() override { terminal.disconnect(); }

  smartcard::Terminal& terminal;
  How how = How::Not;
  std::size_t from = 0, commands = 0;
  bool removed = false;
  Bytes before;
};

/// A device without accounts of the factory unless `factory` has one, with a reader and its program.
struct CardSite {
  explicit CardSite(smartcard::ReaderSettings settings = {}, bool factory = false)
      : site(with_reader(factory)), tampering(terminal), reader(tampering, std::move(settings), rng, &trace) {
    site.host = [this](Site& around) {
      while (const auto event = around.next_client_event()) handle(*event);
      return std::exchange(acted, false);
    };
  }
  static Configuration with_reader(bool factory) {
    Configuration configuration = c1();
    configuration.servers = {1, 2};
    configuration.settings.smartcard = true;
    if (factory) return configuration;
    configuration.factory = [](Site& blank) {
      blank.define(0), blank.define(1), blank.define(3);
      blank.add(3, 0);
    };
    return configuration;
  }
  void insert(const uicc::CardImage& image) {
    card = std::make_unique<uicc::Uicc>(image, rng);
    terminal.insert(card.get());
  }
  void remove() { terminal.insert(nullptr); }

  void handle(const client::ClientEvent& event) {
    if (const auto* changed = std::get_if<client::CardChanged>(&event)) reports.push_back(changed->report);
    if (!std::holds_alternative<client::CardWanted>(event)) return;
    acted = true;
    auto reading = reader.read();
    if (reading) {
      const auto digest = smartcard::digest_of(reading->file.reveal());
      secured = reading->chain.secured;
      return site.client().card_found(site.now(), client::CardData{smartcard::card_identity(reading->chain), digest, std::move(reading->file)});
    }
    if (reading.error().kind == CardError::Kind::NoCard) return site.client().card_found(site.now(), client::NoCard{reading.error().reason});
    site.client().card_found(site.now(), client::UnreadableCard{reading.error().reason, {}});
  }
  [[nodiscard]] Kind last() const { return reports.empty() ? Kind::Nothing : reports.back().kind; }
  void update() {
    site.pass(seconds(60));
    site.client().update(site.now());
    site.deliver();
  }

  struct Commands final : smartcard::Trace {
    void exchanged(ByteView command, ByteView response) override {
      commands.push_back(to_hex(command));
      answers.insert(answers.end(), response.begin(), response.end());
    }
    std::vector<std::string> commands;
    Bytes answers;
  };

  SplitMix rng{3};
  Site site;
  std::unique_ptr<uicc::Uicc> card;
  uicc::MemoryTerminal terminal;
  Commands trace;
  Tampering tampering;
  smartcard::BootstrapReader reader;
  std::vector<CardReport> reports;
  bool secured = false;
  bool acted = false;
};

smartcard::ReaderSettings with_channel(std::uint8_t first = 0x40) {
  smartcard::ReaderSettings settings;
  settings.keys = channel_keys(first);
  return settings;
}

TEST(Scr, BOOT_003_C_TheDeviceIsConfiguredByItsCard) {
  CardSite device;
  device.insert(card_with(bootstrap_file(2, 43200), false));
  device.site.start();
  EXPECT_EQ(device.last(), Kind::Loaded);
  EXPECT_TRUE(device.site.server(2).has(kEndpoint));
  EXPECT_FALSE(device.secured);
}

TEST(Scr, BOOT_011_C_TheCardIsReadOverASecureChannel) {
  CardSite device(with_channel());
  device.insert(card_with(bootstrap_file(2, 43200), true));
  device.site.start();
  EXPECT_EQ(device.last(), Kind::Loaded);
  EXPECT_TRUE(device.secured);
  const std::string uri = to_hex(to_bytes("coap://192.0.2.2"));
  EXPECT_EQ(to_hex(device.trace.answers).find(uri), std::string::npos) << "nothing of it is in the clear";
}

TEST(Scr, BOOT_012_C_ODF_DODFAndTheFileAreReadInThatOrder) {  // Core G.2.5
  CardSite device;
  device.insert(card_with(bootstrap_file(2, 43200), false));
  device.site.start();
  std::vector<std::string> selected;
  for (const std::string& command : device.trace.commands) {
    if (command.substr(2, 2) == "a4") selected.push_back(command.substr(10, 2 * std::stoul(command.substr(8, 2), nullptr, 16)));
  }
  const std::vector<std::string> last(selected.end() - 4, selected.end());
  EXPECT_EQ(last, (std::vector<std::string>{"a000000063504b43532d3135", "7fff5031", "7fff6430", "7fff6432"}));
  EXPECT_EQ(device.site.server(2).read("/1/0/1").value(), Value(std::int64_t{43200}));
}

TEST(Scr, BOOT_013_C_ACardThatChangedOrWentIsNoticed) {
  CardSite device;
  device.insert(card_with(bootstrap_file(2, 43200), false));
  device.site.start();
  device.update();
  EXPECT_EQ(device.last(), Kind::Unchanged);
  device.insert(card_with(bootstrap_file(1, 43200), false, 2));
  device.update();
  EXPECT_EQ(device.last(), Kind::Loaded);
  EXPECT_TRUE(device.site.server(1).has(kEndpoint));
  EXPECT_FALSE(device.site.server(2).has(kEndpoint));
  device.remove();
  device.update();
  EXPECT_EQ(device.last(), Kind::Removed);
  EXPECT_FALSE(device.site.server(1).has(kEndpoint));
  EXPECT_TRUE(device.site.client().tree().instances(0).empty());
}

TEST(Scr, CR_010_C_WhatACardProvisionsIsRefreshedUponUpdate) {
  CardSite device;
  device.insert(card_with(bootstrap_file(2, 43200), false));
  device.site.start();
  device.card->replace(card_with(bootstrap_file(2, 600), false));  // as by an update over the air (§5.2.3.2, note)
  device.update();
  EXPECT_EQ(device.last(), Kind::Loaded);
  EXPECT_EQ(device.site.server(2).read("/1/0/1").value(), Value(std::int64_t{600}));
  EXPECT_EQ(device.site.server(2).device(kEndpoint).lifetime, 600U);
}

TEST(Scr, SEC_007_C_WithoutTheKeysNothingIsReadAndNothingChanges) {
  CardSite device(with_channel(0x60), true);
  device.insert(card_with(bootstrap_file(2, 43200), true));
  device.site.start();
  EXPECT_EQ(device.last(), Kind::Unreadable);
  EXPECT_TRUE(device.site.server(1).has(kEndpoint)) << "the factory's server is the next step (§5.2.4)";
  EXPECT_FALSE(device.site.server(2).has(kEndpoint));
}

TEST(Scr, SEC_009_C_TheChannelIsScp03AtLevel33) {  // Appendix H, Figure 24
  CardSite device(with_channel());
  device.insert(card_with(bootstrap_file(2, 43200), true));
  device.site.start();
  const auto& commands = device.trace.commands;
  const auto is = [](const std::string& header) {
    return [header](const std::string& command) { return command.compare(2, header.size(), header) == 0; };
  };
  const auto initialize = std::find_if(commands.begin(), commands.end(), is("50"));
  const auto authenticate = std::find_if(commands.begin(), commands.end(), is("823300"));
  ASSERT_NE(authenticate, commands.end());
  EXPECT_EQ(authenticate - initialize, 1);
  EXPECT_EQ((initialize - 1)->substr(2, 2), "a4") << "behind the selection of the application";
  for (auto command = authenticate + 1; command != commands.end(); ++command) {
    if (command->substr(0, 6) == "007080") continue;  // the channel is closed from the basic one
    EXPECT_EQ(std::stoul(command->substr(1, 1), nullptr, 16) & 4U, 4U) << *command << " is protected";
  }
}

TEST(AppendixH, WhateverBreaksAReadingLeavesTheDeviceAsItWas) {
  using How = Tampering::How;
  for (const How how : {How::Removed, How::Flipped, How::Replayed, How::CutOff}) {
    std::size_t broken = 0;
    for (std::size_t from = 0; from < 40; ++from) {
      CardSite device(with_channel());
      device.insert(card_with(bootstrap_file(2, 43200), true));
      device.site.start();
      ASSERT_EQ(device.last(), Kind::Loaded);
      device.tampering.commands = 0;
      device.tampering.from = from;
      device.tampering.how = how;
      device.update();
      const Kind kind = device.last();
      EXPECT_TRUE(kind == Kind::Unreadable || kind == Kind::Unchanged) << static_cast<int>(how) << " from " << from;
      broken += kind == Kind::Unreadable ? 1U : 0U;
      EXPECT_EQ(device.site.server(2).read("/1/0/1").value(), Value(std::int64_t{43200}));
      EXPECT_EQ(device.site.client().loaded_card()->instances.size(), 2U);
      if (how != How::Removed || kind != Kind::Unreadable) continue;
      device.update();
      EXPECT_EQ(device.last(), Kind::Removed) << "the next look knows";
    }
    EXPECT_GT(broken, 5U) << static_cast<int>(how);
  }
}

TEST(Ets, Case3_BootstrapFromASmartcard) {
  CardSite device({}, true);
  device.site.start();
  EXPECT_TRUE(device.site.server(1).has(kEndpoint));
  EXPECT_EQ(device.site.server(1).read("/1/0/1").value(), Value(std::int64_t{86400}));
  device.site.stop();
  device.insert(card_with(bootstrap_file(2, 43200), false));
  device.site.restart();
  EXPECT_TRUE(device.site.server(2).has(kEndpoint));
  EXPECT_EQ(device.site.server(2).read("/1/0/1").value(), Value(std::int64_t{43200}));
}

TEST(Ets, Case6_OrderOfTheBootstrapModes) {
  // A card first, whatever the factory says.
  CardSite first({}, true);
  first.insert(card_with(bootstrap_file(2, 43200), false));
  first.site.start();
  EXPECT_TRUE(first.site.server(2).has(kEndpoint));
  EXPECT_FALSE(first.site.server(1).has(kEndpoint));
  // Without one the factory's accounts, and no request to a Bootstrap-Server while one of them registers.
  CardSite second({}, true);
  second.site.start();
  EXPECT_EQ(second.last(), Kind::Nothing);
  EXPECT_TRUE(second.site.server(1).has(kEndpoint));
  EXPECT_EQ(second.site.first_sent_by_client(1).substr(0, 13), "CON POST /rd ");
}

}  // namespace
}  // namespace drover::conformance
