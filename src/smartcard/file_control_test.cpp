// SPDX-License-Identifier: Apache-2.0
#include "smartcard/file_control.hpp"

#include <gtest/gtest.h>

#include <string>

namespace drover::smartcard {
namespace {

Bytes hex(const std::string& digits) { return *from_hex(digits); }

// Answers to SELECT in the nRF Connect SDK's test of uicc_lwm2m, of two cards.
TEST(FileControl, OfCardsInTheField) {
  const auto application = FileControl::parse(
      hex("622582027821840ca000000063504b43532d31358a01058b032f060cc60990014083010183010a"));
  ASSERT_TRUE(application) << application.error().reason;
  EXPECT_EQ(application->structure, FileControl::Structure::Folder);
  EXPECT_FALSE(application->size);
  EXPECT_FALSE(application->is_deactivated);
  ASSERT_EQ(application->pins.size(), 2u);
  EXPECT_EQ(application->pins[0].reference, 0x01);
  EXPECT_FALSE(application->pins[0].is_enabled);
  EXPECT_TRUE(application->pins[1].is_enabled);
  // Key 0A is the administrator's.
  EXPECT_FALSE(application->enabled_pin());

  // 80 within A5 is something else.
  const auto file = FileControl::parse(hex("621b8202412183025031a5038001718a01058b036f0602800200388800"));
  ASSERT_TRUE(file) << file.error().reason;
  EXPECT_EQ(file->structure, FileControl::Structure::Transparent);
  EXPECT_EQ(file->size, 0x38u);
  EXPECT_TRUE(file->pins.empty());
}

TEST(FileControl, Records) {
  const auto directory = FileControl::parse(hex("62198205422100260383022f008a01058b036f0602800200728800"));
  ASSERT_TRUE(directory);
  EXPECT_EQ(directory->structure, FileControl::Structure::Records);
  EXPECT_EQ(directory->record_size, 0x26);
  EXPECT_EQ(directory->size, 0x72u);
}

TEST(FileControl, WhichPinIsMeant) {
  const auto pin_of = [](const char* status) { return FileControl::parse(hex(status))->enabled_pin(); };
  EXPECT_EQ(pin_of("6208c606900180830101"), 0x01);
  EXPECT_EQ(pin_of("620bc609900140830101830111"), 0x11);
  EXPECT_EQ(pin_of("620bc609900140830101830181"), 0x81);
  EXPECT_EQ(pin_of("620bc6099001c083010a830102"), 0x02) << "not an administrator's, though it is the first";
  EXPECT_FALSE(pin_of("6208c606900100830101"));
  EXPECT_FALSE(pin_of("6208c60690018083018a"));
  EXPECT_FALSE(pin_of("6205c603830101")) << "which are enabled isn't said";
  for (unsigned reference = 0; reference < 256; ++reference) {
    const bool is_pin =
        (reference >= 1 && reference <= 8) || reference == 0x11 || (reference >= 0x81 && reference <= 0x88);
    EXPECT_EQ(is_pin_reference(static_cast<std::uint8_t>(reference)), is_pin) << reference;
  }
}

TEST(FileControl, LifeCycle) {
  for (unsigned cycle = 0; cycle <= 0x0F; ++cycle) {
    const auto control = FileControl::parse(Bytes{0x62, 0x03, 0x8A, 0x01, static_cast<std::uint8_t>(cycle)});
    EXPECT_EQ(control->is_deactivated, cycle == 4 || cycle == 6 || cycle >= 12) << cycle;
  }
}

TEST(FileControl, NothingSaysNothingAndPartsAreRefused) {
  EXPECT_EQ(FileControl::parse({})->structure, FileControl::Structure::Unknown);
  EXPECT_FALSE(FileControl::parse(hex("8202412180020038")));
  EXPECT_FALSE(FileControl::parse(hex("ffff")));
  const Bytes whole = hex("622582027821840ca000000063504b43532d31358a01058b032f060cc60990014083010183010a");
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_FALSE(FileControl::parse(ByteView(whole).first(size))) << size;
  }
}

}  // namespace
}  // namespace drover::smartcard
