// SPDX-License-Identifier: Apache-2.0
// What the store promises of numbers, their keys and their counters.
#include "store/sms_accounts.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>

#include "security/sps/packet.hpp"
#include "store/test_backing.hpp"

namespace drover::store {
namespace {

using security::sps::kCounterBlocked;
using storage::testing::Folder;
using Why = Refusal::Why;

constexpr UnixSeconds kNow = 1'800'000'000;
constexpr std::string_view kKey = "0123456789abcdef";

Secret<Bytes> keys(std::string_view text) {
  return Secret<Bytes>(to_bytes(text));
}

NewSmsAccount packets(const std::string& msisdn, const std::string& endpoint = "pump", std::string_view key = kKey) {
  return {.msisdn = msisdn, .endpoint = endpoint, .protection = SmsProtection::Packets, .keys = keys(key)};
}

NewSmsAccount plain(const std::string& msisdn, const std::string& endpoint = "pump") {
  return {.msisdn = msisdn, .endpoint = endpoint, .protection = SmsProtection::None};
}

std::string content(const std::string& file) {
  std::string all;
  for (const std::string& name : {file, file + "-wal"}) {
    std::ifstream stream(name, std::ios::binary);
    all.append(std::istreambuf_iterator<char>(stream), {});
  }
  return all;
}

class SmsAccountsTest : public ::testing::Test {
 protected:
  SmsAccountsTest() { reopen(); }

  Result<std::unique_ptr<SmsAccounts>> open(std::uint8_t key = 1, std::size_t most = SmsAccounts::kAccountsMax) {
    accounts.reset();
    file.reset();
    file = testing::opened(name());
    return SmsAccounts::open(file, testing::sealer(key), [this] { return now; }, most);
  }
  void reopen(std::uint8_t key = 1) {
    auto opened = open(key);
    ASSERT_TRUE(opened) << opened.error().reason;
    accounts = std::move(*opened);
  }
  SmsAccount add(NewSmsAccount account) {
    auto added = accounts->add(std::move(account));
    EXPECT_TRUE(added) << (added ? "" : added.error().reason);
    return added ? *added : SmsAccount{};
  }
  Refusal refusal(NewSmsAccount account) {
    const auto added = accounts->add(std::move(account));
    EXPECT_FALSE(added);
    return added ? Refusal{} : added.error();
  }
  /// "CIPHERING/INTEGRITY".
  [[nodiscard]] std::string keys_of(std::string_view msisdn) const {
    const auto found = accounts->find_protected(msisdn);
    if (!found) return "none";
    const auto& [ciphering, integrity] = found->keys;
    return std::string(as_text(ciphering.reveal())) + "/" + std::string(as_text(integrity.reveal()));
  }
  /// On the disk while nobody has it.
  void tamper(const char* sql) {
    accounts.reset();
    file.reset();
    const auto held = testing::opened(name());
    ASSERT_TRUE(held->turn()->run(sql)) << held->turn()->reason();
  }
  std::string damage(const char* sql) {
    tamper(sql);
    const auto opened = open();
    EXPECT_FALSE(opened) << sql;
    return opened ? "opened" : opened.error().reason;
  }
  Result<void> rekey(std::uint8_t from, std::uint8_t to) {
    auto credentials = Credentials::open(
        std::make_unique<FileCredentialTable>(file), testing::sealer(from),
        {.any_certificate = true, .entries_max = 9, .unix_now = [] { return kNow; }});
    if (!credentials) return tl::unexpected(credentials.error());
    Plans::Settings settings;
    settings.unix_now = [] { return kNow; };
    auto plans = Plans::open(std::make_unique<FilePlanTable>(file), testing::sealer(from), settings);
    if (!plans) return tl::unexpected(plans.error());
    return (*credentials)->rekey(testing::sealer(to), **plans, *accounts);
  }
  [[nodiscard]] std::string name() const { return folder.file("store.db"); }

  Folder folder;
  UnixSeconds now = kNow;
  std::shared_ptr<StoreFile> file;
  std::unique_ptr<SmsAccounts> accounts;
};

TEST_F(SmsAccountsTest, WhatWasAddedIsThereAgain) {
  NewSmsAccount given = packets("+4917012345");
  given.parameters = {0x32, 0x32, 0x16, 0x39, 0xB2, 0x02, 0x03};
  given.keys = keys("0123456789abcdefFEDCBA9876543210");
  given.label = "Süd";
  const SmsAccount first = add(given);
  now = kNow + 1;
  NewSmsAccount dtls = plain("4917099999", "valve");
  dtls.protection = SmsProtection::Dtls;
  dtls.enabled = false;
  const SmsAccount second = add(dtls);
  const SmsAccount third = add(plain("1", "pump"));
  const SmsAccount expected{.id = {1},
                            .msisdn = "4917012345",
                            .endpoint = "pump",
                            .protection = SmsProtection::Packets,
                            .parameters = {.kic = 0x32, .kid = 0x32, .spi1 = 0x16, .spi2 = 0x39},
                            .label = "Süd",
                            .created_at = kNow,
                            .enabled = true};
  EXPECT_EQ(first, expected);
  reopen();
  EXPECT_EQ(accounts->page({}).accounts, (std::vector<SmsAccount>{expected, second, third}));
  EXPECT_EQ(accounts->find({2}), second);
  EXPECT_EQ(second.created_at, kNow + 1);
  EXPECT_EQ(keys_of("4917012345"), "0123456789abcdef/FEDCBA9876543210");
  EXPECT_EQ(accounts->find_protected("4917012345")->parameters, expected.parameters);
  EXPECT_EQ(accounts->find_protected("1")->protection, SmsProtection::None);
  EXPECT_EQ(keys_of("1"), "/");
}

TEST_F(SmsAccountsTest, PagesAreInTheOrderOfIds) {
  for (const char* number : {"3", "1", "2"}) add(plain(number));
  const auto page = accounts->page({.after = {1}, .limit = 1});
  ASSERT_EQ(page.accounts.size(), 1U);
  EXPECT_EQ(page.accounts.front().msisdn, "1");
  EXPECT_EQ(page.total, 3U);
  EXPECT_EQ(page.next, SmsAccountId{2});
  const auto last = accounts->page({.after = {2}, .limit = 1});
  EXPECT_EQ(last.accounts.size(), 1U);
  EXPECT_EQ(last.next, SmsAccountId{});
  EXPECT_TRUE(accounts->page({.after = {3}}).accounts.empty());
  EXPECT_EQ(accounts->size(), 3U);
}

TEST_F(SmsAccountsTest, PagesAreOfOneEndpoint) {
  for (const char* number : {"1", "2", "3", "4"}) add(plain(number, number[0] % 2 == 0 ? "valve" : "pump"));
  const auto page = accounts->page({.endpoint = "pump", .limit = 1});
  ASSERT_EQ(page.accounts.size(), 1U);
  EXPECT_EQ(page.accounts.front().msisdn, "1");
  EXPECT_EQ(page.total, 2U);
  EXPECT_EQ(page.next, SmsAccountId{1});
  const auto last = accounts->page({.endpoint = "pump", .after = {1}, .limit = 1});
  ASSERT_EQ(last.accounts.size(), 1U);
  EXPECT_EQ(last.accounts.front().msisdn, "3");
  EXPECT_EQ(last.next, SmsAccountId{});
  EXPECT_EQ(accounts->page({.endpoint = "pum"}).total, 0U);
}

TEST_F(SmsAccountsTest, ASmartcardHasParametersAndKeysOfItsOwn) {
  NewSmsAccount card = packets("49170");
  card.protection = SmsProtection::Smartcard;
  card.parameters = {0x22, 0x22, 0x16, 0x39, 0xB2, 0x02, 0x03};
  NewSmsAccount keyless = card;
  keyless.keys = {};
  EXPECT_EQ(refusal(keyless).field, "keys");
  add(card);
  add(packets("49171", "pump", "FEDCBA9876543210"));
  for (int i = 0; i < 2; ++i) {
    const auto found = accounts->find_protected("49170");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->protection, SmsProtection::Smartcard);
    EXPECT_EQ(found->parameters.octets(), card.parameters);
    EXPECT_EQ(keys_of("49170"), std::string(kKey) + "/" + std::string(kKey));
    EXPECT_EQ(content(name()).find(kKey), std::string::npos);
    reopen();
  }
  ASSERT_TRUE(rekey(1, 2));
  ASSERT_NO_FATAL_FAILURE(reopen(2));
  EXPECT_EQ(keys_of("49170"), std::string(kKey) + "/" + std::string(kKey));
  EXPECT_NE(damage("UPDATE sms_account SET protection = 2 WHERE id = 1").find("damaged"), std::string::npos)
      << "its keys are the card's, not the device's";
}

TEST_F(SmsAccountsTest, ADisabledNumberIsKnown) {
  add(packets("49170"));
  ASSERT_TRUE(accounts->change({1}, {.label = {}, .enabled = false}));
  EXPECT_TRUE(accounts->knows("49170"));
  EXPECT_FALSE(accounts->knows("49171"));
  ASSERT_TRUE(accounts->remove({1}));
  EXPECT_FALSE(accounts->knows("49170"));
}

TEST_F(SmsAccountsTest, TheKeysAreOfEachLengthThatIsKnown) {
  const std::string text = "0123456789abcdef0123456789ABCDEFghijklmnopqrstuvGHIJKLMNOPQRSTUV";
  for (const std::size_t size : {16U, 32U, 48U, 64U}) add(packets(std::to_string(size), "pump", text.substr(0, size)));
  reopen();
  EXPECT_EQ(keys_of("16"), "0123456789abcdef/0123456789abcdef");
  EXPECT_EQ(keys_of("32"), "0123456789abcdef/0123456789ABCDEF");
  EXPECT_EQ(keys_of("48"), "0123456789abcdef01234567/89ABCDEFghijklmnopqrstuv");
  EXPECT_EQ(keys_of("64"), "0123456789abcdef0123456789ABCDEF/ghijklmnopqrstuvGHIJKLMNOPQRSTUV");
}

TEST_F(SmsAccountsTest, WhatIsNotRightIsRefused) {
  for (const char* number : {"", "+", "++49", "49 170", "49170x", "1234567890123456", "0x49"}) {
    EXPECT_EQ(refusal(packets(number)).field, "msisdn") << number;
  }
  EXPECT_EQ(refusal(packets("1", "")).reason, "a number needs the endpoint name of its device");
  EXPECT_EQ(refusal(packets("1", "a\nb")).field, "endpoint");
  EXPECT_EQ(refusal(packets("1", std::string(kEndpointMax + 1, 'e'))).field, "endpoint");
  NewSmsAccount labelled = packets("1");
  labelled.label = "\xFF";
  EXPECT_EQ(refusal(labelled).field, "label");

  NewSmsAccount with = packets("1");
  with.parameters = {0x11, 0x11, 0x16, 0x00, 0xB2, 0x02, 0x03};
  EXPECT_EQ(refusal(with).field, "parameters");
  EXPECT_EQ(refusal(with).reason, "KIc 11: single DES isn't allowed");
  with.parameters = {0x12};
  EXPECT_EQ(refusal(with).field, "parameters");
  for (const SmsProtection protection : {SmsProtection::None, SmsProtection::Dtls}) {
    NewSmsAccount other = packets("1");
    other.protection = protection;
    EXPECT_EQ(refusal(other).reason, "only secured packets have keys here");
    other.keys = {};
    other.parameters = {0x12, 0x12, 0x16, 0x00, 0xB2, 0x02, 0x03};
    EXPECT_EQ(refusal(other).reason, "only secured packets have key parameters");
  }
  EXPECT_EQ(accounts->size(), 0U);
  EXPECT_EQ(add(plain("123456789012345")).id.value, 1U) << "what is refused takes no id";
}

TEST_F(SmsAccountsTest, KeysAreMadeForTheParameters) {
  for (const Bytes& parameters : {Bytes{}, Bytes{0x12, 0x12, 0x16, 0x00, 0xB2, 0x02, 0x03}}) {
    const auto made = random_sms_keys(parameters);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->reveal().size(), 32U);
    EXPECT_NE(made->reveal(), random_sms_keys(parameters)->reveal());
  }
  NewSmsAccount triple = packets("1");
  triple.parameters = {0x19, 0x19, 0x16, 0x00, 0xB2, 0x02, 0x03};
  triple.keys = *random_sms_keys(triple.parameters);
  EXPECT_EQ(triple.keys.reveal().size(), 48U);
  add(triple);
}

TEST_F(SmsAccountsTest, RefusalsSayNothingOfKeys) {
  const std::string secret = "the-secret-key-of-23-ch";
  for (const std::size_t size : {0U, 1U, 15U, 17U, 23U}) {
    const Refusal said = refusal(packets("1", "pump", secret.substr(0, size)));
    EXPECT_EQ(said.field, "keys");
    EXPECT_EQ(said.reason, "secret keys of AES are 16, 32, 48 or 64 octets, not " + std::to_string(size));
  }
  NewSmsAccount triple = packets("1", "pump", std::string(48, 'k'));
  triple.parameters = {0x19, 0x19, 0x16, 0x00, 0xB2, 0x02, 0x03};
  EXPECT_EQ(refusal(triple).reason, "triple DES takes three different keys");
  NewSmsAccount off = packets("1");
  off.protection = SmsProtection::None;
  EXPECT_EQ(refusal(off).reason.find(kKey), std::string::npos);
}

TEST_F(SmsAccountsTest, ANumberHasOneAccount) {
  add(plain("4917012345"));
  const Refusal other = refusal(packets("+4917012345", "valve"));
  EXPECT_EQ(other.why, Why::Conflict);
  EXPECT_EQ(other.reason, "SMS account 1 has this number already");
  reopen();
  EXPECT_EQ(refusal(plain("4917012345")).why, Why::Conflict);
  add(plain("4917012346"));
  ASSERT_TRUE(accounts->remove({1}));
  EXPECT_EQ(add(plain("4917012345")).id.value, 3U);
}

TEST_F(SmsAccountsTest, ThereIsALimit) {
  auto opened = open(1, 2);
  ASSERT_TRUE(opened);
  accounts = std::move(*opened);
  add(plain("1"));
  add(plain("2"));
  EXPECT_EQ(refusal(plain("3")).reason, "there are 2 SMS accounts already");
  EXPECT_EQ(refusal(plain("3")).why, Why::Full);
  ASSERT_TRUE(accounts->remove({1}));
  add(plain("3"));
}

TEST_F(SmsAccountsTest, AChangeIsOfLabelAndWhetherItCounts) {
  const SmsAccount before = add(packets("49170"));
  EXPECT_TRUE(accounts->may_be("49170", "pump"));
  EXPECT_FALSE(accounts->may_be("49170", "valve"));
  EXPECT_FALSE(accounts->may_be("49171", "pump"));
  const auto changed = accounts->change({1}, {.label = "spare", .enabled = false});
  ASSERT_TRUE(changed);
  SmsAccount expected = before;
  expected.label = "spare";
  expected.enabled = false;
  for (int i = 0; i < 2; ++i, reopen()) {
    EXPECT_EQ(accounts->find({1}), expected);
    EXPECT_FALSE(accounts->find_protected("49170"));
    EXPECT_FALSE(accounts->protection("49170"));
    EXPECT_FALSE(accounts->may_be("49170", "pump"));
  }
  EXPECT_EQ(refusal(plain("49170")).why, Why::Conflict) << "it keeps its number";
  ASSERT_TRUE(accounts->change({1}, {.enabled = true}));
  EXPECT_EQ(accounts->find({1})->label, "spare");
  EXPECT_EQ(accounts->protection("49170"), SmsProtection::Packets);
  EXPECT_EQ(keys_of("49170"), std::string(kKey) + "/" + std::string(kKey));
  EXPECT_EQ(accounts->change({1}, {.label = "a\nb"}).error().field, "label");
  EXPECT_EQ(accounts->change({2}, {.enabled = true}).error().why, Why::NotFound);
}

TEST_F(SmsAccountsTest, ARemovedOneIsGoneWithItsCountersAndItsIdNeverComesBack) {
  add(packets("1"));
  const SmsAccount second = add(packets("2"));
  ASSERT_TRUE(accounts->save_counters({{{1}, {64, 1}}, {{2}, {128, 2}}}));
  EXPECT_EQ(*accounts->remove({2}), second);
  EXPECT_EQ(accounts->remove({2}).error().reason, "there is no SMS account 2");
  EXPECT_FALSE(accounts->find_protected("2"));
  EXPECT_EQ(accounts->counters({2}), SmsCounters{});
  ASSERT_TRUE(accounts->save_counters({{{2}, {999, 9}}})) << "late, and nobody's";
  reopen();
  EXPECT_FALSE(accounts->find({2}));
  EXPECT_EQ(file->turn()->number("SELECT count(*) FROM sms_counter"), 1);
  EXPECT_EQ(add(packets("2")).id.value, 3U);
  EXPECT_EQ(accounts->counters({3}), SmsCounters{});
  EXPECT_EQ(accounts->counters({1}), (SmsCounters{64, 1}));
}

TEST_F(SmsAccountsTest, CountersNeverGoBack) {
  add(packets("1"));
  add(packets("2"));
  EXPECT_EQ(accounts->counters({1}), SmsCounters{});
  ASSERT_TRUE(accounts->save_counters({{{1}, {64, 7}}, {{2}, {10, 0}}, {{1}, {60, 9}}, {{2}, {5, 3}}}));
  ASSERT_TRUE(accounts->save_counters({{{1}, {63, 8}}}));
  ASSERT_TRUE(accounts->save_counters({{{2}, {9, 4}}}));
  for (int i = 0; i < 2; ++i, reopen()) {
    EXPECT_EQ(accounts->counters({1}), (SmsCounters{64, 9}));
    EXPECT_EQ(accounts->counters({2}), (SmsCounters{10, 4}));
  }
  ASSERT_TRUE(accounts->save_counters({{{1}, {kCounterBlocked - 1, kCounterBlocked - 1}}}));
  for (const SmsCounters& blocked : {SmsCounters{kCounterBlocked, 0}, SmsCounters{0, UINT64_MAX}}) {
    const auto saved = accounts->save_counters({{{2}, {20, 20}}, {{1}, blocked}});
    ASSERT_FALSE(saved);
    EXPECT_EQ(saved.error().fault, Fault::Us);
  }
  reopen();
  EXPECT_EQ(accounts->counters({1}), (SmsCounters{kCounterBlocked - 1, kCounterBlocked - 1}));
  EXPECT_EQ(accounts->counters({2}), (SmsCounters{10, 4}));
  EXPECT_TRUE(accounts->change({2}, {.label = "x"}));
  EXPECT_EQ(accounts->counters({2}), (SmsCounters{10, 4}));
}

TEST_F(SmsAccountsTest, ADiskThatFailsChangesNothing) {
  const SmsAccount kept = add(packets("1"));
  add(packets("2"));
  ASSERT_TRUE(accounts->save_counters({{{1}, {64, 1}}}));
  // The second of two counters: the first one is undone.
  ASSERT_TRUE(file->turn()->run("CREATE TEMP TRIGGER full BEFORE INSERT ON sms_counter WHEN new.account = 2"
                                " BEGIN SELECT RAISE(ABORT, 'disk full'); END"));
  const auto saved = accounts->save_counters({{{1}, {128, 2}}, {{2}, {64, 1}}});
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().fault, Fault::Environment);
  EXPECT_EQ(saved.error().reason, "store " + name() + ": can't be written: disk full");
  EXPECT_EQ(accounts->counters({1}), (SmsCounters{64, 1}));
  EXPECT_EQ(file->turn()->number("SELECT reserved FROM sms_counter WHERE account = 1"), 64);
  ASSERT_TRUE(file->turn()->run("PRAGMA query_only=ON"));
  EXPECT_EQ(refusal(packets("3")).why, Why::Disk);
  EXPECT_EQ(accounts->change({1}, {.label = "x"}).error().why, Why::Disk);
  EXPECT_EQ(accounts->remove({1}).error().why, Why::Disk);
  EXPECT_FALSE(rekey(1, 2));
  EXPECT_EQ(accounts->find({1}), kept);
  EXPECT_EQ(accounts->size(), 2U);
  ASSERT_TRUE(file->turn()->run("PRAGMA query_only=OFF"));
  EXPECT_EQ(add(packets("3")).id.value, 3U);
  reopen();
  EXPECT_EQ(accounts->find({1}), kept);
  EXPECT_EQ(keys_of("3"), std::string(kKey) + "/" + std::string(kKey)) << "sealed with the key that counts";
}

TEST_F(SmsAccountsTest, ARowThatNobodyWroteIsNamed) {
  add(plain("1"));
  add(packets("2"));
  ASSERT_TRUE(accounts->save_counters({{{2}, {64, 1}}}));
  tamper("CREATE TABLE a AS SELECT * FROM sms_account; CREATE TABLE c AS SELECT * FROM sms_counter");
  const std::string named = "store " + name() + ": damaged (SMS account 2)";
  for (const char* sql :
       {"UPDATE sms_account SET protection = 1 WHERE id = 2", "UPDATE sms_account SET protection = 5 WHERE id = 2",
        "UPDATE sms_account SET protection = 3 WHERE id = 2", "UPDATE sms_account SET msisdn = '+49' WHERE id = 2",
        "UPDATE sms_account SET endpoint = '' WHERE id = 2", "UPDATE sms_account SET label = x'FF' WHERE id = 2",
        "UPDATE sms_account SET parameters = x'' WHERE id = 2", "UPDATE sms_account SET sealed_keys = x'' WHERE id = 2",
        "UPDATE sms_account SET parameters = x'11111600B20203' WHERE id = 2", "UPDATE sms_counter SET reserved = -1",
        "UPDATE sms_counter SET received = 1099511627775"}) {
    EXPECT_EQ(damage(sql), named) << sql;
    tamper("DELETE FROM sms_account; INSERT INTO sms_account SELECT * FROM a;"
           "DELETE FROM sms_counter; INSERT INTO sms_counter SELECT * FROM c");
    reopen();
  }
  EXPECT_EQ(damage("UPDATE sms_account SET protection = 2 WHERE id = 1"), "store " + name() + ": damaged (SMS account 1)");
}

TEST_F(SmsAccountsTest, KeysBelongToTheirAccount) {
  add(packets("1"));
  add(packets("2", "valve", "FEDCBA9876543210"));
  const std::string foreign = "the store is damaged: the keys of SMS account 1 aren't what was sealed for it";
  EXPECT_EQ(damage("UPDATE sms_account SET sealed_keys = (SELECT sealed_keys FROM sms_account WHERE id = 2)"
                   " WHERE id = 1"),
            foreign);
  EXPECT_EQ(damage("UPDATE sms_account SET sealed_keys = x'00' WHERE id = 1"), foreign);
}

TEST_F(SmsAccountsTest, AnotherKeyOpensNothing) {
  add(packets("1"));
  const auto opened = open(2);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().reason.find("the keys of SMS account 1"), std::string::npos) << opened.error().reason;
  reopen();
  EXPECT_EQ(keys_of("1"), std::string(kKey) + "/" + std::string(kKey));
}

TEST_F(SmsAccountsTest, TheKeyIsChangedWithThatOfTheStore) {
  add(packets("1"));
  add(plain("2"));
  ASSERT_TRUE(accounts->save_counters({{{1}, {64, 1}}}));
  const std::string clear(kKey);
  std::string sealed;
  {
    StoreFile::Turn database = file->turn();
    sqlite::Statement row = database->prepare("SELECT sealed_keys FROM sms_account WHERE id = 1");
    ASSERT_TRUE(row.row());
    sealed = as_text(row.bytes(0));
  }
  ASSERT_NE(content(name()).find(sealed), std::string::npos) << "the search works";
  EXPECT_EQ(content(name()).find(clear), std::string::npos);
  const auto done = rekey(1, 2);
  ASSERT_TRUE(done) << done.error().reason;
  EXPECT_EQ(content(name()).find(sealed), std::string::npos) << "nothing of the old seal is left";
  add(packets("3"));
  EXPECT_FALSE(open(1));
  ASSERT_NO_FATAL_FAILURE(reopen(2));
  for (const char* number : {"1", "3"}) EXPECT_EQ(keys_of(number), clear + "/" + clear);
  EXPECT_EQ(accounts->counters({1}), (SmsCounters{64, 1}));
  EXPECT_EQ(accounts->size(), 3U);
}

TEST_F(SmsAccountsTest, AreReadWhileTheyAreWritten) {
  add(packets("1"));
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::thread reader([&] {
    std::uint64_t before = 0;
    while (!done) {
      const SmsCounters seen = accounts->counters({1});
      if (seen.reserved < before || seen.reserved != seen.received) ++wrong;
      before = seen.reserved;
      if (!accounts->may_be("1", "pump") || keys_of("1").empty() || accounts->page({}).accounts.empty()) ++wrong;
    }
  });
  for (std::uint64_t i = 1; i <= 30; ++i) {
    EXPECT_TRUE(accounts->save_counters({{{1}, {i, i}}}));
    EXPECT_TRUE(accounts->remove(add(packets("2")).id));
  }
  done = true;
  reader.join();
  EXPECT_EQ(wrong, 0);
}

/// Version 2 as it was published.
constexpr const char* kVersion2 =
    "PRAGMA application_id=1146246723; PRAGMA user_version=2;"
    "CREATE TABLE credential(id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, identity BLOB NOT NULL,"
    " sealed_key BLOB NOT NULL, endpoint TEXT NOT NULL, label TEXT NOT NULL, created_at INTEGER NOT NULL,"
    " expires_at INTEGER, enabled INTEGER NOT NULL, purpose INTEGER NOT NULL, issuer TEXT NOT NULL,"
    " UNIQUE(purpose, kind, identity));"
    "CREATE TABLE credential_check(one INTEGER PRIMARY KEY CHECK(one = 1), sealed BLOB NOT NULL);"
    "CREATE TABLE api_token(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, role INTEGER NOT NULL,"
    " hash BLOB NOT NULL UNIQUE, created_at INTEGER NOT NULL, expires_at INTEGER, last_used_at INTEGER);"
    "CREATE TABLE bootstrap_plan(name TEXT PRIMARY KEY NOT NULL, sealed_text BLOB NOT NULL, changed_at INTEGER NOT NULL);"
    "INSERT INTO bootstrap_plan VALUES('a plan', x'00', 5)";

TEST(SmsAccounts, AStoreOfVersionTwoGetsTheTables) {
  const Folder folder;
  {
    std::string reason;
    auto database = sqlite::Database::open(folder.file(), reason);
    ASSERT_TRUE(database) << reason;
    ASSERT_TRUE(database->run(kVersion2)) << database->reason();
  }
  {
    const auto file = testing::opened(folder.file());
    EXPECT_EQ(file->turn()->number("PRAGMA user_version"), StoreFile::kVersion);
    EXPECT_EQ(file->turn()->number("SELECT count(*) FROM bootstrap_plan"), 1);
    const auto accounts = testing::sms_accounts(file);
    EXPECT_EQ(accounts->size(), 0U);
    ASSERT_TRUE(accounts->add(packets("1")));
    ASSERT_TRUE(accounts->save_counters({{{1}, {64, 1}}}));
  }
  const auto accounts = testing::sms_accounts(testing::opened(folder.file()));
  EXPECT_EQ(accounts->size(), 1U);
  EXPECT_EQ(accounts->counters({1}), (SmsCounters{64, 1}));
}

TEST(SmsAccounts, ProtectionsHaveNames) {
  for (const SmsProtection protection : kSmsProtections) {
    EXPECT_EQ(parse_sms_protection(to_string(protection)), protection);
  }
  EXPECT_EQ(parse_sms_protection("packets"), SmsProtection::Packets);
  EXPECT_EQ(parse_sms_protection("smartcard"), SmsProtection::Smartcard);
  EXPECT_FALSE(parse_sms_protection("Packets"));
  EXPECT_FALSE(parse_sms_protection(""));
}

}  // namespace
}  // namespace drover::store
