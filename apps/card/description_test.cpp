// SPDX-License-Identifier: Apache-2.0
#include "apps/card/description.hpp"

#include "apps/card/test_description.hpp"
#include "smartcard/bootstrap_file.hpp"
#include "smartcard/pkcs15.hpp"

namespace drover::card {
namespace {

namespace pkcs15 = smartcard::pkcs15;

constexpr std::uint16_t kDodf = 0x6430, kData = 0x6432;
constexpr const char* kServer = "[[server]]\nuri = \"coap://127.0.0.1\"\n";

std::vector<smartcard::CardObject> objects_of(const smartcard::uicc::File& file) {
  return smartcard::parse_bootstrap_file(file.content).value();
}

/// Nordic's vector, but for the mandatory resources 3 to 5, which theirs leaves out.
TEST_F(DescriptionTest, ABootstrapServerWithoutSecurity) {
  const auto image = read("[bootstrap]\nuri = \"coap://leshan.eclipseprojects.io:5783\"\n");
  ASSERT_TRUE(image) << image.error().reason;
  EXPECT_EQ(file(*image, kData).content,
            octets("0001 003C 0000 00 0037 080034 C80025 636F61703A2F2F6C657368616E2E65636C6970736570726F6A656374732E"
                   "696F3A35373833 C10101 C10203 C003 C004 C005"));
  EXPECT_FALSE(image->t0);
  EXPECT_FALSE(image->keys);
  EXPECT_TRUE(warnings_.empty());
}

/// The account of Anjay's documentation, as instance 1 beside a Bootstrap-Server.
TEST_F(DescriptionTest, AServerWithAPreSharedKey) {
  write("psk.key", "3378406d706c3350354b3533637233744b3379\n");
  const auto image = read(R"(
[bootstrap]
uri = "coap://127.0.0.1:5783"
hold_off = 3
[[server]]
uri = "coaps://eu.iot.avsystem.cloud:5684"
security = { mode = "psk", identity = "example-psk-identity", key_file = "psk.key" }
store_notifications = false
)");
  ASSERT_TRUE(image) << image.error().reason;
  const auto objects = objects_of(file(*image, kData));
  ASSERT_EQ(objects.size(), 2U);
  const std::string security = to_hex(objects[0].instances);
  // Anjay leaves out the mandatory resource 4.
  EXPECT_NE(security.find("08015dc80022636f6170733a2f2f65752e696f742e617673797374656d2e636c6f75643a35363834c10100c10200"
                          "c803146578616d706c652d70736b2d6964656e74697479c004c805133378406d706c3350354b353363723374"
                          "4b3379c10a01"),
            std::string::npos)
      << security;
  EXPECT_NE(security.find("c10b03"), std::string::npos);
  EXPECT_EQ(objects[1].instances, octets("08010fc10001c40100015180c10600c10755"));
}

TEST_F(DescriptionTest, ShortIdsAreTheFirstThatAreFree) {
  const auto image = read(R"(
[[server]]
uri = "coap://127.0.0.1"
[[server]]
uri = "coap://127.0.0.2"
id = 1
lifetime = 60
binding = "UQ"
)");
  ASSERT_TRUE(image) << image.error().reason;
  const auto objects = objects_of(file(*image, kData));
  EXPECT_EQ(objects[1].instances,
            octets("08000F C10002 C40100015180 C10601 C10755 08010D C10001 C1013C C10601 C2075551"));
}

TEST_F(DescriptionTest, ShortMessagesOfAServer) {
  write("sms.key", "101112131415161718191a1b1c1d1e1f303132333435363738393a3b3c3d3e3f");
  const auto image = read(R"(
[[server]]
uri = "tel:+12345"
binding = "S"
sms = { number = "12345", mode = "smartcard", parameters = "12121600b20203", key_file = "sms.key" }
)");
  ASSERT_TRUE(image) << image.error().reason;
  const std::string security = to_hex(objects_of(file(*image, kData))[0].instances);
  EXPECT_NE(security.find("c10602c70712121600b20203c80820101112131415161718191a1b1c1d1e1f303132333435363738393a3b3c"
                          "3d3e3fc5093132333435c10a01"),
            std::string::npos)
      << security;
}

TEST_F(DescriptionTest, ObjectsTakeTheTypesOfTheirDefinitions) {
  const auto image = read(R"(
[[server]]
uri = "coap://127.0.0.1"
[[object]]
id = 3303
[object.values]
"1/5700" = 20
"1/5701" = "Cel"
[[object]]
id = 2
[object.values]
"0/0" = 1
"0/1" = 0
"0/2" = [7, 8]
"0/3" = 1
)");
  ASSERT_TRUE(image) << image.error().reason;
  const auto objects = objects_of(file(*image, kData));
  ASSERT_EQ(objects.size(), 4U);
  EXPECT_EQ(objects[2].id, 3303);
  EXPECT_EQ(objects[2].instances, octets("08010D E4 1644 41A00000 E3 1645 43656C"));
  EXPECT_EQ(objects[3].instances, octets("08 00 11 C10001 C10100 8602 410007 410108 C10301"));
}

/// The reference's own object, 9000 of version 2.5 with a thousand octets, which no definition knows.
TEST_F(DescriptionTest, AnObjectThatNobodyKnows) {
  std::string digits;
  for (int i = 0; i < 1000; ++i) digits += "ab";
  const auto image =
      read("[[object]]\nid = 9000\nversion = \"2.5\"\n[object.values]\n\"0/0\" = \"hex:" + digits + "\"\n");
  ASSERT_TRUE(image) << image.error().reason;
  Bytes expected = octets("0001 03F6 2328 0205 03F0 100003EC D00003E8");
  expected.resize(4 + 0x3F6, 0xAB);
  EXPECT_EQ(file(*image, kData).content, expected);
}

TEST_F(DescriptionTest, TheFormsOfTheDirectory) {
  const auto dodf = [this](const std::string& form) {
    const auto image = read(std::string(kServer) + "[files]\nform = \"" + form + "\"\ndodf_size = 120\n");
    EXPECT_EQ(file(*image, kDodf).size, 120U);
    return to_hex(file(*image, kDodf).content);
  };
  // The forms of Core G.3.2, of later texts, and of those cards that wrap the OID twice.
  EXPECT_EQ(dodf("opaque"), "302a30110c0f4c774d324d20426f6f747374726170300d0c054c774d324d0604672b0901a106300404026432");
  EXPECT_EQ(dodf("oid"), "a12530110c0f4c774d324d20426f6f7473747261703000a10e300c0604672b0901300404026432");
  EXPECT_EQ(dodf("oid-twice"), "a127300030110c0f4c774d324d20426f6f747374726170a110300e06060604672b0901300404026432");
}

TEST_F(DescriptionTest, EverythingOfTheFilesMayBeElsewhere) {
  write("pin", "1234\n");
  const auto image = read(std::string(kServer) + R"(
[pin]
pin_file = "pin"
reference = 129
tries = 5
[files]
application = 0x7F20
dodf = 0x4401
data = 0x4402
data_size = 500
offset = 16
absolute_paths = true
private = true
modifiable = true
aid = "a000000063504b43532d313501"
)");
  ASSERT_TRUE(image) << image.error().reason;
  EXPECT_EQ(image->folders.front().id, 0x7F20);
  EXPECT_EQ(image->folders.front().aid, octets("a000000063504b43532d313501"));
  const auto dodfs = pkcs15::parse_odf(file(*image, pkcs15::kOdf).content);
  EXPECT_EQ(*dodfs, (std::vector{pkcs15::Path{octets("3F007F204401"), {}, {}}}));
  const auto objects = pkcs15::parse_dodf(file(*image, 0x4401).content);
  ASSERT_TRUE(objects) << objects.error().reason;
  EXPECT_TRUE(objects->front().is_private);
  EXPECT_TRUE(objects->front().is_modifiable);
  EXPECT_EQ(objects->front().auth_id, octets("81"));
  const auto& data = file(*image, 0x4402);
  EXPECT_TRUE(data.needs_pin);
  EXPECT_EQ(data.size, 500U);
  EXPECT_EQ(objects->front().path, (pkcs15::Path{octets("3F007F204402"), 16, data.content.size() - 16}));
  EXPECT_TRUE(smartcard::parse_bootstrap_file(ByteView(data.content).subspan(16)));
  EXPECT_EQ(image->pin.reveal(), "1234");
  EXPECT_EQ(image->pin_tries, 5U);
  EXPECT_EQ(image->pin_reference, 0x81);
}

TEST_F(DescriptionTest, TheDirectoryOfApplications) {
  const auto image = read("iccid = \"8949123456789012345\"\nlabel = \"Drover\"\nprotocol = \"T=0\"\n" +
                          std::string(kServer) +
                          "[[application]]\naid = \"A0000000871002FFFFFFFF8907090000\"\nlabel = \"USIM\"\n");
  ASSERT_TRUE(image) << image.error().reason;
  EXPECT_TRUE(image->t0);
  EXPECT_EQ(file(*image, 0x2FE2).content, octets("989421436587092143F5"));
  const auto& dir = file(*image, 0x2F00);
  ASSERT_EQ(dir.record_size, 38U);
  ASSERT_EQ(dir.content.size(), 3 * 38U);
  const ByteView records(dir.content);
  EXPECT_EQ((*pkcs15::parse_dir_record(records.first(38)))->label, "USIM");
  const auto ours = *pkcs15::parse_dir_record(records.subspan(38, 38));
  EXPECT_TRUE(ours->is_pkcs15());
  EXPECT_EQ(ours->label, "Drover");
  EXPECT_EQ(ours->path, octets("3F007F50"));
  EXPECT_FALSE(pkcs15::parse_dir_record(records.last(38))->has_value());
}

TEST_F(DescriptionTest, KeysOfTheSecureChannel) {
  write("scp.keys", "# AES-128\nENC = 404142434445464748494a4b4c4d4e4f\n"
                    "MAC=505152535455565758595a5b5c5d5e5f # and DEK\n\n"
                    "DEK = 606162636465666768696a6b6c6d6e6f\n");
  const auto image = read(std::string(kServer) +
                          "[secure_channel]\nkey_file = \"scp.keys\"\nrequired = true\nversion = 1\n");
  ASSERT_TRUE(image) << image.error().reason;
  ASSERT_TRUE(image->keys);
  EXPECT_EQ(image->keys->enc.reveal(), octets("404142434445464748494a4b4c4d4e4f"));
  EXPECT_EQ(image->keys->mac.reveal(), octets("505152535455565758595a5b5c5d5e5f"));
  EXPECT_EQ(image->keys->dek.reveal(), octets("606162636465666768696a6b6c6d6e6f"));
  EXPECT_EQ(image->keys->version, 1);
  EXPECT_TRUE(file(*image, kData).needs_secure_channel);
  EXPECT_FALSE(file(*image, kDodf).needs_secure_channel);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(DescriptionTest, KeysThatOthersCanReadAreWarnedOf) {
  write("mac", "505152535455565758595a5b5c5d5e5f", false);
  const auto image = read(std::string(kServer) +
                          "[secure_channel]\nenc = \"404142434445464748494a4b4c4d4e4f\"\nmac_file = \"mac\"\n");
  ASSERT_TRUE(image) << image.error().reason;
  ASSERT_EQ(warnings_.size(), 2U);
  EXPECT_EQ(warnings_[0], (folder_ / "card.toml").string() +
                              ":4: a key stands in the description itself; enc_file keeps it apart");
  EXPECT_EQ(warnings_[1], "everybody on this machine may read the key in " + (folder_ / "mac").string() +
                              "; chmod 600 mends it");
}

TEST_F(DescriptionTest, TheApplicationOfShortMessages) {
  write("sms.key", "101112131415161718191a1b1c1d1e1f303132333435363738393a3b3c3d3e3f");
  const auto image = read(std::string(kServer) + "[sms_application]\nkey_file = \"sms.key\"\ncoap_tag = 6\n");
  ASSERT_TRUE(image) << image.error().reason;
  ASSERT_TRUE(image->sms);
  EXPECT_EQ(image->sms->aid, octets("A0000000090002FFFFFFFF89B2020300"));
  EXPECT_EQ(image->sms->parameters.octets(), octets("12121600B20203"));
  EXPECT_EQ(image->sms->keys.integrity.reveal(), octets("303132333435363738393a3b3c3d3e3f"));
  EXPECT_EQ(image->sms->coap_tag, 6);
  EXPECT_FALSE(image->sms->needs_secure_channel);
  EXPECT_EQ(file(*image, 0x2F00).content.size(), 3 * 38U) << "it stands in EF(DIR), too";
}

TEST_F(DescriptionTest, ContentFromElsewhere) {
  const Bytes anjay = octets("0001 0011 0001 00 000C 080009 C10001 C1013C C10600");
  write("card.bin", as_text(anjay));
  auto image = read("[files]\ncontent_file = \"card.bin\"\n");
  ASSERT_TRUE(image) << image.error().reason;
  EXPECT_EQ(file(*image, kData).content, anjay);
  EXPECT_TRUE(warnings_.empty());
  write("card.bin", as_text(ByteView(anjay).first(10)));
  image = read("[files]\ncontent_file = \"card.bin\"\n");
  ASSERT_TRUE(image) << image.error().reason;
  ASSERT_EQ(warnings_.size(), 1U) << "a broken one may be what a tester wants";
  EXPECT_NE(warnings_[0].find("card.toml:2: EF LwM2M_Bootstrap, octet 2"), std::string::npos) << warnings_[0];
}

TEST_F(DescriptionTest, MistakesAreNamedByLine) {
  const std::string server = kServer;
  write("short", "4041");
  write("keys", "ENC = 404142434445464748494a4b4c4d4e4f\nMUC = 00\n");
  EXPECT_EQ(refusal(""), "card.toml:1: there is nothing on the card; give it [[server]] or [bootstrap]");
  EXPECT_EQ(refusal("label = \n").substr(0, 13), "card.toml:1: ");
  EXPECT_EQ(refusal("iccid = \"89A\"\n" + server), "card.toml:1: iccid takes 18 to 20 digits in quotes");
  EXPECT_EQ(refusal("protocol = \"T=2\"\n" + server), "card.toml:1: protocol takes \"T=0\" or \"T=1\"");
  EXPECT_EQ(refusal(server + "lifetim = 3\n").substr(0, 34), "card.toml:3: unknown key \"lifetim\"");
  EXPECT_EQ(refusal("[[server]]\n"), "card.toml:1: uri is missing");
  EXPECT_EQ(refusal("[[server]]\nuri = \"coaps://a\"\n"), "card.toml:2: coaps needs security = { ... }");
  EXPECT_EQ(refusal(server + "id = 7\n" + server + "id = 7\n"), "card.toml:6: another [[server]] has the id 7");
  EXPECT_EQ(refusal(server + "binding = \"UU\"\n").substr(0, 27), "card.toml:3: binding takes ");
  EXPECT_EQ(refusal(server + "[files]\nform = \"x\"\n"),
            "card.toml:4: form takes \"opaque\", \"oid\" or \"oid-twice\"");
  EXPECT_EQ(refusal(server + "[files]\ndata = 0x6430\n"), "card.toml:4: data: another file has this identifier");
  EXPECT_EQ(refusal(server + "[files]\nprivate = true\n"), "card.toml:3: private = true needs [pin]");
  EXPECT_EQ(refusal(server + "[files]\ndata_size = 10\n").substr(0, 46),
            "card.toml:3: data_size has 10 octets, and 69 a");
  EXPECT_EQ(refusal(server + "[files]\naid = \"a0000000871002\"\n"),
            "card.toml:4: the AID of PKCS #15 begins with a000000063504b43532d3135");
  EXPECT_EQ(refusal(server + "[pin]\npin_file = \"absent\"\n"), "card.toml:4: absent: can't be read, or is empty");
  EXPECT_EQ(refusal(server + "[secure_channel]\nenc_file = \"short\"\n"),
            "card.toml:3: it needs KEY_ENC and KEY_MAC: key_file, or enc_file and mac_file");
  EXPECT_EQ(refusal(server + "[secure_channel]\nkey_file = \"keys\"\n"),
            "card.toml:4: keys:2: takes ENC = ..., MAC = ... and DEK = ...");
  EXPECT_EQ(refusal(server + "[object]\n"), "card.toml:3: object takes tables: [[...]]");
  EXPECT_EQ(refusal(server + "[[object]]\nid = 1\n[object.values]\n\"0/0\" = 1\n"),
            "card.toml:3: object 1 comes twice");
  EXPECT_EQ(refusal("[[object]]\nid = 5\n[object.values]\n\"0\" = 1\n"),
            "card.toml:4: \"0\" isn't INSTANCE/RESOURCE, such as \"0/5700\"");
  EXPECT_EQ(refusal("[[object]]\nid = 3303\n[object.values]\n\"0/1\" = 1\n").substr(0, 13), "card.toml:4: ");
  EXPECT_EQ(refusal("[[object]]\nid = 9000\nversion = \"0.1\"\n"), "card.toml:3: version takes \"1.0\" to \"255.255\"");
}

/// No message quotes a key or a PIN, not even a wrong one.
TEST_F(DescriptionTest, MistakesDontQuoteKeys) {
  write("key", "ENC = 0123456789abcdefg\n");
  EXPECT_EQ(refusal(std::string(kServer) + "[secure_channel]\nkey_file = \"key\"\n").find("0123456789"),
            std::string::npos);
  const std::string wrong =
      refusal(std::string(kServer) + "[secure_channel]\nenc = \"0123456789abcdefg\"\nmac = \"00\"\n");
  EXPECT_EQ(wrong.find("0123456789"), std::string::npos);
  write("pin", "123456789");
  EXPECT_EQ(refusal(std::string(kServer) + "[pin]\npin_file = \"pin\"\n").find("123456789"), std::string::npos);
}

}  // namespace
}  // namespace drover::card
