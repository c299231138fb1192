// SPDX-License-Identifier: Apache-2.0
// What libpcsclite offers, in place of it: a pcscd that does what a test says. Include it in one file of a program; the
// linker takes these functions before the library's.
#pragma once

#ifdef DROVER_HAS_PCSC

#include <winscard.h>
// Attributes; it needs the other.
#include <reader.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"

namespace drover::io {

/// One of them in a program, since the functions have no other way to it; thread-safe.
class TestPcscd {
 public:
  struct Reader {
    bool present = false;
    DWORD counter = 0;  ///< of insertions and removals
    Bytes atr = {0x3B, 0x02, 0x14, 0x50};
  };

  static TestPcscd& instance() {
    static TestPcscd one;
    return one;
  }
  /// A new one: running, with one reader and a card in it.
  void begin() {
    const std::lock_guard lock(mutex);
    runs = true;
    ++generation;
    readers = {{"Reader A 00", {true, 1}}};
    calls.clear();
    sent.clear();
    connect_results.clear();
    transmit_results.clear();
    getattrib_results.clear();
    response = {0x90, 0x00};
    protocol = SCARD_PROTOCOL_T1;
    removed_by_transmit = false;
    looks = 0;
    restless = false;
    changed.notify_all();
  }
  /// Everything that has a connection loses it.
  void stop() {
    const std::lock_guard lock(mutex);
    runs = false;
    ++generation;
    changed.notify_all();
  }
  void start() {
    const std::lock_guard lock(mutex);
    runs = true;
    for (auto& [name, reader] : readers) reader.counter = 0;
  }
  void insert(const std::string& name, bool present) {
    const std::lock_guard lock(mutex);
    Reader& reader = readers[name];
    if (reader.present != present) ++reader.counter;
    reader.present = present;
    changed.notify_all();
  }
  /// Faster than anybody looks.
  void swap(const std::string& name) {
    const std::lock_guard lock(mutex);
    readers[name].counter += 2;
    changed.notify_all();
  }
  void plug(const std::string& name, bool plugged) {
    const std::lock_guard lock(mutex);
    if (plugged) {
      readers[name];
    } else {
      readers.erase(name);
    }
    changed.notify_all();
  }
  [[nodiscard]] unsigned count(const std::string& call) {
    const std::lock_guard lock(mutex);
    return static_cast<unsigned>(std::count(calls.begin(), calls.end(), call));
  }
  static LONG next(std::deque<LONG>& results) {
    if (results.empty()) return SCARD_S_SUCCESS;
    const LONG result = results.front();
    results.pop_front();
    return result;
  }

  std::mutex mutex;
  std::condition_variable changed;
  bool runs = true;
  SCARDCONTEXT generation = 1;  ///< contexts are called after it: those of another one are of no use
  bool cancelled = false;
  unsigned looks = 0;  ///< SCardGetStatusChange
  bool restless = false;  ///< it says that there is news, and there is none
  std::map<std::string, Reader> readers;
  std::vector<std::string> calls;
  std::vector<Bytes> sent;
  std::deque<LONG> connect_results, transmit_results, getattrib_results;  ///< one after the other; then success
  Bytes response;
  DWORD protocol = SCARD_PROTOCOL_T1;
  bool removed_by_transmit = false;

  LONG usable(SCARDCONTEXT context) const {
    if (!runs) return SCARD_E_NO_SERVICE;
    return context == generation ? SCARD_S_SUCCESS : SCARD_E_INVALID_HANDLE;
  }
  /// True when a reader isn't as the caller knows it.
  bool look(SCARD_READERSTATE* states, DWORD count, std::size_t readers_before) {
    ++looks;
    bool news = false;
    for (DWORD i = 0; i < count; ++i) {
      SCARD_READERSTATE& state = states[i];
      if (std::strncmp(state.szReader, "\\\\?PnP?", 7) == 0) {
        state.dwEventState = readers.size() == readers_before ? 0 : SCARD_STATE_CHANGED;
        news = news || state.dwEventState != 0;
        continue;
      }
      const auto found = readers.find(state.szReader);
      const bool there = found != readers.end();
      DWORD now = SCARD_STATE_UNKNOWN | SCARD_STATE_UNAVAILABLE;
      if (there) now = found->second.counter << 16 | (found->second.present ? SCARD_STATE_PRESENT : SCARD_STATE_EMPTY);
      const bool same_card = ((now ^ state.dwCurrentState) & (SCARD_STATE_PRESENT | SCARD_STATE_EMPTY)) == 0;
      const bool same_count = state.dwCurrentState >> 16 == 0 || state.dwCurrentState >> 16 == now >> 16;
      const bool same = there && state.dwCurrentState != SCARD_STATE_UNAWARE && same_card && same_count;
      state.dwEventState = now | (same ? 0U : DWORD{SCARD_STATE_CHANGED});
      state.cbAtr = 0;
      if (there && found->second.present) {
        state.cbAtr = found->second.atr.size();
        std::copy(found->second.atr.begin(), found->second.atr.end(), state.rgbAtr);
      }
      news = news || !same;
    }
    return news;
  }
};

}  // namespace drover::io

// NOLINTBEGIN: names and types are the library's.
extern "C" {

using drover::io::TestPcscd;

LONG SCardEstablishContext(DWORD, LPCVOID, LPCVOID, LPSCARDCONTEXT context) {
  auto& daemon = TestPcscd::instance();
  const std::lock_guard lock(daemon.mutex);
  daemon.calls.emplace_back("establish");
  *context = daemon.generation;
  return daemon.runs ? SCARD_S_SUCCESS : SCARD_E_NO_SERVICE;
}

LONG SCardReleaseContext(SCARDCONTEXT) {
  auto& daemon = TestPcscd::instance();
  const std::lock_guard lock(daemon.mutex);
  daemon.calls.emplace_back("release");
  return SCARD_S_SUCCESS;
}

LONG SCardListReaders(SCARDCONTEXT context, LPCSTR, LPSTR names, LPDWORD size) {
  auto& daemon = TestPcscd::instance();
  const std::lock_guard lock(daemon.mutex);
  if (const LONG code = daemon.usable(context); code != SCARD_S_SUCCESS) return code;
  if (daemon.readers.empty()) return SCARD_E_NO_READERS_AVAILABLE;
  std::string all;
  for (const auto& [name, reader] : daemon.readers) all += name + '\0';
  all += '\0';
  if (all.size() > *size) return SCARD_E_INSUFFICIENT_BUFFER;
  std::copy(all.begin(), all.end(), names);
  *size = all.size();
  return SCARD_S_SUCCESS;
}

LONG SCardGetStatusChange(SCARDCONTEXT context, DWORD timeout, SCARD_READERSTATE* states, DWORD count) {
  auto& daemon = TestPcscd::instance();
  std::unique_lock lock(daemon.mutex);
  const std::size_t before = daemon.readers.size();
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout);
  for (;;) {
    if (std::exchange(daemon.cancelled, false)) return SCARD_E_CANCELLED;
    if (const LONG code = daemon.usable(context); code != SCARD_S_SUCCESS) return code;
    if (daemon.look(states, count, before) || daemon.restless) return SCARD_S_SUCCESS;
    if (daemon.changed.wait_until(lock, give_up) == std::cv_status::timeout) return SCARD_E_TIMEOUT;
  }
}

LONG SCardCancel(SCARDCONTEXT) {
  auto& daemon = TestPcscd::instance();
  const std::lock_guard lock(daemon.mutex);
  daemon.cancelled = true;
  daemon.changed.notify_all();
  return SCARD_S_SUCCESS;
}

LONG SCardConnect(SCARDCONTEXT context, LPCSTR name, DWORD share, DWORD, LPSCARDHANDLE card, LPDWORD protocol) {
  auto& daemon = TestPcscd::instance();
  const std::lock_guard lock(daemon.mutex);
  daemon.calls.emplace_back(share == SCARD_SHARE_EXCLUSIVE ? "connect exclusive" : "connect shared");
  if (const LONG code = daemon.usable(context); code != SCARD_S_SUCCESS) return code;
  if (const LONG code = TestPcscd::next(daemon.connect_results); code != SCARD_S_SUCCESS) return code;
  if (!daemon.readers[name].present) return SCARD_E_NO_SMARTCARD;
  *card = 7;
  *protocol = daemon.protocol;
  return SCARD_S_SUCCESS;
}

LONG SCardGetAttrib(SCARDHANDLE, DWORD, LPBYTE, LPDWORD) {
  auto& daemon = TestPcscd::instance();
  const std::lock_guard lock(daemon.mutex);
  return TestPcscd::next(daemon.getattrib_results);
}

LONG SCardBeginTransaction(SCARDHANDLE) {
  auto& daemon = TestPcscd::instance();
  const std::lock_guard lock(daemon.mutex);
  daemon.calls.emplace_back("begin");
  return SCARD_S_SUCCESS;
}

LONG SCardEndTransaction(SCARDHANDLE, DWORD how) {
  auto& daemon = TestPcscd::instance();
  const std::lock_guard lock(daemon.mutex);
  daemon.calls.emplace_back(how == SCARD_RESET_CARD ? "end reset" : "end");
  return SCARD_S_SUCCESS;
}

LONG SCardDisconnect(SCARDHANDLE, DWORD how) {
  auto& daemon = TestPcscd::instance();
  const std::lock_guard lock(daemon.mutex);
  daemon.calls.emplace_back(how == SCARD_RESET_CARD ? "disconnect reset" : "disconnect");
  return SCARD_S_SUCCESS;
}

LONG SCardStatus(SCARDHANDLE, LPSTR, LPDWORD, LPDWORD, LPDWORD, LPBYTE atr, LPDWORD size) {
  auto& daemon = TestPcscd::instance();
  const std::lock_guard lock(daemon.mutex);
  const drover::Bytes own = TestPcscd::Reader{}.atr;
  std::copy(own.begin(), own.end(), atr);
  *size = own.size();
  return SCARD_S_SUCCESS;
}

LONG SCardTransmit(SCARDHANDLE, const SCARD_IO_REQUEST* protocol, LPCBYTE command, DWORD size, SCARD_IO_REQUEST*,
                   LPBYTE response, LPDWORD response_size) {
  auto& daemon = TestPcscd::instance();
  const std::lock_guard lock(daemon.mutex);
  daemon.calls.emplace_back(protocol->dwProtocol == SCARD_PROTOCOL_T0 ? "transmit T=0" : "transmit T=1");
  daemon.sent.emplace_back(command, command + size);
  if (daemon.removed_by_transmit) {
    for (auto& [name, reader] : daemon.readers) reader.present = false;
  }
  if (!daemon.runs) return SCARD_E_NO_SERVICE;
  if (const LONG code = TestPcscd::next(daemon.transmit_results); code != SCARD_S_SUCCESS) return code;
  if (daemon.response.size() > *response_size) return SCARD_E_INSUFFICIENT_BUFFER;
  std::copy(daemon.response.begin(), daemon.response.end(), response);
  *response_size = daemon.response.size();
  return SCARD_S_SUCCESS;
}
}
// NOLINTEND

#endif
