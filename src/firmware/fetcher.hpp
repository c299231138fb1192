// SPDX-License-Identifier: Apache-2.0
// The program that fetches images, seen from the device.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "client/objects/firmware_update.hpp"
#include "client/security_values.hpp"
#include "firmware/child_process.hpp"

namespace drover::firmware {

/// drover-fetch while it runs. Killed by the destructor, and by the kernel when this process dies.
class Fetcher {
 public:
  struct Order {
    std::string program;
    std::string uri;
    std::string file;
    std::uint64_t offset = 0;  ///< go on here: so many bytes of the file belong to the representation `etag`
    std::string etag;
    std::uint64_t size_max = 0;
    std::optional<client::SecurityValues> keys{};  ///< for coaps
    Duration patience{};  ///< how long it may be without progress before it gives up
  };
  struct Listener {
    /// The representation that is fetched from now on, and its length where the server says it.
    std::function<void(const std::string& etag, std::optional<std::uint64_t> size)> on_representation;
    /// So many bytes are safe on disk.
    std::function<void(std::uint64_t offset)> on_progress;
    /// Once. Initial: the file is whole. May destroy the Fetcher.
    std::function<void(client::FirmwareResult, const std::string& reason)> on_done;
  };

  static Result<std::unique_ptr<Fetcher>> start(io::EventLoop& loop, const Order& order, Listener listener);

 private:
  explicit Fetcher(Listener listener) : listener_(std::move(listener)) {}
  void take_line(std::string_view line);

  Listener listener_;
  std::string reason_;  ///< the last line that was none of ours
  std::unique_ptr<ChildProcess> child_;
};

/// What the exit of drover-fetch means. Its codes are the results; a SIGKILL that isn't ours comes from a kernel that
/// is out of memory; anything else is taken for a lost connection.
client::FirmwareResult result_of_exit(const Exit& exit);

}  // namespace drover::firmware
