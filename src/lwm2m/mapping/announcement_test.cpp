// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "lwm2m/mapping/mapping.hpp"

namespace drover::lwm2m::mapping {
namespace {

/// "root=/lwm2m ct=11543, 1: 0 1, 44 v2.2: 0" for what was understood, "error 4.00" when refused.
std::string understood(std::string_view links) {
  const auto announcement = parse_announcement(links);
  if (!announcement) return "error " + coap::Code(announcement.error().code).to_string();
  std::string text = "root=" + announcement->root + " ct=";
  for (const FormatNumber format : announcement->formats) text += std::to_string(format) + ' ';
  for (const AnnouncedObject& object : announcement->objects) {
    text += "| " + std::to_string(object.id);
    if (object.version) text += 'v' + object.version->to_string();
    text += ": ";
    for (const InstanceId instance : object.instances) text += std::to_string(instance) + ' ';
  }
  return text;
}

constexpr const char* kAppendixFClient = "| 1: 0 1 | 2: 0 1 2 3 4 | 3: 0 | 4: 0 | 5: ";

TEST(Core5_3_1, ObjectsWithoutInstances) {
  EXPECT_EQ(understood("</1>, </2>, </3>, </4>, </5>"), "root= ct=| 1: | 2: | 3: | 4: | 5: ");
}

TEST(Core5_3_1, TheClientOfAppendixF) {
  EXPECT_EQ(understood("</1/0>,</1/1>,</2/0>,</2/1>,</2/2>,</2/3>,</2/4>,</3/0>,</4/0>,</5>"),
            std::string("root= ct=") + kAppendixFClient);
}

TEST(Core5_3_1, JsonIsAnnouncedAtTheRootPath) {
  EXPECT_EQ(understood("</>;ct=11543, </1/0>,</1/1>,</2/0>,</2/1>,</2/2>,</2/3>,</2/4>,</3/0>,</4/0>,</5>"),
            std::string("root= ct=11543 ") + kAppendixFClient);
}

TEST(TransportAlternatePath, TheExampleWithTheBlanksItPrints) {
  EXPECT_EQ(understood("</lwm2m>;rt=\"oma.lwm2m\", </lwm2m /1/0>,</lwm2m /1/1>,</lwm2m /2/0>,</lwm2m /2/1>,"
                       "</lwm2m /2/2>,</lwm2m /2/3>,</lwm2m /2/4>,</lwm2m /3/0>,</lwm2m /4/0>,</lwm2m /5>"),
            std::string("root=/lwm2m ct=") + kAppendixFClient);
}

TEST(TransportAlternatePath, TheRootLinkMayComeLastAndHoldMoreResourceTypes) {
  EXPECT_EQ(understood("</a/b/1/0>,</a/b/>;rt=\"x oma.lwm2m y\";ct=\"110 112 11543\""),
            "root=/a/b ct=110 112 11543 | 1: 0 ");
  EXPECT_EQ(understood("</lwm2m>;rt=oma.lwm2m,</lwm2m/1/0>"), "root=/lwm2m ct=| 1: 0 ");
  EXPECT_EQ(understood("</x>;rt=\"oma.lwm2mx\",</1/0>"), "root= ct=| 1: 0 ");
}

TEST(TransportAlternatePath, TheRootLinkMustNotHoldANumericalSegment) {
  EXPECT_EQ(understood("</5>;rt=\"oma.lwm2m\""), "error 4.00");
  EXPECT_EQ(understood("</lwm2m/0>;rt=\"oma.lwm2m\""), "error 4.00");
  EXPECT_EQ(understood("</lwm2m5>;rt=\"oma.lwm2m\",</lwm2m5/3>"), "root=/lwm2m5 ct=| 3: ");
}

TEST(TransportAlternatePath, ARootThatNoUriPathCanSayIsRefused) {
  for (const char* target : {"lwm2m", "coap://h/a", "//a", "/a//b", "/..", "/a/./b", "/a?b", "/a#b"}) {
    EXPECT_EQ(understood('<' + std::string(target) + ">;rt=\"oma.lwm2m\""), "error 4.00") << target;
  }
  EXPECT_EQ(understood("</" + std::string(kTextBytesMax, 'a') + ">;rt=\"oma.lwm2m\""), "error 4.00");
}

TEST(TransportAlternatePath, LinksOutsideTheRootAreIgnored) {
  EXPECT_EQ(understood("</lwm2m>;rt=\"oma.lwm2m\",</1/0>,</lwm2mx/2/0>,</lwm2m/3/0>"), "root=/lwm2m ct=| 3: 0 ");
}

TEST(Core6_2_3, VersionsQuotedOrNotAtTheObjectOrTheInstance) {
  EXPECT_EQ(understood("</1/0>,</1/1>,</3/0>,</44>;ver= \"2.2\",</44/0>"), "root= ct=| 1: 0 1 | 3: 0 | 44v2.2: 0 ");
  EXPECT_EQ(understood("</55>;ver=1.9, </55/0>"), "root= ct=| 55v1.9: 0 ");
  EXPECT_EQ(understood("</10/0>;ver=1.1"), "root= ct=| 10v1.1: 0 ");
  EXPECT_EQ(understood("</10>;ver=banana,</10/0>"), "root= ct=| 10: 0 ");
}

TEST(ForeignPrograms, WakaamaAndAnjayRegisterForms) {
  EXPECT_EQ(understood("</>;rt=\"oma.lwm2m\";ct=110,</1>;ver=1.1,</1/0>,</2>,</3/0>"),
            "root= ct=110 | 1v1.1: 0 | 2: | 3: 0 ");
  EXPECT_EQ(understood("</1>;ver=1.1,</1/1>,</3>;ver=1.0,</3/0>,</10>;ver=1.1,</10/0>"),
            "root= ct=| 1v1.1: 1 | 3v1.0: 0 | 10v1.1: 0 ");
}

TEST(Core5_3_1, WhateverElseIsListedIsIgnoredInSilence) {
  EXPECT_EQ(understood("</3/0>;foo=1;obs,</3/0/1>,</sensors/temp>,<coap://x/5>,</1/00>,</65536>,</-1>,</>,</1/>"),
            "root= ct=| 1: | 3: 0 ");
  EXPECT_EQ(understood(""), "root= ct=");
}

TEST(Core5_3_1, TheSecurityObjectIsNotTaken) {
  EXPECT_EQ(understood("</0>,</0/0>,</0/1>,</1/0>"), "root= ct=| 1: 0 ");
}

TEST(Core6_3, ReservedIdsAreNotTaken) {
  EXPECT_EQ(understood("</65535>,</1/65535>,</2/65534>"), "root= ct=| 2: 65534 ");
}

TEST(Announcement, IsSortedAndFreeOfDoubles) {
  EXPECT_EQ(understood("</5/3>,</1/1>,</5>,</1/0>,</5/3>,</5/1>,</1/1>,</1>"), "root= ct=| 1: 0 1 | 5: 1 3 ");
}

TEST(Announcement, StrangeFormatsArePassedOver) {
  EXPECT_EQ(understood("</>;ct=\" 110  x 70000 -1 11543\""), "root= ct=110 11543 ");
}

TEST(Announcement, MalformedLinkFormatIs4_00) {
  for (const char* links : {"1/0", "</1/0", "</1/0>;", "</1/0>,", "</1/0>;ver=\"1", "{}", "\xFF"}) {
    EXPECT_EQ(understood(links), "error 4.00") << links;
  }
}

TEST(Announcement, IsWrittenAsTheSpecificationPrintsIt) {
  Announcement announcement;
  announcement.objects = {{1, {}, {0, 1}}, {5, {}, {}}, {44, Version{2, 2}, {0}}, {45, Version{1, 1}, {}}};
  EXPECT_EQ(format_announcement(announcement), "</1/0>,</1/1>,</5>,</44>;ver=\"2.2\",</44/0>,</45>;ver=\"1.1\"");
  announcement.formats = {11543};
  announcement.objects = {{1, {}, {0}}};
  EXPECT_EQ(format_announcement(announcement), "</>;rt=\"oma.lwm2m\";ct=11543,</1/0>");
  announcement.root = "/lwm2m";
  announcement.formats = {110, 112};
  EXPECT_EQ(format_announcement(announcement), "</lwm2m>;rt=\"oma.lwm2m\";ct=\"110 112\",</lwm2m/1/0>");
  announcement.formats.clear();
  EXPECT_EQ(format_announcement(announcement), "</lwm2m>;rt=\"oma.lwm2m\",</lwm2m/1/0>");
  EXPECT_EQ(format_announcement({}), "");
}

TEST(Announcement, IsReadBackAsWritten) {
  Announcement announcement;
  announcement.root = "/a/b";
  announcement.formats = {0, 42, 11542, 11543};
  announcement.objects = {{1, Version{1, 1}, {0, 7, 65534}}, {3, {}, {0}}, {5, {}, {}}, {65534, Version{9, 9}, {}}};
  const auto again = parse_announcement(format_announcement(announcement));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, announcement);
}

}  // namespace
}  // namespace drover::lwm2m::mapping
