// SPDX-License-Identifier: Apache-2.0
// What a shard says about its state, so that whoever writes it down can give it back to a later process: values under
// keys, the newest of a key counts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "coap/message/message.hpp"
#include "lwm2m/operation/operation.hpp"
#include "security/listener.hpp"
#include "server/downlinks.hpp"
#include "transport/datagram.hpp"

namespace drover::server {

/// Microseconds since 1970 (UTC): instants don't outlive their process.
using UnixMicroseconds = std::int64_t;

/// The numbers are stored.
enum class RecordKind : std::uint8_t {
  Registration = 1,  ///< by shard and slot
  Update = 2,        ///< the same: when its last Update came
  Association = 3,   ///< by shard and place; its value is secret
  Counters = 4,      ///< the same: of its records, and its address
  Wish = 5,          ///< by shard and number: what is observed of a device that is away
  Operation = 6,     ///< by operation id: one that isn't over
  Finished = 7,      ///< by operation id
};

struct RecordKey {
  std::uint64_t packed = 0;  ///< below 2^63

  static constexpr RecordKey of_place(RecordKind kind, std::size_t shard, std::uint64_t place) {
    return {std::uint64_t{static_cast<std::uint8_t>(kind)} << 56 | std::uint64_t{shard} << 48 | place};
  }
  static constexpr RecordKey of_operation(RecordKind kind, OperationId id) {
    return {std::uint64_t{static_cast<std::uint8_t>(kind)} << 56 | (id.value & ((std::uint64_t{1} << 56) - 1))};
  }
  [[nodiscard]] constexpr RecordKind kind() const { return static_cast<RecordKind>(packed >> 56); }
  [[nodiscard]] constexpr std::size_t shard() const { return (packed >> 48) & 0xFF; }
  [[nodiscard]] constexpr std::uint64_t place() const { return packed & ((std::uint64_t{1} << 48) - 1); }
  [[nodiscard]] constexpr OperationId operation() const { return {packed & ((std::uint64_t{1} << 56) - 1)}; }
  friend auto operator<=>(const RecordKey&, const RecordKey&) = default;
};

/// Keys of associations: seal their values.
constexpr bool is_secret(RecordKind kind) {
  return kind == RecordKind::Association;
}

struct Record {
  RecordKey key;
  Secret<Bytes> value;  ///< empty: nothing is kept under the key any more
};

// ---- the values -----------------------------------------------------------------------------------------------------

struct KeptObservation {
  ObservedPath what;
  coap::Token token;  ///< notifications with it go on
  UnixMicroseconds since = 0;
};

struct KeptRegistration {
  std::uint32_t slot = 0;  ///< with the nonce it makes the location that the device knows
  std::uint32_t nonce = 0;
  std::string endpoint, version, binding, sms;
  std::uint32_t lifetime = 0;
  bool queue = false;
  transport::PeerAddress address;
  UnixMicroseconds registered_at = 0, updated_at = 0;
  lwm2m::Announcement announcement;
  std::vector<KeptObservation> observations;
  std::vector<ObservedPath> restored;  ///< was being asked for again
};

struct KeptWish {
  std::uint64_t number = 0;  ///< of the shard
  std::string endpoint;
  UnixMicroseconds until = 0;
  std::vector<ObservedPath> paths;
};

/// An operation that wasn't over.
struct KeptOperation {
  std::string endpoint;
  bool sent = false;  ///< it may have been carried out
  UnixMicroseconds created = 0, expires = 0, last_sent = 0;
  QueuedOperation operation;  ///< without its instants
};

Bytes pack(const KeptRegistration& registration);
Bytes pack(const KeptWish& wish);
Bytes pack_update(std::uint32_t nonce, UnixMicroseconds at);
Secret<Bytes> pack(const security::AssociationKept& association);
Bytes pack(const security::AssociationCounted& counted);
Bytes pack_operation(std::string_view endpoint, const QueuedOperation& operation, bool sent, UnixMicroseconds created,
                     UnixMicroseconds expires, UnixMicroseconds last_sent);
/// With its result.
Bytes pack_finished(const OperationStatus& status);

/// Nothing for what the twin above doesn't give.
std::optional<KeptRegistration> unpack_registration(ByteView packed);
std::optional<KeptWish> unpack_wish(ByteView packed);
std::optional<std::pair<std::uint32_t, UnixMicroseconds>> unpack_update(ByteView packed);
std::optional<security::AssociationKept> unpack_association(ByteView packed);
std::optional<security::AssociationCounted> unpack_counted(ByteView packed);
std::optional<KeptOperation> unpack_operation(ByteView packed);
std::optional<OperationStatus> unpack_finished(ByteView packed);

// ---- of a whole server ----------------------------------------------------------------------------------------------

struct KeptShard {
  std::vector<KeptRegistration> registrations;  ///< ascending by slot
  std::vector<security::AssociationKept> associations;  ///< ascending by handle
  std::vector<KeptWish> wishes;
  std::vector<KeptOperation> operations;  ///< in the order of asking
  UnixMicroseconds newest = 0;  ///< the latest instant in any record of the server: no clock was ahead of it
};

/// Reads the records of a process that ended, however it did, in any order, and sorts them for shards that begin.
class Recovery {
 public:
  /// False when the value isn't one of this version.
  bool take(RecordKey key, ByteView value);
  /// `shards` may be another number than before: registrations of shards that there aren't any more are over, since
  /// their locations name those; what was observed and what waits stays.
  std::vector<KeptShard> finish(std::size_t shards);
  /// After finish(): the operations that were over, oldest first.
  std::vector<OperationStatus>& finished() { return finished_; }
  /// After finish(): keys under which nothing is needed any more.
  [[nodiscard]] const std::vector<RecordKey>& obsolete() const { return obsolete_; }
  [[nodiscard]] std::size_t registrations() const { return registrations_count_; }
  /// Of all operations in the records; 0 without any.
  [[nodiscard]] OperationId largest_operation() const { return largest_operation_; }

 private:
  template <class T>
  struct Placed {
    std::size_t shard = 0;
    T value;
  };
  void sort_associations(std::vector<KeptShard>& all);
  void give_up(const Placed<KeptRegistration>& one, std::vector<KeptShard>& shards);

  std::vector<Placed<KeptRegistration>> registrations_;
  std::vector<Placed<security::AssociationKept>> associations_;
  std::vector<Placed<KeptWish>> wishes_;
  std::vector<KeptOperation> operations_;
  std::vector<OperationStatus> finished_;
  std::unordered_map<std::uint64_t, std::pair<std::uint32_t, UnixMicroseconds>> updates_;  ///< by shard and slot
  std::unordered_map<std::uint64_t, security::AssociationCounted> counted_;                ///< by handle
  std::vector<RecordKey> obsolete_;
  UnixMicroseconds newest_ = 0;
  OperationId largest_operation_;
  std::size_t registrations_count_ = 0;
};

}  // namespace drover::server
