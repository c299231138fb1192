// SPDX-License-Identifier: Apache-2.0
#include "smartcard/pkcs15.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

namespace drover::smartcard::pkcs15 {
namespace {

Bytes hex(std::string_view digits) {
  std::string packed;
  for (const char c : digits) {
    if (c != ' ') packed += c;
  }
  return from_hex(packed).value();
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// "LwM2M Bootstrap" and 2.23.43.9.1, as cards in the field say them.
Bytes opaque() {
  return hex("302A 3011 0C0F4C774D324D20426F6F747374726170 300D 0C054C774D324D 0604672B0901 A106 3004 04026432");
}
Bytes oid_do() {
  return hex("A125 3011 0C0F4C774D324D20426F6F747374726170 3000 A10E 300C 0604672B0901 3004 04026432");
}
/// nRF Connect SDK, test uicc_lwm2m.
Bytes wrapped_twice() {
  return hex("A127 3000 3011 0C0F4C774D324D20426F6F747374726170 A110 300E 06060604672B0901 3004 04026432");
}

DataObject bootstrap(DodfForm form) {
  DataObject object;
  object.form = form;
  object.label = "LwM2M Bootstrap";
  if (form == DodfForm::Opaque) object.application = "LwM2M";
  object.is_bootstrap = true;
  object.path.file = hex("6432");
  return object;
}

template <class T>
std::string refusal(const Result<T>& parsed) {
  return parsed ? "parsed" : parsed.error().reason;
}

/// Calls `parse` with octets that have nothing behind them, for AddressSanitizer.
template <class Parse>
auto alone(Parse parse, ByteView file) {
  const std::unique_ptr<std::uint8_t[]> copy(new std::uint8_t[file.size()]);
  std::copy(file.begin(), file.end(), copy.get());
  return parse(ByteView(copy.get(), file.size()));
}

/// Each bit by itself, and each prefix, is read or refused with a reason.
template <class Parse>
void break_everywhere(Parse parse, const Bytes& file) {
  for (std::size_t length = 1; length < file.size(); ++length) {
    const auto parsed = alone(parse, ByteView(file).first(length));
    EXPECT_TRUE(parsed || !parsed.error().reason.empty());
  }
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    Bytes other = file;
    other[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    const auto parsed = alone(parse, other);
    EXPECT_TRUE(parsed || !parsed.error().reason.empty());
  }
}

TEST(Dodf, TheThreeForms) {
  EXPECT_EQ(*parse_dodf(opaque()), std::vector{bootstrap(DodfForm::Opaque)});
  EXPECT_EQ(*parse_dodf(oid_do()), std::vector{bootstrap(DodfForm::Oid)});
  EXPECT_EQ(*parse_dodf(wrapped_twice()), std::vector{bootstrap(DodfForm::OidWrappedTwice)});
}

TEST(Dodf, WritesTheThreeForms) {
  EXPECT_EQ(*encode_dodf({bootstrap(DodfForm::Opaque)}), opaque());
  EXPECT_EQ(*encode_dodf({bootstrap(DodfForm::Oid)}), oid_do());
  EXPECT_EQ(*encode_dodf({bootstrap(DodfForm::OidWrappedTwice)}), wrapped_twice());
}

TEST(Dodf, SeveralEntriesInOrderAndPadding) {
  for (const char* padding : {"", "FFFFFFFF", "00000000"}) {
    const auto objects = parse_dodf(joined({oid_do(), opaque(), wrapped_twice(), hex(padding)}));
    ASSERT_TRUE(objects) << objects.error().reason;
    ASSERT_EQ(objects->size(), 3U);
    EXPECT_EQ((*objects)[0].form, DodfForm::Oid);
    EXPECT_EQ((*objects)[2].form, DodfForm::OidWrappedTwice);
  }
  EXPECT_TRUE(parse_dodf({})->empty());
  EXPECT_TRUE(parse_dodf(Bytes(120, 0xFF))->empty());
}

TEST(Dodf, EveryTruncationIsRefused) {
  for (const Bytes& file : {opaque(), oid_do(), wrapped_twice()}) {
    for (std::size_t length = 1; length < file.size(); ++length) {
      EXPECT_FALSE(alone(parse_dodf, ByteView(file).first(length))) << length;
    }
  }
}

TEST(Dodf, EveryFlippedBitIsReadOrRefused) {
  for (const Bytes& file : {opaque(), oid_do(), wrapped_twice()}) break_everywhere(parse_dodf, file);
}

/// A flipped bit of the OID makes it another object, never the bootstrap object.
TEST(Dodf, AnotherOidIsAnotherObject) {
  for (const Bytes& file : {opaque(), oid_do(), wrapped_twice()}) {
    const auto at = static_cast<std::size_t>(
        std::search(file.begin(), file.end(), kBootstrapOid.begin(), kBootstrapOid.end()) - file.begin());
    for (std::size_t bit = at * 8; bit < (at + kBootstrapOid.size()) * 8; ++bit) {
      Bytes other = file;
      other[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
      const auto objects = parse_dodf(other);
      ASSERT_TRUE(objects) << objects.error().reason;
      EXPECT_FALSE(objects->front().is_bootstrap) << bit;
    }
  }
}

TEST(Dodf, FlagsAndAuthenticationObject) {
  // CommonObjectAttributes { label, flags private and modifiable, authId 01 }
  const auto of_flags = [](const char* flags) {
    return parse_dodf(joined({hex("3018 300A 0C0141"), hex(flags), hex("040101 3000 A108 3006 04046430 6432")}));
  };
  const auto both = of_flags("030206C0");
  ASSERT_TRUE(both) << both.error().reason;
  EXPECT_TRUE(both->front().is_private);
  EXPECT_TRUE(both->front().is_modifiable);
  EXPECT_EQ(both->front().auth_id, hex("01"));
  EXPECT_EQ(both->front().label, "A");
  EXPECT_FALSE(both->front().is_bootstrap);
  EXPECT_EQ(both->front().path.file, hex("64306432"));
  EXPECT_TRUE(of_flags("03020780")->front().is_private);
  EXPECT_FALSE(of_flags("03020780")->front().is_modifiable);
  EXPECT_FALSE(of_flags("03020640")->front().is_private);
  EXPECT_TRUE(of_flags("03020640")->front().is_modifiable);
  EXPECT_EQ(refusal(of_flags("030208C0")), "EF(DODF), octet 7: flags aren't a bit string");
}

TEST(Dodf, IndexAndLengthOfAPath) {
  const auto objects = parse_dodf(hex("301B 3000 300D 0C054C774D324D 0604672B0901 A108 3006 0402 6432 0000"));
  ASSERT_TRUE(objects) << objects.error().reason;
  EXPECT_FALSE(objects->front().path.index);
  const auto whole = parse_dodf(
      hex("3024 3000 300D 0C054C774D324D 0604672B0901 A111 300F 04063F007F506432 02010A 80020100"));
  ASSERT_TRUE(whole) << whole.error().reason;
  EXPECT_EQ(whole->front().path, (Path{hex("3F007F506432"), 10, 256}));
  const auto negative = parse_dodf(hex("301C 3000 300D 0C054C774D324D 0604672B0901 A109 3007 04026432 0201FF"));
  EXPECT_EQ(refusal(negative), "EF(DODF), octet 27: the path's index isn't a number that can be");
  const auto huge = parse_dodf(hex("3020 3000 300D 0C054C774D324D 0604672B0901 A10D 300B 04026432 02050100000000"));
  EXPECT_FALSE(huge);
}

TEST(Dodf, PathsThatCantBe) {
  EXPECT_EQ(refusal(parse_dodf(hex("300B 3000 3000 A105 3003 0401 64"))), "EF(DODF), octet 10: a path of 1 octets");
  EXPECT_EQ(refusal(parse_dodf(hex("300A 3000 3000 A104 3002 0400"))), "EF(DODF), octet 10: a path of 0 octets");
  EXPECT_EQ(refusal(parse_dodf(hex("3008 3000 3000 A102 3000"))), "EF(DODF), octet 10: the path is missing");
  EXPECT_FALSE(parse_dodf(joined({hex("302C 3000 3000 A126 3024 0422"), Bytes(34, 0x64)})));
}

TEST(Dodf, WhatIsMissing) {
  EXPECT_EQ(refusal(parse_dodf(hex("3000"))), "EF(DODF), octet 2: CommonObjectAttributes are missing");
  EXPECT_EQ(refusal(parse_dodf(hex("3002 3000"))), "EF(DODF), octet 4: CommonDataObjectAttributes are missing");
  EXPECT_EQ(refusal(parse_dodf(hex("3004 3000 3000"))), "EF(DODF), octet 6: typeAttributes are missing");
  EXPECT_EQ(refusal(parse_dodf(hex("A10A 3000 3000 A104 3002 0400"))),
            "EF(DODF), octet 10: the OID of an oidDO is missing");
  EXPECT_EQ(refusal(parse_dodf(hex("A106 3000 3000 A100"))), "EF(DODF), octet 8: the value of an oidDO is missing");
}

/// A value in the directory itself [0], or behind a URL.
TEST(Dodf, ValuesThatAreElsewhereAreSkipped) {
  const auto objects = parse_dodf(joined({hex("300A 3000 3000 A104 A002 0500"), hex("300A 3000 3000 A104 1602 6161"),
                                          hex("A006 3000 3000 A100"), oid_do()}));
  ASSERT_TRUE(objects) << objects.error().reason;
  EXPECT_EQ(objects->size(), 1U);
}

TEST(Dodf, AnOpaqueObjectMayWrapItsOid) {
  const auto objects = parse_dodf(hex("3018 3000 3008 0606 0604672B0901 A10A 3008 0406 3F007F506432"));
  ASSERT_TRUE(objects) << objects.error().reason;
  EXPECT_TRUE(objects->front().is_bootstrap);
  EXPECT_EQ(objects->front().form, DodfForm::Opaque);
}

/// 06 05 says more than there is: these six octets are an OID of their own.
TEST(Dodf, AnOidThatIsntWrapped) {
  const auto objects = parse_dodf(hex("A116 3000 3000 A110 300E 0606 0605672B0901 3004 04026432"));
  ASSERT_TRUE(objects) << objects.error().reason;
  EXPECT_EQ(objects->front().form, DodfForm::Oid);
  EXPECT_FALSE(objects->front().is_bootstrap);
}

TEST(Dodf, LabelsAreFitToBeShown) {
  EXPECT_EQ(parse_dodf(hex("3012 3004 0C02 41C3 3000 A108 3006 0404 7F506432"))->front().label, "A?");
  EXPECT_EQ(parse_dodf(hex("3013 3005 0C03 41C3A4 3000 A108 3006 0404 7F506432"))->front().label, "A\xC3\xA4");
  const auto objects = parse_dodf(hex("3014 3006 0C04 411B80C3 3000 A108 3006 0404 7F506432"));
  ASSERT_TRUE(objects) << objects.error().reason;
  EXPECT_EQ(objects->front().label, "A???");
}

TEST(Dodf, ManyEntriesAreRefused) {
  Bytes file;
  for (std::size_t i = 0; i < kEntriesMax; ++i) file = joined({file, hex("A200")});
  EXPECT_TRUE(parse_dodf(file));
  file = joined({file, hex("A200")});
  EXPECT_EQ(refusal(parse_dodf(file)), "EF(DODF), octet 128: more than 64 entries");
}

TEST(Dodf, RoundTripsOfEveryAttribute) {
  for (const DodfForm form : {DodfForm::Opaque, DodfForm::Oid, DodfForm::OidWrappedTwice}) {
    for (unsigned which = 0; which < 64; ++which) {
      DataObject object = bootstrap(form);
      object.is_private = (which & 1) != 0;
      object.is_modifiable = (which & 2) != 0;
      if ((which & 4) != 0) object.auth_id = hex("01");
      if ((which & 8) != 0) object.path = {hex("3F007F506432"), 4, 200};
      if ((which & 16) != 0) object.application = "Application";
      if ((which & 32) != 0) object.label = std::string(255, 'L');
      const auto file = encode_dodf({object, object});
      ASSERT_TRUE(file) << file.error().reason;
      EXPECT_EQ(*parse_dodf(*file), (std::vector{object, object})) << which;
    }
  }
}

TEST(Dodf, WhatFormsCantSay) {
  DataObject object = bootstrap(DodfForm::Oid);
  object.is_bootstrap = false;
  EXPECT_FALSE(encode_dodf({object}));
  object.form = DodfForm::Opaque;
  EXPECT_TRUE(encode_dodf({object}));
  object.label = std::string(256, 'L');
  EXPECT_FALSE(encode_dodf({object}));
  object = bootstrap(DodfForm::Opaque);
  object.path.file = hex("64");
  EXPECT_FALSE(encode_dodf({object}));
  EXPECT_FALSE(encode_dodf(std::vector(kEntriesMax + 1, bootstrap(DodfForm::Oid))));
}

TEST(Odf, OneDirectory) {
  EXPECT_EQ(*parse_odf(hex("A706300404026430 FFFFFFFF")), (std::vector{Path{hex("6430"), {}, {}}}));
  EXPECT_EQ(*encode_odf({{hex("6430"), {}, {}}}), hex("A706300404026430"));
}

TEST(Odf, OthersAreSkippedAndSeveralKeepTheirOrder) {
  // A0 private keys, A7 with the objects themselves, A5 trusted certificates.
  const auto paths = parse_odf(hex("A006300404024401 A70A3008 0406 3F007F506430 A704A0023000 A506300404024402 "
                                   "A70C300A 04026431 020105 80017B 00"));
  ASSERT_TRUE(paths) << paths.error().reason;
  EXPECT_EQ(*paths, (std::vector{Path{hex("3F007F506430"), {}, {}}, Path{hex("6431"), 5, 123}}));
  EXPECT_EQ(*parse_odf(*encode_odf(*paths)), *paths);
}

TEST(Odf, BrokenFiles) {
  const Bytes file = hex("A70A3008 0406 3F007F506430 A70C300A 04026431 020105 80017B");
  break_everywhere(parse_odf, file);
  for (std::size_t length = 1; length < file.size(); ++length) {
    EXPECT_EQ(alone(parse_odf, ByteView(file).first(length)).has_value(), length == 12) << length;
  }
  EXPECT_EQ(refusal(parse_odf(hex("A700"))), "EF(ODF), octet 0: an entry without a path");
  EXPECT_EQ(refusal(parse_odf(hex("A706 3004 0402 64"))), "EF(ODF), octet 0: a value that is cut off");
}

TEST(Dir, Templates) {
  const Bytes usim = hex("6118 4F10 A0000000871002FFFFFFFF8907090000 5004 5553494D FFFF");
  const auto application = parse_dir_record(usim);
  ASSERT_TRUE(application) << application.error().reason;
  EXPECT_EQ((*application)->label, "USIM");
  EXPECT_FALSE((*application)->is_pkcs15());
  EXPECT_TRUE((*application)->path.empty());

  const Bytes pkcs15 = hex("611C 4F0C A000000063504B43532D3135 5006 504B43533135 5104 3F007F50");
  const auto found = parse_dir_record(pkcs15);
  ASSERT_TRUE(found) << found.error().reason;
  EXPECT_TRUE((*found)->is_pkcs15());
  EXPECT_EQ((*found)->label, "PKCS15");
  EXPECT_EQ((*found)->path, hex("3F007F50"));
  EXPECT_EQ(*encode_dir_record(**found), pkcs15);
  break_everywhere(parse_dir_record, pkcs15);
  for (std::size_t length = 1; length < pkcs15.size(); ++length) {
    EXPECT_FALSE(alone(parse_dir_record, ByteView(pkcs15).first(length))) << length;
  }
}

TEST(Dir, EmptyAndWrongRecords) {
  EXPECT_FALSE(parse_dir_record(Bytes(38, 0xFF))->has_value());
  EXPECT_FALSE(parse_dir_record(Bytes(38, 0x00))->has_value());
  EXPECT_FALSE(parse_dir_record({})->has_value());
  EXPECT_EQ(refusal(parse_dir_record(hex("6202 4F00"))), "EF(DIR), octet 0: it isn't an application template");
  EXPECT_EQ(refusal(parse_dir_record(hex("6103 500141"))), "EF(DIR), octet 2: the AID is missing");
  EXPECT_EQ(refusal(parse_dir_record(hex("6106 4F04 A0000000"))), "EF(DIR), octet 2: an AID of 4 octets");
}

TEST(Dir, WhatATemplateCantSay) {
  EXPECT_FALSE(encode_dir_record({hex("A0000000"), "", {}}));
  EXPECT_FALSE(encode_dir_record({Bytes(17, 0xA0), "", {}}));
  EXPECT_FALSE(encode_dir_record({Bytes(16, 0xA0), std::string(256, 'L'), {}}));
  EXPECT_FALSE(encode_dir_record({Bytes(16, 0xA0), "", hex("3F")}));
}

/// As OpenSC's own example has it: SEQUENCE { version 0, serial, manufacturer, [0] label, flags }.
TEST(TokenInfo, IsWhatOthersReadersAskFor) {
  EXPECT_EQ(encode_token_info("UICC", "SimVendor", hex("89012345")),
            hex("301E 020100 0404 89012345 0C09 53696D56656E646F72 8004 55494343 03020780"));
}

}  // namespace
}  // namespace drover::smartcard::pkcs15
