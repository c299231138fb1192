// SPDX-License-Identifier: Apache-2.0
// droverd and drover together: the first token, TLS, and what each refuses.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "program.hpp"
#include "raw_client.hpp"
#include "test_pki.hpp"
#include "tls_client.hpp"

namespace drover::api::test {
namespace {

class Site : public ::testing::Test {
 protected:
  /// `api` are further lines of [api].
  std::string config(const std::string& listen, const IssuedFiles* files, const std::string& api = {}) {
    const std::string name = pki_.folder() + "/droverd.toml";
    std::ofstream text(name);
    text << "listen = \"127.0.0.1:0\"\nshards = 1\n[log]\nlevel = \"debug\"\n[store]\nfile = \"" << store() << "\"\n"
         << "[api]\nlisten = [\"" << listen << "\"]\n"
         << api;
    if (files != nullptr) {
      text << "certificate = \"" << files->certificate << "\"\nprivate_key = \"" << files->private_key << "\"\n";
    }
    return name;
  }
  [[nodiscard]] std::string store() const { return pki_.folder() + "/store.db"; }

  /// The text of a new token.
  std::string add_token(const std::string& config_file, const std::string& name_and_role) {
    Program daemon(DROVERD_PROGRAM, {"--config", config_file, "--add-token", name_and_role});
    EXPECT_EQ(daemon.finish(), 0) << daemon.said();
    EXPECT_EQ(daemon.said().find('\n'), daemon.said().size() - 1) << daemon.said();
    return daemon.said().substr(0, daemon.said().size() - 1);
  }
  std::string token_file(const std::string& token) {
    const std::string name = pki_.folder() + "/token";
    std::ofstream(name) << token << '\n';
    ::chmod(name.c_str(), 0600);
    return name;
  }
  /// The exit code of drover, which has no token by itself.
  int drover(std::vector<std::string> arguments, std::string* said = nullptr, const std::string& token = {}) {
    Program program(DROVER_PROGRAM, std::move(arguments),
                    {{"DROVER_TOKEN", token}, {"XDG_CONFIG_HOME", pki_.folder()}, {"DROVER_API", ""}, {"DROVER_CA", ""}});
    const int code = program.finish();
    if (said != nullptr) *said = program.said();
    return code;
  }

  TestAuthority pki_{"Site authority"};
};

TEST_F(Site, FromNothingToTlsWithATokenOnEveryAddress) {
  const auto files = pki_.issue("DNS:localhost,IP:127.0.0.1");
  const std::string file = config("0.0.0.0:0", &files);
  {
    Program early(DROVERD_PROGRAM, {"--config", file});
    EXPECT_EQ(early.finish(), 2);
    EXPECT_NE(early.said().find("need a token (droverd --add-token NAME:admin makes the first)"), std::string::npos)
        << early.said();
  }
  const std::string token = add_token(file, "ops:admin");
  EXPECT_TRUE(token.starts_with("drover_")) << token;
  struct stat status {};
  ASSERT_EQ(::stat(store().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);

  Program daemon(DROVERD_PROGRAM, {"--config", file});
  ASSERT_TRUE(daemon.says("ready\n")) << daemon.said();
  const std::string api = "https://127.0.0.1:" + std::to_string(daemon.port_of("https://0.0.0.0"));
  std::string said;
  EXPECT_EQ(drover({"--api", api, "status"}, &said), 5) << said;
  EXPECT_NE(said.find("--ca FILE"), std::string::npos) << said;
  EXPECT_EQ(drover({"--api", api, "--ca", pki_.file(), "status"}, &said), 7) << said;
  EXPECT_EQ(drover({"--api", api, "--ca", pki_.file(), "status"}, &said, token), 0) << said;
  EXPECT_EQ(drover({"--api", api, "--ca", pki_.file(), "--token-file", token_file(token), "devices"}, &said), 0) << said;
  EXPECT_EQ(drover({"--api", api, "--ca", pki_.file(), "status"}, &said, "drover_" + std::string(43, 'x')), 7) << said;

  EXPECT_EQ(drover({"--api", api, "--ca", pki_.file(), "token", "add", "ci", "--role", "read", "--expires", "30d"}, &said,
                   token), 0) << said;
  const std::string reader = said.substr(said.find("drover_"), 50);
  EXPECT_EQ(drover({"--api", api, "--ca", pki_.file(), "token", "list"}, &said, reader), 7) << said;
  EXPECT_EQ(drover({"--api", api, "--ca", pki_.file(), "token", "list"}, &said, token), 0) << said;
  EXPECT_NE(said.find("ci"), std::string::npos) << said;

  // The stream of a token that is removed ends, and drover says why it can't go on.
  Program events(DROVER_PROGRAM, {"--api", api, "--ca", pki_.file(), "events"}, {{"DROVER_TOKEN", reader}});
  TlsClient probe(daemon.port_of("https://0.0.0.0"), {.authority = pki_.file()});
  ASSERT_TRUE(probe.connected()) << probe.reason();
  for (std::string body; body.find("\"clients\":1") == std::string::npos;) {
    ASSERT_TRUE(probe.send("GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token + "\r\n\r\n"));
    body = probe.read_through("}}");
    ASSERT_NE(body, "");
  }
  EXPECT_EQ(drover({"--api", api, "--ca", pki_.file(), "token", "remove", "ci"}, &said, token), 0) << said;
  EXPECT_EQ(events.finish(), 7) << events.said();

  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.finish(), 0) << daemon.said();
  for (const std::string& secret : {token, reader}) {
    EXPECT_EQ(daemon.said().find(secret.substr(7, 20)), std::string::npos) << "a log with a token";
    std::ostringstream kept;
    kept << std::ifstream(store(), std::ios::binary).rdbuf();
    EXPECT_EQ(kept.str().find(secret.substr(7, 20)), std::string::npos) << "a store with a token";
  }
}

TEST_F(Site, TokensOutliveARestartAndTheLastOnesRemoval) {
  const std::string file = config("127.0.0.1:0", nullptr);
  const std::string token = add_token(file, "a: b:admin");
  std::string said;
  for (const int expected : {0, 7}) {
    Program daemon(DROVERD_PROGRAM, {"--config", file});
    ASSERT_TRUE(daemon.says("ready\n")) << daemon.said();
    const std::string api = "127.0.0.1:" + std::to_string(daemon.port_of("http://127.0.0.1"));
    EXPECT_EQ(drover({"--api", api, "status"}, &said), 7) << said;
    EXPECT_EQ(drover({"--api", api, "status"}, &said, token), expected) << said;
    if (expected == 0) {
      EXPECT_EQ(drover({"--api", api, "token", "remove", "a: b"}, &said, token), 0) << said;
    } else {
      EXPECT_NE(daemon.said().find("no token is good for the API"), std::string::npos) << daemon.said();
    }
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.finish(), 0);
  }
}

TEST_F(Site, WithoutAStoreNoTokenIsMade) {
  Program daemon(DROVERD_PROGRAM, {"--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--shards", "1"});
  ASSERT_TRUE(daemon.says("ready\n")) << daemon.said();
  const std::string api = "127.0.0.1:" + std::to_string(daemon.port_of("http://127.0.0.1"));
  std::string said;
  EXPECT_EQ(drover({"--api", api, "token", "add", "ops", "--role", "admin"}, &said), 2) << said;
  EXPECT_NE(said.find("[store]"), std::string::npos) << said;
  EXPECT_EQ(drover({"--api", api, "status"}, &said), 0) << said;
  Program adding(DROVERD_PROGRAM, {"--add-token", "ops:admin"});
  EXPECT_EQ(adding.finish(), 2);
  EXPECT_NE(adding.said().find("[store]"), std::string::npos) << adding.said();
}

TEST_F(Site, AddTokenSaysWhatIsWrong) {
  const std::string file = config("127.0.0.1:0", nullptr);
  for (const char* text : {"ops", "ops:root", ":admin", "ops:read"}) {
    Program daemon(DROVERD_PROGRAM, {"--config", file, "--add-token", text});
    EXPECT_EQ(daemon.finish(), 2) << text << daemon.said();
    EXPECT_TRUE(daemon.said().starts_with("droverd: --add-token: ")) << daemon.said();
  }
  Program running(DROVERD_PROGRAM, {"--config", file});
  ASSERT_TRUE(running.says("ready\n")) << running.said();
  Program late(DROVERD_PROGRAM, {"--config", file, "--add-token", "ops:admin"});
  EXPECT_EQ(late.finish(), 1);
  EXPECT_NE(late.said().find("another process has it open"), std::string::npos) << late.said();
}

TEST_F(Site, HangupReadsTheCertificateAgain) {
  const auto files = pki_.issue("DNS:old.example");
  Program daemon(DROVERD_PROGRAM, {"--config", config("127.0.0.1:0", &files)});
  ASSERT_TRUE(daemon.says("ready\n")) << daemon.said();
  const int port = daemon.port_of("https://127.0.0.1");
  EXPECT_TRUE(TlsClient(port, {.authority = pki_.file(), .host = "old.example"}).connected());
  const auto next = pki_.issue("DNS:new.example");
  const auto copy = std::filesystem::copy_options::overwrite_existing;
  std::filesystem::copy_file(next.certificate, files.certificate, copy);
  daemon.signal(SIGHUP);
  ASSERT_TRUE(daemon.says("the configuration stays as it was")) << daemon.said();
  EXPECT_TRUE(TlsClient(port, {.authority = pki_.file(), .host = "old.example"}).connected());
  std::filesystem::copy_file(next.private_key, files.private_key, copy);
  daemon.forget();
  daemon.signal(SIGHUP);
  ASSERT_TRUE(daemon.says("API certificate")) << daemon.said();
  EXPECT_TRUE(TlsClient(port, {.authority = pki_.file(), .host = "new.example"}).connected());
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.finish(), 0);
}

TEST_F(Site, DroverSendsNoTokenOverHttpToOthers) {
  std::string said;
  const std::string token = "drover_" + std::string(43, 'x');
  EXPECT_EQ(drover({"--api", "http://fleet.example:8080", "status"}, &said, token), 2) << said;
  EXPECT_NE(said.find("use https"), std::string::npos) << said;
  EXPECT_EQ(said.find(token), std::string::npos);
}

}  // namespace
}  // namespace drover::api::test
