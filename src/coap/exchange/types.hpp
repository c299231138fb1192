// SPDX-License-Identifier: Apache-2.0
// Requests, responses and what the exchange layer tells its user. Knows no CON or ACK, no security, no LwM2M.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "base/bytes.hpp"
#include "base/id.hpp"
#include "base/time.hpp"
#include "coap/message/message.hpp"
#include "transport/datagram.hpp"

namespace drover::coap {

/// A request as the layers above see it: block-wise, tokens and message ids are not their concern.
struct Request {
  Code method;
  Options options;
  Bytes payload;
};

struct Response {
  Code code;
  Options options;
  Bytes payload;
};

/// Names a request that we sent. Never reused within one Exchanges object.
using ExchangeId = Id<struct ExchangeTag, std::uint64_t>;
/// Names a request that a peer sent, and the observation it may have started. Never reused within one Exchanges object.
using ResponderId = Id<struct ResponderTag, std::uint64_t>;

/// Where an interrupted GET of a body in blocks goes on.
struct ResumePoint {
  /// A multiple of 1024, so that it begins a block of any size; below 1 GiB, which block numbers reach (RFC 7959 §2.2).
  std::size_t offset = 0;
  Bytes etag;  ///< of the representation that the first `offset` bytes belong to
};

struct RequestSettings {
  bool confirmable = true;
  /// Gives up after this long without a response; the default is MAX_TRANSMIT_WAIT of the parameters for a confirmable
  /// request that isn't acknowledged, and EXCHANGE_LIFETIME for a separate response after the acknowledgement. Over
  /// SMS: SmsParameters::response_wait and lifetime.
  std::optional<Duration> timeout;
  /// The response's body comes as ResponseBlockArrived events instead of being collected.
  bool stream_response = false;
  /// With `stream_response`, for a GET: only the rest of the body is asked for. Where the answer has another ETag or
  /// none, or begins at 0, the body comes whole, from offset 0.
  std::optional<ResumePoint> resume;
  /// The request's body is asked for by BodyWanted instead of being `payload`; the total goes out as Size1.
  std::optional<std::size_t> streamed_body_size;
};

enum class FailureCause : std::uint8_t {
  Timeout,    ///< no acknowledgement or no response in time
  Reset,      ///< the peer rejected the message
  Malformed,  ///< the response breaks RFC 7252 or 7959 (unknown critical option, block out of order, ETag changed
              ///< twice)
  TooLarge,   ///< the response's body is over Parameters::body_max, or our own request doesn't fit into blocks or into
              ///< what the peer's messages may be (Parameters::message_budget())
  Refused,    ///< a limit of ours (requests_max_per_peer) is reached; nothing was sent
};
const char* to_string(FailureCause cause);

// ---- what happened, to be polled -----------------------------------------------------------------------------------

/// The response to a request; the exchange is over unless `observing`.
struct ResponseArrived {
  ExchangeId exchange;
  transport::PeerAddress peer;
  Response response;
  bool observing = false;  ///< the peer accepted Observe; NotificationArrived events follow until forget()
};

/// A notification, fresh by the rule of RFC 7641 §3.4 (stale ones are counted and dropped). An error code or a response
/// without Observe ends the observation: `last`.
struct NotificationArrived {
  ExchangeId exchange;
  transport::PeerAddress peer;
  Response response;
  bool last = false;
};

/// One block of a streamed response, in order. `response.payload` is the block's bytes. Offset 0 again, or at first
/// where RequestSettings::resume asked for more: the representation changed and the body begins anew (once at most). A
/// response that isn't 2.xx comes as ResponseArrived.
struct ResponseBlockArrived {
  ExchangeId exchange;
  transport::PeerAddress peer;
  Response response;
  std::size_t offset = 0;
  bool last = false;
};

struct RequestFailed {
  ExchangeId exchange;
  transport::PeerAddress peer;
  FailureCause cause{};
};

/// A request to be answered with respond(). Exactly one respond() per ResponderId is expected; without one the peer
/// gets an empty acknowledgement and later nothing.
struct RequestArrived {
  ResponderId responder;
  transport::PeerAddress peer;
  Request request;
};

/// One block of a request body that isn't collected (Parameters::stream_requests), in order, starting with offset 0.
/// Answer with accept_block() while !last, and with respond() for an error or when last. `request.payload` is the
/// block. Offset 0 again under the same id: the peer began anew. Without a next block for Parameters::body_lifetime the
/// upload is forgotten silently.
struct RequestBlockArrived {
  ResponderId responder;
  transport::PeerAddress peer;
  Request request;
  std::size_t offset = 0;
  bool last = false;
};

/// The peer is ready for these bytes of a streamed body: answer with supply(). Either our request's or our response's.
struct BodyWanted {
  std::variant<ExchangeId, ResponderId> of;
  std::size_t offset = 0;
  std::size_t size = 0;  ///< at most; fewer only at the end of the body
};

enum class ObservationEndCause : std::uint8_t {
  Cancelled,  ///< GET with Observe=1 and the same token (RFC 7641 §3.6)
  Replaced,   ///< a new GET with Observe=0 and the same token: a RequestArrived follows with its own id
  Reset,      ///< a notification was answered with Reset, whether it was confirmable or not
  Timeout,    ///< a confirmable notification wasn't acknowledged (RFC 7641 §4.5); NotificationTimedOut otherwise
  TooLarge,   ///< a notification doesn't fit what the peer's messages may be: 5.00 went out instead
};

/// An observation that a peer had started with us is over.
struct ObservationEnded {
  ResponderId responder;
  transport::PeerAddress peer;
  ObservationEndCause cause{};
};

/// A confirmable notification was acknowledged.
struct NotificationAcknowledged {
  ResponderId responder;
};

/// A confirmable notification wasn't acknowledged, and the observation stays
/// (Parameters::observations_survive_timeout). What waited behind it is dropped: whoever notifies decides what is still
/// worth sending.
struct NotificationTimedOut {
  ResponderId responder;
  transport::PeerAddress peer;
};

/// An observation that a peer began with an earlier incarnation of this endpoint.
struct KeptObservation {
  transport::PeerAddress peer;
  Token token;
  Request request;           ///< as it was sent: the GET's options, without Block2 and Observe
  std::uint32_t number = 0;  ///< of the 24 bits of the Observe option: past every one that was sent
};

using Event =
    std::variant<ResponseArrived, NotificationArrived, ResponseBlockArrived, RequestFailed, RequestArrived,
                 RequestBlockArrived, BodyWanted, ObservationEnded, NotificationAcknowledged, NotificationTimedOut>;

}  // namespace drover::coap
