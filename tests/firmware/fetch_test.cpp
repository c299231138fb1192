// SPDX-License-Identifier: Apache-2.0
// drover-fetch as a process, against repositories that fail in every way.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include "client/security_values.hpp"
#include "firmware/child_process.hpp"
#include "firmware/test_folder.hpp"
#include "tests/firmware/coaps_files.hpp"
#include "tests/firmware/file_servers.hpp"

namespace drover::testing {
namespace {

using firmware::ChildProcess;
using firmware::Exit;
using firmware::testing::run_until;
using firmware::testing::TestFolder;

struct Fetch : ::testing::Test {
  io::EventLoop loop;
  TestFolder folder;
  std::vector<std::string> lines;
  std::unique_ptr<ChildProcess> child;
  std::optional<Exit> exit;
  std::optional<Secret<Bytes>> input;

  void start(const std::string& uri, std::vector<std::string> options = {}, std::vector<std::string> environment = {}) {
    lines.clear();
    exit.reset();
    ChildProcess::Command command;
    command.arguments = {DROVER_FETCH};
    command.arguments.insert(command.arguments.end(), options.begin(), options.end());
    command.arguments.insert(command.arguments.end(), {"--", uri, folder.file("out")});
    command.environment = std::move(environment);
    command.input = input;
    auto started = ChildProcess::start(loop, std::move(command),
                                       {[this](std::string_view line) { lines.emplace_back(line); },
                                        [this](const Exit& done) {
                                          exit = done;
                                          child.reset();
                                        }});
    ASSERT_TRUE(started) << started.error().reason;
    child = std::move(*started);
  }
  int finish() {
    EXPECT_TRUE(run_until(loop, [this] { return exit.has_value(); }));
    return exit ? exit->code.value_or(-1) : -1;
  }
  int fetch(const std::string& uri, std::vector<std::string> options = {}, std::vector<std::string> environment = {}) {
    start(uri, std::move(options), std::move(environment));
    return finish();
  }
  [[nodiscard]] bool has(const Bytes& image) const { return folder.read("out") == as_text(image); }
  /// The value behind `key` in the last line that begins with `word`.
  [[nodiscard]] std::string said(const std::string& key) const {
    std::string value;
    for (const std::string& line : lines) {
      const std::size_t at = line.find(key);
      if (at == 0 || (at != std::string::npos && line[at - 1] == ' ')) {
        value = line.substr(at + key.size());
        value = value.substr(0, value.find(' '));
      }
    }
    return value;
  }
};

using FetchHttp = Fetch;
using FetchCoap = Fetch;

TEST_F(FetchHttp, Success) {
  HttpFiles files;
  EXPECT_EQ(fetch(files.uri()), 0);
  EXPECT_TRUE(has(files.image()));
  EXPECT_EQ(said("etag="), "\"one\"");
  EXPECT_EQ(said("size="), "300000");
  EXPECT_EQ(said("offset="), "300000");
}

TEST_F(FetchHttp, SuccessOverTlsWithATrustedCertificate) {
  HttpFiles files({}, folder.file("ca.pem"));
  EXPECT_EQ(fetch(files.uri(), {}, {"SSL_CERT_FILE=" + folder.file("ca.pem")}), 0);
  EXPECT_TRUE(has(files.image()));
}

TEST_F(FetchHttp, ACertificateThatNobodyVouchesForIsRefused) {
  HttpFiles files({}, folder.file("ca.pem"));
  EXPECT_EQ(fetch(files.uri(), {}, {"SSL_CERT_FILE=/dev/null", "SSL_CERT_DIR=/nowhere"}), 7);
  EXPECT_NE(lines.back().find("certificate"), std::string::npos) << lines.back();
  EXPECT_TRUE(files.ranges().empty());
}

TEST_F(FetchHttp, Redirections) {
  HttpFiles files;
  files.redirect_to("/fw");
  EXPECT_EQ(fetch(files.uri("/elsewhere")), 0);
  EXPECT_TRUE(has(files.image()));
  files.redirect_to(files.uri("/fw"));
  EXPECT_EQ(fetch(files.uri("/elsewhere")), 0);
  files.redirect_to("fw");
  EXPECT_EQ(fetch(files.uri("/elsewhere")), 0);
  files.redirect_to("/elsewhere");
  EXPECT_EQ(fetch(files.uri("/elsewhere")), 7);
  files.redirect_to("file:///etc/passwd");
  EXPECT_EQ(fetch(files.uri("/elsewhere")), 7);
}

TEST_F(FetchHttp, UrisThatLeadNowhereAre7) {
  HttpFiles files;
  EXPECT_EQ(fetch(files.uri("/missing")), 7);
  std::string closed;
  {
    const HttpFiles gone;
    closed = gone.uri();
  }
  EXPECT_EQ(fetch(closed), 7);
  EXPECT_EQ(fetch("http://host.invalid/fw"), 7);
  EXPECT_EQ(fetch("http:///fw"), 7);
  EXPECT_EQ(fetch("no uri"), 7);
}

TEST_F(FetchHttp, SchemesThatAreNotSupportedAre9) {
  EXPECT_EQ(fetch("ftp://127.0.0.1/fw"), 9);
  EXPECT_NE(lines.back().find("unsupported protocol"), std::string::npos);
}

TEST_F(FetchHttp, ATruncatedImageIsResumed) {
  HttpFiles files({.cut_after = 100'000, .cuts = 2});
  EXPECT_EQ(fetch(files.uri()), 0);
  EXPECT_TRUE(has(files.image()));
  EXPECT_EQ(files.ranges(), (std::vector<std::string>{"", "bytes=100000-", "bytes=200000-"}));
}

TEST_F(FetchHttp, AnotherRepresentationBeginsAnew) {
  HttpFiles files({.cut_after = 100'000, .cuts = 1, .etag_after_cut = "\"two\"", .image_after_cut = test_image(250'000, 2)});
  EXPECT_EQ(fetch(files.uri()), 0);
  EXPECT_TRUE(has(test_image(250'000, 2)));
  EXPECT_EQ(said("etag="), "\"two\"");
}

TEST_F(FetchHttp, WithoutAValidatorItBeginsAnew) {
  HttpFiles files({.etag = "", .cut_after = 100'000, .cuts = 1});
  EXPECT_EQ(fetch(files.uri()), 0);
  EXPECT_TRUE(has(files.image()));
  EXPECT_EQ(files.ranges(), (std::vector<std::string>{"", ""}));
}

TEST_F(FetchHttp, AServerThatAlwaysBreaksOffAtTheSamePlaceIs4) {
  HttpFiles files({.etag = "", .cut_after = 1000, .cuts = 1000});
  EXPECT_EQ(fetch(files.uri(), {"--timeout", "2"}), 4);
}

TEST_F(FetchHttp, AServerThatIsOutOfOrderIsTriedAgain) {
  HttpFiles files;
  folder.write("out", std::string(as_text(files.image())).substr(0, 1000));
  EXPECT_EQ(fetch(files.uri("/broken"), {"--timeout", "1", "--offset", "1000", "--etag=\"one\""}), 4);
}

TEST_F(FetchHttp, GoesOnWhereAnEarlierRunWas) {
  HttpFiles files;
  folder.write("out", std::string(as_text(files.image())).substr(0, 123'456));
  EXPECT_EQ(fetch(files.uri(), {"--offset", "123456", "--etag=\"one\""}), 0);
  EXPECT_TRUE(has(files.image()));
  EXPECT_EQ(files.ranges(), std::vector<std::string>{"bytes=123456-"});
  // What is behind the offset isn't trusted, and what isn't there can't be gone on from.
  folder.write("out", std::string(as_text(files.image())).substr(0, 500) + "rubbish");
  EXPECT_EQ(fetch(files.uri(), {"--offset", "500", "--etag=\"one\""}), 0);
  EXPECT_TRUE(has(files.image()));
  folder.write("out", "");
  EXPECT_EQ(fetch(files.uri(), {"--offset", "500", "--etag=\"one\""}), 0);
  EXPECT_TRUE(has(files.image()));
  EXPECT_EQ(files.ranges().back(), "");
}

TEST_F(FetchHttp, MoreThanTheLimitIs2) {
  HttpFiles files;
  EXPECT_EQ(fetch(files.uri(), {"--max-size", "299999"}), 2);
  EXPECT_EQ(fetch(files.uri(), {"--max-size", "300000"}), 0);
}

TEST_F(FetchHttp, AFullDiskIs2) {
  HttpFiles files;
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = 100'000;
  setrlimit(RLIMIT_FSIZE, &small);
  start(files.uri());
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(finish(), 2);
}

TEST_F(FetchHttp, EndsWithTheProcessThatStartedIt) {
  EXPECT_EQ(fetch("http://127.0.0.1:1/fw", {"--with-parent", "1"}), 1);
}

TEST_F(FetchCoap, Success) {
  CoapFiles files(loop);
  EXPECT_EQ(fetch(files.uri()), 0);
  EXPECT_TRUE(has(files.image));
  EXPECT_EQ(said("etag="), "01");
  EXPECT_EQ(said("size="), "20000");
}

struct FetchCoaps : Fetch {
  void give(std::string_view identity, std::string_view key) {
    client::SecurityValues keys;
    keys.mode = client::SecurityObject::kPreSharedKey;
    keys.identity = to_bytes(identity);
    keys.key = Secret<Bytes>(to_bytes(key));
    input = keys.pack();
  }
  CoapsFiles files{loop};
};

TEST_F(FetchCoaps, Success) {
  give("sensor-1", "0123456789abcdef");
  EXPECT_EQ(fetch(files.uri(), {"--keys-on-input"}), 0) << lines.back();
  EXPECT_TRUE(has(files.image));
  EXPECT_EQ(files.handshakes, 1U);
}

TEST_F(FetchCoaps, WithoutTheRightKeyItIs7) {
  EXPECT_EQ(fetch(files.uri()), 7);
  EXPECT_NE(lines.back().find("no server account has keys for 127.0.0.1"), std::string::npos) << lines.back();
  give("sensor-1", "another");
  EXPECT_EQ(fetch(files.uri(), {"--keys-on-input"}), 7);
  EXPECT_NE(lines.back().find("handshake: "), std::string::npos) << lines.back();
  EXPECT_NE(files.refusal.find("wrong pre-shared key"), std::string::npos) << files.refusal;
  give("", "another");
  EXPECT_EQ(fetch(files.uri(), {"--keys-on-input"}), 7);
  input = Secret<Bytes>(to_bytes("what is this"));
  EXPECT_EQ(fetch(files.uri(), {"--keys-on-input"}), 1);
  for (const std::string& line : lines) EXPECT_EQ(line.find("another"), std::string::npos) << line;
}

TEST_F(FetchCoap, AnImageOfOneBlock) {
  CoapFiles files(loop);
  files.image = test_image(100);
  EXPECT_EQ(fetch(files.uri()), 0);
  EXPECT_TRUE(has(files.image));
  files.image.clear();
  EXPECT_EQ(fetch(files.uri()), 0);
  EXPECT_TRUE(has(files.image));
}

TEST_F(FetchCoap, UrisThatLeadNowhereAre7) {
  CoapFiles files(loop);
  EXPECT_EQ(fetch(files.uri("/missing")), 7);
  EXPECT_EQ(fetch("coap://host.invalid/fw"), 7);
  files.answers = 0;
  EXPECT_EQ(fetch(files.uri(), {"--timeout", "1"}), 7);
}

TEST_F(FetchCoap, AServerThatVanishesIs4AndTheNextRunGoesOn) {
  CoapFiles files(loop);
  files.answers = 8;
  EXPECT_EQ(fetch(files.uri(), {"--timeout", "1"}), 4);
  EXPECT_EQ(said("offset="), "8192");
  files.answers = SIZE_MAX;
  files.asked.clear();
  EXPECT_EQ(fetch(files.uri(), {"--offset", said("offset="), "--etag=" + said("etag=")}), 0);
  EXPECT_TRUE(has(files.image));
  ASSERT_FALSE(files.asked.empty());
  EXPECT_EQ(files.asked.front(), 8U);
}

TEST_F(FetchCoap, AnotherRepresentationBeginsAnew) {
  for (const Bytes& etag : {Bytes{2}, Bytes{}}) {
    CoapFiles files(loop);
    files.answers = 8;
    EXPECT_EQ(fetch(files.uri(), {"--timeout", "1"}), 4);
    files.answers = SIZE_MAX;
    files.image = test_image(15'000, 2);
    files.etag = etag;
    EXPECT_EQ(fetch(files.uri(), {"--offset", said("offset="), "--etag=" + said("etag=")}), 0);
    EXPECT_TRUE(has(files.image));
  }
}

TEST_F(FetchCoap, ARepresentationThatHasBecomeShorterBeginsAnew) {
  CoapFiles files(loop);
  files.answers = 8;
  EXPECT_EQ(fetch(files.uri(), {"--timeout", "1"}), 4);
  files.answers = SIZE_MAX;
  files.image = test_image(3000, 2);
  files.etag = {2};
  EXPECT_EQ(fetch(files.uri(), {"--offset", said("offset="), "--etag=" + said("etag=")}), 0);
  EXPECT_TRUE(has(files.image));
}

TEST_F(FetchCoap, MoreThanTheLimitIs2) {
  CoapFiles files(loop);
  EXPECT_EQ(fetch(files.uri(), {"--max-size", "19999"}), 2);
  EXPECT_LE(files.asked.size(), 2U);  // Size2 says so before the image has come
}

}  // namespace
}  // namespace drover::testing
