// SPDX-License-Identifier: Apache-2.0
#include "firmware/fetcher.hpp"

#include <signal.h>
#include <unistd.h>

#include <charconv>

#include "base/uri.hpp"

namespace drover::firmware {

using client::FirmwareResult;

namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The value of a word "key=value".
std::optional<std::string_view> value_of(std::string_view word, std::string_view key) {
  if (!word.starts_with(key)) return std::nullopt;
  word.remove_prefix(key.size());
  return word;
}

}  // namespace

FirmwareResult result_of_exit(const Exit& exit) {
  if (!exit.code) return exit.signal == SIGKILL ? FirmwareResult::OutOfMemory : FirmwareResult::ConnectionLost;
  switch (*exit.code) {
    case 0: return FirmwareResult::Initial;
    case 2: return FirmwareResult::NoSpace;
    case 3: return FirmwareResult::OutOfMemory;
    case 7: return FirmwareResult::InvalidUri;
    case 9: return FirmwareResult::UnsupportedProtocol;
    default: return FirmwareResult::ConnectionLost;
  }
}

Result<std::unique_ptr<Fetcher>> Fetcher::start(io::EventLoop& loop, const Order& order, Listener listener) {
  std::unique_ptr<Fetcher> fetcher(new Fetcher(std::move(listener)));
  const auto patience = std::chrono::ceil<std::chrono::seconds>(order.patience).count();
  ChildProcess::Command command;
  command.arguments = {order.program,
                       "--max-size",
                       std::to_string(order.size_max),
                       "--timeout",
                       std::to_string(patience),
                       "--with-parent",
                       std::to_string(::getpid())};
  if (order.offset != 0) {
    command.arguments.insert(command.arguments.end(),
                             {"--offset", std::to_string(order.offset), "--etag=" + order.etag});
  }
  if (order.keys) {
    command.arguments.emplace_back("--keys-on-input");
    command.input = order.keys->pack();
  }
  command.arguments.insert(command.arguments.end(), {"--", order.uri, order.file});
  auto child = ChildProcess::start(loop, std::move(command),
                                   {[raw = fetcher.get()](std::string_view line) { raw->take_line(line); },
                                    [raw = fetcher.get()](const Exit& exit) {
                                      const auto done = raw->listener_.on_done;
                                      const std::string reason = raw->reason_.empty() ? exit.to_string() : raw->reason_;
                                      done(result_of_exit(exit), reason);
                                    }});
  if (!child) return tl::unexpected(child.error());
  fetcher->child_ = std::move(*child);
  return fetcher;
}

void Fetcher::take_line(std::string_view line) {
  if (const auto text = value_of(line, "offset=")) {
    if (const auto offset = number(*text)) return listener_.on_progress(*offset);
  }
  if (line.starts_with("etag=")) {
    std::string etag;
    std::optional<std::uint64_t> size;
    for (const std::string_view word : split(line, ' ')) {
      if (const auto text = value_of(word, "etag=")) etag = std::string(*text);
      if (const auto text = value_of(word, "size=")) size = number(*text);
    }
    return listener_.on_representation(etag, size);
  }
  if (!line.empty()) reason_ = std::string(line);
}

}  // namespace drover::firmware
