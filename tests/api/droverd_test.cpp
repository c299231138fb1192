// SPDX-License-Identifier: Apache-2.0
// The daemon as a process: what it says, how it ends, and that nothing runs half-started.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "program.hpp"
#include "raw_client.hpp"

namespace drover::api::test {
namespace {

/// A droverd.
class Daemon : public Program {
 public:
  explicit Daemon(std::vector<std::string> arguments) : Program(DROVERD_PROGRAM, std::move(arguments)) {}
};

class Droverd : public ::testing::Test {
 protected:
  Droverd() {
    std::string pattern = (std::filesystem::temp_directory_path() / "droverd-test-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Droverd() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  static int exit_code(std::vector<std::string> arguments, std::string* said = nullptr) {
    Daemon daemon(std::move(arguments));
    const int code = daemon.finish();
    if (said != nullptr) *said = daemon.said();
    return code;
  }
  std::string folder_;
};

TEST_F(Droverd, ServesUntilItIsToldToEnd) {
  for (const int number : {SIGTERM, SIGINT}) {
    Daemon daemon({"--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--api", "[::1]:0", "--shards", "2"});
    ASSERT_TRUE(daemon.says("ready\n")) << daemon.said();
    EXPECT_GT(daemon.port_of("coap://"), 0) << daemon.said();
    RawClient client(daemon.port_of("http://127.0.0.1"));
    ASSERT_TRUE(client.connected()) << daemon.said();
    client.send("GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(status_of(client.read_all()), 200);
    daemon.signal(number);
    EXPECT_EQ(daemon.finish(), 0) << daemon.said();
  }
}

/// One datagram to a port of 127.0.0.1.
void send_udp(int port, const std::string& bytes) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::sendto(fd, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
            static_cast<ssize_t>(bytes.size()));
  ::close(fd);
}

TEST_F(Droverd, LogsWrongPacketsAtLevelDebugOnly) {
  for (const bool debug : {true, false}) {
    Daemon daemon(
        {"--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--shards", "1", "--log", debug ? "debug" : "info"});
    ASSERT_TRUE(daemon.says("ready\n")) << daemon.said();
    send_udp(daemon.port_of("coap://"), "\x40\x01");
    if (debug) {
      EXPECT_TRUE(daemon.says("debug dropped address=127.0.0.1:")) << daemon.said();
      EXPECT_TRUE(daemon.says(" why=")) << daemon.said();
    }
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.finish(), 0);
    if (!debug) {
      EXPECT_EQ(daemon.said().find("dropped"), std::string::npos) << daemon.said();
    }
  }
}

TEST_F(Droverd, EndsWhileAStreamIsOpen) {
  Daemon daemon({"--listen", "[::]:0", "--api", "127.0.0.1:0"});
  ASSERT_TRUE(daemon.says("ready\n")) << daemon.said();
  RawClient client(daemon.port_of("http://127.0.0.1"));
  client.send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_NE(client.read_through(": connected\n\n"), "");
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.finish(), 0);
}

TEST_F(Droverd, ASecondInstanceOnTheSamePortsSaysSo) {
  Daemon first({"--listen", "[::]:0", "--api", "127.0.0.1:0", "--shards", "2"});
  ASSERT_TRUE(first.says("ready\n")) << first.said();
  const std::string udp = "[::]:" + std::to_string(first.port_of("coap://"));
  const std::string tcp = "127.0.0.1:" + std::to_string(first.port_of("http://127.0.0.1"));
  std::string said;
  EXPECT_EQ(exit_code({"--listen", udp, "--api", "127.0.0.1:0"}, &said), 1);
  EXPECT_EQ(said, "droverd: cannot listen on UDP " + udp + ": the port is in use by another program\n");
  EXPECT_EQ(exit_code({"--listen", "[::]:0", "--api", tcp}, &said), 1);
  EXPECT_EQ(said, "droverd: cannot serve the API on " + tcp + ": the port is in use by another program\n");
}

TEST_F(Droverd, WrongConfigurationNamesFileAndLine) {
  const std::pair<std::string, std::string> kCases[] = {
      {"strict = true\nlisten_on = 5683\n", ":2: unknown key listen_on"},
      {"\n[api]\nlisten = \"127.0.0.1:8080\"\n", ":3: api.listen must be a list of strings"},
      {"[coap]\nack_timeout_ms = 0\n", ":2: coap.ack_timeout_ms must be a number from 1"},
      {"strict = \"yes\"\n", ":1: strict must be true or false"},
      {"enabler = \"1.5\"\n", ":1: enabler must be one of"},
      {"strict = \n", ":1: "},
      {"[log]\nlevel = \"info\"\n[log.file]\n", ":3: unknown key log.file"},
      {"[registration]\nlifetime_min = 10\nlifetime_max = 9\n",
       ":3: registration.lifetime_min (10) must be at most registration.lifetime_max (9)"},
      {"strict = true\nlisten = \"x\"\n", ":2: listen: \"x\" must be HOST:PORT such as [::]:5683"},
      {"listen = \"localhost:65536\"\n", ":1: listen: "},
      {"listen = \":5683\"\n", ":1: listen: "},
      {"[api]\nlisten = [\"127.0.0.1:0\",\n  \"8080\"]\n", ":3: api.listen: "},
      {"[api]\nlisten = [\"127.0.0.1:0\", \"0.0.0.0:8080\"]\n", ":2: api.listen: "},
      {"[api]\nlisten = [\"example.org:8080\"]\n", "the host must be localhost or an IP address"},
      {"[api]\ncertificate = \"a.pem\"\n", ":2: api.certificate needs api.private_key"},
      {"[api]\n\nprivate_key = \"a.key\"\n", ":3: api.private_key needs api.certificate"},
      {"[api]\nlisten = [\"https://127.0.0.1:0\"]\n", ":2: api.listen: "},
      {"[api]\nlisten = [\"http://[::]:0\"]\ncertificate = \"a\"\nprivate_key = \"b\"\n", "served by https only"},
      {"[api]\nrequire_token = true\n", ":2: api.require_token needs a file in [store]"},
      {"[registration]\ndevices_max = 0\n", ":2: registration.devices_max must be a number from 1 to 16777216"},
      {"[registration]\nobservations_max_per_device = -1\n",
       ":2: registration.observations_max_per_device must be a number from 0"},
      {"[coap]\nblock_size = 100\n", ":2: coap.block_size must be 16, 32, 64, 128, 256, 512 or 1024"},
      {"[coap]\ndeduplication_max = 0\n", ":2: coap.deduplication_max must be a number from 1 to"},
      {"[coap]\nmax_retransmit = 21\n", ":2: coap.max_retransmit must be a number from 0 to 20"},
      {"[coap]\nnstart = 0\n", ":2: coap.nstart must be a number from 1 to 64"},
  };
  for (const auto& [text, expected] : kCases) {
    const std::string path = file("droverd.toml", text);
    std::string said;
    EXPECT_EQ(exit_code({"--config", path, "--check-config"}, &said), 2) << text;
    EXPECT_TRUE(said.starts_with("droverd: " + path)) << said;
    EXPECT_NE(said.find(expected), std::string::npos) << said;
    EXPECT_EQ(said.find('\n'), said.size() - 1) << "one line: " << said;
  }
  EXPECT_EQ(exit_code({"--config", folder_ + "/missing.toml"}), 2);
}

TEST_F(Droverd, WrongFlagsAreOneLineAndExitCodeTwo) {
  const std::vector<std::string> kCases[] = {{"--nonsense"},           {"--shards", "65"},
                                             {"--log", "loud"},        {"--listen", "5683"},
                                             {"--listen", "[::]"},     {"--api", "0.0.0.0:0", "--listen", "[::]:0"},
                                             {"--listen", "::1:5683:"}};
  for (const auto& arguments : kCases) {
    std::string said;
    EXPECT_EQ(exit_code(arguments, &said), 2) << said;
    EXPECT_TRUE(said.starts_with("droverd: ")) << said;
    EXPECT_EQ(said.find('\n'), said.size() - 1) << "one line: " << said;
  }
}

TEST_F(Droverd, AHostThatNobodyKnowsIsTheEnvironments) {
  std::string said;
  EXPECT_EQ(exit_code({"--listen", "nobody.invalid:5683", "--api", "127.0.0.1:0"}, &said), 1);
  EXPECT_TRUE(said.starts_with("droverd: cannot resolve host \"nobody.invalid\": ")) << said;
  EXPECT_EQ(said.find('\n'), said.size() - 1) << "one line: " << said;
}

TEST_F(Droverd, AMissingOrBrokenDefinitionFolderIsSaidSo) {
  std::string said;
  EXPECT_NE(exit_code({"--objects", folder_ + "/missing", "--listen", "[::]:0", "--api", "127.0.0.1:0"}, &said), 0);
  EXPECT_NE(said.find(folder_ + "/missing"), std::string::npos) << said;
  file("broken.xml", "<LWM2M>\n<Object>\n");
  EXPECT_NE(exit_code({"--objects", folder_, "--check-config"}, &said), 0);
  EXPECT_NE(said.find("broken.xml:"), std::string::npos) << said;
}

TEST_F(Droverd, AGoodConfigurationIsCheckedWithoutListening) {
  const std::string path =
      file("droverd.toml",
           "listen = \"[::]:1\"\nshards = 2\nstrict = true\nenabler = \"1.1\"\n"
           "[registration]\nrefuse = [\"bad-*\"]\ndevices_max = 10\nobservations_max_per_device = 4\n"
           "[coap]\nack_timeout_ms = 1000\nblock_size = 64\ndeduplication_max = 1000\n"
           "[api]\nlisten = [\"[::1]:1\"]\n[log]\nlevel = \"debug\"\nformat = \"json\"\n");
  std::string said;
  EXPECT_EQ(exit_code({"--config", path, "--check-config"}, &said), 0) << said;
  EXPECT_EQ(exit_code({"--version"}, &said), 0);
  EXPECT_TRUE(said.starts_with("droverd ")) << said;
  EXPECT_EQ(exit_code({"--help"}, &said), 0);
  EXPECT_NE(said.find("ack_timeout_ms"), std::string::npos);
}

}  // namespace
}  // namespace drover::api::test
