// SPDX-License-Identifier: Apache-2.0
#include "apps/swarm/statistics.hpp"

#include <gtest/gtest.h>

namespace drover::swarm {
namespace {

TEST(Latencies, QuantilesAreWithinASixteenthOfTheTruth) {
  Latencies latencies;
  for (int i = 1; i <= 100'000; ++i) latencies.add(Duration(i));
  for (const double of : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999}) {
    const double truth = of * 100'000;
    EXPECT_GE(static_cast<double>(latencies.quantile(of)), truth - 1) << of;
    EXPECT_LE(static_cast<double>(latencies.quantile(of)), truth * (1 + 1.0 / 16)) << of;
  }
  EXPECT_EQ(latencies.quantile(1), 100'000U);
  EXPECT_EQ(latencies.max(), 100'000U);
}

TEST(Latencies, NoSampleHasNoQuantile) {
  EXPECT_EQ(Latencies().quantile(0.5), 0U);
}

TEST(Latencies, SmallAndHugeSamplesAreCounted) {
  Latencies latencies;
  latencies.add(Duration(-5));
  latencies.add(Duration::max());
  EXPECT_EQ(latencies.count(), 2U);
  EXPECT_EQ(latencies.quantile(0.5), 0U);
  EXPECT_EQ(latencies.max(), static_cast<std::uint64_t>(Duration::max().count()));
}

TEST(Report, AsJsonItIsOneLineThatNamesEveryErrorKind) {
  PhaseReport report;
  report.name = "register";
  report.seconds = 2;
  report.done = 10;
  report.errors = {{"4.03", 2}, {"timeout", 1}};
  EXPECT_EQ(to_json(report),
            "{\"phase\":\"register\",\"done\":10,\"seconds\":2.000,\"per_second\":5.0,"
            "\"latency_us\":{\"p50\":0,\"p90\":0,\"p99\":0,\"max\":0},\"errors\":{\"4.03\":2,\"timeout\":1}}\n");
}

TEST(Report, AsJsonAKindIsAnyText) {
  PhaseReport report;
  report.errors = {{"a \"b\" \\ c", 1}};
  EXPECT_NE(to_json(report).find(R"("errors":{"a \"b\" \\ c":1})"), std::string::npos) << to_json(report);
}

TEST(Report, HandshakesAreOnlyToldWithDtls) {
  Activity activity;
  EXPECT_EQ(to_json(activity).find("handshakes"), std::string::npos);
  activity.associations = AssociationCounts{3, 1, 2, 4, 5, 6};
  EXPECT_TRUE(to_json(activity).ends_with(
      "\"handshakes\":3,\"resumptions\":1,\"handshakes_failed\":2,\"associations_lost\":4,\"alerts\":5,"
      "\"records_ignored\":6}\n"))
      << to_json(activity);
}

}  // namespace
}  // namespace drover::swarm
