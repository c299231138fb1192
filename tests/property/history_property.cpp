// SPDX-License-Identifier: Apache-2.0
// Stored values against a flat list of all that came.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "history/test_feed.hpp"
#include "history/values.hpp"

namespace drover::history {
namespace {

constexpr UnixSeconds kNow = 1'700'000'000;

/// One value of one of a few series, as the model has it.
struct Point {
  std::string endpoint;
  int resource = 0;
  UnixMilliseconds at = 0;
  Scalar value;
};

std::string json_of(const Scalar& value) {
  if (std::holds_alternative<std::string>(value)) return "\"" + std::get<std::string>(value) + "\"";
  std::string text = to_text(value);
  if (std::holds_alternative<double>(value) && text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

rc::Gen<Scalar> scalars() {
  const auto whole = rc::gen::map(rc::gen::inRange(-50, 50), [](int n) { return Scalar(std::int64_t{n}); });
  const auto real = rc::gen::map(rc::gen::inRange(-400, 400), [](int n) { return Scalar(n / 8.0); });
  const auto truth = rc::gen::map(rc::gen::arbitrary<bool>(), [](bool b) { return Scalar(b); });
  const auto text = rc::gen::map(rc::gen::inRange(0, 3), [](int n) { return Scalar(std::string(1, static_cast<char>('a' + n))); });
  return rc::gen::weightedOneOf<Scalar>({{6, whole}, {6, real}, {1, truth}, {1, text}});
}

/// Pushes generated values into a feed and a model: some late, several of the same moment.
std::vector<Point> fill(testing::TestFeed& feed) {
  std::vector<Point> model;
  const auto count = *rc::gen::inRange(0, 80);
  for (int i = 0; i < count; ++i) {
    Point point;
    point.endpoint = *rc::gen::element<std::string>("a", "b");
    point.resource = *rc::gen::inRange(0, 2);
    // Eighths of a second, so that the number of seconds is exact.
    point.at = (kNow - *rc::gen::inRange(0, 60)) * kSecond + *rc::gen::inRange(0, 8) * 125;
    point.value = *scalars();
    const bool repeated = std::any_of(model.begin(), model.end(), [&](const Point& other) {
      return other.endpoint == point.endpoint && other.resource == point.resource && other.at == point.at &&
             other.value == point.value;
    });
    const std::string path = "/9/0/" + std::to_string(point.resource);
    feed.push(kNow + 1, "notification", point.endpoint,
              R"({"path":")" + path + R"(","times":[{"path":")" + path + R"(","value":)" + json_of(point.value) +
                  R"(,"time":)" + to_text(Scalar(static_cast<double>(point.at) / kSecond)) + "}]}");
    if (!repeated) model.push_back(std::move(point));
  }
  // In the order of the answers; what has the same moment stays as it came.
  std::stable_sort(model.begin(), model.end(), [](const Point& a, const Point& b) {
    return std::tuple(a.endpoint, a.resource, a.at) < std::tuple(b.endpoint, b.resource, b.at);
  });
  return model;
}

std::unique_ptr<Values> follow(testing::TestFeed& feed) {
  auto values = Values::open("", {.max_count = 1'000});
  RC_ASSERT(values.has_value());
  RC_ASSERT((*values)->project(feed.after(0, 10'000).value()).has_value());
  return std::move(*values);
}

HistoryQuery generated_query() {
  HistoryQuery query;
  if (*rc::gen::arbitrary<bool>()) query.endpoint = *rc::gen::element<std::string>("a", "b");
  if (*rc::gen::arbitrary<bool>()) query.path = lwm2m::Path(9, 0, 1);
  if (*rc::gen::arbitrary<bool>()) query.from = (kNow - *rc::gen::inRange(0, 60)) * kSecond + 125;
  if (*rc::gen::arbitrary<bool>()) query.to = (kNow - *rc::gen::inRange(0, 60)) * kSecond + 250;
  query.order = *rc::gen::element(Order::OldestFirst, Order::NewestFirst);
  query.limit = static_cast<std::size_t>(*rc::gen::inRange(1, 20));
  return query;
}

bool matches(const HistoryQuery& query, const Point& point) {
  return (query.endpoint.empty() || query.endpoint == point.endpoint) &&
         (query.path.is_root() || query.path.resource() == point.resource) && point.at >= query.from &&
         point.at < query.to;
}

/// All pages, with what tells their places written and read.
template <class Page, class Ask>
std::vector<Page> all_pages(HistoryQuery query, Ask ask) {
  std::vector<Page> pages;
  for (;;) {
    auto page = ask(query);
    RC_ASSERT(page.has_value());
    RC_ASSERT(page->rows.size() <= query.limit);
    pages.push_back(std::move(*page));
    if (!pages.back().next) return pages;
    query.after = Position::parse(pages.back().next->to_string());
    RC_ASSERT(query.after.has_value());
  }
}

RC_GTEST_PROP(StoredValues, HistoriesAreTheFlatListInOrder, ()) {
  testing::TestFeed feed;
  const auto model = fill(feed);
  const auto values = follow(feed);
  const HistoryQuery query = generated_query();
  using Row = std::tuple<std::string, int, UnixMilliseconds, Scalar>;
  std::map<std::pair<std::string, int>, std::vector<Row>> grouped;
  for (const Point& point : model) {
    if (matches(query, point)) {
      grouped[{point.endpoint, point.resource}].emplace_back(point.endpoint, point.resource, point.at, point.value);
    }
  }
  std::vector<Row> expected;
  for (auto& [series, rows] : grouped) {
    if (query.order == Order::NewestFirst) std::reverse(rows.begin(), rows.end());
    expected.insert(expected.end(), rows.begin(), rows.end());
  }
  std::vector<Row> got;
  for (const auto& page : all_pages<HistoryPage>(query, [&](const auto& q) { return values->history(q, kNow); })) {
    for (const HistoryRow& row : page.rows) {
      const Series& series = page.series.at(row.series);
      got.emplace_back(series.endpoint, series.path.resource(), row.sample.at, row.sample.value);
    }
  }
  RC_ASSERT(got == expected);
}

RC_GTEST_PROP(StoredValues, TheLastValueIsTheLatestOfTheFlatList, ()) {
  testing::TestFeed feed;
  const auto model = fill(feed);
  const auto values = follow(feed);
  std::map<std::pair<std::string, int>, Scalar> expected;
  for (const Point& point : model) expected[{point.endpoint, point.resource}] = point.value;
  std::map<std::pair<std::string, int>, Scalar> got;
  for (const char* endpoint : {"a", "b"}) {
    const auto page = values->last({endpoint, lwm2m::Path()});
    RC_ASSERT(page.has_value());
    for (const LastValue& one : page->values) got[{endpoint, one.series.path.resource()}] = one.sample.value;
  }
  RC_ASSERT(got == expected);
}

RC_GTEST_PROP(StoredValues, BucketsSayWhatTheFlatListDoes, ()) {
  testing::TestFeed feed;
  const auto model = fill(feed);
  const auto values = follow(feed);
  const HistoryQuery query = generated_query();
  const std::int64_t every = *rc::gen::element<std::int64_t>(1, 3, 10, 60, 86'400);
  std::map<std::tuple<std::string, int, UnixMilliseconds>, std::vector<Scalar>> expected;
  for (const Point& point : model) {
    if (!matches(query, point)) continue;
    const UnixMilliseconds start = point.at / (every * kSecond) * (every * kSecond);
    expected[{point.endpoint, point.resource, start}].push_back(point.value);
  }
  std::size_t count = 0;
  for (const auto& page :
       all_pages<BucketPage>(query, [&](const auto& q) { return values->buckets(q, every, kNow); })) {
    for (const BucketRow& row : page.rows) {
      const Series& series = page.series.at(row.series);
      const auto found = expected.find({series.endpoint, series.path.resource(), row.bucket.at});
      RC_ASSERT(found != expected.end());
      const auto& all = found->second;
      RC_ASSERT(row.bucket.count == all.size());
      RC_ASSERT(row.bucket.first == all.front());
      RC_ASSERT(row.bucket.last == all.back());
      std::vector<double> numbers;
      for (const Scalar& value : all) {
        if (const auto number = number_of(value)) numbers.push_back(*number);
      }
      RC_ASSERT(row.bucket.numbers.has_value() == (numbers.size() == all.size()));
      if (row.bucket.numbers) {
        double sum = 0;
        for (const double number : numbers) sum += number;
        RC_ASSERT(number_of(row.bucket.numbers->min) == *std::min_element(numbers.begin(), numbers.end()));
        RC_ASSERT(number_of(row.bucket.numbers->max) == *std::max_element(numbers.begin(), numbers.end()));
        RC_ASSERT(std::abs(row.bucket.numbers->avg - sum / static_cast<double>(all.size())) < 1e-9);
      }
      ++count;
    }
  }
  RC_ASSERT(count == expected.size());
}

}  // namespace
}  // namespace drover::history
