// SPDX-License-Identifier: Apache-2.0
// What a DTLS port reads before there is an association: records and ClientHellos, and the answer to one. The first byte is the length of the Connection
// IDs, the rest the datagram.
#include <algorithm>
#include <cstdlib>

#include "base/random.hpp"
#include "security/client_hello.hpp"
#include "security/cookies.hpp"

namespace {

using namespace drover;
using namespace drover::security;

void check(bool holds) {
  if (!holds) std::abort();
}

bool is_within(ByteView part, ByteView whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView datagram(data + 1, size - 1);
  const auto record = parse_record(datagram, data[0] % 21);
  if (record) {
    check(record->size <= datagram.size());
    check(is_within(record->fragment, datagram) && is_within(record->connection_id, datagram));
    check(record->connection_id.empty() || record->type == ContentType::ConnectionId);
    check(record->sequence < std::uint64_t{1} << 48);
  }
  const auto hello = parse_client_hello(datagram);
  if (!hello) return 0;
  check(record.has_value() && hello->random.size() == 32 && hello->session_id.size() <= 32);
  for (const ByteView part : {hello->random, hello->session_id, hello->cookie, hello->body}) check(is_within(part, datagram));
  check(is_within(as_bytes(hello->server_name), datagram));
  check(hello->without_cookie().size() == hello->body.size() - 1 - hello->cookie.size());

  static SplitMix rng(1);
  static const Cookies cookies(rng);
  const Instant now{std::chrono::seconds(1000)};
  const auto peer = transport::PeerAddress::v4(0xC0000201, 5684);
  check(!cookies.is_good(now, peer, *hello));
  // The answer is a record, and no longer than what it answers (RFC 6347 §4.2.1).
  const auto cookie = cookies.make(now, peer, *hello);
  const Bytes answer = hello_verify_request(*hello, cookie);
  check(answer.size() <= datagram.size() + cookie.size());
  const auto answered = parse_record(answer, 0);
  check(answered && answered->size == answer.size() && answered->sequence == hello->record_sequence);
  return 0;
}
