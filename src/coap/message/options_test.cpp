// SPDX-License-Identifier: Apache-2.0
#include "coap/message/options.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace drover::coap {
namespace {

std::string listing(const Options& options) {
  std::string text;
  for (const Options::View option : options) {
    text += std::to_string(option.number) + '=' + to_hex(option.value) + ' ';
  }
  return text;
}

Bytes zeros(std::size_t size) {
  return Bytes(size, 0);
}
Bytes letters(std::size_t size) {
  return Bytes(size, 'a');
}

TEST(Options, StayInTheOrderOfTheirNumbersAndOfAddition) {
  Options options;
  options.add(OptionNumber::UriQuery, std::string_view("q"));
  options.add(OptionNumber::UriPath, std::string_view("a"));
  options.add(OptionNumber::Size1, std::string_view("s"));
  options.add(OptionNumber::UriPath, std::string_view("b"));
  options.add(OptionNumber::IfMatch, ByteView());
  EXPECT_EQ(listing(options), "1= 11=61 11=62 15=71 60=73 ");
}

TEST(Options, SetReplacesEveryOccurrence) {
  Options options;
  options.add_uri_path("/a/b");
  options.add_uint(OptionNumber::Accept, 40);
  options.set(OptionNumber::UriPath, as_bytes("c"));
  options.set_uint(OptionNumber::Accept, 11542);
  EXPECT_EQ(listing(options), "11=63 17=2d16 ");
  options.remove(OptionNumber::UriPath);
  options.remove(OptionNumber::UriPath);
  EXPECT_EQ(listing(options), "17=2d16 ");
  options.remove(OptionNumber::Accept);
  EXPECT_TRUE(options.empty());
}

TEST(Options, AValueOfItsOwnMayBeAddedAgain) {
  Options options;
  options.add(OptionNumber::UriQuery, std::string_view("same"));
  options.add(OptionNumber::UriPath, *options.first(OptionNumber::UriQuery));
  options.set(OptionNumber::UriQuery, *options.first(OptionNumber::UriPath));
  options.add(OptionNumber::UriQuery, *options.first(OptionNumber::UriPath));
  EXPECT_EQ(listing(options), "11=73616d65 15=73616d65 15=73616d65 ");
}

TEST(Rfc7252Section3_2, UintsAreWrittenShortestAndReadWithLeadingZeros) {
  Options options;
  options.add_uint(OptionNumber::Observe, 0);
  options.add_uint(OptionNumber::ContentFormat, 40);
  options.add_uint(OptionNumber::MaxAge, 256);
  options.add_uint(OptionNumber::Size1, 0xFFFFFFFF);
  EXPECT_EQ(listing(options), "6= 12=28 14=0100 60=ffffffff ");
  EXPECT_EQ(options.observe(), 0U);
  EXPECT_EQ(options.content_format(), kLinkFormat);
  EXPECT_EQ(options.uint(OptionNumber::MaxAge), 256U);
  EXPECT_EQ(options.uint(OptionNumber::Size1), 0xFFFFFFFFU);
  EXPECT_FALSE(options.accept());

  Options padded;
  padded.add(OptionNumber::Accept, Bytes{0x00, 0x28});
  EXPECT_EQ(padded.accept(), kLinkFormat);
}

TEST(Options, UintsThatDoNotFitGiveNothing) {
  Options options;
  options.add(OptionNumber::Accept, Bytes{1, 0, 0});
  options.add(OptionNumber::Observe, Bytes{1, 0, 0, 0});
  options.add(OptionNumber::Size1, zeros(9));
  EXPECT_FALSE(options.accept());
  EXPECT_FALSE(options.observe());
  EXPECT_FALSE(options.uint(OptionNumber::Size1));
}

TEST(Rfc7252Section6_4, PathsAreSplitAtSlashes) {
  const auto path_of = [](std::string_view path) {
    Options options;
    options.add_uri_path(path);
    const auto segments = options.texts(OptionNumber::UriPath);
    return std::vector<std::string>(segments.begin(), segments.end());
  };
  using Segments = std::vector<std::string>;
  EXPECT_EQ(path_of(""), Segments{});
  EXPECT_EQ(path_of("/"), Segments{});
  EXPECT_EQ(path_of("/rd"), Segments{"rd"});
  EXPECT_EQ(path_of("rd/5a3f"), (Segments{"rd", "5a3f"}));
  EXPECT_EQ(path_of("/a/"), (Segments{"a", ""}));
  EXPECT_EQ(path_of("//a"), (Segments{"", "a"}));
}

TEST(Options, PathsAreJoinedWithALeadingSlash) {
  Options options;
  EXPECT_EQ(options.uri_path(), "/");
  options.add_uri_path("3/0/9");
  options.add_location_path("/rd/1");
  EXPECT_EQ(options.uri_path(), "/3/0/9");
  EXPECT_EQ(options.location_path(), "/rd/1");
}

struct Row {
  OptionNumber number;
  bool repeatable;
  bool string;
  std::size_t min;
  std::size_t max;
};
// RFC 7252 §5.10 Table 4, RFC 7641 §2, RFC 7959 §2.1 and §4.
const Row kTable[] = {
    {OptionNumber::IfMatch, true, false, 0, 8},        {OptionNumber::UriHost, false, true, 1, 255},
    {OptionNumber::ETag, true, false, 1, 8},           {OptionNumber::IfNoneMatch, false, false, 0, 0},
    {OptionNumber::Observe, false, false, 0, 3},       {OptionNumber::UriPort, false, false, 0, 2},
    {OptionNumber::LocationPath, true, true, 0, 255},  {OptionNumber::UriPath, true, true, 0, 255},
    {OptionNumber::ContentFormat, false, false, 0, 2}, {OptionNumber::MaxAge, false, false, 0, 4},
    {OptionNumber::UriQuery, true, true, 0, 255},      {OptionNumber::Accept, false, false, 0, 2},
    {OptionNumber::LocationQuery, true, true, 0, 255}, {OptionNumber::Block2, false, false, 0, 3},
    {OptionNumber::Block1, false, false, 0, 3},        {OptionNumber::Size2, false, false, 0, 4},
    {OptionNumber::ProxyUri, false, true, 1, 1034},    {OptionNumber::ProxyScheme, false, true, 1, 255},
    {OptionNumber::Size1, false, false, 0, 4},
};

/// A critical option is reported, an elective one taken out; a good one stays.
void expect_good(const Options& options, OptionNumber number, bool good) {
  const auto raw = static_cast<std::uint16_t>(number);
  if (is_critical(raw)) {
    EXPECT_EQ(options.bad_critical(), good ? std::nullopt : std::optional(raw)) << raw;
    return;
  }
  EXPECT_FALSE(options.bad_critical()) << raw;
  Options kept = options;
  kept.drop_bad_elective();
  EXPECT_EQ(kept == options, good) << raw;
}

TEST(Rfc7252Section5_4_3, LengthsOutsideTheTableAreTreatedAsUnknown) {
  for (const Row& row : kTable) {
    const auto with = [&](std::size_t size) {
      Options options;
      options.add(row.number, letters(size));
      return options;
    };
    expect_good(with(row.min), row.number, true);
    expect_good(with(row.max), row.number, true);
    if (row.min > 0) expect_good(with(row.min - 1), row.number, false);
    if (row.max < Options::kOptionValueMax) expect_good(with(row.max + 1), row.number, false);
  }
}

TEST(Rfc7252Section5_4_5, RepetitionOfWhatIsNotRepeatableIsTreatedAsUnknown) {
  for (const Row& row : kTable) {
    Options options;
    options.add(row.number, letters(row.min));
    options.add(row.number, letters(row.min));
    expect_good(options, row.number, row.repeatable);
  }
}

TEST(Rfc7252Section3_2, StringsThatAreNotUtf8AreTreatedAsUnknown) {
  for (const Row& row : kTable) {
    Options options;
    options.add(row.number, Bytes(row.max == 0 ? 0 : 1, 0xC3));
    expect_good(options, row.number, !row.string);
    if (!row.string) continue;
    Options accented;
    accented.add(row.number, std::string_view("\xC3\xA9"));
    expect_good(accented, row.number, true);
  }
}

TEST(Rfc7252Section5_4_1, UnknownCriticalIsReportedUnknownElectiveDropped) {
  for (const std::uint16_t number : {std::uint16_t{9}, std::uint16_t{61}, std::uint16_t{65535}}) {
    Options options;
    options.add_uri_path("/a");
    options.add(number, ByteView());
    EXPECT_EQ(options.bad_critical(), number);
  }
  for (const std::uint16_t number : {std::uint16_t{0}, std::uint16_t{2}, std::uint16_t{258}, std::uint16_t{65534}}) {
    Options options;
    options.add_uri_path("/a");
    const Options before = options;
    options.add(number, as_bytes("x"));
    EXPECT_FALSE(options.bad_critical());
    options.drop_bad_elective();
    EXPECT_EQ(options, before);
  }
}

TEST(Rfc7252Section5_4_5, TheFirstOfARepeatedElectiveOptionStays) {
  Options options;
  options.add_uint(OptionNumber::ContentFormat, 40);
  options.add_uint(OptionNumber::ContentFormat, 0);
  options.add_uint(OptionNumber::Accept, 40);
  options.drop_bad_elective();
  EXPECT_EQ(listing(options), "12=28 17=28 ");
}

TEST(Options, AnIllFormedElectiveOptionDoesNotTakeItsGoodSuccessorAlong) {
  Options options;
  options.add(OptionNumber::ContentFormat, zeros(3));
  options.add_uint(OptionNumber::ContentFormat, 40);
  options.drop_bad_elective();
  EXPECT_EQ(listing(options), "12=28 ");
}

TEST(Options, AnyMixStaysSorted) {
  SplitMix rng(1);
  for (int round = 0; round < 200; ++round) {
    Options options;
    for (int i = 0; i < 20; ++i) {
      options.add(static_cast<std::uint16_t>(rng.below(70)), zeros(rng.below(20)));
      if (rng.below(4) == 0) options.remove(static_cast<OptionNumber>(rng.below(70)));
    }
    std::uint16_t previous = 0;
    for (const Options::View option : options) {
      ASSERT_GE(option.number, previous);
      previous = option.number;
    }
    options.drop_bad_elective();
    for (const Options::View option : options) ASSERT_LE(option.value.size(), 19U);
  }
}

TEST(Rfc7959Section2_2, BlockValuesOfOneTwoAndThreeBytes) {
  EXPECT_EQ(Block::decode({}), (Block{0, false, 0}));
  EXPECT_EQ(Block::decode(Bytes{0x0E}), (Block{0, true, 6}));
  EXPECT_EQ(Block::decode(Bytes{0x33}), (Block{3, false, 3}));
  EXPECT_EQ(Block::decode(Bytes{0x01, 0x06}), (Block{16, false, 6}));
  EXPECT_EQ(Block::decode(Bytes{0xFF, 0xFF, 0xFE}), (Block{Block::kNumMax, true, 6}));
  EXPECT_EQ((Block{Block::kNumMax, true, 6}).encode(), 0xFFFFFEU);
  EXPECT_EQ((Block{3, false, 3}).size(), 128U);
  EXPECT_EQ((Block{3, false, 3}).offset(), 384U);
  EXPECT_EQ((Block{Block::kNumMax, false, 6}).offset(), std::size_t{Block::kNumMax} * 1024);
}

TEST(Rfc7959Section2_2, ReservedSizeAndLongValuesGiveNothing) {
  EXPECT_FALSE(Block::decode(Bytes{0x07}));
  EXPECT_FALSE(Block::decode(Bytes{0xFF, 0xFF, 0xFF}));
  EXPECT_FALSE(Block::decode(Bytes{0, 0, 0, 0}));
  Options options;
  options.add(OptionNumber::Block1, Bytes{0x07});
  EXPECT_TRUE(options.has(OptionNumber::Block1));
  EXPECT_FALSE(options.block1());
  EXPECT_FALSE(options.bad_critical()) << "answered 4.00, not 4.02";
}

}  // namespace
}  // namespace drover::coap
