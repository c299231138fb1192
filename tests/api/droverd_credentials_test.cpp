// SPDX-License-Identifier: Apache-2.0
// droverd and drover together: credentials, their store and its key, and the server's own from files.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "program.hpp"

namespace drover::api::test {
namespace {

constexpr const char* kKey = "5ec7e75ec7e75ec7e75ec7e75ec7e75e";

std::string folder() {
  std::string name = (std::filesystem::temp_directory_path() / "drover-credentials-XXXXXX").string();
  EXPECT_NE(::mkdtemp(name.data()), nullptr);
  return name;
}

class Credentials : public ::testing::Test {
 protected:
  ~Credentials() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_ + "/" + name; }
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(file(name)) << content;
    return file(name);
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream stream(file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  std::string config(const std::string& rest) const {
    return write("droverd.toml",
                 "listen = \"127.0.0.1:0\"\nshards = 1\n[api]\nlisten = [\"127.0.0.1:0\"]\n[log]\nlevel = \"debug\"\n" + rest);
  }
  [[nodiscard]] std::string store() const { return "[store]\nfile = \"" + file("store.db") + "\"\n"; }
  std::string drover(const Program& daemon, std::vector<std::string> arguments, int code = 0) const {
    arguments.insert(arguments.begin(), {"--api", "http://127.0.0.1:" + std::to_string(daemon.port_of("http://"))});
    Program program(DROVER_PROGRAM, std::move(arguments), {{"DROVER_TOKEN", ""}, {"XDG_CONFIG_HOME", folder_}});
    EXPECT_EQ(program.finish(), code) << program.said();
    return program.said();
  }
  std::string refused(const std::string& config_file, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"--config", config_file};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Program daemon(DROVERD_PROGRAM, arguments);
    EXPECT_NE(daemon.finish(), 0) << daemon.said();
    return daemon.said();
  }

  std::string folder_ = folder();
};

TEST_F(Credentials, AreThereAgainAndTheirKeysAreNowhereToBeRead) {
  const std::string configuration = config(store());
  write("key", std::string(kKey) + "\n");
  write("table.csv", "kind,identity,key,endpoint,label\npsk,imported," + std::string(kKey) + ",,\n");
  {
    Program daemon(DROVERD_PROGRAM, {"--config", configuration});
    ASSERT_TRUE(daemon.says("droverd: ready")) << daemon.said();
    EXPECT_NE(daemon.said().find("key of the store made"), std::string::npos) << daemon.said();
    const std::string added = drover(daemon, {"credentials", "add", "psk", "sensor", "--key-file", file("key")});
    EXPECT_EQ(added.find(kKey), std::string::npos) << added;
    EXPECT_NE(drover(daemon, {"credentials", "rotate", "1", "second", "--generate"}).find("key  "), std::string::npos);
    EXPECT_NE(drover(daemon, {"credentials", "import", file("table.csv")}).find("1 added"), std::string::npos);
    const std::string shared =
        drover(daemon, {"credentials", "add", "psk", "sensor", "--bootstrap", "--key-file", file("key")}, 2);
    EXPECT_NE(shared.find("each purpose needs one of its own"), std::string::npos) << shared;
    EXPECT_EQ(shared.find(kKey), std::string::npos) << shared;
    const std::string boot = drover(daemon, {"credentials", "add", "psk", "sensor", "--bootstrap", "--generate"});
    EXPECT_NE(boot.find("purpose   bootstrap"), std::string::npos) << boot;
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.finish(), 0);
    EXPECT_EQ(daemon.said().find(kKey), std::string::npos) << daemon.said();
  }
  struct stat status {};
  ASSERT_EQ(::stat(file("store.db.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const std::string raw = "\x5e\xc7\xe7\x5e\xc7\xe7\x5e\xc7\xe7";
  EXPECT_EQ(read("store.db").find(raw), std::string::npos);
  EXPECT_NE(read("store.db").find("imported"), std::string::npos) << "the search works";
  Program daemon(DROVERD_PROGRAM, {"--config", configuration});
  ASSERT_TRUE(daemon.says("droverd: ready")) << daemon.said();
  const std::string list = drover(daemon, {"credentials", "list"});
  for (const char* identity : {"sensor", "second", "imported"}) EXPECT_NE(list.find(identity), std::string::npos) << list;
  const std::string boot = drover(daemon, {"credentials", "list", "--purpose", "bootstrap"});
  EXPECT_NE(boot.find("bootstrap  psk   sensor"), std::string::npos) << boot;
  EXPECT_EQ(boot.find("imported"), std::string::npos) << boot;
  EXPECT_EQ(list.find(kKey), std::string::npos) << list;
}

TEST_F(Credentials, TheStoresKeyIsChanged) {
  const std::string before = config(store());
  {
    Program daemon(DROVERD_PROGRAM, {"--config", before});
    ASSERT_TRUE(daemon.says("droverd: ready")) << daemon.said();
    drover(daemon, {"credentials", "add", "psk", "sensor", "--generate"});
    write("rule.json", R"({"condition":{"name":"meter-*"},"steps":["write /26241/0/1 value-of-a-rule"]})");
    drover(daemon, {"rules", "set", "meters", file("rule.json")});
    drover(daemon, {"bulk", "write", "/26241/0/1", "value-of-a-bulk", "--name", "meter-*"});
    EXPECT_NE(refused(before, {"--rekey", file("new.key")}).find("another process has it open"), std::string::npos);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.finish(), 0);
  }
  Program rekey(DROVERD_PROGRAM, {"--config", before, "--rekey", file("new.key")});
  EXPECT_EQ(rekey.finish(), 0) << rekey.said();
  EXPECT_NE(refused(before).find("the key isn't the one that the store was sealed with"), std::string::npos);
  const std::string after = config(store() + "key_file = \"" + file("new.key") + "\"\n");
  {
    Program daemon(DROVERD_PROGRAM, {"--config", after});
    ASSERT_TRUE(daemon.says("droverd: ready")) << daemon.said();
    EXPECT_NE(drover(daemon, {"credentials", "show", "1"}).find("sensor"), std::string::npos);
    EXPECT_NE(drover(daemon, {"rules", "show", "meters"}).find("value-of-a-rule"), std::string::npos);
    EXPECT_NE(drover(daemon, {"bulk", "list"}).find("/26241/0/1"), std::string::npos);
  }
  for (const char* name : {"store.db", "store.db-wal", "store.db.fleet", "store.db.fleet-wal"}) {
    EXPECT_EQ(read(name).find("value-of-a-"), std::string::npos) << name << ": it may be a key";
  }
  ASSERT_EQ(::chmod(file("new.key").c_str(), 0640), 0);
  EXPECT_NE(refused(after).find("chmod 600 " + file("new.key")), std::string::npos);
}

TEST_F(Credentials, AKeyOfTheEnvironmentMakesNoFile) {
  Program daemon(DROVERD_PROGRAM, {"--config", config(store())}, {{"DROVERD_STORE_KEY", std::string(64, 'a')}});
  ASSERT_TRUE(daemon.says("droverd: ready")) << daemon.said();
  EXPECT_FALSE(std::filesystem::exists(file("store.db.key")));
  EXPECT_EQ(daemon.said().find("aaaaaaaa"), std::string::npos);
}

TEST_F(Credentials, TheServersOwnAreCheckedAtTheStart) {
  Program pki(DROVER_PROGRAM, {"pki", "init", file("pki"), "--server", "localhost"});
  ASSERT_EQ(pki.finish(), 0) << pki.said();
  const auto own = [&](const std::string& key) {
    return config("[credentials]\ncertificate = \"" + file("pki/server.pem") + "\"\nprivate_key = \"" + file(key) +
                  "\"\nraw_private_key = \"" + file("pki/server.key.der") + "\"\ntrust_anchors = [\"" +
                  file("pki/ca.der") + "\"]\n");
  };
  {
    Program check(DROVERD_PROGRAM, {"--config", own("pki/server.key.pem"), "--check-config"});
    EXPECT_EQ(check.finish(), 0) << check.said();
  }
  const std::string wrong = own("pki/ca.key.pem");
  EXPECT_NE(refused(wrong, {"--check-config"}).find("is not the private key of the first certificate"), std::string::npos);
  EXPECT_NE(refused(wrong).find("is not the private key of the first certificate"), std::string::npos);
  const std::string lone = config("[credentials]\n\ncertificate = \"x\"\n");
  EXPECT_NE(refused(lone).find("droverd.toml:9: credentials.certificate needs credentials.private_key"),
            std::string::npos)
      << refused(lone);
}

}  // namespace
}  // namespace drover::api::test
