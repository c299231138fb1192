// SPDX-License-Identifier: Apache-2.0
#include "smartcard/channel.hpp"

#include <gtest/gtest.h>

#include <string>

#include "smartcard/test_terminals.hpp"

namespace drover::smartcard {
namespace {

const Command kSelectOdf{
    .cla = 0x01, .ins = ins::kSelect, .p1 = 0x08, .p2 = 0x04, .data = {0x7F, 0xFF, 0x50, 0x31}, .expected = 256};

// ETSI TS 102 221 §7.3.1.1: how T=0 gives answers.
TEST(Exchange, FetchesWhatWaitsOnTheSameChannel) {
  Recording card(Exchanges{{"01a40804047fff503100", "6118"},
                  {"01c0000018", "621682024121830250318a01058b036f06028002002088009000"}});
  const auto answer = exchange(card, kSelectOdf);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->data.size(), 24u);
  EXPECT_EQ(answer->status, status::kDone);
  EXPECT_TRUE(card.is_at_end());
}

TEST(Exchange, PutsPiecesTogether) {
  Recording card(Exchanges{{"01a40804047fff503100", "aabb6102"}, {"01c0000002", "cc6101"}, {"01c0000001", "dd910c"}});
  const auto answer = exchange(card, kSelectOdf);
  ASSERT_TRUE(answer);
  EXPECT_EQ(to_hex(encode(*answer)), "aabbccdd910c");
}

TEST(Exchange, RepeatsWithTheLengthThatTheCardWants) {
  Recording card(Exchanges{{"01b0000000", "6c20"}, {"01b0000020", std::string(64, 'f') + "9000"}});
  EXPECT_EQ(exchange(card, {.cla = 1, .ins = ins::kReadBinary, .expected = 256})->data.size(), 32u);
  Recording get_response(
      Exchanges{{"01a40804047fff503100", "6100"}, {"01c0000000", "6c02"}, {"01c0000002", "aabb9000"}});
  EXPECT_EQ(to_hex(exchange(get_response, kSelectOdf)->data), "aabb");
  // A card that doesn't know what it wants is told so.
  Recording torn(Exchanges{{"01b0000000", "6c20"}, {"01b0000020", "6c00"}});
  EXPECT_EQ(exchange(torn, {.cla = 1, .ins = ins::kReadBinary, .expected = 256})->status, Status{0x6C00});
}

TEST(Exchange, TheClassOfGetResponseIsThatOfTheChannelAlone) {
  Recording card(Exchanges{{"8750300008000102030405060700", "611d"}, {"03c000001d", std::string(58, '0') + "9000"}});
  const Command update{
      .cla = 0x87, .ins = ins::kInitializeUpdate, .p1 = 0x30, .data = of_hex("0001020304050607"), .expected = 256};
  EXPECT_TRUE(exchange(card, update));
  EXPECT_TRUE(card.is_at_end());
}

TEST(Exchange, AnAnswerThatDoesNotEndIsAnError) {
  for (const char* piece : {"6110", "aa6110", "6c10"}) {
    Meddler card(nullptr);
    bool is_repeated = false;
    card.instead = [&](std::size_t, ByteView) -> std::optional<CardResult<Bytes>> {
      is_repeated = !is_repeated;
      return is_repeated && std::string(piece) == "6c10" ? of_hex(piece) : of_hex(piece[0] == '6' ? "6110" : piece);
    };
    const auto answer = exchange(card, kSelectOdf);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, CardError::Kind::Malformed);
    EXPECT_EQ(card.commands.size(), kTransmissionsMax);
  }
  Meddler large(nullptr);
  large.instead = [](std::size_t, ByteView) -> std::optional<CardResult<Bytes>> {
    Bytes answer(256, 1);
    answer.insert(answer.end(), {0x61, 0x00});
    return answer;
  };
  EXPECT_FALSE(exchange(large, kSelectOdf));
  EXPECT_EQ(large.commands.size(), kAnswerMax / 256 + 1);
}

TEST(Exchange, WhatIsNoAnswerIsAnError) {
  for (const char* digits : {"", "90"}) {
    Recording card(Exchanges{{"01a40804047fff503100", digits}});
    const auto answer = exchange(card, kSelectOdf);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, CardError::Kind::Malformed);
    EXPECT_EQ(answer.error().reason, "the card gave an answer without a status");
  }
}

TEST(Channel, IsOpenedUsedAndClosedFromTheBasicOne) {
  Recording card(Exchanges{{"0070000001", "029000"},
                  {"02a404040ca000000063504b43532d313500", "62009000"},
                  {"02b0000010", "6982"},
                  {"00708002", "9000"}});
  {
    Channel channel(card);
    ASSERT_TRUE(channel.open());
    EXPECT_EQ(channel.number(), 2);
    ASSERT_TRUE(channel.select_application(of_hex("a000000063504b43532d3135")));
    // Without a session 6982 is an answer like others.
    EXPECT_EQ(channel.transmit({.ins = ins::kReadBinary, .expected = 16})->status, status::kSecurityNotSatisfied);
    EXPECT_FALSE(channel.is_session_over());
  }
  EXPECT_TRUE(card.is_at_end());
}

TEST(Channel, TheBasicOneIsNeverClosed) {
  Recording card(Exchanges{{"00a40804022f0000", "6a82"}});
  {
    Channel channel(card);
    EXPECT_EQ(channel.select_file(of_hex("2f00"))->status, status::kFileNotFound);
  }
  EXPECT_TRUE(card.is_at_end());
}

TEST(Channel, WhatTheCardOpensHasToBeUsable) {
  Recording none(Exchanges{{"0070000001", "6a81"}});
  EXPECT_EQ(Channel(none).open().error().kind, CardError::Kind::Refused);
  Recording basic(Exchanges{{"0070000001", "009000"}});
  EXPECT_EQ(Channel(basic).open().error().kind, CardError::Kind::Malformed);
  Recording silent(Exchanges{{"0070000001", "9000"}});
  EXPECT_EQ(Channel(silent).open().error().kind, CardError::Kind::Malformed);
  Recording high(Exchanges{{"0070000001", "049000"}, {"00708004", "9000"}});
  EXPECT_EQ(Channel(high).open().error().reason, "the card opened logical channel 4, those to 3 can be used");
  EXPECT_TRUE(high.is_at_end());
}

TEST(Channel, NothingIsSaidToACardThatIsGone) {
  Meddler card(nullptr);
  card.instead = [](std::size_t number, ByteView) -> std::optional<CardResult<Bytes>> {
    if (number == 0) return of_hex("019000");
    return card_error(CardError::Kind::Removed, "gone");
  };
  {
    Channel channel(card);
    ASSERT_TRUE(channel.open());
    EXPECT_EQ(channel.select_file(of_hex("7fff5031")).error().kind, CardError::Kind::Removed);
    EXPECT_TRUE(channel.is_lost());
  }
  EXPECT_EQ(card.commands.size(), 2u);
}

}  // namespace
}  // namespace drover::smartcard
