// SPDX-License-Identifier: Apache-2.0
#include "io/log.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>

namespace drover::io::log {
namespace {

class Log : public ::testing::Test {
 protected:
  Log() { EXPECT_EQ(::pipe(pipe_.data()), 0); }
  ~Log() override {
    configure(Level::Info, Form::Text);
    ::close(pipe_[0]);
    ::close(pipe_[1]);
  }
  void use(Level level, Form form) { configure(level, form, pipe_[1]); }
  /// What was written since, without the time stamp's digits.
  std::string written() {
    if (::write(pipe_[1], "$", 1) != 1) return {};
    std::string text;
    while (text.empty() || text.back() != '$') {
      std::array<char, 512> bytes{};
      const ssize_t got = ::read(pipe_[0], bytes.data(), bytes.size());
      if (got <= 0) break;
      text.append(bytes.data(), static_cast<std::size_t>(got));
    }
    text.pop_back();
    return text;
  }
  std::array<int, 2> pipe_{};
};

TEST_F(Log, TextQuotesWhatIsNotPlain) {
  use(Level::Info, Form::Text);
  info("registered",
       {{"endpoint", "urn:dev:os:1"}, {"lifetime", 300}, {"name", "a \"b\"\n"}, {"ok", true}, {"none", ""}});
  const std::string line = written();
  EXPECT_EQ(line.substr(24),
            " info registered endpoint=urn:dev:os:1 lifetime=300 name=\"a \\\"b\\\"\\u000a\" ok=true none=\"\"\n");
  EXPECT_EQ(line[10], 'T');
  EXPECT_EQ(line[23], 'Z');
}

TEST_F(Log, JsonIsOneObjectALine) {
  use(Level::Info, Form::Json);
  warn("bad\tpacket", {{"peer", "[::1]:1"}, {"size", -1}, {"raw", std::string("\xFF\x00", 2)}});
  EXPECT_EQ(written().substr(34),
            ",\"level\":\"warn\",\"message\":\"bad\\u0009packet\",\"peer\":\"[::1]:1\",\"size\":-1,\"raw\":"
            "\"\\ufffdff00\"}\n");
}

TEST_F(Log, ALevelBelowTheLeastWritesNothing) {
  use(Level::Warn, Form::Text);
  EXPECT_FALSE(enabled(Level::Info));
  info("quiet");
  EXPECT_EQ(written(), "");
  use(Level::Off, Form::Text);
  error("quiet");
  EXPECT_EQ(written(), "");
}

TEST(LogLevel, NamesAndBack) {
  for (const Level level : {Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Off}) {
    EXPECT_EQ(parse_level(to_string(level)), level);
  }
  EXPECT_EQ(parse_level("loud"), std::nullopt);
}

}  // namespace
}  // namespace drover::io::log
