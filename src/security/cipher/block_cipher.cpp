// SPDX-License-Identifier: Apache-2.0
#include "security/cipher/block_cipher.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

namespace drover::security::cipher {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Cipher = std::unique_ptr<EVP_CIPHER, Deleter<EVP_CIPHER_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Deleter<EVP_CIPHER_CTX_free>>;
using MacAlgorithm = std::unique_ptr<EVP_MAC, Deleter<EVP_MAC_free>>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, Deleter<EVP_MAC_CTX_free>>;

constexpr std::size_t kTripleDesKey = 24;
constexpr std::array<std::uint8_t, kBlockMax> kZeros{};

/// libcrypto's name; nothing when there is no such key.
const char* name_of(Algorithm algorithm, Mode mode, std::size_t key_size) {
  const bool cbc = mode == Mode::Cbc;
  if (algorithm == Algorithm::TripleDes) {
    if (key_size != kTripleDesKey) return nullptr;
    return cbc ? "DES-EDE3-CBC" : "DES-EDE3-ECB";
  }
  switch (key_size) {
    case 16: return cbc ? "AES-128-CBC" : "AES-128-ECB";
    case 24: return cbc ? "AES-192-CBC" : "AES-192-ECB";
    case 32: return cbc ? "AES-256-CBC" : "AES-256-ECB";
    default: return nullptr;
  }
}

tl::unexpected<Error> wrong_key(Algorithm algorithm, std::size_t size) {
  const char* wanted =
      algorithm == Algorithm::Aes ? "AES takes keys of 16, 24 or 32 octets" : "triple DES takes a key of 24 octets";
  return tl::unexpected(Error{Fault::Us, 0, std::string(wanted) + ", not of " + std::to_string(size)});
}

tl::unexpected<Error> unavailable(const char* name) {
  return tl::unexpected(Error{Fault::Environment, 0, std::string("libcrypto has no ") + name});
}

CipherContext keyed(const EVP_CIPHER* cipher, const Secret<Bytes>& key, bool encrypts) {
  CipherContext context(EVP_CIPHER_CTX_new());
  if (context == nullptr ||
      EVP_CipherInit_ex2(context.get(), cipher, key.reveal().data(), nullptr, encrypts ? 1 : 0, nullptr) != 1 ||
      EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1) {
    return nullptr;
  }
  return context;
}

/// Begins a message with the context's key.
void restart(EVP_CIPHER_CTX& context, const std::uint8_t* iv) {
  [[maybe_unused]] const int fine = EVP_CipherInit_ex2(&context, nullptr, nullptr, iv, -1, nullptr);
  assert(fine == 1);
}

void transform(EVP_CIPHER_CTX& context, std::size_t block, bool takes_iv, std::span<std::uint8_t> text, ByteView iv) {
  assert(text.size() % block == 0);
  assert(iv.empty() || (takes_iv && iv.size() == block));
  if (text.empty()) return;
  restart(context, takes_iv ? (iv.empty() ? kZeros.data() : iv.data()) : nullptr);
  int written = 0;
  [[maybe_unused]] const int fine =
      EVP_CipherUpdate(&context, text.data(), &written, text.data(), static_cast<int>(text.size()));
  assert(fine == 1 && static_cast<std::size_t>(written) == text.size());
}

}  // namespace

std::size_t block_size(Algorithm algorithm) {
  return algorithm == Algorithm::Aes ? kAesBlock : kTripleDesBlock;
}

bool equal(ByteView left, ByteView right) {
  return left.size() == right.size() && (left.empty() || CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0);
}

// ---- BlockCipher

struct BlockCipher::State {
  std::size_t block;
  bool takes_iv;
  CipherContext encrypting, decrypting;  ///< each keeps its own key schedule
};

Result<BlockCipher> BlockCipher::make(Algorithm algorithm, Mode mode, const Secret<Bytes>& key) {
  const char* name = name_of(algorithm, mode, key.reveal().size());
  if (name == nullptr) return wrong_key(algorithm, key.reveal().size());
  const Cipher cipher(EVP_CIPHER_fetch(nullptr, name, nullptr));
  if (cipher == nullptr) return unavailable(name);
  auto state = std::make_unique<State>(State{cipher::block_size(algorithm), mode == Mode::Cbc,
                                             keyed(cipher.get(), key, true), keyed(cipher.get(), key, false)});
  if (state->encrypting == nullptr || state->decrypting == nullptr) return unavailable(name);
  return BlockCipher(std::move(state));
}

BlockCipher::BlockCipher(std::unique_ptr<State> state) : state_(std::move(state)) {}
BlockCipher::BlockCipher(BlockCipher&&) noexcept = default;
BlockCipher& BlockCipher::operator=(BlockCipher&&) noexcept = default;
BlockCipher::~BlockCipher() = default;

void BlockCipher::encrypt(std::span<std::uint8_t> text, ByteView iv) {
  transform(*state_->encrypting, state_->block, state_->takes_iv, text, iv);
}

void BlockCipher::decrypt(std::span<std::uint8_t> text, ByteView iv) {
  transform(*state_->decrypting, state_->block, state_->takes_iv, text, iv);
}

std::size_t BlockCipher::block_size() const {
  return state_->block;
}

// ---- Mac

struct Mac::State {
  std::size_t block;
  MacContext cmac;    ///< AES
  CipherContext cbc;  ///< triple DES
  Block last_block{};

  void chain(ByteView part) {
    // Whole blocks come out; what is left over stays in the context until more comes.
    std::array<std::uint8_t, 256> out;
    constexpr std::size_t kPiece = out.size() - kBlockMax;
    while (!part.empty()) {
      const ByteView piece = part.first(std::min(part.size(), kPiece));
      part = part.subspan(piece.size());
      int written = 0;
      [[maybe_unused]] const int fine =
          EVP_CipherUpdate(cbc.get(), out.data(), &written, piece.data(), static_cast<int>(piece.size()));
      assert(fine == 1);
      if (written > 0) std::copy_n(out.data() + static_cast<std::size_t>(written) - block, block, last_block.begin());
    }
  }

  Block cbc_mac(std::initializer_list<ByteView> parts) {
    restart(*cbc, kZeros.data());
    last_block = {};
    std::size_t size = 0;
    for (const ByteView part : parts) {
      chain(part);
      size += part.size();
    }
    if (const std::size_t over = size % block; over != 0 || size == 0) chain(ByteView(kZeros).first(block - over));
    return std::exchange(last_block, Block{});
  }

  Block aes_cmac(std::initializer_list<ByteView> parts) {
    Block code{};
    std::size_t size = 0;
    [[maybe_unused]] bool fine = EVP_MAC_init(cmac.get(), nullptr, 0, nullptr) == 1;
    for (const ByteView part : parts) {
      fine = fine && (part.empty() || EVP_MAC_update(cmac.get(), part.data(), part.size()) == 1);
    }
    fine = fine && EVP_MAC_final(cmac.get(), code.data(), &size, code.size()) == 1;
    assert(fine && size == block);
    return code;
  }
};

Result<Mac> Mac::make(Algorithm algorithm, const Secret<Bytes>& key) {
  const Bytes& octets = key.reveal();
  const char* name = name_of(algorithm, Mode::Cbc, octets.size());
  if (name == nullptr) return wrong_key(algorithm, octets.size());
  auto state = std::make_unique<State>(State{cipher::block_size(algorithm), nullptr, nullptr});
  if (algorithm == Algorithm::TripleDes) {
    const Cipher cipher(EVP_CIPHER_fetch(nullptr, name, nullptr));
    if (cipher != nullptr) state->cbc = keyed(cipher.get(), key, true);
    if (state->cbc == nullptr) return unavailable(name);
    return Mac(std::move(state));
  }
  const MacAlgorithm cmac(EVP_MAC_fetch(nullptr, "CMAC", nullptr));
  if (cmac != nullptr) state->cmac.reset(EVP_MAC_CTX_new(cmac.get()));
  std::string cipher_name = name;
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher_name.data(), 0),
                                   OSSL_PARAM_construct_end()};
  if (state->cmac == nullptr || EVP_MAC_init(state->cmac.get(), octets.data(), octets.size(), parameters) != 1) {
    return unavailable("CMAC");
  }
  return Mac(std::move(state));
}

Mac::Mac(std::unique_ptr<State> state) : state_(std::move(state)) {}
Mac::Mac(Mac&&) noexcept = default;
Mac& Mac::operator=(Mac&&) noexcept = default;
Mac::~Mac() = default;

Mac::Block Mac::over(std::initializer_list<ByteView> parts) {
  return state_->cmac != nullptr ? state_->aes_cmac(parts) : state_->cbc_mac(parts);
}

std::size_t Mac::block_size() const {
  return state_->block;
}

}  // namespace drover::security::cipher
