// SPDX-License-Identifier: Apache-2.0
// The shipped object definitions against Core Appendix E, and how a folder of them is loaded.
#include "io/definitions.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace drover::io {
namespace {

using lwm2m::model::ObjectDefinition;
using lwm2m::model::Registry;
using lwm2m::model::ResourceDefinition;

/// "id name operations instances mandatory type", from the tables of Appendix E by hand.
struct Object {
  const char* urn;
  const char* name;
  bool multiple;
  bool mandatory;
  std::vector<const char*> resources;
};

std::vector<const char*> security(bool enabler_1_1) {
  std::vector<const char*> rows = {"0 - Single Mandatory String",    // LwM2M Server URI
                                   "1 - Single Mandatory Boolean",   // Bootstrap-Server
                                   "2 - Single Mandatory Integer",   // Security Mode
                                   "3 - Single Mandatory Opaque",    // Public Key or Identity
                                   "4 - Single Mandatory Opaque",    // Server Public Key
                                   "5 - Single Mandatory Opaque",    // Secret Key
                                   "6 - Single Optional Integer",    // SMS Security Mode
                                   "7 - Single Optional Opaque",     // SMS Binding Key Parameters
                                   "8 - Single Optional Opaque",     // SMS Binding Secret Key(s)
                                   "9 - Single Optional String",     // LwM2M Server SMS Number
                                   "10 - Single Optional Integer",   // Short Server ID
                                   "11 - Single Optional Integer",   // Client Hold Off Time
                                   "12 - Single Optional Integer"};  // Bootstrap-Server Account Timeout
  if (enabler_1_1) {
    rows.insert(rows.end(), {"13 - Single Optional Integer",      // Matching Type
                             "14 - Single Optional String",       // SNI
                             "15 - Single Optional Integer",      // Certificate Usage
                             "16 - Multiple Optional Integer"});  // DTLS/TLS Ciphersuite
  }
  return rows;
}

// Core E.2 lists Bootstrap-Request Trigger; a 1.0 client may offer it too.
std::vector<const char*> server() {
  return {"0 R Single Mandatory Integer",   // Short Server ID
          "1 RW Single Mandatory Integer",  // Lifetime
          "2 RW Single Optional Integer",   // Default Minimum Period
          "3 RW Single Optional Integer",   // Default Maximum Period
          "4 E Single Optional -",          // Disable
          "5 RW Single Optional Integer",   // Disable Timeout
          "6 RW Single Mandatory Boolean",  // Notification Storing
          "7 RW Single Mandatory String",   // Binding
          "8 E Single Mandatory -",         // Registration Update Trigger
          "9 E Single Optional -"};         // Bootstrap-Request Trigger
}

std::vector<const char*> firmware(bool enabler_1_1) {
  std::vector<const char*> rows = {"0 W Single Mandatory Opaque",    // Package
                                   "1 RW Single Mandatory String",   // Package URI
                                   "2 E Single Mandatory -",         // Update
                                   "3 R Single Mandatory Integer",   // State
                                   "5 R Single Mandatory Integer",   // Update Result
                                   "6 R Single Optional String",     // PkgName
                                   "7 R Single Optional String",     // PkgVersion
                                   "8 R Multiple Optional Integer",  // Firmware Update Protocol Support
                                   "9 R Single Mandatory Integer"};  // Firmware Update Delivery Method
  // Update Supported Objects (docs/errata.md).
  if (!enabler_1_1) rows.insert(rows.begin() + 4, "4 RW Single Optional Boolean");
  return rows;
}

std::vector<Object> appendix_e(bool enabler_1_1) {
  const char* const urns[2][3] = {{"urn:oma:lwm2m:oma:0", "urn:oma:lwm2m:oma:1", "urn:oma:lwm2m:oma:2"},
                                  {"urn:oma:lwm2m:oma:0:1.1", "urn:oma:lwm2m:oma:1:1.1", "urn:oma:lwm2m:oma:2:1.1"}};
  const auto& urn = urns[enabler_1_1 ? 1 : 0];
  return {
      {urn[0], "LwM2M Security", true, true, security(enabler_1_1)},
      {urn[1], "LwM2M Server", true, true, server()},
      {urn[2],
       "LwM2M Access Control",
       true,
       false,
       {"0 R Single Mandatory Integer", "1 R Single Mandatory Integer", "2 RW Multiple Optional Integer",
        "3 RW Single Mandatory Integer"}},
      {"urn:oma:lwm2m:oma:3",
       "Device",
       false,
       true,
       {"0 R Single Optional String",    "1 R Single Optional String",    "2 R Single Optional String",
        "3 R Single Optional String",    "4 E Single Mandatory -",        "5 E Single Optional -",
        "6 R Multiple Optional Integer", "7 R Multiple Optional Integer", "8 R Multiple Optional Integer",
        "9 R Single Optional Integer",   "10 R Single Optional Integer",  "11 R Multiple Mandatory Integer",
        "12 E Single Optional -",        "13 RW Single Optional Time",    "14 RW Single Optional String",
        "15 RW Single Optional String",  "16 R Single Mandatory String",  "17 R Single Optional String",
        "18 R Single Optional String",   "19 R Single Optional String",   "20 R Single Optional Integer",
        "21 R Single Optional Integer",  "22 R Multiple Optional Objlnk"}},
      {"urn:oma:lwm2m:oma:4",
       "Connectivity Monitoring",
       false,
       false,
       {"0 R Single Mandatory Integer", "1 R Multiple Mandatory Integer", "2 R Single Mandatory Integer",
        "3 R Single Optional Integer", "4 R Multiple Mandatory String", "5 R Multiple Optional String",
        "6 R Single Optional Integer", "7 R Multiple Optional String", "8 R Single Optional Integer",
        "9 R Single Optional Integer", "10 R Single Optional Integer"}},
      {"urn:oma:lwm2m:oma:5", "Firmware Update", false, false, firmware(enabler_1_1)},
      {"urn:oma:lwm2m:oma:6",
       "Location",
       false,
       false,
       {"0 R Single Mandatory Float", "1 R Single Mandatory Float", "2 R Single Optional Float",
        "3 R Single Optional Float", "4 R Single Optional Opaque", "5 R Single Mandatory Time",
        "6 R Single Optional Float"}},
      {"urn:oma:lwm2m:oma:7",
       "Connectivity Statistics",
       false,
       false,
       {"0 R Single Optional Integer", "1 R Single Optional Integer", "2 R Single Optional Integer",
        "3 R Single Optional Integer", "4 R Single Optional Integer", "5 R Single Optional Integer",
        "6 E Single Mandatory -", "7 E Single Mandatory -", "8 RW Single Optional Integer"}},
  };
}

std::string row_of(const ResourceDefinition& resource) {
  std::string operations = std::string(resource.operations.read ? "R" : "") + (resource.operations.write ? "W" : "") +
                           (resource.operations.execute ? "E" : "");
  const std::string type = to_string(resource.type);
  return std::to_string(resource.id) + ' ' + (operations.empty() ? "-" : operations) + ' ' +
         (resource.multiple ? "Multiple" : "Single") + ' ' + (resource.mandatory ? "Mandatory" : "Optional") + ' ' +
         (type.empty() ? "-" : type);
}

void expect_appendix_e(const std::string& enabler) {
  const bool enabler_1_1 = enabler == "1.1";
  Registry registry;
  const auto loaded = load_definitions(definitions_folder(enabler), registry);
  ASSERT_TRUE(loaded) << loaded.error().reason;
  const auto expected = appendix_e(enabler_1_1);
  const auto found = registry.all();
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const ObjectDefinition& object = *found[i];
    SCOPED_TRACE(expected[i].name);
    EXPECT_EQ(object.id, i);
    EXPECT_EQ(object.name, expected[i].name);
    EXPECT_EQ(object.urn, expected[i].urn);
    EXPECT_EQ(object.multiple, expected[i].multiple);
    EXPECT_EQ(object.mandatory, expected[i].mandatory);
    EXPECT_EQ(object.version, (lwm2m::Version{1, static_cast<std::uint8_t>(enabler_1_1 && i <= 2 ? 1 : 0)}));
    EXPECT_EQ(object.lwm2m_version, object.version);
    ASSERT_EQ(object.resources.size(), expected[i].resources.size());
    for (std::size_t r = 0; r < object.resources.size(); ++r) {
      EXPECT_EQ(row_of(object.resources[r]), expected[i].resources[r]);
      EXPECT_FALSE(object.resources[r].name.empty());
      EXPECT_FALSE(object.resources[r].description.empty());
    }
  }
}

TEST(CoreAppendixE, TheShippedDefinitionsInTheir1_0Form) {
  expect_appendix_e("1.0");
}

TEST(CoreAppendixE, TheShippedDefinitionsInTheir1_1Form) {
  expect_appendix_e("1.1");
}

TEST(CoreAppendixE, RangesFollowTheEnabler) {
  Registry initial;
  ASSERT_TRUE(load_definitions(definitions_folder("1.0"), initial));
  Registry later;
  ASSERT_TRUE(load_definitions(definitions_folder("1.1"), later));
  EXPECT_EQ(initial.find(0)->resource(2)->range, "0-3");
  EXPECT_EQ(later.find(0)->resource(2)->range, "0-4") << "mode 4: certificate with EST";
  EXPECT_EQ(later.find(1)->resource(0)->range, "1-65534");
  EXPECT_EQ(later.find(3)->resource(9)->units, "%");
}

TEST(Definitions, TheExtraOnesLoadBesideTheEnablers) {
  Registry registry;
  ASSERT_TRUE(load_definitions(definitions_folder("1.0"), registry));
  const auto loaded = load_definitions(definitions_folder("extra"), registry);
  ASSERT_TRUE(loaded) << loaded.error().reason;
  EXPECT_EQ(row_of(*registry.find(3303)->resource(5700)), "5700 R Single Mandatory Float");
  EXPECT_EQ(row_of(*registry.find(3311)->resource(5850)), "5850 RW Single Mandatory Boolean");
  EXPECT_EQ(row_of(*registry.find(3347)->resource(5500)), "5500 R Single Mandatory Boolean");
}

TEST(Definitions, AUsersOwnWinOverTheShippedOnes) {
  Registry registry;
  lwm2m::model::ObjectDefinition own;
  own.id = 3303;
  own.name = "Own";
  ASSERT_TRUE(registry.add(own));
  const auto completed = complete_definitions(definitions_folder("extra"), registry);
  ASSERT_TRUE(completed) << completed.error().reason;
  EXPECT_EQ(registry.find(3303)->name, "Own");
  EXPECT_NE(registry.find(3311), nullptr);
  EXPECT_TRUE(complete_definitions("/no/such/folder", registry));
}

class Folder : public ::testing::Test {
 protected:
  Folder() : path_(std::filesystem::path(::testing::TempDir()) / "drover-definitions-test") {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Folder() override { std::filesystem::remove_all(path_); }

  std::string copy(const char* shipped, const char* name) {
    std::ifstream in(std::filesystem::path(definitions_folder("1.0")) / shipped);
    std::stringstream text;
    text << in.rdbuf();
    return write(name, text.str());
  }
  std::string write(const char* name, const std::string& text) {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }

  std::filesystem::path path_;
};

TEST_F(Folder, OnlyXmlFilesAreLoaded) {
  copy("3.xml", "device.xml");
  write("README", "not a definition");
  Registry registry;
  const auto loaded = load_definitions(path_.string(), registry);
  ASSERT_TRUE(loaded) << loaded.error().reason;
  EXPECT_EQ(registry.all().size(), 1U);
}

TEST_F(Folder, TheFirstBadFileByNameEndsItWithFileAndLine) {
  copy("3.xml", "a.xml");
  const std::string bad = write("b.xml", "<LWM2M>\n<Object/>\n</LWM2M>");
  write("c.xml", "");
  Registry registry;
  const auto loaded = load_definitions(path_.string(), registry);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().reason, bad + ":2: <Object> needs the attribute ObjectType=\"MODefinition\"");
}

TEST_F(Folder, ADefinitionThatIsThereAlreadyIsNamedWithFileAndLine) {
  copy("3.xml", "a.xml");
  const std::string twin = copy("3.xml", "b.xml");
  Registry registry;
  const auto loaded = load_definitions(path_.string(), registry);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().reason, twin + ":4: object 3 (Device) version 1.0 is defined twice");
}

TEST_F(Folder, AMissingFolderIsAnError) {
  Registry registry;
  const auto loaded = load_definitions((path_ / "none").string(), registry);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().fault, Fault::Environment);
  EXPECT_NE(loaded.error().reason.find("none: no folder of object definitions"), std::string::npos);
}

TEST_F(Folder, TheEnvironmentNamesAnotherFolder) {
  ASSERT_EQ(setenv("DROVER_OBJECTS", "/some/where", 1), 0);
  EXPECT_EQ(definitions_folder("1.1"), "/some/where/1.1");
  ASSERT_EQ(unsetenv("DROVER_OBJECTS"), 0);
  EXPECT_TRUE(std::filesystem::is_directory(definitions_folder("1.1")));
}

}  // namespace
}  // namespace drover::io
