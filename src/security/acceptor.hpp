// SPDX-License-Identifier: Apache-2.0
// Makers of associations, one for each role.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "security/association.hpp"
#include "security/client_hello.hpp"
#include "security/credentials.hpp"

namespace drover::security {

/// Who is behind the bytes of Association::release().
struct ReleasedPeer {
  Identity identity;
  CredentialId credential;
};

/// The DTLS server role. It outlives its associations. One thread at a time.
class Acceptor {
 public:
  virtual ~Acceptor() = default;
  /// An association that waits for `hello`, which proved its address by a cookie. Peers that support Connection IDs
  /// put `connection_id` into their records; empty, or over SMS: none is asked for.
  virtual std::unique_ptr<Association> accept(Instant now, const ClientHello& hello, ByteView connection_id,
                                              Path path) = 0;
  std::unique_ptr<Association> accept(Instant now, const ClientHello& hello, ByteView connection_id) {
    return accept(now, hello, connection_id, Path::Network);
  }
  /// Goes on with what Association::release() gave. An error when it was made by another version or configuration.
  virtual Result<std::unique_ptr<Association>> restore(Instant now, ByteView released, Path path) = 0;
  Result<std::unique_ptr<Association>> restore(Instant now, ByteView released) {
    return restore(now, released, Path::Network);
  }
  /// Nothing when restore() would refuse its frame.
  [[nodiscard]] virtual std::optional<ReleasedPeer> inspect(ByteView released) const = 0;
  /// Moves what release() gave forward: the next record has number `sent`, and what was received up to `received` isn't
  /// accepted again. Counters that are ahead of that stay. False when restore() would refuse its frame.
  virtual bool advance(Bytes& released, const RecordCounters& past) const = 0;
  /// Handshakes from now on prove us by `own`, and take the certificates that its trust anchors sign. Associations that
  /// stand go on. Other trust anchors end the tickets of before; a change ends what is remembered by session id. An
  /// error, and nothing changes, for what Provider::acceptor() would refuse.
  virtual Result<void> renew(const ServerCredentials& own) = 0;
};

/// The DTLS client role towards one server. It outlives its associations. One thread at a time.
class Connector {
 public:
  virtual ~Connector() = default;
  /// Begins a handshake: the first flight waits in poll_datagram(). With a `session` of an earlier association it is
  /// an abbreviated one if the server agrees; empty for a full one.
  virtual std::unique_ptr<Association> connect(Instant now, const Secret<Bytes>& session) = 0;
  /// As Acceptor::restore().
  virtual Result<std::unique_ptr<Association>> restore(Instant now, const Secret<Bytes>& released) = 0;
};

/// Where a client gets its connectors and acceptors from. A build without DTLS has none, and then only NoSec works.
class Provider {
 public:
  virtual ~Provider() = default;
  /// `host` is the host of the server's URI: what its certificate must name, and the SNI when it is no IP address.
  /// Errors: a key that can't be parsed or doesn't belong to its certificate, a pre-shared key or identity that is too
  /// long; the reason says which.
  virtual Result<std::unique_ptr<Connector>> connector(const ClientCredential& credential, const std::string& host,
                                                       Path path) = 0;
  Result<std::unique_ptr<Connector>> connector(const ClientCredential& credential, const std::string& host) {
    return connector(credential, host, Path::Network);
  }
  /// As a DTLS server (server-initiated bootstrap, Transport "LwM2M and DTLS Roles"), on both paths. `source` outlives
  /// it.
  virtual Result<std::unique_ptr<Acceptor>> acceptor(const ServerCredentials& own, const CredentialSource& source) = 0;
};

}  // namespace drover::security
