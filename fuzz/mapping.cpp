// SPDX-License-Identifier: Apache-2.0
// Any message as request to a server and to a client, and as response: refused with a code, or mapped there and back.
#include "lwm2m/mapping/mapping.hpp"

#include <cstdlib>

#include "coap/message/message.hpp"

using namespace drover;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_uplink(const coap::Request& request) {
  const auto operation = lwm2m::mapping::to_uplink(request);
  if (!operation) {
    require(lwm2m::mapping::to_response(operation.error()).code.clazz() == 4);
    return;
  }
  const coap::Request again = lwm2m::mapping::to_request(*operation);
  const auto read = lwm2m::mapping::to_uplink(again);
  // A location is one segment when it is read, but its '/' parts it when it is written.
  if (read) require(read->index() == operation->index());
}

void check_downlink(const coap::Request& request, std::string_view root) {
  const auto operation = lwm2m::mapping::to_downlink(request, root);
  if (!operation) {
    require(lwm2m::mapping::to_response(operation.error()).code.clazz() == 4);
    return;
  }
  const auto again = lwm2m::mapping::to_downlink(lwm2m::mapping::to_request(*operation, root), root);
  require(again.has_value() && again->index() == operation->index());
  require(lwm2m::path_of(*again) == lwm2m::path_of(*operation));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = coap::decode({data, size});
  if (!message || message->options.bad_critical()) return 0;
  if (message->code.is_request()) {
    const coap::Request request{message->code, message->options, message->payload};
    check_uplink(request);
    check_downlink(request, "");
    check_downlink(request, "/lwm2m");
  } else if (message->code.is_response()) {
    const auto outcome = lwm2m::mapping::to_outcome({message->code, message->options, message->payload});
    (void)lwm2m::mapping::to_response(outcome);
  }
  return 0;
}
