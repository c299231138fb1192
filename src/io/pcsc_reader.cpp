// SPDX-License-Identifier: Apache-2.0
#ifdef DROVER_HAS_PCSC

#include "io/pcsc_reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace drover::io::pcsc {

namespace {

struct Name {
  LONG code;
  const char* text;
};

// pcsc_stringify_error() isn't thread-safe in each version.
constexpr std::array kNames{
    Name{SCARD_E_NO_SERVICE, "pcscd isn't running (SCARD_E_NO_SERVICE)"},
    Name{SCARD_E_SERVICE_STOPPED, "pcscd was stopped (SCARD_E_SERVICE_STOPPED)"},
    Name{SCARD_E_INVALID_HANDLE, "pcscd doesn't know the connection any more (SCARD_E_INVALID_HANDLE)"},
    Name{SCARD_F_COMM_ERROR, "an error of the communication (SCARD_F_COMM_ERROR)"},
    Name{SCARD_F_INTERNAL_ERROR, "an error inside pcscd (SCARD_F_INTERNAL_ERROR)"},
    Name{SCARD_E_NO_READERS_AVAILABLE, "there is no card reader (SCARD_E_NO_READERS_AVAILABLE)"},
    Name{SCARD_E_UNKNOWN_READER, "there is no such reader any more (SCARD_E_UNKNOWN_READER)"},
    Name{SCARD_E_READER_UNAVAILABLE, "the reader was unplugged (SCARD_E_READER_UNAVAILABLE)"},
    Name{SCARD_E_NO_SMARTCARD, "no card is in the reader (SCARD_E_NO_SMARTCARD)"},
    Name{SCARD_W_REMOVED_CARD, "the card was taken out (SCARD_W_REMOVED_CARD)"},
    Name{SCARD_W_RESET_CARD, "somebody reset the card (SCARD_W_RESET_CARD)"},
    Name{SCARD_W_UNPOWERED_CARD, "the card has no power (SCARD_W_UNPOWERED_CARD)"},
    Name{SCARD_W_UNRESPONSIVE_CARD, "the card doesn't answer its reset (SCARD_W_UNRESPONSIVE_CARD)"},
    Name{SCARD_W_UNSUPPORTED_CARD, "the reader can't read the card (SCARD_W_UNSUPPORTED_CARD)"},
    Name{SCARD_E_PROTO_MISMATCH, "the card speaks neither T=0 nor T=1 (SCARD_E_PROTO_MISMATCH)"},
    Name{SCARD_E_SHARING_VIOLATION, "another program uses the card (SCARD_E_SHARING_VIOLATION)"},
    Name{SCARD_E_NOT_TRANSACTED, "the reader couldn't exchange it (SCARD_E_NOT_TRANSACTED)"},
    Name{SCARD_E_TIMEOUT, "it took too long (SCARD_E_TIMEOUT)"},
    Name{SCARD_W_SECURITY_VIOLATION, "this user may not use the card (SCARD_W_SECURITY_VIOLATION)"},
    Name{SCARD_E_NO_MEMORY, "no memory (SCARD_E_NO_MEMORY)"},
};

}  // namespace

std::string describe(LONG code) {
  const auto found = std::find_if(kNames.begin(), kNames.end(), [code](const Name& name) { return name.code == code; });
  if (found != kNames.end()) return found->text;
  constexpr std::array kDigits{'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'};
  std::string digits;
  for (int shift = 28; shift >= 0; shift -= 4) digits.push_back(kDigits[static_cast<unsigned long>(code) >> shift & 0xF]);
  return "the error 0x" + digits + " of PC/SC";
}

bool is_service_error(LONG code) {
  return code == SCARD_E_NO_SERVICE || code == SCARD_E_SERVICE_STOPPED || code == SCARD_E_INVALID_HANDLE ||
         code == SCARD_F_COMM_ERROR || code == SCARD_F_INTERNAL_ERROR;
}

LONG Context::establish() {
  if (established_) return SCARD_S_SUCCESS;
  const LONG code = SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &handle_);
  established_ = code == SCARD_S_SUCCESS;
  return code;
}

void Context::release() {
  if (established_) SCardReleaseContext(handle_);
  established_ = false;
}

LONG Context::list(std::vector<std::string>& readers) const {
  readers.clear();
  // pcscd has room for sixteen readers with names of up to 128 octets.
  std::array<char, 16 * MAX_READERNAME + 1> names{};
  DWORD size = names.size();
  const LONG code = SCardListReaders(handle_, nullptr, names.data(), &size);
  if (code == SCARD_E_NO_READERS_AVAILABLE) return SCARD_S_SUCCESS;
  if (code != SCARD_S_SUCCESS) return code;
  names.back() = '\0';
  for (const char* name = names.data(); *name != '\0'; name += std::strlen(name) + 1) readers.emplace_back(name);
  return SCARD_S_SUCCESS;
}

std::vector<std::string> matching(const std::vector<std::string>& readers, const std::string& wanted) {
  if (std::find(readers.begin(), readers.end(), wanted) != readers.end()) return {wanted};
  std::vector<std::string> found;
  for (const std::string& reader : readers) {
    if (reader.starts_with(wanted)) found.push_back(reader);
  }
  return found;
}

}  // namespace drover::io::pcsc

#endif
