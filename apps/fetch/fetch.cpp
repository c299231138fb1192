// SPDX-License-Identifier: Apache-2.0
#include "apps/fetch/fetch.hpp"

#include <algorithm>
#include <thread>

#include "io/clock.hpp"

namespace drover::fetch {

namespace {

Ending attempt(const Uri& uri, OutputFile& file, const Options& options) {
  const bool coap = uri.scheme == "coap" || uri.scheme == "coaps";
  Ending ending = coap ? fetch_coap(uri, file, options.patience, options.keys) : fetch_http(uri, file, options.patience);
  if (file.failure()) return Ending::final(*file.failure(), file.reason());
  if (ending.kind != Ending::Kind::Whole || file.finish()) return ending;
  if (file.failure()) return Ending::final(*file.failure(), file.reason());
  return Ending::lost("the connection ended before the announced length");
}

}  // namespace

Ending fetch(const Options& options) {
  const auto scheme = scheme_of(options.uri);
  if (scheme && *scheme != "coap" && *scheme != "coaps" && *scheme != "http" && *scheme != "https") {
    return Ending::final(FirmwareResult::UnsupportedProtocol, "unsupported protocol " + *scheme);
  }
  const auto uri = parse_uri(options.uri);
  if (!uri) return Ending::final(FirmwareResult::InvalidUri, "invalid URI: " + uri.error().reason);
  OutputFile file(options.size_max);
  if (!file.open(options.file, options.offset, options.etag)) return Ending::final(*file.failure(), file.reason());

  std::uint64_t best = file.offset();
  Instant last_progress = io::now();
  Duration wait = kWaitMin;
  for (;;) {
    Ending ending = attempt(*uri, file, options);
    if (ending.kind != Ending::Kind::Lost) return ending;
    file.pause();
    const Instant now = io::now();
    // Progress is what no attempt had before: a server that always breaks off at the same place makes none.
    if (file.offset() > best) {
      best = file.offset();
      last_progress = now;
      wait = kWaitMin;
    }
    if (best == 0) return Ending::final(FirmwareResult::InvalidUri, std::move(ending.reason));
    if (now + wait >= last_progress + options.patience) {
      return Ending::final(FirmwareResult::ConnectionLost, std::move(ending.reason));
    }
    std::this_thread::sleep_for(wait);
    wait = std::min(2 * wait, kWaitMax);
  }
}

}  // namespace drover::fetch
