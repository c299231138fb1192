// SPDX-License-Identifier: Apache-2.0
// The one place that knows that Register is POST /rd?ep= (Transport, Tables 2 to 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "coap/exchange/types.hpp"
#include "lwm2m/operation/operation.hpp"

namespace drover::lwm2m::mapping {

/// The longest text that one Uri-Path or Uri-Query option holds (RFC 7252 §5.10). An alternate path and every
/// "name=value" of an operation that becomes a request must fit; a peer's answer to a longer one is 4.02.
inline constexpr std::size_t kTextBytesMax = 255;

coap::Code to_code(Status status);
Status to_status(coap::Code code);

// Server: what arrives from a client, what goes to it.
/// 4.00 malformed, 4.04 outside /rd, 4.05 wrong method, 4.15 body that isn't link format.
Result<Uplink> to_uplink(const coap::Request& request);
/// `root` is the client's alternate path ("" or "/lwm2m").
coap::Request to_request(const Downlink& operation, std::string_view root);
Outcome to_outcome(const coap::Response& response);

// Client: what arrives from a server, what goes to it.
/// `root` is our alternate path. 4.04 for a path outside it or not of the form /o/i/r, 4.05 for a method that no
/// operation has, 4.00 for what contradicts itself. A Write of an object and a Delete of an object or a resource come
/// through, though the enabler has neither: what a server hears of them depends on what is there (Core §7.1.2).
Result<Downlink> to_downlink(const coap::Request& request, std::string_view root);
/// What a request is about, whatever it asks: a path of up to four levels below `root`, or nothing.
std::optional<Path> target_of(const coap::Request& request, std::string_view root);
coap::Request to_request(const Uplink& operation);
coap::Response to_response(const Outcome& outcome);
/// An error as response: its code, and its reason as diagnostic payload (RFC 7252 §5.5.2).
coap::Response to_response(const Error& error);

/// Whether a request may be performed by its If-Match and If-None-Match; else it is to be answered with 4.12 and
/// nothing else (RFC 7252 §5.10.8). `exists` tells of its target; nothing here has an entity tag, so no If-Match with
/// one holds.
bool precondition_holds(const coap::Options& options, bool exists);

/// The links of a Register's body and back. With `ct` values only where `announcement.formats` is not empty.
Result<Announcement> parse_announcement(std::string_view links);
std::string format_announcement(const Announcement& announcement);

}  // namespace drover::lwm2m::mapping
