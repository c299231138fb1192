// SPDX-License-Identifier: Apache-2.0
#include "tests/property/tapes.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <iostream>
#include <iterator>

namespace drover::property {

bool check_tapes(const std::string& name, const Property& property) {
  constexpr std::size_t kSetupLength = 400;  // a scenario reads some 300 numbers
  constexpr std::size_t kStepLength = 60;    // a Create of two instances reads most of them
  constexpr int kTimes = 10;                 // RapidCheck's usual hundred cases take a fraction of a second
  // At RapidCheck's nominal size numbers have all their bits. They don't shrink: leaving out steps is what makes a
  // failure readable, and it takes a second where a thousand numbers take a minute.
  const auto number = rc::gen::noShrink(rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint32_t>()));
  rc::detail::TestMetadata metadata;
  metadata.id = name;
  metadata.description = name;
  auto parameters = rc::detail::configuration().testParams;
  parameters.maxSuccess *= kTimes;
  const auto result = rc::detail::checkTestable(
      [&] {
        const auto setup = *rc::gen::container<Tape>(kSetupLength, number);
        const auto steps = *rc::gen::container<std::vector<Tape>>(rc::gen::container<Tape>(kStepLength, number));
        property(setup, steps);
      },
      metadata, parameters);
  rc::detail::printResultMessage(result, std::cerr);
  std::cerr << '\n';
  return result.is<rc::detail::SuccessResult>();
}

std::optional<std::string> difference(const Expected& expected, const lwm2m::Outcome& outcome) {
  if (!expected.statuses.contains(outcome.status)) {
    std::string text = "answered " + std::string(to_string(outcome.status)) + ", expected";
    for (const Status status : expected.statuses) text += " " + std::string(to_string(status));
    return text + " (" + std::string(as_text(outcome.payload)) + ")";
  }
  if (!expected.success()) return std::nullopt;
  if (outcome.payload != expected.body) {
    return "answered the body " + to_hex(outcome.payload) + ", expected " + to_hex(expected.body);
  }
  const std::string location = outcome.location.starts_with('/') ? outcome.location : "/" + outcome.location;
  if (location != (expected.location.empty() ? "/" : expected.location)) {
    return "answered the location " + location + ", expected " + expected.location;
  }
  return std::nullopt;
}

std::optional<std::string> difference(const std::set<std::string>& expected, const std::set<std::string>& actual) {
  if (expected == actual) return std::nullopt;
  std::vector<std::string> missing;
  std::vector<std::string> surplus;
  std::set_difference(expected.begin(), expected.end(), actual.begin(), actual.end(), std::back_inserter(missing));
  std::set_difference(actual.begin(), actual.end(), expected.begin(), expected.end(), std::back_inserter(surplus));
  std::string text = "the trees differ.";
  for (const std::string& line : missing) text += " Missing: " + line + ".";
  for (const std::string& line : surplus) text += " Too much: " + line + ".";
  return text;
}

}  // namespace drover::property
