// SPDX-License-Identifier: Apache-2.0
#include "coap/message/message.hpp"

#include <benchmark/benchmark.h>

#include "coap/message/link_format.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace {

using namespace drover;

constexpr const char* kLinks =
    "</>;rt=\"oma.lwm2m\",</1/0>,</3/0>,</3303/0>,</3303/1>,</3303/2>,</3303/3>,</3303/4>,</3303/5>,</3303/6>,</3303/"
    "7>";

coap::Message registration() {
  coap::Message message;
  message.code = coap::code::kPost;
  message.id = {0x1234};
  message.token = coap::Token::of(std::uint64_t{42});
  message.options.add_uri_path("/rd");
  message.options.set_content_format(coap::kLinkFormat);
  for (const char* query : {"ep=urn:dev:os:bench-1", "lt=86400", "lwm2m=1.0", "b=U"}) {
    message.options.add(coap::OptionNumber::UriQuery, std::string_view(query));
  }
  message.payload = to_bytes(kLinks);
  return message;
}

void encode_register(benchmark::State& state) {
  const coap::Message message = registration();
  for (auto _ : state) benchmark::DoNotOptimize(coap::encode(message));
}
BENCHMARK(encode_register);

void decode_register(benchmark::State& state) {
  const Bytes bytes = coap::encode(registration());
  for (auto _ : state) benchmark::DoNotOptimize(coap::decode(bytes));
}
BENCHMARK(decode_register);

void parse_links(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(coap::parse_link_format(kLinks));
}
BENCHMARK(parse_links);

void map_register(benchmark::State& state) {
  const coap::Message message = registration();
  const coap::Request request{message.code, message.options, message.payload};
  for (auto _ : state) benchmark::DoNotOptimize(lwm2m::mapping::to_uplink(request));
}
BENCHMARK(map_register);

}  // namespace
