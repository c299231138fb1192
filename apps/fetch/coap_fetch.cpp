// SPDX-License-Identifier: Apache-2.0
// CoAP: a GET with Block2 (RFC 7959 §2.4) on this project's own stack, over DTLS for coaps.
#include <utility>

#include "apps/fetch/carrier.hpp"
#include "apps/fetch/fetch.hpp"
#include "client/uri.hpp"
#include "coap/message/code.hpp"
#include "io/clock.hpp"
#include "io/driver.hpp"
#include "io/event_loop.hpp"
#include "io/resolve.hpp"
#include "io/udp_socket.hpp"

namespace drover::fetch {

namespace {

constexpr int kReceiveBuffer = 64 << 10;  // one block is in flight at a time
constexpr std::uint64_t kBlock = 1024;    // the largest (RFC 7959 §2.2): its multiples begin a block of any size
constexpr std::size_t kOptionMax = 255;   // RFC 7252 §5.10: Uri-Host, Uri-Path, Uri-Query
constexpr std::uint64_t kResumeMax = (std::uint64_t{1} << 30) - kBlock;  // the last block's offset

/// RFC 7252 §6.4. False for a part that doesn't fit an option.
bool add_uri(const Uri& uri, bool is_literal, coap::Options& options) {
  const auto add = [&](coap::OptionNumber number, std::string_view part) {
    const auto text = percent_decode(part);
    if (!text || text->size() > kOptionMax) return false;
    options.add(number, *text);
    return true;
  };
  if (!is_literal && !add(coap::OptionNumber::UriHost, uri.host)) return false;
  if (!uri.path.empty() && uri.path != "/") {
    for (const std::string_view segment : split(std::string_view(uri.path).substr(1), '/')) {
      if (!add(coap::OptionNumber::UriPath, segment)) return false;
    }
  }
  if (uri.query) {
    for (const std::string_view part : split(*uri.query, '&')) {
      if (!add(coap::OptionNumber::UriQuery, part)) return false;
    }
  }
  return true;
}

class Transfer {
 public:
  /// `keys`: for coaps.
  Transfer(io::UdpSocket socket, OutputFile& file, const std::string& host,
           const std::optional<client::SecurityValues>& keys)
      : socket_(std::move(socket)), file_(file) {
    if (keys) carrier_.protect(host, *keys);
  }

  Ending run(const transport::PeerAddress& address, coap::Request request, Duration patience) {
    io::Driver<Carrier> driver(loop_, socket_, carrier_, [this](Instant) { drain(); });
    coap::RequestSettings settings;
    settings.stream_response = true;
    settings.timeout = std::min(patience, kLongest);
    const auto etag = from_hex(file_.etag());
    if (!etag || etag->empty()) file_.forget();
    if (const std::uint64_t offset = std::min(file_.offset() / kBlock * kBlock, kResumeMax); offset != 0) {
      settings.resume = coap::ResumePoint{offset, *etag};
    }
    resuming_ = settings.resume.has_value();
    const transport::PeerAddress peer = carrier_.connect(io::now(), address);
    carrier_.endpoint().request(io::now(), peer, std::move(request), settings);
    driver.flush(io::now());
    if (!ending_) loop_.run();
    return std::move(*ending_);
  }

 private:
  /// A separate response is waited for so long; without an acknowledgement it ends sooner (MAX_TRANSMIT_WAIT, 93 s).
  static constexpr Duration kLongest = std::chrono::seconds(247);

  void end(Ending ending) {
    if (!ending_) ending_ = std::move(ending);
    loop_.stop();
  }

  void drain() {
    if (!ending_ && carrier_.failure()) end(Ending::lost(*carrier_.failure()));
    while (auto event = carrier_.endpoint().poll_event()) {
      if (ending_) continue;
      if (const auto* block = std::get_if<coap::ResponseBlockArrived>(&*event)) take(*block);
      if (const auto* answer = std::get_if<coap::ResponseArrived>(&*event)) refuse(answer->response);
      if (const auto* failed = std::get_if<coap::RequestFailed>(&*event)) fail(failed->cause);
    }
  }

  void take(const coap::ResponseBlockArrived& block) {
    if (!begun_ || block.offset == 0) {
      begun_ = true;
      const auto etag = block.response.options.first(coap::OptionNumber::ETag);
      const auto size = block.response.options.uint(coap::OptionNumber::Size2);
      // RFC 7959 §4: 0 is a question, not a length.
      const auto known =
          size && *size >= block.offset + block.response.payload.size() && *size != 0 ? size : std::nullopt;
      if (!file_.begin(block.offset, etag ? to_hex(*etag) : std::string(), known)) return end(Ending::lost(""));
    }
    if (!file_.append(block.response.payload)) return end(Ending::lost(""));
    if (block.last) end(Ending::whole());
  }

  void refuse(const coap::Response& response) {
    std::string reason = "the server answers " + response.code.to_string();
    // 4.xx on a later block may be about the block: what was there has become shorter.
    const bool later = begun_ || resuming_;
    if (later && response.code.clazz() == 4 && response.code != coap::code::kNotFound) {
      file_.forget();
      return end(Ending::lost(std::move(reason)));
    }
    if (response.code.clazz() == 5) return end(Ending::lost(std::move(reason)));
    end(Ending::final(FirmwareResult::InvalidUri, std::move(reason)));
  }

  void fail(coap::FailureCause cause) {
    std::string reason = std::string("the request failed: ") + coap::to_string(cause);
    if (cause == coap::FailureCause::TooLarge) return end(Ending::final(FirmwareResult::NoSpace, std::move(reason)));
    end(Ending::lost(std::move(reason)));
  }

  io::SystemRng rng_;
  io::EventLoop loop_;
  io::UdpSocket socket_;
  OutputFile& file_;
  Carrier carrier_{rng_};
  bool begun_ = false;
  bool resuming_ = false;
  std::optional<Ending> ending_;
};

}  // namespace

Ending fetch_coap(const Uri& uri, OutputFile& file, Duration patience,
                  const std::optional<client::SecurityValues>& keys) {
  const bool secure = uri.scheme == "coaps";
  if (secure) {
    if (!keys) return Ending::final(FirmwareResult::InvalidUri, "no server account has keys for " + uri.host);
    SplitMix unused(0);
    security::dtls::DtlsProvider provider({}, unused);
    if (auto usable = client::Channels(&provider).check(uri.host, *keys); !usable) {
      return Ending::final(FirmwareResult::InvalidUri, usable.error().reason);
    }
  }
  const std::uint16_t port = uri.port.value_or(secure ? client::kCoapsPort : client::kCoapPort);
  const auto addresses = io::resolve(uri.host, port);
  if (!addresses) return Ending::lost(addresses.error().reason);
  const bool v6 = uri.host.find(':') != std::string::npos;
  const auto literal = transport::PeerAddress::parse(v6 ? "[" + uri.host + "]:1" : uri.host + ":1");
  coap::Request request{coap::code::kGet, {}, {}};
  if (!add_uri(uri, literal.has_value(), request.options)) {
    return Ending::final(FirmwareResult::InvalidUri, "a part of the URI is too long for CoAP");
  }
  Ending ending = Ending::lost("");
  for (const transport::PeerAddress& address : *addresses) {
    auto socket = io::UdpSocket::open({}, {.receive_buffer = kReceiveBuffer});
    if (!socket) return Ending::lost(socket.error().reason);
    const std::uint64_t before = file.offset();
    ending = Transfer(std::move(*socket), file, uri.host, secure ? keys : std::nullopt).run(address, request, patience);
    // Another address only where this one was silent.
    if (ending.kind != Ending::Kind::Lost || file.failure() || file.offset() != before) break;
  }
  return ending;
}

}  // namespace drover::fetch
