// SPDX-License-Identifier: Apache-2.0
// A store, a journal and what waits for their disk, in a folder of their own.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "journal/journal.hpp"
#include "storage/test_folder.hpp"
#include "store/credential_service.hpp"
#include "store/sealer.hpp"
#include "store/store_file.hpp"

namespace drover::api::test {

struct KeptThings {
  KeptThings() {
    auto opened = store::StoreFile::open(folder.file("kept.db"));
    EXPECT_TRUE(opened);
    file = std::move(*opened);
    auto journal = journal::Journal::open(folder.file("kept.db.fleet"), {});
    EXPECT_TRUE(journal);
    fleet = std::move(*journal);
    EXPECT_TRUE(fleet->load([](std::uint64_t, const Bytes&) {}));
    const store::Sealer sealer{Secret<Bytes>(Bytes(store::Sealer::kKeySize, 7))};
    auto made = store::Credentials::open(std::make_unique<store::FileCredentialTable>(file), sealer,
                                          {.any_certificate = false, .unix_now = [] { return UnixSeconds{1'700'000'000}; }});
    EXPECT_TRUE(made);
    credentials = std::move(*made);
    waiting.emplace(*credentials);
  }
  store::CredentialService& service() { return *waiting; }

  /// A definition file with object 26241.
  static std::string definition(const std::string& name, const std::string& type = "Integer", int object = 26241) {
    const std::string id = std::to_string(object);
    return "<LWM2M><Object ObjectType=\"MODefinition\"><Name>" + name + "</Name><Description1>d</Description1><ObjectID>" + id +
           "</ObjectID><ObjectURN>urn:oma:lwm2m:x:" + id +
           "</ObjectURN><LWM2MVersion>1.0</LWM2MVersion><ObjectVersion>1.0</ObjectVersion><MultipleInstances>Single"
           "</MultipleInstances><Mandatory>Optional</Mandatory><Resources><Item ID=\"0\"><Name>Speed</Name><Operations>RW"
           "</Operations><MultipleInstances>Single</MultipleInstances><Mandatory>Mandatory</Mandatory><Type>" + type +
           "</Type><RangeEnumeration></RangeEnumeration><Units></Units><Description>d</Description></Item></Resources>"
           "<Description2></Description2></Object></LWM2M>";
  }

  storage::testing::Folder folder;
  std::shared_ptr<store::StoreFile> file;
  std::unique_ptr<journal::Journal> fleet;
  std::unique_ptr<store::Credentials> credentials;
  std::optional<store::CredentialService> waiting;
};

}  // namespace drover::api::test
