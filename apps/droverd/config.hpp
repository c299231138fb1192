// SPDX-License-Identifier: Apache-2.0
// What droverd is told, by a TOML file and by flags that go before it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "coap/parameters.hpp"
#include "io/log.hpp"
#include "server/policy.hpp"

namespace drover::droverd {

inline constexpr std::size_t kShardsMax = 64;  ///< one thread each; more than the cores of a machine gain nothing

struct Config {
  std::string listen = "[::]:5683";
  std::size_t shards = 0;  ///< 0: one a core, kShardsMax at most
  coap::Parameters coap;
  server::Policy policy;
  std::string enabler = "1.0";       ///< version of the shipped definitions of objects 0 to 7
  std::vector<std::string> objects;  ///< folders with more definitions
  std::vector<std::string> api{"127.0.0.1:8080"};
  std::size_t api_events = 16384;
  io::log::Level log_level = io::log::Level::Info;
  io::log::Form log_form = io::log::Form::Text;
};

/// Reads `file` into `config`. Every key must be known and of its type: errors read "FILE:LINE: reason".
Result<void> read_config(const std::string& file, Config& config);

/// What `--help` says about the file.
extern const char* const kConfigHelp;

}  // namespace drover::droverd
