// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/sessions.hpp"

#include <mbedtls/gcm.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>

#include <array>

#include "base/reader.hpp"
#include "security/dtls/mbedtls.hpp"

namespace drover::security::dtls {

Secret<Bytes> ProvedSession::pack() const {
  const std::string identity = peer.pack();
  ByteWriter writer;
  writer.reserve(12 + identity.size() + session.reveal().size());
  writer.uint(credential.value, 8);
  writer.uint(identity.size(), 4);
  writer.bytes(as_bytes(identity));
  writer.bytes(session.reveal());
  return Secret<Bytes>(writer.take());
}

std::optional<ProvedSession> ProvedSession::unpack(ByteView packed) {
  ByteReader reader(packed);
  const auto credential = reader.uint(8);
  const auto size = reader.uint(4);
  const auto identity = size ? reader.bytes(*size) : std::nullopt;
  if (!identity) return std::nullopt;
  auto peer = Identity::unpack(as_text(*identity));
  if (!peer) return std::nullopt;
  return ProvedSession{std::move(*peer), CredentialId{*credential},
                       Secret<Bytes>(Bytes(reader.rest().begin(), reader.rest().end()))};
}

// ---- by id ----------------------------------------------------------------------------------------------------------

void Sessions::keep(Instant now, ByteView id, ProvedSession session) {
  if (max_ == 0 || id.empty()) return;
  drop(id);
  if (by_id_.size() >= max_) drop(as_bytes(by_age_.begin()->second));
  by_age_.emplace(next_order_, std::string(as_text(id)));
  by_id_.emplace(std::string(as_text(id)), Kept{std::move(session), now + lifetime_, next_order_});
  ++next_order_;
}

const ProvedSession* Sessions::find(Instant now, ByteView id) const {
  const auto found = by_id_.find(as_text(id));
  return found == by_id_.end() || found->second.until <= now ? nullptr : &found->second.session;
}

void Sessions::drop(ByteView id) {
  const auto found = by_id_.find(as_text(id));
  if (found == by_id_.end()) return;
  by_age_.erase(found->second.order);
  by_id_.erase(found);
}

// ---- tickets --------------------------------------------------------------------------------------------------------

namespace {

constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kTagSize = 16;

class Gcm {
 public:
  Gcm(const Secret<Bytes>& secret, std::uint32_t day) {
    mbedtls_gcm_init(&gcm_);
    ByteWriter label;
    label.bytes(as_bytes("drover ticket"));
    label.uint(day, 4);
    std::array<std::uint8_t, 32> key{};
    const Bytes& shared = secret.reveal();
    ready_ = mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), shared.data(), shared.size(),
                             label.view().data(), label.size(), key.data()) == 0 &&
             mbedtls_gcm_setkey(&gcm_, MBEDTLS_CIPHER_ID_AES, key.data(), 8 * key.size()) == 0;
    mbedtls_platform_zeroize(key.data(), key.size());
  }
  ~Gcm() { mbedtls_gcm_free(&gcm_); }
  Gcm(const Gcm&) = delete;
  Gcm& operator=(const Gcm&) = delete;
  [[nodiscard]] bool ready() const { return ready_; }
  mbedtls_gcm_context* get() { return &gcm_; }

 private:
  mbedtls_gcm_context gcm_;
  bool ready_ = false;
};

}  // namespace

std::optional<Bytes> Tickets::seal(std::uint32_t day, Rng& rng, ByteView plain) const {
  Gcm gcm(secret_, day);
  if (!enabled() || !gcm.ready()) return std::nullopt;
  ByteWriter writer;
  writer.uint(day, 4);
  std::array<std::uint8_t, kNonceSize> nonce{};
  random_bytes(&rng, nonce.data(), nonce.size());
  writer.bytes(nonce);
  Bytes ticket = writer.take();
  const std::size_t head = ticket.size();
  ticket.resize(head + plain.size() + kTagSize);
  if (mbedtls_gcm_crypt_and_tag(gcm.get(), MBEDTLS_GCM_ENCRYPT, plain.size(), nonce.data(), nonce.size(), ticket.data(),
                                4, plain.data(), ticket.data() + head, kTagSize,
                                ticket.data() + head + plain.size()) != 0) {
    return std::nullopt;
  }
  return ticket;
}

std::optional<Secret<Bytes>> Tickets::open(std::uint32_t day, ByteView ticket) const {
  ByteReader reader(ticket);
  const auto sealed_on = reader.uint(4);
  const auto nonce = reader.bytes(kNonceSize);
  if (!enabled() || !nonce || reader.remaining() < kTagSize) return std::nullopt;
  // As a difference, so that it doesn't matter where days are counted from.
  if (day - static_cast<std::uint32_t>(*sealed_on) > 1) return std::nullopt;
  const ByteView sealed = reader.rest().first(reader.remaining() - kTagSize);
  const ByteView tag = reader.rest().last(kTagSize);
  Gcm gcm(secret_, static_cast<std::uint32_t>(*sealed_on));
  Bytes plain(sealed.size());
  if (!gcm.ready() || mbedtls_gcm_auth_decrypt(gcm.get(), sealed.size(), nonce->data(), nonce->size(), ticket.data(), 4,
                                               tag.data(), kTagSize, sealed.data(), plain.data()) != 0) {
    return std::nullopt;
  }
  return Secret<Bytes>(std::move(plain));
}

}  // namespace drover::security::dtls
