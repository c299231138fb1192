// SPDX-License-Identifier: Apache-2.0
#include "storage/state_file.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "sqlite/schema.hpp"
#include "storage/tables.hpp"
#include "storage/test_folder.hpp"
#include "storage/value_codec.hpp"

namespace drover::storage {
namespace {

using lwm2m::Path;
using lwm2m::ResourceNode;
using lwm2m::Value;
using sqlite::Database;

StateFile::Opened open(const std::string& file) {
  auto opened = StateFile::open(file);
  EXPECT_TRUE(opened) << (opened ? "" : opened.error().reason);
  return std::move(opened.value());
}

std::string refusal(const std::string& file) {
  const auto opened = StateFile::open(file);
  return opened ? "opened" : opened.error().reason;
}

Changes one_value(std::int64_t value) {
  Changes changes;
  changes.instances = {Path(1, 0)};
  changes.resources = {{Path(1, 0), ResourceNode::single(2, value)}};
  return changes;
}

std::optional<Value> value_of(const Content& content, const Path& path) {
  const auto found = content.instances.find(path.prefix(2));
  if (found == content.instances.end()) return std::nullopt;
  for (const ResourceNode& node : found->second) {
    if (node.id == path.resource()) return node.instances.front().value;
  }
  return std::nullopt;
}

TEST(ValueCodec, EveryTypeReadsBackTheSame) {
  const double reals[] = {
      0.0, -0.0, 0.1, 1e300, std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::infinity()};
  std::vector<Value> values = {std::string(),
                               std::string("Ürümqi \0 0", 11),
                               std::numeric_limits<std::int64_t>::min(),
                               std::numeric_limits<std::int64_t>::max(),
                               true,
                               false,
                               lwm2m::Opaque{},
                               lwm2m::Opaque{{0, 255, 39, 0}},
                               lwm2m::Time{-1},
                               lwm2m::ObjectLink{3, 0},
                               lwm2m::ObjectLink{}};
  values.insert(values.end(), std::begin(reals), std::end(reals));
  for (const Value& value : values) {
    const Bytes bytes = encode_value(value);
    EXPECT_EQ(decode_value(static_cast<int>(type_of(value)), bytes), value) << as_text(bytes);
  }
  const auto nan = decode_value(static_cast<int>(lwm2m::DataType::Float), encode_value(Value(std::nan(""))));
  EXPECT_TRUE(nan && std::isnan(std::get<double>(*nan)));
}

TEST(ValueCodec, WhatNobodyWroteIsNoValue) {
  const std::pair<lwm2m::DataType, const char*> wrong[] = {
      {lwm2m::DataType::Integer, "1x"},    {lwm2m::DataType::Integer, ""},     {lwm2m::DataType::Boolean, "2"},
      {lwm2m::DataType::ObjectLink, "3"},  {lwm2m::DataType::Time, "noon"},    {lwm2m::DataType::Float, "0.1 "},
      {lwm2m::DataType::ObjectLink, "3:"}, {lwm2m::DataType::None, "nothing"},
  };
  for (const auto& [type, text] : wrong) {
    EXPECT_FALSE(decode_value(static_cast<int>(type), to_bytes(text))) << text;
  }
  EXPECT_FALSE(decode_value(99, to_bytes("1")));
}

TEST(StateFile, HoldsAllThatAClientHas) {
  const testing::Folder folder;
  Changes all;
  all.instances = {Path(1, 0), Path(3, 0)};
  all.resources = {{Path(3, 0), {6, true, {{0, std::int64_t{1}}, {7, std::int64_t{5}}}}},
                   {Path(3, 0), {11, true, {}}},
                   {Path(3, 0), ResourceNode::single(0, std::string("Drover"))}};
  client::SavedRegistration registration;
  registration.server = 101;
  registration.host = "server.example";
  registration.port = 5683;
  registration.secure = true;
  registration.peer = *transport::PeerAddress::parse("[fe80::1%2]:5683");
  registration.location = "5a3f";
  registration.told = {
      .endpoint = "x", .version = "1.0", .lifetime = 4294967295, .binding = "UQ", .sms = "49", .announcement = {}};
  registration.told.announcement = {"/lwm2m", {11543}, {{1, std::nullopt, {0, 1}}, {3, lwm2m::Version{1, 1}, {}}}};
  registration.unsure = true;
  registration.ends = 1'800'000'000;
  all.registrations = {registration};
  all.channels = {{101, 0xFFFFFFFFFFFFFFFF, *transport::PeerAddress::parse("192.0.2.1:5684"),
                   Secret<Bytes>(to_bytes("association")), Secret<Bytes>(Bytes{0, 1, 2})},
                  {102, 1, *transport::PeerAddress::parse("[::1]:5684"), {}, Secret<Bytes>(Bytes{3})}};
  all.disabled = {{102, 1'800'000'001}};
  all.observations = {{101, Path(3, 0, 9), std::nullopt, coap::Token{}},
                      {101, Path(3), lwm2m::FormatNumber{11542}, coap::Token::of(std::uint64_t{0xFF00FF00FF00FF00})}};
  client::Attributes attributes;
  attributes.pmin = 0;
  attributes.pmax = 4294967295;
  attributes.lt = -0.1;
  attributes.st = 1e-300;
  all.attributes = {{101, Path(3, 0, 9), attributes}};
  all.notifications = {{101, Path(3, 0, 9), 1'700'000'000'123, 11543, to_bytes("{}")}};
  all.observe_number = 0xFFFFFF;
  all.clock_offset = -7200;
  all.bootstrap_purge = 1'800'000'000;
  all.port = 56830;
  all.baseline = Baseline{{Path(3, 0), 0}, {Path(3, 0, 0), 0xFFFFFFFFFFFFFFFF}};
  ASSERT_TRUE(open(folder.file()).file.commit(all));

  const StateFile::Opened again = open(folder.file());
  EXPECT_EQ(again.notice, "");
  const Content& content = again.content;
  ASSERT_EQ(content.instances.size(), 2U);
  EXPECT_TRUE(content.instances.at(Path(1, 0)).empty());
  const std::vector<ResourceNode> device = {all.resources[2].node, all.resources[0].node, all.resources[1].node};
  EXPECT_EQ(content.instances.at(Path(3, 0)), device) << "ascending";
  EXPECT_EQ(content.client.registrations, *all.registrations);
  ASSERT_EQ(content.client.channels.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const client::SavedChannel &read = content.client.channels[i], &written = (*all.channels)[i];
    EXPECT_EQ(read.server, written.server);
    EXPECT_EQ(read.fingerprint, written.fingerprint);
    EXPECT_EQ(read.address, written.address);
    EXPECT_EQ(read.released.reveal(), written.released.reveal());
    EXPECT_EQ(read.session.reveal(), written.session.reveal());
  }
  EXPECT_EQ(content.client.disabled, *all.disabled);
  EXPECT_EQ(content.client.observations, *all.observations);
  EXPECT_EQ(content.client.attributes, *all.attributes);
  EXPECT_EQ(content.client.notifications, *all.notifications);
  EXPECT_EQ(content.client.observe_number, 0xFFFFFFU);
  EXPECT_EQ(content.client.clock_offset, -7200);
  EXPECT_EQ(content.client.bootstrap_purge, 1'800'000'000);
  EXPECT_EQ(content.port, 56830);
  EXPECT_EQ(content.baseline, *all.baseline);
}

TEST(StateFile, AnAssociationIsHandedOutOnce) {
  const testing::Folder folder;
  Changes changes;
  changes.channels = {{1, 2, {}, Secret<Bytes>(to_bytes("association")), Secret<Bytes>(to_bytes("session"))}};
  ASSERT_TRUE(open(folder.file()).file.commit(changes));
  EXPECT_FALSE(open(folder.file()).content.client.channels.at(0).released.empty());
  // The process that had it is gone, however it went.
  const Content again = open(folder.file()).content;
  EXPECT_TRUE(again.client.channels.at(0).released.empty());
  EXPECT_EQ(again.client.channels.at(0).session.reveal(), to_bytes("session"));
}

TEST(StateFile, CountersOfSecuredPacketsNeverGoBack) {
  const testing::Folder folder;
  constexpr std::uint64_t kKey = 0xFEDCBA9876543210;
  Changes changes;
  changes.sms_counters = {{kKey, 64, 3}, {7, 0, 0xFFFFFFFFFF}};
  ASSERT_TRUE(open(folder.file()).file.commit(changes));
  changes.sms_counters = {{kKey, 1, 9}};
  ASSERT_TRUE(open(folder.file()).file.commit(changes));
  const std::vector<client::SmsCounters> highest = {{kKey, 64, 9}, {7, 0, 0xFFFFFFFFFF}};
  EXPECT_EQ(open(folder.file()).content.client.sms_counters, highest);
  Changes factory_reset;
  factory_reset.replace = true;
  ASSERT_TRUE(open(folder.file()).file.commit(factory_reset));
  EXPECT_EQ(open(folder.file()).content.client.sms_counters, highest) << "the keys may come back";
}

TEST(StateFile, KnowsTheCardThatWasLoaded) {
  const testing::Folder folder;
  client::SavedCard card;
  card.identity.fill(0xA5);
  card.digest.fill(0x5A);
  card.instances = {Path(0, 0), Path(1, 65534)};
  Changes changes;
  changes.card = card;
  ASSERT_TRUE(open(folder.file()).file.commit(changes));
  EXPECT_EQ(open(folder.file()).content.client.card, card);
  changes.card = std::optional<client::SavedCard>();
  ASSERT_TRUE(open(folder.file()).file.commit(changes));
  EXPECT_EQ(open(folder.file()).content.client.card, std::nullopt);
}

TEST(StateFile, AServerMayHaveAnAssociationOverSmsToo) {
  const testing::Folder folder;
  Changes changes;
  const auto number = *transport::PeerAddress::parse("sms:491701234567");
  changes.channels = {{1, 2, *transport::PeerAddress::parse("192.0.2.1:5684"), {}, Secret<Bytes>(to_bytes("session"))},
                      {1, 3, number, Secret<Bytes>(to_bytes("association")), {}, true}};
  ASSERT_TRUE(open(folder.file()).file.commit(changes));
  const auto channels = open(folder.file()).content.client.channels;
  ASSERT_EQ(channels.size(), 2U);
  EXPECT_FALSE(channels[0].sms);
  EXPECT_TRUE(channels[1].sms);
  EXPECT_EQ(channels[1].address, number);
  EXPECT_EQ(channels[1].released.reveal(), to_bytes("association"));
}

TEST(StateFile, AFileOfTheFirstVersionIsBroughtUp) {
  const testing::Folder folder;
  {
    std::string reason;
    auto database = Database::open(folder.file(), reason);
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->run(kSteps[0]));
    ASSERT_TRUE(database->run("INSERT INTO registration VALUES(1, 'h', 5683, '192.0.2.1:5683', '5a3f', 'x', '1.0', 300,"
                              " 'U', '', '</1/0>', 0, 7)"));
    ASSERT_TRUE(sqlite::mark(*database, {.application = 0x44525653, .version = 1}));
  }
  const StateFile::Opened opened = open(folder.file());
  EXPECT_EQ(opened.notice, "");
  ASSERT_EQ(opened.content.client.registrations.size(), 1U);
  EXPECT_EQ(opened.content.client.registrations[0].location, "5a3f");
  EXPECT_FALSE(opened.content.client.registrations[0].secure);
}

TEST(StateFile, AFileOfTheSecondVersionKeepsItsSessions) {
  const testing::Folder folder;
  {
    std::string reason;
    auto database = Database::open(folder.file(), reason);
    ASSERT_TRUE(database && database->run(kSteps[0]) && database->run(kSteps[1]));
    ASSERT_TRUE(database->run("INSERT INTO channel VALUES(1, 2, '192.0.2.1:5684', x'', x'0102')"));
    ASSERT_TRUE(sqlite::mark(*database, {.application = 0x44525653, .version = 2}));
  }
  const StateFile::Opened opened = open(folder.file());
  EXPECT_EQ(opened.notice, "");
  ASSERT_EQ(opened.content.client.channels.size(), 1U);
  EXPECT_EQ(opened.content.client.channels[0].session.reveal(), (Bytes{1, 2}));
  EXPECT_FALSE(opened.content.client.channels[0].sms);
}

TEST(StateFile, ChangesOnlyWhatIsSaid) {
  const testing::Folder folder;
  {
    StateFile file = open(folder.file()).file;
    ASSERT_TRUE(file.commit(one_value(1)));
    Changes more;
    more.instances = {Path(1, 1)};
    more.resources = {{Path(1, 1), ResourceNode::single(2, std::int64_t{5})},
                      {Path(1, 1), ResourceNode::single(3, std::int64_t{6})}};
    more.port = 1;
    more.clock_offset = 7;
    ASSERT_TRUE(file.commit(more));
    Changes less;
    less.gone = {Path(1, 0), Path(1, 1, 3)};
    less.clock_offset = std::optional<std::int64_t>();
    ASSERT_TRUE(file.commit(less));
  }
  const Content content = open(folder.file()).content;
  EXPECT_FALSE(content.instances.contains(Path(1, 0)));
  EXPECT_EQ(value_of(content, Path(1, 1, 2)), Value(std::int64_t{5}));
  EXPECT_FALSE(value_of(content, Path(1, 1, 3)));
  EXPECT_EQ(content.port, 1);
  EXPECT_FALSE(content.client.clock_offset);
}

TEST(StateFile, ReplacingLeavesNothingOfBefore) {
  const testing::Folder folder;
  {
    StateFile file = open(folder.file()).file;
    Changes before = one_value(1);
    before.port = 7;
    before.baseline = Baseline{{Path(1, 0), 1}};
    ASSERT_TRUE(file.commit(before));
    Changes erase;
    erase.replace = true;
    ASSERT_TRUE(file.commit(erase));
  }
  const Content content = open(folder.file()).content;
  EXPECT_TRUE(content.instances.empty() && content.baseline.empty());
  EXPECT_EQ(content.port, 0);
}

TEST(StateFile, IsForItsOwnerOnlyBecauseItHoldsKeys) {
  const testing::Folder folder;
  StateFile file = open(folder.file()).file;
  ASSERT_TRUE(file.commit(one_value(1)));
  for (const char* suffix : {"", "-wal"}) {
    struct stat info {};
    ASSERT_EQ(::stat((folder.file() + suffix).c_str(), &info), 0) << suffix;
    EXPECT_EQ(info.st_mode & 0777, 0600U) << suffix;
  }
}

TEST(StateFile, BelongsToOneProcessAtATime) {
  const testing::Folder folder;
  StateFile file = open(folder.file()).file;
  EXPECT_EQ(refusal(folder.file()), "state file " + folder.file() + ": another process has it open");
  EXPECT_TRUE(file.commit(one_value(1)));
}

TEST(StateFile, AFolderThatCantBeWrittenIsAnError) {
  EXPECT_EQ(refusal("/proc/drover/device.state"),
            "state file /proc/drover/device.state: can't be opened: No such file or directory");
  EXPECT_NE(refusal("/sys/device.state").find("can't be opened: Permission denied"), std::string::npos)
      << refusal("/sys/device.state");
}

/// The file is kept as it was beside the new, empty one.
void expect_aside(const std::string& file, const char* what) {
  std::ifstream stream(file, std::ios::binary);
  const std::string before((std::istreambuf_iterator<char>(stream)), {});
  {
    const StateFile::Opened opened = open(file);
    EXPECT_NE(opened.notice.find(what), std::string::npos) << opened.notice;
    EXPECT_NE(opened.notice.find(file + ".aside-1"), std::string::npos) << opened.notice;
    EXPECT_TRUE(opened.content.instances.empty());
  }
  std::ifstream kept(file + ".aside-1", std::ios::binary);
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(kept)), {}), before);
  EXPECT_EQ(open(file).notice, "") << "once";
}

TEST(StateFile, AFileThatIsNoneGoesAside) {
  const testing::Folder folder;
  std::ofstream(folder.file()) << std::string(5000, 'x');
  expect_aside(folder.file(), "damaged");
}

TEST(StateFile, ADamagedFileGoesAside) {
  const testing::Folder folder;
  {
    StateFile file = open(folder.file()).file;
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(file.commit(one_value(i)));
  }
  std::fstream stream(folder.file(), std::ios::binary | std::ios::in | std::ios::out);
  stream.seekp(4096);
  stream << std::string(3 * 4096, '\xA5');
  stream.close();
  expect_aside(folder.file(), "damaged");
}

TEST(StateFile, AFileOfALaterVersionGoesAside) {
  const testing::Folder folder;
  ASSERT_TRUE(open(folder.file()).file.commit(one_value(1)));
  {
    std::string reason;
    auto database = Database::open(folder.file(), reason);
    ASSERT_TRUE(database && database->run("PRAGMA user_version=7"));
  }
  expect_aside(folder.file(), "format 7");
}

TEST(StateFile, ARowThatNobodyWroteIsDamage) {
  const char* const wrongs[] = {
      "INSERT INTO value VALUES(1, 0, 2, 1, 2, 'x')",
      "INSERT INTO instance VALUES(70000, 0)",
      "INSERT INTO resource VALUES(9, 0, 1, 0)",
      "INSERT INTO observation VALUES(1, '/x', NULL, x'00')",
      "INSERT INTO observation VALUES(1, '/3', 0, zeroblob(9))",
      "UPDATE instance SET object = NULL",
      "INSERT INTO attribute VALUES(1, '/3', -1, 0, 0, 0, 0)",
      "DROP TABLE disabled",
      "INSERT INTO meta VALUES('port', 65536)",
  };
  for (const char* wrong : wrongs) {
    const testing::Folder folder;
    ASSERT_TRUE(open(folder.file()).file.commit(one_value(1)));
    {
      std::string reason;
      auto database = Database::open(folder.file(), reason);
      ASSERT_TRUE(database);
      if (!database->run(wrong)) continue;  // the schema refuses it already
    }
    EXPECT_NE(open(folder.file()).notice.find("damaged"), std::string::npos) << wrong;
  }
}

TEST(StateFile, SomebodyElsesDatabaseIsLeftAlone) {
  const testing::Folder folder;
  {
    std::string reason;
    auto database = Database::open(folder.file("mail.db"), reason);
    ASSERT_TRUE(database && database->run("CREATE TABLE mail(subject TEXT)"));
  }
  EXPECT_EQ(refusal(folder.file("mail.db")),
            "state file " + folder.file("mail.db") + ": is a database of another program; give another path");
  EXPECT_FALSE(std::filesystem::exists(folder.file("mail.db.aside-1")));
}

TEST(StateFile, AFullDiskLeavesTheLastTransactionAndHeals) {
  const testing::Folder folder;
  {
    StateFile file = open(folder.file()).file;
    ASSERT_TRUE(file.commit(one_value(1)));
    // A file that may not grow fails like a disk without space, in the middle of a transaction.
    const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
    rlimit old_limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
    const rlimit small{std::filesystem::file_size(folder.file() + "-wal") + 6000, old_limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    Changes large = one_value(2);
    large.resources.push_back({Path(1, 0), ResourceNode::single(3, lwm2m::Opaque{Bytes(20000)})});
    const auto failed = file.commit(large);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
    ::signal(SIGXFSZ, old_handler);
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().reason.find("can't be written"), std::string::npos) << failed.error().reason;
    EXPECT_NE(failed.error().reason.find("too large"), std::string::npos) << failed.error().reason;
    ASSERT_TRUE(file.commit(one_value(3))) << "the next one finds room again";
  }
  const Content content = open(folder.file()).content;
  EXPECT_EQ(value_of(content, Path(1, 0, 2)), Value(std::int64_t{3}));
  EXPECT_FALSE(value_of(content, Path(1, 0, 3))) << "nothing of the failed one";
}

}  // namespace
}  // namespace drover::storage
