// SPDX-License-Identifier: Apache-2.0
// Fetches one file from one URI, with as many attempts as it takes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "apps/fetch/output_file.hpp"
#include "base/time.hpp"
#include "base/uri.hpp"
#include "client/objects/firmware_update.hpp"
#include "client/security_values.hpp"

namespace drover::fetch {

using client::FirmwareResult;

struct Options {
  std::string uri;
  std::string file;
  std::uint64_t offset = 0;                         ///< so many bytes of the file are there already
  std::string etag;                                 ///< of the representation that they belong to, as it was printed
  std::uint64_t size_max = std::uint64_t{1} << 40;  ///< bytes
  Duration patience = std::chrono::minutes(5);      ///< without progress
  std::optional<client::SecurityValues> keys;       ///< for coaps
};

/// How an attempt ended.
struct Ending {
  enum class Kind : std::uint8_t {
    Whole,  ///< the file is there
    Final,  ///< another attempt would end the same way
    Lost,   ///< the connection; another attempt may go on
  };
  Kind kind{};
  FirmwareResult result = FirmwareResult::Initial;  ///< of Final
  std::string reason;

  static Ending whole() { return {Kind::Whole, FirmwareResult::Initial, {}}; }
  static Ending final(FirmwareResult result, std::string reason) { return {Kind::Final, result, std::move(reason)}; }
  static Ending lost(std::string reason) { return {Kind::Lost, FirmwareResult::ConnectionLost, std::move(reason)}; }
};

/// One attempt each: goes on at file.offset() with file.etag(), or begins anew where the server has something else.
Ending fetch_http(const Uri& uri, OutputFile& file, Duration patience);
Ending fetch_coap(const Uri& uri, OutputFile& file, Duration patience,
                  const std::optional<client::SecurityValues>& keys = {});

/// Attempts until one is whole or final, or until nothing more has come for Options::patience; between them it waits,
/// at first kWaitMin, twice as long each time, kWaitMax at most. What can't be reached at all when nothing has been
/// fetched yet is InvalidUri: the URI leads nowhere. Blocks.
inline constexpr Duration kWaitMin = std::chrono::milliseconds(500);
inline constexpr Duration kWaitMax = std::chrono::seconds(30);
Ending fetch(const Options& options);

}  // namespace drover::fetch
