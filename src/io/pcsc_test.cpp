// SPDX-License-Identifier: Apache-2.0
// Terminal and watcher against a pcscd that does what the test says; tests/interop has the real one.
#include <gtest/gtest.h>

#include "io/pcsc_terminal.hpp"
#include "io/pcsc_watcher.hpp"
#include "io/test_line.hpp"
#include "io/test_pcscd.hpp"

namespace drover::io {
namespace {

#ifdef DROVER_HAS_PCSC

using smartcard::CardError;
using Kind = CardError::Kind;
using std::chrono::milliseconds;

const Bytes kSelect = *from_hex("00A40804022F0000");

struct Pcsc : testing::Test {
  TestPcscd& daemon = TestPcscd::instance();
  void SetUp() override { daemon.begin(); }
};
using PcscTerminalTest = Pcsc;
using PcscWatcherTest = Pcsc;

PcscSettings at_once(std::string reader = {}) {
  return {std::move(reader), Duration(0)};
}

TEST_F(PcscTerminalTest, TakesACardForItselfAndResetsItBehind) {
  PcscTerminal terminal(at_once());
  const auto atr = terminal.connect();
  ASSERT_TRUE(atr) << atr.error().reason;
  EXPECT_EQ(*atr, *from_hex("3B021450"));
  EXPECT_EQ(terminal.reader(), "Reader A 00");
  daemon.response = *from_hex("0102036982");
  EXPECT_EQ(*terminal.transmit(kSelect), *from_hex("0102036982")) << "as it came";
  EXPECT_EQ(daemon.sent, std::vector<Bytes>{kSelect});
  EXPECT_EQ(daemon.count("transmit T=1"), 1u);
  terminal.disconnect();
  terminal.disconnect();
  EXPECT_EQ(daemon.count("connect exclusive"), 1u);
  EXPECT_EQ(daemon.count("disconnect reset"), 1u) << "channels that were left open are missing to the next";
  EXPECT_EQ(terminal.transmit(kSelect).error().kind, Kind::Reset);
}

TEST_F(PcscTerminalTest, WithTZeroCommandsAreWhatReadersWant) {  // ISO/IEC 7816-3 §12.2
  daemon.protocol = SCARD_PROTOCOL_T0;
  PcscTerminal terminal(at_once());
  ASSERT_TRUE(terminal.connect());
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"00A4040C", "00A4040C00"},                  // neither data nor Le
      {"00B0000020", "00B0000020"},                // Le
      {"00A4000C022F00", "00A4000C022F00"},        // data
      {"00A40804022F0000", "00A40804022F00"},      // both
      {"00A40804032F0000", "00A40804032F0000"},    // data whose last octet is 00
  };
  for (const auto& [command, tpdu] : cases) {
    ASSERT_TRUE(terminal.transmit(*from_hex(command)));
    EXPECT_EQ(to_hex(daemon.sent.back()), to_hex(*from_hex(tpdu)));
  }
  EXPECT_EQ(daemon.count("transmit T=0"), cases.size());
}

TEST_F(PcscTerminalTest, TheLongestAnswerFits) {
  daemon.response = Bytes(258, 0x55);
  PcscTerminal terminal(at_once());
  ASSERT_TRUE(terminal.connect());
  EXPECT_EQ(terminal.transmit(kSelect)->size(), 258u);
}

TEST_F(PcscTerminalTest, ACardThatOthersUseIsSharedInATransactionAndLeft) {
  daemon.connect_results = {SCARD_E_SHARING_VIOLATION};
  PcscTerminal terminal(at_once());
  ASSERT_TRUE(terminal.connect());
  EXPECT_EQ(daemon.count("connect shared"), 1u);
  EXPECT_EQ(daemon.count("begin"), 1u);
  ASSERT_TRUE(terminal.transmit(kSelect));
  terminal.disconnect();
  EXPECT_EQ(daemon.count("end"), 1u);
  EXPECT_EQ(daemon.count("disconnect"), 1u);
  EXPECT_EQ(daemon.count("disconnect reset"), 0u);
}

TEST_F(PcscTerminalTest, RightsThatWereEarnedOnASharedCardAreNotLeftToOthers) {
  for (const std::string_view command : {"0020000108313233342A2A2A2A", "84823300104BF43D8EE05F3C3FCEF4A9E5D0E9A0C7"}) {
    daemon.begin();
    daemon.connect_results = {SCARD_E_SHARING_VIOLATION};
    PcscTerminal terminal(at_once());
    ASSERT_TRUE(terminal.connect());
    ASSERT_TRUE(terminal.transmit(*from_hex(command)));
    terminal.disconnect();
    EXPECT_EQ(daemon.count("end reset"), 1u) << command;
  }
}

TEST_F(PcscTerminalTest, AnotherProgramsCardIsTriedAFewTimes) {
  PcscTerminal terminal(at_once());
  daemon.connect_results.assign(4, SCARD_E_SHARING_VIOLATION);
  ASSERT_TRUE(terminal.connect());
  terminal.disconnect();
  daemon.connect_results.assign(1000, SCARD_E_SHARING_VIOLATION);
  const auto error = terminal.connect().error();
  EXPECT_EQ(error.kind, Kind::Terminal);
  EXPECT_EQ(error.reason, "Reader A 00: another program uses the card (SCARD_E_SHARING_VIOLATION)");
  EXPECT_EQ(daemon.connect_results.size(), 1000 - 2 * PcscTerminal::kSharingTries);
}

TEST_F(PcscTerminalTest, AnothersTransactionIsNotWaitedForWithoutEnd) {
  for (unsigned i = 0; i < PcscTerminal::kSharingTries; ++i) {
    daemon.connect_results.insert(daemon.connect_results.end(), {SCARD_E_SHARING_VIOLATION, SCARD_S_SUCCESS});
    daemon.getattrib_results.push_back(SCARD_E_SHARING_VIOLATION);
  }
  PcscTerminal terminal(at_once());
  EXPECT_EQ(terminal.connect().error().kind, Kind::Terminal);
  EXPECT_EQ(daemon.count("begin"), 0u);
  EXPECT_EQ(daemon.count("disconnect"), PcscTerminal::kSharingTries) << "no handle is left";
}

TEST_F(PcscTerminalTest, FindsTheReader) {
  daemon.plug("Reader B 00", true);
  daemon.plug("Reader B 01", true);
  daemon.insert("Reader B 01", true);
  const auto reader_for = [](const std::string& wanted) {
    PcscTerminal terminal(at_once(wanted));
    const auto atr = terminal.connect();
    return atr ? terminal.reader() : std::string(smartcard::to_string(atr.error().kind)) + ": " + atr.error().reason;
  };
  EXPECT_EQ(reader_for(""), "Reader A 00");
  EXPECT_EQ(reader_for("Reader B"), "Reader B 01") << "the one that has a card";
  EXPECT_EQ(reader_for("Reader B 00"),
            "no card: Reader B 00: no card is in the reader (SCARD_E_NO_SMARTCARD)");
  EXPECT_EQ(reader_for("Reader C"), "reader failed: no card reader is called 'Reader C'");
  daemon.insert("Reader A 00", false);
  EXPECT_EQ(reader_for(""), "Reader B 01");
  daemon.insert("Reader B 01", false);
  EXPECT_EQ(reader_for(""), "no card: no card is in the reader (SCARD_E_NO_SMARTCARD)");
  for (const char* name : {"Reader A 00", "Reader B 00", "Reader B 01"}) daemon.plug(name, false);
  EXPECT_EQ(reader_for(""), "reader failed: there is no card reader (SCARD_E_NO_READERS_AVAILABLE)");
}

TEST_F(PcscTerminalTest, WhatHappensToACardInUseIsToldApart) {
  struct Case {
    LONG code;
    bool removed;
    Kind kind;
  };
  for (const auto& [code, removed, kind] : {
           Case{SCARD_W_REMOVED_CARD, false, Kind::Removed},
           Case{SCARD_E_NO_SMARTCARD, false, Kind::Removed},
           Case{SCARD_E_READER_UNAVAILABLE, false, Kind::Removed},
           Case{SCARD_W_RESET_CARD, false, Kind::Reset},
           Case{SCARD_W_UNPOWERED_CARD, false, Kind::Reset},
           Case{SCARD_E_NOT_TRANSACTED, true, Kind::Removed},
           Case{SCARD_F_COMM_ERROR, true, Kind::Removed},
           Case{SCARD_E_NOT_TRANSACTED, false, Kind::Terminal},
           Case{SCARD_E_NO_SERVICE, false, Kind::Terminal},
       }) {
    daemon.begin();
    PcscTerminal terminal(at_once());
    ASSERT_TRUE(terminal.connect());
    daemon.transmit_results = {code};
    daemon.removed_by_transmit = removed;
    const auto answer = terminal.transmit(kSelect);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, kind) << answer.error().reason;
    EXPECT_EQ(answer.error().reason.find("2f00"), std::string::npos);
    EXPECT_EQ(terminal.transmit(kSelect).error().kind, Kind::Reset) << "it isn't connected any more";
    EXPECT_EQ(daemon.count("disconnect reset"), 1u);
  }
}

TEST_F(PcscTerminalTest, APcscdThatWasRestartedIsFoundAgain) {
  PcscTerminal terminal(at_once());
  ASSERT_TRUE(terminal.connect());
  daemon.stop();
  EXPECT_EQ(terminal.transmit(kSelect).error().kind, Kind::Terminal);
  const auto stopped = terminal.connect();
  EXPECT_EQ(stopped.error().kind, Kind::Terminal);
  EXPECT_EQ(stopped.error().reason, "pcscd isn't running (SCARD_E_NO_SERVICE)");
  daemon.start();
  ASSERT_TRUE(terminal.connect());
  terminal.disconnect();
  // Restarted while nothing was connected: the context is of the old one.
  daemon.stop();
  daemon.start();
  EXPECT_TRUE(terminal.connect());
}

// ---- the watcher

struct Watch {
  EventLoop loop;
  std::vector<std::string> told;
  std::unique_ptr<PcscWatcher> watcher;

  explicit Watch(std::string reader = {})
      : watcher(std::make_unique<PcscWatcher>(loop, WatcherSettings{std::move(reader), milliseconds(2), milliseconds(8)},
                                              [this](const ReaderEvent& event) {
                                                std::string line = to_string(event.what);
                                                if (!event.reader.empty()) line += " " + event.reader;
                                                if (!event.atr.empty()) line += " " + to_hex(event.atr);
                                                told.push_back(std::move(line));
                                              })) {}
  /// Exactly these, in this order; forgets them.
  void expect(const std::vector<std::string>& wanted) {
    await(loop, [&] { return told.size() >= wanted.size(); });
    EXPECT_EQ(told, wanted);
    told.clear();
  }
};
using Lines = std::vector<std::string>;

TEST_F(PcscWatcherTest, TellsWhatIsThereAndWhatChanges) {
  Watch watch;
  watch.expect({"reader came Reader A 00", "card came Reader A 00 3b021450"});
  daemon.insert("Reader A 00", false);
  watch.expect({"card went Reader A 00"});
  daemon.insert("Reader A 00", true);
  watch.expect({"card came Reader A 00 3b021450"});
  daemon.swap("Reader A 00");
  watch.expect({"card swapped Reader A 00 3b021450"});
  daemon.plug("Reader B 00", true);
  watch.expect({"reader came Reader B 00"});
  daemon.insert("Reader B 00", true);
  watch.expect({"card came Reader B 00 3b021450"});
  daemon.plug("Reader B 00", false);
  watch.expect({"card went Reader B 00", "reader went Reader B 00"});
}

TEST_F(PcscWatcherTest, WatchesTheReadersThatMatter) {
  Watch watch("Reader B");
  daemon.plug("Reader B 00", true);
  watch.expect({"reader came Reader B 00"});
  daemon.insert("Reader A 00", false);
  daemon.insert("Reader B 00", true);
  watch.expect({"card came Reader B 00 3b021450"});
}

TEST_F(PcscWatcherTest, OutlivesPcscdAndSaysOnceThatItIsGone) {
  daemon.stop();
  Watch watch;
  watch.expect({"no service"});
  ASSERT_TRUE(await(watch.loop, [&] { return daemon.count("establish") >= 5; }));
  daemon.start();
  watch.expect({"reader came Reader A 00", "card came Reader A 00 3b021450"});
  daemon.stop();
  watch.expect({"card went Reader A 00", "reader went Reader A 00", "no service"});
  daemon.start();
  watch.expect({"reader came Reader A 00", "card came Reader A 00 3b021450"});
}

TEST_F(PcscWatcherTest, ALoopThatIsBusyLosesNothingThatMatters) {
  Watch watch;
  watch.expect({"reader came Reader A 00", "card came Reader A 00 3b021450"});
  // Nobody takes events now; the watcher may see some of these, or none.
  for (int i = 0; i < 500; ++i) daemon.insert("Reader A 00", i % 2 != 0);
  ASSERT_TRUE(await(watch.loop, [&] { return !watch.told.empty(); }));
  daemon.insert("Reader A 00", false);
  ASSERT_TRUE(await(watch.loop, [&] { return watch.told.back() == "card went Reader A 00"; }));
  // Came and went take turns, whatever was skipped.
  bool present = true;
  for (const std::string& line : watch.told) {
    const bool swapped = line.starts_with("card swapped"), came = line.starts_with("card came");
    EXPECT_TRUE(swapped ? present : came != present) << line;
    present = swapped || came;
  }
}

TEST_F(PcscWatcherTest, DoesNotSpinAndEndsAtOnce) {
  Watch watch;
  watch.expect({"reader came Reader A 00", "card came Reader A 00 3b021450"});
  {
    const std::lock_guard lock(daemon.mutex);
    daemon.restless = true;
    daemon.changed.notify_all();
  }
  const Instant until = now() + 3 * PcscWatcher::kBreath;
  await(watch.loop, [&] { return now() >= until; });
  {
    const std::lock_guard lock(daemon.mutex);
    EXPECT_LE(daemon.looks, 8u);
    EXPECT_GE(daemon.looks, 3u);
  }
  const Instant before = now();
  watch.watcher.reset();
  EXPECT_LT(now() - before, PcscWatcher::kLookAgain / 2);
  daemon.insert("Reader A 00", false);
  watch.loop.post([&] { watch.loop.stop(); });
  watch.loop.run();
  EXPECT_EQ(watch.told, Lines{});
}

TEST_F(PcscWatcherTest, MayBeDestroyedByWhatItTells) {
  EventLoop loop;
  std::unique_ptr<PcscWatcher> watcher;
  unsigned told = 0;
  watcher = std::make_unique<PcscWatcher>(loop, WatcherSettings{}, [&](const ReaderEvent&) {
    ++told;
    watcher.reset();
  });
  ASSERT_TRUE(await(loop, [&] { return told > 0; }));
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(told, 1u);
}

#else

TEST(PcscAbsent, SaysSo) {
  EXPECT_FALSE(has_pcsc());
  PcscTerminal terminal({});
  EXPECT_EQ(terminal.connect().error().reason, "this program was built without PC/SC (libpcsclite)");
  EventLoop loop;
  std::vector<std::string> told;
  PcscWatcher watcher(loop, {}, [&](const ReaderEvent& event) { told.push_back(event.reason); });
  await(loop, [&] { return !told.empty(); });
  EXPECT_EQ(told, std::vector<std::string>{"this program was built without PC/SC (libpcsclite)"});
}

#endif

}  // namespace
}  // namespace drover::io
