// SPDX-License-Identifier: Apache-2.0
#include "apps/device/config.hpp"
#include "apps/device/section.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "apps/device/commands.hpp"
#include "apps/device/device.hpp"
#include "apps/device/security.hpp"
#include "storage/test_folder.hpp"

namespace drover::device {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Config parsed(std::string_view text) {
  Config config;
  const auto done = parse_config(text, "device.toml", config);
  EXPECT_TRUE(done) << (done ? "" : done.error().reason);
  return config;
}

std::string mistake(std::string_view text) {
  Config config;
  const auto done = parse_config(text, "device.toml", config);
  return done ? "" : done.error().reason;
}

TEST(DeviceConfig, ReadsEverything) {
  const Config config = parsed(R"(
endpoint = "urn:dev:os:1"
lifetime = 300
bind = "[::1]:5000"
path = "/lwm2m"
support = [3311]
control = "/run/device.sock"
events = false
[coap]
ack_timeout = "500ms"
max_retransmit = 2
nstart = 4
block_size = 256
[notification]
confirmable = true
confirmable_every = "12h"
[[server]]
uri = "coap://a.example"
[[server]]
uri = "coap://b.example"
id = 7
lifetime = 60
[values]
"/3303/0/5700" = 20.25
"/3/0/6" = [1, 5]
"/3/0/15" = "Etc/UTC"
"/1/0/6" = true
[[script]]
path = "/3303/0/5700"
every = "500ms"
ramp = { min = 1, max = 2.5, period = "1m" }
)");
  EXPECT_EQ(config.endpoint, "urn:dev:os:1");
  EXPECT_EQ(config.lifetime, 300U);
  ASSERT_EQ(config.servers.size(), 2U);
  EXPECT_EQ(config.servers[1].id, 7);
  EXPECT_EQ(config.servers[1].lifetime, 60U);
  ASSERT_EQ(config.values.size(), 5U);
  EXPECT_FALSE(config.events);
  EXPECT_EQ(config.coap.ack_timeout, milliseconds(500));
  EXPECT_EQ(config.coap.max_retransmit, 2U);
  EXPECT_EQ(config.coap.nstart, 4U);
  EXPECT_EQ(config.coap.block_szx, 4);
  EXPECT_TRUE(config.notification.confirmable);
  EXPECT_EQ(config.notification.confirmable_every, std::chrono::hours(12));
  ASSERT_EQ(config.scripts.size(), 1U);
  EXPECT_EQ(config.scripts[0].every, milliseconds(500));
  EXPECT_EQ(config.scripts[0].kind, ScriptEntry::Kind::Ramp);
  EXPECT_EQ(config.scripts[0].period, seconds(60));
  bool found = false;
  for (const ValueEntry& value : config.values) {
    if (value.path != lwm2m::Path(3303, 0, 5700)) continue;
    EXPECT_EQ(value.text, "20.25");
    found = true;
  }
  EXPECT_TRUE(found);
}

TEST(DeviceConfig, AMistakeNamesFileLineAndFix) {
  struct Row {
    const char* text;
    const char* start;
    const char* part;
  };
  const Row rows[] = {
      {"endpoint = 3", "device.toml:1: ", "text in quotes"},
      {"\nlifetime = 0", "device.toml:2: ", "from 1 to 4294967295"},
      {"endpiont = \"x\"", "device.toml:1: ", "known are endpoint"},
      {"[[server]]\nurl = \"coap://x\"", "device.toml:2: ", "known are uri"},
      {"[[server]]\nid = 1", "device.toml:1: ", "needs uri"},
      {"[[server]]\nuri = \"coap://x\"\nid = 65535", "device.toml:3: ", "1 to 65534"},
      {"[values]\n\"/3303/0\" = 1", "device.toml:2: ", "/3303/0/5700"},
      {"[values]\n\"3303/0/1\" = 1", "device.toml:2: ", "isn't a path"},
      {"[values]\n\"/3/0/1\" = {}", "device.toml:2: ", "a value is"},
      {"[[script]]\npath = \"/3303/0/5700\"\nevery = \"fast\"\nvalues = [1]", "device.toml:3: ", "duration such as"},
      {"[[script]]\npath = \"/3303/0/5700\"\nevery = 5", "device.toml:1: ", "one of values"},
      {"[[script]]\npath = \"/3303/0/5700\"\nevery = 5\nsine = { min = 3, max = 1, period = 5 }",
       "device.toml:4: ", "smaller than min"},
      {"[[script]]\npath = \"/3303/0/5700\"\nevery = 5\nvalues = []", "device.toml:4: ", "empty"},
      {"endpoint = \"x", "device.toml:1: ", ""},
      {"bind = \"here\"", "device.toml:1: ", "ADDRESS:PORT"},
      {"\npath = \"/1/2\"", "device.toml:2: ", "must not be a number"},
      {"path = \"/a//b\"", "device.toml:1: ", "empty segment"},
      {"path = \"lwm2m\"", "device.toml:1: ", "write it as /lwm2m"},
      {"[[server]]\nuri = \"coap://a\"\nid = 7\n[[server]]\nuri = \"coap://b\"\nid = 7", "device.toml:6: ", "id 7"},
      {"coap = 3", "device.toml:1: ", "takes a table"},
      {"[coap]\nack = 1", "device.toml:2: ", "known are ack_timeout"},
      {"[coap]\nack_timeout = \"99ms\"", "device.toml:2: ", "100ms"},
      {"[coap]\nack_timeout = \"61s\"", "device.toml:2: ", "1m"},
      {"[coap]\nmax_retransmit = 11", "device.toml:2: ", "0 to 10"},
      {"[coap]\nnstart = 0", "device.toml:2: ", "1 to 64"},
      {"[coap]\nblock_size = 100", "device.toml:2: ", "16, 32"},
      {"[notification]\nconfirmable = 1", "device.toml:2: ", "true or false"},
      {"[notification]\nconfirmable_every = \"25h\"", "device.toml:2: ", "24h"},
      {"[bootstrap]\nhold_off = 3", "device.toml:1: ", "needs uri"},
      {"[bootstrap]\nurl = \"coap://x\"", "device.toml:1: ", "needs uri"},
      {"[bootstrap]\nuri = \"coap://x\"\nhold_on = 3", "device.toml:3: ", "known are uri, security"},
      {"[bootstrap]\nuri = \"coap://x\"\nhold_off = -1", "device.toml:3: ", "0 to 4294967295"},
      {"[bootstrap]\nuri = \"coap://x\"\nsecurity = 3", "device.toml:3: ", "takes a table"},
      {"[bootstrap]\nuri = \"coap://x\"\nfinish_after = \"10ms\"", "device.toml:3: ", "\"1s\" to \"24h\""},
      {"[bootstrap]\nuri = \"coap://x\"\nfailures_max = 0", "device.toml:3: ", "1 to 100"},
      {"[bootstrap]\nuri = \"coap://x\"\nretry_first = \"1m\"\nretry_max = \"1s\"", "device.toml:4: ", "shorter"},
      {"[coap]\nblock_size = 2048", "device.toml:2: ", "16, 32"},
  };
  for (const auto& [key, size] :
       {std::pair<const char*, std::size_t>{"endpoint", 253}, {"version", 250}, {"endpoint", 1100}}) {
    const std::string reason = mistake("\n" + std::string(key) + " = \"" + std::string(size, '1') + "\"");
    EXPECT_TRUE(reason.starts_with("device.toml:2: the ")) << reason;
    EXPECT_NE(reason.find("use at most"), std::string::npos) << reason;
    EXPECT_EQ(mistake(std::string(key) + " = \"" + std::string(249, '1') + "\""), "");
  }
  EXPECT_NE(mistake("path = \"/" + std::string(255, 'x') + "\"").find("use at most 255"), std::string::npos);
  for (const Row& row : rows) {
    const std::string reason = mistake(row.text);
    EXPECT_TRUE(reason.starts_with(row.start)) << row.text << " -> " << reason;
    EXPECT_NE(reason.find(row.part), std::string::npos) << reason;
    EXPECT_EQ(reason.find('\n'), std::string::npos) << "one line";
  }
  Config config;
  EXPECT_NE(read_config("/nowhere/x.toml", config).error().reason.find("/nowhere/x.toml"), std::string::npos);
}

TEST(DeviceConfig, MistakesAboutShortMessagesNameTheirLine) {
  struct Row {
    std::string text, start, part;
  };
  const Row rows[] = {
      {"sms = \"+491701234567\"", "device.toml:1: ", "without +"},
      {"sms = \"1234567890123456\"", "device.toml:1: ", "1 to 15 digits"},
      {"[sms]\nmodem = \"/dev/ttyUSB2\"", "device.toml:1: ", "needs number"},
      {"[sms]\nnumber = \"49170\"\npin_file = \"/nowhere/pin\"", "device.toml:3: ", "can't be read"},
      {"[sms]\nnumber = \"49170\"\nvalidity = \"1m\"", "device.toml:3: ", "at least"},
      {"[sms]\nnumber = \"49170\"\nsegments = 17", "device.toml:3: ", "1 to 16"},
      {"[sms]\nnumber = \"49170\"\nmode1 = \"sps\"", "device.toml:3: ", "\"packets\""},
      {"[sms]\nnumber = \"49170\"\nport = 65536", "device.toml:3: ", "0 to 65535"},
      {"[queue]\nawake = -1", "device.toml:2: ", "duration"},
      {"[queue]\nsleep = \"1h\"", "device.toml:2: ", "known are"},
      {"binding = \"UQSQ\"", "device.toml:1: ", "U, UQ, S, SQ, US, UQS, UQT"},
      {"[[server]]\nuri = \"coap://x\"\nsms = { mode = \"4\" }", "device.toml:3: ", "smartcard"},
      {"[[server]]\nuri = \"coap://x\"\nsms = { mode = \"nosec\", number = \"x\" }", "device.toml:3: ", "digits"},
  };
  for (const Row& row : rows) {
    const std::string reason = mistake(row.text);
    EXPECT_TRUE(reason.starts_with(row.start)) << row.text << " -> " << reason;
    EXPECT_NE(reason.find(row.part), std::string::npos) << reason;
  }
}

TEST(DeviceConfig, ShortMessagesAndQueueMode) {
  const Config config = parsed(R"(
version = "1.1"
[queue]
awake = "20s"
wake_every = "1h"
notifications_wake = false
[sms]
number = "491700000001"
modem = "/dev/ttyUSB2"
baud = 9600
port = 5683
segments = 3
validity = "10m"
mode1 = "packets"
[[server]]
uri = "coap://192.0.2.1"
binding = "UQT"
sms = { number = "+491701234567", mode = "device", parameters = "12121600b20203", key = "101112131415161718191a1b1c1d1e1f303132333435363738393a3b3c3d3e3f" }
)");
  EXPECT_EQ(config.queue.awake, std::chrono::seconds(20));
  EXPECT_EQ(config.queue.wake_every, std::chrono::hours(1));
  EXPECT_FALSE(config.queue.notifications_wake);
  EXPECT_EQ(config.sms.baud, 9600U);
  const client::SmsSettings settings = sms_settings(config.sms);
  EXPECT_TRUE(settings.attached);
  EXPECT_EQ(settings.msisdn, "491700000001");
  coap::SmsParameters lengths;
  fit_messages(config.sms, lengths);
  EXPECT_EQ(lengths.message_plain, 133U) << "Transport, Header Definitions (for one SMS), with WDP ports";
  EXPECT_EQ(lengths.message_dtls, 104U);
  EXPECT_EQ(config.servers.at(0).binding, "UQT");
  const auto made = client::protect_sms(config.servers[0].sms, {}, settings.mode1);
  EXPECT_EQ(made.value().address.to_string(), "sms:491701234567");
  EXPECT_TRUE(made->packets);
  Config without_state = config;
  EXPECT_NE(Device::make(std::move(without_state)).error().reason.find("--state"), std::string::npos);
}

TEST(DeviceConfig, ValuesAreCheckedAgainstTheirDefinitions) {
  const auto why = [](const std::string& text) {
    Config config = parsed("server = \"coap://127.0.0.1\"\n" + text);
    auto made = Device::make(std::move(config));
    return made ? std::string() : made.error().reason;
  };
  EXPECT_EQ(why("[values]\n\"/3303/4/5700\" = 1"), "");
  EXPECT_TRUE(why("[values]\n\"/3303/0/5700\" = \"warm\"").starts_with("device.toml:3: /3303/0/5700: "));
  EXPECT_TRUE(why("[values]\n\"/3303/0/9\" = 1").starts_with("device.toml:3: "));
  EXPECT_NE(why("[values]\n\"/60000/0/9\" = 1").find("--objects FOLDER"), std::string::npos);
  EXPECT_NE(
      why("[[script]]\npath = \"/3/0/0\"\nevery = 1\nsine = { min = 0, max = 1, period = 9 }").find("isn't a number"),
      std::string::npos);
  EXPECT_NE(why("[values]\n\"/1/0/0\" = 65535").find("1 to 65534"), std::string::npos);
  EXPECT_TRUE(why("[values]\n\"/0/0/10\" = 0").starts_with("device.toml:3: "));
  Config config = parsed("[[server]]\nuri = \"fleet\"");
  EXPECT_TRUE(Device::make(std::move(config)).error().reason.starts_with("device.toml:2: server URI"));
}

TEST(DeviceConfig, WhatIsGivenByOptionsIsCheckedToo) {
  const auto why = [](auto change) {
    Config config;
    config.servers.push_back({"coap://127.0.0.1", 0, std::nullopt, 0, std::nullopt});
    change(config);
    auto made = Device::make(std::move(config));
    return made ? std::string() : made.error().reason;
  };
  EXPECT_NE(why([](Config& config) { config.endpoint = std::string(1100, 'x'); }).find("at most 252"),
            std::string::npos);
  EXPECT_NE(why([](Config& config) { config.servers[0].uri = "coap://" + std::string(300, 'x'); }).find("255"),
            std::string::npos);
  EXPECT_NE(why([](Config& config) { config.root = "/1/2"; }).find("number"), std::string::npos);
  EXPECT_NE(why([](Config& config) { config.bind = "here"; }).find("ADDRESS:PORT"), std::string::npos);
}

TEST(DeviceConfig, ABootstrapServerAloneWillDo) {
  const Config config = parsed(R"(
[bootstrap]
uri = "coap://boot.example"
hold_off = 5
account_timeout = 60
finish_after = "3s"
silence = "2m"
failures_max = 5
retry_first = "10s"
retry_max = "10m"
)");
  EXPECT_EQ(config.bootstrap.uri, "coap://boot.example");
  EXPECT_EQ(config.bootstrap.line, 3U);
  EXPECT_EQ(config.bootstrap.limits.finish_after, seconds(3));
  EXPECT_EQ(config.bootstrap.limits.silence, seconds(120));
  EXPECT_EQ(config.bootstrap.limits.failures_max, 5U);
  EXPECT_EQ(config.bootstrap.limits.retry_first, seconds(10));
  EXPECT_EQ(config.bootstrap.limits.retry_max, seconds(600));
  auto made = Device::make(config);
  ASSERT_TRUE(made) << made.error().reason;
  const client::ObjectTree& tree = (*made)->runtime().client().tree();
  const client::Context own{Instant{}, std::nullopt};
  EXPECT_EQ(tree.get(own, lwm2m::Path(0, 0, 1)), lwm2m::Value(true));
  EXPECT_EQ(tree.get(own, lwm2m::Path(0, 0, 11)), lwm2m::Value(std::int64_t{5}));
  EXPECT_EQ(tree.get(own, lwm2m::Path(0, 0, 12)), lwm2m::Value(std::int64_t{60}));
  EXPECT_FALSE(tree.has(lwm2m::Path(1, 0)));
  const auto none = Device::make(Config());
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().reason.starts_with("no server; give --server coaps://HOST")) << none.error().reason;
  EXPECT_NE(none.error().reason.find("--bootstrap coaps://HOST"), std::string::npos) << none.error().reason;
}

TEST(DeviceConfig, ABootstrapServerHasKeysOfItsOwnAndAWayToTheDevice) {
  const auto why = [](const std::string& text) {
    auto made = Device::make(parsed(text));
    return made ? std::string() : made.error().reason;
  };
  const std::string keys = "[security]\nmode = \"psk\"\nidentity = \"x\"\nkey = \"c0ffee\"\n";
  const std::string bootstrap = "[bootstrap]\nuri = \"coaps://127.0.0.1\"\n";
  EXPECT_EQ(why(keys + bootstrap), "");
  EXPECT_TRUE(why(bootstrap).starts_with("device.toml:2: coaps://127.0.0.1")) << why(bootstrap);
  EXPECT_EQ(why("server = \"coaps://127.0.0.2\"\n" + keys + bootstrap),
            "device.toml:7: the bootstrap server has the key of coaps://127.0.0.2; give it one of its own, "
            "security = { ... } in [bootstrap] (Core 5.2.5)");
  EXPECT_EQ(why("server = \"coaps://127.0.0.2\"\n" + keys + bootstrap +
                "security = { mode = \"psk\", identity = \"x\", key = \"decaf0\" }\n"),
            "");
  const std::string accept = "accept_handshakes = true\n";
  EXPECT_EQ(why(keys + bootstrap + accept),
            "device.toml:6: accept_handshakes: servers need a port to call; give bind = \"[::]:5684\" or --bind");
  EXPECT_EQ(why("bind = \"127.0.0.1:5684\"\n" + keys + bootstrap + accept), "");
  EXPECT_EQ(why("bind = \"127.0.0.1:5684\"\n[bootstrap]\nuri = \"coap://127.0.0.1\"\n" + accept),
            "device.toml:3: accept_handshakes: without security nobody may begin a bootstrap but the device; use "
            "coaps://");
}

TEST(DeviceConfig, ABindThatCantBeHadNamesFileAndLine) {
  Config config = parsed("server = \"coap://127.0.0.1\"\nbind = \"192.0.2.77:5683\"");  // not an address of this host
  auto made = Device::make(std::move(config));
  ASSERT_TRUE(made);
  const auto started = (*made)->start();
  ASSERT_FALSE(started);
  EXPECT_TRUE(started.error().reason.starts_with("device.toml:2: bind: ")) << started.error().reason;
}

TEST(CoreTable20, ImplicitServerIdsAreFreeAndNeverReserved) {
  std::vector<ServerEntry> servers(4);
  servers[0].id = 65534;
  servers[2].id = 1;
  assign_ids(servers);
  EXPECT_EQ(servers[1].id, 2);
  EXPECT_EQ(servers[3].id, 3);
}

TEST(DeviceConfig, Durations) {
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("2m"), seconds(120));
  EXPECT_EQ(parse_duration("1h"), seconds(3600));
  for (const char* bad : {"", "5", "s", "-1s", "0s", "5 s", "9ms", "99999999999s", "1d"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

TEST(DeviceScript, ShapesRunInVirtualTime) {
  SplitMix rng(1);
  ScriptEntry values{.path = lwm2m::Path(3, 0, 9),
                     .every = seconds(5),
                     .kind = ScriptEntry::Kind::Values,
                     .values = {"a", "b"},
                     .line = 1};
  ScriptEntry ramp{.path = lwm2m::Path(3, 0, 9),
                   .every = seconds(10),
                   .kind = ScriptEntry::Kind::Ramp,
                   .values = {},
                   .min = 0,
                   .max = 40,
                   .period = seconds(40),
                   .line = 2};
  Script script({values, ramp}, rng);
  Instant now{};
  script.start(now);
  std::string log;
  for (int step = 0; step < 10; ++step) {
    now = *script.deadline();
    while (const auto next = script.step(now)) {
      log += next->text ? *next->text + " " : std::to_string(static_cast<int>(next->number)) + " ";
    }
  }
  EXPECT_EQ(log, "a b 0 a b 10 a b 20 a b 30 a b 0 ");
}

// ---- keys -----------------------------------------------------------------------------------------------------------

class KeyFiles : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) {
    std::ofstream(folder.file(name), std::ios::binary) << content;
    return folder.file(name);
  }
  std::string mistake_in(std::string_view text) {
    Config config;
    const auto done = parse_config(text, folder.file("device.toml"), config);
    return done ? "" : done.error().reason.substr(folder.file("device.toml").size() + 1);
  }
  const storage::testing::Folder folder;
};

TEST_F(KeyFiles, PreSharedKeysOfOneAndOfAllServers) {
  file("key", "base64:AAECAw==\n");
  Config config;
  const auto done = parse_config(R"(
[security]
mode = "psk"
identity = "sensor-1"
key = "0001fF"
[[server]]
uri = "coaps://a.example"
[[server]]
uri = "coaps://b.example"
security = { mode = "psk", identity = "sensor-2", key_file = "key" }
)",
                                 folder.file("device.toml"), config);
  ASSERT_TRUE(done) << done.error().reason;
  ASSERT_TRUE(config.security);
  EXPECT_EQ(config.security->mode, client::SecurityObject::kPreSharedKey);
  EXPECT_EQ(config.security->identity, to_bytes("sensor-1"));
  EXPECT_EQ(to_hex(config.security->key.reveal()), "0001ff");
  ASSERT_EQ(config.servers.size(), 2U);
  EXPECT_FALSE(config.servers[0].security);
  EXPECT_EQ(to_hex(config.servers[1].security->key.reveal()), "00010203");
  EXPECT_EQ(config.key_files, std::vector<std::string>{folder.file("key")});
}

TEST_F(KeyFiles, MistakesHaveALineAndNoKeyInThem) {
  file("bad", "00secret");
  file("empty", "");
  const auto psk = [&](const std::string& rest) {
    return mistake_in("server = \"coaps://a.example\"\n[security]\nmode = \"psk\"\n" + rest);
  };
  EXPECT_EQ(psk("identity = \"x\"\n"), "2: psk needs one of key and key_file");
  EXPECT_EQ(psk("key = \"00\"\n"), "2: identity is missing");
  EXPECT_EQ(psk("identity = \"x\"\nkey = \"00secret\"\n"),
            "5: key: a key consists of hex digits, two a byte, or begins with \"base64:\"");
  EXPECT_EQ(psk("identity = \"x\"\nkey = \"base64:secret\"\n"), "5: key: what follows \"base64:\" isn't base64");
  EXPECT_EQ(psk("identity = \"x\"\nkey = \"" + std::string(130, '0') + "\"\n"),
            "5: key: a key has 1 to 64 bytes, this one 65");
  EXPECT_NE(psk("identity = \"x\"\nkey_file = \"bad\"\n").find("5: key_file: "), std::string::npos);
  EXPECT_NE(psk("identity = \"x\"\nkey_file = \"none\"\n").find("none: can't be read"), std::string::npos);
  EXPECT_NE(psk("identity = \"x\"\nkey_file = \"empty\"\n").find("is empty"), std::string::npos);
  EXPECT_NE(psk("identity = \"x\"\nkey = \"00\"\nkeys = 1\n").find("6: unknown key \"keys\" in [security]"),
            std::string::npos);
  EXPECT_EQ(mistake_in("[security]\nmode = \"none\"\n"), "2: mode takes \"psk\", \"rpk\" or \"x509\"");
  EXPECT_EQ(mistake_in("[security]\nmode = \"rpk\"\n"), "1: public_key_file is missing");
}

TEST_F(KeyFiles, PemAndDer) {
  const std::string block = "-----BEGIN CERTIFICATE-----\nMAMC\nAQA=\n-----END CERTIFICATE-----\n";
  const std::string ec = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
                         "-----BEGIN EC PRIVATE KEY-----\nMAMCAQE=\n-----END EC PRIVATE KEY-----\n";
  EXPECT_EQ(to_hex(*read_der(file("chain", block + block), "CERTIFICATE")), "30030201003003020100");
  EXPECT_EQ(to_hex(*read_der(file("ec", ec), "PRIVATE KEY")), "3003020101");
  EXPECT_EQ(to_hex(*read_der(file("der", std::string("0\3\2\1\0", 5)), "CERTIFICATE")), "3003020100");
  EXPECT_NE(read_der(file("ec", ec), "CERTIFICATE").error().reason.find("neither DER nor a PEM block"), std::string::npos);
  EXPECT_NE(read_der(file("x", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMA==\n-----END"), "PRIVATE KEY")
                .error()
                .reason.find("without a password"),
            std::string::npos);
}

TEST(DeviceConfig, KeysAreNotShown) {
  Config config;
  config.servers.push_back({"coaps://127.0.0.1:9", 0, std::nullopt, 0, std::nullopt});
  config.security.emplace();
  config.security->mode = client::SecurityObject::kPreSharedKey;
  config.security->identity = to_bytes("who-it-is");
  config.security->key = Secret<Bytes>(to_bytes("the-secret-key-1"));
  auto made = Device::make(std::move(config));
  ASSERT_TRUE(made) << made.error().reason;
  Commands commands(**made, [] {});
  Commands::Session session;
  std::string all;
  for (const char* line : {"show", "show /0", "get /0/0/3", "get /0/0/4", "get /0/0/5", "status"}) {
    const auto lines = commands.run(line, session);
    ASSERT_TRUE(lines) << lines.error().reason;
    for (const std::string& text : *lines) all += text + "\n";
  }
  EXPECT_NE(all.find("(16 bytes)"), std::string::npos);
  for (const char* secret : {"the-secret", "who-it-is", "dGhlLXNlY3JldC1rZXktMQ", "d2hvLWl0LWlz", "7468652d"}) {
    EXPECT_EQ(all.find(secret), std::string::npos) << secret;
  }
}

}  // namespace
}  // namespace drover::device
