// SPDX-License-Identifier: Apache-2.0
// A folder of a test's own, and an event loop that doesn't run for ever.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "io/clock.hpp"
#include "io/event_loop.hpp"

namespace drover::firmware::testing {

class TestFolder {
 public:
  TestFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "drover-test-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    path = pattern;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return path + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name), std::ios::binary) << text;
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream stream(file(name), std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
  }
  [[nodiscard]] bool has(const std::string& name) const { return std::filesystem::exists(file(name)); }

  std::string path;
};

/// Runs the loop until `done` says so or `limit` is over. True when it did.
inline bool run_until(io::EventLoop& loop, const std::function<bool()>& done,
                      Duration limit = std::chrono::seconds(20)) {
  const Instant end = io::now() + limit;
  // Looked at behind every event, and now and then for what happens outside the loop.
  constexpr Duration kLook = std::chrono::milliseconds(20);
  Instant next = io::now();
  bool success = false;
  const int waker = loop.add_waker([&] { return next; },
                                   [&](Instant now) {
                                     next = now + kLook;
                                     success = done();
                                     if (success || now >= end) loop.stop();
                                   });
  loop.run();
  loop.remove_waker(waker);
  return success;
}

}  // namespace drover::firmware::testing
