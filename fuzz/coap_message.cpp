// SPDX-License-Identifier: Apache-2.0
// Any datagram: decoded or refused; what is decoded is encoded into something that decodes to the same.
#include <cstdlib>

#include "coap/message/message.hpp"

using namespace drover;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// Every accessor that the layers above call on peer input.
void touch(coap::Options options) {
  (void)options.content_format();
  (void)options.accept();
  (void)options.observe();
  (void)options.block1();
  (void)options.block2();
  (void)options.uint(coap::OptionNumber::Size1);
  (void)options.texts(coap::OptionNumber::UriQuery);
  (void)options.location_path();
  const auto bad = options.bad_critical();
  options.drop_bad_elective();
  require(options.bad_critical() == bad);
  coap::Options again = options;
  again.drop_bad_elective();
  require(again == options);
  options.set_uint(coap::OptionNumber::Observe, 5);
  require(options.observe() == 5U);
  options.remove(coap::OptionNumber::UriPath);
  require(!options.has(coap::OptionNumber::UriPath));
  std::uint16_t previous = 0;
  for (const coap::Options::View option : options) {
    require(option.number >= previous);
    previous = option.number;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = coap::decode({data, size});
  if (!message) {
    (void)coap::to_string(message.error().failure);
    return 0;
  }
  const Bytes encoded = coap::encode(*message);
  require(encoded.size() <= size);
  const auto again = coap::decode(encoded);
  require(again.has_value() && *again == *message);
  (void)coap::describe(*message);
  touch(message->options);
  return 0;
}
